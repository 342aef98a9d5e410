//! Events of one node at the clients of another.

use std::time::Instant;

use parlor::domain::AgentRole;
use parlor::events::OFFLINE_DELAY;
use serde_json::{Value, json};

use super::{MAX_DELAY, Nodes, expect_soon};
use crate::helpers::{TestServer, WebSocketClient, string, wait_until};
use crate::project_events::Inbox;

fn connect(server: &TestServer, id: &str) -> WebSocketClient {
    let key = &server.project.publishable_key;
    WebSocketClient::open(**server, &format!("/v2/conversations/{id}/ws?apiKey={key}"))
}

/// The type of an event, or the text of its message.
fn summary(event: &Value) -> String {
    let text = event["message"]["parts"][0]["text"].as_str();
    text.map_or_else(|| string(&event["type"]), str::to_owned)
}

#[test]
fn visitor_receives_each_event_of_both_nodes_once_and_in_order() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let last = nodes.a.start_conversation(&ann);
    let sockets = [&nodes.a, &nodes.b].map(|node| [connect(node, &id), connect(node, &last)]);
    nodes.model.answer_with("Hello.");
    nodes.b.post_message(&ann, &id, "Hi").send().expect(200);
    nodes.b.take_over(&id).send().expect(200);
    let typing = |is_typing: bool| {
        let report = nodes.b.post(format!("/v2/conversations/{id}/typing"));
        let report = report.json(json!({ "isTyping": is_typing }));
        let report = report.bearer(&nodes.b.project.private_key).send();
        assert_eq!(report.status, 204);
    };
    typing(true);
    typing(false);
    let mut expected = ["Hi", "human_assigned", "typing", "typing"]
        .map(str::to_owned)
        .to_vec();
    for number in 0..20 {
        let text = number.to_string();
        // Typing is sent in the order of its node, which is the second one.
        let (_, node) = nodes.pairs()[number % 2];
        node.reply(&id, &text).send().expect(201);
        expected.push(text);
    }
    nodes.a.hand_back(&id).send().expect(200);
    let key = &nodes.b.project.private_key;
    nodes.b.close(key, &id).json(json!({})).send().expect(200);
    expected.extend(["handed_back", "human_assigned", "conversation_closed"].map(str::to_owned));
    // The last event: what comes before has been sent when this one is received.
    nodes.b.take_over(&last).send().expect(200);
    for [mut socket, mut other] in sockets {
        assert_eq!(summary(&other.next_event()), "human_assigned");
        let received: Vec<_> = expected
            .iter()
            .map(|_| summary(&socket.next_event()))
            .collect();
        assert_eq!(received, expected);
        let rest = socket.next_event();
        assert_eq!(summary(&rest), "human_assigned", "of the close");
        socket.expect_pong();
    }
}

#[test]
fn event_of_another_node_arrives_soon() {
    let Some(nodes) = Nodes::start() else { return };
    let (_, id) = nodes.start_conversation();
    let mut socket = connect(&nodes.a, &id);
    nodes.a.take_over(&id).send().expect(200);
    assert_eq!(summary(&socket.next_event()), "human_assigned");
    for number in 0..10 {
        let text = number.to_string();
        let start = Instant::now();
        nodes.b.reply(&id, &text).send().expect(201);
        assert_eq!(summary(&socket.next_event()), text);
        let delay = start.elapsed();
        assert!(delay < MAX_DELAY, "{delay:?}");
    }
}

#[test]
fn inbox_receives_what_another_node_changes() {
    let Some(nodes) = Nodes::start() else { return };
    let key = nodes.a.project.private_key.clone();
    let mut inbox = Inbox::open(&nodes.a, None);
    let b = &nodes.b;
    let ann = b.create_visitor("ann");
    let id = b.start_conversation(&ann);
    let created = inbox.next_of("conversation_created");
    assert_eq!(created["conversation"]["id"], id.as_str());
    nodes.model.answer_with("Hello.");
    b.post_message(&ann, &id, "Hi").send().expect(200);
    assert_eq!(summary(&inbox.next_of("new_message")), "Hi");
    // The answer is sent when it begins, and when it is complete.
    let id_of = |event: &Value| string(&event["message"]["id"]);
    let begin = inbox.next_with("new_message", |event| {
        event["message"]["role"] == "assistant"
    });
    if summary(&begin) != "Hello." {
        let end = inbox.next_with("message_done", |event| summary(event) == "Hello.");
        assert_eq!(id_of(&end), id_of(&begin));
    }
    let report = b.post(format!("/v2/conversations/{id}/typing"));
    let report = report.json(json!({ "isTyping": true })).bearer(&ann.token);
    assert_eq!(report.send().status, 204);
    assert_eq!(inbox.next_of("typing")["from"], "visitor");
    b.let_wait(&id);
    let waiting = inbox.next_of("waiting");
    assert_eq!(waiting["reason"], "requested");
    let note = b.post(format!("/v2/conversations/{id}/notes")).bearer(&key);
    let place = inbox.sequence;
    note.json(json!({ "text": "call back" })).send().expect(201);
    let noted = inbox.next_with("conversation_updated", |event| {
        event["sequence"].as_u64() > Some(place)
    });
    assert_eq!(noted["conversation"]["id"], id.as_str());
    b.take_over(&id).send().expect(200);
    inbox.next_with("conversation_updated", |event| {
        event["conversation"]["isHumanHandled"] == true
    });
    b.reply(&id, "Mara here.").send().expect(201);
    assert_eq!(summary(&inbox.next_of("new_message")), "Mara here.");
    b.close(&key, &id).json(json!({})).send().expect(200);
    inbox.next_with("conversation_updated", |event| {
        event["conversation"]["status"] == "closed"
    });
    let delete = b.request("DELETE", format!("/v2/conversations/{id}"));
    assert_eq!(delete.bearer(&key).send().status, 204);
    assert_eq!(inbox.next_of("conversation_deleted")["chatId"], id.as_str());
}

#[test]
fn inbox_event_follows_the_commit_of_another_node() {
    let Some(nodes) = Nodes::start() else { return };
    let key = &nodes.a.project.private_key;
    let mut inbox = Inbox::open(&nodes.a, None);
    let ann = nodes.b.create_visitor("ann");
    let id = nodes.b.start_conversation(&ann);
    nodes.b.take_over(&id).send().expect(200);
    for number in 0..20 {
        let text = number.to_string();
        nodes.b.post_message(&ann, &id, &text).send();
        let event = inbox.next_with("conversation_updated", |event| {
            event["conversation"]["lastMessage"]["parts"][0]["text"] == text.as_str()
        });
        let list = nodes.a.list(key, "include=visitor");
        assert_eq!(event["conversation"], list["data"][0]);
    }
}

fn is_online(server: &TestServer) -> bool {
    let key = &server.project.publishable_key;
    let project = server.get(format!("/v2/projects/current?apiKey={key}"));
    project.send().expect(200)["availability"]["isOnline"] == true
}

#[test]
fn agent_on_one_node_is_available_on_another() {
    let Some(nodes) = Nodes::start() else { return };
    let mara = nodes.a.create_agent("Mara", AgentRole::Owner);
    let noor = nodes.a.create_agent("Noor", AgentRole::Agent);
    assert!(!is_online(&nodes.b));
    let mut first = Inbox::open_as(&nodes.a, &mara);
    expect_soon("Mara is available on the other node", || {
        is_online(&nodes.b)
    });
    let online = |event: &Value| {
        let agents = event["agents"].as_array().expect("agents").iter();
        agents.filter(|agent| agent["isOnline"] == true).count()
    };
    let mut second = Inbox::open_as(&nodes.b, &noor);
    for inbox in [&mut first, &mut second] {
        inbox.next_with("presence", |event| online(event) == 2);
    }
    for (agent, node) in [(&mara, &nodes.b), (&noor, &nodes.a)] {
        let away = node.request("PATCH", "/v2/agents/me").agent(agent);
        away.json(json!({ "isAway": true })).send().expect(200);
    }
    expect_soon("nobody is available", || {
        !is_online(&nodes.a) && !is_online(&nodes.b)
    });
}

/// The agents of a node count as online for 20 to 30 seconds after it was killed.
#[test]
fn agents_of_a_node_that_was_stopped_are_soon_offline() {
    let Some(mut nodes) = Nodes::start() else {
        return;
    };
    let mara = nodes.a.create_agent("Mara", AgentRole::Owner);
    let _inbox = Inbox::open_as(&nodes.a, &mara);
    expect_soon("Mara is available on the other node", || {
        is_online(&nodes.b)
    });
    nodes.a.stop();
    let start = Instant::now();
    assert!(is_online(&nodes.b), "her inbox can connect to another node");
    wait_until("Mara is offline", || !is_online(&nodes.b));
    let delay = start.elapsed();
    assert!(delay < OFFLINE_DELAY + MAX_DELAY, "{delay:?}");
}

/// Adds an event and deletes it before a node can read it, as for a node that did not read
/// for more than a minute.
const LOSE_EVENTS: &str = "BEGIN;
    INSERT INTO event (kind, payload) VALUES ('message', ''), ('message', '');
    DELETE FROM event WHERE seq < (SELECT max(seq) FROM event);
    COMMIT";

#[test]
fn clients_read_again_when_events_were_missed() {
    let Some(nodes) = Nodes::start() else { return };
    let (_, id) = nodes.start_conversation();
    let mut inbox = Inbox::open(&nodes.a, None);
    let mut socket = connect(&nodes.a, &id);
    let database = nodes.a.db_connection();
    database.execute_batch(LOSE_EVENTS).expect("no events");
    inbox.next_of("resync");
    assert_eq!(socket.read_until_close(), Some(1013));
    // Later events arrive.
    let mut socket = connect(&nodes.a, &id);
    nodes.b.take_over(&id).send().expect(200);
    assert_eq!(summary(&socket.next_event()), "human_assigned");
    inbox.next_with("conversation_updated", |event| {
        event["conversation"]["isHumanHandled"] == true
    });
}

#[test]
fn old_events_are_deleted_and_clients_stay_connected() {
    let Some(nodes) = Nodes::start() else { return };
    let (_, id) = nodes.start_conversation();
    let mut inbox = Inbox::open(&nodes.a, None);
    let mut socket = connect(&nodes.a, &id);
    nodes.b.take_over(&id).send().expect(200);
    assert_eq!(summary(&socket.next_event()), "human_assigned");
    let age = "UPDATE event SET created_at = created_at - 120000";
    nodes.a.db_connection().execute(age, ()).expect("an update");
    nodes.b.reply(&id, "Hello.").send().expect(201);
    let is_deleted = "SELECT count(*) FROM event WHERE created_at < \
                             (SELECT max(created_at) FROM event) - 60000";
    crate::helpers::wait_until("old events are deleted", || {
        nodes.a.query_value::<i64>(is_deleted) == 1
    });
    nodes.b.reply(&id, "Still here?").send().expect(201);
    for text in ["Hello.", "Still here?"] {
        assert_eq!(summary(&socket.next_event()), text);
        let event = inbox.next_with("new_message", |event| summary(event) == text);
        assert_eq!(event["chatId"], id.as_str());
    }
}
