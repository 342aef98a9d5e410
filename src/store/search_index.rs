//! The search index of messages and titles.
//!
//! # Problem
//!
//! Adding a text to a full-text index costs as much as storing a message. Requests
//! must not wait for that, and a commit group must not become long.
//!
//! # Data
//!
//! - `search_text`: the FTS5 table. It refers to the texts and has no copy of them.
//! - `search_progress`: the highest `seq` of the messages and of the conversations
//!   (for their titles) that were added.
//! - `search_backlog`: texts up to there that are not in the index: answers that were
//!   being written when their turn came, and texts that were changed since. The row 0
//!   is no text: the index has never been complete since it was empty.
//!
//! A background task ([`crate::service::message_indexer`]) adds the texts in steps:
//! [`next_step`] reads what is missing, [`IndexStep::batch`] adds it. Searches read the
//! texts that are missing (`super::unindexed`).
//!
//! # Merges
//!
//! Each step adds a segment to the index. FTS5 would merge segments in the transaction
//! that adds texts, some of them for seconds. [`set_options`] turns that off, and the
//! task merges them in steps of its own ([`super::search_merge::merge_segments`]).
//!
//! # Invariants
//!
//! - A text is in the index if its `seq` is not above the progress and not in the
//!   backlog. So triggers can remove a text from the index when its row changes or is
//!   deleted, whichever program does that.
//! - The progress is never above the highest `seq` of the table, because SQLite gives
//!   the `seq` of a deleted last row to a new row.

use super::batch::Batch;
use super::error::StoreError;
use super::search_merge;
use super::snapshot::Snapshot;
use super::sql::Sql;
use super::statement_text::StatementText;

/// The bytes of text of a step. They take about 5 ms of the writer.
const MAX_STEP_BYTES: u64 = 64 << 10;
/// The rows of a step of each kind.
const MAX_STEP_ROWS: i64 = 500;

/// The next texts to add to the index.
#[derive(Debug, Default)]
pub struct IndexStep {
    /// Adds the messages after the progress up to this one.
    messages_to: Option<i64>,
    /// Adds the titles after the progress up to this conversation's.
    titles_to: Option<i64>,
    backlog: Vec<i64>,
    /// The number of messages and conversations after the progress.
    pub remaining: u64,
    /// Whether nothing remains after this step.
    pub is_last: bool,
    /// Whether the index has been empty until this step.
    is_first: bool,
    /// Whether the file says that the index has never been complete.
    is_marked_incomplete: bool,
}

/// Reads what the index lacks.
///
/// # Errors
/// Errors of the database.
pub fn next_step(snapshot: &Snapshot) -> Result<IndexStep, StoreError> {
    let (messages_to, has_all_messages) = range_end(snapshot, NEW_MESSAGES)?;
    let (titles_to, has_all_titles) = range_end(snapshot, NEW_TITLES)?;
    let (backlog, has_all_backlog) = rows_that_fit(snapshot, BACKLOG)?;
    Ok(IndexStep {
        is_last: has_all_messages && has_all_titles && has_all_backlog,
        remaining: remaining(snapshot)?,
        is_first: !has_texts(snapshot)?,
        is_marked_incomplete: is_marked_incomplete(snapshot)?,
        messages_to,
        titles_to,
        backlog,
    })
}

const NEW_MESSAGES: StatementText = sql!(sqlite: "\
                          SELECT seq, octet_length(text) FROM message \
                           WHERE seq > (SELECT message_seq FROM search_progress) ORDER BY seq LIMIT ?");

const NEW_TITLES: StatementText = sql!(sqlite: "\
                          SELECT seq, ifnull(octet_length(title), 0) FROM conversation \
                           WHERE seq > (SELECT conversation_seq FROM search_progress) ORDER BY seq LIMIT ?");

/// The rows of the backlog that can be added, or whose row was deleted.
const BACKLOG: StatementText = sql!(sqlite: "\
                          SELECT b.seq, ifnull(octet_length(m.text), 0) \
                            FROM search_backlog AS b LEFT JOIN message AS m ON m.seq = b.seq \
                           WHERE b.seq <> 0 AND m.status IS NOT 'streaming' ORDER BY b.seq LIMIT ?");

/// Whether the index has never been complete since it was empty.
pub(super) fn is_first_build(snapshot: &Snapshot) -> Result<bool, StoreError> {
    Ok(!has_texts(snapshot)? || is_marked_incomplete(snapshot)?)
}

fn is_marked_incomplete(snapshot: &Snapshot) -> Result<bool, StoreError> {
    let sql = sql!(sqlite: "SELECT EXISTS (SELECT 1 FROM search_backlog WHERE seq = 0)");
    snapshot.one(&Sql::new(sql, []), |row| row.get(0))
}

/// The number of messages and conversations after the progress.
pub(super) fn remaining(snapshot: &Snapshot) -> Result<u64, StoreError> {
    snapshot.one(&Sql::new(REMAINING, []), |row| row.get(0))
}

const REMAINING: StatementText = sql!(sqlite: "\
                          SELECT ifnull((SELECT max(seq) FROM message), 0) - message_seq \
                               + ifnull((SELECT max(seq) FROM conversation), 0) - conversation_seq \
                            FROM search_progress");

/// The last row of a step, and whether it is the last row of the table. `None` if
/// there is no row after the progress.
fn range_end(snapshot: &Snapshot, rows: StatementText) -> Result<(Option<i64>, bool), StoreError> {
    let (seqs, has_all) = rows_that_fit(snapshot, rows)?;
    Ok((seqs.last().copied(), has_all))
}

/// The rows of a step, and whether they are all. `rows` returns numbers and lengths.
fn rows_that_fit(snapshot: &Snapshot, rows: StatementText) -> Result<(Vec<i64>, bool), StoreError> {
    let rows: Vec<(i64, u64)> = snapshot.all(&Sql::new(rows, [MAX_STEP_ROWS.into()]), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let mut bytes = 0;
    let fits = |(_, length): &&(i64, u64)| {
        let is_below = bytes < MAX_STEP_BYTES;
        bytes += length;
        is_below
    };
    let fitting = rows.iter().take_while(fits);
    let seqs: Vec<_> = fitting.map(|(seq, _)| *seq).collect();
    let has_all = seqs.len() == rows.len() && (rows.len() as i64) < MAX_STEP_ROWS;
    Ok((seqs, has_all))
}

impl IndexStep {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let has_texts = self.messages_to.is_some() || self.titles_to.is_some();
        !has_texts && self.backlog.is_empty() && !(self.is_marked_incomplete && self.is_last)
    }

    /// Whether the index has never been complete.
    pub fn is_first_build(&self) -> bool {
        !self.is_last && (self.is_first || self.is_marked_incomplete)
    }

    /// The writes of the step. They are correct for any change of the rows since
    /// [`next_step`].
    pub fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        if self.is_marked_incomplete && self.is_last {
            batch = batch.run(Sql::new(
                sql!(sqlite: "DELETE FROM search_backlog WHERE seq = 0"),
                [],
            ));
        } else if self.is_first_build() {
            let sql = sql!(sqlite: "INSERT OR IGNORE INTO search_backlog (seq) VALUES (0)");
            batch = batch.run(Sql::new(sql, []));
        }
        if let Some(seq) = self.messages_to {
            let add = [POSTPONE_STREAMING, ADD_MESSAGES, SET_MESSAGE_PROGRESS];
            for sql in add {
                batch = batch.run(Sql::new(sql, [seq.into()]));
            }
        }
        if let Some(seq) = self.titles_to {
            for sql in [ADD_TITLES, SET_TITLE_PROGRESS] {
                batch = batch.run(Sql::new(sql, [seq.into()]));
            }
        }
        for seq in &self.backlog {
            let add = if *seq > 0 {
                ADD_MESSAGE_FROM_BACKLOG
            } else {
                ADD_TITLE_FROM_BACKLOG
            };
            for sql in [add, REMOVE_FROM_BACKLOG] {
                batch = batch.run(Sql::new(sql, [(*seq).into()]));
            }
        }
        batch
    }
}

const POSTPONE_STREAMING: StatementText = sql!(sqlite: "\
                          INSERT INTO search_backlog (seq) SELECT seq FROM message \
                           WHERE seq > (SELECT message_seq FROM search_progress) AND seq <= ?1 \
                             AND status = 'streaming'");

const ADD_MESSAGES: StatementText = sql!(sqlite: "\
                          INSERT INTO search_text (rowid, text) SELECT seq, text FROM message \
                           WHERE seq > (SELECT message_seq FROM search_progress) AND seq <= ?1 \
                             AND status <> 'streaming'");

const SET_MESSAGE_PROGRESS: StatementText = sql!(sqlite: "\
                          UPDATE search_progress \
                             SET message_seq = max(message_seq, min(?1, ifnull((SELECT max(seq) FROM message), 0)))");

const ADD_TITLES: StatementText = sql!(sqlite: "\
                          INSERT INTO search_text (rowid, text) SELECT -seq, title FROM conversation \
                           WHERE seq > (SELECT conversation_seq FROM search_progress) AND seq <= ?1 \
                             AND title IS NOT NULL");

const SET_TITLE_PROGRESS: StatementText = sql!(sqlite: "\
                          UPDATE search_progress \
                             SET conversation_seq = max(conversation_seq, \
                                                        min(?1, ifnull((SELECT max(seq) FROM conversation), 0)))");

/// `searched_text` has the messages by their seq and the titles by the negative one.
const ADD_MESSAGE_FROM_BACKLOG: StatementText = sql!(sqlite: "\
                          INSERT INTO search_text (rowid, text) SELECT m.seq, m.text \
                            FROM search_backlog AS b CROSS JOIN message AS m ON m.seq = b.seq \
                           WHERE b.seq = ?1 AND m.status <> 'streaming'");

// The view `searched_text` would scan all conversations for one title.
const ADD_TITLE_FROM_BACKLOG: StatementText = sql!(sqlite: "\
                          INSERT INTO search_text (rowid, text) SELECT b.seq, c.title \
                            FROM search_backlog AS b CROSS JOIN conversation AS c ON c.seq = -b.seq \
                           WHERE b.seq = ?1 AND c.title IS NOT NULL");

const REMOVE_FROM_BACKLOG: StatementText = sql!(sqlite: "\
                          DELETE FROM search_backlog \
                           WHERE seq = ?1 \
                             AND NOT EXISTS (SELECT 1 FROM message WHERE seq = ?1 AND status = 'streaming')");

/// Whether FTS5 merges segments only when it is asked to.
///
/// # Errors
/// Errors of the database.
pub fn has_options(snapshot: &Snapshot) -> Result<bool, StoreError> {
    let sql = sql!(sqlite: "SELECT EXISTS (SELECT 1 FROM search_text_config WHERE k = 'automerge' AND v = 0)");
    snapshot.one(&Sql::new(sql, []), |row| row.get(0))
}

/// Stores the options of FTS5 in the file.
pub fn set_options() -> Batch {
    [
        // No merges while texts are added.
        ("automerge", 0),
        // Segments of a size from which a step merges them.
        ("usermerge", 4),
        // Segments of a size from which FTS5 merges them at once, as many deletions by
        // commands leave them. SQLite allows 2,000 segments.
        ("crisismerge", 64),
    ]
    .into_iter()
    .fold(Batch::new(), |batch, (name, value)| {
        batch.run(Sql::new(
            sql!(sqlite: "INSERT INTO search_text (search_text, rank) VALUES (?, ?)"),
            [name.into(), value.into()],
        ))
    })
}

/// Whether the index has texts.
///
/// # Errors
/// Errors of the database.
pub fn has_texts(snapshot: &Snapshot) -> Result<bool, StoreError> {
    let sql = sql!(sqlite: "SELECT message_seq > 0 OR conversation_seq > 0 FROM search_progress");
    snapshot.one(&Sql::new(sql, []), |row| row.get(0))
}

/// Empties the index.
pub fn clear() -> Batch {
    Batch::of([
        Sql::new(
            sql!(sqlite: "INSERT INTO search_text (search_text) VALUES ('delete-all')"),
            [],
        ),
        Sql::new(sql!(sqlite: "DELETE FROM search_backlog"), []),
        Sql::new(
            sql!(sqlite: "UPDATE search_progress SET message_seq = 0, conversation_seq = 0"),
            [],
        ),
        search_merge::forget(),
    ])
}

#[cfg(test)]
mod tests;
