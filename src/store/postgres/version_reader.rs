//! Reads the stored versions of lists for many callers at once.
//!
//! Every request for a list asks for the version of the list. A thread with a connection of
//! its own answers all callers that wait with one statement for the projects and one for
//! the visitors, in one round trip.
//!
//! # Invariants
//!
//! - A caller joins the next statement, never one that has begun. So a version is at least
//!   as new as the request, and a client that has the response to its write, from any
//!   node, is not sent an older list.
//! - The thread ends when the store is dropped.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;

use super::connection::Connection;
use super::error::{ConnectError, warn};
use super::{PostgresAddress, Purpose};
use crate::domain::{ProjectSeq, Scope, VisitorSeq};
use crate::store::error::StoreError;
use crate::store::list_version::ListVersion;
use crate::store::rejection::Rejection;
use crate::store::sql::{Row, Sql, Value};

/// The callers that one statement answers.
const MAX_CALLERS: usize = 1000;

pub(in crate::store) struct VersionReader(Sender<VersionRequest>);

struct VersionRequest {
    scope: Scope,
    tx: oneshot::Sender<Result<ListVersion, StoreError>>,
}

impl VersionReader {
    /// Opens the connection and starts the thread.
    ///
    /// # Errors
    /// The server is not reachable, or the thread cannot be started.
    pub fn start(address: PostgresAddress) -> Result<Self, ConnectError> {
        let (tx, requests) = channel();
        let failed = |error: io::Error| ConnectError::Failed(address.clone(), error.to_string());
        let mut queries = VersionQueries {
            connection: Connection::open_for(&address, Purpose::Read)?,
            address: address.clone(),
        };
        let thread = thread::Builder::new().name("parlor-versions".to_owned());
        let run = move || queries.answer_all(&requests);
        thread.spawn(run).map_err(failed)?;
        Ok(Self(tx))
    }

    /// The version of the list of a scope.
    ///
    /// # Errors
    /// Rejected with `NotFound` or `VisitorNotFound` if the project or the visitor does not
    /// exist; [`StoreError::Busy`] if the server is not reachable.
    pub async fn version(&self, scope: Scope) -> Result<ListVersion, StoreError> {
        let (tx, version) = oneshot::channel();
        let request = VersionRequest { scope, tx };
        self.0.send(request).map_err(|_| StoreError::Closed)?;
        version.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// The thread that asks for versions.
struct VersionQueries {
    address: PostgresAddress,
    connection: Connection,
}

impl VersionQueries {
    /// Returns when all senders are dropped.
    fn answer_all(&mut self, requests: &Receiver<VersionRequest>) {
        while let Ok(first) = requests.recv() {
            let others = requests.try_iter().take(MAX_CALLERS - 1);
            let callers: Vec<_> = std::iter::once(first).chain(others).collect();
            let scopes: Vec<_> = callers.iter().map(|caller| caller.scope).collect();
            let versions = self.read(&scopes);
            for VersionRequest { scope, tx } in callers {
                let version = versions.as_ref().map_err(StoreError::clone);
                // An error means that the caller has gone.
                let _ = tx.send(version.and_then(|versions| versions.of(scope)));
            }
        }
    }

    fn read(&mut self, scopes: &[Scope]) -> Result<Versions, StoreError> {
        match Versions::read(&self.connection, scopes) {
            // A lost connection. The new one may be to another server.
            Err(StoreError::Busy) => {
                let connection = Connection::open_for(&self.address, Purpose::Read);
                self.connection = connection.map_err(|error| {
                    warn(&error.to_string());
                    StoreError::Busy
                })?;
                Versions::read(&self.connection, scopes)
            }
            result => result,
        }
    }
}

/// The versions of projects and visitors, by `seq`.
struct Versions {
    projects: HashMap<i64, ListVersion>,
    visitors: HashMap<i64, ListVersion>,
}

impl Versions {
    fn read(connection: &Connection, scopes: &[Scope]) -> Result<Self, StoreError> {
        let (mut projects, mut visitors) = (Vec::new(), Vec::new());
        for scope in scopes {
            match scope {
                Scope::Project(ProjectSeq(seq)) => projects.push(*seq),
                Scope::Visitor(VisitorSeq(seq)) => visitors.push(*seq),
            }
        }
        let statements: Vec<Sql> = [projects_sql(projects), visitors_sql(visitors)]
            .into_iter()
            .flatten()
            .collect();
        let results = connection.pipeline(&statements.iter().collect::<Vec<_>>())?;
        let mut versions = Self {
            projects: HashMap::new(),
            visitors: HashMap::new(),
        };
        for result in results {
            for row in &result?.0 {
                versions.add(row.into())?;
            }
        }
        Ok(versions)
    }

    fn add(&mut self, row: Row<'_>) -> Result<(), StoreError> {
        let (is_visitor, seq, version) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let versions = if is_visitor {
            &mut self.visitors
        } else {
            &mut self.projects
        };
        versions.insert(seq, ListVersion::stored(version));
        Ok(())
    }

    fn of(&self, scope: Scope) -> Result<ListVersion, StoreError> {
        let (version, missing) = match scope {
            Scope::Project(ProjectSeq(seq)) => (self.projects.get(&seq), Rejection::NotFound),
            Scope::Visitor(VisitorSeq(seq)) => {
                (self.visitors.get(&seq), Rejection::VisitorNotFound)
            }
        };
        version.copied().ok_or(StoreError::Rejected(missing))
    }
}

/// Selects whether a row is of a visitor, its `seq` and its version. `None` without seqs.
fn projects_sql(seqs: Vec<i64>) -> Option<Sql> {
    let text = sql!(
        sqlite: "SELECT 0, seq, list_version FROM project WHERE seq = ?",
        postgres: "SELECT 0, seq, list_version FROM project WHERE seq = ANY(?)",
    );
    values(seqs).map(|seqs| Sql::new(text, [seqs]))
}

/// The same for visitors.
fn visitors_sql(seqs: Vec<i64>) -> Option<Sql> {
    let text = sql!(
        sqlite: "SELECT 1, seq, list_version FROM visitor WHERE seq = ?",
        postgres: "SELECT 1, seq, list_version FROM visitor WHERE seq = ANY(?)",
    );
    values(seqs).map(|seqs| Sql::new(text, [seqs]))
}

fn values(mut seqs: Vec<i64>) -> Option<Value> {
    seqs.sort_unstable();
    seqs.dedup();
    (!seqs.is_empty()).then_some(Value::Integers(seqs))
}
