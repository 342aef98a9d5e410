//! Passages: the parts of a project's documents and Q&As that search reads.

use std::ops::ControlFlow;

use super::error::StoreError;
use super::query::{RowQueue, select_rows};
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use super::statement_text::StatementText;
use crate::domain::{PassageSeq, ProjectSeq, QnaId};

/// A number that changes with every change of any passage of the database.
pub fn knowledge_version(snapshot: &Snapshot) -> Result<i64, StoreError> {
    let sql = Sql::new(sql!("SELECT version FROM passage_version"), []);
    snapshot.one(&sql, |row| row.get(0))
}

/// The row ids of a project's passages in ascending order.
pub fn list_seqs(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<PassageSeq>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT seq FROM passage WHERE project_seq = ? ORDER BY seq"),
        [project.into()],
    );
    snapshot.all(&sql, |row| row.get(0))
}

/// Whether a project has passages.
pub fn has_any(snapshot: &Snapshot, project: ProjectSeq) -> Result<bool, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM passage WHERE project_seq = ?) THEN 1 ELSE 0 END"
        ),
        [project.into()],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// A passage with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub source: PassageSource,
    /// The title of the document, or the question of the Q&A.
    pub title: String,
    /// The heading of the section; empty if it has none.
    pub heading: String,
    /// Markdown.
    pub body: String,
}

/// The document or Q&A that a passage is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassageSource {
    Document { url: String },
    Qna { id: QnaId },
}

/// The passages of the project with these row ids, in their order. Those that do not exist
/// are missing.
pub fn find_all(
    snapshot: &Snapshot,
    project: ProjectSeq,
    seqs: &[PassageSeq],
) -> Result<Vec<(PassageSeq, Passage)>, StoreError> {
    let select = select_rows!(
        "SELECT document.url, qna.id, passage.title, passage.heading, passage.body, \
                passage.project_seq, passage.seq FROM passage \
           LEFT JOIN document ON document.seq = passage.document_seq \
           LEFT JOIN qna ON qna.seq = passage.qna_seq \
          WHERE",
        "passage.seq"
    );
    let mut passages = Vec::with_capacity(seqs.len());
    for_each(snapshot, seqs, select, |row| {
        if project == row.get(5)? {
            passages.push((row.get(6)?, passage_from_row(row)?));
        }
        Ok(())
    })?;
    Ok(passages)
}

/// Calls `each` with the rows of the passages that exist, in the order of `seqs`. `select`
/// is a text of [`select_rows`].
fn for_each(
    snapshot: &Snapshot,
    seqs: &[PassageSeq],
    select: StatementText,
    mut each: impl FnMut(Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut rows = RowQueue::new(seqs.iter().map(|seq| seq.0).collect());
    let every_row = |row: Row<'_>| each(row).map(ControlFlow::Continue);
    rows.read(snapshot, select, every_row).map(drop)
}

fn passage_from_row(row: Row<'_>) -> Result<Passage, StoreError> {
    let source = match row.get(0)? {
        Some(url) => PassageSource::Document { url },
        None => PassageSource::Qna { id: row.get(1)? },
    };
    Ok(Passage {
        source,
        title: row.get(2)?,
        heading: row.get(3)?,
        body: row.get(4)?,
    })
}

/// The text of a passage, borrowed from its row.
#[derive(Debug)]
pub struct PassageText<'r> {
    /// The row id of the document; `None` for a Q&A.
    pub document: Option<i64>,
    /// The address of the document; empty for a Q&A.
    pub url: &'r str,
    pub title: &'r str,
    /// The description of the document; empty for a Q&A.
    pub description: &'r str,
    pub heading: &'r str,
    pub body: &'r str,
}

/// Calls `read` with the texts of the passages of the project that exist, in the order of
/// `seqs`.
pub fn for_each_text(
    snapshot: &Snapshot,
    project: ProjectSeq,
    seqs: &[PassageSeq],
    mut read: impl FnMut(PassageSeq, &PassageText<'_>),
) -> Result<(), StoreError> {
    let select = select_rows!(
        "SELECT document_seq, coalesce(document.url, ''), passage.title, \
                coalesce(document.description, ''), heading, body, \
                passage.project_seq, passage.seq FROM passage \
           LEFT JOIN document ON document.seq = passage.document_seq \
          WHERE",
        "passage.seq"
    );
    for_each(snapshot, seqs, select, |row| {
        if project != row.get(6)? {
            return Ok(());
        }
        let text = PassageText {
            document: row.get(0)?,
            url: row.get(1)?,
            title: row.get(2)?,
            description: row.get(3)?,
            heading: row.get(4)?,
            body: row.get(5)?,
        };
        read(row.get(7)?, &text);
        Ok(())
    })
}
