//! The runs of sources that the server learns in the background.
//!
//! A run has a thread of its own, because converting pages takes CPU time. A project has
//! one run at a time, and the server at most `MAX_RUNS`. Of several nodes, each has its own
//! runs; the database tells which sources the others learn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::learn::{LearnError, LearnSource, Learner, ProgressObserver, RunNotes};
use super::source_error::SourceError;
use crate::domain::{ProjectSeq, SourceId};
use crate::redaction::redact;
use crate::store::{Rejection, Snapshot, Store, StoreError, source};

/// The runs of all projects at the same time.
const MAX_RUNS: usize = 2;

/// The longest time from the stored end of a run to the end of its thread.
pub(super) const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);

/// How long a cancelled run may take to end. It ends after the page that it converts.
pub(super) const CANCEL_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a run looks whether another node has deleted its source.
const DELETION_INTERVAL: Duration = Duration::from_secs(1);

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
    pub(super) async fn cancel(
        &self,
        project: ProjectSeq,
        source: SourceId,
    ) -> Result<(), SourceError> {
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
    pub(super) async fn reserve_soon(
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
pub(super) struct Reservation {
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

/// Starts the thread of a run.
pub(super) fn start(
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
