//! A person of the house takes over, answers, hands back (section 0, D12 and D16).

use std::thread;
use std::time::{Duration, Instant};

use parlor::answer::AnswerError;
use parlor::domain::ConversationId;
use serde_json::{Value, json};

use crate::helpers::{FakeModel, Response, TestServer, Visitor, wait_until};

fn reply(server: &TestServer, id: &str, content: &str) -> Response {
    let post = server.post(format!("/v2/conversations/{id}/replies"));
    let post = post.bearer(&server.project.private_key);
    post.json(json!({ "content": content })).send()
}

fn hand_back(server: &TestServer, id: &str) -> Response {
    let delete = server.request("DELETE", format!("/v2/conversations/{id}/agent"));
    delete.bearer(&server.project.private_key).send()
}

fn setup() -> (TestServer, Visitor, String) {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    (server, ann, id)
}

#[test]
fn agent_takes_over_replies_and_hands_back() {
    let (server, ann, id) = setup();
    server.post_message(&ann, &id, "Hi").send().expect(200);
    let put = server.request("PUT", format!("/v2/conversations/{id}/agent"));
    let image = "https://shop.example/mara.jpg";
    let put = put.json(json!({ "name": "Mara", "image": image }));
    let taken = put.bearer(&server.project.private_key).send().expect(200);
    let mara = json!({ "name": "Mara", "image": image });
    assert_eq!(taken["isHumanHandled"], true);
    assert_eq!(taken["humanAgent"], mara);
    let seen = server.get_conversation(&ann, &id);
    for (key, value) in taken.as_object().expect("a conversation") {
        assert_eq!(&seen[key], value, "{key}");
    }
    for request in [
        server.post_message(&ann, &id, "Anyone?"),
        server.post_streaming_message(&ann, &id, "Hello?"),
    ] {
        let response = request.send();
        assert_eq!((response.status, response.text()), (202, "Message sent"));
        let kind = response.header("content-type").expect("a type");
        assert!(kind.starts_with("text/plain"));
    }
    let said = reply(&server, &id, "Mara here.").expect(201);
    assert_eq!(said["role"], "human_agent");
    assert_eq!(said["humanAgent"], mara);
    let seen = server.get_conversation(&ann, &id);
    assert_eq!(seen["messages"][4], said);
    assert_eq!(server.list(&ann.token, "")["data"][0]["lastMessage"], said);
    assert_eq!(seen["lastInterationAt"], said["createdAt"]);
    let back = hand_back(&server, &id).expect(200);
    assert_eq!(
        (&back["isHumanHandled"], &back["humanAgent"]),
        (&json!(false), &Value::Null)
    );
    server
        .post_message(&ann, &id, "Hi again")
        .send()
        .expect(200);
    let roles: Vec<_> = server
        .transcript(&ann, &id)
        .into_iter()
        .map(|[role, ..]| role)
        .collect();
    let expected = [
        "user",
        "assistant",
        "user",
        "user",
        "human_agent",
        "user",
        "assistant",
    ];
    assert_eq!(roles, expected);
}

#[test]
fn take_over_and_hand_back_are_idempotent() {
    let (server, ann, id) = setup();
    let as_it_is = hand_back(&server, &id).expect(200);
    assert_eq!(
        as_it_is["updatedAt"],
        server.get_conversation(&ann, &id)["updatedAt"]
    );
    for _ in 0..2 {
        assert_eq!(
            server.take_over(&id).send().expect(200)["isHumanHandled"],
            true
        );
    }
    let back =
        [hand_back(&server, &id), hand_back(&server, &id)].map(|response| response.expect(200));
    assert_eq!(back[0], back[1]);
}

#[test]
fn agent_requests_require_private_key_and_valid_state() {
    let (server, ann, id) = setup();
    let elsewhere = server.create_project();
    for (method, path) in [("PUT", "agent"), ("DELETE", "agent"), ("POST", "replies")] {
        let target = format!("/v2/conversations/{id}/{path}");
        let act = |credential: &str, target: &str| {
            let body = json!({ "name": "Mara", "content": "Hi" });
            server
                .request(method, target)
                .bearer(credential)
                .json(body)
                .send()
        };
        act(&ann.token, &target).expect_error(403, "FORBIDDEN");
        act(&elsewhere.private_key, &target).expect_error(404, "CONVERSATION_NOT_FOUND");
        act("nobody", &target).expect_error(401, "UNAUTHORIZED");
        let absent = format!("/v2/conversations/123e4567-e89b-12d3-a456-426614174000/{path}");
        act(&server.project.private_key, &absent).expect_error(404, "CONVERSATION_NOT_FOUND");
    }
    let error = reply(&server, &id, "Hi").expect_error(409, "CONFLICT");
    let details = json!({ "resource": "conversation", "conflictingField": "isHumanHandled" });
    assert_eq!(error["details"], details);
    let put = |body: Value| {
        let put = server.request("PUT", format!("/v2/conversations/{id}/agent"));
        put.bearer(&server.project.private_key).json(body).send()
    };
    put(json!({})).expect_body_error("name");
    put(json!({ "name": "" })).expect_validation_error("name", "1 to 100");
    put(json!({ "name": "M", "image": "mara.jpg" })).expect_validation_error("image", "URI");
    put(json!({ "name": "M", "image": null })).expect(200);
    reply(&server, &id, "").expect_validation_error("content", "1 to 10000");
    let close = server.post(format!("/v2/conversations/{id}/close"));
    close.bearer(&ann.token).send().expect(200);
    let details = json!({ "resource": "conversation", "conflictingField": "status" });
    for response in [
        put(json!({ "name": "M" })),
        hand_back(&server, &id),
        reply(&server, &id, "Hi"),
    ] {
        assert_eq!(response.expect_error(409, "CONFLICT")["details"], details);
    }
    assert!(server.transcript(&ann, &id).is_empty());
}

#[test]
fn stored_message_is_published_when_client_disconnects() {
    let (server, ann, id) = setup();
    server.take_over(&id).send().expect(200);
    let conversation = ConversationId::parse(&id).expect("a UUID");
    let mut listener = server.events().subscribe(server.project.seq, conversation);
    for _ in 0..50 {
        drop(server.post_message(&ann, &id, "Bye").send_unread());
    }
    // Of those who left, none may have been heard out; this one is.
    assert_eq!(server.post_message(&ann, &id, "Bye").send().status, 202);
    let stored = || server.transcript(&ann, &id).len();
    let runtime = actix_web::rt::System::new();
    let mut heard = 0;
    // What was stored is told: the last to be stored ends the counting.
    let mut last = 0;
    wait_until("all that was stored is told", || {
        let next = async { tokio::time::timeout(TICK, listener.next()).await };
        heard += usize::from(matches!(runtime.block_on(next), Ok(Some(_))));
        let now = stored();
        let quiet = now == last && now > 0 && now == heard;
        last = now;
        quiet
    });
}

const TICK: std::time::Duration = std::time::Duration::from_millis(20);

#[test]
fn take_over_stops_answer_and_keeps_its_text() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let script = model.script_answer();
    script.send_text("So far");
    let mut stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    for _ in 0..4 {
        stream.next_event();
    }
    server.take_over(&id).send().expect(200);
    script.send_text(" and too late");
    let events = stream.events();
    assert_eq!(events, [json!({ "type": "abort" })]);
    wait_until("the model is hung up on", || script.is_cancelled());
    server.wait_for_answers();
    let expected = [
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ];
    assert_eq!(server.transcript(&ann, &id), expected);
}

#[test]
fn take_over_before_first_token_stores_no_answer() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let script = model.script_answer();
    let sent = thread::scope(|scope| {
        let sent = scope.spawn(|| server.post_streaming_message(&ann, &id, "Hi").send());
        wait_until("the answer is begun", || {
            server.transcript(&ann, &id).len() == 2
        });
        server.take_over(&id).send().expect(200);
        sent.join().expect("an answer")
    });
    assert_eq!((sent.status, sent.text()), (202, "Message sent"));
    wait_until("the model is hung up on", || script.is_cancelled());
    assert_eq!(server.transcript(&ann, &id), [["user", "complete", "Hi"]]);
    assert_eq!(
        server.list(&ann.token, "")["data"][0]["lastMessage"]["role"],
        "user"
    );
}

/// A thousand times an answer and a takeover race. The file itself watches: the
/// trigger catches any word of the assistant that is stored once a person has
/// the conversation.
/// Lets some time go by, too short to sleep for. Counted in time: in turns given
/// to others, a busy machine would make it seconds.
fn spin(time: Duration) {
    let since = Instant::now();
    while since.elapsed() < time {
        thread::yield_now();
    }
}

#[test]
fn no_assistant_text_is_stored_after_take_over() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let watch = |when: &str| {
        format!(
            "CREATE TRIGGER watch_{when} AFTER {when} ON message
               WHEN NEW.role = 'assistant' AND (SELECT is_human_handled FROM conversation
                                                 WHERE seq = NEW.conversation_seq)
             BEGIN INSERT INTO caught VALUES (NEW.seq, NEW.status, NEW.text); END;"
        )
    };
    let watches = format!(
        "CREATE TABLE caught (seq, status, text); {} {}",
        watch("INSERT"),
        watch("UPDATE")
    );
    server
        .db_connection()
        .execute_batch(&watches)
        .expect("triggers");
    let ann = server.create_visitor("ann");
    let mut landed = [0; 3];
    for round in 0..1000 {
        let id = server.start_conversation(&ann);
        let script = model.script_answer();
        thread::scope(|scope| {
            scope.spawn(|| {
                for word in ["one", " two", " three"] {
                    script.send_text(word);
                    spin(Duration::from_micros((round % 7) * 50));
                }
                match round % 5 {
                    0 => script.fail(AnswerError::ModelFailed(String::new())),
                    _ => script.finish(),
                }
            });
            let asking = scope.spawn(|| match round % 2 {
                0 => server
                    .post_streaming_message(&ann, &id, "Hi")
                    .send_and_drain(),
                _ => server.post_message(&ann, &id, "Hi").send_and_drain(),
            });
            // The takeover comes a little later each time, through the whole of it.
            spin(Duration::from_micros((round % 50) * 40));
            server.take_over(&id).send().expect(200);
            asking.join().expect("an answer");
        });
        server.wait_for_answers();
        // A script that was not asked for is not left to the next round.
        model.clear_scripts();
        let said = server.transcript(&ann, &id);
        let after = server.get_conversation(&ann, &id);
        assert_eq!(after["isHumanHandled"], true);
        assert!(
            said.iter().all(|[_, status, _]| status != "streaming"),
            "{said:?}"
        );
        match said.as_slice() {
            [_] => landed[0] += 1,
            [_, [_, _, text]] if text == "one two three" => landed[1] += 1,
            [_, [_, _, text]] => {
                assert!("one two three".starts_with(text.as_str()), "{text}");
                landed[2] += 1;
            }
            _ => panic!("{said:?}"),
        }
    }
    let caught: i64 = server
        .db_connection()
        .query_row("SELECT count(*) FROM caught", (), |row| row.get(0))
        .expect("a count");
    assert_eq!(caught, 0, "stored after a takeover");
    println!("answers that never began, ended, were cut short: {landed:?}");
    assert!(
        landed[0] > 0 && landed[1] > 0,
        "the race was none: {landed:?}"
    );
}
