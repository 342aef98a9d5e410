//! The state of a server process, shared by all requests. [`crate::server`] runs it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::access::{Authenticator, MemoryBudget, SigningKeys};
use crate::answer::builtin::BuiltinProvider;
use crate::answer::embedding::{self, EmbeddingSetupError, SemanticSearch};
use crate::answer::generation::GenerationLimits;
use crate::answer::model::{ModelError, ModelProvider};
use crate::answer::retrieval::IndexCache;
use crate::answer::{AnswerProvider, AnswerProviders};
use crate::cache_stats::CacheStats;
use crate::config::{Settings, SettingsError};
use crate::domain::Timestamp;
use crate::events::project::ProjectHub;
use crate::events::{EventHub, Presence, TypingAuthors};
use crate::metrics::RequestMetrics;
use crate::own_urls::OwnUrls;
use crate::service::Services;
use crate::service::backup::BackupStatus;
use crate::service::notification::{MailerError, Notifier};
use crate::service::project::SelectError;
use crate::service::readiness::Readiness;
use crate::service::source_runs::SourceRuns;
use crate::service::statistics::StatisticsCache;
use crate::store::lease::Lease;
use crate::store::{
    OpenError, Options, ServerLock, Snapshot, SourceLock, Store, StoreError, StoreLocation,
    TaskLock, lease, session, source,
};

/// Why a server could not start or ended unexpectedly.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot listen on {address}: {error}; choose another address with {flag}")]
    Listen {
        address: SocketAddr,
        error: std::io::Error,
        /// The flag that names the address.
        flag: &'static str,
    },
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Embedding(#[from] EmbeddingSetupError),
    #[error(transparent)]
    Mailer(#[from] MailerError),
    #[error("{0}; --learn-project names the project of --learn")]
    LearnProject(#[from] SelectError),
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// The state of a server.
pub struct AppState {
    pub store: Arc<Store>,
    pub settings: Settings,
    /// Whether the demo's keys and `Prefer: code=` are accepted.
    pub demo: bool,
    pub auth: Authenticator,
    /// Signs session tokens, cursors and ETags.
    pub signing: Arc<SigningKeys>,
    pub services: Services,
    /// The search indexes of the projects' passages.
    pub index_cache: Arc<IndexCache>,
    /// `None` without an embedding model.
    pub semantic: Option<Arc<SemanticSearch>>,
    pub statistics: StatisticsCache,
    pub list_cache_stats: Arc<CacheStats>,
    /// The memory of requests and responses in flight.
    pub memory: Arc<MemoryBudget>,
    pub own_urls: OwnUrls,
    pub request_metrics: RequestMetrics,
    pub started_at: Timestamp,
    pub readiness: Readiness,
    pub backup_status: Arc<BackupStatus>,
    /// The lock on the database file, for the readiness. Its owner keeps it until the
    /// file is closed.
    pub lock: Option<Arc<ServerLock>>,
    /// Whether this node runs the tasks that must run once.
    pub task_lock: TaskLock,
    /// Whether new requests are refused.
    is_draining: AtomicBool,
    /// True when the shutdown waits for answers no longer.
    answer_shutdown: watch::Sender<bool>,
}

impl AppState {
    /// Opens the database. An absent file is created.
    pub fn open(
        location: &StoreLocation,
        settings: Settings,
        demo: bool,
    ) -> Result<Self, StartError> {
        settings.check()?;
        let index_cache = Arc::<IndexCache>::default();
        let semantic = semantic_search(&settings)?;
        let model = model_provider(&settings, &index_cache, &semantic)?;
        let store = Arc::new(location.open(&store_options(&settings))?);
        let lease = Lease::new();
        let notifier = Notifier::new(&settings)?;
        fail_interrupted(&store, lease)?;
        let signing = Arc::new(SigningKeys::new(signing_secret(&store)?));
        let answer_shutdown = watch::Sender::new(false);
        let presence = Presence::default();
        let project_events = observe_changes(&store, presence.clone());
        Ok(Self {
            services: Services {
                store: store.clone(),
                answer_providers: answer_providers(index_cache.clone(), semantic.clone(), model),
                active_answers: Arc::default(),
                detached_answers: Arc::default(),
                lease,
                events: EventHub::default(),
                project_events,
                presence,
                published_events: watch::Sender::new(0),
                typing: TypingAuthors::default(),
                monthly_messages: settings.monthly_messages,
                is_email_configured: notifier.is_email_configured(),
                notifier,
                source_runs: Arc::new(SourceRuns::new(settings.learn_private_network)),
                generation_limits: generation_limits(&settings, &answer_shutdown),
            },
            auth: Authenticator::new(store.clone(), signing.clone(), &settings, demo),
            signing,
            index_cache,
            semantic,
            list_cache_stats: Arc::default(),
            statistics: StatisticsCache::default(),
            memory: Arc::new(MemoryBudget::new(settings.memory_budget_mb)),
            own_urls: OwnUrls::new(settings.public_url.clone(), settings.listen),
            request_metrics: RequestMetrics::default(),
            started_at: Timestamp::now(),
            readiness: Readiness::new(settings.readiness_intervals),
            backup_status: Arc::default(),
            lock: None,
            task_lock: TaskLock::start(&store)?,
            is_draining: AtomicBool::new(false),
            answer_shutdown,
            store,
            settings,
            demo,
        })
    }

    /// Reads the signing secret again. If another process has replaced it, ends all
    /// sessions, and invalidates cursors and ETags.
    pub async fn update_signing_keys(&self) -> Result<(), StoreError> {
        let secret = self.store.read(session::signing_secret).await?;
        if secret.is_some_and(|secret| self.signing.update(secret)) {
            log::info!("the signing secret was replaced: all sessions end");
            self.services.events.remove_sessions();
        }
        Ok(())
    }

    /// Tells proxies and clients that the server ends soon. Requests are served.
    pub fn begin_shutdown(&self) {
        self.readiness.begin_shutdown();
    }

    /// Whether the server ends soon: it is not ready, and its responses close their
    /// connections.
    pub fn is_shutting_down(&self) -> bool {
        self.readiness.is_shutting_down()
    }

    /// Refuses new requests with 503 and closes all event subscriptions.
    pub fn drain(&self) {
        self.begin_shutdown();
        self.is_draining.store(true, Ordering::Relaxed);
        self.services.events.close();
        self.services.project_events.close();
    }

    /// Ends the answers that are being generated. Their clients receive an error, and
    /// the texts so far are stored.
    pub fn interrupt_answers(&self) {
        self.answer_shutdown.send_replace(true);
    }

    /// Whether new requests are refused.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

/// Makes the events of projects from the changes of a store.
fn observe_changes(store: &Store, presence: Presence) -> ProjectHub {
    let events = ProjectHub::new(presence);
    store.set_observer(Arc::new(events.clone()));
    events
}

/// The search by meaning, if an embedding model is configured.
fn semantic_search(settings: &Settings) -> Result<Option<Arc<SemanticSearch>>, StartError> {
    let provider = embedding::provider(&settings.embedding)?;
    Ok(provider.map(SemanticSearch::new).map(Arc::new))
}

/// The language model, if one is configured.
fn model_provider(
    settings: &Settings,
    index_cache: &Arc<IndexCache>,
    semantic: &Option<Arc<SemanticSearch>>,
) -> Result<Option<ModelProvider>, StartError> {
    let model = ModelProvider::new(settings, index_cache.clone())?;
    Ok(model.map(|model| model.with_semantic(semantic.clone())))
}

fn answer_providers(
    index_cache: Arc<IndexCache>,
    semantic: Option<Arc<SemanticSearch>>,
    model: Option<ModelProvider>,
) -> AnswerProviders {
    AnswerProviders {
        builtin: Arc::new(BuiltinProvider::new(index_cache).with_semantic(semantic)),
        model: model.map(|model| Arc::new(model) as Arc<dyn AnswerProvider>),
        metrics: Arc::default(),
    }
}

fn generation_limits(settings: &Settings, shutdown: &watch::Sender<bool>) -> GenerationLimits {
    GenerationLimits {
        stall_timeout: settings.stream_timeouts.stalled_client,
        max_detached: settings.stream_timeouts.detached,
        shutdown: shutdown.subscribe(),
        detached_runtime: None,
    }
}

fn store_options(settings: &Settings) -> Options {
    Options {
        readers: settings.db_readers,
        read_timeout: Duration::from_millis(settings.db_timeout_ms),
        mmap_mb: settings.mmap_mb,
        snapshot: !settings.no_snapshot,
        holds_server_lock: true,
    }
}

/// Fails the answers and the runs of sources of processes that have ended.
fn fail_interrupted(store: &Store, own: Lease) -> Result<(), StoreError> {
    let now = Timestamp::now();
    for owner in store.read_blocking(|snapshot| lease::interrupted_owners(snapshot, own, now))? {
        store.write_blocking(lease::fail_interrupted(owner))?;
    }
    fail_interrupted_runs(store, now)
}

/// Fails the runs of sources that nobody runs any more. A run of `parlor learn` or of another
/// node holds the lock of its source.
fn fail_interrupted_runs(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    for (project, location) in
        store.read_blocking(|snapshot: &Snapshot| source::unfinished(snapshot))?
    {
        if !matches!(SourceLock::try_acquire(store, project, &location), Ok(None)) {
            store.write_blocking(source::fail_interrupted(project, &location, now))?;
        }
    }
    Ok(())
}

/// The secret of the file, created on the first start.
fn signing_secret(store: &Store) -> Result<Vec<u8>, StartError> {
    if let Some(secret) = store.read_blocking(session::signing_secret)? {
        return Ok(secret);
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    store.write_blocking(session::store_signing_secret(&secret))?;
    // Read again, because another process may have stored its secret first.
    let stored = store.read_blocking(session::signing_secret)?;
    stored
        .ok_or_else(|| StoreError::Internal("the signing secret was not stored".to_owned()).into())
}
