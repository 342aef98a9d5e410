//! Q&As: create, change, delete. Imports are in `qna_import`.

use super::Services;
use super::idempotency::Idempotency;
use super::qna_import::ImportedQna;
use crate::domain::{Author, ProjectSeq, Qna, QnaId, Timestamp};
use crate::store::idempotency::SavedResponse;
use crate::store::qna::{self, NewQna, QnaChange, StoredQna};
use crate::store::{Batch, Rejection, Snapshot, Store, StoreError};

/// Why a Q&A could not be changed or deleted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QnaError {
    #[error("the project has no Q&A {0}")]
    NotFound(QnaId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The response to a request that created or changed a Q&A.
type Render = fn(&Qna<'_>) -> SavedResponse;

/// Creates a Q&A.
pub async fn create(
    services: &Services,
    new: NewQna,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, StoreError> {
    let response = render(&Qna {
        id: new.id,
        created_at: new.at,
        updated_at: new.at,
        question: &new.question,
        answer: &new.answer,
        created_by: Author {
            name: new.creator_name.as_deref(),
            image: new.creator_image.as_deref(),
        },
    });
    let batch = idempotency.save(new.create(), &response, new.at);
    services.store.write(batch).await?;
    Ok(response)
}

/// Changes a Q&A. A change without fields writes nothing.
///
/// # Errors
/// [`QnaError::NotFound`] if the project has no such Q&A.
pub async fn change(
    services: &Services,
    project: ProjectSeq,
    id: QnaId,
    change: QnaChange,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, QnaError> {
    let now = Timestamp::now();
    let new = change.clone();
    let read = move |snapshot: &Snapshot| {
        qna::with_qna(snapshot, project, id, true, |stored| {
            render(&changed(stored, &new, now))
        })
    };
    let response = services
        .store
        .read(read)
        .await?
        .ok_or(QnaError::NotFound(id))?;
    let batch = if change == QnaChange::default() {
        Batch::default()
    } else {
        change.update(project, id, now)
    };
    write(services, id, idempotency.save(batch, &response, now)).await?;
    Ok(response)
}

/// A Q&A after a change.
fn changed<'a>(stored: &Qna<'a>, change: &'a QnaChange, now: Timestamp) -> Qna<'a> {
    if *change == QnaChange::default() {
        return stored.clone();
    }
    let author = change.creator.as_ref().map(|(name, image)| Author {
        name: name.as_deref(),
        image: image.as_deref(),
    });
    Qna {
        question: change.question.as_deref().unwrap_or(stored.question),
        answer: change.answer.as_deref().unwrap_or(stored.answer),
        created_by: author.unwrap_or(stored.created_by),
        updated_at: now,
        ..stored.clone()
    }
}

/// Deletes a Q&A. Returns `response`, which is saved for a repeated request.
///
/// # Errors
/// [`QnaError::NotFound`] if the project has no such Q&A.
pub async fn delete(
    services: &Services,
    project: ProjectSeq,
    id: QnaId,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, QnaError> {
    let batch = idempotency.save(qna::delete(project, id), &response, Timestamp::now());
    write(services, id, batch).await?;
    Ok(response)
}

async fn write(services: &Services, id: QnaId, batch: Batch) -> Result<(), QnaError> {
    let result = services.store.write(batch).await;
    result.map(drop).map_err(|error| qna_error(error, id))
}

fn qna_error(error: StoreError, id: QnaId) -> QnaError {
    match error {
        StoreError::Rejected(Rejection::NotFound) => QnaError::NotFound(id),
        error => error.into(),
    }
}

// ── For the command line, which has a store and no server ──

/// All Q&As of a project, including unpublished ones, the oldest first.
pub fn list_blocking(store: &Store, project: ProjectSeq) -> Result<Vec<StoredQna>, StoreError> {
    store.read_blocking(|snapshot| qna::list_all(snapshot, project))
}

/// Creates a Q&A and returns its id.
pub fn create_blocking(
    store: &Store,
    project: ProjectSeq,
    qna: ImportedQna,
) -> Result<QnaId, StoreError> {
    let new = qna.into_new(project, Timestamp::now());
    store.write_blocking(new.create())?;
    Ok(new.id)
}

/// Deletes a Q&A.
///
/// # Errors
/// [`QnaError::NotFound`] if the project has no such Q&A.
pub fn delete_blocking(store: &Store, project: ProjectSeq, id: QnaId) -> Result<(), QnaError> {
    let result = store.write_blocking(qna::delete(project, id));
    result.map(drop).map_err(|error| qna_error(error, id))
}
