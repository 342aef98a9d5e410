//! A database with many conversations, for the tests of lists.

use std::path::PathBuf;
use std::sync::Arc;

use fastrand::Rng;
use futures_util::FutureExt;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::batch::Batch;
use super::list_version::ListVersion;
use super::options::Options;
use super::sql::{Sql, Value};
use super::{Store, project};
use crate::domain::{
    AssistantId, Direction, ListFilter, ProjectId, ProjectSeq, Scope, Sort, Status, Timestamp,
};

/// The only project of a [`TestDb`].
pub const PROJECT: ProjectSeq = ProjectSeq(1);

const STATUSES: [Option<Status>; 3] = [None, Some(Status::Open), Some(Status::Closed)];

/// Every combination of filters.
pub fn all_filters() -> Vec<ListFilter> {
    let flags = [None, Some(true), Some(false)];
    let of_status = |status| {
        flags.map(|is_human_handled| ListFilter {
            status,
            is_human_handled,
        })
    };
    STATUSES.into_iter().flat_map(of_status).collect()
}

pub const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// Every sort once. A new one is in here as soon as it has a name on the wire.
pub fn all_sorts() -> Vec<Sort> {
    let mut sorts = Vec::new();
    for (_, sort) in Sort::NAMES {
        if !sorts.contains(&sort) {
            sorts.push(sort);
        }
    }
    sorts
}

/// A database file with one project and one visitor, open as a store.
pub struct TestDb {
    folder: TempDir,
    pub store: Arc<Store>,
}

impl TestDb {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("parlor.db");
        let store = Store::open(&file, &Options::default()).expect("a file");
        store
            .write_blocking(project_with_visitor())
            .expect("a project and a visitor");
        Self {
            folder,
            store: Arc::new(store),
        }
    }

    /// The version of a list in memory.
    pub fn list_version(&self, scope: Scope) -> ListVersion {
        let version = Box::pin(self.store.list_version(scope)).now_or_never();
        version.expect("a version in memory").expect("a version")
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("parlor.db")
    }

    /// Inserts `count` random conversations, over a connection that does not wait
    /// for the disk.
    pub fn insert_conversations(&self, random: &mut Rng, count: usize) {
        let connection = Connection::open(self.file()).expect("the file");
        let execute = |sql| connection.execute_batch(sql).expect(sql);
        execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; BEGIN");
        for _ in 0..count {
            let insert = random_conversation(random);
            Batch::of([insert])
                .run_on(&connection)
                .expect("a conversation");
        }
        execute("COMMIT");
    }
}

/// Inserts the project and its only visitor.
pub fn project_with_visitor() -> Batch {
    let (project, assistant) = (ProjectId::generate(), AssistantId::generate());
    let project = project::create(PROJECT, project, assistant, "x", Timestamp(0));
    let visitor = Sql::unregistered(
        "INSERT INTO visitor (seq, id, project_seq, created_at) VALUES (1, ?, 1, 0)",
        [Uuid::now_v7().into()],
    );
    project.then(Batch::of([visitor]))
}

/// Inserts a conversation. Every column has few different values, so that many
/// rows are equal in each order.
pub fn random_conversation(random: &mut Rng) -> Sql {
    let is_closed = random.bool();
    let title = random.bool().then(|| random_title(random));
    let time = |random: &mut Rng| Value::from(random.i64(0..500));
    Sql::unregistered(
        "INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
             updated_at, last_interaction_at, closed_at, is_human_handled, title, title_key) \
         VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM conversation), \
                 ?1, 1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        [
            Uuid::from_u128(random.u128(..)).into(),
            if is_closed { "closed" } else { "open" }.into(),
            time(random),
            time(random),
            time(random),
            if is_closed { time(random) } else { Value::Null },
            random.i64(0..2).into(),
            title.into(),
        ],
    )
}

/// One to three letters.
pub fn random_title(random: &mut Rng) -> String {
    let length = random.usize(1..4);
    (0..length).map(|_| random.char('a'..='e')).collect()
}
