//! Conversations: list pages, read, start, close.

use std::ops::ControlFlow;

use super::batch::Batch;
use super::erasure::next_seq;
use super::error::StoreError;
use super::list_composer::{self, ComposedPage, Seek};
use super::message;
use super::message_search;
use super::query::{RowQueue, select_rows};
use super::rejection::Rejection;
use super::snapshot::{Snapshot, Transaction};
use super::sql::{Row, Sql};
use super::statement_text::StatementText;
use super::totals::{RowCounts, Totals};
use super::visitor::{self, NewVisitor, VisitorIdentity, visitor_columns};
use crate::domain::{
    Audience, CloseReason, Conversation, ConversationId, ConversationListItem, ConversationSeq,
    InboxState, ListQuery, ListRequest, ProjectSeq, Scope, SortKey, Status, Timestamp, VisitorSeq,
    Waiting, WaitingReason,
};

/// A conversation's row and its visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationRef {
    pub seq: ConversationSeq,
    pub visitor: VisitorSeq,
}

/// A page of a list.
#[derive(Debug, Default)]
pub struct ListPage {
    pub rows: PageRows,
    /// The number of conversations on all pages.
    pub total: u64,
    /// The sort key of the last conversation, if another page follows.
    pub last: Option<SortKey>,
    /// Whether matches may be missing, because the search index lacks many texts.
    pub is_partial: bool,
}

/// Reads which conversations a page has. Without the visitor that the request
/// names, the list is empty.
///
/// # Errors
/// Errors of the database.
pub fn list(
    snapshot: &Snapshot,
    scope: Scope,
    request: &ListRequest,
) -> Result<ListPage, StoreError> {
    let audience = scope.audience();
    let Some(scope) = visitor::narrow(snapshot, scope, &request.visitor)? else {
        return Ok(ListPage::default());
    };
    let query = &request.query;
    let mut page = if request.search.is_empty() {
        snapshot.avoid_sorts();
        let totals = totals(snapshot, scope)?;
        let (rows, last) = page_rows(snapshot, scope, query, &totals)?;
        ListPage {
            rows,
            total: totals.matching(query.filter),
            last,
            is_partial: false,
        }
    } else {
        message_search::page(snapshot, scope, query, &request.search)?
    };
    page.rows.includes_visitor = request.includes_visitor;
    page.rows.audience = audience;
    Ok(page)
}

/// Reads which conversations match a search, without its page, and whether some may be
/// missing.
///
/// # Errors
/// Errors of the database.
pub(super) fn all_matches(
    snapshot: &Snapshot,
    scope: Scope,
    request: &ListRequest,
) -> Result<(PageRows, bool), StoreError> {
    match visitor::narrow(snapshot, scope, &request.visitor)? {
        Some(scope) => message_search::all(snapshot, scope, &request.query, &request.search),
        None => Ok((PageRows::default(), false)),
    }
}

/// Reads the counts of a scope.
pub fn totals(snapshot: &Snapshot, scope: Scope) -> Result<Totals, StoreError> {
    Totals::read(snapshot, scope)
}

/// Calls `each` with the conversations of a page, in order. `totals` must come
/// from the same snapshot. Returns the sort key of the last conversation if
/// another page follows.
pub fn page<E: From<StoreError>>(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    totals: &Totals,
    mut each: impl FnMut(&ConversationListItem) -> Result<(), E>,
) -> Result<Option<SortKey>, E> {
    let (mut rows, last) = page_rows(snapshot, scope, query, totals)?;
    rows.audience = scope.audience();
    rows.read(snapshot, |item| {
        each(item)?;
        Ok::<_, E>(ControlFlow::Continue(()))
    })?;
    Ok(last)
}

/// The conversations of a page, which can be read in several snapshots: each is
/// returned as it is when it is read, or not at all if it was deleted before.
#[derive(Debug, Clone, Default)]
pub struct PageRows {
    rows: RowQueue,
    /// Whether each conversation is read with its visitor.
    includes_visitor: bool,
    audience: Audience,
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

/// The conversations of a page, in order, and the result of [`page`].
fn page_rows(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    totals: &Totals,
) -> Result<(PageRows, Option<SortKey>), StoreError> {
    let (seqs, last) = page_seqs(snapshot, scope, query, totals)?;
    Ok((seqs.into(), last))
}

/// The `seq` of the conversations of a page, in order, and the result of [`page`].
fn page_seqs(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    totals: &Totals,
) -> Result<(Vec<i64>, Option<SortKey>), StoreError> {
    let counts = totals.row_counts(query.filter);
    let seek = seek(snapshot, scope, query, totals)?;
    let page = list_composer::compose(snapshot.dialect(), scope, query, counts, seek.as_ref());
    composed_seqs(snapshot, query, counts, page)
}

/// The `seq` of the conversations of a composed page, in order, and the result of [`page`].
pub(super) fn composed_seqs(
    snapshot: &Snapshot,
    query: &ListQuery,
    counts: RowCounts,
    page: Option<ComposedPage>,
) -> Result<(Vec<i64>, Option<SortKey>), StoreError> {
    let Some(page) = page else {
        return Ok((Vec::new(), None));
    };
    snapshot.avoid_sorts();
    let (limit, offset) = (query.limit.get() as usize, query.offset.get());
    let mut rows = Vec::with_capacity(limit + 1);
    let mut last = None;
    let last_index = if page.is_reversed { 0 } else { limit - 1 };
    snapshot.for_each(&page.statement, |row| {
        if rows.len() == last_index {
            last = Some(list_composer::sort_key(row, query.sort)?);
        }
        rows.push(row.get(0)?);
        Ok::<_, StoreError>(())
    })?;
    let has_more = match query.after {
        Some(_) => rows.len() > limit,
        None => offset + (rows.len() as u64) < counts.matching,
    };
    rows.truncate(limit);
    if page.is_reversed {
        rows.reverse();
    }
    Ok((rows, last.filter(|_| has_more)))
}

/// Where the page begins. `None` if the page is counted from an end
/// of the order.
pub(super) fn seek(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    totals: &Totals,
) -> Result<Option<Seek>, StoreError> {
    match (&query.after, scope) {
        (Some(key), _) => Ok(Some(Seek {
            key: key.clone(),
            inclusive: false,
            skip: query.offset.get(),
        })),
        (None, Scope::Project(project)) => {
            // PostgreSQL has no offset index.
            let Transaction::Sqlite(sqlite) = snapshot.transaction() else {
                return Ok(None);
            };
            sqlite
                .offset_index
                .seek(sqlite.connection, project, query, totals)
        }
        (None, Scope::Visitor(_)) => Ok(None),
    }
}

/// Finds a conversation of a project by its id.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: ConversationId,
) -> Result<Option<ConversationRef>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT seq, visitor_seq FROM conversation WHERE project_seq = ? AND id = ?"),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(ConversationRef {
            seq: row.get(0)?,
            visitor: row.get(1)?,
        })
    })
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

/// Inserts a conversation of the visitor that meets a condition.
macro_rules! insert_conversation {
    ($visitor:literal) => {
        concat!(
            "INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
                                       updated_at, last_interaction_at, page_url) \
             SELECT ",
            next_seq!("conversation"),
            ", ?1, ?2, seq, 'open', ?4, ?4, ?4, ?5 FROM visitor WHERE ",
            $visitor
        )
    };
}

/// A conversation to be stored: open, without messages.
#[derive(Debug, Clone)]
pub struct NewConversation {
    pub id: ConversationId,
    pub project: ProjectSeq,
    pub page_url: Option<String>,
    pub at: Timestamp,
}

impl NewConversation {
    /// Starts the conversation for a visitor who is stored.
    ///
    /// Rejected with `VisitorNotFound` or `VisitorBlocked`.
    pub fn start(&self, visitor: VisitorSeq) -> Batch {
        let insert = Sql::new(
            sql!(insert_conversation!("seq = ?3")),
            [
                self.id.into(),
                self.project.into(),
                visitor.into(),
                self.at.into(),
                self.page_url.clone().into(),
            ],
        );
        let guard = visitor::require_not_blocked(visitor);
        Batch::new()
            .guard(guard, Rejection::VisitorNotFound)
            .run_expecting_change(insert, Rejection::VisitorNotFound)
    }

    /// Imports the conversation, with its visitor if the visitor is new.
    ///
    /// Rejected with `ConversationExists`.
    pub fn import(&self, visitor: &NewVisitor) -> Batch {
        let (insert, name) = match &visitor.identity {
            VisitorIdentity::Device(id) => (IMPORT_BY_DEVICE, id.as_str()),
            VisitorIdentity::ExternalId(id) => (IMPORT_BY_EXTERNAL_ID, id.as_str()),
        };
        let values = [
            self.id.into(),
            self.project.into(),
            name.into(),
            self.at.into(),
            self.page_url.clone().into(),
        ];
        Batch::of([visitor.insert(), Sql::new(insert, values)])
    }
}

const IMPORT_BY_DEVICE: StatementText =
    sql!(insert_conversation!("project_seq = ?2 AND sa_vid = ?3"));

const IMPORT_BY_EXTERNAL_ID: StatementText = sql!(insert_conversation!(
    "project_seq = ?2 AND external_id = ?3"
));

/// Marks all messages of a conversation as read by the agents.
pub fn mark_as_read(seq: ConversationSeq) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "UPDATE conversation SET read_message_seq = last_message_seq \
              WHERE seq = ? AND read_message_seq IS DISTINCT FROM last_message_seq"
        ),
        [seq.into()],
    )])
}

/// Closes a conversation.
///
/// Rejected with `ConversationClosed` if it is closed already.
pub fn close(seq: ConversationSeq, reason: Option<CloseReason>, at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE conversation SET status = 'closed', closed_at = ?2, updated_at = ?2, \
                                         close_reason = ?3, waiting_since = NULL, \
                                         waiting_reason = NULL \
                  WHERE seq = ?1 AND status = 'open'"
            ),
            [
                seq.into(),
                at.into(),
                reason.map(CloseReason::into_inner).into(),
            ],
        ),
        Rejection::ConversationClosed,
    )
}
