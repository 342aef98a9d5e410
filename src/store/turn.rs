//! Turns: what a visitor says and the answer to it, stored so that title, last
//! message and counts are right in the same transaction.
//!
//! The answer that is being written is always the newest message of its
//! conversation and has the status `streaming`. Whatever ends it does so on the
//! condition that it still has: who comes second changes nothing.

use rusqlite::OptionalExtension;
use rusqlite::types::Value;

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Batch, Statement, named, uuid, value};
use crate::domain::{
    ConversationId, ConversationSeq, MessageContent, MessageId, MessageSeq, MessageStatus,
    ProjectSeq, Role, Status, Timestamp, VisitorSeq, title_key,
};

/// How a conversation stands, for whoever wants to say something in it.
#[derive(Debug, Clone)]
pub struct Standing {
    pub seq: ConversationSeq,
    pub visitor: VisitorSeq,
    pub status: Status,
    pub is_human_handled: bool,
    pub last: Option<Last>,
}

/// The newest message of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Last {
    pub seq: MessageSeq,
    pub id: MessageId,
    pub role: Role,
    pub status: MessageStatus,
}

impl Standing {
    /// Whether an answer is being written.
    pub fn is_answering(&self) -> bool {
        self.last
            .is_some_and(|last| last.status == MessageStatus::Streaming)
    }

    /// The answer that failed, where that is the last that happened.
    pub fn failed_answer(&self) -> Option<Last> {
        self.last
            .filter(|last| last.role == Role::Assistant && last.status == MessageStatus::Error)
    }
}

/// Finds a conversation of a project by its id.
pub fn standing(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: ConversationId,
) -> Result<Option<Standing>, StoreError> {
    let mut statement = snapshot.prepare(
        "SELECT c.seq, c.visitor_seq, c.status, c.is_human_handled, \
                m.seq, m.id, m.role, m.status \
           FROM conversation AS c LEFT JOIN message AS m ON m.seq = c.last_message_seq \
          WHERE c.project_seq = ? AND c.id = ?",
    )?;
    let found = statement.query_row((project.0, id.0), |row| {
        let last = match row.get::<_, Option<i64>>(4)? {
            None => None,
            Some(seq) => Some(Last {
                seq: MessageSeq(seq),
                id: MessageId(row.get(5)?),
                role: named(row, 6, &Role::NAMES)?,
                status: named(row, 7, &MessageStatus::NAMES)?,
            }),
        };
        Ok(Standing {
            seq: ConversationSeq(row.get(0)?),
            visitor: VisitorSeq(row.get(1)?),
            status: named(row, 2, &Status::NAMES)?,
            is_human_handled: row.get(3)?,
            last,
        })
    });
    Ok(found.optional()?)
}

/// Something said in a conversation, oldest first: who said it, and what.
pub type Said = (Role, String);

/// The newest `most` messages that say something, oldest first, up to and
/// without `before`.
pub fn history(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
    before: Option<MessageSeq>,
    most: u32,
) -> Result<Vec<Said>, StoreError> {
    let mut statement = snapshot.prepare(
        "SELECT role, text FROM message \
          WHERE conversation_seq = ? AND seq < ? AND status = 'complete' AND text <> '' \
          ORDER BY seq DESC LIMIT ?",
    )?;
    let before = before.map_or(i64::MAX, |seq| seq.0);
    let rows = statement.query_map((conversation.0, before, most), |row| {
        Ok((named(row, 0, &Role::NAMES)?, row.get(1)?))
    })?;
    let mut said = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    said.reverse();
    Ok(said)
}

/// What a visitor says.
#[derive(Debug, Clone)]
pub struct Question {
    pub id: MessageId,
    pub content: MessageContent,
    pub page_url: Option<String>,
    pub page_title: Option<String>,
    pub text_selection: Option<String>,
}

/// Where the answer goes.
#[derive(Debug, Clone)]
pub enum Place {
    /// After the question, which is stored with it.
    After(Box<Question>),
    /// To a question that is there already, the newest message, and has none.
    To(MessageId),
    /// In the place of an answer that failed; the question is there already.
    Instead(MessageId),
}

/// An answer, as it is first stored: whole, or empty and to be written.
#[derive(Debug, Clone)]
pub struct NewAnswer {
    pub id: MessageId,
    pub status: MessageStatus,
    pub text: String,
    /// JSON.
    pub metadata: Option<String>,
}

/// A turn to be stored.
#[derive(Debug, Clone)]
pub struct Turn {
    pub conversation: ConversationSeq,
    pub project: ProjectSeq,
    pub at: Timestamp,
}

impl Turn {
    /// The write that stores a question and its answer, unless by then the
    /// conversation is closed, a person of the house has it, or another answer
    /// is being written. Its last statement changes a row where it was stored.
    pub fn answered(&self, place: &Place, answer: &NewAnswer) -> Batch {
        match place {
            Place::After(question) => Batch(vec![
                self.question(question, false),
                self.title(question),
                self.counted(question.id),
                self.answer_to(question.id, answer),
                self.touched(answer.id),
            ]),
            Place::To(question) => Batch(vec![
                self.answer_to_waiting(*question, answer),
                self.touched(answer.id),
            ]),
            Place::Instead(failed) => Batch(vec![
                self.answer_instead(*failed, answer),
                self.touched(answer.id),
            ]),
        }
    }

    /// The write that stores what a visitor says to a person of the house,
    /// while one has the conversation and it is open.
    pub fn to_human(&self, question: &Question) -> Batch {
        Batch(vec![
            self.question(question, true),
            self.title(question),
            self.counted(question.id),
            self.touched(question.id),
        ])
    }

    fn question(&self, question: &Question, handled: bool) -> Statement {
        Statement::new(
            "INSERT INTO message (id, conversation_seq, created_at, role, status, text, \
                                  page_url, page_title, text_selection) \
             SELECT ?1, c.seq, ?3, 'user', 'complete', ?4, ?5, ?6, ?7 FROM conversation AS c \
              WHERE c.seq = ?2 AND c.status = 'open' AND c.is_human_handled = ?8 \
                AND NOT EXISTS (SELECT 1 FROM message AS m \
                                 WHERE m.seq = c.last_message_seq AND m.status = 'streaming')",
            [
                uuid(question.id.0),
                value(self.conversation.0),
                value(self.at.0),
                value(question.content.as_str().to_owned()),
                value(question.page_url.clone()),
                value(question.page_title.clone()),
                value(question.text_selection.clone()),
                value(handled),
            ],
        )
    }

    fn answer_to(&self, question: MessageId, answer: &NewAnswer) -> Statement {
        Statement::new(
            "INSERT INTO message (id, conversation_seq, created_at, role, status, text, metadata) \
             SELECT ?1, conversation_seq, ?3, 'assistant', ?4, ?5, ?6 FROM message WHERE id = ?2",
            self.values(question, answer),
        )
    }

    fn answer_to_waiting(&self, question: MessageId, answer: &NewAnswer) -> Statement {
        Statement::new(
            "INSERT INTO message (id, conversation_seq, created_at, role, status, text, metadata) \
             SELECT ?1, q.conversation_seq, ?3, 'assistant', ?4, ?5, ?6 \
               FROM message AS q JOIN conversation AS c ON c.seq = q.conversation_seq \
              WHERE q.id = ?2 AND c.last_message_seq = q.seq AND c.status = 'open' \
                AND c.is_human_handled = 0",
            self.values(question, answer),
        )
    }

    fn answer_instead(&self, failed: MessageId, answer: &NewAnswer) -> Statement {
        Statement::new(
            "UPDATE message SET id = ?1, created_at = ?3, status = ?4, text = ?5, metadata = ?6, \
                    parts = NULL, error = NULL, feedback = NULL, feedback_at = NULL \
              WHERE id = ?2 AND status = 'error' \
                AND seq = (SELECT last_message_seq FROM conversation \
                            WHERE seq = message.conversation_seq AND status = 'open' \
                              AND is_human_handled = 0)",
            self.values(failed, answer),
        )
    }

    /// What stores an answer to, or in the place of, the message `there`.
    fn values(&self, there: MessageId, answer: &NewAnswer) -> [Value; 6] {
        [
            uuid(answer.id.0),
            uuid(there.0),
            value(self.at.0),
            value(answer.status.as_str().to_owned()),
            value(answer.text.clone()),
            value(answer.metadata.clone()),
        ]
    }

    /// The first thing said names the conversation. A statement of its own, so
    /// that the index of titles is written once and not at every message.
    fn title(&self, question: &Question) -> Statement {
        let title = question.content.title();
        Statement::new(
            "UPDATE conversation SET title = ?2, title_key = ?3 \
              WHERE seq = ?1 AND title IS NULL AND ?2 IS NOT NULL \
                AND EXISTS (SELECT 1 FROM message WHERE id = ?4)",
            [
                value(self.conversation.0),
                value(title.clone()),
                value(title.as_deref().map(title_key)),
                uuid(question.id.0),
            ],
        )
    }

    fn counted(&self, question: MessageId) -> Statement {
        Statement::new(
            "INSERT INTO usage (project_seq, month, messages) \
             SELECT ?1, ?2, 1 FROM message WHERE id = ?3 \
             ON CONFLICT DO UPDATE SET messages = messages + 1",
            [
                value(self.project.0),
                value(self.at.month()),
                uuid(question.0),
            ],
        )
    }

    fn touched(&self, newest: MessageId) -> Statement {
        touched(self.conversation, newest, self.at)
    }
}

/// Makes a message that was stored just now its conversation's newest. Changes
/// a row where it was stored.
pub(super) fn touched(
    conversation: ConversationSeq,
    newest: MessageId,
    at: Timestamp,
) -> Statement {
    Statement::new(
        "UPDATE conversation SET last_message_seq = m.seq, last_interaction_at = ?3, \
                                 updated_at = ?3 \
           FROM (SELECT seq FROM message WHERE id = ?2) AS m WHERE conversation.seq = ?1",
        [value(conversation.0), uuid(newest.0), value(at.0)],
    )
}

/// How an answer that was being written ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Whole, or cut short with its text kept.
    Complete {
        /// JSON.
        metadata: Option<String>,
    },
    /// The model failed; what a visitor may be told of it.
    Failed { error: &'static str },
}

/// The write that ends an answer, unless something else has ended it. One that
/// was cut short before its first word leaves no trace.
pub fn finish(
    conversation: ConversationSeq,
    answer: MessageId,
    text: String,
    outcome: &Outcome,
    at: Timestamp,
) -> Batch {
    let (status, metadata, error) = match outcome {
        Outcome::Complete { metadata } => (MessageStatus::Complete, metadata.clone(), None),
        Outcome::Failed { error } => (MessageStatus::Error, None, Some((*error).to_owned())),
    };
    let end = match text.is_empty() && status == MessageStatus::Complete {
        true => Statement::new(
            "DELETE FROM message WHERE id = ? AND status = 'streaming'",
            [uuid(answer.0)],
        ),
        false => Statement::new(
            "UPDATE message SET status = ?2, text = ?3, metadata = ?4, error = ?5 \
              WHERE id = ?1 AND status = 'streaming'",
            [
                uuid(answer.0),
                value(status.as_str().to_owned()),
                value(text),
                value(metadata),
                value(error),
            ],
        ),
    };
    let touch = Statement::new(
        "UPDATE conversation SET last_interaction_at = ?2, updated_at = ?2, \
                last_message_seq = (SELECT max(seq) FROM message WHERE conversation_seq = ?1) \
          WHERE seq = ?1 AND changes() > 0",
        [value(conversation.0), value(at.0)],
    );
    // Who asks again with the same Idempotency-Key is not told of a failure but
    // answered.
    let forget = Statement::new(
        "DELETE FROM idempotency_key WHERE message_id = ? \
            AND NOT EXISTS (SELECT 1 FROM message WHERE id = ?1 AND status <> 'error')",
        [uuid(answer.0)],
    );
    Batch::of([end, touch, forget])
}

/// The write that ends the answers that a process which is gone was writing.
pub fn end_orphans() -> Batch {
    Batch::of([
        // Asked again with the same Idempotency-Key, they are answered.
        Statement::new(
            "DELETE FROM idempotency_key WHERE message_id IN \
                (SELECT id FROM message WHERE status = 'streaming')",
            [],
        ),
        Statement::new(
            "UPDATE message SET status = 'error', error = 'The answer was interrupted' \
              WHERE status = 'streaming'",
            [],
        ),
    ])
}

/// Messages that the project's visitors sent in the month of `at` (UTC).
pub fn used(snapshot: &Snapshot, project: ProjectSeq, at: Timestamp) -> Result<u64, StoreError> {
    let used: Option<i64> = snapshot
        .prepare("SELECT messages FROM usage WHERE project_seq = ? AND month = ?")?
        .query_row((project.0, at.month()), |row| row.get(0))
        .optional()?;
    Ok(used.unwrap_or_default().unsigned_abs())
}
