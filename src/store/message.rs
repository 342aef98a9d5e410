//! Messages: read, and the visitor's feedback.

use std::ops::ControlFlow;

use serde_json::value::RawValue;

use super::batch::Batch;
use super::error::StoreError;
use super::query::rows_at_once;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{
    ConversationId, ConversationSeq, Feedback, HumanAgent, Message, MessageId, MessageParts,
    MessageSeq, MessageStatus, ProjectSeq, Role, Timestamp, VisitorSeq,
};

/// The number of messages that a conversation is returned with: its newest
/// (docs/api-contract.md, section 4.9).
const MAX_MESSAGES: u32 = 1000;

/// A SELECT of the columns that [`from_row`] reads, with its conditions.
macro_rules! select_messages {
    ($conditions:literal) => {
        concat!(
            "SELECT id, created_at, role, status, text, parts, error, feedback, feedback_at, \
                    metadata, has_agent, agent_name, agent_image, page_url, page_title, \
                    text_selection, seq \
               FROM message WHERE ",
            $conditions
        )
    };
}

/// The condition that a message is not an answer that failed before its first text
/// (docs/api-contract.md, section 6.5). `?hides` is 1 if such answers are left out.
macro_rules! is_visible {
    ($hides:literal) => {
        concat!(
            "NOT (",
            $hides,
            " = 1 AND status = 'error' AND text = '' AND parts IS NULL)"
        )
    };
}

/// The column of `seq` in [`select_messages`].
const SEQ_COLUMN: usize = 16;

/// Which messages of a conversation to read.
#[derive(Debug, Clone, Copy)]
pub struct MessageFilter {
    pub limit: u32,
    pub offset: u64,
    pub role: Option<Role>,
    pub status: Option<MessageStatus>,
    /// Whether answers that failed before their first text are left out.
    pub hides_failures: bool,
}

/// A place in the messages of a conversation, oldest first. The messages can be read in
/// several snapshots. Messages are only appended, so all reads together return the
/// messages that existed when the cursor was created, each as it is when it is read.
#[derive(Debug, Clone)]
pub struct MessageCursor {
    conversation: ConversationSeq,
    chat: ConversationId,
    filter: MessageFilter,
    /// The messages after the first of the two, up to the second.
    after: i64,
    last: i64,
}

impl MessageCursor {
    /// Before the newest `MAX_MESSAGES` messages of a conversation.
    pub fn newest(
        snapshot: &Snapshot,
        conversation: ConversationSeq,
        chat: ConversationId,
        hides_failures: bool,
    ) -> Result<Self, StoreError> {
        let filter = MessageFilter {
            limit: MAX_MESSAGES,
            offset: 0,
            role: None,
            status: None,
            hides_failures,
        };
        let cursor = Self::matching(snapshot, conversation, chat, filter)?;
        let before = Sql::new(
            sql!(concat!(
                "SELECT seq FROM message WHERE conversation_seq = ?1 AND ",
                is_visible!("?3"),
                " ORDER BY seq DESC LIMIT 1 OFFSET ?2"
            )),
            [
                conversation.into(),
                i64::from(MAX_MESSAGES).into(),
                hides_failures.into(),
            ],
        );
        let after = snapshot.optional(&before, |row| row.get(0))?.unwrap_or(0);
        Ok(Self { after, ..cursor })
    }

    /// Before all messages of a conversation.
    pub fn all(
        snapshot: &Snapshot,
        conversation: ConversationSeq,
        chat: ConversationId,
    ) -> Result<Self, StoreError> {
        let filter = MessageFilter {
            limit: u32::MAX,
            offset: 0,
            role: None,
            status: None,
            hides_failures: false,
        };
        Self::matching(snapshot, conversation, chat, filter)
    }

    /// Before the messages of a conversation that match.
    pub fn matching(
        snapshot: &Snapshot,
        conversation: ConversationSeq,
        chat: ConversationId,
        filter: MessageFilter,
    ) -> Result<Self, StoreError> {
        let last = Sql::new(
            sql!("SELECT seq FROM message WHERE conversation_seq = ? ORDER BY seq DESC LIMIT 1"),
            [conversation.into()],
        );
        Ok(Self {
            conversation,
            chat,
            filter,
            after: 0,
            last: snapshot.optional(&last, |row| row.get(0))?.unwrap_or(0),
        })
    }

    /// Calls `each` with the next messages until it breaks. Returns whether no message
    /// remains.
    pub fn read<E: From<StoreError>>(
        &mut self,
        snapshot: &Snapshot,
        mut each: impl FnMut(&Message) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        loop {
            let limit = rows_at_once(snapshot, self.filter.limit);
            let mut rows = 0;
            let flow = snapshot.try_for_each(&self.statement(limit), |row| {
                rows += 1;
                self.after = row.get(SEQ_COLUMN)?;
                // The offset counts from the first message.
                self.filter.offset = 0;
                self.filter.limit -= 1;
                each(&from_row(row, 0, self.chat)?)
            })?;
            if flow.is_break() || rows < limit || self.filter.limit == 0 {
                return Ok(flow.is_continue());
            }
        }
    }

    /// Selects the next `limit` messages.
    fn statement(&self, limit: u32) -> Sql {
        let filter = self.filter;
        Sql::new(
            sql!(concat!(
                select_messages!(
                    "conversation_seq = ?1 AND role = coalesce(?2, role) \
                     AND status = coalesce(?3, status) AND seq > ?6 AND seq <= ?7 AND "
                ),
                is_visible!("?8"),
                " ORDER BY seq LIMIT ?4 OFFSET ?5"
            )),
            [
                self.conversation.into(),
                filter.role.map(Role::as_str).into(),
                filter.status.map(MessageStatus::as_str).into(),
                i64::from(limit).into(),
                i64::try_from(filter.offset).unwrap_or(i64::MAX).into(),
                self.after.into(),
                self.last.into(),
                filter.hides_failures.into(),
            ],
        )
    }
}

/// Calls `with` with the newest message before a failed answer that is not hidden, too.
pub(super) fn before_failure<T>(
    snapshot: &Snapshot,
    failed: MessageId,
    chat: ConversationId,
    with: impl FnOnce(Option<Message<'_>>) -> T,
) -> Result<T, StoreError> {
    let sql = Sql::new(
        sql!(concat!(
            select_messages!(
                "conversation_seq = (SELECT conversation_seq FROM message WHERE id = ?1) \
                 AND seq < (SELECT seq FROM message WHERE id = ?1) AND "
            ),
            is_visible!("1"),
            " ORDER BY seq DESC LIMIT 1"
        )),
        [failed.into()],
    );
    let mut with = Some(with);
    let found = snapshot.optional(&sql, |row| {
        let message = from_row(row, 0, chat)?;
        Ok(with.take().map(|with| with(Some(message))))
    })?;
    match (found.flatten(), with) {
        (Some(result), _) => Ok(result),
        (None, Some(with)) => Ok(with(None)),
        (None, None) => Err(StoreError::Internal("a message was read twice".to_owned())),
    }
}

/// Calls `each` with the newest messages of agents since `since`, oldest first, at most
/// `limit` of the newest `MAX_MESSAGES` messages of a conversation.
pub fn recent_replies(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
    chat: ConversationId,
    since: Timestamp,
    limit: u32,
    mut each: impl FnMut(&Message),
) -> Result<(), StoreError> {
    let sql = Sql::new(
        sql!(select_messages!(
            "seq IN (SELECT seq \
                       FROM (SELECT seq, role, created_at FROM message \
                              WHERE conversation_seq = ?1 ORDER BY seq DESC LIMIT ?2) AS newest \
                      WHERE role = 'human_agent' AND created_at >= ?3 \
                      ORDER BY seq DESC LIMIT ?4) \
             ORDER BY seq"
        )),
        [
            conversation.into(),
            i64::from(MAX_MESSAGES).into(),
            since.into(),
            i64::from(limit).into(),
        ],
    );
    snapshot.for_each(&sql, |row| {
        each(&from_row(row, 0, chat)?);
        Ok(())
    })
}

/// The messages of a conversation after the first of two, up to the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageRange {
    pub conversation: ConversationSeq,
    pub chat: ConversationId,
    pub after: MessageSeq,
    pub last: MessageSeq,
}

/// The number of messages of a range.
pub(super) fn count_in(snapshot: &Snapshot, range: MessageRange) -> Result<u64, StoreError> {
    let sql = Sql::new(
        sql!("SELECT count(*) FROM message WHERE conversation_seq = ?1 AND seq > ?2 AND seq <= ?3"),
        [
            range.conversation.into(),
            range.after.into(),
            range.last.into(),
        ],
    );
    let count: i64 = snapshot.one(&sql, |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Calls `each` with the newest messages of a range, oldest first, at most `limit`.
pub(super) fn newest_in(
    snapshot: &Snapshot,
    range: MessageRange,
    limit: u64,
    mut each: impl FnMut(&Message),
) -> Result<(), StoreError> {
    let sql = Sql::new(
        sql!(select_messages!(
            "seq IN (SELECT seq FROM message \
                      WHERE conversation_seq = ?1 AND seq > ?2 AND seq <= ?3 \
                      ORDER BY seq DESC LIMIT ?4) \
             ORDER BY seq"
        )),
        [
            range.conversation.into(),
            range.after.into(),
            range.last.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    );
    snapshot.for_each(&sql, |row| {
        each(&from_row(row, 0, range.chat)?);
        Ok(())
    })
}

/// The author of a message and the visitor of its conversation.
#[derive(Debug, Clone, Copy)]
pub struct MessageOwner {
    pub conversation: ConversationSeq,
    pub visitor: VisitorSeq,
    pub role: Role,
}

/// Finds a message of a project by its id.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: MessageId,
) -> Result<Option<MessageOwner>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT c.visitor_seq, m.role, c.seq \
               FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq \
              WHERE m.id = ? AND c.project_seq = ?"
        ),
        [id.into(), project.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(MessageOwner {
            visitor: row.get(0)?,
            role: row.variant(1, &Role::NAMES)?,
            conversation: row.get(2)?,
        })
    })
}

/// An answer as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    pub conversation: ConversationSeq,
    pub status: MessageStatus,
    pub text: String,
    /// JSON.
    pub metadata: Option<String>,
}

/// Reads an answer by its id.
pub fn answer(snapshot: &Snapshot, id: MessageId) -> Result<Option<StoredAnswer>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT status, text, metadata, conversation_seq FROM message WHERE id = ?"),
        [id.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(StoredAnswer {
            status: row.variant(0, &MessageStatus::NAMES)?,
            text: row.get(1)?,
            metadata: row.get(2)?,
            conversation: row.get(3)?,
        })
    })
}

/// Stores the visitor's feedback to a message. None clears the feedback.
///
/// Rejected with `NotFound`.
pub fn rate(id: MessageId, feedback: Option<Feedback>, at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!("UPDATE message SET feedback = ?2, feedback_at = ?3 WHERE id = ?1"),
            [
                id.into(),
                feedback.map(Feedback::as_str).into(),
                feedback.map(|_| at).into(),
            ],
        ),
        Rejection::NotFound,
    )
}

/// Reads a message from sixteen columns, of which `first` is the first.
pub(super) fn from_row(
    row: Row<'_>,
    first: usize,
    chat: ConversationId,
) -> Result<Message<'_>, StoreError> {
    let parts = match json(row, first + 5)? {
        Some(stored) => MessageParts::Json(stored),
        None => MessageParts::Text(row.get(first + 4)?),
    };
    Ok(Message {
        id: row.get(first)?,
        created_at: row.get(first + 1)?,
        conversation_id: chat,
        role: row.variant(first + 2, &Role::NAMES)?,
        parts,
        status: row.variant(first + 3, &MessageStatus::NAMES)?,
        error: row.get(first + 6)?,
        feedback: row.optional_variant(first + 7, &Feedback::NAMES)?,
        feedback_at: row.get(first + 8)?,
        metadata: json(row, first + 9)?,
        human_agent: human_agent(row, first + 10)?,
        page_url: row.get(first + 13)?,
        page_title: row.get(first + 14)?,
        text_selection: row.get(first + 15)?,
    })
}

/// Reads a column with JSON, which is checked, not parsed.
fn json(row: Row<'_>, column: usize) -> Result<Option<&str>, StoreError> {
    let Some(text) = row.get(column)? else {
        return Ok(None);
    };
    let json: &RawValue = serde_json::from_str(text)
        .map_err(|error| StoreError::Internal(format!("stored JSON is invalid: {error}")))?;
    Ok(Some(json.get()))
}

/// Reads an agent from three columns: whether there is one, name, picture.
pub(super) fn human_agent(
    row: Row<'_>,
    first: usize,
) -> Result<Option<HumanAgent<'_>>, StoreError> {
    if !row.get(first)? {
        return Ok(None);
    }
    Ok(Some(HumanAgent {
        name: row.get(first + 1)?,
        image: row.get(first + 2)?,
    }))
}
