//! What the conversations of the last days amount to, for the overview of the inbox.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{ProjectSeq, Statistics, Timestamp};
use crate::store::{Snapshot, Store, StoreError, statistics};

/// How long counted statistics are returned again. Counting a million conversations takes
/// about half a second.
const MAX_AGE: Duration = Duration::from_secs(60);

const MAX_ENTRIES: usize = 1000;

type Key = (ProjectSeq, u32);

/// Statistics that were counted within the last minute, by project and number of days.
#[derive(Debug, Default)]
pub struct StatisticsCache {
    entries: Mutex<HashMap<Key, (Instant, Arc<Statistics>)>>,
}

impl StatisticsCache {
    /// The statistics of the last `days` days, and the number of conversations that wait
    /// for an agent now.
    ///
    /// # Errors
    /// [`StoreError::TooSlow`] if counting takes longer than two seconds.
    pub async fn read(
        &self,
        store: &Store,
        project: ProjectSeq,
        days: u32,
    ) -> Result<(Arc<Statistics>, u64), StoreError> {
        let waiting = move |snapshot: &Snapshot| statistics::waiting(snapshot, project);
        let waiting = store.read(waiting).await?;
        if let Some(statistics) = self.get((project, days)) {
            return Ok((statistics, waiting));
        }
        let count =
            move |snapshot: &Snapshot| statistics::read(snapshot, project, days, Timestamp::now());
        let statistics = Arc::new(store.search(count).await?);
        self.insert((project, days), statistics.clone());
        Ok((statistics, waiting))
    }

    fn get(&self, key: Key) -> Option<Arc<Statistics>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (counted_at, statistics) = entries.get(&key)?;
        (counted_at.elapsed() < MAX_AGE).then(|| statistics.clone())
    }

    fn insert(&self, key: Key, statistics: Arc<Statistics>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, (counted_at, _)| counted_at.elapsed() < MAX_AGE);
        }
        if entries.len() < MAX_ENTRIES {
            entries.insert(key, (Instant::now(), statistics));
        }
    }
}
