//! The use cases of sources that the server learns in the background (`source_runs`).

use std::time::{Duration, Instant};

use url::Url;

use super::Services;
use super::idempotency::Idempotency;
use super::learn::LearnSource;
pub use super::source_error::{InvalidUrl, SourceError};
use super::source_runs::{CANCEL_TIMEOUT, RELEASE_TIMEOUT, Reservation, start};
use crate::domain::{
    DEFAULT_MAX_PAGES, ProjectSeq, RunReport, Source, SourceId, SourceKind, Timestamp,
    ValidationError, page_address, parse_web_url,
};
use crate::learn::WebsiteSource;
use crate::store::idempotency::SavedResponse;
use crate::store::{Batch, Rejection, Snapshot, SourceLock, Store, StoreError, source};

/// The longest time from the stored begin of a run to the lock of its thread.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a request looks whether the run of another process has ended.
const END_INTERVAL: Duration = Duration::from_millis(100);

/// The response with a source.
type Render = fn(&Source) -> SavedResponse;

/// Adds a website and begins to learn it.
///
/// # Errors
/// See [`SourceError`].
pub async fn create(
    services: &Services,
    project: ProjectSeq,
    url: &str,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, SourceError> {
    let url = source_url(url)?;
    let now = Timestamp::now();
    let source = Source {
        id: SourceId::generate(),
        location: url.as_str().to_owned(),
        kind: SourceKind::Website,
        started_at: Some(now),
        finished_at: None,
        documents: 0,
        error: None,
        report: RunReport::default(),
        interval_s: None,
    };
    let reservation = services
        .source_runs
        .reserve_soon(project, source.id)
        .await?;
    refuse_run_of_other_node(services, project).await?;
    let response = render(&source);
    let batch = idempotency.save(source::create(project, &source), &response, now);
    match services.store.write(batch).await {
        Ok(_) => {}
        Err(StoreError::Rejected(Rejection::NameExists)) => return Err(SourceError::Exists),
        Err(StoreError::Rejected(Rejection::LimitReached)) => return Err(SourceError::TooMany),
        Err(error) => return Err(error.into()),
    }
    start_website(services, url, false, reservation)?;
    Ok(response)
}

/// An address of the web without user name, password and fragment.
fn source_url(text: &str) -> Result<Url, InvalidUrl> {
    let url = page_address(text).filter(|address| address == text);
    let url = url.as_deref().and_then(parse_web_url);
    let mut url = url.ok_or_else(|| {
        let reason = "must be an http or https URL without user name and password; for a website \
                      that needs them use `parlor learn`";
        InvalidUrl(ValidationError::new("url", reason))
    })?;
    url.set_fragment(None);
    Ok(url)
}

/// Begins to learn a website again. With `allow_removals`, the run may delete any number of
/// documents.
///
/// # Errors
/// See [`SourceError`].
pub async fn learn(
    services: &Services,
    project: ProjectSeq,
    id: SourceId,
    allow_removals: bool,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, SourceError> {
    let stored = find(services, project, id).await?;
    if stored.kind == SourceKind::Folder {
        return Err(SourceError::Folder);
    }
    let url = source_url(&stored.location)?;
    let reservation = services.source_runs.reserve_soon(project, id).await?;
    refuse_run_of_other_node(services, project).await?;
    // A run that has just stored its end is waited for.
    if !ends_elsewhere(&services.store, project, &stored.location, RELEASE_TIMEOUT).await {
        return Err(SourceError::Running);
    }
    let now = Timestamp::now();
    let source = Source {
        started_at: Some(now),
        finished_at: None,
        error: None,
        ..stored
    };
    let response = render(&source);
    let begin = source::begin_stored_run(project, id, now);
    write_stored(&services.store, id, idempotency.save(begin, &response, now)).await?;
    start_website(services, url, allow_removals, reservation)?;
    Ok(response)
}

/// Refuses a run if another node learns a source of the project.
async fn refuse_run_of_other_node(
    services: &Services,
    project: ProjectSeq,
) -> Result<(), SourceError> {
    if !services.store.has_outbox() {
        return Ok(());
    }
    let list = move |snapshot: &Snapshot| source::list(snapshot, project);
    let sources = services.store.read(list).await?;
    let recent = Timestamp::now().minus(START_TIMEOUT);
    let is_running = |source: &Source| match (source.started_at, source.finished_at) {
        (Some(start), None) => {
            start > recent || is_learned_elsewhere(&services.store, project, &source.location)
        }
        _ => false,
    };
    if sources.iter().any(is_running) {
        return Err(SourceError::Running);
    }
    Ok(())
}

/// Whether `parlor learn` or another node learns the source at the moment.
fn is_learned_elsewhere(store: &Store, project: ProjectSeq, location: &str) -> bool {
    // The run reports other errors.
    matches!(SourceLock::try_acquire(store, project, location), Ok(None))
}

async fn find(
    services: &Services,
    project: ProjectSeq,
    id: SourceId,
) -> Result<Source, SourceError> {
    let find = move |snapshot: &Snapshot| source::find(snapshot, project, id);
    let found = services.store.read(find).await?;
    found.ok_or(SourceError::NotFound(id))
}

/// Runs a batch that is rejected with `NotFound` if the source was deleted.
async fn write_stored(store: &Store, id: SourceId, batch: Batch) -> Result<(), SourceError> {
    match store.write(batch).await {
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(SourceError::NotFound(id)),
        result => Ok(result.map(drop)?),
    }
}

fn start_website(
    services: &Services,
    url: Url,
    allow_removals: bool,
    reservation: Reservation,
) -> Result<(), SourceError> {
    let allows_private = services.source_runs.allows_private;
    let website = WebsiteSource::new(url, DEFAULT_MAX_PAGES as usize, allows_private);
    let source = LearnSource::Website(website);
    start(&services.store, source, allow_removals, reservation)
}

/// Deletes a source with its documents, and cancels its run. Returns `response`, which is
/// saved for a repeated request.
///
/// # Errors
/// See [`SourceError`].
pub async fn delete(
    services: &Services,
    project: ProjectSeq,
    id: SourceId,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, SourceError> {
    let location = find(services, project, id).await?.location;
    services.source_runs.cancel(project, id).await?;
    delete_documents(&services.store, project, &location).await?;
    let batch = idempotency.save(source::delete(project, id), &response, Timestamp::now());
    write_stored(&services.store, id, batch).await?;
    if services.store.has_outbox() {
        // A run ends when it notices the deletion.
        ends_elsewhere(&services.store, project, &location, CANCEL_TIMEOUT).await;
        delete_documents(&services.store, project, &location).await?;
    }
    Ok(response)
}

/// Deletes the documents of a source in steps.
async fn delete_documents(
    store: &Store,
    project: ProjectSeq,
    location: &str,
) -> Result<(), StoreError> {
    loop {
        let delete = source::delete_documents(project, location);
        let deleted = store.write(delete).await?;
        if source::deleted_documents(&deleted) == 0 {
            return Ok(());
        }
    }
}

/// Waits until neither `parlor learn` nor another node learns a source. Returns whether that
/// is so before the timeout.
async fn ends_elsewhere(
    store: &Store,
    project: ProjectSeq,
    location: &str,
    timeout: Duration,
) -> bool {
    let deadline = Instant::now() + timeout;
    while is_learned_elsewhere(store, project, location) {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(END_INTERVAL).await;
    }
    true
}
