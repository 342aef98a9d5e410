//! The same request twice (section 0, D20).

use std::thread;

use parlor::answer::AnswerError;
use serde_json::{Value, json};

use crate::helpers::{Parlor, Visitor, string};
use crate::scripted::Scripted;
use crate::wire::{Answer, Request};

fn once(request: Request, key: &str) -> Answer {
    request.header("Idempotency-Key", key).send()
}

fn stage() -> (Parlor, Visitor, String) {
    let parlor = Parlor::start();
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    (parlor, ann, id)
}

/// Every unsafe request, made so that it can be told apart from a second one.
fn requests(parlor: &Parlor, ann: &Visitor, id: &str) -> Vec<Request> {
    let answer = parlor.conversation(ann, id)["messages"][1]["id"].clone();
    let of = |path: &str| format!("/v2/conversations/{id}/{path}");
    let visitor = |request: Request| request.bearer(&ann.token);
    let house = |request: Request| request.bearer(&parlor.site.private);
    let question = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    vec![
        visitor(parlor.post("/v2/conversations")),
        parlor
            .post("/v2/identity/init")
            .json(json!({ "apiKey": parlor.site.publishable, "saVid": "once" })),
        house(parlor.post("/v2/conversations")).json(json!({ "visitor": { "saVid": "new" } })),
        parlor.say(ann, id, "Hello"),
        parlor.ask(ann, id, "Hello"),
        visitor(parlor.post(format!("/v2/messages/{}/feedback", string(&answer))))
            .json(json!({ "feedback": "like" })),
        house(parlor.post("/v2/chat/completions")).json(question),
        house(parlor.request("PUT", of("agent"))).json(json!({ "name": "Mara" })),
        house(parlor.post(of("replies"))).json(json!({ "content": "Hi" })),
        parlor.say(ann, id, "To a person"),
        house(parlor.request("DELETE", of("agent"))),
        visitor(parlor.post(of("close"))),
        house(parlor.post(format!("/v2/projects/{}/qnas", parlor.site.id)))
            .json(json!({ "question": "Why?", "answer": "Because.", "published": false })),
        house(parlor.request("DELETE", qna(parlor))),
        house(parlor.request("PUT", qna(parlor))).json(json!({ "answer": "No." })),
        house(parlor.post(format!("/v2/projects/{}/documents", parlor.site.id)))
            .json(json!({ "url": "https://shop.example/a", "content": "# A\n\nText." })),
    ]
}

#[test]
fn the_same_request_with_the_same_key_is_done_once_and_answered_alike() {
    let (parlor, ann, id) = stage();
    parlor.say(&ann, &id, "Hi").send().expect(200);
    for (number, request) in requests(&parlor, &ann, &id).into_iter().enumerate() {
        let key = format!("key-{number}");
        let first = once(request.clone(), &key);
        assert!(first.status < 300, "{number}: {}", first.text());
        let counts = counts(&parlor);
        let second = once(request.clone(), &key);
        let told = |answer: &Answer| (answer.status, answer.text().to_owned());
        assert_eq!(told(&first), told(&second), "{number}");
        assert_eq!(first.header("content-type"), second.header("content-type"));
        assert_eq!(counts, self::counts(&parlor), "{number}");
    }
}

/// A Q&A of a test's own, to be removed.
fn qna(parlor: &Parlor) -> String {
    let qnas = format!("/v2/projects/{}/qnas", parlor.site.id);
    let post = parlor.post(&qnas).bearer(&parlor.site.private);
    let made = post
        .json(json!({ "question": "Old?", "answer": "Yes." }))
        .send();
    format!("{qnas}/{}", string(&made.expect(201)["id"]))
}

fn counts(parlor: &Parlor) -> [i64; 5] {
    let count = |table| {
        let sql = format!("SELECT count(*) FROM {table}");
        parlor
            .sql()
            .query_row(&sql, (), |row| row.get(0))
            .expect("a count")
    };
    ["conversation", "message", "visitor", "qna", "document"].map(count)
}

#[test]
fn the_same_key_with_another_request_is_refused() {
    let (parlor, ann, id) = stage();
    once(parlor.say(&ann, &id, "Hi"), "k").expect(200);
    let other = parlor.started(&ann);
    let close = parlor.post(format!("/v2/conversations/{id}/close"));
    for request in [
        parlor.say(&ann, &id, "Hi!"),
        parlor.ask(&ann, &id, "Hi"),
        parlor.say(&ann, &other, "Hi"),
        close.bearer(&ann.token),
    ] {
        let error = once(request, "k").error(409, "CONFLICT");
        let details = json!({ "resource": "request", "conflictingField": "Idempotency-Key" });
        assert_eq!(error["details"], details);
    }
    assert_eq!(parlor.said(&ann, &id).len(), 2);
}

#[test]
fn two_callers_may_use_the_same_key() {
    let (parlor, ann, _) = stage();
    let ben = parlor.visitor("ben");
    let start = |visitor: &Visitor| {
        let post = parlor.post("/v2/conversations").bearer(&visitor.token);
        string(&once(post, "k").expect(201)["id"])
    };
    let ids = [start(&ann), start(&ben), start(&ann)];
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_key_is_1_to_255_visible_characters() {
    let (parlor, ann, id) = stage();
    for key in ["", "a b", &"k".repeat(256)] {
        once(parlor.say(&ann, &id, "Hi"), key).invalid("Idempotency-Key", "1 to 255");
    }
    once(parlor.say(&ann, &id, "Hi"), &"k".repeat(255)).expect(200);
}

#[test]
fn a_refused_request_may_come_again() {
    let (parlor, ann, id) = stage();
    once(parlor.say(&ann, &id, ""), "k").invalid("content", "");
    once(parlor.say(&ann, &id, "Hi"), "k").expect(200);
    let model = Scripted::new();
    let parlor = Parlor::with_model(model.clone(), |_| ());
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    model.fails(AnswerError::ModelFailed(String::new()));
    once(parlor.say(&ann, &id, "Hi"), "k").error(502, "BAD_GATEWAY");
    model.says("Hello.");
    let answers = [
        once(parlor.say(&ann, &id, "Hi"), "k"),
        once(parlor.say(&ann, &id, "Hi"), "k"),
    ];
    let answers = answers.map(|answer| answer.expect(200));
    assert_eq!(answers[0], answers[1]);
    assert_eq!(parlor.said(&ann, &id).len(), 2);
}

#[test]
fn a_request_whose_answer_is_still_being_written_is_told_so() {
    let model = Scripted::new();
    let parlor = Parlor::with_model(model.clone(), |_| ());
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    let hand = model.hand();
    hand.text("So far");
    let first = parlor.ask(&ann, &id, "Hi").header("Idempotency-Key", "k");
    let mut stream = first.open();
    stream.event();
    let again = || parlor.ask(&ann, &id, "Hi").header("Idempotency-Key", "k");
    again().send().error(409, "CONFLICT");
    hand.end();
    stream.events();
    let again = again().send();
    assert_eq!(again.status, 200);
    assert!(again.text().contains(r#""delta":"So far""#));
    assert_eq!(parlor.said(&ann, &id).len(), 2);
}

#[test]
fn of_many_at_once_one_is_done() {
    let (parlor, ann, id) = stage();
    let bodies: Vec<Value> = thread::scope(|scope| {
        let sent: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| once(parlor.say(&ann, &id, "Hi"), "k").expect(200)))
            .collect();
        sent.into_iter()
            .map(|one| one.join().expect("sent"))
            .collect()
    });
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(parlor.said(&ann, &id).len(), 2);
}

#[test]
fn a_day_later_it_is_a_new_request() {
    let (parlor, ann, _) = stage();
    let start = || {
        let post = parlor.post("/v2/conversations").bearer(&ann.token);
        string(&once(post, "k").expect(201)["id"])
    };
    let first = start();
    let aged = parlor
        .sql()
        .execute("UPDATE request SET at = at - 24 * 60 * 60 * 1000", ());
    assert_eq!(aged.expect("an update"), 1);
    let (second, third) = (start(), start());
    assert_ne!(first, second);
    assert_eq!(second, third);
}
