//! The life cycle of a server: start, serve, shut down.

mod background;
mod shutdown;

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use futures_util::Stream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::answer::INTERRUPTED_MESSAGE;
use crate::app::{AppState, StartError};
use crate::domain::Timestamp;
use crate::http;
use crate::listeners::Listeners;
use crate::own_urls::OwnUrls;
use crate::service::backup::ScheduledBackups;
use crate::service::event_reader::EventReader;
use crate::service::learn_schedule::LearnSchedule;
use crate::store::answer::{self, AnswerEnd};
use crate::store::{Rejection, StoreError};
use background::{spawn_answer_tasks, spawn_tasks};
use shutdown::{NextSignal, next_signal, serve_until_delay_is_over, stop_gracefully};

pub use shutdown::StopSignal;

/// Serves until a signal arrives, and after SIGTERM for the time of `--shutdown-delay`.
/// Running requests then get the time of `--shutdown-timeout` to finish. After it, or at a
/// second signal, answers are interrupted (docs/api-contract.md, section 7.5), and the
/// database file is closed. `announce` is called when the server accepts connections.
pub async fn run(
    mut app: AppState,
    listeners: Listeners,
    mut signals: impl Stream<Item = StopSignal> + Unpin,
    announce: impl FnOnce(),
) -> Result<(), StartError> {
    app.services.generation_limits.detached_runtime = Some(Handle::current());
    app.own_urls = OwnUrls::new(app.settings.public_url.clone(), listeners.address()?);
    let app = Arc::new(app);
    app.store.set_has_search_index(app.settings.search_messages);
    let operator = match listeners.metrics {
        Some(listener) => Some(start_operator_server(&app, listener).await?),
        None => None,
    };
    let backups = start_backups(&app)?;
    let schedule = LearnSchedule::new(&app.services, &app.settings.learn)?;
    let events = EventReader::new(&app.services).await;
    let port = listeners.main.try_clone()?;
    let server = http::server(app.clone(), listeners.main)?;
    let handle = server.handle();
    let mut serving = start(server).await?;
    let tasks = spawn_tasks(&app);
    let answer_tasks = spawn_answer_tasks(&app, events);
    let learning = schedule.map(|schedule| {
        let app = app.clone();
        actix_web::rt::spawn(async move { schedule.run(&app.task_lock).await })
    });
    announce();
    let signal = serve_until_signal(&mut serving, next_signal(&mut signals)).await?;
    let second_signal = next_signal(&mut signals);
    let delay = shutdown::delay_after(signal, &app);
    if !delay.is_zero() {
        serve_until_delay_is_over(&app, &port, delay, second_signal.clone()).await;
    }
    // The server has the last reference to the port and closes it.
    drop(port);
    log::info!("shutting down: new requests are refused, running ones may finish");
    app.drain();
    tasks.iter().chain(&learning).for_each(JoinHandle::abort);
    app.services.source_runs.cancel_all();
    if let Some(backups) = &backups {
        backups.cancel();
    }
    let has_connections = stop_gracefully(&app, &handle, second_signal).await;
    app.services.source_runs.shut_down().await;
    end(serving, has_connections).await?;
    answer_tasks.iter().for_each(JoinHandle::abort);
    store_active_answers(&app).await;
    report_shutdown(&app).await;
    // Waits for the backup thread, which can take long on a slow disk. Nothing else
    // waits any more.
    drop(backups);
    // Until here, the health checks tell that the server shuts down.
    if let Some(operator) = operator {
        operator.stop(false).await;
    }
    close_file(app);
    Ok(())
}

/// Starts the thread that makes backups of the file. A PostgreSQL server has backups of
/// its own.
fn start_backups(app: &AppState) -> io::Result<Option<ScheduledBackups>> {
    let Some(database) = app.store.path() else {
        return Ok(None);
    };
    ScheduledBackups::start(database, &app.settings.backup, app.backup_status.clone())
}

/// Starts the workers of a server, which accept connections then. The result is the task
/// that runs the server.
async fn start(mut server: Server) -> io::Result<JoinHandle<io::Result<()>>> {
    // The first poll starts the workers and waits until they have started.
    match poll_fn(|context| Poll::Ready(Pin::new(&mut server).poll(context))).await {
        Poll::Ready(ended) => Err(ended.err().unwrap_or_else(stopped_unexpectedly)),
        Poll::Pending => Ok(actix_web::rt::spawn(server)),
    }
}

/// Waits for a signal. The server runs until it is stopped, so its end is a failure.
async fn serve_until_signal(
    serving: &mut JoinHandle<io::Result<()>>,
    signal: NextSignal<'_>,
) -> io::Result<StopSignal> {
    tokio::select! {
        signal = signal => Ok(signal),
        ended = serving => {
            ended.map_err(io::Error::other)??;
            Err(stopped_unexpectedly())
        }
    }
}

fn stopped_unexpectedly() -> io::Error {
    io::Error::other("the HTTP server stopped unexpectedly")
}

/// Closes the database file. The workers have ended, so this is normally the last
/// reference, and dropping it closes the file. Otherwise closes the file explicitly.
fn close_file(app: Arc<AppState>) {
    match Arc::try_unwrap(app) {
        Ok(app) => drop(app),
        Err(app) => app.store.close(),
    }
}

/// Waits until the server has stopped. If it `has_connections`, closes them at once.
async fn end(serving: JoinHandle<io::Result<()>>, has_connections: bool) -> io::Result<()> {
    if has_connections {
        log::info!("the remaining connections are closed");
        serving.abort();
    }
    match serving.await {
        Err(error) if error.is_cancelled() => Ok(()),
        ended => ended.map_err(io::Error::other)?,
    }
}

/// How long the shutdown waits until the other nodes can know of it.
const REPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// Tells the other nodes that this one has no clients any more.
async fn report_shutdown(app: &AppState) {
    let report = app.services.report_shutdown();
    match tokio::time::timeout(REPORT_TIMEOUT, report).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::debug!("the shutdown could not be reported: {error}"),
        Err(_) => log::debug!("the shutdown could not be reported in time"),
    }
}

/// Starts the server of `--metrics-listen`.
async fn start_operator_server(
    app: &Arc<AppState>,
    listener: TcpListener,
) -> io::Result<ServerHandle> {
    let address = listener.local_addr()?;
    let server = http::operator_server(app.clone(), listener)?;
    let handle = server.handle();
    start(server).await?;
    log::info!("metrics are on http://{address}/metrics");
    Ok(handle)
}

/// Stops the answers that are still being generated and stores their text.
async fn store_active_answers(app: &AppState) {
    let end = AnswerEnd::Failed {
        error: INTERRUPTED_MESSAGE,
    };
    for (conversation, id, text) in app.services.active_answers.stop_all() {
        let batch = answer::finish_answer(conversation, id, text, &end, Timestamp::now());
        let result = app.store.write(batch).await;
        let Err(error) = result else { continue };
        if !matches!(error, StoreError::Rejected(Rejection::AnswerEnded)) {
            log::error!("the text of an interrupted answer could not be stored: {error}");
        }
    }
}
