//! Unsafe requests that came with an Idempotency-Key, and what they were
//! answered (section 0, D20).

use std::time::Duration;

use rusqlite::OptionalExtension;

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Batch, Statement, value};
use crate::domain::{MessageId, Timestamp};

/// How long a request is remembered.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A request as its caller named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who sent it.
    pub caller: String,
    pub key: String,
    /// SHA-256 of its method, path and body.
    pub hash: [u8; 32],
}

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub hash: [u8; 32],
    pub status: u16,
    pub body: Body,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Kept(Vec<u8>),
    /// To be made again from a message.
    Message(MessageId),
}

impl Request {
    /// What the caller was answered to the request of this key.
    pub fn answered(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Option<Answered>, StoreError> {
        let mut statement = snapshot.prepare(
            "SELECT request_hash, status, body, message_id FROM idempotency_key \
              WHERE caller = ? AND key = ? AND created_at > ?",
        )?;
        let values = (self.caller.as_str(), self.key.as_str(), oldest(now));
        let found = statement.query_row(values, |row| {
            let body = match row.get::<_, Option<uuid::Uuid>>(3)? {
                Some(id) => Body::Message(MessageId(id)),
                None => Body::Kept(row.get(2)?),
            };
            Ok(Answered {
                hash: row.get(0)?,
                status: row.get(1)?,
                body,
            })
        });
        Ok(found.optional()?)
    }

    /// `batch`, and with it the memory of what it is answered. Where its last
    /// statement changes no row, `otherwise` is remembered, or nothing. Fails
    /// with [`super::Taken::Request`] when the key was used meanwhile.
    pub fn around(
        &self,
        batch: Batch,
        status: u16,
        body: Body,
        otherwise: Option<Vec<u8>>,
        at: Timestamp,
    ) -> Batch {
        let (body, message) = match body {
            Body::Kept(bytes) => (Some(bytes), None),
            Body::Message(id) => (None, Some(id.0.as_bytes().to_vec())),
        };
        let remember = Statement::new(
            "INSERT INTO idempotency_key (caller, key, request_hash, created_at, status, body, message_id) \
             SELECT ?1, ?2, ?3, ?4, ?5, CASE WHEN changes() > 0 THEN ?6 ELSE ?8 END, ?7 \
              WHERE changes() > 0 OR ?8 IS NOT NULL",
            [
                value(self.caller.clone()),
                value(self.key.clone()),
                value(self.hash.to_vec()),
                value(at.0),
                value(i64::from(status)),
                value(body),
                value(message),
                value(otherwise),
            ],
        );
        self.forget_old(at).then(batch).then(Batch::of([remember]))
    }

    fn forget_old(&self, now: Timestamp) -> Batch {
        Batch::of([Statement::new(
            "DELETE FROM idempotency_key WHERE caller = ? AND key = ? AND created_at <= ?",
            [
                value(self.caller.clone()),
                value(self.key.clone()),
                value(oldest(now)),
            ],
        )])
    }
}

/// The write that forgets requests of more than a day ago.
pub fn forget_old(now: Timestamp) -> Batch {
    Batch::of([Statement::new(
        "DELETE FROM idempotency_key WHERE created_at <= ?",
        [value(oldest(now))],
    )])
}

fn oldest(now: Timestamp) -> i64 {
    now.0 - KEPT.as_millis() as i64
}
