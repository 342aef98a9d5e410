//! The steps of a shutdown: the delay, the end of the port, the end of the running requests.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use futures_util::future::{LocalBoxFuture, Shared, pending};
use futures_util::{FutureExt, Stream, StreamExt};

use crate::app::AppState;
use crate::http::INTERRUPT_TIMEOUT_SECS;

/// A signal that stops the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM, of a service manager: `--shutdown-delay` applies.
    Terminate,
    /// SIGINT, of a person at a terminal: `--shutdown-delay` does not apply.
    Interrupt,
}

/// Completes at the next signal. Can be awaited several times.
pub type NextSignal<'a> = Shared<LocalBoxFuture<'a, StopSignal>>;

/// The next of `signals`.
pub fn next_signal<'a>(
    signals: &'a mut (impl Stream<Item = StopSignal> + Unpin),
) -> NextSignal<'a> {
    let next = async {
        match signals.next().await {
            Some(signal) => signal,
            None => pending().await,
        }
    };
    next.boxed_local().shared()
}

/// The value of `--shutdown-delay` if it is not set and several nodes can use the database.
const SHUTDOWN_DELAY_OF_NODES: Duration = Duration::from_secs(5);

/// How long the server keeps serving after a signal.
pub fn delay_after(signal: StopSignal, app: &AppState) -> Duration {
    let default = if app.store.has_outbox() {
        SHUTDOWN_DELAY_OF_NODES
    } else {
        Duration::ZERO
    };
    let delay = app.settings.shutdown_delay.map(Duration::from_secs);
    match signal {
        StopSignal::Terminate => delay.unwrap_or(default),
        StopSignal::Interrupt => Duration::ZERO,
    }
}

/// Serves for the time of `delay` while the server is not ready, and then accepts no more
/// connections. A signal ends the delay.
pub async fn serve_until_delay_is_over(
    app: &AppState,
    port: &TcpListener,
    delay: Duration,
    signal: NextSignal<'_>,
) {
    app.begin_shutdown();
    log::info!(
        "shutting down in {} seconds (--shutdown-delay): /ready fails, requests are served; \
         another signal ends the delay",
        delay.as_secs()
    );
    tokio::select! {
        () = tokio::time::sleep(delay) => ignore_new_connections(port).await,
        _ = signal => {}
    }
}

/// The time from the last new connection to the end of the port: one round trip, and the time
/// until the server has accepted the connection and received its request.
const PORT_CLOSE_DELAY: Duration = Duration::from_millis(500);

/// Ignores requests for connections for a moment. The system would reset the connections that
/// a port has not accepted when it is closed, and a proxy does not send a POST again that
/// such a connection has got. A request for a connection that is ignored is repeated by the
/// system of the client, and refused once the port is closed.
async fn ignore_new_connections(port: &TcpListener) {
    match ignore_syn(port) {
        Ok(()) => tokio::time::sleep(PORT_CLOSE_DELAY).await,
        Err(error) => log::debug!("new connections cannot be ignored: {error}"),
    }
}

/// Makes the system drop the TCP segments with the flag SYN. Connections that have begun are
/// completed.
#[cfg(target_os = "linux")]
fn ignore_syn(port: &TcpListener) -> io::Result<()> {
    use socket2::SockFilter;
    /// The byte of the TCP header with the flags, and the flag SYN (RFC 9293, section 3.1).
    const FLAGS: (u32, u32) = (13, 0x02);
    // Instructions of classic BPF (linux/filter.h).
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let filter = [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS.0),
        SockFilter::new(JUMP_IF_SET, 0, 1, FLAGS.1),
        // The number of bytes of the segment that pass.
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    socket2::SockRef::from(port).attach_filter(&filter)
}

#[cfg(not(target_os = "linux"))]
fn ignore_syn(_port: &TcpListener) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Waits until the running requests have finished and the detached answers have ended.
/// Interrupts answers after the time of `--shutdown-timeout`, or at a signal. Returns whether
/// connections are left, which is only possible after a signal.
pub async fn stop_gracefully(
    app: &AppState,
    server: &ServerHandle,
    signal: NextSignal<'_>,
) -> bool {
    let grace = Duration::from_secs(app.settings.shutdown_timeout);
    let answers = &app.services.active_answers;
    let stopped = server.stop(true).shared();
    let ended = async {
        stopped.clone().await;
        answers.wait_until_empty().await;
    };
    let interrupt = |reason| {
        let count = answers.count();
        log::info!("{reason}: {count} answers are interrupted");
        app.interrupt_answers();
    };
    tokio::select! {
        () = ended => false,
        () = tokio::time::sleep(grace) => {
            interrupt("--shutdown-timeout is over");
            stopped.clone().await;
            false
        }
        _ = signal => {
            interrupt("another signal has arrived");
            let limit = Duration::from_secs(INTERRUPT_TIMEOUT_SECS);
            tokio::time::timeout(limit, stopped.clone()).await.is_err()
        }
    }
}
