//! Removes the words of deleted texts from the file of the search index.
//!
//! # Problem
//!
//! When a text is deleted, FTS5 adds an entry that hides it. The words stay in the file
//! until a merge of the segments of the index removes both. A merge writes the index
//! anew, so it runs in steps.
//!
//! # Data
//!
//! Two kinds of rows of `deleted_conversation` are no conversations:
//!
//! - 0: texts were deleted after the last merge began (`note_deleted_texts`).
//! - a negative number: a merge that is not complete.
//!
//! # Invariants
//!
//! - [`SearchMerge::begin`] covers all texts that were deleted before, also those of
//!   another merge, so it takes over all rows.
//! - The rows disappear when the words have, so an interrupted merge is repeated.

use super::batch::{Batch, BatchOutput};
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::{Sql, Value};

/// Notes that the words of the conversations in `deleted_conversation` must be removed,
/// if there are conversations and the index has texts. Each transaction that deletes texts
/// notes that, because a merge covers only what was deleted before it began.
pub(super) fn note_deleted_texts() -> Sql {
    Sql::new(
        sql!(
            sqlite: "INSERT OR IGNORE INTO deleted_conversation (seq) SELECT 0 FROM search_progress \
              WHERE (message_seq > 0 OR conversation_seq > 0) \
                AND EXISTS (SELECT 1 FROM deleted_conversation WHERE seq > 0)",
            postgres: "SELECT 0 WHERE 1 = 0",
        ),
        [],
    )
}

/// Whether the index has words of deleted texts.
///
/// # Errors
/// Errors of the database.
pub fn is_pending(snapshot: &Snapshot) -> Result<bool, StoreError> {
    let sql = sql!(sqlite: "SELECT EXISTS (SELECT 1 FROM deleted_conversation WHERE seq <= 0)");
    snapshot.one(&Sql::new(sql, []), |row| row.get(0))
}

/// Forgets all merges, because the index is empty.
pub(super) fn forget() -> Sql {
    Sql::new(
        sql!(sqlite: "DELETE FROM deleted_conversation WHERE seq <= 0"),
        [],
    )
}

/// A merge of all segments.
///
/// The option `secure-delete` of FTS5 would remove the words at once. But it makes
/// deletions many times slower, and `sqlite3` before 3.42 refuses to write to an index
/// in which it was used.
#[derive(Debug, Clone, Copy)]
pub struct SearchMerge {
    /// The row of `deleted_conversation`.
    seq: i64,
}

impl SearchMerge {
    #[expect(clippy::new_without_default, reason = "each merge is another")]
    pub fn new() -> Self {
        let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            seq: -((random >> 1) as i64).max(1),
        }
    }

    /// Begins with about `pages` pages of the index. [`is_merged`] reads the result.
    pub fn begin(self, pages: u32) -> Batch {
        Batch::of([
            Sql::new(
                sql!(sqlite: "INSERT INTO deleted_conversation (seq) VALUES (?)"),
                [self.seq.into()],
            ),
            Sql::new(
                sql!(sqlite: "DELETE FROM deleted_conversation WHERE seq <= 0 AND seq <> ?"),
                [self.seq.into()],
            ),
        ])
        // A negative number begins with all segments.
        .then(merge(-i64::from(pages)))
    }

    /// Ends a merge of which nothing remains.
    pub fn end(self) -> Batch {
        let sql = sql!(sqlite: "DELETE FROM deleted_conversation WHERE seq = ?");
        Batch::of([Sql::new(sql, [self.seq.into()])])
    }
}

/// Writes about `pages` pages of the merge that runs, or of the next one if there are
/// enough segments of a size. [`is_merged`] reads the result.
pub fn merge_segments(pages: u32) -> Batch {
    merge(pages.into())
}

fn merge(pages: i64) -> Batch {
    let changes = || Sql::new(sql!(sqlite: "SELECT total_changes()"), []);
    let merge = Sql::new(
        sql!(sqlite: "INSERT INTO search_text (search_text, rank) VALUES ('merge', ?)"),
        [pages.into()],
    );
    Batch::of([changes(), merge, changes()])
}

/// Whether nothing remained to merge. The statement itself counts as a change.
pub fn is_merged(output: &BatchOutput) -> bool {
    match output.rows.as_slice() {
        [before, after] => match (before.as_slice(), after.as_slice()) {
            ([Value::Integer(before)], [Value::Integer(after)]) => after - before < 2,
            _ => true,
        },
        _ => true,
    }
}
