//! The receiving end of the events of a conversation.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::Receiver;

use super::{EventHub, PublishedEvent, QUEUE_LENGTH, SubscriberKeys, Topic};
use crate::domain::KeySeq;

/// A subscription to one conversation. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Subscription {
    pub(super) hub: EventHub,
    pub(super) topic: Topic,
    pub(super) id: u64,
    pub(super) keys: SubscriberKeys,
    pub(super) events: Receiver<Arc<PublishedEvent>>,
    pub(super) is_deleted: Arc<AtomicBool>,
}

impl Subscription {
    /// The conversation of the events.
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// The next event; `None` when the hub is closed or has removed this
    /// subscriber because its queue was full or [`Subscription::is_revoked`]. Cancel
    /// safe: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Arc<PublishedEvent>> {
        self.events.recv().await
    }

    /// Takes the events that are queued now out of the queue.
    pub fn take_queued(&mut self) -> Vec<Arc<PublishedEvent>> {
        let queued = std::iter::from_fn(|| self.events.try_recv().ok());
        queued.take(QUEUE_LENGTH).collect()
    }

    /// Whether the subscription ended because a key was revoked, its session ended or
    /// the conversation was deleted.
    pub fn is_revoked(&self) -> bool {
        let subscribers = self.hub.read();
        self.is_deleted.load(Ordering::Acquire)
            || (has_session(self.keys) && self.id < subscribers.first_valid_session)
            || needs_any(self.keys, &subscribers.revoked_keys)
    }
}

pub(super) fn has_session([_, session_key]: SubscriberKeys) -> bool {
    session_key.is_some()
}

pub(super) fn needs_any(keys: SubscriberKeys, revoked: &HashSet<KeySeq>) -> bool {
    keys.iter().flatten().any(|key| revoked.contains(key))
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let id = self.id;
        self.hub
            .write()
            .retain(self.topic, |subscriber| subscriber.id != id);
    }
}
