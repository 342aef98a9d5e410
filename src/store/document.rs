//! The documents that a project has learned, and their passages.

use std::ops::ControlFlow;

use super::batch::Batch;
use super::error::StoreError;
use super::query::{RowQueue, rows_at_once, select_rows};
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{
    Document, DocumentId, LearnedDocument, Limit, MAX_DOCUMENT_DESCRIPTION_CHARS, Offset,
    ProjectSeq, Section, Timestamp,
};

/// A SELECT of the columns that [`document_from_row`] reads, and of `seq`.
macro_rules! select_documents {
    ($condition:literal) => {
        concat!(
            "SELECT id, url, title, description, learned_at, \
                    (SELECT count(*) FROM passage WHERE document_seq = document.seq), seq \
               FROM document WHERE ",
            $condition
        )
    };
}

/// A stored document without its sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentSummary {
    pub id: DocumentId,
    pub url: String,
    pub title: String,
    /// See [`NewDocument::hash`].
    pub hash: [u8; 32],
    /// See [`NewDocument::source`].
    pub source: String,
    pub learned_at: Timestamp,
}

/// All documents of a project, sorted by URL.
pub fn list_all(
    snapshot: &Snapshot,
    project: ProjectSeq,
) -> Result<Vec<DocumentSummary>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT id, url, title, hash, source, learned_at FROM document \
              WHERE project_seq = ? ORDER BY url"
        ),
        [project.into()],
    );
    snapshot.all(&sql, summary_from_row)
}

fn summary_from_row(row: Row<'_>) -> Result<DocumentSummary, StoreError> {
    Ok(DocumentSummary {
        id: row.get(0)?,
        url: row.get(1)?,
        title: row.get(2)?,
        hash: row.get(3)?,
        source: row.get(4)?,
        learned_at: row.get(5)?,
    })
}

/// The number of documents of a project.
pub fn count(snapshot: &Snapshot, project: ProjectSeq) -> Result<u64, StoreError> {
    let sql = Sql::new(
        sql!("SELECT count(*) FROM document WHERE project_seq = ?"),
        [project.into()],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// The documents of one page, sorted by URL.
pub fn page_rows(
    snapshot: &Snapshot,
    project: ProjectSeq,
    limit: Limit,
    offset: Offset,
) -> Result<DocumentRows, StoreError> {
    let sql = Sql::new(
        sql!("SELECT seq FROM document WHERE project_seq = ? ORDER BY url LIMIT ? OFFSET ?"),
        [
            project.into(),
            (limit.get() as i64).into(),
            (offset.get() as i64).into(),
        ],
    );
    let seqs = snapshot.all(&sql, |row| row.get(0))?;
    Ok(DocumentRows(RowQueue::new(seqs)))
}

/// The documents of a page, which can be read in several snapshots. A document that is
/// deleted before it is read is missing.
#[derive(Debug, Clone)]
pub struct DocumentRows(RowQueue);

impl DocumentRows {
    /// Calls `each` with the next documents until it breaks. Returns whether no document
    /// remains.
    pub fn read<E: From<StoreError>>(
        &mut self,
        snapshot: &Snapshot,
        mut each: impl FnMut(&LearnedDocument) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        let select = select_rows!(select_documents!(""), "seq");
        self.0
            .read(snapshot, select, |row| each(&document_from_row(row)?))
    }
}

fn document_from_row(row: Row<'_>) -> Result<LearnedDocument<'_>, StoreError> {
    Ok(LearnedDocument {
        id: row.get(0)?,
        url: row.get(1)?,
        title: row.get(2)?,
        description: row.get(3)?,
        learned_at: row.get(4)?,
        passages: row.get(5)?,
    })
}

/// What `read` makes of a document of the project, and a place before its sections;
/// `None` if the document does not exist.
pub fn with_document<T>(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: DocumentId,
    read: impl FnOnce(&LearnedDocument) -> T,
) -> Result<Option<(T, SectionCursor)>, StoreError> {
    let sql = Sql::new(
        sql!(select_documents!("project_seq = ? AND id = ?")),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, |row| {
        let cursor = SectionCursor::new(snapshot, row.get(6)?)?;
        Ok((read(&document_from_row(row)?), cursor))
    })
}

/// A place in the sections of a document. The sections can be read in several snapshots.
#[derive(Debug, Clone)]
pub struct SectionCursor {
    document: i64,
    /// The passages after the first of the two, up to the second.
    after: i64,
    last: i64,
}

impl SectionCursor {
    fn new(snapshot: &Snapshot, document: i64) -> Result<Self, StoreError> {
        let last = Sql::new(
            sql!("SELECT coalesce(max(seq), 0) FROM passage WHERE document_seq = ?"),
            [document.into()],
        );
        Ok(Self {
            document,
            after: 0,
            last: snapshot.one(&last, |row| row.get(0))?,
        })
    }

    /// Calls `each` with the next sections until it breaks. Returns whether no section
    /// remains.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if the document was replaced or deleted meanwhile. All its
    /// passages are replaced at once.
    pub fn read<E: From<StoreError>>(
        &mut self,
        snapshot: &Snapshot,
        mut each: impl FnMut(&Section) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        let limit = rows_at_once(snapshot, u32::MAX);
        while self.after != self.last {
            let mut rows = 0;
            let flow = snapshot.try_for_each(&self.statement(limit), |row| {
                rows += 1;
                self.after = row.get(0)?;
                each(&Section {
                    heading: row.get(1)?,
                    body: row.get(2)?,
                })
            })?;
            if flow.is_break() {
                return Ok(false);
            }
            if rows < limit && self.after != self.last {
                let error = "the document was replaced or deleted while it was sent".to_owned();
                return Err(StoreError::Internal(error).into());
            }
        }
        Ok(true)
    }

    /// Selects the next `limit` sections.
    fn statement(&self, limit: u32) -> Sql {
        Sql::new(
            sql!(
                "SELECT seq, heading, body FROM passage \
                  WHERE document_seq = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4"
            ),
            [
                self.document.into(),
                self.after.into(),
                self.last.into(),
                i64::from(limit).into(),
            ],
        )
    }
}

/// The id of the document with a URL, if it exists.
pub fn find_id_by_url(
    snapshot: &Snapshot,
    project: ProjectSeq,
    url: &str,
) -> Result<Option<DocumentId>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT id FROM document WHERE project_seq = ? AND url = ?"),
        [project.into(), url.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}

/// A document to store.
#[derive(Debug)]
pub struct NewDocument<'a> {
    /// The id of a new document. A document that replaces another one keeps the
    /// other id.
    pub id: DocumentId,
    pub project: ProjectSeq,
    pub document: &'a Document,
    /// SHA-256 of the content that the document was made of. The same content
    /// need not be stored again.
    pub hash: [u8; 32],
    /// The path of the folder or the URL of the website that the document was
    /// learned from; empty for documents of the API.
    pub source: &'a str,
    pub at: Timestamp,
}

impl<'a> NewDocument<'a> {
    /// [`NewDocument::upsert`] for a caller that relies on the id.
    ///
    /// Rejected with [`Rejection::DocumentExists`] if the URL has a document with
    /// another id.
    pub fn upsert_with_id(&self) -> Batch {
        let guard = Sql::new(
            sql!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM document \
                                           WHERE project_seq = ? AND url = ? AND id <> ?) \
                        THEN 'document_exists' END"
            ),
            [
                self.project.into(),
                self.document.url.as_str().into(),
                self.id.into(),
            ],
        );
        Batch::new()
            .guard(guard, Rejection::DocumentExists)
            .then(self.upsert())
    }

    /// Stores the document and replaces the document with the same URL.
    pub fn upsert(&self) -> Batch {
        let batch = Batch::of([self.upsert_document(), self.delete_passages()]);
        let sections = self.document.sections.iter();
        sections.fold(batch, |batch, section| {
            batch.run(self.insert_passage(section))
        })
    }

    fn upsert_document(&self) -> Sql {
        Sql::new(
            sql!(
                "INSERT INTO document (id, project_seq, url, title, hash, source, learned_at, description) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (project_seq, url) DO UPDATE SET title = excluded.title, \
                    hash = excluded.hash, source = excluded.source, \
                    learned_at = excluded.learned_at, description = excluded.description"
            ),
            [
                self.id.into(),
                self.project.into(),
                self.document.url.as_str().into(),
                self.document.title.as_str().into(),
                self.hash.into(),
                self.source.into(),
                self.at.into(),
                self.description().into(),
            ],
        )
    }

    /// The description as it is stored.
    pub fn description(&self) -> &'a str {
        let text = self.document.description.as_str();
        let end = text.char_indices().nth(MAX_DOCUMENT_DESCRIPTION_CHARS);
        end.map_or(text, |(end, _)| &text[..end])
    }

    fn delete_passages(&self) -> Sql {
        Sql::new(
            sql!(
                "DELETE FROM passage WHERE document_seq = \
                    (SELECT seq FROM document WHERE project_seq = ? AND url = ?)"
            ),
            [self.project.into(), self.document.url.as_str().into()],
        )
    }

    fn insert_passage(&self, section: &Section) -> Sql {
        Sql::new(
            sql!(
                "INSERT INTO passage (project_seq, document_seq, title, heading, body) \
                 SELECT project_seq, seq, title, ?3, ?4 FROM document \
                  WHERE project_seq = ?1 AND url = ?2"
            ),
            [
                self.project.into(),
                self.document.url.as_str().into(),
                section.heading.as_str().into(),
                section.body.as_str().into(),
            ],
        )
    }
}

/// Deletes a document and, by a foreign key, its passages.
///
/// Rejected with [`Rejection::NotFound`] if the project has no such document.
pub fn delete(project: ProjectSeq, id: DocumentId) -> Batch {
    Batch::new().run_expecting_change(delete_document(project, id), Rejection::NotFound)
}

/// Deletes a document unless another source has stored it since.
pub fn delete_of_source(project: ProjectSeq, id: DocumentId, source: &str) -> Batch {
    Batch::of([Sql::new(
        sql!("DELETE FROM document WHERE project_seq = ? AND id = ? AND source = ?"),
        [project.into(), id.into(), source.into()],
    )])
}

fn delete_document(project: ProjectSeq, id: DocumentId) -> Sql {
    Sql::new(
        sql!("DELETE FROM document WHERE project_seq = ? AND id = ?"),
        [project.into(), id.into()],
    )
}
