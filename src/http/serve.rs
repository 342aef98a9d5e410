//! The life of a server: serve, keep house, drain, close.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use crate::app::{AppState, StartError};
use crate::config::Settings;
use crate::domain::{Origin, Timestamp};
use crate::store::turn::{self, Outcome};
use crate::store::{idempotency, session};

impl AppState {
    /// Serves until `shutdown` comes, lets running requests finish within the
    /// grace that the settings give, and closes the file.
    pub async fn serve(
        mut self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        self.own_origins = own_origins(&self.settings, listener.local_addr()?);
        let app = Arc::new(self);
        let server = super::server(app.clone(), listener)?;
        let handle = server.handle();
        let mut serving = actix_web::rt::spawn(server);
        let housekeeping = actix_web::rt::spawn(housekeeping(app.clone()));
        tokio::select! {
            () = shutdown => {
                log::info!("shutting down: no new requests, running ones may finish");
            }
            // It never ends by itself unless something broke.
            ended = &mut serving => {
                ended.map_err(std::io::Error::other)??;
                return Err(std::io::Error::other("the server stopped by itself").into());
            }
        }
        app.drain();
        housekeeping.abort();
        handle.stop(true).await;
        serving.await.map_err(std::io::Error::other)??;
        keep_answers(&app).await;
        // The workers are gone, so this should be the last holder, and dropping
        // it leaves one file. Were one left, the log would still be brought in.
        match Arc::try_unwrap(app) {
            Ok(app) => drop(app),
            Err(app) => app.store.close(),
        }
        Ok(())
    }
}

/// Stores what there is of the answers that are still being written.
async fn keep_answers(app: &AppState) {
    let cut = Outcome::Complete { metadata: None };
    for (conversation, answer, text) in app.active_answers.stop_all() {
        let batch = turn::finish(conversation, answer, text, &cut, Timestamp::now());
        if let Err(error) = app.store.write(batch).await {
            log::error!("an answer that was cut short is not stored: {error}");
        }
    }
}

/// The origins of this server's own pages: what the settings say, else the
/// address it listens on.
fn own_origins(settings: &Settings, listening: SocketAddr) -> Vec<Origin> {
    let port = listening.port();
    match &settings.public_url {
        Some(own) => vec![own.clone()],
        None => [
            format!("http://{listening}"),
            format!("http://localhost:{port}"),
        ]
        .iter()
        .filter_map(|url| Origin::of(url))
        .collect(),
    }
}

/// Between two rounds of housekeeping.
const ROUND: Duration = Duration::from_secs(10 * 60);

async fn housekeeping(app: Arc<AppState>) {
    loop {
        app.limits.remove_idle();
        app.store.evict_unused_sort_ranges();
        let idle = session::forget_idle(app.settings.session_idle(), Timestamp::now());
        if let Err(error) = app.store.write(idle).await {
            log::warn!("ended sessions could not be removed: {error}; trying again later");
        }
        if let Err(error) = app
            .store
            .write(idempotency::forget_old(Timestamp::now()))
            .await
        {
            log::warn!("old requests could not be removed: {error}; trying again later");
        }
        tokio::time::sleep(ROUND).await;
    }
}
