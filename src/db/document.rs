//! Documents that a project learned.

use rusqlite::Row;

use super::statement::{Batch, Statement, uuid, value};
use super::{DbError, Snapshot};
use crate::domain::{Document, DocumentId, ProjectSeq, Timestamp};

/// What is known of a learned document without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    pub id: DocumentId,
    pub url: String,
    pub title: String,
    /// SHA-256 of what it was learned from: the same again need not be stored.
    pub hash: [u8; 32],
    /// What it was learned with: a folder, a site; empty: the API.
    pub source: String,
    pub learned_at: Timestamp,
}

/// A project's documents, by address.
pub fn all(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<Learned>, DbError> {
    let mut statement = snapshot.run(
        "SELECT id, url, title, hash, source, learned_at FROM document \
          WHERE project_seq = ? ORDER BY url",
    )?;
    let documents = statement.query_map([project.0], learned)?;
    Ok(documents.collect::<rusqlite::Result<_>>()?)
}

fn learned(row: &Row<'_>) -> rusqlite::Result<Learned> {
    Ok(Learned {
        id: DocumentId(row.get(0)?),
        url: row.get(1)?,
        title: row.get(2)?,
        hash: row.get(3)?,
        source: row.get(4)?,
        learned_at: Timestamp(row.get(5)?),
    })
}

/// A document to be stored.
#[derive(Debug)]
pub struct NewDocument<'a> {
    /// Of a new one; one that is known by its address keeps its own.
    pub id: DocumentId,
    pub project: ProjectSeq,
    pub document: &'a Document,
    pub hash: [u8; 32],
    pub source: &'a str,
    pub at: Timestamp,
}

impl NewDocument<'_> {
    /// The write that stores the document in the place of what its address had.
    pub fn store(&self) -> Batch {
        let mut statements = vec![self.head(), self.forget_passages()];
        statements.extend(self.document.sections.iter().map(|section| {
            Statement::new(
                "INSERT INTO passage (project_seq, document_seq, title, heading, body) \
                 SELECT project_seq, seq, title, ?3, ?4 FROM document \
                  WHERE project_seq = ?1 AND url = ?2",
                [
                    value(self.project.0),
                    value(self.document.url.clone()),
                    value(section.heading.clone()),
                    value(section.body.clone()),
                ],
            )
        }));
        Batch(statements)
    }

    fn head(&self) -> Statement {
        Statement::new(
            "INSERT INTO document (id, project_seq, url, title, hash, source, learned_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (project_seq, url) DO UPDATE SET title = excluded.title, \
                hash = excluded.hash, source = excluded.source, learned_at = excluded.learned_at",
            [
                uuid(self.id.0),
                value(self.project.0),
                value(self.document.url.clone()),
                value(self.document.title.clone()),
                value(self.hash.to_vec()),
                value(self.source.to_owned()),
                value(self.at.0),
            ],
        )
    }

    fn forget_passages(&self) -> Statement {
        Statement::new(
            "DELETE FROM passage WHERE document_seq = \
                (SELECT seq FROM document WHERE project_seq = ? AND url = ?)",
            [value(self.project.0), value(self.document.url.clone())],
        )
    }
}

/// The write that forgets a document and its passages. It changes a row where
/// there is one.
pub fn forget(project: ProjectSeq, id: DocumentId) -> Batch {
    Batch::of([Statement::new(
        "DELETE FROM document WHERE project_seq = ? AND id = ?",
        [value(project.0), uuid(id.0)],
    )])
}
