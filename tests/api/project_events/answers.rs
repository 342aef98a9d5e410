//! The text of answers while they are generated.

use super::*;
use crate::helpers::{AnswerFixture, setup_answers};
use crate::one_node;

impl Inbox {
    fn watch(&mut self, id: &str) {
        let frame = json!({ "type": "watch", "chatId": id }).to_string();
        self.socket.send(frame);
        self.socket.send("ping");
    }
}

fn open(fixture: &AnswerFixture) -> Inbox {
    let mut inbox = Inbox::open(&fixture.server, None);
    inbox.next_of("presence");
    inbox
}

/// Applies a part of an answer as clients do.
fn apply(text: &mut Vec<u16>, event: &Value) {
    let offset = event["offset"].as_u64().expect("a number");
    text.truncate(usize::try_from(offset).expect("an offset"));
    text.extend(string(&event["delta"]).encode_utf16());
}

#[test]
fn watched_answer_arrives_in_parts_that_equal_its_text() {
    one_node!("the text of an answer arrives from the node that streams it");
    let fixture = setup_answers();
    let mut inbox = Inbox::open(&fixture.server, None);
    inbox.next_of("presence");
    let frame = json!({ "type": "watch", "chatId": fixture.id }).to_string();
    inbox.socket.send(frame);
    inbox.socket.expect_pong();
    let script = fixture.model.script_answer();
    script.send_text("Zwei ");
    let mut stream = fixture.ask("Hi");
    let started = inbox.next_with("new_message", |event| {
        event["message"]["role"] == "assistant"
    });
    assert_eq!(started["message"]["status"], "streaming");
    let (mut text, mut parts) = (Vec::new(), 0);
    for part in ["Tage 🚚 ", "für ", "alle ", "Länder."] {
        script.send_text(part);
        let event = inbox.next_of("message_delta");
        assert_eq!(event["messageId"], started["message"]["id"]);
        apply(&mut text, &event);
        parts += 1;
    }
    script.finish();
    stream.events();
    let done = loop {
        let event = inbox.next();
        match event["type"].as_str() {
            Some("message_delta") => apply(&mut text, &event),
            Some("message_done") => break event,
            _ => {}
        }
    };
    assert_eq!(done["message"]["status"], "complete");
    let text = String::from_utf16(&text).expect("text");
    assert_eq!(text, "Zwei Tage 🚚 für alle Länder.");
    assert_eq!(super::text(&done), text);
    assert_eq!(parts, 4);
}

#[test]
fn late_watch_first_gets_the_text_so_far() {
    one_node!("the text of an answer arrives from the node that streams it");
    let fixture = setup_answers();
    let mut inbox = open(&fixture);
    let (script, _stream) = fixture.start_answer();
    inbox.watch(&fixture.id);
    let event = next_delta(&mut inbox);
    assert_eq!(
        (&event["offset"], &event["delta"]),
        (&json!(0), &json!("So far"))
    );
    script.send_text(" so good");
    let event = next_delta(&mut inbox);
    assert_eq!(
        (&event["offset"], &event["delta"]),
        (&json!(6), &json!(" so good"))
    );
}

/// The next part of an answer. Skips the `pong`.
fn next_delta(inbox: &mut Inbox) -> Value {
    loop {
        let message = inbox.socket.receive();
        let text = message.to_text().expect("a text").to_owned();
        let event: Value = serde_json::from_str(&text).unwrap_or_default();
        if event["type"] == "message_delta" {
            return event;
        }
    }
}

#[test]
fn inbox_without_a_watch_receives_no_parts() {
    one_node!("the text of an answer arrives from the node that streams it");
    let fixture = setup_answers();
    let mut inbox = open(&fixture);
    let mut other = open(&fixture);
    other.watch(&fixture.id);
    let (script, mut stream) = fixture.start_answer();
    next_delta(&mut other);
    script.finish();
    stream.events();
    let done = loop {
        let event = inbox.next();
        assert_ne!(event["type"], "message_delta");
        if event["type"] == "message_done" {
            break event;
        }
    };
    assert_eq!(text(&done), "So far");
}

#[test]
fn stopped_answer_without_text_is_deleted() {
    let fixture = setup_answers();
    let mut inbox = open(&fixture);
    let _script = fixture.model.script_answer();
    let request = fixture
        .server
        .post_streaming_message(&fixture.ann, &fixture.id, "Hi");
    let waiting = std::thread::spawn(move || request.send());
    let started = inbox.next_with("new_message", |event| {
        event["message"]["role"] == "assistant"
    });
    fixture.server.take_over(&fixture.id).send().expect(200);
    let deleted = inbox.next_of("message_deleted");
    assert_eq!(deleted["messageId"], started["message"]["id"]);
    assert_eq!(deleted["chatId"], fixture.id.as_str());
    drop(waiting.join());
}
