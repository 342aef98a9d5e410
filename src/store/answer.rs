//! Messages of visitors and the assistant's answers to them.
//!
//! A question, its answer, the conversation's title and newest message, and the
//! count of the month are written by one batch. The answer that is being
//! streamed is always the newest message of its conversation and has the status
//! `streaming`. Every write that ends the answer expects that status, so of two
//! writers that end the answer, only the first succeeds.

use super::batch::Batch;
use super::conversation_state::{
    require_agent, require_assistant, require_last_message, require_writing_visitor,
    set_last_message,
};
use super::error::StoreError;
use super::idempotency;
use super::lease::Lease;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Sql, Value};
use super::usage;
use crate::domain::{
    ConversationId, ConversationSeq, MessageContent, MessageId, MessageSeq, MessageStatus,
    ProjectSeq, Role, Timestamp, title_key,
};

/// One message of a conversation's history: its author and its text.
pub type HistoryEntry = (Role, String);

/// The newest `limit` complete messages with text before the message `before`,
/// oldest first.
pub fn history(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
    before: Option<MessageSeq>,
    limit: u32,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let before = before.map_or(i64::MAX, |seq| seq.0);
    let sql = Sql::new(
        sql!(
            "SELECT role, text FROM message \
              WHERE conversation_seq = ? AND seq < ? AND status = 'complete' AND text <> '' \
              ORDER BY seq DESC LIMIT ?"
        ),
        [conversation.into(), before.into(), i64::from(limit).into()],
    );
    let mut entries = snapshot.all(&sql, |row| Ok((row.variant(0, &Role::NAMES)?, row.get(1)?)))?;
    entries.reverse();
    Ok(entries)
}

/// The newest answer of a conversation and its question.
#[derive(Debug, Clone)]
pub struct LatestAnswer {
    pub id: MessageId,
    pub question: String,
}

/// Reads the newest message of a conversation if it is an answer.
pub fn latest(
    snapshot: &Snapshot,
    project: ProjectSeq,
    conversation: ConversationId,
) -> Result<Option<LatestAnswer>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT answer.id, question.text \
               FROM conversation AS c \
               JOIN message AS answer ON answer.seq = c.last_message_seq \
               JOIN message AS question ON question.seq = \
                    (SELECT max(seq) FROM message \
                      WHERE conversation_seq = c.seq AND seq < answer.seq) \
              WHERE c.project_seq = ? AND c.id = ? \
                AND answer.role = 'assistant' AND question.role = 'user'"
        ),
        [project.into(), conversation.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(LatestAnswer {
            id: row.get(0)?,
            question: row.get(1)?,
        })
    })
}

/// A batch that is rejected with `AnswerEnded` if an answer has failed or was removed.
pub fn require_not_failed(answer: MessageId) -> Batch {
    let guard = Sql::new(
        sql!("SELECT CASE WHEN status = 'error' THEN 'answer_ended' END FROM message WHERE id = ?"),
        [answer.into()],
    );
    Batch::new().guard(guard, Rejection::AnswerEnded)
}

/// A message of a visitor, to be stored.
#[derive(Debug, Clone)]
pub struct VisitorMessage {
    pub id: MessageId,
    pub content: MessageContent,
    pub page_url: Option<String>,
    pub page_title: Option<String>,
    pub text_selection: Option<String>,
}

/// The question that an answer belongs to.
#[derive(Debug, Clone)]
pub enum AnswerTarget {
    /// A new question, stored together with its answer.
    NewQuestion(Box<VisitorMessage>),
    /// A stored question without an answer: the newest message.
    Pending(MessageId),
    /// A failed answer, the newest message, which the new answer replaces.
    ReplaceFailed(MessageId),
}

/// An answer of the assistant when it is first stored.
#[derive(Debug, Clone)]
pub struct NewAnswer {
    pub id: MessageId,
    pub content: NewAnswerContent,
}

/// The content of an answer when it is first stored.
#[derive(Debug, Clone)]
pub enum NewAnswerContent {
    Complete {
        text: String,
        /// JSON.
        metadata: Option<String>,
    },
    /// The text follows with [`finish_answer`]. Until the lease expires, the
    /// answer belongs to the process that holds the lease.
    Streaming(Lease),
}

impl NewAnswerContent {
    fn status(&self) -> MessageStatus {
        match self {
            NewAnswerContent::Complete { .. } => MessageStatus::Complete,
            NewAnswerContent::Streaming(_) => MessageStatus::Streaming,
        }
    }
}

/// The conversation that messages are added to, and when.
#[derive(Debug, Clone, Copy)]
pub struct MessageContext {
    pub conversation: ConversationSeq,
    pub project: ProjectSeq,
    pub at: Timestamp,
}

impl MessageContext {
    /// Stores an answer, and its question if the question is new.
    ///
    /// Rejected with `ConversationClosed`, `TakenOver`, `AnswerInProgress`, or
    /// `ConversationChanged` if the target is not the newest message any more.
    pub fn add_answer(&self, target: &AnswerTarget, answer: &NewAnswer) -> Batch {
        let guard = require_assistant(self.conversation);
        let batch = Batch::new().guard(guard, Rejection::ConversationNotFound);
        let batch = match &answer.content {
            NewAnswerContent::Streaming(lease) => batch.run(lease.renew(self.at)),
            NewAnswerContent::Complete { .. } => batch,
        };
        let batch = match target {
            AnswerTarget::NewQuestion(question) => self
                .add_question(batch, question)
                .run(self.insert_answer(answer)),
            AnswerTarget::Pending(question) => batch
                .guard(
                    require_last_message(self.conversation, *question),
                    Rejection::ConversationNotFound,
                )
                .run(self.insert_answer(answer)),
            AnswerTarget::ReplaceFailed(failed) => batch
                .guard(
                    require_last_message(self.conversation, *failed),
                    Rejection::ConversationNotFound,
                )
                .run_expecting_change(
                    self.replace_answer(*failed, answer),
                    Rejection::ConversationChanged,
                ),
        };
        batch.run(self.set_last_message(answer.id))
    }

    /// Stores a message to the agent who handles the conversation.
    ///
    /// Rejected with `VisitorBlocked`, `ConversationClosed` or `NotTakenOver`.
    pub fn add_message_to_agent(&self, message: &VisitorMessage) -> Batch {
        let visitor = require_writing_visitor(self.conversation);
        let guard = require_agent(self.conversation);
        let batch = Batch::new()
            .guard(visitor, Rejection::ConversationNotFound)
            .guard(guard, Rejection::ConversationNotFound);
        self.add_question(batch, message)
            .run(self.set_last_message(message.id))
    }

    fn add_question(&self, batch: Batch, question: &VisitorMessage) -> Batch {
        batch
            .run(self.insert_question(question))
            .run(self.set_title(question))
            .run(usage::count_message(self.project, self.at))
    }

    fn insert_question(&self, question: &VisitorMessage) -> Sql {
        Sql::new(
            sql!(
                "INSERT INTO message (id, conversation_seq, created_at, role, status, text, \
                                      page_url, page_title, text_selection) \
                 VALUES (?, ?, ?, 'user', 'complete', ?, ?, ?, ?)"
            ),
            [
                question.id.into(),
                self.conversation.into(),
                self.at.into(),
                question.content.as_str().into(),
                question.page_url.clone().into(),
                question.page_title.clone().into(),
                question.text_selection.clone().into(),
            ],
        )
    }

    /// The first message gives the conversation its title. This is a statement
    /// of its own so that later messages do not write the title index.
    fn set_title(&self, question: &VisitorMessage) -> Sql {
        let title = question.content.title();
        Sql::new(
            sql!(
                "UPDATE conversation SET title = ?2, title_key = ?3 \
                  WHERE seq = ?1 AND title IS NULL AND CAST(?2 AS TEXT) IS NOT NULL"
            ),
            [
                self.conversation.into(),
                title.clone().into(),
                title.as_deref().map(title_key).into(),
            ],
        )
    }

    fn insert_answer(&self, answer: &NewAnswer) -> Sql {
        let [status, text, metadata, owner] = answer_values(answer);
        Sql::new(
            sql!(
                "INSERT INTO message (id, conversation_seq, created_at, role, status, text, \
                                      metadata, owner) \
                 VALUES (?, ?, ?, 'assistant', ?, ?, ?, ?)"
            ),
            [
                answer.id.into(),
                self.conversation.into(),
                self.at.into(),
                status,
                text,
                metadata,
                owner,
            ],
        )
    }

    fn replace_answer(&self, failed: MessageId, answer: &NewAnswer) -> Sql {
        let [status, text, metadata, owner] = answer_values(answer);
        Sql::new(
            sql!(
                "UPDATE message SET id = ?1, created_at = ?3, status = ?4, text = ?5, metadata = ?6, \
                        owner = ?7, parts = NULL, error = NULL, feedback = NULL, feedback_at = NULL \
                  WHERE id = ?2 AND status = 'error'"
            ),
            [
                answer.id.into(),
                failed.into(),
                self.at.into(),
                status,
                text,
                metadata,
                owner,
            ],
        )
    }

    fn set_last_message(&self, message: MessageId) -> Sql {
        set_last_message(self.conversation, message, self.at)
    }
}

/// The columns `status`, `text`, `metadata` and `owner` of a new answer.
fn answer_values(answer: &NewAnswer) -> [Value; 4] {
    let status = answer.content.status().as_str().into();
    match &answer.content {
        NewAnswerContent::Complete { text, metadata } => [
            status,
            text.as_str().into(),
            metadata.clone().into(),
            Value::Null,
        ],
        NewAnswerContent::Streaming(lease) => {
            [status, "".into(), Value::Null, lease.process().into()]
        }
    }
}

/// How the streaming of an answer ended.
#[derive(Debug, Clone)]
pub enum AnswerEnd {
    /// The answer is complete, or was stopped and keeps its text so far.
    Complete {
        /// JSON.
        metadata: Option<String>,
        /// Whether the assistant does not know the answer.
        is_refusal: bool,
    },
    /// The answer failed. `error` is the text that the visitor may see.
    Failed { error: &'static str },
}

/// Ends an answer that is being streamed. An answer that was stopped before its
/// first text is removed.
///
/// Rejected with `AnswerEnded` if something else has ended the answer.
pub fn finish_answer(
    conversation: ConversationSeq,
    answer: MessageId,
    text: String,
    end: &AnswerEnd,
    at: Timestamp,
) -> Batch {
    let is_kept = !text.is_empty() || matches!(end, AnswerEnd::Failed { .. });
    let end_answer = if is_kept {
        store_end(answer, text, end)
    } else {
        Sql::new(
            sql!("DELETE FROM message WHERE id = ? AND status = 'streaming'"),
            [answer.into()],
        )
    };
    let batch = Batch::new()
        .run_expecting_change(end_answer, Rejection::AnswerEnded)
        .run(refresh_last_message(conversation, at));
    match end {
        AnswerEnd::Complete { .. } if is_kept => batch,
        // A repeated request with the same Idempotency-Key gets a new answer
        // instead of the failure.
        _ => batch.run(idempotency::delete_for_answer(answer)),
    }
}

/// Ends the answer that a process is streaming in a conversation. The answer keeps the
/// text that the process has stored; an answer without text is removed.
///
/// Rejected with `AnswerEnded` if no answer is being streamed.
pub fn end_streaming(conversation: ConversationSeq, at: Timestamp) -> Batch {
    let guard = Sql::new(
        sql!(
            "SELECT CAST(NULL AS TEXT) FROM message \
          WHERE conversation_seq = ? AND status = 'streaming'"
        ),
        [conversation.into()],
    );
    let delete_responses = Sql::new(
        sql!(
            "DELETE FROM idempotency_key WHERE message_id IN \
             (SELECT id FROM message \
               WHERE conversation_seq = ? AND status = 'streaming' AND text = '')"
        ),
        [conversation.into()],
    );
    let delete_empty = Sql::new(
        sql!("DELETE FROM message WHERE conversation_seq = ? AND status = 'streaming'"),
        [conversation.into()],
    );
    Batch::new()
        .guard(guard, Rejection::AnswerEnded)
        .run(delete_responses)
        .run(keep_streamed_text(conversation))
        .run(delete_empty)
        .run(refresh_last_message(conversation, at))
}

/// Completes the answer that is being streamed in a conversation, if text of it is stored.
pub(super) fn keep_streamed_text(conversation: ConversationSeq) -> Sql {
    Sql::new(
        sql!(
            "UPDATE message SET status = 'complete', owner = NULL \
          WHERE conversation_seq = ? AND status = 'streaming' AND text <> ''"
        ),
        [conversation.into()],
    )
}

/// Stores the texts so far of answers that this process is streaming. Answers that
/// have ended meanwhile are not changed.
pub fn save_texts(lease: Lease, texts: Vec<(MessageId, String)>) -> Batch {
    let updates = texts.into_iter().map(|(answer, text)| {
        Sql::new(
            sql!(
                "UPDATE message SET text = ?2 WHERE id = ?1 AND status = 'streaming' AND owner = ?3"
            ),
            [answer.into(), text.into(), lease.process().into()],
        )
    });
    updates.fold(Batch::new(), Batch::run)
}

fn store_end(answer: MessageId, text: String, end: &AnswerEnd) -> Sql {
    let (status, metadata, error) = match end {
        AnswerEnd::Complete { metadata, .. } => (MessageStatus::Complete, metadata.clone(), None),
        AnswerEnd::Failed { error } => (MessageStatus::Error, None, Some(*error)),
    };
    Sql::new(
        sql!(
            "UPDATE message SET status = ?2, text = ?3, metadata = ?4, error = ?5, owner = NULL \
              WHERE id = ?1 AND status = 'streaming'"
        ),
        [
            answer.into(),
            status.as_str().into(),
            text.into(),
            metadata.into(),
            error.into(),
        ],
    )
}

fn refresh_last_message(conversation: ConversationSeq, at: Timestamp) -> Sql {
    Sql::new(
        sql!(
            "UPDATE conversation SET last_interaction_at = ?2, updated_at = ?2, \
                    last_message_seq = (SELECT max(seq) FROM message WHERE conversation_seq = ?1) \
              WHERE seq = ?1"
        ),
        [conversation.into(), at.into()],
    )
}
