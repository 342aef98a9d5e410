//! A client continues after a disconnect, without loss and repetition.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parlor::events::project::{MAX_EVENTS, ProjectEvent};

use super::*;
use crate::one_node;
use crate::sqlite_only;

/// The messages among events.
fn texts(events: &[Value]) -> Vec<String> {
    let messages = events.iter().filter(|event| event["type"] == "new_message");
    messages.map(text).collect()
}

#[test]
fn missed_events_follow_once_and_in_order() {
    one_node!("a client continues at its place on the node of its socket");
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    server.take_over(&id).send().expect(200);
    let send = |text: &str| server.reply(&id, text).send().expect(201);
    let mut inbox = Inbox::open(&server, None);
    send("1");
    inbox.next_of("new_message");
    inbox.next_of("conversation_updated");
    let place = inbox.place();
    drop(inbox);
    for text in ["2", "3", "4"] {
        send(text);
    }
    let mut inbox = Inbox::open(&server, Some(&place));
    assert_eq!(inbox.place(), place);
    send("5");
    assert_eq!(texts(&inbox.drain(&server)), ["2", "3", "4", "5"]);
}

#[test]
fn message_of_a_pair_is_a_place() {
    one_node!("a client continues at its place on the node of its socket");
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let mut inbox = Inbox::open(&server, None);
    server.post_message(&ann, &id, "Hello").send().expect(200);
    assert_eq!(text(&inbox.next_of("new_message")), "Hello");
    let place = inbox.place();
    drop(inbox);
    // The answer is a later event of the same commit.
    let mut inbox = Inbox::open(&server, Some(&place));
    assert_eq!(inbox.next_of("new_message")["message"]["role"], "assistant");
}

#[test]
fn full_ring_requires_a_resync() {
    one_node!("a client continues at its place on the node of its socket");
    let server = TestServer::start();
    let mut inbox = Inbox::open(&server, None);
    inbox.next_of("presence");
    let place = inbox.place();
    drop(inbox);
    for _ in 0..=MAX_EVENTS {
        let project = server.project.seq;
        let event = ProjectEvent::PresenceChanged;
        server.project_events().publish(project, event);
    }
    let mut inbox = Inbox::open(&server, Some(&place));
    let resync = inbox.next();
    assert_eq!(resync["type"], "resync");
    assert_eq!(resync["stream"], inbox.stream.as_str());
    assert_eq!(resync["sequence"].as_u64(), Some(inbox.sequence));
    assert!(server.project_events().resync_count() >= 1);
    let ann = server.create_visitor("ann");
    server.start_conversation(&ann);
    inbox.next_of("conversation_created");
}

#[test]
fn restart_requires_a_resync() {
    let mut server = TestServer::start();
    let place = Inbox::open(&server, None).place();
    server.restart();
    let mut inbox = Inbox::open(&server, Some(&place));
    assert_eq!(inbox.next()["type"], "resync");
    assert_ne!(place.split(':').next(), Some(inbox.stream.as_str()));
}

#[test]
fn change_by_another_process_requires_a_resync() {
    sqlite_only!("changes by other nodes are events");
    let server = TestServer::start();
    let mut inbox = Inbox::open(&server, None);
    server.create_project();
    inbox.next_of("resync");
}

#[test]
fn client_that_does_not_read_gets_a_resync_and_then_live_events() {
    one_node!("the test publishes the events of one node");
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    server.take_over(&id).send().expect(200);
    let mut slow = Inbox::open(&server, None);
    let mut quick = Inbox::open(&server, None);
    // More than the buffers of the connection can hold.
    let long = "🚚".repeat(10_000);
    for _ in 0..300 {
        server.reply(&id, &long).send().expect(201);
        quick.next_of("new_message");
    }
    for _ in 0..=MAX_EVENTS {
        let project = server.project.seq;
        let event = ProjectEvent::PresenceChanged;
        server.project_events().publish(project, event);
    }
    server.reply(&id, "the last").send().expect(201);
    let resync = slow.next_of("resync");
    assert!(resync["sequence"].as_u64() > Some(300));
    let another = server.start_conversation(&ann);
    let created = slow.next_of("conversation_created");
    assert_eq!(created["conversation"]["id"], another.as_str());
}

#[test]
fn no_message_of_many_writers_is_lost_or_repeated_across_reconnects() {
    one_node!("a client continues at its place on the node of its socket");
    const WRITERS: usize = 8;
    const MESSAGES: usize = 60;
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let ids: Vec<_> = (0..WRITERS)
        .map(|_| {
            let id = server.start_conversation(&ann);
            server.take_over(&id).send().expect(200);
            id
        })
        .collect();
    let is_over = AtomicBool::new(false);
    let place = Inbox::open(&server, None).place();
    let received = thread::scope(|scope| {
        let reader = scope.spawn(|| read_with_reconnects(&server, place, &is_over));
        let writers = ids.iter().enumerate().map(|(writer, id)| {
            let server = &server;
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    let text = format!("{writer}/{number}");
                    server.reply(id, &text).send().expect(201);
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.join().expect("a writer");
        }
        is_over.store(true, Ordering::Release);
        reader.join().expect("a reader")
    });
    for writer in 0..WRITERS {
        let prefix = format!("{writer}/");
        let own = received.iter().filter(|text| text.starts_with(&prefix));
        let own: Vec<_> = own.cloned().collect();
        let expected: Vec<_> = (0..MESSAGES)
            .map(|number| format!("{writer}/{number}"))
            .collect();
        assert_eq!(own, expected);
    }
}

/// The messages until the writers have ended. Connects again after some events each.
fn read_with_reconnects(
    server: &TestServer,
    mut place: String,
    is_over: &AtomicBool,
) -> Vec<String> {
    let mut received = Vec::new();
    for round in 0.. {
        let is_last = is_over.load(Ordering::Acquire);
        let mut inbox = Inbox::open(server, Some(&place));
        let events = if is_last {
            inbox.drain(server)
        } else {
            (0..round % 7 + 2).map(|_| inbox.next()).collect()
        };
        assert!(!types(&events).contains(&"resync".to_owned()));
        received.extend(texts(&events));
        place = inbox.place();
        if is_last {
            break;
        }
    }
    received
}
