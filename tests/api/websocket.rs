//! Events over WebSockets (docs/api-contract.md, section 8).

mod closing;
mod refusals;
mod replies;

use parlor::config::Settings;
use parlor::domain::{ConversationId, MessageId, ProjectSeq, Role, SentMessage, Timestamp};
use parlor::events::Event;
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::helpers::{TestServer, Visitor, WebSocketClient, wait_until};

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
        self.server.subscriber_count()
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
    server.publish(project, id, event);
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

#[test]
fn hand_back_and_close_send_events_and_repetitions_send_none() {
    let fixture = setup();
    let server = &fixture.server;
    let mut socket = fixture.connect();
    server.hand_back(&fixture.id).send().expect(200);
    socket.expect_pong();
    server.take_over(&fixture.id).send().expect(200);
    server.hand_back(&fixture.id).send().expect(200);
    for _ in 0..2 {
        let close = server.close(&fixture.ann.token, &fixture.id);
        close.send().expect(200);
    }
    let expected = [
        "human_assigned",
        "handed_back",
        "human_assigned",
        "conversation_closed",
        "human_assigned",
    ];
    for name in expected {
        let event = json!({ "type": name, "chatId": fixture.id });
        assert_eq!(socket.next_event(), event);
    }
    socket.expect_pong();
}
