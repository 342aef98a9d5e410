//! Which node does the work that must be done once, whatever the number of nodes.

use std::io;

use super::Store;
use super::postgres::AdvisoryLock;

/// Held by the node that does the work of all. The number is arbitrary.
const KEY: i64 = 5_787_213_827_046_133_843;

/// The right to run the tasks of the server, such as the deletion of old conversations.
/// Dropping it lets another node run them.
#[derive(Debug)]
pub struct TaskLock(Option<AdvisoryLock>);

impl TaskLock {
    /// The lock of a server. A file has one server. Of several nodes on one PostgreSQL
    /// database, the first gets the lock, and another one within seconds of its end.
    ///
    /// # Errors
    /// The server of the database is not reachable.
    pub fn start(store: &Store) -> io::Result<Self> {
        let address = store.address().cloned();
        let lock = address.map(|address| AdvisoryLock::start(address, KEY));
        lock.transpose().map(Self)
    }

    /// Whether this node runs the tasks.
    pub fn is_held(&self) -> bool {
        self.0.as_ref().is_none_or(AdvisoryLock::is_held)
    }
}
