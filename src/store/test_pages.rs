//! Random changes of a list, and pages that are compared with a full sort of the same
//! snapshot.

use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;

use super::batch::Batch;
use super::snapshot::{Dialect, Snapshot};
use super::sql::{Sql, Value};
use super::test_db::{
    DIRECTIONS, PROJECT, all_filters, all_sorts, random_conversation, random_title,
};
use super::{Store, StoreError, conversation};
use crate::domain::{ConversationId, Direction, Limit, ListQuery, Offset, Scope, Sort, Status};

pub const SCOPE: Scope = Scope::Project(PROJECT);
pub const CONVERSATIONS: usize = 4000;

/// Inserts a conversation, or closes, updates or deletes a random one.
pub fn random_change(random: &mut Rng) -> Sql {
    let seq = Value::from(random.i64(1..5000));
    let at = Value::from(random.i64(400..700));
    match random.u8(0..5) {
        0 => random_conversation(random),
        1 => Sql::unregistered(
            "UPDATE conversation SET status = 'closed', closed_at = ?2, updated_at = ?2 \
              WHERE seq = ?1 AND status = 'open'",
            [seq, at],
        ),
        2 => Sql::unregistered(
            "UPDATE conversation SET title = ?2, title_key = ?2, is_human_handled = ?3 \
              WHERE seq = ?1",
            [seq, random_title(random).into(), random.i64(0..2).into()],
        ),
        3 => Sql::unregistered("DELETE FROM conversation WHERE seq = ?1", [seq]),
        _ => Sql::unregistered(
            "UPDATE conversation SET last_interaction_at = ?2, updated_at = ?2 WHERE seq = ?1",
            [seq, at],
        ),
    }
}

/// A query for any order, with an offset up to a little past the end.
pub fn random_query(random: &mut Rng) -> ListQuery {
    let limit = random.u64(1..=40).to_string();
    let offset = random.u64(0..=CONVERSATIONS as u64 + 5).to_string();
    ListQuery {
        filter: random.choice(all_filters()).expect("a filter"),
        sort: random.choice(all_sorts()).expect("a sort"),
        direction: DIRECTIONS[random.usize(..DIRECTIONS.len())],
        limit: Limit::parse(&limit).expect("a limit"),
        offset: Offset::parse(&offset).expect("an offset"),
        after: None,
    }
}

/// The ids of a page as the store returns it.
pub fn page(snapshot: &Snapshot, query: &ListQuery) -> Result<Vec<ConversationId>, StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    let mut ids = Vec::new();
    conversation::page(snapshot, SCOPE, query, &totals, |item| {
        ids.push(item.conversation.id);
        Ok::<_, StoreError>(())
    })?;
    Ok(ids)
}

/// The ids of a page by a sort of all conversations, without indexes.
pub fn page_by_sorting(
    snapshot: &Snapshot,
    query: &ListQuery,
) -> Result<Vec<ConversationId>, StoreError> {
    let column = match query.sort {
        Sort::Id => "id",
        Sort::CreatedAt => "created_at",
        Sort::UpdatedAt => "updated_at",
        Sort::LastInteractionAt => "last_interaction_at",
        Sort::Status => "status",
        Sort::ClosedAt => "closed_at",
        Sort::IsHumanHandled => "is_human_handled",
        Sort::Title => "title_key",
    };
    let direction = match query.direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    };
    let table = match snapshot.dialect() {
        Dialect::Sqlite => "conversation NOT INDEXED",
        Dialect::Postgres => "conversation",
    };
    let text = format!(
        "SELECT id FROM {table} \
          WHERE project_seq = 1 AND (CAST(?1 AS TEXT) IS NULL OR status = ?1) \
            AND (CAST(?2 AS BIGINT) IS NULL OR is_human_handled = ?2) \
          ORDER BY {column} {direction} NULLS LAST, id {direction} LIMIT ?3 OFFSET ?4"
    );
    let (status, flag) = (query.filter.status, query.filter.is_human_handled);
    let values = [
        status.map(Status::as_str).into(),
        flag.into(),
        (query.limit.get() as i64).into(),
        (query.offset.get() as i64).into(),
    ];
    snapshot.all(&Sql::composed(text, values), |row| row.get(0))
}

/// Asserts that a page is that of a full sort of the same snapshot. The sort
/// runs first, so that writes make the snapshot older before the page is read.
pub fn assert_page_is_exact(store: &Store, query: &ListQuery) {
    let pages = |snapshot: &Snapshot| {
        let expected = page_by_sorting(snapshot, query)?;
        Ok::<_, StoreError>((page(snapshot, query)?, expected))
    };
    let (page, expected) = store.read_blocking(pages).expect("two pages");
    assert_eq!(page, expected, "{query:?}");
}

/// Sets a flag when it is dropped, so that a failed assertion stops the threads
/// that a test waits for.
pub struct StopOnDrop<'f>(pub &'f AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two changes in one batch. One batch in eight fails and is rolled back to its
/// savepoint.
pub fn random_batch(random: &mut Rng) -> Batch {
    let changes = Batch::of([random_change(random), random_change(random)]);
    if random.u8(0..8) > 0 {
        return changes;
    }
    let duplicate = Sql::unregistered(
        "INSERT INTO project (seq, id, name, created_at) VALUES (1, ?, 'again', 0)",
        [Value::Blob(vec![0; 16])],
    );
    changes.then(Batch::of([duplicate]))
}
