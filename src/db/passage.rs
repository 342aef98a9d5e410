//! Passages: what search reads of a project's documents and Q&As.

use rusqlite::Row;

use super::{DbError, Snapshot};
use crate::domain::{ProjectSeq, QnaId};

/// A passage as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub source: Source,
    /// The document's; a Q&A's question.
    pub title: String,
    /// The section's; empty where it has none.
    pub heading: String,
    /// Markdown.
    pub body: String,
}

/// Where a passage is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A document, known by its address.
    Document {
        url: String,
    },
    Qna {
        id: QnaId,
    },
}

/// The passages that match an expression of FTS5, with their rank, best first.
pub fn matching(
    snapshot: &Snapshot,
    project: ProjectSeq,
    expression: &str,
    limit: usize,
) -> Result<Vec<(f64, Passage)>, DbError> {
    let mut statement = snapshot.run(
        "SELECT d.url, q.id, p.title, p.heading, p.body, bm25(passage_text) FROM passage_text t \
           JOIN passage p ON p.seq = t.rowid \
           LEFT JOIN document d ON d.seq = p.document_seq \
           LEFT JOIN qna q ON q.seq = p.qna_seq \
          WHERE passage_text MATCH ? AND p.project_seq = ? \
          ORDER BY bm25(passage_text), p.seq LIMIT ?",
    )?;
    let rows = statement.query_map((expression, project.0, limit as i64), |row| {
        Ok((row.get(5)?, from_row(row)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Passage> {
    let source = match row.get(0)? {
        Some(url) => Source::Document { url },
        None => Source::Qna {
            id: QnaId(row.get(1)?),
        },
    };
    Ok(Passage {
        source,
        title: row.get(2)?,
        heading: row.get(3)?,
        body: row.get(4)?,
    })
}
