//! All conversations of a list, read page by page in several snapshots.

use std::collections::VecDeque;

use uuid::Uuid;

use super::conversation;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use super::visitor;
use crate::domain::{
    Audience, Conversation, ConversationId, ConversationSeq, Direction, ListQuery, ListRequest,
    Offset, Scope, SearchFilter, Sort, SortKey, SortValue, Timestamp, Visitor, VisitorSeq,
};

/// A place in a list of conversations. Each page begins after the last conversation of
/// the page before, so a conversation that does not move in the order is returned exactly
/// once, and the time of a page does not depend on its depth.
#[derive(Debug, Clone)]
pub struct ConversationWalk {
    scope: Scope,
    /// The next page. None after the last one.
    next: Option<ListRequest>,
    rows: VecDeque<ConversationSeq>,
    times: TimeRange,
    is_waiting: Option<bool>,
}

/// What [`ConversationWalk::next`] found.
pub enum WalkStep<T> {
    Conversation(T),
    /// A page had no conversation of the time range. Others can follow.
    Nothing,
    End,
}

/// The times of creation that a walk returns.
#[derive(Debug, Clone, Copy, Default)]
struct TimeRange {
    /// Whether the walk is in the order of creation, so it begins and ends with the range.
    is_order: bool,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl TimeRange {
    fn of(request: &ListRequest) -> Self {
        Self {
            is_order: request.query.sort == Sort::CreatedAt,
            after: request.search.created_after,
            before: request.search.created_before,
        }
    }

    fn contains(self, time: Timestamp) -> bool {
        self.after.is_none_or(|after| time >= after)
            && self.before.is_none_or(|before| time < before)
    }

    /// The key before the first conversation of the range, in the order of creation.
    fn start(self, direction: Direction) -> Option<SortKey> {
        if !self.is_order {
            return None;
        }
        let (time, id) = match direction {
            Direction::Ascending => (self.after?.0.saturating_sub(1), Uuid::max()),
            Direction::Descending => (self.before?.0, Uuid::nil()),
        };
        Some(SortKey {
            value: SortValue::Number(time),
            id: ConversationId(id),
        })
    }
}

impl ConversationWalk {
    /// Before the first conversation of a list without words. The pages have the size of
    /// `request`.
    pub fn new(scope: Scope, mut request: ListRequest) -> Self {
        let times = TimeRange::of(&request);
        let is_waiting = request.search.is_waiting;
        request.search = SearchFilter::default();
        request.query.after = times.start(request.query.direction);
        Self {
            scope,
            next: Some(request),
            rows: VecDeque::new(),
            times,
            is_waiting,
        }
    }

    /// Before the first conversation that matches a search, which runs once: its cost does
    /// not depend on the page. Also returns whether matches may be missing
    /// ([`conversation::ListPage::is_partial`]).
    ///
    /// # Errors
    /// Errors of the database.
    pub fn search(
        snapshot: &Snapshot,
        scope: Scope,
        request: &ListRequest,
    ) -> Result<(Self, bool), StoreError> {
        let (rows, is_partial) = conversation::all_matches(snapshot, scope, request)?;
        let walk = Self {
            scope,
            next: None,
            rows: rows.into_seqs().collect(),
            times: TimeRange::default(),
            is_waiting: request.search.is_waiting,
        };
        Ok((walk, is_partial))
    }

    /// Returns what `read` makes of the next conversation and its visitor. Conversations
    /// that were deleted meanwhile are left out. Reads at most one page.
    ///
    /// # Errors
    /// Errors of the database.
    pub fn next<T>(
        &mut self,
        snapshot: &Snapshot,
        mut read: impl FnMut(ConversationSeq, &Conversation, &Visitor) -> T,
    ) -> Result<WalkStep<T>, StoreError> {
        if self.rows.is_empty() {
            let Some(request) = self.next.take() else {
                return Ok(WalkStep::End);
            };
            self.read_page(snapshot, request)?;
        }
        while let Some(seq) = self.rows.pop_front() {
            let Some(properties) = filtered_properties(snapshot, seq)? else {
                continue;
            };
            let allows = |only| only == properties.is_waiting;
            if !self.is_waiting.is_none_or(allows) {
                continue;
            }
            if self.times.contains(properties.created_at) {
                let visitor = visitor::read(snapshot, properties.visitor, Audience::Staff)?;
                let with = |conversation: &Conversation<'_>| read(seq, conversation, &visitor);
                return conversation::read(snapshot, seq, Audience::Staff, with)
                    .map(WalkStep::Conversation);
            }
            if self.times.is_order {
                // The walk began with the range, so the range has ended.
                self.rows.clear();
                self.next = None;
            }
        }
        Ok(WalkStep::Nothing)
    }

    fn read_page(&mut self, snapshot: &Snapshot, request: ListRequest) -> Result<(), StoreError> {
        let page = conversation::list(snapshot, self.scope, &request)?;
        self.rows = page.rows.into_seqs().collect();
        self.next = page.last.map(|last| ListRequest {
            query: ListQuery {
                after: Some(last),
                offset: Offset::default(),
                ..request.query
            },
            ..request
        });
        Ok(())
    }
}

/// What a walk filters conversations by.
struct FilteredProperties {
    visitor: VisitorSeq,
    created_at: Timestamp,
    is_waiting: bool,
}

/// Reads the properties of a conversation, unless it was deleted.
fn filtered_properties(
    snapshot: &Snapshot,
    seq: ConversationSeq,
) -> Result<Option<FilteredProperties>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT visitor_seq, created_at, CASE WHEN waiting_since IS NULL THEN 0 ELSE 1 END \
               FROM conversation WHERE seq = ?"
        ),
        [seq.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(FilteredProperties {
            visitor: row.get(0)?,
            created_at: row.get(1)?,
            is_waiting: row.get(2)?,
        })
    })
}
