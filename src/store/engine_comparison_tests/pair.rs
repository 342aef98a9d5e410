//! Two stores with the same rows.

use std::fmt::Debug;

use tempfile::TempDir;

use crate::domain::{
    AssistantId, ConversationId, ConversationSeq, DeviceId, ProjectId, ProjectSeq, Timestamp,
    VisitorId, VisitorSeq,
};
use crate::store::batch::{Batch, BatchOutput};
use crate::store::conversation::NewConversation;
use crate::store::error::StoreError;
use crate::store::export::{self, ExportScope, Record};
use crate::store::options::Options;
use crate::store::postgres::test_database::TestDatabase;
use crate::store::rejection::Rejection;
use crate::store::snapshot::Snapshot;
use crate::store::sql::{Sql, Value};
use crate::store::visitor::{NewVisitor, VisitorIdentity};
use crate::store::{Deleted, Deletion, Store, erasure, project};

pub const PROJECT: ProjectSeq = ProjectSeq(1);

/// What an export does not have, without the row numbers that the databases choose.
const OTHER_COLUMNS: [&str; 11] = [
    "SELECT seq, open_conversations, closed_conversations, open_human_handled, \
            closed_human_handled, waiting_conversations, list_version FROM project ORDER BY seq",
    "SELECT seq, open_conversations, closed_conversations, open_human_handled, \
            closed_human_handled, list_version FROM visitor ORDER BY seq",
    "SELECT c.seq, m.id, r.id FROM conversation AS c \
        LEFT JOIN message AS m ON m.seq = c.last_message_seq \
        LEFT JOIN message AS r ON r.seq = c.read_message_seq ORDER BY c.seq",
    "SELECT caller, key, request_hash, created_at, status, body, message_id, conversation_id \
       FROM idempotency_key ORDER BY caller, key",
    "SELECT kind, recipient, created_at, project_seq, conversation_seq, attempts, \
            next_attempt_at, delivered_at, error \
       FROM notification ORDER BY kind, recipient, created_at, attempts",
    "SELECT id, hash, agent_seq, created_at, last_used_at, user_agent, address \
       FROM agent_session ORDER BY id",
    "SELECT hash, purpose, project_seq, agent_seq, created_at, expires_at \
       FROM sign_in_link ORDER BY hash",
    "SELECT id, pid, pid_namespace, lease_expires_at FROM process ORDER BY id",
    "SELECT model, passage_hash, part, vector FROM embedding ORDER BY model, passage_hash, part",
    "SELECT table_name, seq FROM deleted_seq ORDER BY table_name",
    "SELECT v.seq, c.seq FROM deleted_visitor AS v CROSS JOIN deleted_conversation AS c \
      WHERE c.seq > 0 ORDER BY v.seq, c.seq",
];

/// A store on each database.
pub struct Pair {
    _folder: TempDir,
    sqlite: Store,
    // Closed before its database is dropped.
    postgres: Store,
    _database: TestDatabase,
}

impl Pair {
    /// Two stores without rows. None if there is no server to test with.
    pub fn empty() -> Option<Self> {
        let database = TestDatabase::create()?;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("parlor.db");
        Some(Self {
            sqlite: Store::open(&file, &Options::default()).expect("a file"),
            postgres: database.store(),
            _folder: folder,
            _database: database,
        })
    }

    /// Two stores with a project. None if there is no server to test with.
    pub fn with_project() -> Option<Self> {
        let pair = Self::empty()?;
        let (project, assistant) = (ProjectId::generate(), AssistantId::generate());
        pair.write(project::create(
            PROJECT,
            project,
            assistant,
            "Shop",
            Timestamp(0),
        ));
        Some(pair)
    }

    /// Runs a batch on both stores, which accept it.
    pub fn write(&self, batch: Batch) -> BatchOutput {
        self.try_write(batch).expect("an accepted batch")
    }

    /// Runs a batch on both stores, which reject it.
    pub fn rejected(&self, batch: Batch, reason: Rejection) {
        let result = self.try_write(batch);
        let is_expected = matches!(result, Err(StoreError::Rejected(found)) if found == reason);
        assert!(is_expected, "{result:?}");
    }

    fn try_write(&self, batch: Batch) -> Result<BatchOutput, StoreError> {
        let sqlite = self.sqlite.write_blocking(batch.clone());
        let postgres = self.postgres.write_blocking(batch.clone());
        assert_eq!(format!("{sqlite:?}"), format!("{postgres:?}"), "{batch:?}");
        sqlite
    }

    /// Runs a deletion on both stores, and deletes the messages.
    pub fn delete(&self, deletion: &Deletion) -> Deleted {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        let run = |store: &Store| runtime.block_on(store.delete(deletion.clone()));
        let mut deleted = [&self.sqlite, &self.postgres].map(|store| {
            let mut deleted = run(store).expect("a deletion");
            deleted.conversations.sort_by_key(|deleted| deleted.seq);
            deleted
        });
        assert_eq!(deleted[0], deleted[1]);
        while erasure::has_more_messages(&self.write(erasure::purge_messages(2))) {}
        std::mem::take(&mut deleted[0])
    }

    /// What `read` makes of both stores.
    pub fn read<T: PartialEq + Debug>(
        &self,
        read: impl Fn(&Snapshot) -> Result<T, StoreError>,
    ) -> T {
        let sqlite = self.sqlite.read_blocking(&read).expect("a read");
        let postgres = self.postgres.read_blocking(&read).expect("a read");
        assert_eq!(sqlite, postgres);
        sqlite
    }

    /// Compares all rows. Returns the records of an export.
    pub fn compare_rows(&self) -> Vec<Record> {
        for text in OTHER_COLUMNS {
            let rows = |store: &Store| -> Vec<Vec<Value>> {
                let batch = Batch::of([Sql::unregistered(text, [])]);
                store.write_blocking(batch).expect(text).rows
            };
            assert_eq!(rows(&self.sqlite), rows(&self.postgres), "{text}");
        }
        self.read(|snapshot| {
            let mut records = Vec::new();
            let scope = ExportScope { with_secrets: true };
            let counts = export::counts(snapshot, scope)?;
            export::for_each_before_conversations(snapshot, scope, |record| {
                records.push(record);
                Ok::<_, StoreError>(())
            })?;
            export::for_each_conversation(snapshot, None, |record| {
                records.push(record);
                Ok::<_, StoreError>(())
            })?;
            Ok((format!("{counts:?}"), records))
        })
        .1
    }

    /// Stores a visitor with the row number of the last one + 1.
    pub fn add_visitor(&self, device: &str) -> NewVisitor {
        let visitor = NewVisitor {
            id: VisitorId::generate(),
            project: PROJECT,
            identity: VisitorIdentity::Device(DeviceId::parse("saVid", device).expect("a device")),
            at: Timestamp(1),
        };
        self.write(Batch::of([visitor.insert()]));
        visitor
    }

    /// Starts a conversation.
    pub fn start(&self, visitor: VisitorSeq, at: i64) -> (ConversationSeq, ConversationId) {
        let conversation = NewConversation {
            id: ConversationId::generate(),
            project: PROJECT,
            page_url: Some("https://shop.example/".to_owned()),
            at: Timestamp(at),
        };
        self.write(conversation.start(visitor));
        let id = conversation.id;
        let find = |snapshot: &Snapshot| {
            let found = crate::store::conversation::find(snapshot, PROJECT, id)?;
            Ok(found.map(|found| found.seq))
        };
        (self.read(find).expect("the conversation"), id)
    }
}
