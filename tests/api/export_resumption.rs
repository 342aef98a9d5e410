//! An interrupted `parlor export FILE` continues if the database is unchanged.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Child, Command};

use tempfile::TempDir;

use crate::backup::{generated_file, names};
use crate::export::{add_large_conversations, records, start};
use crate::helpers::{
    open_connection, parlor_command, run_successfully, run_with_error, wait_until,
};
use crate::sqlite_only;

const PART: &str = "all.ndjson.part";

/// Exports, and returns what the command says about the earlier export.
#[track_caller]
fn resume(at: &Path, arguments: &[&str]) -> String {
    let mut export = parlor_command(at);
    let output = export
        .args([&["export", "all.ndjson"], arguments].concat())
        .output();
    let output = output.expect("a run");
    let messages = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{messages}");
    assert!(!at.join(PART).exists());
    messages
}

/// Checks that the export is the same as a new one.
#[track_caller]
fn expect_complete(at: &Path) {
    run_successfully(at, &["export", "whole.ndjson"]);
    assert!(records(&at.join("all.ndjson")) == records(&at.join("whole.ndjson")));
    fs::remove_file(at.join("whole.ndjson")).expect("a file");
}

/// Starts an export, and waits until it has written this many bytes.
fn begin(at: &Path, bytes: u64) -> Child {
    let export = start(at, &["export", "all.ndjson"]);
    wait_until("the export has begun", || {
        let part = fs::metadata(at.join(PART));
        part.is_ok_and(|part| part.len() >= bytes)
    });
    export
}

fn send(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(sent.expect("kill").success());
}

#[test]
fn killed_export_continues_and_its_import_has_the_same_lists() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, path) = generated_file(50);
    let at = folder.path();
    add_large_conversations(&path, 400);
    for megabytes in [10, 30] {
        let mut export = begin(at, megabytes << 20);
        export.kill().expect("a signal");
        export.wait().expect("an exit");
        assert!(!at.join("all.ndjson").exists());
    }
    let length = fs::metadata(at.join(PART)).expect("a part").len();
    assert!(length >= 30 << 20);
    let messages = resume(at, &[]);
    assert!(
        messages.contains("continuing all.ndjson.part after"),
        "{messages}"
    );
    expect_complete(at);
    run_successfully(at, &["import", "all.ndjson", "--db", "copy.db"]);
    run_successfully(at, &["export", "copy.ndjson", "--db", "copy.db"]);
    assert!(records(&at.join("all.ndjson")) == records(&at.join("copy.ndjson")));
    run_successfully(at, &["check", "--db", "copy.db"]);
}

#[test]
fn interrupted_export_has_no_file_of_its_name_and_continues() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, path) = generated_file(1);
    let at = folder.path();
    add_large_conversations(&path, 400);
    let export = begin(at, 1 << 20);
    send(&export, "INT");
    let output = export.wait_with_output().expect("an exit");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        error.contains("Run the same command again to continue"),
        "{error}"
    );
    assert!(!at.join("all.ndjson").exists() && at.join(PART).exists());
    assert!(resume(at, &[]).contains("continuing"));
    expect_complete(at);
}

/// A folder with a file, and the bytes of its export.
fn exported() -> (TempDir, Vec<u8>) {
    let (folder, _) = generated_file(40);
    run_successfully(folder.path(), &["export", "first.ndjson"]);
    let bytes = fs::read(folder.path().join("first.ndjson")).expect("an export");
    (folder, bytes)
}

#[test]
fn part_of_every_length_is_completed() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, bytes) = exported();
    let at = folder.path();
    let text = String::from_utf8_lossy(&bytes);
    let first = text
        .find(r#"{"type":"conversation""#)
        .expect("conversations");
    let lengths = [0, 1, 60, 300, first / 2, first - 1, first, first + 1];
    let step = (bytes.len() - first) / 12;
    let lengths = lengths
        .into_iter()
        .chain((first..bytes.len()).step_by(step));
    for length in lengths.chain([bytes.len() - 1, bytes.len()]) {
        // After a power failure, a file may end with zeros.
        for tail in [&[][..], &[0; 5000], b"{\"type\":\"message\"}\n"] {
            if length == 0 && !tail.is_empty() {
                continue;
            }
            fs::write(at.join(PART), [&bytes[..length], tail].concat()).expect("a part");
            if length < 60 && !tail.is_empty() {
                let error = run_with_error(at, &["export", "all.ndjson"]);
                assert!(
                    error.contains("is not the beginning of an export"),
                    "{error}"
                );
                continue;
            }
            let messages = resume(at, &[]);
            assert_eq!(
                messages.contains("continuing"),
                length >= first,
                "{length}: {messages}"
            );
            let all = fs::read(at.join("all.ndjson")).expect("an export");
            // The time of the header is that of the first export.
            let is_same = all == bytes
                || records(&at.join("all.ndjson")) == records(&at.join("first.ndjson"));
            assert!(is_same, "{length}");
            fs::remove_file(at.join("all.ndjson")).expect("a file");
        }
    }
}

#[test]
fn export_begins_again_if_something_has_changed_meanwhile() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, _) = exported();
    let at = folder.path();
    let path = at.join("parlor.db");
    let mut changes = vec![
        "UPDATE conversation SET close_reason = 'x' WHERE seq = 3",
        "UPDATE message SET feedback = 'like' WHERE seq = 2",
        "UPDATE message SET text = 'changed' WHERE seq = 1",
        "DELETE FROM message WHERE seq = 4",
        "DELETE FROM conversation WHERE seq = 5",
        "UPDATE message SET status = 'streaming', owner = randomblob(16) WHERE seq = 7",
        "UPDATE message SET text = text || ' more' WHERE seq = 7",
        "UPDATE visitor SET name = 'Other' WHERE seq = 1",
        "UPDATE visitor SET sa_vid = 'other' WHERE seq = 2",
        "INSERT INTO visitor (id, project_seq, created_at) VALUES (randomblob(16), 1, 7)",
        "UPDATE project SET plan = 'pro'",
        "UPDATE api_key SET revoked_at = 1 WHERE seq = 1",
        "UPDATE qna SET answer = 'other' WHERE seq = 1",
        "INSERT INTO usage VALUES (1, 680, 12)",
    ];
    changes.push(
        "INSERT INTO message (id, conversation_seq, created_at, role, status, text)
         VALUES (randomblob(16), 1, 1, 'user', 'complete', 'x')",
    );
    for change in changes {
        let _ = fs::remove_file(at.join("all.ndjson"));
        run_successfully(at, &["export", "all.ndjson"]);
        fs::rename(at.join("all.ndjson"), at.join(PART)).expect("a part");
        let part = OpenOptions::new().write(true).open(at.join(PART));
        let part = part.expect("a part");
        let length = part.metadata().expect("a part").len();
        part.set_len(length - 500).expect("a shorter part");
        open_connection(&path).execute_batch(change).expect(change);
        let messages = resume(at, &[]);
        assert!(
            messages.contains("has changed since all.ndjson.part"),
            "{change}: {messages}"
        );
        expect_complete(at);
    }
}

#[test]
fn other_options_begin_again_and_a_complete_part_is_used() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, bytes) = exported();
    let at = folder.path();
    let secrets = ["--with-secrets"];
    fs::write(at.join(PART), &bytes).expect("a part");
    assert!(resume(at, &secrets).contains("begins again"));
    fs::remove_file(at.join("all.ndjson")).expect("a file");
    fs::write(at.join(PART), &bytes).expect("a part");
    assert!(resume(at, &[]).contains("continuing"));
    expect_complete(at);
}

#[test]
fn part_of_another_program_is_refused_and_stays() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, _) = exported();
    let at = folder.path();
    fs::write(at.join(PART), "my notes").expect("a file");
    let error = run_with_error(at, &["export", "all.ndjson"]);
    assert!(
        error.contains("all.ndjson.part is not the beginning of an export"),
        "{error}"
    );
    assert_eq!(
        fs::read_to_string(at.join(PART)).expect("a file"),
        "my notes"
    );
    fs::remove_file(at.join(PART)).expect("a file");
    fs::write(at.join("notes"), "my notes").expect("a file");
    std::os::unix::fs::symlink("notes", at.join(PART)).expect("a link");
    run_with_error(at, &["export", "all.ndjson"]);
    assert_eq!(
        fs::read_to_string(at.join("notes")).expect("a file"),
        "my notes"
    );
}

#[test]
fn full_disk_keeps_the_part_and_names_the_remedy() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, path) = generated_file(1);
    let at = folder.path();
    add_large_conversations(&path, 50);
    // Files have at most 4 MB.
    let program = parlor_command(at).get_program().to_owned();
    let mut limited = Command::new("sh");
    limited.current_dir(at).arg("-c");
    limited
        .arg("trap '' XFSZ; ulimit -f 8192; exec \"$0\" export all.ndjson")
        .arg(program);
    let output = limited.output().expect("a run");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("run the same command again to continue"),
        "{error}"
    );
    let part = fs::metadata(at.join(PART)).expect("a part").len();
    assert!(part > 3 << 20, "{part}");
    assert!(resume(at, &[]).contains("continuing"));
    expect_complete(at);
}

#[test]
fn export_that_writes_nothing_leaves_no_part() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, _) = exported();
    let at = folder.path();
    fs::write(at.join("all.ndjson"), "old").expect("a file");
    run_with_error(at, &["export", "all.ndjson"]);
    run_with_error(at, &["export", "none/all.ndjson"]);
    assert!(!names(at).iter().any(|name| name.ends_with(".part")));
}

#[test]
fn second_export_to_the_same_file_waits_for_nothing_and_says_so() {
    sqlite_only!("the test interrupts exports of a file of its own");
    let (folder, path) = generated_file(1);
    let at = folder.path();
    add_large_conversations(&path, 400);
    let mut export = begin(at, 1 << 20);
    send(&export, "STOP");
    let error = run_with_error(at, &["export", "all.ndjson"]);
    assert!(error.contains("all.ndjson.part"), "{error}");
    send(&export, "CONT");
    assert!(export.wait().expect("an exit").success());
    expect_complete(at);
}
