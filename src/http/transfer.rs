//! Disconnects clients that read a response too slowly.
//!
//! The framework does not poll a body while the client's connection accepts no bytes, so
//! a body cannot end itself. Instead, each worker thread checks its transfers once a
//! second and shuts down the sockets of those that are too slow. The connection then
//! fails, and the framework drops the body.
//!
//! A client is judged by the time in which it could have read: not while the server reads
//! the next bytes from the store, nor while the thread is busy with other connections.
//!
//! The system's own timeout (`TCP_USER_TIMEOUT`) ends only connections whose client
//! acknowledges nothing.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use nix::sys::socket::{Shutdown, shutdown};

use crate::config::TransferLimits;

/// How often the transfers of a thread are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The unsent bytes that the system buffers for a connection. With the system's default
/// of several megabytes, the progress of a client would be visible only in large steps.
const UNSENT_BYTES: u32 = 128 << 10;

/// The unread bytes that the system buffers for a connection; it takes up to twice as
/// much. The framework reads all of them before a handler can refuse a body, and goes on
/// reading until the client has noticed the refusal. So they bound the memory of a
/// connection whose body is refused. The system itself would buffer several megabytes.
pub const UNREAD_BYTES: usize = 8 << 10;

/// Limits the bytes that the system buffers for the connections of a listener.
pub fn limit_socket_buffers(listener: &TcpListener) -> io::Result<()> {
    // Connections inherit the options from the listener.
    let socket = socket2::SockRef::from(listener);
    socket.set_recv_buffer_size(UNREAD_BYTES)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    #[cfg(not(target_os = "linux"))]
    let _ = UNSENT_BYTES;
    Ok(())
}

/// The socket of a connection. It is open as long as a response of the connection
/// exists.
#[derive(Clone, Copy)]
struct SocketHandle(RawFd);

impl SocketHandle {
    fn shut_down(self) {
        // Fails only if the client has disconnected meanwhile.
        let _ = shutdown(self.0, Shutdown::Both);
    }
}

/// Stores the socket of a new connection for [`Transfer::watch`] and [`close_soon`].
pub fn store_socket(connection: &dyn Any, data: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        data.insert(Rc::new(SocketHandle(stream.as_raw_fd())));
    }
}

/// The time that a client has to receive the refusal of its request while it still sends
/// the body.
pub const LINGER_TIMEOUT: Duration = Duration::from_millis(800);

/// Closes the connection of a request whose body is refused, after [`LINGER_TIMEOUT`]. The
/// framework does so for a body with a length, but reads the chunks of a body without a
/// length forever.
pub fn close_soon(request: &HttpRequest) {
    let Some(socket) = request.conn_data::<Rc<SocketHandle>>().map(Rc::downgrade) else {
        return;
    };
    actix_web::rt::spawn(async move {
        tokio::time::sleep(LINGER_TIMEOUT).await;
        // The connection owns the value, so the socket is open if the value exists.
        if let Some(socket) = socket.upgrade() {
            socket.shut_down();
        }
    });
}

/// The progress of a response. The body owns it; dropping it ends the supervision.
#[derive(Default)]
pub struct Transfer {
    sent: Cell<usize>,
    /// The time in which the server had no bytes, without the current wait.
    waited: Cell<Duration>,
    /// Since when the server has no bytes.
    waits_since: Cell<Option<Instant>>,
}

impl Transfer {
    /// Supervises the response to `request`, which is sent on this thread.
    pub fn watch(request: &HttpRequest, limits: TransferLimits) -> Rc<Self> {
        let transfer = Rc::<Self>::default();
        if let Some(socket) = request.conn_data::<Rc<SocketHandle>>() {
            watch(WatchedTransfer {
                transfer: Rc::downgrade(&transfer),
                socket: **socket,
                limits,
                period: Period::default(),
            });
        }
        transfer
    }

    /// Counts bytes that the connection took.
    pub fn advance(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes);
        self.waited.set(self.waited(Instant::now()));
        self.waits_since.set(None);
    }

    /// The server has no bytes until the next call of [`Transfer::advance`].
    pub fn wait(&self) {
        if self.waits_since.get().is_none() {
            self.waits_since.set(Some(Instant::now()));
        }
    }

    /// The time until `now` in which the server had no bytes.
    fn waited(&self, now: Instant) -> Duration {
        let since = self.waits_since.get();
        self.waited.get() + since.map_or(Duration::ZERO, |since| now - since)
    }
}

/// The time over which the speed of a client is averaged.
#[derive(Default)]
struct Period {
    /// The time in which the client could read.
    readable: Duration,
    /// The bytes that were sent, and the time that the server had no bytes, before the
    /// period and before the last check.
    sent_before: usize,
    waited_before: Duration,
}

impl Period {
    /// Counts the time since the last check: one interval, also if the thread was too
    /// busy for the check. Returns whether the client is too slow.
    fn is_too_slow(&mut self, transfer: &Transfer, limits: TransferLimits, now: Instant) -> bool {
        let waited = transfer.waited(now);
        self.readable += CHECK_INTERVAL.saturating_sub(waited - self.waited_before);
        self.waited_before = waited;
        if self.readable < limits.period {
            return false;
        }
        let sent = transfer.sent.get();
        let is_too_slow = sent - self.sent_before < limits.min_bytes_per_period();
        (self.readable, self.sent_before) = (Duration::ZERO, sent);
        is_too_slow
    }
}

struct WatchedTransfer {
    transfer: Weak<Transfer>,
    socket: SocketHandle,
    limits: TransferLimits,
    period: Period,
}

thread_local! {
    /// The transfers of this thread. A task checks them while there are any.
    static TRANSFERS: RefCell<Vec<WatchedTransfer>> = const { RefCell::new(Vec::new()) };
}

fn watch(transfer: WatchedTransfer) {
    let is_first = TRANSFERS.with_borrow_mut(|transfers| {
        transfers.push(transfer);
        transfers.len() == 1
    });
    if is_first {
        actix_web::rt::spawn(check_transfers());
    }
}

/// Checks the transfers of this thread until there are none.
async fn check_transfers() {
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        let now = Instant::now();
        let is_idle = TRANSFERS.with_borrow_mut(|transfers| {
            transfers.retain_mut(|transfer| transfer.check(now));
            transfers.is_empty()
        });
        if is_idle {
            return;
        }
    }
}

impl WatchedTransfer {
    /// Whether the transfer goes on. Disconnects a client that is too slow.
    fn check(&mut self, now: Instant) -> bool {
        // The body and the connection are dropped on this thread, so the socket is open
        // while the body exists.
        let Some(transfer) = self.transfer.upgrade() else {
            return false;
        };
        if self.period.is_too_slow(&transfer, self.limits, now) {
            log::info!("a client that reads a response too slowly is disconnected");
            self.socket.shut_down();
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks once a second, `secs` times. Returns whether the client is too slow at one
    /// of the checks.
    fn check(period: &mut Period, transfer: &Transfer, start: Instant, secs: u32) -> bool {
        let mut checks = (1..=secs).map(|second| {
            let now = start + second * CHECK_INTERVAL;
            period.is_too_slow(transfer, TransferLimits::default(), now)
        });
        checks.any(|is_too_slow| is_too_slow)
    }

    #[test]
    fn client_that_takes_too_few_bytes_is_too_slow_after_the_period() {
        let (transfer, now) = (Transfer::default(), Instant::now());
        let mut period = Period::default();
        transfer.advance(TransferLimits::default().min_bytes_per_period());
        assert!(!check(&mut period, &transfer, now, 20));
        assert!(!check(&mut period, &transfer, now, 19));
        assert!(check(&mut period, &transfer, now, 1));
    }

    #[test]
    fn time_in_which_the_server_has_no_bytes_does_not_count() {
        let (transfer, now) = (Transfer::default(), Instant::now());
        let mut period = Period::default();
        transfer.wait();
        assert!(!check(&mut period, &transfer, now, 100));
        transfer.waits_since.set(None);
        transfer.waited.set(Duration::from_secs(100));
        assert!(!check(&mut period, &transfer, now, 19));
        assert!(check(&mut period, &transfer, now, 1));
    }

    #[test]
    fn late_check_counts_as_one_interval() {
        let (transfer, now) = (Transfer::default(), Instant::now());
        let mut period = Period::default();
        let late = now + Duration::from_secs(3600);
        assert!(!period.is_too_slow(&transfer, TransferLimits::default(), late));
    }
}
