//! Compares records with what is stored.

use super::super::error::StoreError;
use super::super::export::{
    AccountRecord, DocumentRecord, KeyRecord, Record, SavedReplyRecord, SecretRecord,
    SessionRecord, SourceRecord, StoredRecord, UsageRecord, VisitorRecord,
};
use super::super::postgres::REPLACEMENT_CHARACTER;
use super::super::snapshot::{Dialect, Snapshot};
use super::super::sql::{Sql, Value};
use crate::domain::{ConversationId, MessageId, ProjectId, VisitorId};

/// How a record relates to what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    New,
    /// The same record is stored.
    Stored,
    /// The record cannot be stored, in words.
    Conflict(String),
}

/// Compares a record with the stored rows.
pub fn compare(snapshot: &Snapshot, record: &Record) -> Result<Comparison, StoreError> {
    match record {
        Record::Project(it) => same_or(snapshot, it, [it.id.into()], []),
        Record::Secret(it) => {
            let name = it.name.as_str().into();
            let identity = [name, it.project_id.into(), it.key_id.into()];
            same_or(snapshot, it, identity, secret_conditions(it))
        }
        Record::Assistant(it) => in_project(snapshot, it, it.id, it.project_id, None),
        Record::Key(it) => same_or(snapshot, it, [it.id.into()], key_conditions(it)),
        Record::Agent(it) => {
            in_project(snapshot, it, it.id, it.project_id, Some(email_is_free(it)))
        }
        Record::Usage(it) => compare_usage(snapshot, it),
        Record::Qna(it) => in_project(snapshot, it, it.id, it.project_id, None),
        Record::Document(it) => {
            in_project(snapshot, it, it.id, it.project_id, Some(url_is_free(it)))
        }
        Record::Source(it) => in_project(
            snapshot,
            it,
            it.id,
            it.project_id,
            Some(location_is_free(it)),
        ),
        Record::SavedReply(it) => {
            in_project(snapshot, it, it.id, it.project_id, Some(name_is_free(it)))
        }
        Record::Visitor(it) => {
            let identity = [it.project_id.into(), it.id.into()];
            same_or(snapshot, it, identity, visitor_conditions(it))
        }
        Record::Session(it) => same_or(snapshot, it, [it.id.into()], session_conditions(it)),
        Record::Conversation(it) => {
            let identity = [it.project_id.into(), it.id.into()];
            let visitor = visitor_exists(it.project_id, it.visitor_id.into());
            same_or(
                snapshot,
                it,
                identity,
                [project_exists(it.project_id), visitor],
            )
        }
        Record::Message(it) => same_or(snapshot, it, [it.id.into()], []),
        Record::Note(it) => same_or(snapshot, it, [it.id.into()], []),
        Record::Refusal(it) => same_or(snapshot, it, [it.message_id.into()], []),
    }
}

/// [`same_or`] for a record of a project whose id is unique in the file.
fn in_project<T: StoredRecord>(
    snapshot: &Snapshot,
    record: &T,
    id: impl Into<Value>,
    project: ProjectId,
    condition: Option<Condition>,
) -> Result<Comparison, StoreError> {
    let conditions = std::iter::once(project_exists(project)).chain(condition);
    same_or(snapshot, record, [id.into()], conditions)
}

/// Compares a record with the stored one of the same id. If there is none, the record is
/// new unless one of `conditions` is not met.
fn same_or<T: StoredRecord, const N: usize>(
    snapshot: &Snapshot,
    record: &T,
    identity: [Value; N],
    conditions: impl IntoIterator<Item = Condition>,
) -> Result<Comparison, StoreError> {
    let by_id = Sql::new(T::BY_ID, identity);
    let stored = snapshot.optional(&by_id, |row| T::from_row(snapshot, row))?;
    match stored {
        Some(stored) if stored == *record => return Ok(Comparison::Stored),
        Some(stored) if has_replaced_nul(snapshot, &stored, record) => {
            return Ok(Comparison::Stored);
        }
        Some(stored) => return Ok(Comparison::Conflict(difference(&stored, record))),
        None => {}
    }
    test_conditions(snapshot, conditions)
}

/// Whether a record is the stored one except for NUL characters, which PostgreSQL does not
/// store (see `docs/scaling.md`).
fn has_replaced_nul<T: StoredRecord>(snapshot: &Snapshot, stored: &T, record: &T) -> bool {
    let text = |record: &T| {
        let json = serde_json::to_string(record).unwrap_or_default();
        json.replace("\\u0000", REPLACEMENT_CHARACTER)
    };
    snapshot.dialect() == Dialect::Postgres && text(stored) == text(record)
}

/// A record is new unless a condition is not met.
fn test_conditions(
    snapshot: &Snapshot,
    conditions: impl IntoIterator<Item = Condition>,
) -> Result<Comparison, StoreError> {
    for condition in conditions {
        let is_found = snapshot.optional(&condition.sql, |_| Ok(()))?.is_some();
        if is_found != condition.must_exist {
            return Ok(Comparison::Conflict(condition.reason));
        }
    }
    Ok(Comparison::New)
}

/// Names the members in which two records of the same id differ.
fn difference<T: StoredRecord>(stored: &T, record: &T) -> String {
    let members = |record: &T| serde_json::to_value(record).unwrap_or_default();
    let (stored, record) = (members(stored), members(record));
    let names = stored.as_object().into_iter().chain(record.as_object());
    let mut names: Vec<_> = names.flat_map(|members| members.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| stored.get(name) != record.get(name));
    let names: Vec<_> = names.into_iter().map(String::as_str).collect();
    format!(
        "it is stored already, with another value of {}; the stored one stays",
        names.join(", ")
    )
}

/// A condition under which a record can be stored.
struct Condition {
    sql: Sql,
    /// Whether the statement must return a row.
    must_exist: bool,
    reason: String,
}

impl Condition {
    fn exists(sql: Sql, what: &str, id: impl std::fmt::Display) -> Self {
        Self {
            sql,
            must_exist: true,
            reason: format!("{what} {id} is not stored"),
        }
    }

    fn is_free(sql: Sql, reason: &str) -> Self {
        Self {
            sql,
            must_exist: false,
            reason: reason.to_owned(),
        }
    }
}

fn project_exists(id: ProjectId) -> Condition {
    let sql = Sql::new(sql!("SELECT 1 FROM project WHERE id = ?"), [id.into()]);
    Condition::exists(sql, "its project", id)
}

fn visitor_exists(project: ProjectId, visitor: Value) -> Condition {
    let sql = Sql::new(
        sql!(
            "SELECT 1 FROM visitor WHERE project_seq = (SELECT seq FROM project WHERE id = ?) \
                AND id = ?"
        ),
        [project.into(), visitor],
    );
    Condition {
        sql,
        must_exist: true,
        reason: "its visitor is not stored".to_owned(),
    }
}

fn key_conditions(key: &KeyRecord) -> Vec<Condition> {
    let mut conditions = vec![project_exists(key.project_id)];
    if let Some(assistant) = key.assistant_id {
        let sql = Sql::new(
            sql!(
                "SELECT 1 FROM assistant WHERE id = ? \
                    AND project_seq = (SELECT seq FROM project WHERE id = ?)"
            ),
            [assistant.into(), key.project_id.into()],
        );
        conditions.push(Condition::exists(sql, "its assistant", assistant));
    }
    let sql = Sql::new(
        sql!("SELECT 1 FROM api_key WHERE hash = ?"),
        [key.hash.0.into()],
    );
    let reason = "the same key is stored under another id";
    conditions.push(Condition::is_free(sql, reason));
    conditions
}

/// The project or key of a secret must be stored.
fn secret_conditions(secret: &SecretRecord) -> Vec<Condition> {
    let key = secret.key_id.map(|id| {
        let sql = Sql::new(sql!("SELECT 1 FROM api_key WHERE id = ?"), [id.into()]);
        Condition::exists(sql, "its key", id)
    });
    let project = secret.project_id.map(project_exists);
    project.into_iter().chain(key).collect()
}

fn email_is_free(account: &AccountRecord) -> Condition {
    let email = [account.email.as_str().into()];
    let sql = Sql::new(sql!("SELECT 1 FROM agent WHERE email = ?"), email);
    Condition::is_free(sql, "another agent has the same email")
}

fn location_is_free(source: &SourceRecord) -> Condition {
    let sql = Sql::new(
        sql!(
            "SELECT 1 FROM source \
              WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND location = ?"
        ),
        [source.project_id.into(), source.location.as_str().into()],
    );
    Condition::is_free(sql, "the project has another source with the same location")
}

fn name_is_free(reply: &SavedReplyRecord) -> Condition {
    let sql = Sql::new(
        sql!(
            "SELECT 1 FROM saved_reply \
              WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND name = ?"
        ),
        [reply.project_id.into(), reply.name.as_str().into()],
    );
    Condition::is_free(
        sql,
        "the project has another saved reply with the same name",
    )
}

fn url_is_free(document: &DocumentRecord) -> Condition {
    let sql = Sql::new(
        sql!(
            "SELECT 1 FROM document \
              WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND url = ?"
        ),
        [document.project_id.into(), document.url.as_str().into()],
    );
    Condition::is_free(sql, "the project has another document with the same url")
}

fn visitor_conditions(visitor: &VisitorRecord) -> Vec<Condition> {
    let mut conditions = vec![project_exists(visitor.project_id)];
    if let Some(sa_vid) = &visitor.sa_vid {
        let sql = Sql::new(
            sql!(
                "SELECT 1 FROM visitor \
                  WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND sa_vid = ?"
            ),
            [visitor.project_id.into(), sa_vid.as_str().into()],
        );
        let reason = "the project has another visitor with the same saVid";
        conditions.push(Condition::is_free(sql, reason));
    }
    if let Some(external_id) = &visitor.external_id {
        let sql = Sql::new(
            sql!(
                "SELECT 1 FROM visitor \
                  WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND external_id = ?"
            ),
            [visitor.project_id.into(), external_id.as_str().into()],
        );
        let reason = "the project has another visitor with the same externalId";
        conditions.push(Condition::is_free(sql, reason));
    }
    conditions
}

fn session_conditions(session: &SessionRecord) -> [Condition; 2] {
    let key = Sql::new(
        sql!(
            "SELECT 1 FROM api_key WHERE id = ? \
                AND project_seq = (SELECT seq FROM project WHERE id = ?)"
        ),
        [session.key_id.into(), session.project_id.into()],
    );
    [
        visitor_exists(session.project_id, session.visitor_id.into()),
        Condition::exists(key, "its key", session.key_id),
    ]
}

/// Counts of messages only grow, so the larger count is the newer one.
fn compare_usage(snapshot: &Snapshot, usage: &UsageRecord) -> Result<Comparison, StoreError> {
    let identity = [usage.project_id.into(), usage.month.0.into()];
    let by_id = Sql::new(UsageRecord::BY_ID, identity);
    let stored = snapshot.optional(&by_id, |row| UsageRecord::from_row(snapshot, row))?;
    if stored.is_some_and(|stored| stored.messages >= usage.messages) {
        return Ok(Comparison::Stored);
    }
    test_conditions(snapshot, [project_exists(usage.project_id)])
}

/// Whether a project has a visitor.
pub fn is_visitor_stored(
    snapshot: &Snapshot,
    project: ProjectId,
    visitor: VisitorId,
) -> Result<bool, StoreError> {
    let condition = visitor_exists(project, visitor.into());
    Ok(snapshot.optional(&condition.sql, |_| Ok(()))?.is_some())
}

/// Whether a project has a conversation.
pub fn is_conversation_stored(
    snapshot: &Snapshot,
    project: ProjectId,
    conversation: ConversationId,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT 1 FROM conversation \
              WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND id = ?"
        ),
        [project.into(), conversation.into()],
    );
    Ok(snapshot.optional(&sql, |_| Ok(()))?.is_some())
}

/// The newest message of a stored conversation. None: it has no message or is not stored.
pub fn last_message(
    snapshot: &Snapshot,
    project: ProjectId,
    conversation: ConversationId,
) -> Result<Option<MessageId>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT m.id FROM conversation AS c JOIN message AS m ON m.conversation_seq = c.seq \
              WHERE c.project_seq = (SELECT seq FROM project WHERE id = ?) AND c.id = ? \
              ORDER BY m.seq DESC LIMIT 1"
        ),
        [project.into(), conversation.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}
