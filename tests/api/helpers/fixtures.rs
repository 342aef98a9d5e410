//! Projects, visitors and conversations that tests start from.

use parlor::domain::{
    AssistantId, Key, KeyId, KeyKind, Origin, ProjectId, ProjectSeq, Timestamp, VisitorId,
    title_key,
};
use parlor::store::key::NewKey;
use parlor::store::{Store, project};
use rusqlite::params;
use serde_json::Value;
use uuid::Uuid;

use super::{Connection, TestServer, string};

/// 2024-01-15T10:30:00.000Z, the time in the examples of the API contract.
pub const EXAMPLE_TIME: i64 = 1_705_314_600_000;

/// A project with a key of each kind.
#[derive(Debug, Clone)]
pub struct ProjectFixture {
    pub seq: ProjectSeq,
    pub id: ProjectId,
    pub publishable_key: String,
    pub private_key: String,
}

impl ProjectFixture {
    /// Creates the project with the lowest unused number.
    pub fn create(store: &Store) -> Self {
        let exists = |seq| {
            let found = store.read_blocking(move |snapshot| project::read(snapshot, seq));
            found.is_ok()
        };
        let mut seq = ProjectSeq::FIRST;
        while exists(seq) {
            seq = ProjectSeq(seq.0 + 1);
        }
        let id = ProjectId::generate();
        let created_at = Timestamp(1_700_000_000_000);
        let create = project::create(seq, id, AssistantId::generate(), "Tern & Co.", created_at);
        store.write_blocking(create).expect("a project");
        Self {
            seq,
            id,
            publishable_key: create_key(store, seq, KeyKind::Publishable, &[]),
            private_key: create_key(store, seq, KeyKind::Private, &[]),
        }
    }
}

/// Creates a key and returns its text.
pub fn create_key(store: &Store, project: ProjectSeq, kind: KeyKind, origins: &[Origin]) -> String {
    let key = Key::generate(kind).expect("random bytes");
    let new = NewKey {
        id: KeyId::generate(),
        project,
        key: &key,
        kind,
        name: "test",
        origins,
        assistant: None,
        at: Timestamp::now(),
    };
    store.write_blocking(new.create()).expect("a key");
    key.reveal().to_owned()
}

/// A visitor with a session.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub token: String,
    pub id: String,
}

impl Visitor {
    /// From the response of `POST /v2/identity/init`.
    pub fn from_json(session: &Value) -> Self {
        Self {
            token: string(&session["sessionToken"]),
            id: string(&session["visitor"]["id"]),
        }
    }

    /// The number of the visitor's row.
    pub fn seq(&self, connection: &Connection) -> i64 {
        let id = VisitorId::parse(&self.id).expect("a UUID");
        let sql = "SELECT seq FROM visitor WHERE id = ?";
        let seq = connection.query_row(sql, [id.0], |row| row.get(0));
        seq.expect("a visitor")
    }
}

/// A conversation with arbitrary fields, to be inserted into the database.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRow {
    pub id: Uuid,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_interaction_at: i64,
    pub closed_at: Option<i64>,
    pub close_reason: Option<&'static str>,
    pub is_human_handled: bool,
    pub waiting_since: Option<i64>,
    /// Name and image.
    pub agent: Option<(Option<&'static str>, Option<&'static str>)>,
    pub title: Option<String>,
}

impl Default for ConversationRow {
    fn default() -> Self {
        Self {
            id: Uuid::now_v7(),
            created_at: EXAMPLE_TIME,
            updated_at: EXAMPLE_TIME,
            last_interaction_at: EXAMPLE_TIME,
            closed_at: None,
            close_reason: None,
            is_human_handled: false,
            waiting_since: None,
            agent: None,
            title: None,
        }
    }
}

impl ConversationRow {
    pub fn status(&self) -> &'static str {
        match self.closed_at {
            Some(_) => "closed",
            None => "open",
        }
    }

    pub fn insert(&self, connection: &Connection, visitor_seq: i64) {
        let (name, image) = self.agent.unwrap_or_default();
        let inserted = connection.execute(
            "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, \
                 updated_at, last_interaction_at, closed_at, close_reason, is_human_handled, \
                 has_agent, agent_name, agent_image, title, title_key, \
                 waiting_since, waiting_reason) \
             SELECT ?, project_seq, seq, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? \
               FROM visitor WHERE seq = ?",
            params![
                self.id,
                self.status(),
                self.created_at,
                self.updated_at,
                self.last_interaction_at,
                self.closed_at,
                self.close_reason,
                self.is_human_handled,
                self.agent.is_some(),
                name,
                image,
                self.title,
                self.title.as_deref().map(title_key),
                self.waiting_since,
                self.waiting_since.map(|_| "requested"),
                visitor_seq,
            ],
        );
        assert_eq!(inserted.expect("a row"), 1);
    }
}

/// Inserts conversations of one visitor in one transaction.
pub fn insert_rows(server: &TestServer, visitor: &Visitor, rows: &[ConversationRow]) {
    let connection = server.db_connection();
    let seq = visitor.seq(&connection);
    connection.execute_batch("BEGIN").expect("a transaction");
    for row in rows {
        row.insert(&connection, seq);
    }
    connection.execute_batch("COMMIT").expect("a commit");
}

/// Inserts `count` conversations whose last interactions are a second apart.
/// Returns their ids, the oldest first.
pub fn insert_conversations(server: &TestServer, visitor: &Visitor, count: i64) -> Vec<String> {
    let rows = (0..count).map(|index| ConversationRow {
        last_interaction_at: EXAMPLE_TIME + index * 1000,
        ..ConversationRow::default()
    });
    let rows: Vec<_> = rows.collect();
    insert_rows(server, visitor, &rows);
    rows.iter().map(|row| row.id.to_string()).collect()
}
