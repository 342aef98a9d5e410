//! The engines of a store: an SQLite file, or a PostgreSQL database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;

use super::commit_observer::ObserverSlot;
use super::list_version::ListVersions;
use super::offset_index::OffsetIndex;
use super::open::{self, OpenError};
use super::options::Options;
use super::postgres::{self, PostgresAddress, PostgresPool, Purpose, TextIndexer, VersionReader};
use super::readers::Readers;
use super::search_queue::SearchQueue;
use super::writer::Writer;
use super::{Store, upgrade};
use crate::metrics::StoreMetrics;

/// What the engines do not have in common.
pub(super) enum Engine {
    Sqlite {
        /// The path of the file, without links.
        path: PathBuf,
        list_versions: Arc<ListVersions>,
        offset_index: Arc<OffsetIndex>,
    },
    Postgres {
        address: PostgresAddress,
        /// Notified after the commits of all nodes, unless the connection is lost.
        events: Arc<Notify>,
        versions: VersionReader,
        text_indexer: Arc<TextIndexer>,
    },
}

impl Store {
    /// Opens the file at `path`. An absent file is created with its tables.
    ///
    /// # Errors
    /// Files of other programs and of newer versions of parlor are refused and
    /// stay unchanged.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let path = open::resolve(path)?;
        let mut connection = open::open_writer(&path)?;
        upgrade::upgrade(&path, &mut connection, options)?;
        let (list_versions, offset_index) = (
            Arc::<ListVersions>::default(),
            Arc::<OffsetIndex>::default(),
        );
        let (reads, observer) = (Arc::default(), ObserverSlot::default());
        let metrics = Arc::new(StoreMetrics::new(options.readers));
        let writer = Writer::start(
            connection,
            list_versions.clone(),
            offset_index.clone(),
            observer.clone(),
            Arc::clone(&reads),
            metrics.clone(),
        );
        Ok(Self {
            observer,
            writer: writer?,
            searches: SearchQueue::start(
                open::open_readers(&path, &SearchQueue::options(options))?,
                offset_index.clone(),
            )?,
            readers: Readers::start(
                open::open_readers(&path, options)?,
                offset_index.clone(),
                reads,
                options.read_timeout,
                &metrics,
            )?,
            engine: Engine::Sqlite {
                path,
                list_versions,
                offset_index,
            },
            metrics,
            merging: Arc::default(),
        })
    }

    /// Opens a database on a PostgreSQL server. The tables of an empty database are created.
    ///
    /// # Errors
    /// The server is not reachable, or refuses the connection. Databases of other programs
    /// and of newer versions of parlor are refused and stay unchanged.
    pub fn connect(address: &PostgresAddress, options: &Options) -> Result<Self, OpenError> {
        let metrics = Arc::new(StoreMetrics::new(options.readers));
        postgres::upgrade(address)?;
        let pool = PostgresPool::open(address, Purpose::Read, options)?;
        let search_options = SearchQueue::options(options);
        let searches = PostgresPool::open(address, Purpose::Search, &search_options)?;
        let events = Arc::<Notify>::default();
        postgres::start_listener(address.clone(), &events)?;
        Ok(Self {
            observer: ObserverSlot::default(),
            writer: postgres::start_writer(address.clone(), metrics.clone())?,
            searches: SearchQueue::start_postgres(searches)?,
            readers: Readers::start_postgres(pool, options.read_timeout, &metrics)?,
            engine: Engine::Postgres {
                address: address.clone(),
                events,
                versions: VersionReader::start(address.clone())?,
                text_indexer: Arc::new(TextIndexer::new(address.clone())),
            },
            metrics,
            merging: Arc::default(),
        })
    }

    #[cfg(test)]
    pub(super) fn offset_index(&self) -> &OffsetIndex {
        match &self.engine {
            Engine::Sqlite { offset_index, .. } => offset_index,
            Engine::Postgres { .. } => unreachable!("these tests open a file"),
        }
    }

    /// The path of the file, without links. `None` on PostgreSQL.
    pub fn path(&self) -> Option<&Path> {
        match &self.engine {
            Engine::Sqlite { path, .. } => Some(path),
            Engine::Postgres { .. } => None,
        }
    }

    /// The address of the database. `None` for a file.
    pub(super) fn address(&self) -> Option<&PostgresAddress> {
        match &self.engine {
            Engine::Sqlite { .. } => None,
            Engine::Postgres { address, .. } => Some(address),
        }
    }

    /// Whether several nodes can use the store, so that what a node publishes goes through
    /// [`super::outbox`].
    pub fn has_outbox(&self) -> bool {
        matches!(self.engine, Engine::Postgres { .. })
    }

    /// Notified when [`super::outbox`] has new events. `None` without an outbox.
    pub fn event_signal(&self) -> Option<&Notify> {
        match &self.engine {
            Engine::Sqlite { .. } => None,
            Engine::Postgres { events, .. } => Some(events),
        }
    }
}
