//! The channel of a project: its newest events.

use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use uuid::Uuid;

use super::ProjectEvent;

/// The maximum number of events in a ring. An event has 32 bytes.
pub const MAX_EVENTS: usize = 4096;

/// The name of a channel. A channel that is created later, such as after a restart, has
/// another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream(pub Uuid);

impl Stream {
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.simple(), f)
    }
}

#[derive(Debug)]
pub(super) struct Channel {
    pub stream: Stream,
    ring: Mutex<Ring>,
    /// Notifies the subscriptions.
    pub signal: watch::Sender<()>,
    /// Changed while the hub's map of channels is locked for writing, or by the drop of a
    /// subscription.
    pub state: Mutex<ChannelState>,
}

#[derive(Debug)]
pub(super) struct ChannelState {
    pub subscriptions: usize,
    /// When the last subscription ended.
    pub idle_since: Instant,
}

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<(u64, ProjectEvent)>,
    /// The sequence number of the newest event.
    newest: u64,
    /// The sequence number of the newest event that was removed.
    removed: u64,
}

/// The position is not in the ring any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// The sequence number of the newest event.
    pub newest: u64,
}

impl Channel {
    pub fn new() -> Self {
        Self {
            stream: Stream(Uuid::new_v4()),
            ring: Mutex::default(),
            signal: watch::Sender::new(()),
            state: Mutex::new(ChannelState {
                subscriptions: 0,
                idle_since: Instant::now(),
            }),
        }
    }

    /// Appends an event. Does not notify.
    pub fn push(&self, event: ProjectEvent) {
        let mut ring = lock(&self.ring);
        ring.newest += event.max_frames();
        let sequence = ring.newest;
        if ring.events.len() == MAX_EVENTS
            && let Some((removed, _)) = ring.events.pop_front()
        {
            ring.removed = removed;
        }
        ring.events.push_back((sequence, event));
    }

    pub fn notify(&self) {
        self.signal.send_replace(());
    }

    /// The sequence number of the newest event.
    pub fn newest(&self) -> u64 {
        lock(&self.ring).newest
    }

    /// Whether all events after a sequence number are in the ring.
    pub fn has_all_after(&self, sequence: u64) -> bool {
        let ring = lock(&self.ring);
        (ring.removed..=ring.newest).contains(&sequence)
    }

    /// The oldest events after a sequence number, at most `limit`.
    pub fn after(&self, sequence: u64, limit: usize) -> Result<Vec<(u64, ProjectEvent)>, Gap> {
        let ring = lock(&self.ring);
        if sequence < ring.removed {
            return Err(Gap {
                newest: ring.newest,
            });
        }
        let first = ring
            .events
            .partition_point(|(number, _)| *number <= sequence);
        Ok(ring.events.range(first..).take(limit).cloned().collect())
    }
}

// The data behind the locks is consistent after every statement, so a panic of another
// thread does not invalidate it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
