//! Sessions of visitors, and the secret that signs their tokens.

use std::time::Duration;

use rusqlite::types::Value;

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Batch, Outcome, Statement, uuid, value};
use super::visitor::NewVisitor;
use crate::domain::{
    DeviceId, KeySeq, ProjectSeq, SessionId, Timestamp, Visitor, VisitorId, VisitorSeq,
};

/// A session as the file has it.
#[derive(Debug, Clone)]
pub struct Session {
    pub visitor: VisitorSeq,
    pub project: ProjectSeq,
    /// The key it was begun with.
    pub key: KeySeq,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub key_revoked: bool,
    /// The websites of its key; none: all.
    pub origins: Vec<String>,
}

/// Finds a session by the id in its token.
pub fn find(snapshot: &Snapshot, id: SessionId) -> Result<Option<Session>, StoreError> {
    let mut statement = snapshot.prepare(
        "SELECT s.visitor_seq, v.project_seq, s.created_at, s.last_used_at, \
                k.revoked_at IS NOT NULL, k.origins, s.key_seq \
           FROM session AS s JOIN visitor AS v ON v.seq = s.visitor_seq \
                             JOIN api_key AS k ON k.seq = s.key_seq \
          WHERE s.id = ?",
    )?;
    let mut rows = statement.query([id.0])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Session {
        visitor: VisitorSeq(row.get(0)?),
        project: ProjectSeq(row.get(1)?),
        key: KeySeq(row.get(6)?),
        created_at: Timestamp(row.get(2)?),
        last_used_at: Timestamp(row.get(3)?),
        key_revoked: row.get(4)?,
        origins: super::key::origins(row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?),
    }))
}

/// The write that begins a session, with its visitor where that one is new.
/// [`begun`] reads what came of it.
pub fn begin(visitor: &NewVisitor, device: DeviceId, session: SessionId, key: KeySeq) -> Batch {
    let (at, project, name) = (visitor.at, visitor.project, device.into_inner());
    Batch::of([
        visitor.insert(),
        Statement::new(
            "INSERT INTO session (id, visitor_seq, key_seq, created_at, last_used_at) \
             SELECT ?1, seq, ?2, ?3, ?3 FROM visitor WHERE project_seq = ?4 AND sa_vid = ?5",
            [
                uuid(session.0),
                value(key.0),
                value(at.0),
                value(project.0),
                value(name.clone()),
            ],
        ),
        Statement::new(
            "SELECT id, external_id, name, avatar_url FROM visitor \
              WHERE project_seq = ? AND sa_vid = ?",
            [value(project.0), value(name)],
        ),
    ])
}

/// Whose session was begun, and whether the visitor is new.
pub fn begun(outcomes: &[Outcome]) -> Option<(Visitor, bool)> {
    let [made, _, found] = outcomes else {
        return None;
    };
    let [Value::Blob(id), external_id, name, avatar_url] = found.rows.first()?.as_slice() else {
        return None;
    };
    let id = VisitorId(uuid::Uuid::from_slice(id).ok()?);
    let visitor = Visitor {
        id,
        external_id: text(external_id),
        name: text(name),
        avatar_url: text(avatar_url),
    };
    Some((visitor, made.changes > 0))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The write that keeps a session alive.
pub fn touch(id: SessionId, at: Timestamp) -> Batch {
    Batch::of([Statement::new(
        "UPDATE session SET last_used_at = ?2 WHERE id = ?1 AND last_used_at < ?2",
        [uuid(id.0), value(at.0)],
    )])
}

/// The write that forgets sessions that nobody used for `idle`.
pub fn forget_idle(idle: Duration, now: Timestamp) -> Batch {
    Batch::of([Statement::new(
        "DELETE FROM session WHERE last_used_at < ?",
        [value(now.0 - idle.as_millis() as i64)],
    )])
}

/// The secret that signs session tokens: 32 random bytes.
pub fn signing_secret(snapshot: &Snapshot) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = snapshot.prepare("SELECT value FROM secret WHERE name = 'session'")?;
    let mut rows = statement.query(())?;
    Ok(match rows.next()? {
        Some(row) => Some(row.get(0)?),
        None => None,
    })
}

/// The write that keeps the first secret ever given to it.
pub fn keep_signing_secret(secret: &[u8]) -> Batch {
    Batch::of([Statement::new(
        "INSERT INTO secret (name, value) VALUES ('session', ?) ON CONFLICT DO NOTHING",
        [value(secret.to_vec())],
    )])
}
