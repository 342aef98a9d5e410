//! Sources that the server learns in the background.
//!
//! A run has a thread of its own, because converting pages takes CPU time. A project has
//! one run at a time, and the server at most `MAX_RUNS`. Of several nodes, each has its own
//! runs; the database tells which sources the others learn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use url::Url;

use super::Services;
use super::idempotency::Idempotency;
use super::learn::{LearnError, LearnSource, Learner, ProgressObserver, RunNotes};
use crate::domain::{
    DEFAULT_MAX_PAGES, ProjectSeq, RunReport, Source, SourceId, SourceKind, Timestamp,
    ValidationError, page_address, parse_web_url,
};
use crate::learn::WebsiteSource;
use crate::redaction::redact;
use crate::store::idempotency::SavedResponse;
use crate::store::{Rejection, Snapshot, SourceLock, Store, StoreError, source};

/// The runs of all projects at the same time.
const MAX_RUNS: usize = 2;

/// The longest time from the stored end of a run to the end of its thread.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);

/// How long a cancelled run may take to end. It ends after the page that it converts.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest time from the stored begin of a run to the lock of its thread.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a run looks whether another node has deleted its source.
const DELETION_INTERVAL: Duration = Duration::from_secs(1);

/// How often a request looks whether the run of another process has ended.
const END_INTERVAL: Duration = Duration::from_millis(100);

/// Why a source could not be learned or deleted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    #[error("the project has no source {0}")]
    NotFound(SourceId),
    #[error("the project has a source of the address")]
    Exists,
    #[error("the project has as many sources as it may have")]
    TooMany,
    /// The project learns a source already.
    #[error("a source of the project is being learned")]
    Running,
    /// Other projects learn sources.
    #[error("the server learns as many sources as it may")]
    Busy,
    #[error("the server learns websites only")]
    Folder,
    /// A cancelled run has not ended in time.
    #[error("the run of the source does not end")]
    StillRunning,
    #[error("the address is invalid")]
    Url(#[from] InvalidUrl),
    #[error("a thread could not be started: {0}")]
    Thread(Arc<std::io::Error>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An address that cannot be a source.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.reason)]
pub struct InvalidUrl(pub ValidationError);

/// The runs of this process, by project.
#[derive(Debug, Default)]
pub struct SourceRuns {
    running: Mutex<HashMap<ProjectSeq, ActiveRun>>,
    /// Notifies all waiters when a run has ended.
    end: Notify,
    /// Whether sources may have addresses of private networks.
    pub allows_private: bool,
}

#[derive(Debug)]
struct ActiveRun {
    source: SourceId,
    cancel: watch::Sender<bool>,
}

impl SourceRuns {
    pub fn new(allows_private: bool) -> Self {
        Self {
            allows_private,
            ..Self::default()
        }
    }

    /// Cancels all runs.
    pub fn cancel_all(&self) {
        for run in self.lock().values() {
            run.cancel.send_replace(true);
        }
    }

    /// Cancels all runs, and waits until they have ended, at most 20 seconds.
    pub async fn shut_down(&self) {
        self.cancel_all();
        if tokio::time::timeout(CANCEL_TIMEOUT, self.wait_until(HashMap::is_empty))
            .await
            .is_err()
        {
            log::warn!("a source is still being learned; its run is marked as failed later");
        }
    }

    /// Cancels the run of a source, and waits until it has ended.
    async fn cancel(&self, project: ProjectSeq, source: SourceId) -> Result<(), SourceError> {
        let is_of_source = |runs: &HashMap<ProjectSeq, ActiveRun>| {
            runs.get(&project).is_some_and(|run| run.source == source)
        };
        if let Some(run) = self.lock().get(&project).filter(|run| run.source == source) {
            run.cancel.send_replace(true);
        }
        let ended = self.wait_until(|runs| !is_of_source(runs));
        let result = tokio::time::timeout(CANCEL_TIMEOUT, ended).await;
        result.map_err(|_| SourceError::StillRunning)
    }

    async fn wait_until(&self, condition: impl Fn(&HashMap<ProjectSeq, ActiveRun>) -> bool) {
        loop {
            // Created before the check, so that no end is missed.
            let end = self.end.notified();
            if condition(&self.lock()) {
                return;
            }
            end.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProjectSeq, ActiveRun>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves the run of a project. A run that has just stored its end is waited for.
    async fn reserve_soon(
        self: &Arc<Self>,
        project: ProjectSeq,
        source: SourceId,
    ) -> Result<Reservation, SourceError> {
        match self.reserve(project, source) {
            Err(SourceError::Running) => {
                let ended = self.wait_until(|runs| !runs.contains_key(&project));
                let _ = tokio::time::timeout(RELEASE_TIMEOUT, ended).await;
                self.reserve(project, source)
            }
            result => result,
        }
    }

    /// Reserves the run of a project.
    fn reserve(
        self: &Arc<Self>,
        project: ProjectSeq,
        source: SourceId,
    ) -> Result<Reservation, SourceError> {
        let mut running = self.lock();
        if running.contains_key(&project) {
            return Err(SourceError::Running);
        }
        if running.len() >= MAX_RUNS {
            return Err(SourceError::Busy);
        }
        let (cancel, cancelled) = watch::channel(false);
        running.insert(project, ActiveRun { source, cancel });
        Ok(Reservation {
            runs: self.clone(),
            project,
            source,
            cancelled,
        })
    }
}

/// The run of a project, until it is dropped.
struct Reservation {
    runs: Arc<SourceRuns>,
    project: ProjectSeq,
    source: SourceId,
    cancelled: watch::Receiver<bool>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.runs.lock().remove(&self.project);
        self.runs.end.notify_waiters();
    }
}

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
    match services
        .store
        .write(idempotency.save(begin, &response, now))
        .await
    {
        Ok(_) => {}
        Err(StoreError::Rejected(Rejection::NotFound)) => return Err(SourceError::NotFound(id)),
        Err(error) => return Err(error.into()),
    }
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

/// Learns a source of `--learn` when the project learns no other source, and waits for the
/// end.
///
/// # Errors
/// [`SourceError::Thread`].
pub async fn run_scheduled(
    store: &Arc<Store>,
    runs: &Arc<SourceRuns>,
    project: ProjectSeq,
    id: SourceId,
    source: LearnSource,
) -> Result<(), SourceError> {
    let reservation = loop {
        if let Ok(reservation) = runs.reserve(project, id) {
            break reservation;
        }
        runs.wait_until(|running| !running.contains_key(&project) && running.len() < MAX_RUNS)
            .await;
    };
    start(store, source, false, reservation)?;
    let is_running = |run: &ActiveRun| run.source == id;
    runs.wait_until(|running| !running.get(&project).is_some_and(is_running))
        .await;
    Ok(())
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

/// Starts the thread of a run.
fn start(
    store: &Arc<Store>,
    source: LearnSource,
    allow_removals: bool,
    reservation: Reservation,
) -> Result<(), SourceError> {
    let store = store.clone();
    let builder = thread::Builder::new().name("learn".to_owned());
    let spawned = builder.spawn(move || run(&store, &source, allow_removals, reservation));
    spawned
        .map(drop)
        .map_err(|error| SourceError::Thread(Arc::new(error)))
}

fn run(store: &Store, source: &LearnSource, allow_removals: bool, mut reservation: Reservation) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return log::error!("a source could not be learned: {error}"),
    };
    let (project, id) = (reservation.project, reservation.source);
    let learner = Learner::new(store, project, &RunLog);
    let mut learner = learner.allow_removals(allow_removals).only_stored(id);
    let result = runtime.block_on(async {
        let cancelled = async {
            let cancelled = reservation.cancelled.wait_for(|cancelled| *cancelled).await;
            cancelled.map(drop)
        };
        let result = tokio::select! {
            result = learner.learn(source) => result,
            _ = cancelled => Ok(()),
            () = wait_for_deletion(store, project, id) => Ok(()),
        };
        learner
            .stop("The run was interrupted; learn the source again")
            .await?;
        result
    });
    match result {
        Ok(()) => log::info!("{}: {}", source.location(), learner.summary()),
        Err(LearnError::Store(StoreError::Rejected(Rejection::NotFound))) => {
            log::info!("{} was deleted before its run began", source.location());
        }
        Err(LearnError::Store(error)) => {
            log::error!("{} could not be learned: {error}", source.location());
        }
        Err(error) => log::warn!("{}", redact(&error.to_string())),
    }
}

/// Returns when another node has deleted the source.
async fn wait_for_deletion(store: &Store, project: ProjectSeq, id: SourceId) {
    if !store.has_outbox() {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(DELETION_INTERVAL).await;
        let find = move |snapshot: &Snapshot| source::find(snapshot, project, id);
        if matches!(store.read(find).await, Ok(None)) {
            return;
        }
    }
}

/// Writes the summary of a run to the log.
struct RunLog;

impl ProgressObserver for RunLog {
    fn add_pages(&self, _: usize) {}

    fn page_done(&self, _: &str) {}

    fn run_ended(&self, location: &str, notes: &RunNotes) {
        for line in notes.summary() {
            log::info!("learning {location}: {line}");
        }
    }
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
    match services.store.write(batch).await {
        Ok(_) => {}
        Err(StoreError::Rejected(Rejection::NotFound)) => return Err(SourceError::NotFound(id)),
        Err(error) => return Err(error.into()),
    }
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
