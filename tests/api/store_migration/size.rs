//! The memory of exports of a PostgreSQL database.

use std::fs;

use tempfile::TempDir;

use super::empty_database;
use crate::export::{peak_memory, start};
use crate::helpers::run_successfully;

/// The most memory that a command may use, in MB. The rows have five times as much.
const MAX_MEMORY: u64 = 60;

#[test]
fn memory_of_an_export_does_not_grow_with_the_database() {
    let Some(database) = empty_database() else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let store = ["--store", database.url()];
    let create = ["demo", "--no-serve", "--conversations", "1"];
    run_successfully(at, &[&create[..], &store].concat());
    database.connect().run(
        "SET session_replication_role = replica; \
         INSERT INTO visitor (seq, id, project_seq, sa_vid, created_at) \
         SELECT 1000 + n, uuid_send(gen_random_uuid()), 1, repeat('v', 200) || n, n \
           FROM generate_series(1, 200000) AS n; \
         INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
         SELECT uuid_send(gen_random_uuid()), 1, n, 'user', 'complete', repeat('text ', 200) \
           FROM generate_series(1, 200000) AS n; \
         UPDATE conversation SET last_message_seq = (SELECT max(seq) FROM message)",
    );
    let exported = peak_memory(&mut start(
        at,
        &[&["export", "all.ndjson"], &store[..]].concat(),
    ));
    let size = fs::metadata(at.join("all.ndjson")).expect("a file").len();
    assert!(size > 5 * MAX_MEMORY * 1_000_000, "{size}");
    assert!(exported > 0 && exported < MAX_MEMORY, "{exported} MB");
}
