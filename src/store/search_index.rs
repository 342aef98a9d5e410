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
//!   being written when their turn came, and texts that were changed since.
//!
//! A background task ([`crate::service::message_indexer`]) adds the texts in steps:
//! [`next_step`] reads what is missing, [`IndexStep::batch`] adds it.
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
use super::snapshot::Snapshot;
use super::sql::Sql;

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
}

/// Reads what the index lacks.
///
/// # Errors
/// Errors of the database.
pub fn next_step(snapshot: &Snapshot) -> Result<IndexStep, StoreError> {
    let (messages_to, has_all_messages) = range_end(snapshot, NEW_MESSAGES)?;
    let (titles_to, has_all_titles) = range_end(snapshot, NEW_TITLES)?;
    let backlog = snapshot.all(&Sql::new(BACKLOG, [MAX_STEP_ROWS.into()]), |row| row.get(0))?;
    Ok(IndexStep {
        is_last: has_all_messages && has_all_titles && (backlog.len() as i64) < MAX_STEP_ROWS,
        remaining: snapshot.one(&Sql::new(REMAINING, []), |row| row.get(0))?,
        messages_to,
        titles_to,
        backlog,
    })
}

const NEW_MESSAGES: &str = "\
    SELECT seq, octet_length(text) FROM message \
     WHERE seq > (SELECT message_seq FROM search_progress) ORDER BY seq LIMIT ?";

const NEW_TITLES: &str = "\
    SELECT seq, ifnull(octet_length(title), 0) FROM conversation \
     WHERE seq > (SELECT conversation_seq FROM search_progress) ORDER BY seq LIMIT ?";

/// The rows of the backlog that can be added, or whose row was deleted.
const BACKLOG: &str = "\
    SELECT b.seq FROM search_backlog AS b LEFT JOIN message AS m ON m.seq = b.seq \
     WHERE m.status IS NOT 'streaming' ORDER BY b.seq LIMIT ?";

const REMAINING: &str = "\
    SELECT ifnull((SELECT max(seq) FROM message), 0) - message_seq \
         + ifnull((SELECT max(seq) FROM conversation), 0) - conversation_seq \
      FROM search_progress";

/// The last row of a step, and whether it is the last row of the table. `None` if
/// there is no row after the progress.
fn range_end(snapshot: &Snapshot, rows: &'static str) -> Result<(Option<i64>, bool), StoreError> {
    let rows: Vec<(i64, u64)> = snapshot.all(&Sql::new(rows, [MAX_STEP_ROWS.into()]), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let mut bytes = 0;
    let fits = |(_, length): &&(i64, u64)| {
        let is_below = bytes < MAX_STEP_BYTES;
        bytes += length;
        is_below
    };
    let count = rows.iter().take_while(fits).count();
    let has_all = count == rows.len() && (rows.len() as i64) < MAX_STEP_ROWS;
    let last = rows[..count].last();
    Ok((last.map(|(seq, _)| *seq), has_all))
}

impl IndexStep {
    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.messages_to.is_none() && self.titles_to.is_none() && self.backlog.is_empty()
    }

    /// The writes of the step. They are correct for any change of the rows since
    /// [`next_step`].
    pub fn batch(&self) -> Batch {
        let mut batch = Batch::new();
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
            for sql in [ADD_FROM_BACKLOG, REMOVE_FROM_BACKLOG] {
                batch = batch.run(Sql::new(sql, [(*seq).into()]));
            }
        }
        batch
    }
}

const POSTPONE_STREAMING: &str = "\
    INSERT INTO search_backlog (seq) SELECT seq FROM message \
     WHERE seq > (SELECT message_seq FROM search_progress) AND seq <= ?1 \
       AND status = 'streaming'";

const ADD_MESSAGES: &str = "\
    INSERT INTO search_text (rowid, text) SELECT seq, text FROM message \
     WHERE seq > (SELECT message_seq FROM search_progress) AND seq <= ?1 \
       AND status <> 'streaming'";

const SET_MESSAGE_PROGRESS: &str = "\
    UPDATE search_progress \
       SET message_seq = max(message_seq, min(?1, ifnull((SELECT max(seq) FROM message), 0)))";

const ADD_TITLES: &str = "\
    INSERT INTO search_text (rowid, text) SELECT -seq, title FROM conversation \
     WHERE seq > (SELECT conversation_seq FROM search_progress) AND seq <= ?1 \
       AND title IS NOT NULL";

const SET_TITLE_PROGRESS: &str = "\
    UPDATE search_progress \
       SET conversation_seq = max(conversation_seq, \
                                  min(?1, ifnull((SELECT max(seq) FROM conversation), 0)))";

/// `searched_text` has the messages by their seq and the titles by the negative one.
const ADD_FROM_BACKLOG: &str = "\
    INSERT INTO search_text (rowid, text) SELECT t.seq, t.text \
      FROM search_backlog AS b JOIN searched_text AS t ON t.seq = b.seq \
     WHERE b.seq = ?1 \
       AND NOT EXISTS (SELECT 1 FROM message WHERE seq = ?1 AND status = 'streaming')";

const REMOVE_FROM_BACKLOG: &str = "\
    DELETE FROM search_backlog \
     WHERE seq = ?1 \
       AND NOT EXISTS (SELECT 1 FROM message WHERE seq = ?1 AND status = 'streaming')";

/// Whether the index has texts.
///
/// # Errors
/// Errors of the database.
pub fn has_texts(snapshot: &Snapshot) -> Result<bool, StoreError> {
    let sql = "SELECT message_seq > 0 OR conversation_seq > 0 FROM search_progress";
    snapshot.one(&Sql::new(sql, []), |row| row.get(0))
}

/// Empties the index.
pub fn clear() -> Batch {
    Batch::of([
        Sql::new(
            "INSERT INTO search_text (search_text) VALUES ('delete-all')",
            [],
        ),
        Sql::new("DELETE FROM search_backlog", []),
        Sql::new(
            "UPDATE search_progress SET message_seq = 0, conversation_seq = 0",
            [],
        ),
    ])
}

#[cfg(test)]
mod tests;
