//! Staff read visitors, and block and unblock them.

use serde_json::json;

use crate::helpers::{
    Request, Response, TestServer, UNKNOWN_ID, setup_conversation, setup_model_conversation,
    string, wait_until,
};

fn by_key(server: &TestServer, method: &'static str, path: &str) -> Request {
    let request = server.request(method, format!("/v2{path}"));
    request.bearer(&server.project.private_key)
}

#[track_caller]
fn set_blocked(server: &TestServer, visitor: &str, is_blocked: bool) {
    let method = if is_blocked { "PUT" } else { "DELETE" };
    let response = by_key(server, method, &format!("/visitors/{visitor}/block")).send();
    assert_eq!((response.status, response.text()), (204, ""));
}

#[track_caller]
fn expect_blocked(response: &Response) {
    let error = response.expect_error(403, "FORBIDDEN");
    assert!(
        string(&error["message"]).contains("cannot write"),
        "{error}"
    );
}

#[test]
fn visitor_is_read_with_contact_details() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let set = "UPDATE visitor SET email = 'ann@mail.example', phone = '+491'";
    server.db_connection().execute(set, ()).expect("an update");
    let read = || by_key(&server, "GET", &format!("/visitors/{}", ann.id)).send();
    let visitor = read().expect(200);
    assert_eq!(visitor["id"], ann.id.as_str());
    assert_eq!(visitor["email"], "ann@mail.example");
    assert_eq!(visitor["phone"], "+491");
    assert_eq!(
        (&visitor["isVerified"], &visitor["isBlocked"]),
        (&json!(false), &json!(false))
    );
    assert!(visitor["createdAt"].is_string());
    set_blocked(&server, &ann.id, true);
    assert_eq!(read().expect(200)["isBlocked"], true);
    let unknown = by_key(&server, "GET", &format!("/visitors/{UNKNOWN_ID}")).send();
    unknown.expect_error(404, "VISITOR_NOT_FOUND");
    let other = server.create_project();
    let path = format!("/v2/visitors/{}", ann.id);
    let read = server.get(&path).bearer(&other.private_key).send();
    read.expect_error(404, "VISITOR_NOT_FOUND");
    let read = server.get(&path).bearer(&ann.token).send();
    read.expect_error(403, "FORBIDDEN");
}

#[test]
fn blocked_visitor_cannot_write_until_unblocked() {
    let (server, ann, conversation) = setup_conversation();
    server
        .post_message(&ann, &conversation, "Hello")
        .send()
        .expect(200);
    for _ in 0..2 {
        set_blocked(&server, &ann.id, true);
    }
    expect_blocked(&server.post_message(&ann, &conversation, "More").send());
    let start = server.post("/v2/conversations").bearer(&ann.token);
    expect_blocked(&start.send());
    let change = server
        .request("PATCH", "/v2/identity/me")
        .bearer(&ann.token);
    expect_blocked(&change.json(json!({ "name": "Spam" })).send());
    let typing = format!("/v2/conversations/{conversation}/typing");
    let typing = server.post(&typing).bearer(&ann.token);
    expect_blocked(&typing.json(json!({ "isTyping": true })).send());
    // Reading is allowed.
    assert_eq!(
        server.get_conversation(&ann, &conversation)["id"],
        conversation.as_str()
    );
    for _ in 0..2 {
        set_blocked(&server, &ann.id, false);
    }
    server
        .post_message(&ann, &conversation, "More")
        .send()
        .expect(200);
}

#[test]
fn new_session_of_a_blocked_device_stays_blocked() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    set_blocked(&server, &ann.id, true);
    let again = server.create_visitor("ann");
    assert_eq!(again.id, ann.id);
    let start = server.post("/v2/conversations").bearer(&again.token);
    expect_blocked(&start.send());
    let ben = server.create_visitor("ben");
    server.start_conversation(&ben);
}

#[test]
fn agents_still_reply_to_a_blocked_visitor_who_cannot_answer() {
    let (server, ann, conversation) = setup_conversation();
    assert_eq!(server.take_over(&conversation).send().status, 200);
    let message = server.post_message(&ann, &conversation, "Hello").send();
    assert_eq!(message.status, 202);
    set_blocked(&server, &ann.id, true);
    expect_blocked(&server.post_message(&ann, &conversation, "More").send());
    server.reply(&conversation, "Good bye").send().expect(201);
    let transcript = server.transcript(&ann, &conversation);
    assert_eq!(transcript.len(), 2);
}

#[test]
fn running_answer_ends_with_its_text_so_far() {
    let (model, server, ann, conversation) = setup_model_conversation();
    let answer = model.script_answer();
    answer.send_text("Delivery takes");
    let mut stream = server
        .post_streaming_message(&ann, &conversation, "How long?")
        .open_stream();
    stream.read_first_delta();
    server.wait_for_stored_text(&conversation, "Delivery takes");
    set_blocked(&server, &ann.id, true);
    wait_until("the answer has ended", || {
        let key = &server.project.private_key;
        let messages = server.get_conversation_for(key, &conversation)["messages"].clone();
        messages[1]["status"] == "complete"
    });
    let messages = server.get_conversation(&ann, &conversation)["messages"].clone();
    assert_eq!(messages[1]["parts"][0]["text"], "Delivery takes");
    assert_eq!(messages.as_array().map(Vec::len), Some(2));
}
