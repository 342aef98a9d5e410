//! Live events over WebSockets (section 6, and section 0, D17).

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use parlor::config::Settings;
use parlor::domain::{ConversationId, ProjectSeq};
use parlor::events::Event;
use serde_json::{Value, json};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Error, Message};

use crate::helpers::{Parlor, Visitor};
use crate::ws::{Live, body};

struct Stage {
    parlor: Parlor,
    ann: Visitor,
    /// A conversation of Ann's.
    id: String,
}

fn stage() -> Stage {
    stage_with(|_| ())
}

fn stage_with(change: impl FnOnce(&mut Settings)) -> Stage {
    let parlor = Parlor::with(change);
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    Stage { parlor, ann, id }
}

/// So impatient that a test need not wait long; who is kept from answering for
/// less than two seconds, by a busy machine say, is not given up.
fn impatient(settings: &mut Settings) {
    settings.live.round = Duration::from_millis(500);
    settings.live.silence = Duration::from_millis(1500);
}

/// Looks at its connections all the time, and lets them be silent.
fn watchful(settings: &mut Settings) {
    settings.live.round = Duration::from_millis(20);
}

impl Stage {
    fn path(&self) -> String {
        format!("/v2/conversations/{}/ws", self.id)
    }

    fn target(&self) -> String {
        format!("{}?apiKey={}", self.path(), self.parlor.site.publishable)
    }

    fn open(&self) -> Live {
        Live::open(*self.parlor, &self.target())
    }

    fn publish(&self, event: &Event) {
        publish(&self.parlor, self.parlor.site.project, &self.id, event);
    }

    fn listeners(&self) -> usize {
        self.parlor.events().subscriber_count()
    }

    #[track_caller]
    fn soon_listening(&self, count: usize) {
        soon("the count of listeners", || self.listeners() == count);
    }
}

fn publish(parlor: &Parlor, project: ProjectSeq, id: &str, event: &Event) {
    let id = ConversationId::parse(id).expect("a UUID");
    parlor.events().publish(project, id, event);
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
    let message = json!({ "role": "human_agent", "parts": [{ "type": "text", "text": text }] });
    Event::NewMessage(message.to_string().into_bytes())
}

fn text(event: &Value) -> &str {
    let text = &event["message"]["parts"][0]["text"];
    text.as_str().expect("a text")
}

// ── Refusals ──

#[test]
fn a_key_has_to_be_there_once_and_in_force() {
    let stage = stage();
    let get = |query: &str| stage.parlor.get(format!("{}{query}", stage.path())).send();
    let site = &stage.parlor.site;
    for query in ["", "?apiKey="] {
        get(query).invalid("apiKey", "publishable key");
    }
    get("?apiKey=a&apiKey=b").invalid("apiKey", "once");
    let revoked = stage.parlor.key_for(&[]);
    stage.parlor.revoke(&revoked);
    for bad in ["pk_unknown", "pk_demo", &site.private, &revoked] {
        get(&format!("?apiKey={bad}")).error(401, "UNAUTHORIZED");
    }
}

#[test]
fn a_page_of_another_website_is_403() {
    let stage = stage();
    let key = stage.parlor.key_for(&["https://shop.example"]);
    let target = format!("{}?apiKey={key}", stage.path());
    let open = |origin| Live::try_open(*stage.parlor, &target, &[("origin", origin)]);
    let refusal = open("https://evil.example").err().expect("a refusal");
    assert_eq!(refusal.status(), 403);
    let error: Value = serde_json::from_slice(body(&refusal)).expect("JSON");
    assert_eq!(error["error"]["code"], "FORBIDDEN");
    open("https://shop.example").expect("let in").is_served();
}

#[test]
fn a_conversation_that_is_not_in_the_keys_project_is_404() {
    let stage = stage();
    let elsewhere = stage.parlor.another_site();
    let absent = "123e4567-e89b-12d3-a456-426614174000";
    for (id, key) in [
        (absent, &stage.parlor.site.publishable),
        (stage.id.as_str(), &elsewhere.publishable),
    ] {
        let target = format!("/v2/conversations/{id}/ws?apiKey={key}");
        let error = stage.parlor.get(target).send();
        let error = error.error(404, "CONVERSATION_NOT_FOUND");
        assert_eq!(error["details"], json!({ "conversationId": id }));
    }
    let key = &stage.parlor.site.publishable;
    let nonsense = format!("/v2/conversations/nonsense/ws?apiKey={key}");
    stage
        .parlor
        .get(nonsense)
        .send()
        .invalid("conversationId", "UUID");
    // The credential comes first.
    let nonsense = "/v2/conversations/nonsense/ws?apiKey=pk_unknown";
    stage.parlor.get(nonsense).send().error(401, "UNAUTHORIZED");
}

#[test]
fn a_token_is_checked_when_it_is_given() {
    let stage = stage();
    let elsewhere = stage.parlor.another_site();
    let get = |token: &str| {
        let target = format!("{}&token={token}", stage.target());
        stage.parlor.get(target).send()
    };
    for bad in ["", "nonsense", "a.b.c", &stage.parlor.site.private] {
        get(bad).error(401, "UNAUTHORIZED");
    }
    get(&stage.parlor.visitor("ben").token).error(403, "FORBIDDEN");
    let far = stage.parlor.visitor_of(&elsewhere, "ann");
    get(&far.token).error(404, "CONVERSATION_NOT_FOUND");
    let target = format!("{}&token={}", stage.target(), stage.ann.token);
    Live::open(*stage.parlor, &target).is_served();
}

#[test]
fn what_is_no_websocket_is_422_and_other_methods_are_405() {
    let stage = stage();
    let get = || stage.parlor.get(stage.target());
    get().send().invalid("Upgrade", "websocket");
    let h2c = get().header("Upgrade", "h2c").send();
    h2c.invalid("Upgrade", "websocket");
    let no_connection = get().header("Upgrade", "websocket").send();
    no_connection.invalid("Connection", "Upgrade");
    let post = stage.parlor.post(stage.target()).send();
    post.error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(post.header("allow"), Some("GET"));
    assert_eq!(stage.listeners(), 0);
}

// ── What is said ──

#[test]
fn ping_is_answered_pong_and_a_protocol_ping_too() {
    let stage = stage();
    let mut live = stage.open();
    live.is_served();
    live.say(Message::Ping("are you there".into()));
    assert_eq!(live.hear(), Message::Pong("are you there".into()));
    live.is_served();
}

#[test]
fn whatever_else_a_client_says_is_ignored() {
    let stage = stage();
    let mut live = stage.open();
    for text in ["", "Ping", "ping ", "{\"type\":\"new_message\"}"] {
        live.say(text);
    }
    live.say(Message::binary(b"ping".to_vec()));
    live.say(Message::Pong("unasked".into()));
    let parts = [
        (OpCode::Data(Data::Text), false),
        (OpCode::Data(Data::Continue), true),
    ];
    for (part, last) in parts {
        live.say(Message::Frame(Frame::message("pi", part, last)));
    }
    live.is_served();
}

#[test]
fn all_who_listen_to_a_conversation_hear_of_it_and_nobody_else() {
    let stage = stage();
    let elsewhere = stage.parlor.another_site();
    let mut near = [stage.open(), stage.open()];
    let other = stage.parlor.started(&stage.ann);
    let other = format!(
        "/v2/conversations/{other}/ws?apiKey={}",
        stage.parlor.site.publishable
    );
    let far = stage
        .parlor
        .started(&stage.parlor.visitor_of(&elsewhere, "ann"));
    let far = format!(
        "/v2/conversations/{far}/ws?apiKey={}",
        elsewhere.publishable
    );
    let mut others = [other, far].map(|target| Live::open(*stage.parlor, &target));
    stage.publish(&message("hello"));
    stage.publish(&Event::HumanAssigned);
    // Of the same id in another project.
    publish(
        &stage.parlor,
        elsewhere.project,
        &stage.id,
        &message("not here"),
    );
    for live in &mut near {
        let event = live.event();
        assert_eq!(
            (&event["type"], &event["chatId"]),
            (&json!("new_message"), &json!(stage.id))
        );
        assert_eq!(text(&event), "hello");
        assert_eq!(
            live.event(),
            json!({ "type": "human_assigned", "chatId": stage.id })
        );
        live.is_served();
    }
    for live in &mut others {
        live.is_served();
    }
}

#[test]
fn events_come_in_their_order() {
    let stage = stage();
    let mut live = stage.open();
    for number in 0..50 {
        stage.publish(&message(&number.to_string()));
    }
    for number in 0..50 {
        assert_eq!(text(&live.event()), number.to_string());
    }
}

// ── Ends ──

#[test]
fn nothing_is_left_of_clients_that_went() {
    let stage = stage();
    let mut polite = stage.open();
    let abrupt = stage.open();
    let third = stage.open();
    stage.soon_listening(3);
    polite.0.close(None).expect("closed");
    assert_eq!(polite.goodbye(), None);
    stage.soon_listening(2);
    drop(abrupt);
    stage.soon_listening(1);
    drop(third);
    stage.soon_listening(0);
}

#[test]
fn a_frame_longer_than_4_kb_ends_the_connection() {
    let stage = stage();
    let mut live = stage.open();
    live.say("x".repeat(4096));
    live.is_served();
    live.say("x".repeat(4097));
    assert_eq!(live.goodbye(), Some(1009));
    // One that is announced and does not come is not waited for.
    let mut live = stage.open();
    live.raw(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]);
    live.raw(&[0; 5000]);
    assert_eq!(live.goodbye(), Some(1009));
    let mut live = stage.open();
    live.raw(b"\x81\x04ping");
    assert_eq!(live.goodbye(), Some(1002), "not masked");
    stage.soon_listening(0);
}

#[test]
fn a_client_that_takes_nothing_is_cut_off_and_the_others_hear_on() {
    let stage = stage_with(|settings| settings.live.unread = Duration::from_millis(500));
    let mut slow = stage.open();
    let mut quick = stage.open();
    let long = "x".repeat(200_000);
    let mut published = 0;
    while stage.listeners() == 2 {
        assert!(published < 1000, "nobody is let go");
        stage.publish(&message(&long));
        assert_eq!(text(&quick.event()).len(), long.len());
        published += 1;
    }
    quick.is_served();
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
fn a_silent_client_is_given_up_and_one_that_answers_pings_is_not() {
    let stage = stage_with(impatient);
    // It answers only while it reads.
    let _dead = stage.open();
    let mut alive = stage.open();
    for _ in 0..2 {
        assert_eq!(alive.hear(), Message::Ping("".into()));
    }
    stage.soon_listening(1);
    stage.publish(&message("still there"));
    while alive.hear().is_ping() {}
}

#[test]
fn a_revoked_key_ends_what_it_opened() {
    let stage = stage_with(watchful);
    let key = stage.parlor.key_for(&[]);
    let mut live = Live::open(*stage.parlor, &format!("{}?apiKey={key}", stage.path()));
    stage.parlor.revoke(&key);
    assert_eq!(live.goodbye(), Some(1008));
    stage.soon_listening(0);
}

#[test]
fn the_end_of_a_session_ends_what_it_opened() {
    let stage = stage_with(watchful);
    let target = format!("{}&token={}", stage.target(), stage.ann.token);
    let [mut with, mut without] = [target, stage.target()].map(|to| Live::open(*stage.parlor, &to));
    stage
        .parlor
        .sql()
        .execute("DELETE FROM session", [])
        .expect("a deletion");
    assert_eq!(with.goodbye(), Some(1008));
    without.is_served();
    assert_eq!(stage.listeners(), 1);
}

#[test]
fn the_server_says_goodbye_and_does_not_wait_for_those_who_listen() {
    let mut stage = stage();
    let mut all = [0; 20].map(|_| stage.open());
    let hub = stage.parlor.events().clone();
    stage.publish(&message("the last"));
    let since = Instant::now();
    stage.parlor.stop();
    let took = since.elapsed();
    for live in &mut all {
        assert_eq!(text(&live.event()), "the last");
        assert_eq!(live.goodbye(), Some(1001));
    }
    assert_eq!(hub.subscriber_count(), 0);
    assert!(took < Duration::from_millis(1500), "{took:?}");
}
