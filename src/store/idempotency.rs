//! Responses that are stored under an `Idempotency-Key`
//! (docs/api-contract.md, section 11).

use std::time::Duration;

use super::batch::Batch;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::{Sql, Value};
use crate::domain::{ConversationId, ConversationSeq, MessageId, Timestamp};

/// How long a response is stored.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// The HTTP status that is saved with an answer.
const STATUS_ANSWERED: u16 = 200;

/// A request with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// The caller within whose requests the key is unique.
    pub caller: String,
    pub key: String,
    /// SHA-256 of the method, path and body as received.
    pub hash: [u8; 32],
    /// The conversation that the response is about. The response is deleted with it.
    pub conversation: Option<ConversationId>,
}

/// The response to a request with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedResponse {
    /// The HTTP status.
    pub status: u16,
    pub body: SavedBody,
}

/// The body of a [`SavedResponse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedBody {
    Bytes(Vec<u8>),
    /// The body is made from this message when it is needed.
    Message(MessageId),
}

impl SavedResponse {
    /// The response to a message that the assistant has answered.
    pub fn answer(id: MessageId) -> Self {
        Self {
            status: STATUS_ANSWERED,
            body: SavedBody::Message(id),
        }
    }

    /// The values of the columns `status`, `body` and `message_id`.
    fn column_values(&self) -> [Value; 3] {
        let (body, message) = match &self.body {
            SavedBody::Bytes(bytes) => (bytes.clone().into(), Value::Null),
            SavedBody::Message(id) => (Value::Null, (*id).into()),
        };
        [i64::from(self.status).into(), body, message]
    }
}

impl IdempotentRequest {
    /// The response that is stored under the key, with the hash of its request.
    pub fn saved_response(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Option<([u8; 32], SavedResponse)>, StoreError> {
        let sql = Sql::new(
            sql!(
                "SELECT request_hash, status, body, message_id FROM idempotency_key \
                  WHERE caller = ? AND key = ? AND created_at > ?"
            ),
            [
                self.caller.as_str().into(),
                self.key.as_str().into(),
                expiry(now).into(),
            ],
        );
        snapshot.optional(&sql, |row| {
            let body = match row.get(3)? {
                Some(id) => SavedBody::Message(id),
                None => SavedBody::Bytes(row.get(2)?),
            };
            let status = row.get(1)?;
            Ok((row.get(0)?, SavedResponse { status, body }))
        })
    }

    /// Stores the response under the key.
    ///
    /// Rejected with `IdempotencyKeyUsed`.
    pub fn save(&self, response: &SavedResponse, now: Timestamp) -> Batch {
        let [status, body, message] = response.column_values();
        Batch::of([
            Sql::new(
                sql!(
                    "DELETE FROM idempotency_key WHERE caller = ? AND key = ? AND created_at <= ?"
                ),
                [
                    self.caller.as_str().into(),
                    self.key.as_str().into(),
                    expiry(now).into(),
                ],
            ),
            Sql::new(
                sql!(
                    "INSERT INTO idempotency_key (caller, key, request_hash, created_at, status, \
                                                  body, message_id, conversation_id) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                ),
                [
                    self.caller.as_str().into(),
                    self.key.as_str().into(),
                    self.hash.into(),
                    now.into(),
                    status,
                    body,
                    message,
                    self.conversation.into(),
                ],
            ),
        ])
    }
}

/// Replaces the response that is made from the streaming answer of a
/// conversation, for an answer that is removed.
pub(super) fn replace_for_streaming_answer(
    conversation: ConversationSeq,
    response: &SavedResponse,
) -> Sql {
    let [status, body, message] = response.column_values();
    Sql::new(
        sql!(
            "UPDATE idempotency_key SET status = ?2, body = ?3, message_id = ?4 \
              WHERE message_id IN (SELECT id FROM message \
                                    WHERE conversation_seq = ?1 AND status = 'streaming')"
        ),
        [conversation.into(), status, body, message],
    )
}

/// Removes the response that is made from an answer.
pub(super) fn delete_for_answer(answer: MessageId) -> Sql {
    Sql::new(
        sql!("DELETE FROM idempotency_key WHERE message_id = ?"),
        [answer.into()],
    )
}

/// Removes the responses that are older than `RETENTION`.
pub fn remove_expired(now: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!("DELETE FROM idempotency_key WHERE created_at <= ?"),
        [expiry(now).into()],
    )])
}

/// Responses stored at or before this time have expired.
fn expiry(now: Timestamp) -> Timestamp {
    now.minus(RETENTION)
}
