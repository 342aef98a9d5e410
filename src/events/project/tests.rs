use std::collections::HashSet;
use std::time::Instant;

use futures_util::FutureExt;

use super::*;
use crate::domain::{
    AgentSeq, AgentSessionSeq, ConversationId, ConversationSeq, KeySeq, MessageSeq, ProjectSeq,
    Status, VisitorSeq,
};
use crate::events::Presence;
use crate::store::{
    AgentChange, Changes, CommitObserver, ConversationUpdate, ListChange, ListedConversation,
};

const PROJECT: ProjectSeq = ProjectSeq(1);
const KEY: SubscriberIdentity = SubscriberIdentity::Key(KeySeq(1));

fn subscribe(
    hub: &ProjectHub,
    project: ProjectSeq,
    identity: SubscriberIdentity,
    after: Option<(Stream, u64)>,
) -> ProjectSubscription {
    let subscription = hub.subscribe(project, identity, after);
    subscription.expect("few subscribers")
}

fn updated(conversation: i64) -> ProjectEvent {
    ProjectEvent::ConversationUpdated(ConversationSeq(conversation))
}

/// The events after the position of a subscription, which moves to their end.
fn take(subscription: &mut ProjectSubscription) -> Vec<ProjectEvent> {
    let NextEvents::Events(events) = subscription.next(MAX_EVENTS) else {
        panic!("events are missing");
    };
    if let Some((last, _)) = events.last() {
        subscription.advance(*last);
    }
    events.into_iter().map(|(_, event)| event).collect()
}

fn conversation() -> ListedConversation {
    ListedConversation {
        seq: ConversationSeq(7),
        project: PROJECT,
        visitor: VisitorSeq(1),
        id: ConversationId::generate(),
        status: Status::Open,
        created_at: 1,
        updated_at: 1,
        last_interaction_at: 1,
        closed_at: None,
        is_human_handled: false,
        title_key: None,
        last_message: None,
        waiting_since: None,
    }
}

#[test]
fn place_continues_after_the_event_that_it_names() {
    let hub = ProjectHub::default();
    let mut first = subscribe(&hub, PROJECT, KEY, None);
    hub.publish(PROJECT, updated(1));
    assert_eq!(take(&mut first), [updated(1)]);
    let position = (first.stream(), first.position().sequence);
    drop(first);
    hub.publish(PROJECT, updated(2));
    let mut second = subscribe(&hub, PROJECT, KEY, Some(position));
    assert!(!second.position().has_gap);
    assert_eq!(take(&mut second), [updated(2)]);
}

#[test]
fn unknown_place_has_a_gap() {
    let hub = ProjectHub::default();
    let subscription = subscribe(&hub, PROJECT, KEY, None);
    let stream = subscription.stream();
    let unknown = Stream(uuid::Uuid::nil());
    for (stream, sequence, has_gap) in [(stream, 0, false), (stream, 1, true), (unknown, 0, true)] {
        let position = subscribe(&hub, PROJECT, KEY, Some((stream, sequence))).position();
        assert_eq!(position.has_gap, has_gap, "{stream:?} {sequence}");
    }
    assert_eq!(hub.resync_count(), 2);
}

#[test]
fn full_ring_moves_slow_subscribers_to_its_end() {
    let hub = ProjectHub::default();
    let mut slow = subscribe(&hub, PROJECT, KEY, None);
    for _ in 0..MAX_EVENTS {
        hub.publish(PROJECT, updated(1));
    }
    assert!(
        matches!(slow.next(1), NextEvents::Events(_)),
        "it just fits"
    );
    hub.publish(PROJECT, updated(2));
    assert_eq!(slow.next(1), NextEvents::Gap);
    hub.publish(PROJECT, updated(3));
    assert_eq!(take(&mut slow), [updated(3)]);
}

#[test]
fn combine_leaves_the_last_of_equal_events_and_nothing_before_a_resync() {
    let numbered = |events: &[ProjectEvent]| (1..).zip(events.iter().cloned()).collect::<Vec<_>>();
    let message = ProjectEvent::NewMessages(ConversationSeq(1), MessageSeq(1), MessageSeq(2));
    let events = [updated(1), message.clone(), updated(2), updated(1)];
    let combined = [(2, message), (3, updated(2)), (4, updated(1))];
    assert_eq!(combine(numbered(&events)), combined);
    let events = [updated(1), ProjectEvent::Resync, updated(2)];
    let combined = [(2, ProjectEvent::Resync), (3, updated(2))];
    assert_eq!(combine(numbered(&events)), combined);
}

#[test]
fn committed_update_reports_messages_and_waiting() {
    let hub = ProjectHub::default();
    let mut subscription = subscribe(&hub, PROJECT, KEY, None);
    let mut other = subscribe(&hub, ProjectSeq(2), KEY, None);
    let before = conversation();
    let after = ListedConversation {
        last_message: Some(MessageSeq(5)),
        waiting_since: Some(9),
        ..before.clone()
    };
    let id = before.id;
    let update = ConversationUpdate {
        before: before.clone(),
        after,
    };
    hub.committed(&Changes {
        lists: vec![
            ListChange::Inserted(before.clone().into()),
            ListChange::Updated(update.into()),
            ListChange::Deleted(before.into()),
        ],
        agents: Vec::new(),
    });
    let seq = ConversationSeq(7);
    let expected = [
        ProjectEvent::ConversationCreated(seq),
        ProjectEvent::NewMessages(seq, MessageSeq(0), MessageSeq(5)),
        ProjectEvent::WaitingChanged(seq),
        updated(7),
        ProjectEvent::ConversationDeleted(id),
    ];
    assert_eq!(take(&mut subscription), expected);
    assert_eq!(subscription.position().sequence, 9, "five for new messages");
    assert_eq!(take(&mut other), []);
}

#[test]
fn deleted_agent_ends_the_subscription_and_away_agents_are_not_available() {
    let presence = Presence::default();
    let hub = ProjectHub::new(presence.clone());
    let agent = AgentSeq(3);
    let identity = SubscriberIdentity::Agent {
        agent,
        session: AgentSessionSeq(4),
        is_away: false,
    };
    let mut subscription = subscribe(&hub, PROJECT, identity, None);
    assert!(presence.is_agent_available(PROJECT));
    let change = |is_away| Changes {
        lists: Vec::new(),
        agents: vec![AgentChange {
            project: PROJECT,
            agent,
            is_away,
        }],
    };
    hub.committed(&change(Some(true)));
    assert!(!presence.is_agent_available(PROJECT));
    assert_eq!(take(&mut subscription), [ProjectEvent::PresenceChanged]);
    assert_eq!(subscription.end(), None);
    hub.committed(&change(None));
    assert_eq!(subscription.end(), Some(SubscriptionEnd::Revoked));
    assert!(
        subscription.wait().now_or_never().is_some(),
        "it is notified"
    );
}

#[test]
fn revoked_sessions_and_keys_end_their_subscriptions_only() {
    let hub = ProjectHub::default();
    let agent = |session| SubscriberIdentity::Agent {
        agent: AgentSeq(1),
        session: AgentSessionSeq(session),
        is_away: false,
    };
    let [first, second] = [1, 2].map(|session| subscribe(&hub, PROJECT, agent(session), None));
    let key = subscribe(&hub, PROJECT, KEY, None);
    assert_eq!(hub.sessions(), HashSet::from([1, 2].map(AgentSessionSeq)));
    hub.revoke_sessions(&HashSet::from([AgentSessionSeq(1)]));
    let ended = [&first, &second, &key].map(|subscription| subscription.end().is_some());
    assert_eq!(ended, [true, false, false]);
    hub.revoke_keys(&HashSet::from([KeySeq(1)]));
    assert!(key.end().is_some() && second.end().is_none());
}

#[test]
fn channel_collects_events_for_a_while_after_the_last_subscriber() {
    let hub = ProjectHub::default();
    let subscription = subscribe(&hub, PROJECT, KEY, None);
    let position = (subscription.stream(), subscription.position().sequence);
    drop(subscription);
    hub.sweep(Instant::now());
    let is_known = |hub: &ProjectHub| {
        !subscribe(hub, PROJECT, KEY, Some(position))
            .position()
            .has_gap
    };
    assert!(is_known(&hub));
    hub.sweep(Instant::now() + IDLE_TIMEOUT * 2);
    assert!(!is_known(&hub));
}

#[test]
fn subscribers_of_a_caller_and_of_a_project_are_limited() {
    let hub = ProjectHub::default();
    let try_subscribe = |key| hub.subscribe(PROJECT, SubscriberIdentity::Key(KeySeq(key)), None);
    let mut open = Vec::new();
    for _ in 0..MAX_SUBSCRIBERS_OF_CALLER {
        open.push(try_subscribe(0).expect("a subscription"));
    }
    assert_eq!(try_subscribe(0).err(), Some(TooManySubscribers));
    for number in open.len()..MAX_SUBSCRIBERS {
        let key = number / MAX_SUBSCRIBERS_OF_CALLER;
        open.push(try_subscribe(key as i64).expect("a subscription"));
    }
    assert_eq!(try_subscribe(99).err(), Some(TooManySubscribers));
    assert!(hub.subscribe(ProjectSeq(2), KEY, None).is_ok());
    // One that has ended makes room. A refused one is no subscriber.
    open.pop();
    assert!(try_subscribe(99).is_ok());
    drop(open);
    assert_eq!(hub.subscriber_count(), 0);
    hub.sweep(Instant::now() + IDLE_TIMEOUT);
    hub.publish(PROJECT, updated(1));
    let stream = subscribe(&hub, PROJECT, KEY, None);
    assert_eq!(stream.position().sequence, 0, "the channel was removed");
}
