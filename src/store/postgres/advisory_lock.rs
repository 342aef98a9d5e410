//! Locks that a node holds until it releases them or loses its connection.
//!
//! A lock belongs to a connection of its own. The server releases it when the connection
//! ends, so a node that is killed holds none. The connection is used by a thread of its
//! own, because callers may be asynchronous.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Connection, PostgresAddress, Purpose};
use crate::store::sql::{Sql, Value};

/// How often a node tries to get the lock, and checks that it still holds the lock.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A lock. Dropping it releases the lock.
#[derive(Debug)]
pub(in crate::store) struct AdvisoryLock {
    is_held: Arc<AtomicBool>,
    /// Dropped to end the thread.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl AdvisoryLock {
    /// Starts a thread that gets the lock as soon as no other node holds it. Returns after
    /// the first attempt.
    pub fn start(address: PostgresAddress, key: i64) -> io::Result<Self> {
        Self::spawn(address, key, true)
    }

    /// The lock, unless another node or task holds it. A lost lock is not taken again.
    ///
    /// # Errors
    /// The server is not reachable.
    pub fn try_acquire(address: PostgresAddress, key: i64) -> io::Result<Option<Self>> {
        let lock = Self::spawn(address, key, false)?;
        Ok(lock.is_held().then_some(lock))
    }

    pub fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }

    fn spawn(address: PostgresAddress, key: i64, is_repeated: bool) -> io::Result<Self> {
        let is_held = Arc::<AtomicBool>::default();
        let (end, ended) = channel();
        let (first, first_result) = sync_channel(1);
        let held = is_held.clone();
        let builder = thread::Builder::new().name("database lock".to_owned());
        let thread = builder.spawn(move || {
            let mut session = LockSession {
                address,
                key,
                connection: None,
            };
            let result = session.check();
            held.store(matches!(result, Ok(true)), Ordering::Relaxed);
            let _ = first.send(result.map(drop));
            keep(&mut session, &held, &ended, is_repeated);
        })?;
        let lock = Self {
            is_held,
            end: Some(end),
            thread: Some(thread),
        };
        let failed = || io::Error::other("the thread of the lock ended");
        first_result.recv().map_err(|_| failed())??;
        Ok(lock)
    }
}

impl Drop for AdvisoryLock {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Checks the lock until `ended` is closed.
fn keep(session: &mut LockSession, held: &AtomicBool, ended: &Receiver<()>, is_repeated: bool) {
    while is_repeated || held.load(Ordering::Relaxed) {
        match ended.recv_timeout(CHECK_INTERVAL) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
        let is_held = session.check().unwrap_or(false);
        if is_held != held.swap(is_held, Ordering::Relaxed) && !is_held {
            log::warn!("a lock of the database was lost with its connection");
        }
    }
    session.release();
}

struct LockSession {
    address: PostgresAddress,
    key: i64,
    /// The connection that holds the lock, or tries to.
    connection: Option<(Connection, bool)>,
}

impl LockSession {
    /// Gets the lock if it is free. Returns whether this session holds the lock.
    fn check(&mut self) -> io::Result<bool> {
        if self.connection.is_none() {
            let connection = Connection::open_for(&self.address, Purpose::Maintenance);
            self.connection = Some((connection.map_err(io::Error::other)?, false));
        }
        let Some((connection, is_held)) = &mut self.connection else {
            return Ok(false);
        };
        let (text, values): (_, Vec<Value>) = if *is_held {
            // A connection that works holds what it held before.
            ("SELECT TRUE", Vec::new())
        } else {
            ("SELECT pg_try_advisory_lock(?)", vec![self.key.into()])
        };
        let mut sql = Sql::composed(text.to_owned(), []);
        sql.values = values;
        let rows = connection.query(&sql);
        match rows {
            Ok(rows) => {
                *is_held = rows.first().is_some_and(|row| row.get(0));
                Ok(*is_held)
            }
            Err(error) => {
                self.connection = None;
                Err(io::Error::other(error.to_string()))
            }
        }
    }

    fn release(&mut self) {
        if let Some((connection, true)) = &self.connection {
            // Otherwise the server releases the lock when it has noticed the end.
            let _ = connection.execute("SELECT pg_advisory_unlock_all()");
        }
        self.connection = None;
    }
}
