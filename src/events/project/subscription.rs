//! A subscriber's position in the events of a project.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::channel::Channel;
use super::{ProjectEvent, ProjectHub, Stream};
use crate::domain::ProjectSeq;

/// A subscription to the events of a project. Dropping it unsubscribes.
#[derive(Debug)]
pub struct ProjectSubscription {
    hub: ProjectHub,
    project: ProjectSeq,
    id: u64,
    channel: Arc<Channel>,
    position: RingPosition,
    signal: watch::Receiver<()>,
    is_revoked: Arc<AtomicBool>,
}

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingPosition {
    /// The events up to this sequence number have been sent.
    pub sequence: u64,
    /// Whether events before the position are missing.
    pub has_gap: bool,
}

/// The events after the position of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextEvents {
    /// Possibly none.
    Events(Vec<(u64, ProjectEvent)>),
    /// Events are missing. The position is at the newest event now.
    Gap,
}

/// Why a subscription has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionEnd {
    /// The server shuts down.
    Closed,
    /// The key was revoked, or the agent's account or session was removed.
    Revoked,
}

impl RingPosition {
    /// The position after `after` if the channel has all events since. Otherwise the newest.
    pub(super) fn new(channel: &Channel, after: Option<(Stream, u64)>) -> Self {
        match after {
            Some((stream, sequence))
                if stream == channel.stream && channel.has_all_after(sequence) =>
            {
                Self {
                    sequence,
                    has_gap: false,
                }
            }
            _ => Self {
                sequence: channel.newest(),
                has_gap: after.is_some(),
            },
        }
    }
}

impl ProjectSubscription {
    pub(super) fn new(
        hub: ProjectHub,
        project: ProjectSeq,
        id: u64,
        channel: Arc<Channel>,
        position: RingPosition,
        is_revoked: Arc<AtomicBool>,
    ) -> Self {
        if position.has_gap {
            hub.count_resync();
        }
        let mut signal = channel.signal.subscribe();
        // Events may follow the position already.
        signal.mark_changed();
        Self {
            hub,
            project,
            id,
            channel,
            position,
            signal,
            is_revoked,
        }
    }

    pub fn project(&self) -> ProjectSeq {
        self.project
    }

    pub fn stream(&self) -> Stream {
        self.channel.stream
    }

    /// The position of the subscription.
    pub fn position(&self) -> RingPosition {
        self.position
    }

    /// Waits until events may follow or the subscription has ended. Cancel safe.
    pub async fn wait(&mut self) {
        // The channel owns the sender, so it exists.
        let _ = self.signal.changed().await;
    }

    /// Whether the subscription has ended.
    pub fn end(&self) -> Option<SubscriptionEnd> {
        if self.is_revoked.load(Ordering::Acquire) {
            Some(SubscriptionEnd::Revoked)
        } else if self.hub.is_closed() {
            Some(SubscriptionEnd::Closed)
        } else {
            None
        }
    }

    /// The next events, at most `limit`. The position stays until [`Self::advance`].
    pub fn next(&mut self, limit: usize) -> NextEvents {
        match self.channel.after(self.position.sequence, limit) {
            Ok(events) => NextEvents::Events(events),
            Err(gap) => {
                self.hub.count_resync();
                self.position.sequence = gap.newest;
                NextEvents::Gap
            }
        }
    }

    /// Records that the events up to a sequence number have been sent.
    pub fn advance(&mut self, sequence: u64) {
        self.position.sequence = sequence;
        if self.channel.newest() > sequence {
            self.signal.mark_changed();
        }
    }

    /// Makes [`Self::wait`] return once more.
    pub fn repeat(&mut self) {
        self.signal.mark_changed();
    }
}

impl Drop for ProjectSubscription {
    fn drop(&mut self) {
        self.hub.unsubscribe(self.project, self.id, &self.channel);
    }
}
