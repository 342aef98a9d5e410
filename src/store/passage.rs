//! Passages: the parts of a project's documents and Q&As that search reads.

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
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

/// A passage of the project, if it exists.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    seq: PassageSeq,
) -> Result<Option<Passage>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT document.url, qna.id, passage.title, passage.heading, passage.body FROM passage \
               LEFT JOIN document ON document.seq = passage.document_seq \
               LEFT JOIN qna ON qna.seq = passage.qna_seq \
              WHERE passage.seq = ? AND passage.project_seq = ?"
        ),
        [seq.into(), project.into()],
    );
    snapshot.optional(&sql, passage_from_row)
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

/// Calls `read` with the text of a passage of the project, if it exists.
pub fn with_text(
    snapshot: &Snapshot,
    project: ProjectSeq,
    seq: PassageSeq,
    read: impl FnOnce(&PassageText<'_>),
) -> Result<(), StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT document_seq, coalesce(document.url, ''), passage.title, \
                    coalesce(document.description, ''), heading, body FROM passage \
               LEFT JOIN document ON document.seq = passage.document_seq \
              WHERE passage.seq = ? AND passage.project_seq = ?"
        ),
        [seq.into(), project.into()],
    );
    let found = snapshot.optional(&sql, |row| {
        read(&PassageText {
            document: row.get(0)?,
            url: row.get(1)?,
            title: row.get(2)?,
            description: row.get(3)?,
            heading: row.get(4)?,
            body: row.get(5)?,
        });
        Ok(())
    });
    found.map(|_| ())
}
