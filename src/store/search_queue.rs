//! Reads whose cost grows with the number of matches.
//!
//! Searches have threads and connections of their own, so that they do not delay other
//! reads. A search that takes too long, or whose caller has gone, is interrupted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::backup::{Cancellation, Monitor};
use super::error::StoreError;
use super::offset_index::OffsetIndex;
use super::options::Options;
use super::postgres::PostgresPool;
use super::reader_pool::ReaderPool;
use super::readers::Readers;
use super::snapshot::{Snapshot, Transaction};
use crate::metrics::StoreMetrics;

/// The time from the request of a search to its end.
pub(super) const SEARCH_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a search may wait for a connection. Longer than [`SEARCH_TIMEOUT`], so that a
/// search that waits too long has one error.
const WAIT_TIMEOUT: Duration = Duration::from_secs(4);

/// The searches that run at the same time. Others wait.
const MAX_SEARCHES: u32 = 2;

pub(super) struct SearchQueue {
    readers: Readers,
    /// Whether the server has a search index of messages.
    has_index: AtomicBool,
}

impl SearchQueue {
    /// The options of the connections that search.
    pub fn options(options: &Options) -> Options {
        Options {
            readers: MAX_SEARCHES,
            read_timeout: WAIT_TIMEOUT,
            ..options.clone()
        }
    }

    /// Starts the threads on connections with [`Self::options`].
    pub fn start(pool: ReaderPool, offset_index: Arc<OffsetIndex>) -> io::Result<Self> {
        // The metrics of the server are those of its other reads.
        let metrics = StoreMetrics::new(MAX_SEARCHES);
        let readers = Readers::start(pool, offset_index, Arc::default(), WAIT_TIMEOUT, &metrics)?;
        Ok(Self {
            readers,
            has_index: AtomicBool::new(false),
        })
    }

    /// The same for connections to PostgreSQL, whose queries have a time limit.
    pub fn start_postgres(pool: PostgresPool) -> io::Result<Self> {
        let metrics = StoreMetrics::new(MAX_SEARCHES);
        Ok(Self {
            readers: Readers::start_postgres(pool, WAIT_TIMEOUT, &metrics)?,
            has_index: AtomicBool::new(false),
        })
    }

    pub fn has_index(&self) -> bool {
        self.has_index.load(Ordering::Relaxed)
    }

    pub fn set_has_index(&self, has_index: bool) {
        self.has_index.store(has_index, Ordering::Relaxed);
    }

    /// Runs `work` with a snapshot. Dropping the future interrupts it.
    ///
    /// # Errors
    /// The errors of `work`; [`StoreError::TooSlow`] after [`SEARCH_TIMEOUT`].
    pub async fn run<T, E>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let cancellation = Arc::<Cancellation>::default();
        let _cancel = CancelOnDrop(cancellation.clone());
        let search = self.readers.read(move |snapshot| {
            let Transaction::Sqlite(sqlite) = snapshot.transaction() else {
                return work(snapshot);
            };
            let monitor = Monitor::silent(&cancellation);
            let result = monitor.interruptible(sqlite.connection, || Ok(work(snapshot)));
            result.map_err(StoreError::from)?
        });
        let result = tokio::time::timeout(SEARCH_TIMEOUT, search).await;
        result.unwrap_or_else(|_| Err(StoreError::TooSlow.into()))
    }
}

struct CancelOnDrop(Arc<Cancellation>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::store::sql::Sql;
    use crate::store::test_db::TestDb;

    /// A query that takes minutes.
    fn slow(snapshot: &Snapshot) -> Result<i64, StoreError> {
        let sql = sql!(sqlite: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                                SELECT count(*) FROM n LIMIT 1");
        snapshot.one(&Sql::new(sql, []), |row| row.get(0))
    }

    fn runtime() -> tokio::runtime::Runtime {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().expect("a runtime")
    }

    #[test]
    fn slow_searches_are_interrupted_and_delay_no_reads() {
        let db = TestDb::new();
        runtime().block_on(async {
            let start = Instant::now();
            let searches = (0..4).map(|_| db.store.search(slow));
            let searches = futures_util::future::join_all(searches);
            let reads = async {
                let one = |snapshot: &Snapshot| {
                    snapshot.one(&Sql::new(sql!(sqlite: "SELECT 1"), []), |row| {
                        row.get::<i64>(0)
                    })
                };
                tokio::time::sleep(Duration::from_millis(100)).await;
                for _ in 0..20 {
                    assert_eq!(db.store.read(one).await.expect("a read"), 1);
                }
                start.elapsed()
            };
            let (results, reads) = tokio::join!(searches, reads);
            assert!(reads < SEARCH_TIMEOUT, "{reads:?}");
            for result in results {
                assert!(matches!(result, Err(StoreError::TooSlow)), "{result:?}");
            }
            // The threads are free again.
            let fast = |snapshot: &Snapshot| {
                snapshot.one(&Sql::new(sql!(sqlite: "SELECT 2"), []), |row| {
                    row.get::<i64>(0)
                })
            };
            assert_eq!(db.store.search(fast).await.expect("a search"), 2);
        });
    }

    #[test]
    fn a_search_whose_caller_has_gone_is_interrupted() {
        let db = TestDb::new();
        runtime().block_on(async {
            for _ in 0..8 {
                let search = db.store.search(slow);
                let _ = tokio::time::timeout(Duration::from_millis(20), search).await;
            }
            let fast = |snapshot: &Snapshot| {
                snapshot.one(&Sql::new(sql!(sqlite: "SELECT 2"), []), |row| {
                    row.get::<i64>(0)
                })
            };
            assert_eq!(db.store.search(fast).await.expect("a search"), 2);
        });
    }
}
