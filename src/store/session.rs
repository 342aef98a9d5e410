//! Sessions of visitors, and the secret that signs their tokens.

use std::time::Duration;

use super::batch::{Batch, BatchOutput};
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::{Sql, Value};
use super::visitor::NewVisitor;
use crate::domain::{
    DeviceId, EmailAddress, KeySeq, Person, ProjectSeq, SessionId, Timestamp, Visitor, VisitorId,
    VisitorSeq,
};

/// A stored session.
#[derive(Debug, Clone)]
pub struct Session {
    pub visitor: VisitorSeq,
    pub project: ProjectSeq,
    /// The publishable key that the session was started with.
    pub key: KeySeq,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub key_revoked: bool,
    /// The websites that may use the key. Empty: all websites.
    pub origins: Vec<String>,
}

/// Finds a session by the id in its token.
pub fn find(snapshot: &Snapshot, id: SessionId) -> Result<Option<Session>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT s.visitor_seq, v.project_seq, s.created_at, s.last_used_at, \
                    CASE WHEN k.revoked_at IS NULL THEN 0 ELSE 1 END, k.origins, s.key_seq \
               FROM session AS s JOIN visitor AS v ON v.seq = s.visitor_seq \
                                 JOIN api_key AS k ON k.seq = s.key_seq \
              WHERE s.id = ?"
        ),
        [id.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(Session {
            visitor: row.get(0)?,
            project: row.get(1)?,
            key: row.get(6)?,
            created_at: row.get(2)?,
            last_used_at: row.get(3)?,
            key_revoked: row.get(4)?,
            origins: super::key::origins(row.get(5)?),
        })
    })
}

/// Starts a session, and stores its visitor if the visitor is new. The result
/// is read with [`started_visitor`].
pub fn start(visitor: &NewVisitor, device: DeviceId, session: SessionId, key: KeySeq) -> Batch {
    let (at, project, device) = (visitor.at, visitor.project, device.into_inner());
    Batch::of([
        visitor.insert(),
        Sql::new(
            sql!(
                "INSERT INTO session (id, visitor_seq, key_seq, created_at, last_used_at) \
                 SELECT ?1, seq, ?2, ?3, ?3 FROM visitor WHERE project_seq = ?4 AND sa_vid = ?5"
            ),
            [
                session.into(),
                key.into(),
                at.into(),
                project.into(),
                device.as_str().into(),
            ],
        ),
        Sql::new(
            sql!(
                "SELECT id, external_id, name, avatar_url, CASE WHEN id = ?3 THEN 1 ELSE 0 END \
                   FROM visitor \
                  WHERE project_seq = ?1 AND sa_vid = ?2"
            ),
            [project.into(), device.into(), visitor.id.into()],
        ),
    ])
}

/// Starts a session for a person whom the website's server has identified. The visitor of
/// the person is stored if it is new, and gets the values of the person. The result is read
/// with [`started_visitor`].
pub fn start_identified(
    visitor: &NewVisitor,
    person: &Person,
    session: SessionId,
    key: KeySeq,
) -> Batch {
    let (at, project) = (visitor.at, visitor.project);
    let external_id = || Value::from(person.external_id.as_str());
    Batch::of([
        visitor.insert(),
        Sql::new(
            sql!(
                "UPDATE visitor SET name = coalesce(?3, name), avatar_url = coalesce(?4, avatar_url), \
                                    email = coalesce(?5, email), is_verified = 1, \
                                    \
                        is_email_verified = CASE WHEN CAST(?5 AS TEXT) IS NULL \
                                                 THEN is_email_verified ELSE 1 END \
                  WHERE project_seq = ?1 AND external_id = ?2"
            ),
            [
                project.into(),
                external_id(),
                person.name.as_deref().into(),
                person.avatar_url.as_deref().into(),
                person.email.as_ref().map(EmailAddress::as_str).into(),
            ],
        ),
        Sql::new(
            sql!(
                "INSERT INTO session (id, visitor_seq, key_seq, created_at, last_used_at) \
                 SELECT ?1, seq, ?2, ?3, ?3 FROM visitor WHERE project_seq = ?4 AND external_id = ?5"
            ),
            [
                session.into(),
                key.into(),
                at.into(),
                project.into(),
                external_id(),
            ],
        ),
        Sql::new(
            sql!(
                "SELECT id, external_id, name, avatar_url, CASE WHEN id = ?3 THEN 1 ELSE 0 END \
                   FROM visitor \
                  WHERE project_seq = ?1 AND external_id = ?2"
            ),
            [project.into(), external_id(), visitor.id.into()],
        ),
    ])
}

/// The visitor of the session that [`start`] stored, and whether the visitor is
/// new.
pub fn started_visitor(written: &BatchOutput) -> Option<(Visitor, bool)> {
    let row = written.rows.first()?.as_slice();
    let [Value::Blob(id), external_id, name, avatar_url, is_new] = row else {
        return None;
    };
    let id = VisitorId(uuid::Uuid::from_slice(id).ok()?);
    let visitor = Visitor {
        id,
        external_id: text(external_id),
        name: text(name),
        avatar_url: text(avatar_url),
        details: None,
    };
    Some((visitor, *is_new == Value::Integer(1)))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// Stores that a session was used.
pub fn touch(id: SessionId, at: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!("UPDATE session SET last_used_at = ?2 WHERE id = ?1 AND last_used_at < ?2"),
        [id.into(), at.into()],
    )])
}

/// Removes the sessions that were not used for `idle`.
pub fn remove_idle(idle: Duration, now: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!("DELETE FROM session WHERE last_used_at < ?"),
        [now.minus(idle).into()],
    )])
}

/// The name of the secret that signs session tokens.
pub const SIGNING_SECRET: &str = "session";

/// Reads the secret that signs session tokens: 32 random bytes.
pub fn signing_secret(snapshot: &Snapshot) -> Result<Option<Vec<u8>>, StoreError> {
    let name = [SIGNING_SECRET.into()];
    let sql = Sql::new(sql!("SELECT value FROM secret WHERE name = ?"), name);
    snapshot.optional(&sql, |row| row.get(0))
}

/// Stores the secret unless there is one.
pub fn store_signing_secret(secret: &[u8]) -> Batch {
    Batch::of([Sql::new(
        sql!("INSERT INTO secret (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"),
        [SIGNING_SECRET.into(), secret.to_vec().into()],
    )])
}

/// Replaces the secret. Removes the stored responses that contain session tokens.
pub fn replace_signing_secret(secret: &[u8]) -> Batch {
    Batch::of([
        Sql::new(
            sql!(
                "INSERT INTO secret (name, value) VALUES (?, ?) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            ),
            [SIGNING_SECRET.into(), secret.to_vec().into()],
        ),
        // The callers that start sessions: 'key SEQ DEVICE'.
        Sql::new(
            sql!("DELETE FROM idempotency_key WHERE caller >= 'key ' AND caller < 'key!'"),
            [],
        ),
    ])
}

/// Ends at most 5000 of the sessions that were started up to a time.
/// [`ended_sessions`] reads the result.
pub fn end_started_before(time: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "DELETE FROM session WHERE id IN \
                 (SELECT id FROM session WHERE created_at <= ? LIMIT 5000) RETURNING 1"
        ),
        [time.into()],
    )])
}

/// The number of sessions that [`end_started_before`] ended.
pub fn ended_sessions(output: &BatchOutput) -> u64 {
    output.rows.len() as u64
}
