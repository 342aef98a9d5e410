use std::collections::HashSet;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use futures_util::FutureExt;

use super::*;
use crate::domain::{ConversationId, KeySeq, MessageId, ProjectSeq, Role, SentMessage, Timestamp};

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
        _ => panic!("not a message"),
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
    let mut ended = [[first, None], [second, first]].map(|keys| hub.subscribe(PROJECT, id, keys));
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
fn queued_events_are_taken_and_later_events_follow() {
    let (hub, id) = (EventHub::default(), ConversationId::generate());
    let mut subscription = hub.subscribe(PROJECT, id, [None; 2]);
    for number in 0..QUEUE_LENGTH {
        hub.publish(PROJECT, id, &message(number));
    }
    let queued = subscription.take_queued();
    assert_eq!(numbers(&queued), (0..QUEUE_LENGTH).collect::<Vec<_>>());
    hub.publish(PROJECT, id, &message(100));
    let (events, ended) = drain(&mut subscription);
    assert_eq!((numbers(&events), ended), (vec![100], false));
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
