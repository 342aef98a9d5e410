//! The hub that distributes events to subscribers.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::mpsc::{self, Sender};

use super::subscription::{has_session, needs_any};
use super::{Event, PublishedEvent, Subscription};
use crate::domain::{ConversationId, KeySeq, ProjectSeq};

/// Events that may wait for one subscriber.
pub const QUEUE_LENGTH: usize = 64;

/// Publishes events to subscribers. Clones share the subscribers.
#[derive(Debug, Clone, Default)]
pub struct EventHub(Arc<RwLock<Subscribers>>);

/// A conversation of a project.
pub type Topic = (ProjectSeq, ConversationId);

#[derive(Debug, Default)]
pub(super) struct Subscribers {
    /// Lists are never empty.
    pub(super) by_topic: HashMap<Topic, Vec<Subscriber>>,
    /// The id of the next subscriber.
    next_id: u64,
    /// No more events are delivered.
    closed: bool,
    /// The keys whose subscribers were removed by [`EventHub::remove_keys`].
    pub(super) revoked_keys: HashSet<KeySeq>,
    /// The subscribers of sessions with a lower id were removed by
    /// [`EventHub::remove_sessions`].
    pub(super) first_valid_session: u64,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) id: u64,
    keys: SubscriberKeys,
    queue: Sender<Arc<PublishedEvent>>,
    /// Set before the subscriber is removed because its conversation was deleted.
    is_deleted: Arc<AtomicBool>,
}

/// The keys that a subscriber needs: the key of its request, and the key of its
/// session if it has one.
pub type SubscriberKeys = [Option<KeySeq>; 2];

impl EventHub {
    /// Sends an event to all subscribers of the conversation. Call it after the
    /// commit of what the event reports.
    pub fn publish(&self, project: ProjectSeq, conversation: ConversationId, event: &Event) {
        let topic = (project, conversation);
        if !self.read().by_topic.contains_key(&topic) {
            return;
        }
        let event = Arc::new(PublishedEvent::new(conversation, event.clone()));
        // The write lock gives all subscribers the same order of events.
        self.write().broadcast(topic, &event);
    }

    /// Subscribes to a conversation until the subscription is dropped, or until
    /// one of `keys` is revoked.
    pub fn subscribe(
        &self,
        project: ProjectSeq,
        conversation: ConversationId,
        keys: SubscriberKeys,
    ) -> Subscription {
        let topic = (project, conversation);
        let (queue, events) = mpsc::channel(QUEUE_LENGTH);
        let is_deleted = Arc::<AtomicBool>::default();
        let mut subscribers = self.write();
        let id = subscribers.next_id;
        subscribers.next_id += 1;
        if !subscribers.closed {
            let subscriber = Subscriber {
                id,
                keys,
                queue,
                is_deleted: is_deleted.clone(),
            };
            let list = subscribers.by_topic.entry(topic).or_default();
            list.push(subscriber);
        }
        Subscription {
            hub: self.clone(),
            topic,
            id,
            keys,
            events,
            is_deleted,
        }
    }

    /// The keys of all subscribers.
    pub fn keys(&self) -> HashSet<KeySeq> {
        let subscribers = self.read();
        let all = subscribers.by_topic.values().flatten();
        all.flat_map(|subscriber| subscriber.keys)
            .flatten()
            .collect()
    }

    /// Ends the subscriptions that need one of these keys.
    pub fn remove_keys(&self, revoked: &HashSet<KeySeq>) {
        let mut subscribers = self.write();
        subscribers.revoked_keys.extend(revoked);
        subscribers.by_topic.retain(|_, list| {
            list.retain(|subscriber| !needs_any(subscriber.keys, revoked));
            !list.is_empty()
        });
    }

    /// Ends the subscriptions to a conversation that was deleted.
    pub fn remove_conversation(&self, project: ProjectSeq, conversation: ConversationId) {
        let topic = (project, conversation);
        if !self.read().by_topic.contains_key(&topic) {
            return;
        }
        let removed = self.write().by_topic.remove(&topic);
        for subscriber in removed.into_iter().flatten() {
            subscriber.is_deleted.store(true, Ordering::Release);
        }
    }

    /// The conversations that have subscribers.
    pub fn conversations(&self) -> Vec<Topic> {
        self.read().by_topic.keys().copied().collect()
    }

    /// Ends the subscriptions that were opened with a session.
    pub fn remove_sessions(&self) {
        let mut subscribers = self.write();
        subscribers.first_valid_session = subscribers.next_id;
        subscribers.by_topic.retain(|_, list| {
            list.retain(|subscriber| !has_session(subscriber.keys));
            !list.is_empty()
        });
    }

    /// Ends all subscriptions: events were lost. The clients connect again and read what
    /// they show.
    pub fn disconnect_all(&self) {
        self.write().by_topic = HashMap::new();
    }

    /// Ends all subscriptions, including later ones.
    pub fn close(&self) {
        let mut subscribers = self.write();
        subscribers.closed = true;
        subscribers.by_topic = HashMap::new();
    }

    /// Whether [`EventHub::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.read().closed
    }

    /// The number of subscribers of all conversations.
    pub fn subscriber_count(&self) -> usize {
        self.read().by_topic.values().map(Vec::len).sum()
    }

    // The data behind the lock is consistent after every statement, so a panic
    // of another thread does not invalidate it.

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Subscribers> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Subscribers> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscribers {
    /// Puts an event into each queue of the topic. A subscriber whose queue is
    /// full is removed.
    fn broadcast(&mut self, topic: Topic, event: &Arc<PublishedEvent>) {
        self.retain(topic, |subscriber| {
            subscriber.queue.try_send(event.clone()).is_ok()
        });
    }

    pub(super) fn retain(&mut self, topic: Topic, keep: impl FnMut(&Subscriber) -> bool) {
        let Some(list) = self.by_topic.get_mut(&topic) else {
            return;
        };
        list.retain(keep);
        if list.is_empty() {
            self.by_topic.remove(&topic);
        }
    }
}
