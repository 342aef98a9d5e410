//! Events over WebSockets (docs/api-contract.md, section 8).

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use parlor::config::Settings;
use parlor::domain::{ConversationId, MessageId, ProjectSeq, Role, SentMessage, Timestamp};
use parlor::events::Event;
use serde_json::{Value, json};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Error, Message};

use crate::helpers::{
    TestServer, UNKNOWN_ID, Visitor, WebSocketClient, insert_conversations, refusal_body,
    wait_until,
};

struct Fixture {
    server: TestServer,
    ann: Visitor,
    /// A conversation of Ann.
    id: String,
}

fn setup() -> Fixture {
    setup_with(|_| ())
}

fn setup_with(configure: impl FnOnce(&mut Settings)) -> Fixture {
    let server = TestServer::start_with(configure);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    Fixture { server, ann, id }
}

/// Short timeouts, but long enough for a client that a busy machine delays.
fn short_timeouts(settings: &mut Settings) {
    settings.socket_timeouts.heartbeat_interval = Duration::from_millis(500);
    settings.socket_timeouts.idle_timeout = Duration::from_millis(1500);
}

/// Checks its connections often, with the default timeouts.
fn frequent_checks(settings: &mut Settings) {
    settings.socket_timeouts.heartbeat_interval = Duration::from_millis(20);
}

impl Fixture {
    fn path(&self) -> String {
        format!("/v2/conversations/{}/ws", self.id)
    }

    fn target(&self) -> String {
        let key = &self.server.project.publishable_key;
        format!("{}?apiKey={key}", self.path())
    }

    fn connect(&self) -> WebSocketClient {
        WebSocketClient::open(*self.server, &self.target())
    }

    fn publish(&self, event: &Event) {
        publish(&self.server, self.server.project.seq, &self.id, event);
    }

    fn subscriber_count(&self) -> usize {
        self.server.events().subscriber_count()
    }

    #[track_caller]
    fn wait_for_subscribers(&self, count: usize) {
        wait_until("the number of subscribers changes", || {
            self.subscriber_count() == count
        });
    }
}

fn publish(server: &TestServer, project: ProjectSeq, id: &str, event: &Event) {
    let id = ConversationId::parse(id).expect("a UUID");
    server.events().publish(project, id, event);
}

fn message(text: &str) -> Event {
    let (id, conversation) = (MessageId::generate(), ConversationId::generate());
    let message = SentMessage::new(id, conversation, Role::HumanAgent, text, Timestamp(0));
    Event::NewMessage(message)
}

fn text(event: &Value) -> &str {
    let text = &event["message"]["parts"][0]["text"];
    text.as_str().expect("a text")
}

// ── Refusals ──

#[test]
fn upgrade_requires_one_valid_key() {
    let fixture = setup();
    let get = |query: &str| {
        fixture
            .server
            .get(format!("{}{query}", fixture.path()))
            .send()
    };
    let project = &fixture.server.project;
    for query in ["", "?apiKey="] {
        get(query).expect_validation_error("apiKey", "publishable key");
    }
    get("?apiKey=a&apiKey=b").expect_validation_error("apiKey", "once");
    let revoked = fixture.server.create_publishable_key(&[]);
    fixture.server.revoke_key(&revoked);
    for bad in ["pk_unknown", "pk_demo", &project.private_key, &revoked] {
        get(&format!("?apiKey={bad}")).expect_error(401, "UNAUTHORIZED");
    }
}

#[test]
fn upgrade_from_other_origin_returns_403() {
    let fixture = setup();
    let key = fixture
        .server
        .create_publishable_key(&["https://shop.example"]);
    let target = format!("{}?apiKey={key}", fixture.path());
    let open = |origin| WebSocketClient::try_open(*fixture.server, &target, &[("origin", origin)]);
    let refusal = open("https://evil.example").err().expect("a refusal");
    assert_eq!(refusal.status(), 403);
    let error: Value = serde_json::from_slice(refusal_body(&refusal)).expect("JSON");
    assert_eq!(error["error"]["code"], "FORBIDDEN");
    open("https://shop.example").expect("let in").expect_pong();
}

#[test]
fn upgrade_for_conversation_of_other_project_returns_404() {
    let fixture = setup();
    let other_project = fixture.server.create_project();
    for (id, key) in [
        (UNKNOWN_ID, &fixture.server.project.publishable_key),
        (fixture.id.as_str(), &other_project.publishable_key),
    ] {
        let target = format!("/v2/conversations/{id}/ws?apiKey={key}");
        let error = fixture.server.get(target).send();
        let error = error.expect_error(404, "CONVERSATION_NOT_FOUND");
        assert_eq!(error["details"], json!({ "conversationId": id }));
    }
    let key = &fixture.server.project.publishable_key;
    let invalid = format!("/v2/conversations/nonsense/ws?apiKey={key}");
    fixture
        .server
        .get(invalid)
        .send()
        .expect_validation_error("conversationId", "UUID");
    // The server checks the credential first.
    let invalid = "/v2/conversations/nonsense/ws?apiKey=pk_unknown";
    fixture
        .server
        .get(invalid)
        .send()
        .expect_error(401, "UNAUTHORIZED");
}

#[test]
fn upgrade_checks_optional_token() {
    let fixture = setup();
    let other_project = fixture.server.create_project();
    let get = |token: &str| {
        let target = format!("{}&token={token}", fixture.target());
        fixture.server.get(target).send()
    };
    for bad in ["", "nonsense", "a.b.c", &fixture.server.project.private_key] {
        get(bad).expect_error(401, "UNAUTHORIZED");
    }
    get(&fixture.server.create_visitor("ben").token).expect_error(403, "FORBIDDEN");
    let far = fixture.server.create_visitor_in(&other_project, "ann");
    get(&far.token).expect_error(404, "CONVERSATION_NOT_FOUND");
    let target = format!("{}&token={}", fixture.target(), fixture.ann.token);
    WebSocketClient::open(*fixture.server, &target).expect_pong();
}

#[test]
fn expired_session_ends_its_websocket_within_a_second() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = insert_conversations(&server, &ann, 1).remove(0);
    // It expires in two seconds. The server has not read it yet.
    let age = i64::try_from(server.settings.session_max().as_millis()).expect("an age");
    let expiry = Timestamp::now().0 + 2000;
    let update = server
        .db_connection()
        .execute("UPDATE session SET created_at = ?", [expiry - age]);
    assert_eq!(update, Ok(1));
    let (key, token) = (&server.project.publishable_key, &ann.token);
    let target = format!("/v2/conversations/{id}/ws?apiKey={key}&token={token}");
    let mut socket = WebSocketClient::open(*server, &target);
    socket.expect_pong();
    assert_eq!(socket.read_until_close(), Some(1008));
    let late = Timestamp::now().0 - expiry;
    // The heartbeat comes every 30 seconds. The bound is larger on a slow machine.
    assert!((0..5000).contains(&late), "{late} ms after the expiry");
}

#[test]
fn request_without_upgrade_returns_422_and_post_405() {
    let fixture = setup();
    let get = || fixture.server.get(fixture.target());
    get().send().expect_validation_error("Upgrade", "websocket");
    let h2c = get().header("Upgrade", "h2c").send();
    h2c.expect_validation_error("Upgrade", "websocket");
    let no_connection = get().header("Upgrade", "websocket").send();
    no_connection.expect_validation_error("Connection", "Upgrade");
    let post = fixture.server.post(fixture.target()).send();
    post.expect_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(post.header("allow"), Some("GET"));
    assert_eq!(fixture.subscriber_count(), 0);
}

// ── Messages and events ──

#[test]
fn text_ping_and_protocol_ping_get_pong() {
    let fixture = setup();
    let mut socket = fixture.connect();
    socket.expect_pong();
    socket.send(Message::Ping("payload".into()));
    assert_eq!(socket.receive(), Message::Pong("payload".into()));
    socket.expect_pong();
}

#[test]
fn other_client_messages_are_ignored() {
    let fixture = setup();
    let mut socket = fixture.connect();
    for text in ["", "Ping", "ping ", "{\"type\":\"new_message\"}"] {
        socket.send(text);
    }
    socket.send(Message::binary(b"ping".to_vec()));
    socket.send(Message::Pong("unsolicited".into()));
    let parts = [
        (OpCode::Data(Data::Text), false),
        (OpCode::Data(Data::Continue), true),
    ];
    for (part, last) in parts {
        socket.send(Message::Frame(Frame::message("pi", part, last)));
    }
    socket.expect_pong();
}

#[test]
fn event_reaches_all_subscribers_of_its_conversation_only() {
    let fixture = setup();
    let other_project = fixture.server.create_project();
    let mut subscribers = [fixture.connect(), fixture.connect()];
    let other = fixture.server.start_conversation(&fixture.ann);
    let other = format!(
        "/v2/conversations/{other}/ws?apiKey={}",
        fixture.server.project.publishable_key
    );
    let far = fixture
        .server
        .start_conversation(&fixture.server.create_visitor_in(&other_project, "ann"));
    let far = format!(
        "/v2/conversations/{far}/ws?apiKey={}",
        other_project.publishable_key
    );
    let mut others = [other, far].map(|target| WebSocketClient::open(*fixture.server, &target));
    fixture.publish(&message("hello"));
    fixture.publish(&Event::HumanAssigned);
    // The same conversation id in another project.
    publish(
        &fixture.server,
        other_project.seq,
        &fixture.id,
        &message("not here"),
    );
    for socket in &mut subscribers {
        let event = socket.next_event();
        assert_eq!(
            (&event["type"], &event["chatId"]),
            (&json!("new_message"), &json!(fixture.id))
        );
        assert_eq!(text(&event), "hello");
        assert_eq!(
            socket.next_event(),
            json!({ "type": "human_assigned", "chatId": fixture.id })
        );
        socket.expect_pong();
    }
    for socket in &mut others {
        socket.expect_pong();
    }
}

#[test]
fn events_arrive_in_order() {
    let fixture = setup();
    let mut socket = fixture.connect();
    for number in 0..50 {
        fixture.publish(&message(&number.to_string()));
    }
    for number in 0..50 {
        assert_eq!(text(&socket.next_event()), number.to_string());
    }
}

// ── Closed connections ──

#[test]
fn closed_connections_are_removed() {
    let fixture = setup();
    let mut polite = fixture.connect();
    let abrupt = fixture.connect();
    let third = fixture.connect();
    fixture.wait_for_subscribers(3);
    polite.0.close(None).expect("closed");
    assert_eq!(polite.read_until_close(), None);
    fixture.wait_for_subscribers(2);
    drop(abrupt);
    fixture.wait_for_subscribers(1);
    drop(third);
    fixture.wait_for_subscribers(0);
}

#[test]
fn frame_over_4_kb_closes_connection() {
    let fixture = setup();
    let mut socket = fixture.connect();
    socket.send("x".repeat(4096));
    socket.expect_pong();
    socket.send("x".repeat(4097));
    assert_eq!(socket.read_until_close(), Some(1009));
    // The server closes without waiting for the payload that the header announces.
    let mut socket = fixture.connect();
    socket.send_raw(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]);
    socket.send_raw(&[0; 5000]);
    assert_eq!(socket.read_until_close(), Some(1009));
    let mut socket = fixture.connect();
    socket.send_raw(b"\x81\x04ping");
    assert_eq!(socket.read_until_close(), Some(1002), "not masked");
    fixture.wait_for_subscribers(0);
}

#[test]
fn client_that_does_not_read_is_disconnected_without_delaying_others() {
    let fixture =
        setup_with(|settings| settings.socket_timeouts.write_timeout = Duration::from_millis(500));
    let mut slow = fixture.connect();
    let mut quick = fixture.connect();
    let long = "x".repeat(200_000);
    let mut published = 0;
    while fixture.subscriber_count() == 2 {
        assert!(published < 1000, "nobody is let go");
        fixture.publish(&message(&long));
        assert_eq!(text(&quick.next_event()).len(), long.len());
        published += 1;
    }
    quick.expect_pong();
    let start = Instant::now();
    let end = loop {
        match slow.0.send(Message::from("ping")) {
            Ok(()) => std::thread::sleep(Duration::from_millis(5)),
            Err(end) => break end,
        }
        assert!(start.elapsed() < Duration::from_secs(10), "it is kept");
    };
    let Error::Io(end) = end else { panic!("{end}") };
    assert!(
        matches!(
            end.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{end}"
    );
}

#[test]
fn client_without_pong_is_disconnected() {
    let fixture = setup_with(short_timeouts);
    // The client library answers pings only while the test reads.
    let _silent = fixture.connect();
    let mut alive = fixture.connect();
    for _ in 0..2 {
        assert_eq!(alive.receive(), Message::Ping("".into()));
    }
    fixture.wait_for_subscribers(1);
    fixture.publish(&message("still there"));
    while alive.receive().is_ping() {}
}

#[test]
fn revoking_key_closes_its_connections() {
    let fixture = setup_with(frequent_checks);
    let key = fixture.server.create_publishable_key(&[]);
    let mut socket =
        WebSocketClient::open(*fixture.server, &format!("{}?apiKey={key}", fixture.path()));
    fixture.server.revoke_key(&key);
    assert_eq!(socket.read_until_close(), Some(1008));
    fixture.wait_for_subscribers(0);
}

#[test]
fn revoking_key_closes_its_connections_before_the_next_heartbeat() {
    let fixture = setup();
    let [key, session_key] = [(); 2].map(|()| fixture.server.create_publishable_key(&[]));
    let session = fixture.server.init_session(&session_key, "ann").json();
    let open = |target: &str| WebSocketClient::open(*fixture.server, target);
    let mut by_key = open(&format!("{}?apiKey={key}", fixture.path()));
    let token = session["sessionToken"].as_str().expect("a token");
    let mut by_session = open(&format!("{}&token={token}", fixture.target()));
    let mut other = fixture.connect();
    let start = Instant::now();
    fixture.server.revoke_key(&key);
    fixture.server.revoke_key(&session_key);
    assert_eq!(by_key.read_until_close(), Some(1008));
    assert_eq!(by_session.read_until_close(), Some(1008));
    // A heartbeat would close them after 30 seconds.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    other.expect_pong();
    assert_eq!(fixture.subscriber_count(), 1);
}

#[test]
fn deleting_session_closes_its_connections() {
    let fixture = setup_with(frequent_checks);
    let target = format!("{}&token={}", fixture.target(), fixture.ann.token);
    let [mut with, mut without] =
        [target, fixture.target()].map(|to| WebSocketClient::open(*fixture.server, &to));
    fixture
        .server
        .db_connection()
        .execute("DELETE FROM session", [])
        .expect("a deletion");
    assert_eq!(with.read_until_close(), Some(1008));
    without.expect_pong();
    assert_eq!(fixture.subscriber_count(), 1);
}

#[test]
fn shutdown_closes_connections_without_waiting_for_clients() {
    let mut fixture = setup();
    let mut all = [0; 20].map(|_| fixture.connect());
    let hub = fixture.server.events().clone();
    fixture.publish(&message("last"));
    let start = Instant::now();
    fixture.server.stop();
    let took = start.elapsed();
    for socket in &mut all {
        assert_eq!(text(&socket.next_event()), "last");
        assert_eq!(socket.read_until_close(), Some(1001));
    }
    assert_eq!(hub.subscriber_count(), 0);
    assert!(took < Duration::from_millis(1500), "{took:?}");
}
