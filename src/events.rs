//! Live events of conversations, distributed to their subscribers.
//!
//! Subscribers share the event, and its encoded form once the first of them has
//! encoded it.
//! A subscriber whose queue is full is removed, so that a slow client costs
//! neither memory nor the time of others. Its client reconnects and reads the
//! conversation again.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::domain::{ConversationId, KeySeq, ProjectSeq, SentMessage};

/// A live event (`docs/api-contract.md`, section 8.3).
#[derive(Debug, Clone)]
pub enum Event {
    /// A visitor or an agent sent a message.
    NewMessage(SentMessage),
    /// An agent took the conversation over.
    HumanAssigned,
}

/// An event of a conversation, shared by the subscribers.
#[derive(Debug)]
pub struct PublishedEvent {
    pub conversation: ConversationId,
    pub event: Event,
    encoded: OnceLock<Bytes>,
}

impl PublishedEvent {
    pub fn new(conversation: ConversationId, event: Event) -> Self {
        Self {
            conversation,
            event,
            encoded: OnceLock::new(),
        }
    }

    /// Returns the event in the form that clients receive. The first call encodes
    /// it; all calls return the same bytes.
    pub fn encoded(&self, encode: fn(&Self) -> Bytes) -> Bytes {
        self.encoded.get_or_init(|| encode(self)).clone()
    }
}

/// Events that may wait for one subscriber.
pub const QUEUE_LENGTH: usize = 64;

/// Publishes events to subscribers. Clones share the subscribers.
#[derive(Debug, Clone, Default)]
pub struct EventHub(Arc<RwLock<Subscribers>>);

/// A conversation of a project.
pub type Topic = (ProjectSeq, ConversationId);

#[derive(Debug, Default)]
struct Subscribers {
    /// Lists are never empty.
    by_topic: HashMap<Topic, Vec<Subscriber>>,
    /// The id of the next subscriber.
    next_id: u64,
    /// No more events are delivered.
    closed: bool,
    /// The keys whose subscribers were removed by [`EventHub::remove_keys`].
    revoked_keys: HashSet<KeySeq>,
    /// The subscribers of sessions with a lower id were removed by
    /// [`EventHub::remove_sessions`].
    first_valid_session: u64,
}

#[derive(Debug)]
struct Subscriber {
    id: u64,
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

    fn read(&self) -> RwLockReadGuard<'_, Subscribers> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Subscribers> {
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

    fn retain(&mut self, topic: Topic, keep: impl FnMut(&Subscriber) -> bool) {
        let Some(list) = self.by_topic.get_mut(&topic) else {
            return;
        };
        list.retain(keep);
        if list.is_empty() {
            self.by_topic.remove(&topic);
        }
    }
}

/// A subscription to one conversation. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Subscription {
    hub: EventHub,
    topic: Topic,
    id: u64,
    keys: SubscriberKeys,
    events: Receiver<Arc<PublishedEvent>>,
    is_deleted: Arc<AtomicBool>,
}

impl Subscription {
    /// The next event; `None` when the hub is closed or has removed this
    /// subscriber because its queue was full or [`Subscription::is_revoked`]. Cancel
    /// safe: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Arc<PublishedEvent>> {
        self.events.recv().await
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

fn has_session([_, session_key]: SubscriberKeys) -> bool {
    session_key.is_some()
}

fn needs_any(keys: SubscriberKeys, revoked: &HashSet<KeySeq>) -> bool {
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::domain::{MessageId, Role, Timestamp};
    use futures_util::FutureExt;

    const PROJECT: ProjectSeq = ProjectSeq(1);

    /// A message whose text is a number.
    fn message(number: usize) -> Event {
        let (id, conversation) = (MessageId::generate(), ConversationId::generate());
        let text = number.to_string();
        Event::NewMessage(SentMessage::new(
            id,
            conversation,
            Role::User,
            text,
            Timestamp(0),
        ))
    }

    /// The queued events, and whether the subscription has ended.
    fn drain(subscription: &mut Subscription) -> (Vec<Arc<PublishedEvent>>, bool) {
        let mut all = Vec::new();
        loop {
            match subscription.next().now_or_never() {
                Some(Some(event)) => all.push(event),
                Some(None) => return (all, true),
                None => return (all, false),
            }
        }
    }

    fn numbers(events: &[Arc<PublishedEvent>]) -> Vec<usize> {
        let number = |event: &Arc<PublishedEvent>| match &event.event {
            Event::NewMessage(message) => message.text.parse().expect("a number"),
            Event::HumanAssigned => panic!("not a message"),
        };
        events.iter().map(number).collect()
    }

    #[test]
    fn subscribers_share_the_encoded_event() {
        let (hub, id) = (EventHub::default(), ConversationId::generate());
        let mut both = [
            hub.subscribe(PROJECT, id, [None; 2]),
            hub.subscribe(PROJECT, id, [None; 2]),
        ];
        hub.publish(PROJECT, id, &message(1));
        let [one, two] = both.each_mut().map(|subscription| {
            let event = subscription.next().now_or_never().flatten();
            event
                .expect("an event")
                .encoded(|_| Bytes::from(vec![1; 8]))
        });
        assert_eq!(one.as_ptr(), two.as_ptr());
    }

    #[test]
    fn revoked_key_ends_subscriptions_that_need_it() {
        let (hub, id) = (EventHub::default(), ConversationId::generate());
        let [first, second, third] = [1, 2, 3].map(|seq| Some(KeySeq(seq)));
        let mut ended =
            [[first, None], [second, first]].map(|keys| hub.subscribe(PROJECT, id, keys));
        let other = ConversationId::generate();
        let mut open = [[second, third], [None; 2]].map(|keys| hub.subscribe(PROJECT, other, keys));
        assert_eq!(hub.keys(), HashSet::from([1, 2, 3].map(KeySeq)));
        hub.remove_keys(&HashSet::from([KeySeq(1)]));
        assert_eq!(hub.subscriber_count(), 2);
        for subscription in &mut ended {
            assert!(drain(subscription).1 && subscription.is_revoked());
        }
        for subscription in &mut open {
            assert!(!drain(subscription).1 && !subscription.is_revoked());
        }
    }

    #[test]
    fn deleted_conversation_ends_its_subscriptions() {
        let (hub, id, other) = (
            EventHub::default(),
            ConversationId::generate(),
            ConversationId::generate(),
        );
        let mut ended = hub.subscribe(PROJECT, id, [None; 2]);
        let mut open = [
            hub.subscribe(PROJECT, other, [None; 2]),
            hub.subscribe(ProjectSeq(2), id, [None; 2]),
        ];
        hub.remove_conversation(PROJECT, id);
        assert!(drain(&mut ended).1 && ended.is_revoked());
        for subscription in &mut open {
            assert!(!drain(subscription).1 && !subscription.is_revoked());
        }
        assert_eq!(hub.conversations().len(), 2);
    }

    #[test]
    fn events_are_delivered_in_order() {
        let (hub, id) = (EventHub::default(), ConversationId::generate());
        let mut subscription = hub.subscribe(PROJECT, id, [None; 2]);
        hub.publish(PROJECT, id, &message(7));
        hub.publish(PROJECT, id, &Event::HumanAssigned);
        let (events, ended) = drain(&mut subscription);
        assert_eq!(numbers(&events[..1]), [7]);
        assert!(matches!(events[1].event, Event::HumanAssigned));
        assert!(events.iter().all(|event| event.conversation == id));
        assert_eq!((events.len(), ended), (2, false));
    }

    #[test]
    fn events_of_other_conversations_and_projects_are_not_delivered() {
        let (hub, id) = (EventHub::default(), ConversationId::generate());
        let mut others = [
            hub.subscribe(PROJECT, ConversationId::generate(), [None; 2]),
            hub.subscribe(ProjectSeq(2), id, [None; 2]),
        ];
        hub.publish(PROJECT, id, &message(1));
        for subscription in &mut others {
            let (events, ended) = drain(subscription);
            assert_eq!((events.len(), ended), (0, false));
        }
    }

    #[test]
    fn subscriber_with_full_queue_is_removed_and_others_continue() {
        let (hub, id) = (EventHub::default(), ConversationId::generate());
        let mut slow = hub.subscribe(PROJECT, id, [None; 2]);
        let mut quick = hub.subscribe(PROJECT, id, [None; 2]);
        for number in 0..=QUEUE_LENGTH {
            hub.publish(PROJECT, id, &message(number));
            assert_eq!(numbers(&drain(&mut quick).0), [number]);
        }
        assert_eq!(hub.subscriber_count(), 1);
        let (events, ended) = drain(&mut slow);
        assert_eq!(numbers(&events), (0..QUEUE_LENGTH).collect::<Vec<_>>());
        assert!(ended);
        // Dropping a removed subscription removes no other subscriber.
        drop(slow);
        assert_eq!(hub.subscriber_count(), 1);
    }

    #[test]
    fn dropped_subscriptions_leave_no_entries() {
        let (hub, id) = (EventHub::default(), ConversationId::generate());
        let [one, two] = [
            hub.subscribe(PROJECT, id, [None; 2]),
            hub.subscribe(PROJECT, id, [None; 2]),
        ];
        assert_eq!(hub.subscriber_count(), 2);
        drop(one);
        assert_eq!(hub.subscriber_count(), 1);
        drop(two);
        assert!(hub.read().by_topic.is_empty());
    }

    #[test]
    fn close_ends_current_and_later_subscriptions() {
        let (hub, id) = (EventHub::default(), ConversationId::generate());
        let mut early = hub.subscribe(PROJECT, id, [None; 2]);
        hub.publish(PROJECT, id, &message(1));
        hub.close();
        let mut late = hub.subscribe(PROJECT, id, [None; 2]);
        hub.publish(PROJECT, id, &message(2));
        let (events, ended) = drain(&mut early);
        assert_eq!((numbers(&events), ended), (vec![1], true));
        let (events, ended) = drain(&mut late);
        assert_eq!((events.len(), ended), (0, true));
        assert_eq!(hub.subscriber_count(), 0);
    }

    #[test]
    fn all_subscribers_receive_the_same_order_from_many_threads() {
        let (hub, id) = (EventHub::default(), ConversationId::generate());
        let mut subscriptions = [0; 4].map(|_| hub.subscribe(PROJECT, id, [None; 2]));
        thread::scope(|scope| {
            for thread in 0..4 {
                let hub = &hub;
                scope.spawn(move || {
                    for step in 0..QUEUE_LENGTH / 4 {
                        drop(hub.subscribe(PROJECT, id, [None; 2]));
                        hub.publish(PROJECT, id, &message(thread * 100 + step));
                    }
                });
            }
        });
        let orders = subscriptions.each_mut().map(|one| numbers(&drain(one).0));
        assert_eq!(orders[0].len(), QUEUE_LENGTH);
        assert!(orders.iter().all(|order| *order == orders[0]));
        drop(subscriptions);
        assert_eq!(hub.subscriber_count(), 0);
    }
}
