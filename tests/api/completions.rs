//! Answers of which nothing is stored (section 3.11; section 0, D19).

use parlor::answer::ChatRole;
use serde_json::{Value, json};

use crate::helpers::Parlor;
use crate::scripted::Scripted;
use crate::wire::{Answer, Request};

fn request(parlor: &Parlor, credential: &str, body: Value) -> Request {
    let post = parlor.post("/v2/chat/completions").bearer(credential);
    post.json(body)
}

fn ask(parlor: &Parlor, body: Value) -> Answer {
    request(parlor, &parlor.site.private, body).send()
}

fn hi() -> Value {
    json!([{ "role": "user", "content": "Hi" }])
}

#[test]
fn a_servers_own_conversation_is_answered_and_forgotten() {
    let model = Scripted::new();
    let parlor = Parlor::with_model(model.clone(), |_| ());
    model.says("Hello.");
    let messages = json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": "One?", "more": 1 },
        { "role": "assistant", "content": "" },
    ]);
    let answer = ask(&parlor, json!({ "messages": messages })).expect(200);
    let content = json!([{ "type": "text", "text": "Hello." }]);
    assert_eq!(answer["steps"][0]["content"], content);
    let asked = model.asked.lock().expect("questions");
    let speakers: Vec<_> = asked[0].messages.iter().map(|turn| turn.role).collect();
    assert_eq!(
        speakers,
        [ChatRole::System, ChatRole::User, ChatRole::Assistant]
    );
    let stored: i64 = parlor
        .sql()
        .query_row("SELECT count(*) FROM message", (), |row| row.get(0))
        .expect("a count");
    assert_eq!(stored, 0);
}

#[test]
fn as_a_stream_it_names_no_message() {
    let model = Scripted::new();
    let parlor = Parlor::with_model(model.clone(), |_| ());
    let hand = model.hand();
    hand.text("Hel");
    let body = json!({ "messages": hi(), "stream": true });
    let mut stream = request(&parlor, &parlor.site.private, body.clone()).open();
    assert_eq!(stream.event(), Some(json!({ "type": "start" })));
    hand.text("lo.");
    hand.end();
    let events = stream.events();
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(deltas.collect::<String>(), "Hello.");
    model.says("Hello.");
    let kept = request(&parlor, &parlor.site.private, body);
    let kept = kept.header("Idempotency-Key", "k");
    let answers = [kept.clone().send(), kept.send()];
    assert_eq!(answers[0].text(), answers[1].text());
    assert!(answers[0].text().contains(r#""delta":"Hello.""#));
}

#[test]
fn only_a_private_key_may_ask() {
    let parlor = Parlor::start();
    let ann = parlor.visitor("ann");
    for credential in [&ann.token, &parlor.site.publishable, "nobody"] {
        let body = json!({ "messages": hi() });
        request(&parlor, credential, body)
            .send()
            .error(401, "UNAUTHORIZED");
    }
    let none = parlor
        .post("/v2/chat/completions")
        .json(json!({ "messages": hi() }));
    none.send().error(401, "UNAUTHORIZED");
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let parlor = Parlor::start();
    ask(&parlor, json!({})).malformed("messages");
    ask(&parlor, json!({ "messages": "Hi" })).malformed("messages");
    ask(&parlor, json!({ "messages": ["Hi"] })).malformed("messages");
    ask(&parlor, json!({ "messages": [] })).invalid("messages", "1 to 1000");
    ask(&parlor, json!({ "messages": [{ "role": "user" }] })).malformed("messages.content");
    ask(&parlor, json!({ "messages": [{ "content": "Hi" }] })).malformed("messages.role");
    let robot = json!([{ "role": "robot", "content": "Hi" }]);
    ask(&parlor, json!({ "messages": robot })).invalid("messages.role", "system, user, assistant");
    ask(&parlor, json!({ "messages": hi(), "stream": 1 })).malformed("stream");
    let wrong = json!({ "messages": hi(), "assistantId": "x" });
    ask(&parlor, wrong).invalid("assistantId", "UUID");
    let absent = "123e4567-e89b-12d3-a456-426614174000";
    let nobody = json!({ "messages": hi(), "assistantId": absent });
    let error = ask(&parlor, nobody).error(404, "ASSISTANT_NOT_FOUND");
    assert_eq!(error["details"], json!({ "assistantId": absent }));
}
