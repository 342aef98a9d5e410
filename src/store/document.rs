//! Documents that a project learned.

use rusqlite::{OptionalExtension, Row};

use super::batch::{Batch, Rejected};
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::{Sql, uuid, value};
use crate::domain::{
    Document, DocumentId, LearnedDocument, Limit, Offset, ProjectSeq, Section, Timestamp,
};

/// What is known of a learned document without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentSummary {
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
pub fn list_all(
    snapshot: &Snapshot,
    project: ProjectSeq,
) -> Result<Vec<DocumentSummary>, StoreError> {
    let mut statement = snapshot.prepare(
        "SELECT id, url, title, hash, source, learned_at FROM document \
          WHERE project_seq = ? ORDER BY url",
    )?;
    let documents = statement.query_map([project.0], summary_from_row)?;
    Ok(documents.collect::<rusqlite::Result<_>>()?)
}

fn summary_from_row(row: &Row<'_>) -> rusqlite::Result<DocumentSummary> {
    Ok(DocumentSummary {
        id: DocumentId(row.get(0)?),
        url: row.get(1)?,
        title: row.get(2)?,
        hash: row.get(3)?,
        source: row.get(4)?,
        learned_at: Timestamp(row.get(5)?),
    })
}

/// How many documents a project has.
pub fn count(snapshot: &Snapshot, project: ProjectSeq) -> Result<u64, StoreError> {
    let mut statement = snapshot.prepare("SELECT count(*) FROM document WHERE project_seq = ?")?;
    let total: i64 = statement.query_row([project.0], |row| row.get(0))?;
    Ok(total.unsigned_abs())
}

/// Hands the documents of a page, by address, to `each`.
pub fn for_each_on_page<E: From<StoreError>>(
    snapshot: &Snapshot,
    project: ProjectSeq,
    limit: Limit,
    offset: Offset,
    mut each: impl FnMut(&LearnedDocument) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = snapshot.prepare(
        "SELECT id, url, title, learned_at, \
                (SELECT count(*) FROM passage WHERE document_seq = document.seq) \
           FROM document WHERE project_seq = ? ORDER BY url LIMIT ? OFFSET ?",
    )?;
    let rows = statement.query((project.0, limit.get() as i64, offset.get() as i64));
    let mut rows = rows.map_err(StoreError::from)?;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        each(&head(row).map_err(StoreError::from)?)?;
    }
    Ok(())
}

fn head<'r>(row: &'r Row<'_>) -> rusqlite::Result<LearnedDocument<'r>> {
    Ok(LearnedDocument {
        id: DocumentId(row.get(0)?),
        url: row.get_ref(1)?.as_str()?,
        title: row.get_ref(2)?.as_str()?,
        learned_at: Timestamp(row.get(3)?),
        passages: row.get::<_, i64>(4)?.unsigned_abs(),
    })
}

/// Hands a document of the project, with its sections, to `read`.
pub fn with_document<T>(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: DocumentId,
    read: impl FnOnce(&LearnedDocument, &[Section]) -> T,
) -> Result<Option<T>, StoreError> {
    let mut statement = snapshot.prepare(
        "SELECT id, url, title, learned_at, \
                (SELECT count(*) FROM passage WHERE document_seq = document.seq), seq \
           FROM document WHERE project_seq = ? AND id = ?",
    )?;
    let mut rows = statement.query((project.0, id.0))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let sections = sections(snapshot, row.get(5)?)?;
    Ok(Some(read(&head(row)?, &sections)))
}

fn sections(snapshot: &Snapshot, document: i64) -> Result<Vec<Section>, StoreError> {
    let mut statement = snapshot
        .prepare("SELECT heading, body FROM passage WHERE document_seq = ? ORDER BY seq")?;
    let sections = statement.query_map([document], |row| {
        Ok(Section {
            heading: row.get(0)?,
            body: row.get(1)?,
        })
    })?;
    Ok(sections.collect::<rusqlite::Result<_>>()?)
}

/// The id of the document that has an address.
pub fn find_id_by_url(
    snapshot: &Snapshot,
    project: ProjectSeq,
    url: &str,
) -> Result<Option<DocumentId>, StoreError> {
    let mut statement =
        snapshot.prepare("SELECT id FROM document WHERE project_seq = ? AND url = ?")?;
    let found = statement.query_row((project.0, url), |row| row.get(0).map(DocumentId));
    Ok(found.optional()?)
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
    /// [`NewDocument::upsert`] for a caller who relies on the id.
    ///
    /// Rejected with `DocumentExists` if the URL has a document with another id.
    pub fn upsert_with_id(&self) -> Batch {
        let guard = Sql::new(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM document \
                                       WHERE project_seq = ? AND url = ? AND id <> ?) \
                    THEN 'document_exists' END",
            [
                self.project.into(),
                self.document.url.as_str().into(),
                self.id.into(),
            ],
        );
        Batch::new()
            .guard(guard, Rejected::DocumentExists)
            .then(self.upsert())
    }

    /// The write that stores the document in the place of what its address had.
    pub fn upsert(&self) -> Batch {
        let mut batch = Batch::of([self.head(), self.delete_passages()]);
        for section in &self.document.sections {
            batch = batch.run(Sql::new(
                "INSERT INTO passage (project_seq, document_seq, title, heading, body) \
                 SELECT project_seq, seq, title, ?3, ?4 FROM document \
                  WHERE project_seq = ?1 AND url = ?2",
                [
                    value(self.project.0),
                    value(self.document.url.clone()),
                    value(section.heading.clone()),
                    value(section.body.clone()),
                ],
            ));
        }
        batch
    }

    fn head(&self) -> Sql {
        Sql::new(
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

    fn delete_passages(&self) -> Sql {
        Sql::new(
            "DELETE FROM passage WHERE document_seq = \
                (SELECT seq FROM document WHERE project_seq = ? AND url = ?)",
            [value(self.project.0), value(self.document.url.clone())],
        )
    }
}

/// there is one.
pub fn delete(project: ProjectSeq, id: DocumentId) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            "DELETE FROM document WHERE project_seq = ? AND id = ?",
            [project.into(), id.into()],
        ),
        Rejected::NotFound,
    )
}

/// [`delete`] without an expectation, for a batch that deletes many.
pub fn delete_if_present(project: ProjectSeq, id: DocumentId) -> Batch {
    Batch::of([Sql::new(
        "DELETE FROM document WHERE project_seq = ? AND id = ?",
        [project.into(), id.into()],
    )])
}
