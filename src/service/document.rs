//! Documents that a website's server sends: store and delete.

use super::Services;
use super::idempotency::Idempotency;
use crate::domain::{Document, DocumentId, LearnedDocument, ProjectSeq, Section, Timestamp};
use crate::store::document::{self, NewDocument};
use crate::store::idempotency::SavedResponse;
use crate::store::{Rejection, Snapshot, StoreError};

/// Why a document could not be deleted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeleteDocumentError {
    #[error("the project has no document {0}")]
    NotFound(DocumentId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The response to a request that stored a document. The flag says whether the
/// document's URL is new.
type Render = fn(&LearnedDocument<'_>, &[Section], bool) -> SavedResponse;

/// How often a document is stored when other requests store the same URL.
const MAX_ATTEMPTS: usize = 4;

/// Stores a document. It replaces the document with the same URL and keeps the
/// id of that document.
pub async fn store(
    services: &Services,
    project: ProjectSeq,
    document: &Document,
    hash: [u8; 32],
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, StoreError> {
    let mut attempts = 1;
    loop {
        let url = document.url.clone();
        let find = move |snapshot: &Snapshot| document::find_id_by_url(snapshot, project, &url);
        let stored_id: Option<DocumentId> = services.store.read(find).await?;
        let new = NewDocument {
            id: stored_id.unwrap_or_else(DocumentId::generate),
            project,
            document,
            hash,
            source: "",
            at: Timestamp::now(),
        };
        let response = render(&as_learned(&new), &document.sections, stored_id.is_none());
        let batch = idempotency.save(new.upsert_with_id(), &response, new.at);
        match services.store.write(batch).await {
            Err(StoreError::Rejected(Rejection::DocumentExists)) if attempts < MAX_ATTEMPTS => {
                attempts += 1;
            }
            result => return result.map(|_| response),
        }
    }
}

fn as_learned<'a>(new: &NewDocument<'a>) -> LearnedDocument<'a> {
    LearnedDocument {
        id: new.id,
        url: &new.document.url,
        title: &new.document.title,
        description: new.description(),
        learned_at: new.at,
        passages: new.document.sections.len() as u64,
    }
}

/// Deletes a document and its passages. Returns `response`, which is saved for
/// a repeated request.
///
/// # Errors
/// [`DeleteDocumentError::NotFound`] if the project has no such document.
pub async fn delete(
    services: &Services,
    project: ProjectSeq,
    id: DocumentId,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, DeleteDocumentError> {
    let batch = idempotency.save(document::delete(project, id), &response, Timestamp::now());
    match services.store.write(batch).await {
        Ok(_) => Ok(response),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(DeleteDocumentError::NotFound(id)),
        Err(error) => Err(error.into()),
    }
}
