//! Disconnects clients that read a response too slowly.
//!
//! The framework does not poll a body while the client's connection accepts no bytes, so
//! a body cannot end itself. Instead, each worker thread checks its transfers once a
//! second and shuts down the sockets of those that are too slow. The connection then
//! fails, and the framework drops the body.
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

/// The unread bytes that the system buffers for a connection. The framework reads all of
/// them before a handler can refuse a body, so they bound the memory of a connection whose
/// body is refused. The system itself would buffer several megabytes.
const UNREAD_BYTES: usize = 32 << 10;

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
struct Socket(RawFd);

/// Stores the socket of a new connection for [`Transfer::watch`].
pub fn store_socket(connection: &dyn Any, data: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        data.insert(Socket(stream.as_raw_fd()));
    }
}

/// The progress of a response. The body owns it; dropping it ends the supervision.
pub struct Transfer {
    sent: Cell<usize>,
}

impl Transfer {
    /// Supervises the response to `request`, which is sent on this thread.
    pub fn watch(request: &HttpRequest, limits: TransferLimits) -> Rc<Self> {
        let transfer = Rc::new(Self { sent: Cell::new(0) });
        if let Some(socket) = request.conn_data::<Socket>() {
            watch(WatchedTransfer {
                transfer: Rc::downgrade(&transfer),
                socket: *socket,
                limits,
                period_start: Instant::now(),
                sent_before: 0,
            });
        }
        transfer
    }

    /// Counts bytes that the connection took.
    pub fn advance(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes);
    }
}

struct WatchedTransfer {
    transfer: Weak<Transfer>,
    socket: Socket,
    limits: TransferLimits,
    period_start: Instant,
    /// The bytes that were sent before the period.
    sent_before: usize,
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
        if now - self.period_start < self.limits.period {
            return true;
        }
        let sent = transfer.sent.get();
        if sent - self.sent_before < self.limits.min_bytes_per_period() {
            log::info!("a client that reads a response too slowly is disconnected");
            // Fails only if the client has disconnected meanwhile.
            let _ = shutdown(self.socket.0, Shutdown::Both);
            return false;
        }
        (self.period_start, self.sent_before) = (now, sent);
        true
    }
}
