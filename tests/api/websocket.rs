//! Live events over WebSockets (section 6, and section 0, D17).

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use parlor::config::Settings;
use parlor::domain::{ConversationId, MessageId, ProjectSeq, Role, SentMessage, Timestamp};
use parlor::events::Event;
use serde_json::{Value, json};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Error, Message};

use crate::helpers::{TestServer, UNKNOWN_ID, Visitor, WebSocketClient, refusal_body};

struct Fixture {
    server: TestServer,
    ann: Visitor,
    /// A conversation of Ann's.
    id: String,
}

fn setup() -> Fixture {
    setup_with(|_| ())
}

fn setup_with(change: impl FnOnce(&mut Settings)) -> Fixture {
    let server = TestServer::start_with(change);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    Fixture { server, ann, id }
}

/// So impatient that a test need not wait long; who is kept from answering for
/// less than two seconds, by a busy machine say, is not given up.
fn impatient(settings: &mut Settings) {
    settings.socket_timeouts.heartbeat_interval = Duration::from_millis(500);
    settings.socket_timeouts.idle_timeout = Duration::from_millis(1500);
}

/// Looks at its connections all the time, and lets them be silent.
fn watchful(settings: &mut Settings) {
    settings.socket_timeouts.heartbeat_interval = Duration::from_millis(20);
}

impl Fixture {
    fn path(&self) -> String {
        format!("/v2/conversations/{}/ws", self.id)
    }

    fn target(&self) -> String {
        format!(
            "{}?apiKey={}",
            self.path(),
            self.server.project.publishable_key
        )
    }

    fn connect(&self) -> WebSocketClient {
        WebSocketClient::open(*self.server, &self.target())
    }

    fn publish(&self, event: &Event) {
        publish(&self.server, self.server.project.seq, &self.id, event);
    }

    fn listeners(&self) -> usize {
        self.server.events().subscriber_count()
    }

    #[track_caller]
    fn soon_listening(&self, count: usize) {
        soon("the count of listeners", || self.listeners() == count);
    }
}

fn publish(server: &TestServer, project: ProjectSeq, id: &str, event: &Event) {
    let id = ConversationId::parse(id).expect("a UUID");
    server.events().publish(project, id, event);
}

/// Looks again and again, for ten seconds at most.
#[track_caller]
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(10), "{what} is late");
        std::thread::sleep(Duration::from_millis(2));
    }
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
    let nonsense = format!("/v2/conversations/nonsense/ws?apiKey={key}");
    fixture
        .server
        .get(nonsense)
        .send()
        .expect_validation_error("conversationId", "UUID");
    // The credential comes first.
    let nonsense = "/v2/conversations/nonsense/ws?apiKey=pk_unknown";
    fixture
        .server
        .get(nonsense)
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
    assert_eq!(fixture.listeners(), 0);
}

// ── What is said ──

#[test]
fn text_ping_and_protocol_ping_get_pong() {
    let fixture = setup();
    let mut live = fixture.connect();
    live.expect_pong();
    live.send(Message::Ping("are you there".into()));
    assert_eq!(live.receive(), Message::Pong("are you there".into()));
    live.expect_pong();
}

#[test]
fn other_client_messages_are_ignored() {
    let fixture = setup();
    let mut live = fixture.connect();
    for text in ["", "Ping", "ping ", "{\"type\":\"new_message\"}"] {
        live.send(text);
    }
    live.send(Message::binary(b"ping".to_vec()));
    live.send(Message::Pong("unasked".into()));
    let parts = [
        (OpCode::Data(Data::Text), false),
        (OpCode::Data(Data::Continue), true),
    ];
    for (part, last) in parts {
        live.send(Message::Frame(Frame::message("pi", part, last)));
    }
    live.expect_pong();
}

#[test]
fn event_reaches_all_subscribers_of_its_conversation_only() {
    let fixture = setup();
    let other_project = fixture.server.create_project();
    let mut near = [fixture.connect(), fixture.connect()];
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
    // Of the same id in another project.
    publish(
        &fixture.server,
        other_project.seq,
        &fixture.id,
        &message("not here"),
    );
    for live in &mut near {
        let event = live.next_event();
        assert_eq!(
            (&event["type"], &event["chatId"]),
            (&json!("new_message"), &json!(fixture.id))
        );
        assert_eq!(text(&event), "hello");
        assert_eq!(
            live.next_event(),
            json!({ "type": "human_assigned", "chatId": fixture.id })
        );
        live.expect_pong();
    }
    for live in &mut others {
        live.expect_pong();
    }
}

#[test]
fn events_arrive_in_order() {
    let fixture = setup();
    let mut live = fixture.connect();
    for number in 0..50 {
        fixture.publish(&message(&number.to_string()));
    }
    for number in 0..50 {
        assert_eq!(text(&live.next_event()), number.to_string());
    }
}

// ── Ends ──

#[test]
fn closed_connections_are_removed() {
    let fixture = setup();
    let mut polite = fixture.connect();
    let abrupt = fixture.connect();
    let third = fixture.connect();
    fixture.soon_listening(3);
    polite.0.close(None).expect("closed");
    assert_eq!(polite.read_until_close(), None);
    fixture.soon_listening(2);
    drop(abrupt);
    fixture.soon_listening(1);
    drop(third);
    fixture.soon_listening(0);
}

#[test]
fn frame_over_4_kb_closes_connection() {
    let fixture = setup();
    let mut live = fixture.connect();
    live.send("x".repeat(4096));
    live.expect_pong();
    live.send("x".repeat(4097));
    assert_eq!(live.read_until_close(), Some(1009));
    // One that is announced and does not come is not waited for.
    let mut live = fixture.connect();
    live.send_raw(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]);
    live.send_raw(&[0; 5000]);
    assert_eq!(live.read_until_close(), Some(1009));
    let mut live = fixture.connect();
    live.send_raw(b"\x81\x04ping");
    assert_eq!(live.read_until_close(), Some(1002), "not masked");
    fixture.soon_listening(0);
}

#[test]
fn client_that_does_not_read_is_disconnected_without_delaying_others() {
    let fixture =
        setup_with(|settings| settings.socket_timeouts.write_timeout = Duration::from_millis(500));
    let mut slow = fixture.connect();
    let mut quick = fixture.connect();
    let long = "x".repeat(200_000);
    let mut published = 0;
    while fixture.listeners() == 2 {
        assert!(published < 1000, "nobody is let go");
        fixture.publish(&message(&long));
        assert_eq!(text(&quick.next_event()).len(), long.len());
        published += 1;
    }
    quick.expect_pong();
    let since = Instant::now();
    let end = loop {
        match slow.0.send(Message::from("ping")) {
            Ok(()) => std::thread::sleep(Duration::from_millis(5)),
            Err(end) => break end,
        }
        assert!(since.elapsed() < Duration::from_secs(10), "it is kept");
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
    let fixture = setup_with(impatient);
    // It answers only while it reads.
    let _dead = fixture.connect();
    let mut alive = fixture.connect();
    for _ in 0..2 {
        assert_eq!(alive.receive(), Message::Ping("".into()));
    }
    fixture.soon_listening(1);
    fixture.publish(&message("still there"));
    while alive.receive().is_ping() {}
}

#[test]
fn revoking_key_closes_its_connections() {
    let fixture = setup_with(watchful);
    let key = fixture.server.create_publishable_key(&[]);
    let mut live =
        WebSocketClient::open(*fixture.server, &format!("{}?apiKey={key}", fixture.path()));
    fixture.server.revoke_key(&key);
    assert_eq!(live.read_until_close(), Some(1008));
    fixture.soon_listening(0);
}

#[test]
fn deleting_session_closes_its_connections() {
    let fixture = setup_with(watchful);
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
    assert_eq!(fixture.listeners(), 1);
}

#[test]
fn shutdown_closes_connections_without_waiting_for_clients() {
    let mut fixture = setup();
    let mut all = [0; 20].map(|_| fixture.connect());
    let hub = fixture.server.events().clone();
    fixture.publish(&message("the last"));
    let since = Instant::now();
    fixture.server.stop();
    let took = since.elapsed();
    for live in &mut all {
        assert_eq!(text(&live.next_event()), "the last");
        assert_eq!(live.read_until_close(), Some(1001));
    }
    assert_eq!(hub.subscriber_count(), 0);
    assert!(took < Duration::from_millis(1500), "{took:?}");
}
