//! What the process holds, and its life: open, serve, drain, close.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::config::Settings;
use crate::db::{Db, DbError, OpenError, Options, session};
use crate::domain::{Origin, Timestamp};
use crate::http::{self, Credentials, Limits, Tokens};

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
    #[error("the system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// A running parlor.
pub struct App {
    pub db: Db,
    pub settings: Settings,
    /// Whether the demo's keys and `Prefer: code=` are served.
    pub demo: bool,
    pub tokens: Tokens,
    pub limits: Limits,
    pub credentials: Credentials,
    /// Where this server's own pages come from.
    pub own_origins: Vec<Origin>,
    draining: AtomicBool,
}

impl App {
    /// Opens the file at `path` for serving.
    pub fn open(path: &Path, settings: Settings, demo: bool) -> Result<Self, StartError> {
        let db = Db::open(
            path,
            &Options {
                readers: settings.readers,
                patience: Duration::from_millis(settings.patience),
            },
        )?;
        Ok(Self {
            tokens: Tokens::new(&signing_secret(&db)?),
            limits: Limits::new(&settings),
            credentials: Credentials::default(),
            own_origins: Vec::new(),
            draining: AtomicBool::new(false),
            db,
            settings,
            demo,
        })
    }

    /// Serves until `shutdown` comes, lets running requests finish within the
    /// grace that the settings give, and closes the file.
    pub async fn serve(
        mut self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        self.own_origins = own_origins(&self.settings, listener.local_addr()?);
        let app = Arc::new(self);
        let server = http::server(app.clone(), listener)?;
        let handle = server.handle();
        let serving = actix_web::rt::spawn(server);
        let housekeeping = actix_web::rt::spawn(housekeeping(app.clone()));
        shutdown.await;
        log::info!("shutting down: no new requests, running ones may finish");
        app.draining.store(true, Ordering::Relaxed);
        housekeeping.abort();
        handle.stop(true).await;
        serving.await.map_err(std::io::Error::other)??;
        app.db.close();
        Ok(())
    }

    /// Whether the server has stopped taking requests.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// The secret of the file, made when it has none yet.
fn signing_secret(db: &Db) -> Result<Vec<u8>, StartError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    db.write_here(session::keep_signing_secret(&secret))?;
    let kept = db.read_here(session::signing_secret)?;
    kept.ok_or_else(|| DbError::Internal("the signing secret was not kept".to_owned()).into())
}

/// The origins of this server's own pages: what the settings say, else the
/// address it listens on.
fn own_origins(settings: &Settings, listening: SocketAddr) -> Vec<Origin> {
    let port = listening.port();
    let own = match &settings.public_url {
        Some(url) => vec![url.clone()],
        None => vec![
            format!("http://{listening}"),
            format!("http://localhost:{port}"),
        ],
    };
    own.iter().filter_map(|url| Origin::of(url)).collect()
}

/// Between two rounds of housekeeping.
const ROUND: Duration = Duration::from_secs(10 * 60);

async fn housekeeping(app: Arc<App>) {
    loop {
        app.limits.forget_idle();
        let idle = session::forget_idle(app.settings.session_idle(), Timestamp::now());
        if let Err(error) = app.db.write(idle).await {
            log::warn!("ended sessions could not be removed: {error}; trying again later");
        }
        tokio::time::sleep(ROUND).await;
    }
}
