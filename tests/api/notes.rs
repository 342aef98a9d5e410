//! Notes of agents about conversations, and saved replies.

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{
    Request, TestServer, UNKNOWN_ID, ids, run_concurrently, setup_conversation, string,
};

fn by_key(server: &TestServer, method: &'static str, path: &str) -> Request {
    let request = server.request(method, format!("/v2{path}"));
    request.bearer(&server.project.private_key)
}

#[test]
fn notes_have_their_authors_and_the_order_in_which_they_were_written() {
    let (server, _, conversation) = setup_conversation();
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let path = format!("/v2/conversations/{conversation}/notes");
    let note = json!({"text": "call back"});
    let first = server
        .post(&path)
        .agent(&mara)
        .json(&note)
        .send()
        .expect(201);
    assert_eq!(first["agent"], json!({"id": mara.id, "name": "Mara"}));
    assert_eq!(
        (&first["object"], &first["text"]),
        (&json!("note"), &json!("call back"))
    );
    let key = &server.project.private_key;
    let second = json!({"text": "done"});
    let second = server
        .post(&path)
        .bearer(key)
        .json(second)
        .send()
        .expect(201);
    assert_eq!(second["agent"], Value::Null);
    let list = server.get(&path).agent(&mara).send().expect(200);
    assert_eq!(list["data"], json!([first, second]));
    // The name stays after the account is deleted.
    let deleted = server.db_connection().execute("DELETE FROM agent", ());
    assert_eq!(deleted.expect("a deletion"), 1);
    let list = server.get(&path).bearer(key).send().expect(200);
    assert_eq!(list["data"][0]["agent"]["name"], "Mara");
    let one = format!("{path}/{}", string(&first["id"]));
    assert_eq!(
        server.request("DELETE", &one).bearer(key).send().status,
        204
    );
    let again = server.request("DELETE", &one).bearer(key).send();
    again.expect_error(404, "NOTE_NOT_FOUND");
    let list = server.get(&path).bearer(key).send().expect(200);
    assert_eq!(list["data"], json!([second]));
}

#[test]
fn visitors_never_see_notes() {
    let (server, ann, conversation) = setup_conversation();
    let path = format!("/v2/conversations/{conversation}/notes");
    let key = &server.project.private_key;
    let note = json!({"text": "a secret remark"});
    server
        .post(&path)
        .bearer(key)
        .json(&note)
        .send()
        .expect(201);
    server
        .get(&path)
        .bearer(&ann.token)
        .send()
        .expect_error(403, "FORBIDDEN");
    let write = server.post(&path).bearer(&ann.token).json(&note).send();
    write.expect_error(403, "FORBIDDEN");
    for target in [
        format!("/v2/conversations/{conversation}"),
        format!("/v2/conversations/{conversation}/messages"),
        "/v2/conversations".to_owned(),
    ] {
        let response = server.get(target).bearer(&ann.token).send();
        assert_eq!(response.status, 200);
        assert!(!response.text().contains("remark"));
    }
    // Only the conversations of the own project.
    let other = server.create_project();
    let read = server.get(&path).bearer(&other.private_key).send();
    read.expect_error(404, "CONVERSATION_NOT_FOUND");
}

#[test]
fn notes_are_limited_in_length_and_number_and_deleted_with_the_conversation() {
    let (server, _, conversation) = setup_conversation();
    let path = format!("/conversations/{conversation}/notes");
    let post = |text: String| {
        by_key(&server, "POST", &path)
            .json(json!({"text": text}))
            .send()
    };
    post(String::new()).expect_validation_error("text", "must have 1 to 5000 characters");
    post("x".repeat(5001)).expect_validation_error("text", "must have 1 to 5000 characters");
    post("é".repeat(5000)).expect(201);
    let fill = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 195)
                INSERT INTO note (id, conversation_seq, text, created_at)
                SELECT randomblob(16), (SELECT max(seq) FROM conversation), 'x', i FROM n";
    server.db_connection().execute(fill, ()).expect("notes");
    let results = run_concurrently(10, || post("one more".to_owned()).status);
    assert_eq!(results.iter().filter(|status| **status == 201).count(), 5);
    let error = post("one more".to_owned()).expect_error(409, "CONFLICT");
    assert!(string(&error["message"]).contains("200 notes"), "{error}");
    let delete = by_key(&server, "DELETE", &format!("/conversations/{conversation}"));
    assert_eq!(delete.send().status, 204);
    assert_eq!(server.query_value::<i64>("SELECT count(*) FROM note"), 0);
    let read = by_key(&server, "GET", &path).send();
    read.expect_error(404, "CONVERSATION_NOT_FOUND");
}

#[test]
fn saved_replies_are_created_changed_listed_by_name_and_deleted() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let create = |name: &str| {
        let body = json!({"name": name, "text": "Thank *you*"});
        server
            .post("/v2/saved-replies")
            .agent(&mara)
            .json(body)
            .send()
    };
    let [thanks, bye, again] = ["Thanks", "bye", "Again"].map(|name| create(name).expect(201));
    assert_eq!(thanks["object"], "saved_reply");
    let list = || by_key(&server, "GET", "/saved-replies").send().expect(200);
    let expected = [&again, &bye, &thanks].map(|reply| string(&reply["id"]));
    assert_eq!(ids(&list()), expected);
    create("Thanks").expect_error(409, "CONFLICT");
    let one = format!("/saved-replies/{}", string(&bye["id"]));
    let patch = |body: Value| by_key(&server, "PATCH", &one).json(body).send();
    patch(json!({"name": "Thanks"})).expect_error(409, "CONFLICT");
    let changed = patch(json!({"name": "Goodbye"})).expect(200);
    assert_eq!(
        (&changed["name"], &changed["text"]),
        (&json!("Goodbye"), &bye["text"])
    );
    let changed = patch(json!({"name": "Goodbye", "text": "See you"})).expect(200);
    assert_eq!(changed["text"], "See you");
    assert_eq!(list()["data"][1], changed);
    patch(json!({"text": ""})).expect_validation_error("text", "must have 1 to 10000");
    assert_eq!(by_key(&server, "DELETE", &one).send().status, 204);
    let gone = by_key(&server, "DELETE", &one).send();
    gone.expect_error(404, "SAVED_REPLY_NOT_FOUND");
    patch(json!({"text": "x"})).expect_error(404, "SAVED_REPLY_NOT_FOUND");
    assert_eq!(ids(&list()).len(), 2);
}

#[test]
fn saved_replies_are_those_of_the_project_and_limited() {
    let server = TestServer::start();
    let body = json!({"name": "Thanks", "text": "x"});
    let other = server.create_project();
    let request = server.post("/v2/saved-replies").bearer(&other.private_key);
    let id = string(&request.json(&body).send().expect(201)["id"]);
    by_key(&server, "POST", "/saved-replies")
        .json(&body)
        .send()
        .expect(201);
    let list = by_key(&server, "GET", "/saved-replies").send().expect(200);
    assert_eq!(ids(&list).len(), 1);
    for path in [
        format!("/saved-replies/{id}"),
        format!("/saved-replies/{UNKNOWN_ID}"),
    ] {
        let delete = by_key(&server, "DELETE", &path).send();
        delete.expect_error(404, "SAVED_REPLY_NOT_FOUND");
    }
    let visitor = server.create_visitor("ann");
    let read = server
        .get("/v2/saved-replies")
        .bearer(&visitor.token)
        .send();
    read.expect_error(403, "FORBIDDEN");
    let fill = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
                INSERT INTO saved_reply (id, project_seq, name, text, created_at, updated_at)
                SELECT randomblob(16), 1, i, 'x', i, i FROM n";
    server.db_connection().execute(fill, ()).expect("replies");
    let full = json!({"name": "one more", "text": "x"});
    let error = by_key(&server, "POST", "/saved-replies").json(full).send();
    let error = error.expect_error(409, "CONFLICT");
    assert!(
        string(&error["message"]).contains("200 saved replies"),
        "{error}"
    );
}
