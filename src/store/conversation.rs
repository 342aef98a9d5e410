//! Conversations: list pages, read, start, close.

use std::ops::ControlFlow;

use super::batch::Batch;
pub use super::conversation_rows::{PageRows, read, read_list_item};
use super::erasure::next_seq;
use super::error::StoreError;
use super::list_composer::{self, ComposedPage, Seek};
use super::message_search;
use super::rejection::Rejection;
use super::snapshot::{Snapshot, Transaction};
use super::sql::Sql;
use super::statement_text::StatementText;
use super::totals::{RowCounts, Totals};
use super::visitor::{self, NewVisitor, VisitorIdentity};
use crate::domain::{
    CloseReason, ConversationId, ConversationListItem, ConversationSeq, ListQuery, ListRequest,
    ProjectSeq, Scope, SortKey, Timestamp, VisitorSeq,
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
