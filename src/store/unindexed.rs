//! Searches the texts that the search index does not have yet.
//!
//! # Problem
//!
//! New texts are added to the index in the background ([`super::search_index`]), after a
//! second in general, and after minutes if many are imported at once. A search must find
//! the newest texts nevertheless.
//!
//! # Method
//!
//! A search reads the missing texts of its scope and searches them with an index in
//! memory, which has the tokenizer of `search_text`.
//!
//! - If the whole file has few missing texts, the search reads those of its scope.
//! - Otherwise it reads the missing texts of the conversations of its scope that changed
//!   last. An import of old conversations does not hide what is written meanwhile.
//!
//! Both are limited, so the time of a search does not depend on the number of missing
//! texts. The result says whether the limits sufficed.

use std::ops::ControlFlow;

use rusqlite::Connection;

use super::error::StoreError;
use super::search_index;
use super::snapshot::{Snapshot, Transaction};
use super::sql::{Sql, Value};
use super::statement_text::StatementText;
use crate::domain::{ProjectSeq, Scope};

/// The missing texts of a file up to which all those of the scope are read.
const MAX_FILE_TEXTS: u64 = 20_000;
/// The conversations of the scope whose missing texts are read otherwise.
const MAX_CONVERSATIONS: i64 = 1_000;
/// The bytes of missing texts that are searched. They take about 50 ms.
const MAX_BYTES: usize = 1 << 20;

/// The conversations with missing texts that match.
#[derive(Debug, Default)]
pub(super) struct UnindexedMatches {
    pub conversations: Vec<i64>,
    /// Whether missing texts of the scope may not have been searched.
    pub is_partial: bool,
}

/// Searches the missing texts of a scope for an expression in the language of the
/// database. PostgreSQL searches those of the whole project.
///
/// # Errors
/// [`StoreError::IndexIncomplete`] if the index is being built for the first time and
/// lacks too many texts of the scope; errors of the database.
pub(super) fn search(
    snapshot: &Snapshot,
    scope: Scope,
    project: ProjectSeq,
    expression: &str,
) -> Result<UnindexedMatches, StoreError> {
    if let Transaction::Postgres(_) = snapshot.transaction() {
        return postgres_search(snapshot, project, expression);
    }
    let texts = if search_index::remaining(snapshot)? <= MAX_FILE_TEXTS {
        Texts::of_file(snapshot, scope)?
    } else {
        Texts::of_recent_conversations(snapshot, scope)?
    };
    if texts.is_partial && is_being_built(snapshot, scope)? {
        return Err(StoreError::IndexIncomplete);
    }
    Ok(UnindexedMatches {
        is_partial: texts.is_partial,
        conversations: texts.matching(expression)?,
    })
}

/// On PostgreSQL, `search_backlog` has all missing texts, and the newest messages are
/// searched by the server.
fn postgres_search(
    snapshot: &Snapshot,
    project: ProjectSeq,
    expression: &str,
) -> Result<UnindexedMatches, StoreError> {
    let values = || {
        [
            project.into(),
            expression.into(),
            Value::from(MAX_POSTGRES_TEXTS),
        ]
    };
    let mut conversations = Vec::new();
    for text in [POSTGRES_MESSAGES, POSTGRES_TITLES] {
        let sql = Sql::new(text, values());
        snapshot.for_each(&sql, |row| {
            conversations.push(row.get(0)?);
            Ok::<_, StoreError>(())
        })?;
    }
    let limit = [Value::from(MAX_POSTGRES_TEXTS)];
    let is_partial = Sql::new(POSTGRES_IS_PARTIAL, limit);
    Ok(UnindexedMatches {
        conversations,
        is_partial: snapshot.one(&is_partial, |row| row.get(0))?,
    })
}

/// The missing texts that PostgreSQL searches. They take about 200 ms.
const MAX_POSTGRES_TEXTS: i64 = 4_000;

const POSTGRES_MESSAGES: StatementText = sql!(postgres: "\
    SELECT DISTINCT c.seq \
      FROM (SELECT DISTINCT seq FROM search_backlog WHERE seq > 0 ORDER BY seq DESC LIMIT ?3) AS b \
      JOIN message AS m ON m.seq = b.seq JOIN conversation AS c ON c.seq = m.conversation_seq \
     WHERE c.project_seq = ?1 AND m.status <> 'streaming' \
       AND search_words(c.project_seq, m.text) @@ CAST(CAST(?2 AS TEXT) AS TSQUERY)");

const POSTGRES_TITLES: StatementText = sql!(postgres: "\
    SELECT c.seq \
      FROM (SELECT DISTINCT seq FROM search_backlog WHERE seq < 0 ORDER BY seq LIMIT ?3) AS b \
      JOIN conversation AS c ON c.seq = -b.seq \
     WHERE c.project_seq = ?1 AND c.title IS NOT NULL \
       AND search_words(c.project_seq, c.title) @@ CAST(CAST(?2 AS TEXT) AS TSQUERY)");

const POSTGRES_IS_PARTIAL: StatementText = sql!(postgres: "\
    SELECT CASE WHEN (SELECT count(*) FROM (SELECT 1 FROM search_backlog LIMIT CAST(?1 AS BIGINT) + 1) AS b) > ?1 \
           THEN 1 ELSE 0 END");

/// The missing texts of a scope.
#[derive(Default)]
struct Texts {
    /// Each text with its conversation.
    rows: Vec<(i64, String)>,
    bytes: usize,
    is_partial: bool,
}

/// The condition for the conversations of a scope, and the value of its parameter.
fn of_scope(scope: Scope) -> (&'static str, Value) {
    match scope {
        Scope::Project(seq) => ("c.project_seq = ?1", seq.into()),
        Scope::Visitor(seq) => ("c.visitor_seq = ?1", seq.into()),
    }
}

// A SELECT, and its end after the condition for the scope. An answer that is being
// streamed is found when it is complete.

const NEW_MESSAGES: [&str; 2] = [
    "SELECT c.seq, m.text \
       FROM message AS m CROSS JOIN conversation AS c ON c.seq = m.conversation_seq \
      WHERE m.seq > (SELECT message_seq FROM search_progress) \
        AND m.status <> 'streaming' AND ",
    " ORDER BY m.seq DESC",
];

const NEW_TITLES: [&str; 2] = [
    "SELECT c.seq, c.title FROM conversation AS c NOT INDEXED \
      WHERE c.seq > (SELECT conversation_seq FROM search_progress) \
        AND c.title IS NOT NULL AND ",
    " ORDER BY c.seq DESC",
];

/// Messages that were changed, and answers that were being streamed.
const MESSAGES_OF_BACKLOG: [&str; 2] = [
    "SELECT c.seq, m.text FROM search_backlog AS b CROSS JOIN message AS m ON m.seq = b.seq \
      CROSS JOIN conversation AS c ON c.seq = m.conversation_seq \
      WHERE b.seq > 0 AND m.status <> 'streaming' AND ",
    " ORDER BY b.seq DESC LIMIT 10000",
];

const TITLES_OF_BACKLOG: [&str; 2] = [
    "SELECT c.seq, c.title FROM search_backlog AS b \
      CROSS JOIN conversation AS c ON c.seq = -b.seq \
      WHERE b.seq < 0 AND c.title IS NOT NULL AND ",
    " ORDER BY b.seq LIMIT 10000",
];

impl Texts {
    /// All, the newest first.
    fn of_file(snapshot: &Snapshot, scope: Scope) -> Result<Self, StoreError> {
        let mut texts = Self::default();
        for select in [NEW_MESSAGES, NEW_TITLES] {
            texts.read_scope(snapshot, scope, select)?;
        }
        texts.read_backlog(snapshot, scope)?;
        Ok(texts)
    }

    /// Those of the conversations that changed last.
    fn of_recent_conversations(snapshot: &Snapshot, scope: Scope) -> Result<Self, StoreError> {
        let mut texts = Self::default();
        let recent = recent_conversations(snapshot, scope)?;
        texts.is_partial = recent.len() as i64 > MAX_CONVERSATIONS;
        for seq in recent {
            for select in [MESSAGES_OF_CONVERSATION, TITLE_OF_CONVERSATION] {
                texts.read(snapshot, &Sql::new(select, [seq.into()]))?;
            }
        }
        texts.read_backlog(snapshot, scope)?;
        Ok(texts)
    }

    fn read_backlog(&mut self, snapshot: &Snapshot, scope: Scope) -> Result<(), StoreError> {
        for select in [MESSAGES_OF_BACKLOG, TITLES_OF_BACKLOG] {
            self.read_scope(snapshot, scope, select)?;
        }
        Ok(())
    }

    fn read_scope(
        &mut self,
        snapshot: &Snapshot,
        scope: Scope,
        [select, end]: [&'static str; 2],
    ) -> Result<(), StoreError> {
        let (condition, value) = of_scope(scope);
        let sql = format!("{select}{condition}{end}");
        self.read(snapshot, &Sql::composed(sql, [value]))
    }

    /// Reads texts until there are too many.
    fn read(&mut self, snapshot: &Snapshot, sql: &Sql) -> Result<(), StoreError> {
        let end = snapshot.try_for_each(sql, |row| {
            if self.bytes >= MAX_BYTES {
                return Ok(ControlFlow::Break(()));
            }
            let text: String = row.get(1)?;
            self.bytes += text.len();
            self.rows.push((row.get(0)?, text));
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        self.is_partial |= end.is_break();
        Ok(())
    }

    /// The conversations whose texts match, each once.
    fn matching(self, expression: &str) -> Result<Vec<i64>, StoreError> {
        if self.rows.is_empty() {
            return Ok(Vec::new());
        }
        let index = Connection::open_in_memory()?;
        index.execute_batch(CREATE_INDEX)?;
        let mut insert = index.prepare("INSERT INTO texts (rowid, text) VALUES (?, ?)")?;
        for (rowid, (_, text)) in self.rows.iter().enumerate() {
            insert.execute((rowid as i64, text))?;
        }
        let mut select = index.prepare("SELECT rowid FROM texts WHERE texts MATCH ?")?;
        let found = select.query_map([expression], |row| row.get::<_, i64>(0))?;
        let mut conversations = Vec::new();
        for rowid in found {
            conversations.push(self.rows[rowid? as usize].0);
        }
        conversations.sort_unstable();
        conversations.dedup();
        Ok(conversations)
    }
}

/// The tokenizer is that of `search_text` in `schema.sql`.
const CREATE_INDEX: &str = "\
    CREATE VIRTUAL TABLE texts USING fts5 ( \
        text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'); \
    BEGIN";

const MESSAGES_OF_CONVERSATION: StatementText = sql!(sqlite: "\
                          SELECT conversation_seq, text FROM message \
                           WHERE conversation_seq = ?1 AND status <> 'streaming' \
                             AND seq > (SELECT message_seq FROM search_progress) \
                           ORDER BY seq DESC");

const TITLE_OF_CONVERSATION: StatementText = sql!(sqlite: "\
                          SELECT seq, title FROM conversation \
                           WHERE seq = ?1 AND title IS NOT NULL \
                             AND seq > (SELECT conversation_seq FROM search_progress)");

/// The conversations that changed last, one more than [`MAX_CONVERSATIONS`] if there are
/// more.
fn recent_conversations(snapshot: &Snapshot, scope: Scope) -> Result<Vec<i64>, StoreError> {
    let limit = Value::from(MAX_CONVERSATIONS + 1);
    let sql = match scope {
        Scope::Project(seq) => Sql::new(
            sql!(sqlite: "SELECT seq, updated_at FROM (SELECT seq, updated_at FROM conversation \
                              WHERE project_seq = ?1 AND status = 'open' ORDER BY updated_at DESC, id DESC LIMIT ?2) \
                          UNION ALL \
                          SELECT seq, updated_at FROM (SELECT seq, updated_at FROM conversation \
                              WHERE project_seq = ?1 AND status = 'closed' ORDER BY updated_at DESC, id DESC LIMIT ?2) \
                           ORDER BY updated_at DESC LIMIT ?2"),
            [seq.into(), limit],
        ),
        Scope::Visitor(seq) => Sql::new(
            sql!(sqlite: "SELECT seq FROM conversation WHERE visitor_seq = ? \
                           ORDER BY last_interaction_at DESC, id DESC LIMIT ?"),
            [seq.into(), limit],
        ),
    };
    snapshot.all(&sql, |row| row.get(0))
}

/// Whether the first build of the index will reach a text of the scope soon. This reads
/// a limited number of texts, so it can miss that one follows later.
fn is_being_built(snapshot: &Snapshot, scope: Scope) -> Result<bool, StoreError> {
    if !search_index::is_first_build(snapshot)? {
        return Ok(false);
    }
    let (condition, value) = of_scope(scope);
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM search_progress AS p CROSS JOIN message AS m \
                 CROSS JOIN conversation AS c ON c.seq = m.conversation_seq \
                 WHERE m.seq > p.message_seq AND m.seq <= p.message_seq + {MAX_FILE_TEXTS} \
                   AND {condition}) \
             OR EXISTS (SELECT 1 FROM search_progress AS p CROSS JOIN conversation AS c NOT INDEXED \
                 WHERE c.seq > p.conversation_seq \
                   AND c.seq <= p.conversation_seq + {MAX_FILE_TEXTS} AND {condition})"
    );
    snapshot.one(&Sql::composed(sql, [value]), |row| row.get(0))
}

#[cfg(test)]
mod tests;
