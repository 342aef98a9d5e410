//! All conversations of a list, read page by page in several snapshots.

use std::collections::VecDeque;

use super::conversation;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use super::visitor;
use crate::domain::{
    Conversation, ConversationSeq, ListQuery, ListRequest, Offset, Scope, Visitor,
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
}

impl ConversationWalk {
    /// Before the first conversation of a list. The pages have the size of `request`.
    pub fn new(scope: Scope, request: ListRequest) -> Self {
        Self {
            scope,
            next: Some(request),
            rows: VecDeque::new(),
        }
    }

    /// Before the first conversation that matches a search, which runs once: its cost does
    /// not depend on the page.
    ///
    /// # Errors
    /// Errors of the database.
    pub fn search(
        snapshot: &Snapshot,
        scope: Scope,
        request: &ListRequest,
    ) -> Result<Self, StoreError> {
        let rows = conversation::all_matches(snapshot, scope, request)?;
        Ok(Self {
            scope,
            next: None,
            rows: rows.into_seqs().collect(),
        })
    }

    /// Returns what `read` makes of the next conversation and its visitor, or `None` after
    /// the last one. Conversations that were deleted meanwhile are left out.
    ///
    /// # Errors
    /// Errors of the database.
    pub fn next<T>(
        &mut self,
        snapshot: &Snapshot,
        mut read: impl FnMut(ConversationSeq, &Conversation, &Visitor) -> T,
    ) -> Result<Option<T>, StoreError> {
        loop {
            while let Some(seq) = self.rows.pop_front() {
                if let Some(visitor) = visitor_of(snapshot, seq)? {
                    let with = |conversation: &Conversation<'_>| read(seq, conversation, &visitor);
                    return conversation::read(snapshot, seq, with).map(Some);
                }
            }
            let Some(request) = self.next.take() else {
                return Ok(None);
            };
            self.read_page(snapshot, request)?;
        }
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

/// The visitor of a conversation, unless the conversation was deleted.
fn visitor_of(snapshot: &Snapshot, seq: ConversationSeq) -> Result<Option<Visitor>, StoreError> {
    let sql = Sql::new(
        "SELECT visitor_seq FROM conversation WHERE seq = ?",
        [seq.into()],
    );
    let visitor = snapshot.optional(&sql, |row| row.get(0))?;
    visitor.map(|seq| visitor::read(snapshot, seq)).transpose()
}
