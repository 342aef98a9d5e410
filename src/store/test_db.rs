//! A file full of conversations, for tests of pages.

use std::path::PathBuf;
use std::sync::Arc;

use fastrand::Rng;
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::options::Options;
use super::statement::{Batch, Statement, uuid, value};
use super::{Store, project};
use crate::domain::{AssistantId, Direction, ProjectId, ProjectSeq, Sort, Status, Timestamp};

pub const PROJECT: ProjectSeq = ProjectSeq(1);

pub const SORTS: [Sort; 8] = [
    Sort::Id,
    Sort::CreatedAt,
    Sort::UpdatedAt,
    Sort::LastInteractionAt,
    Sort::Status,
    Sort::ClosedAt,
    Sort::IsHumanHandled,
    Sort::Title,
];
pub const STATUSES: [Option<Status>; 3] = [None, Some(Status::Open), Some(Status::Closed)];
pub const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// A file with a project and a visitor.
pub struct TestDb {
    folder: TempDir,
    pub store: Arc<Store>,
}

impl TestDb {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store =
            Store::open(&folder.path().join("parlor.db"), &Options::default()).expect("a file");
        let (project, assistant) = (ProjectId::generate(), AssistantId::generate());
        let project = project::create(PROJECT, project, assistant, "x", Timestamp(0));
        let visitor = Statement::new(
            "INSERT INTO visitor (seq, id, project_seq, created_at) VALUES (1, ?, 1, 0)",
            [uuid(Uuid::now_v7())],
        );
        store
            .write_here(project.then(Batch::of([visitor])))
            .expect("a db");
        Self {
            folder,
            store: Arc::new(store),
        }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("parlor.db")
    }

    /// Starts so many conversations, in random places of every order; not
    /// through the writer, which would wait for the disk.
    pub fn fill(&self, random: &mut Rng, count: usize) {
        let connection = Connection::open(self.file()).expect("the file");
        let run = |sql| connection.execute_batch(sql).expect(sql);
        run("PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; BEGIN");
        for _ in 0..count {
            added(random).run(&connection).expect("a conversation");
        }
        run("COMMIT");
    }
}

/// A conversation with few different values, so that there are many ties.
pub fn added(random: &mut Rng) -> Statement {
    let closed = random.bool();
    let title = random.bool().then(|| title(random));
    let time = |random: &mut Rng| value(random.i64(0..500));
    Statement::new(
        "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, updated_at, \
             last_interaction_at, closed_at, is_human_handled, title, title_key) \
         VALUES (?1, 1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        [
            uuid(Uuid::from_u128(random.u128(..))),
            value(if closed { "closed" } else { "open" }.to_owned()),
            time(random),
            time(random),
            time(random),
            if closed { time(random) } else { Value::Null },
            value(random.i64(0..2)),
            value(title),
        ],
    )
}

pub fn title(random: &mut Rng) -> String {
    let length = random.usize(1..4);
    (0..length).map(|_| random.char('a'..='e')).collect()
}
