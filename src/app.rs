//! What the process holds. How it is served stands in [`crate::http`].

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::access::{CredentialCache, Cursors, RateLimits, Tokens};
use crate::answer::active_answers::ActiveAnswers;
use crate::answer::builtin::Builtin;
use crate::answer::model::{Model, ModelError};
use crate::answer::retrieval::IndexCache;
use crate::answer::{AnswerProvider, AnswerProviders};
use crate::config::Settings;
use crate::domain::Origin;
use crate::events::EventHub;
use crate::store::{OpenError, Options, Store, StoreError, session, turn};

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("the system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// A running parlor.
pub struct AppState {
    pub store: Arc<Store>,
    pub settings: Settings,
    /// Whether the demo's keys and `Prefer: code=` are served.
    pub demo: bool,
    pub tokens: Tokens,
    /// What ETags are keyed with.
    pub tag_key: [u64; 4],
    pub cursors: Cursors,
    pub limits: RateLimits,
    pub credentials: CredentialCache,
    /// Who answers visitors.
    pub answer_providers: AnswerProviders,
    /// The answers that are being written.
    pub active_answers: Arc<ActiveAnswers>,
    /// Who listens to what happens.
    pub events: EventHub,
    /// What search keeps of the passages.
    pub index_cache: Arc<IndexCache>,
    /// Where this server's own pages come from.
    pub own_origins: Vec<Origin>,
    draining: AtomicBool,
}

impl AppState {
    /// Opens the file at `path` for serving.
    pub fn open(path: &Path, settings: Settings, demo: bool) -> Result<Self, StartError> {
        let index_cache = Arc::<IndexCache>::default();
        let model = Model::new(&settings, index_cache.clone())?;
        let store = Store::open(
            path,
            &Options {
                readers: settings.readers,
                patience: Duration::from_millis(settings.patience),
            },
        )?;
        store.write_here(turn::end_orphans())?;
        let secret = signing_secret(&store)?;
        Ok(Self {
            answer_providers: AnswerProviders {
                builtin: Arc::new(Builtin::new(index_cache.clone())),
                model: model.map(|model| Arc::new(model) as Arc<dyn AnswerProvider>),
            },
            active_answers: Arc::default(),
            tokens: Tokens::new(&secret),
            tag_key: tag_key(&secret),
            cursors: Cursors::new(&secret),
            limits: RateLimits::new(&settings),
            credentials: CredentialCache::default(),
            events: EventHub::default(),
            index_cache,
            own_origins: Vec::new(),
            draining: AtomicBool::new(false),
            store: Arc::new(store),
            settings,
            demo,
        })
    }

    /// Stops taking requests; those that come are answered 503. Who listens
    /// for events is sent away.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.events.close();
    }

    /// Whether the server has stopped taking requests.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Of the file's secret, so that the tag of a body outlives the process.
fn tag_key(secret: &[u8]) -> [u64; 4] {
    let hash = Sha256::new().chain_update("ETag").chain_update(secret);
    let hash: [u8; 32] = hash.finalize().into();
    let word = |word| std::array::from_fn(|byte| hash[8 * word + byte]);
    std::array::from_fn(|place| u64::from_le_bytes(word(place)))
}

/// The secret of the file, made when it has none yet.
fn signing_secret(store: &Store) -> Result<Vec<u8>, StartError> {
    if let Some(kept) = store.read_here(session::signing_secret)? {
        return Ok(kept);
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    store.write_here(session::keep_signing_secret(&secret))?;
    // Read again: another process may have been first.
    let kept = store.read_here(session::signing_secret)?;
    kept.ok_or_else(|| StoreError::Internal("the signing secret was not kept".to_owned()).into())
}
