//! Conversations as they are returned: their rows with the newest messages and the
//! visitors.

use std::ops::ControlFlow;

use super::error::StoreError;
use super::message;
use super::query::{RowQueue, select_rows};
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use super::statement_text::StatementText;
use super::visitor::{self, visitor_columns};
use crate::domain::{
    Audience, Conversation, ConversationListItem, ConversationSeq, InboxState, Status, Waiting,
    WaitingReason,
};

/// The conversations of a page, which can be read in several snapshots: each is
/// returned as it is when it is read, or not at all if it was deleted before.
#[derive(Debug, Clone, Default)]
pub struct PageRows {
    rows: RowQueue,
    /// Whether each conversation is read with its visitor.
    pub(super) includes_visitor: bool,
    pub(super) audience: Audience,
}

impl From<Vec<i64>> for PageRows {
    fn from(seqs: Vec<i64>) -> Self {
        Self {
            rows: RowQueue::new(seqs),
            ..Self::default()
        }
    }
}

impl PageRows {
    /// A conversation with its visitor, as private keys and agents see it.
    pub(super) fn for_staff(seq: ConversationSeq) -> Self {
        Self {
            rows: RowQueue::new(vec![seq.0]),
            includes_visitor: true,
            audience: Audience::Staff,
        }
    }

    /// The rows of the conversations.
    pub(super) fn into_seqs(self) -> impl Iterator<Item = ConversationSeq> {
        self.rows.into_seqs().map(ConversationSeq)
    }

    /// Calls `each` with the next conversations until it breaks. Returns whether no
    /// conversation remains.
    pub fn read<E: From<StoreError>>(
        &mut self,
        snapshot: &Snapshot,
        mut each: impl FnMut(&ConversationListItem) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        let (includes_visitor, audience) = (self.includes_visitor, self.audience);
        let hides_failures = audience == Audience::Visitor;
        let select = select_rows_of(audience, includes_visitor);
        self.rows.read(snapshot, select, |row| {
            let mut item = list_item(row, audience)?;
            if includes_visitor {
                let visitor = visitor::from_row(row, visitor_column(audience), audience)?;
                item.visitor = Some(visitor);
            }
            match &item.last_message {
                Some(last) if hides_failures && last.is_failure_without_text() => {
                    let (id, chat) = (last.id, last.conversation_id);
                    message::before_failure(snapshot, id, chat, |last_message| {
                        each(&ConversationListItem {
                            last_message,
                            conversation: item.conversation.clone(),
                            visitor: item.visitor.clone(),
                        })
                    })?
                }
                _ => each(&item),
            }
        })
    }
}

/// Calls `with` with a conversation and its newest message.
pub fn read_list_item<T>(
    snapshot: &Snapshot,
    seq: ConversationSeq,
    audience: Audience,
    mut with: impl FnMut(&ConversationListItem) -> T,
) -> Result<Option<T>, StoreError> {
    let mut rows = PageRows {
        audience,
        ..PageRows::from(vec![seq.0])
    };
    let mut result = None;
    rows.read(snapshot, |item| {
        result = Some(with(item));
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    Ok(result)
}

/// Calls `with` with a conversation.
pub fn read<T>(
    snapshot: &Snapshot,
    seq: ConversationSeq,
    audience: Audience,
    with: impl FnOnce(&Conversation) -> T,
) -> Result<T, StoreError> {
    let sql = Sql::new(select(audience), [seq.into()]);
    snapshot.one(&sql, |row| Ok(with(&conversation(row, audience)?)))
}

/// Selects conversations with their newest messages, up to the condition. The first twelve
/// columns are read by [`conversation`], those from [`MESSAGE_COLUMN`] on by
/// [`message::from_row`].
macro_rules! select_conversations {
    ($columns:expr, $join:expr) => {
        concat!(
            "SELECT c.id, c.created_at, c.updated_at, c.status, c.closed_at, c.close_reason, \
                    c.last_interaction_at, c.is_human_handled, c.has_agent, c.agent_name, \
                    c.agent_image, c.title, \
                    m.id, m.created_at, m.role, m.status, m.text, m.parts, m.error, m.feedback, \
                    m.feedback_at, m.metadata, m.has_agent, m.agent_name, m.agent_image, \
                    m.page_url, m.page_title, m.text_selection",
            $columns,
            ", c.seq FROM conversation AS c LEFT JOIN message AS m ON m.seq = c.last_message_seq",
            $join,
            " WHERE "
        )
    };
}

/// The columns that [`inbox_state`] reads. Visitors do not see them, so their lists do not
/// read them.
macro_rules! inbox_columns {
    () => {
        ", c.waiting_since, c.waiting_reason, c.agent_id, \
         CASE WHEN c.last_message_seq > coalesce(c.read_message_seq, 0) THEN 1 ELSE 0 END"
    };
}

macro_rules! join_visitor {
    () => {
        " JOIN visitor AS v ON v.seq = c.visitor_seq"
    };
}

/// The first column of the message in [`select_conversations`].
const MESSAGE_COLUMN: usize = 12;

/// The first column of [`inbox_columns`] in [`select_conversations`].
const INBOX_COLUMN: usize = 28;

/// The first column of the visitor in [`select_conversations`].
fn visitor_column(audience: Audience) -> usize {
    match audience {
        Audience::Visitor => INBOX_COLUMN,
        Audience::Staff => INBOX_COLUMN + 4,
    }
}

/// The SELECT of a conversation.
fn select(audience: Audience) -> StatementText {
    match audience {
        Audience::Visitor => sql!(concat!(select_conversations!("", ""), "c.seq = ?1")),
        Audience::Staff => sql!(concat!(
            select_conversations!(inbox_columns!(), ""),
            "c.seq = ?1"
        )),
    }
}

/// The SELECT of the conversations of a page.
fn select_rows_of(audience: Audience, includes_visitor: bool) -> StatementText {
    match (audience, includes_visitor) {
        (Audience::Visitor, false) => select_rows!(select_conversations!("", ""), "c.seq"),
        (Audience::Visitor, true) => select_rows!(
            select_conversations!(concat!(", ", visitor_columns!()), join_visitor!()),
            "c.seq"
        ),
        (Audience::Staff, false) => {
            select_rows!(select_conversations!(inbox_columns!(), ""), "c.seq")
        }
        (Audience::Staff, true) => select_rows!(
            select_conversations!(
                concat!(inbox_columns!(), ", ", visitor_columns!()),
                join_visitor!()
            ),
            "c.seq"
        ),
    }
}

fn list_item(row: Row<'_>, audience: Audience) -> Result<ConversationListItem<'_>, StoreError> {
    let conversation = conversation(row, audience)?;
    let last_message = if row.is_null(MESSAGE_COLUMN)? {
        None
    } else {
        Some(message::from_row(row, MESSAGE_COLUMN, conversation.id)?)
    };
    Ok(ConversationListItem {
        last_message,
        conversation,
        visitor: None,
    })
}

fn conversation(row: Row<'_>, audience: Audience) -> Result<Conversation<'_>, StoreError> {
    Ok(Conversation {
        id: row.get(0)?,
        created_at: row.get(1)?,
        updated_at: row.get(2)?,
        status: row.variant(3, &Status::NAMES)?,
        closed_at: row.get(4)?,
        close_reason: row.get(5)?,
        last_interaction_at: row.get(6)?,
        is_human_handled: row.get(7)?,
        human_agent: message::human_agent(row, 8)?,
        title: row.get(11)?,
        inbox: match audience {
            Audience::Visitor => None,
            Audience::Staff => Some(inbox_state(row)?),
        },
    })
}

fn inbox_state(row: Row<'_>) -> Result<InboxState, StoreError> {
    let waiting = match row.get(INBOX_COLUMN)? {
        None => None,
        Some(since) => Some(Waiting {
            since,
            reason: row.variant(INBOX_COLUMN + 1, &WaitingReason::NAMES)?,
        }),
    };
    Ok(InboxState {
        waiting,
        agent: row.get(INBOX_COLUMN + 2)?,
        is_unread: row.get(INBOX_COLUMN + 3)?,
    })
}
