//! An agent takes over a conversation, replies and hands it back
//! (docs/api-contract.md, sections 6.4 and 9).

use std::thread;
use std::time::{Duration, Instant};

use parlor::answer::AnswerError;
use parlor::domain::ConversationId;
use serde_json::{Value, json};

use crate::helpers::{
    UNKNOWN_ID, setup_conversation, setup_model_conversation, take_inbox_state, wait_until,
};
use crate::{one_node, sqlite_only};

#[test]
fn agent_takes_over_replies_and_hands_back() {
    let (server, ann, id) = setup_conversation();
    server.post_message(&ann, &id, "Hi").send().expect(200);
    let put = server.request("PUT", format!("/v2/conversations/{id}/agent"));
    let image = "https://shop.example/mara.jpg";
    let put = put.json(json!({ "name": "Mara", "image": image }));
    let mut taken_over = put.bearer(&server.project.private_key).send().expect(200);
    let mara = json!({ "name": "Mara", "image": image });
    assert_eq!(taken_over["isHumanHandled"], true);
    assert_eq!(taken_over["humanAgent"], mara);
    take_inbox_state(&mut taken_over);
    let conversation = server.get_conversation(&ann, &id);
    for (key, value) in taken_over.as_object().expect("a conversation") {
        assert_eq!(&conversation[key], value, "{key}");
    }
    for request in [
        server.post_message(&ann, &id, "Anyone?"),
        server.post_streaming_message(&ann, &id, "Hello?"),
    ] {
        let response = request.send();
        assert_eq!((response.status, response.text()), (202, "Message sent"));
        let content_type = response.header("content-type").expect("a type");
        assert!(content_type.starts_with("text/plain"));
    }
    let reply = server.reply(&id, "Mara here.").send().expect(201);
    assert_eq!(reply["role"], "human_agent");
    assert_eq!(reply["humanAgent"], mara);
    let conversation = server.get_conversation(&ann, &id);
    assert_eq!(conversation["messages"][4], reply);
    let list = server.list(&ann.token, "");
    assert_eq!(list["data"][0]["lastMessage"], reply);
    assert_eq!(conversation["lastInterationAt"], reply["createdAt"]);
    let handed_back = server.hand_back(&id).send().expect(200);
    assert_eq!(
        (&handed_back["isHumanHandled"], &handed_back["humanAgent"]),
        (&json!(false), &Value::Null)
    );
    server
        .post_message(&ann, &id, "Hi again")
        .send()
        .expect(200);
    let transcript = server.transcript(&ann, &id).into_iter();
    let roles: Vec<_> = transcript.map(|[role, ..]| role).collect();
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
    let (server, ann, id) = setup_conversation();
    let unchanged = server.hand_back(&id).send().expect(200);
    assert_eq!(
        unchanged["updatedAt"],
        server.get_conversation(&ann, &id)["updatedAt"]
    );
    for _ in 0..2 {
        let taken_over = server.take_over(&id).send().expect(200);
        assert_eq!(taken_over["isHumanHandled"], true);
    }
    let [first, second] = [(); 2].map(|()| server.hand_back(&id).send().expect(200));
    assert_eq!(first, second);
}

#[test]
fn agent_requests_require_private_key_and_valid_state() {
    let (server, ann, id) = setup_conversation();
    let other_project = server.create_project();
    for (method, path) in [("PUT", "agent"), ("DELETE", "agent"), ("POST", "replies")] {
        let target = format!("/v2/conversations/{id}/{path}");
        let send = |credential: &str, target: &str| {
            let body = json!({ "name": "Mara", "content": "Hi" });
            let request = server.request(method, target).bearer(credential);
            request.json(body).send()
        };
        send(&ann.token, &target).expect_error(403, "FORBIDDEN");
        send(&other_project.private_key, &target).expect_error(404, "CONVERSATION_NOT_FOUND");
        send("nobody", &target).expect_error(401, "UNAUTHORIZED");
        let unknown = format!("/v2/conversations/{UNKNOWN_ID}/{path}");
        send(&server.project.private_key, &unknown).expect_error(404, "CONVERSATION_NOT_FOUND");
    }
    let error = server.reply(&id, "Hi").send().expect_error(409, "CONFLICT");
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
    let empty = server.reply(&id, "").send();
    empty.expect_validation_error("content", "1 to 10000");
    server.close(&ann.token, &id).send().expect(200);
    let details = json!({ "resource": "conversation", "conflictingField": "status" });
    for response in [
        put(json!({ "name": "M" })),
        server.hand_back(&id).send(),
        server.reply(&id, "Hi").send(),
    ] {
        let error = response.expect_error(409, "CONFLICT");
        assert_eq!(error["details"], details);
    }
    assert!(server.transcript(&ann, &id).is_empty());
}

/// How long the test waits for one event before it counts again.
const EVENT_TIMEOUT: Duration = Duration::from_millis(20);

#[test]
fn stored_message_is_published_when_client_disconnects() {
    let (server, ann, id) = setup_conversation();
    server.take_over(&id).send().expect(200);
    let conversation = ConversationId::parse(&id).expect("a UUID");
    let mut subscriber = server
        .events()
        .subscribe(server.project.seq, conversation, [None; 2]);
    for _ in 0..50 {
        drop(server.post_message(&ann, &id, "Bye").send_unread());
    }
    // The server may have stored none of the messages above; it stores this one.
    assert_eq!(server.post_message(&ann, &id, "Bye").send().status, 202);
    let runtime = actix_web::rt::System::new();
    let mut published = 0;
    // The counts must be equal and no longer rise.
    let mut previous = 0;
    wait_until("every stored message is published", || {
        let event = async { tokio::time::timeout(EVENT_TIMEOUT, subscriber.next()).await };
        // The event of the takeover can be late.
        let event = runtime.block_on(event).ok().flatten();
        published += usize::from(event.is_some_and(|event| event.message_id().is_some()));
        let stored = server.transcript(&ann, &id).len();
        let is_complete = stored == previous && stored > 0 && stored == published;
        previous = stored;
        is_complete
    });
}

#[test]
fn take_over_stops_answer_and_keeps_its_text() {
    one_node!("another node may stream what a model writes until the takeover reaches it");
    let (model, server, ann, id) = setup_model_conversation();
    let script = model.script_answer();
    script.send_text("So far");
    let mut stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    stream.read_first_delta();
    server.wait_for_stored_text(&id, "So far");
    server.take_over(&id).send().expect(200);
    script.send_text(" and too late");
    let events = stream.events();
    assert_eq!(events, [json!({ "type": "abort" })]);
    wait_until("the model is cancelled", || script.is_cancelled());
    server.wait_for_answers();
    let expected = [
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ];
    assert_eq!(server.transcript(&ann, &id), expected);
}

#[test]
fn take_over_before_first_token_stores_no_answer() {
    let (model, server, ann, id) = setup_model_conversation();
    let script = model.script_answer();
    let send = || {
        server
            .post_streaming_message(&ann, &id, "Hi")
            .header("Idempotency-Key", "k")
    };
    let response = thread::scope(|scope| {
        let sender = scope.spawn(|| send().send());
        wait_until("the answer has started", || {
            server.transcript(&ann, &id).len() == 2
        });
        server.take_over(&id).send().expect(200);
        sender.join().expect("a response")
    });
    assert_eq!((response.status, response.text()), (202, "Message sent"));
    wait_until("the model is cancelled", || script.is_cancelled());
    assert_eq!(server.transcript(&ann, &id), [["user", "complete", "Hi"]]);
    let list = server.list(&ann.token, "");
    assert_eq!(list["data"][0]["lastMessage"]["role"], "user");
    let repeated = send().send();
    assert_eq!((repeated.status, repeated.text()), (202, "Message sent"));
    server.hand_back(&id).send().expect(200);
    assert_eq!(send().send().status, 202);
    assert_eq!(server.transcript(&ann, &id).len(), 1);
}

/// Waits for a time that is too short to sleep for.
fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        thread::yield_now();
    }
}

/// SQL of a trigger that records assistant messages that are stored while an
/// agent has the conversation.
fn recording_trigger(event: &str) -> String {
    format!(
        "CREATE TRIGGER record_{event} AFTER {event} ON message
           WHEN NEW.role = 'assistant' AND (SELECT is_human_handled FROM conversation
                                             WHERE seq = NEW.conversation_seq)
         BEGIN INSERT INTO late_message VALUES (NEW.seq, NEW.status, NEW.text); END;"
    )
}

/// An answer and a take-over race a thousand times. Triggers in the database
/// record every assistant message that is stored after the take-over.
#[test]
fn no_assistant_text_is_stored_after_take_over() {
    sqlite_only!("the triggers are those of SQLite; nodes::races has the races");
    let (model, server, ann, _) = setup_model_conversation();
    let triggers = format!(
        "CREATE TABLE late_message (seq, status, text); {} {}",
        recording_trigger("INSERT"),
        recording_trigger("UPDATE")
    );
    let created = server.db_connection().execute_batch(&triggers);
    created.expect("triggers");
    let (mut not_started, mut complete, mut partial) = (0, 0, 0);
    for round in 0..1000 {
        let id = server.start_conversation(&ann);
        let script = model.script_answer();
        thread::scope(|scope| {
            scope.spawn(|| {
                for word in ["one", " two", " three"] {
                    script.send_text(word);
                    spin(Duration::from_micros((round % 7) * 50));
                }
                if round % 5 == 0 {
                    script.fail(AnswerError::ModelFailed(String::new()));
                } else {
                    script.finish();
                }
            });
            let request = if round % 2 == 0 {
                server.post_streaming_message(&ann, &id, "Hi")
            } else {
                server.post_message(&ann, &id, "Hi")
            };
            let sender = scope.spawn(|| request.send_and_drain());
            // The delay varies, so that the take-over hits each step of the answer.
            spin(Duration::from_micros((round % 50) * 40));
            server.take_over(&id).send().expect(200);
            sender.join().expect("a response");
        });
        server.wait_for_answers();
        // The next round must not use a script that this round left.
        model.clear_scripts();
        let transcript = server.transcript(&ann, &id);
        let conversation = server.get_conversation(&ann, &id);
        assert_eq!(conversation["isHumanHandled"], true);
        assert!(
            transcript
                .iter()
                .all(|[_, status, _]| status != "streaming"),
            "{transcript:?}"
        );
        match transcript.as_slice() {
            [_] => not_started += 1,
            [_, [_, _, text]] if text == "one two three" => complete += 1,
            [_, [_, _, text]] => {
                assert!("one two three".starts_with(text.as_str()), "{text}");
                partial += 1;
            }
            _ => panic!("{transcript:?}"),
        }
    }
    let late: i64 = server.query_value("SELECT count(*) FROM late_message");
    assert_eq!(late, 0, "messages stored after the take-over");
    println!("answers: {not_started} not started, {complete} complete, {partial} partial");
    assert!(
        not_started > 0 && complete > 0,
        "the requests did not race: {not_started} not started, {complete} complete"
    );
}
