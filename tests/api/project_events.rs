//! Live events of a project (docs/api-contract.md, section 8.5).

mod access;
mod answers;
mod resume;
mod typing;

use std::collections::HashSet;

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{Agent, TestServer, WebSocketClient, string, wait_until};
use crate::sqlite_only;

/// A WebSocket for the events of a project.
pub struct Inbox {
    pub socket: WebSocketClient,
    pub stream: String,
    /// The sequence number of the last event.
    pub sequence: u64,
}

impl Inbox {
    /// Opens a WebSocket with the private key.
    pub fn open(server: &TestServer, after: Option<&str>) -> Self {
        let authorization = format!("Bearer {}", server.project.private_key);
        Self::open_with(server, after, &[("authorization", &authorization)])
    }

    pub fn open_as(server: &TestServer, agent: &Agent) -> Self {
        let origin = format!("http://{}", server.0);
        let headers = [("cookie", agent.cookie.as_str()), ("origin", &origin)];
        Self::open_with(server, None, &headers)
    }

    pub fn open_with(
        server: &TestServer,
        after: Option<&str>,
        headers: &[(&'static str, &str)],
    ) -> Self {
        let query = after.map(|after| format!("?after={after}"));
        let target = format!("/v2/events{}", query.unwrap_or_default());
        let socket = WebSocketClient::try_open(**server, &target, headers);
        let mut socket = socket.unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let hello = socket.next_event();
        assert_eq!(hello["type"], "hello");
        Self {
            socket,
            stream: string(&hello["stream"]),
            sequence: hello["sequence"].as_u64().expect("a number"),
        }
    }

    /// The value of `after` that continues here.
    pub fn place(&self) -> String {
        format!("{}:{}", self.stream, self.sequence)
    }

    /// The next event.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        let event = self.socket.next_event();
        let sequence = event["sequence"].as_u64().expect("a number");
        assert!(sequence >= self.sequence, "{event}");
        self.sequence = sequence;
        event
    }

    /// The next event of a type.
    #[track_caller]
    pub fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next();
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The next event of a type that meets a condition.
    #[track_caller]
    pub fn next_with(&mut self, kind: &str, is_match: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.next_of(kind);
            if is_match(&event) {
                return event;
            }
        }
    }

    /// The events up to the start of a conversation, which this function starts.
    #[track_caller]
    pub fn drain(&mut self, server: &TestServer) -> Vec<Value> {
        let visitor = server.create_visitor("the end of the events");
        let end = server.start_conversation(&visitor);
        let mut events = Vec::new();
        loop {
            let event = self.next();
            if event["conversation"]["id"] == end.as_str() {
                return events;
            }
            events.push(event);
        }
    }
}

fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| string(&event["type"])).collect()
}

fn text(event: &Value) -> String {
    string(&event["message"]["parts"][0]["text"])
}

#[test]
fn inbox_receives_conversations_and_messages() {
    let server = TestServer::start();
    let mut inbox = Inbox::open(&server, None);
    assert_eq!(inbox.next()["type"], "presence");
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let created = inbox.next_of("conversation_created");
    assert_eq!(created["conversation"]["id"], id.as_str());
    assert_eq!(created["conversation"]["visitor"]["type"], "anonymous");
    server.post_message(&ann, &id, "Hello!").send().expect(200);
    let message = inbox.next_of("new_message");
    assert_eq!(message["chatId"], id.as_str());
    assert_eq!(text(&message), "Hello!");
    let answer = inbox.next_of("new_message");
    assert_eq!(answer["message"]["role"], "assistant");
    assert!(answer["sequence"].as_u64() > message["sequence"].as_u64());
    let updated = inbox.next_of("conversation_updated");
    assert_eq!(updated["conversation"]["title"], "Hello!");
}

#[test]
fn conversation_of_an_event_is_the_item_of_the_list() {
    let server = TestServer::start();
    let key = &server.project.private_key;
    let mut inbox = Inbox::open(&server, None);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    for number in 0..20 {
        let text = format!("Question {number}");
        server.post_message(&ann, &id, &text).send().expect(200);
        // What an event reports is committed, and in the list at once.
        let event = inbox.next_with("conversation_updated", |event| {
            event["conversation"]["lastMessage"]["role"] == "assistant"
        });
        let list = server.list(key, "include=visitor");
        assert_eq!(event["conversation"], list["data"][0]);
    }
}

#[test]
fn use_cases_that_change_a_conversation_send_an_event() {
    let server = TestServer::start();
    let key = server.project.private_key.clone();
    let mut inbox = Inbox::open(&server, None);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let is_updated = |inbox: &mut Inbox, name: &str, value: Value| {
        inbox.next_with("conversation_updated", |event| {
            event["conversation"][name] == value
        });
    };
    server.take_over(&id).send().expect(200);
    is_updated(&mut inbox, "isHumanHandled", true.into());
    server.reply(&id, "Hello, Ann").send().expect(201);
    assert_eq!(text(&inbox.next_of("new_message")), "Hello, Ann");
    server.hand_back(&id).send().expect(200);
    is_updated(&mut inbox, "isHumanHandled", false.into());
    server.post_message(&ann, &id, "Hi").send().expect(200);
    let answer = inbox.next_with("new_message", |event| {
        event["message"]["role"] == "assistant"
    });
    let message = string(&answer["message"]["id"]);
    server
        .post(format!("/v2/messages/{message}/feedback"))
        .bearer(&ann.token)
        .json(json!({ "feedback": "like" }))
        .send()
        .expect(200);
    let event = inbox.next_of("message_updated");
    assert_eq!(event["message"]["feedback"], "like");
    server.close(&key, &id).json(json!({})).send().expect(200);
    is_updated(&mut inbox, "status", "closed".into());
    server
        .request("DELETE", format!("/v2/conversations/{id}"))
        .bearer(&key)
        .send();
    assert_eq!(inbox.next_of("conversation_deleted")["chatId"], id.as_str());
}

#[test]
fn changed_visitor_updates_the_conversations_of_the_visitor() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let ids: HashSet<_> = (0..3).map(|_| server.start_conversation(&ann)).collect();
    let mut inbox = Inbox::open(&server, None);
    server
        .request("PUT", format!("/v2/visitors/{}/block", ann.id))
        .bearer(&server.project.private_key)
        .send();
    let mut sequences = HashSet::new();
    let updated = (0..3).map(|_| {
        let event = inbox.next_of("conversation_updated");
        assert_eq!(event["conversation"]["visitor"]["isBlocked"], true);
        sequences.insert(event["sequence"].as_u64());
        string(&event["conversation"]["id"])
    });
    assert_eq!(updated.collect::<HashSet<_>>(), ids);
    assert_eq!(sequences.len(), 3, "each has a number of its own");
}

#[test]
fn new_and_deleted_notes_update_the_conversation() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let mut inbox = Inbox::open(&server, None);
    inbox.next_of("presence");
    let path = format!("/v2/conversations/{id}/notes");
    let key = &server.project.private_key;
    let added = server.post(&path).bearer(key);
    let note = added
        .json(json!({ "text": "call back" }))
        .send()
        .expect(201);
    assert_eq!(inbox.next()["conversation"]["id"], id.as_str());
    let target = format!("{path}/{}", string(&note["id"]));
    let deleted = server.request("DELETE", target).bearer(key).send();
    assert_eq!(deleted.status, 204);
    let event = inbox.next();
    assert_eq!(event["type"], "conversation_updated");
    assert_eq!(event["conversation"]["id"], id.as_str());
}

#[test]
fn several_changes_of_a_conversation_are_one_event() {
    sqlite_only!("the changes can come in several reads of the events");
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let place = Inbox::open(&server, None).place();
    for _ in 0..10 {
        server.take_over(&id).send().expect(200);
    }
    let mut inbox = Inbox::open(&server, Some(&place));
    let events = types(&inbox.drain(&server));
    let updates = events.iter().filter(|kind| *kind == "conversation_updated");
    assert_eq!(updates.count(), 1, "{events:?}");
}

#[test]
fn agents_see_who_is_there() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Owner);
    let noor = server.create_agent("Noor", AgentRole::Agent);
    let online = |event: &Value| {
        let agents = event["agents"].as_array().expect("agents").iter();
        let online = agents.filter(|agent| agent["isOnline"] == true);
        online
            .map(|agent| (string(&agent["name"]), agent["isAway"] == true))
            .collect::<Vec<_>>()
    };
    let of = |name: &str, is_away| (name.to_owned(), is_away);
    let mut first = Inbox::open_as(&server, &mara);
    first.next_with("presence", |event| online(event) == [of("Mara", false)]);
    let second = Inbox::open_as(&server, &noor);
    let both = [of("Mara", false), of("Noor", false)];
    first.next_with("presence", |event| online(event) == both);
    server
        .request("PATCH", "/v2/agents/me")
        .agent(&noor)
        .json(json!({ "isAway": true }))
        .send()
        .expect(200);
    let away = [of("Mara", false), of("Noor", true)];
    first.next_with("presence", |event| online(event) == away);
    drop(second);
    // After the time in which Noor could come back.
    first.next_with("presence", |event| online(event) == [of("Mara", false)]);
}

#[test]
fn read_and_unread_conversations_are_reported() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let mut inbox = Inbox::open(&server, None);
    let is_unread = |inbox: &mut Inbox, is_unread: bool| {
        inbox.next_with("conversation_updated", |event| {
            event["conversation"]["isUnread"] == is_unread
        });
    };
    let read = || {
        let read = server.post(format!("/v2/conversations/{id}/read"));
        read.bearer(&server.project.private_key).send()
    };
    server.post_message(&ann, &id, "Hello").send().expect(200);
    is_unread(&mut inbox, true);
    assert_eq!(read().status, 204);
    is_unread(&mut inbox, false);
    assert_eq!(read().status, 204);
    assert_eq!(inbox.drain(&server), Vec::<Value>::new(), "nothing changed");
    server.post_message(&ann, &id, "Hello?").send().expect(200);
    is_unread(&mut inbox, true);
    server.take_over(&id).send().expect(200);
    is_unread(&mut inbox, false);
    server.post_message(&ann, &id, "Mara?").send();
    is_unread(&mut inbox, true);
    server.reply(&id, "Here I am").send().expect(201);
    is_unread(&mut inbox, false);
    let by_visitor = server.post(format!("/v2/conversations/{id}/read"));
    let refused = by_visitor.bearer(&ann.token).send();
    refused.expect_error(403, "FORBIDDEN");
}

#[test]
fn end_of_waiting_is_reported() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let connection = server.db_connection();
    let wait = "UPDATE conversation SET waiting_since = 5, waiting_reason = 'requested'";
    connection.execute(wait, ()).expect("a conversation");
    let mut inbox = Inbox::open(&server, None);
    server.take_over(&id).send().expect(200);
    let event = inbox.next_of("waiting");
    assert_eq!(event["chatId"], id.as_str());
    assert_eq!(
        [&event["waitingSince"], &event["reason"]],
        [&Value::Null; 2]
    );
}

#[test]
fn closed_socket_is_no_subscriber() {
    let server = TestServer::start();
    let inbox = Inbox::open(&server, None);
    assert_eq!(server.project_subscriber_count(), 1);
    drop(inbox);
    wait_until("the subscription ends", || {
        server.project_subscriber_count() == 0
    });
}
