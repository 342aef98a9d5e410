//! Passages: what search reads of a project's documents and Q&As.

use rusqlite::{OptionalExtension, Row};

use super::error::StoreError;
use super::snapshot::Snapshot;
use crate::domain::{PassageSeq, ProjectSeq, QnaId};

/// Which state of the knowledge this is: another number, another state.
pub fn knowledge_version(snapshot: &Snapshot) -> Result<i64, StoreError> {
    let mut statement = snapshot.prepare("SELECT version FROM passage_version")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The numbers of a project's passages, in ascending order.
pub fn list_seqs(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<PassageSeq>, StoreError> {
    let mut statement =
        snapshot.prepare("SELECT seq FROM passage WHERE project_seq = ? ORDER BY seq")?;
    let passages = statement.query_map([project.0], |row| row.get(0).map(PassageSeq))?;
    Ok(passages.collect::<rusqlite::Result<_>>()?)
}

/// A passage as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub source: PassageSource,
    /// The document's; a Q&A's question.
    pub title: String,
    /// The section's; empty where it has none.
    pub heading: String,
    /// Markdown.
    pub body: String,
}

/// Where a passage is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassageSource {
    /// A document, known by its address.
    Document {
        url: String,
    },
    Qna {
        id: QnaId,
    },
}

/// One passage of a project.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    seq: PassageSeq,
) -> Result<Option<Passage>, StoreError> {
    let mut statement = snapshot.prepare(
        "SELECT document.url, qna.id, passage.title, passage.heading, passage.body FROM passage \
           LEFT JOIN document ON document.seq = passage.document_seq \
           LEFT JOIN qna ON qna.seq = passage.qna_seq \
          WHERE passage.seq = ? AND passage.project_seq = ?",
    )?;
    let found = statement.query_row([seq.0, project.0], from_row);
    Ok(found.optional()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Passage> {
    let source = match row.get(0)? {
        Some(url) => PassageSource::Document { url },
        None => PassageSource::Qna {
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

/// The words of a passage, borrowed from its row.
#[derive(Debug)]
pub struct PassageText<'r> {
    /// The row of the document; none: a Q&A.
    pub document: Option<i64>,
    pub title: &'r str,
    pub heading: &'r str,
    pub body: &'r str,
}

/// Has `visit` read the words of a passage of the project, where there is one.
pub fn with_text(
    snapshot: &Snapshot,
    project: ProjectSeq,
    seq: PassageSeq,
    visit: impl FnOnce(&PassageText<'_>),
) -> Result<(), StoreError> {
    let mut statement = snapshot.prepare(
        "SELECT document_seq, title, heading, body FROM passage \
          WHERE seq = ? AND project_seq = ?",
    )?;
    let mut rows = statement.query([seq.0, project.0])?;
    if let Some(row) = rows.next()? {
        visit(&PassageText {
            document: row.get(0)?,
            title: text(row, 1)?,
            heading: text(row, 2)?,
            body: text(row, 3)?,
        });
    }
    Ok(())
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(column)?.as_str()?)
}
