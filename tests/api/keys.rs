//! API keys over the API: list, create, change, revoke.

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{Request, Response, TestServer, UNKNOWN_ID, string, wait_until};

fn by_key(server: &TestServer, method: &'static str, path: &str) -> Request {
    let request = server.request(method, format!("/v2{path}"));
    request.bearer(&server.project.private_key)
}

fn create(server: &TestServer, body: Value) -> Value {
    by_key(server, "POST", "/keys")
        .json(body)
        .send()
        .expect(201)
}

fn list(server: &TestServer) -> Vec<Value> {
    let list = by_key(server, "GET", "/keys").send().expect(200);
    list["data"].as_array().expect("data").clone()
}

fn patch(server: &TestServer, id: &str, body: Value) -> Response {
    by_key(server, "PATCH", &format!("/keys/{id}"))
        .json(body)
        .send()
}

#[test]
fn created_keys_work_and_only_publishable_ones_are_listed_with_their_text() {
    let server = TestServer::start();
    let origins = ["https://shop.example", "https://SHOP.example/"];
    let publishable = create(
        &server,
        json!({"kind": "publishable", "name": "Web", "origins": origins}),
    );
    let private = create(&server, json!({"kind": "private", "name": "Server"}));
    let text = |key: &Value| string(&key["key"]);
    assert_eq!(server.init_session(&text(&publishable), "d").status, 201);
    let read = server.get("/v2/keys").bearer(&text(&private)).send();
    assert_eq!(read.status, 200);
    assert!(!read.text().contains(&text(&private)));
    let keys = list(&server);
    let names: Vec<_> = keys.iter().map(|key| string(&key["name"])).collect();
    assert_eq!(names[names.len() - 2..], ["Web", "Server"]);
    let [web, server_key] = &keys[keys.len() - 2..] else {
        panic!("two keys");
    };
    assert_eq!(web["publishableKey"], publishable["key"]);
    assert_eq!(web["origins"], json!(["https://shop.example"]));
    assert_eq!(server_key["publishableKey"], Value::Null);
    assert_eq!(server_key["origins"], json!([]));
    for (key, created) in [(web, &publishable), (server_key, &private)] {
        assert!(text(created).ends_with(&string(&key["hint"])));
        assert_eq!(key["object"], "key");
        assert_eq!(key["hasIdentitySecret"], false);
        assert_eq!(
            (&key["revokedAt"], &key["assistantId"]),
            (&Value::Null, &Value::Null)
        );
    }
}

#[test]
fn text_of_a_key_is_not_stored_for_a_repeated_request() {
    let server = TestServer::start();
    let request = || {
        let request = by_key(&server, "POST", "/keys").header("Idempotency-Key", "once");
        request.json(json!({"kind": "private", "name": "Server"}))
    };
    let first = request().send().expect(201);
    let second = request().send().expect(201);
    assert_eq!(first["id"], second["id"]);
    assert_eq!(second["key"], Value::Null);
    let stored: i64 = server.query_value(&format!(
        "SELECT count(*) FROM idempotency_key WHERE instr(body, '{}') > 0",
        string(&first["key"])
    ));
    assert_eq!(stored, 0);
}

#[test]
fn change_applies_at_once_and_leaves_other_fields_unchanged() {
    let server = TestServer::start();
    let key = create(&server, json!({"kind": "publishable", "name": "Web"}));
    let (id, text) = (string(&key["id"]), string(&key["key"]));
    let project = || {
        let request = server.get(format!("/v2/projects/current?apiKey={text}"));
        request
            .header("Origin", "https://other.example")
            .send()
            .status
    };
    assert_eq!(project(), 200);
    let changed = patch(&server, &id, json!({"origins": ["https://shop.example"]})).expect(200);
    server.wait_for_all_nodes(|| project() == 403);
    assert_eq!(project(), 403);
    assert_eq!(changed["name"], "Web");
    let renamed = patch(&server, &id, json!({"name": " Shop "})).expect(200);
    assert_eq!(renamed["name"], "Shop");
    assert_eq!(renamed["origins"], json!(["https://shop.example"]));
    assert_eq!(patch(&server, &id, json!({})).expect(200), renamed);
    patch(&server, &id, json!({"origins": []})).expect(200);
    server.wait_for_all_nodes(|| project() == 200);
    assert_eq!(project(), 200);
}

#[test]
fn revoked_key_and_its_sessions_are_refused_at_once() {
    let server = TestServer::start();
    let key = create(&server, json!({"kind": "publishable", "name": "Web"}));
    let (id, text) = (string(&key["id"]), string(&key["key"]));
    let session = server.init_session(&text, "device").expect(201);
    let token = string(&session["sessionToken"]);
    let me = || server.get("/v2/identity/me").bearer(&token).send().status;
    assert_eq!(me(), 200);
    for _ in 0..2 {
        let revoke = by_key(&server, "DELETE", &format!("/keys/{id}")).send();
        assert_eq!((revoke.status, revoke.text()), (204, ""));
    }
    server.wait_for_all_nodes(|| me() == 401);
    assert_eq!(me(), 401);
    assert_eq!(server.init_session(&text, "device").status, 401);
    let listed = list(&server);
    let listed = listed.iter().find(|one| one["id"] == id.as_str());
    assert!(listed.expect("the key")["revokedAt"].is_string());
}

#[test]
fn private_key_can_revoke_itself() {
    let server = TestServer::start();
    let key = create(&server, json!({"kind": "private", "name": "Server"}));
    let (id, text) = (string(&key["id"]), string(&key["key"]));
    let revoke = server
        .request("DELETE", format!("/v2/keys/{id}"))
        .bearer(&text);
    assert_eq!(revoke.send().status, 204);
    wait_until("the key is refused", || {
        server.get("/v2/keys").bearer(&text).send().status == 401
    });
}

#[test]
fn invalid_values_and_other_keys_are_refused() {
    let server = TestServer::start();
    let post = |body: Value| by_key(&server, "POST", "/keys").json(body).send();
    post(json!({"name": "Web"})).expect_body_error("kind");
    post(json!({"kind": "secret", "name": "Web"}))
        .expect_validation_error("kind", "must be one of: publishable, private");
    post(json!({"kind": "private", "name": " "}))
        .expect_validation_error("name", "must have 1 to 100 characters");
    let origins = json!({"kind": "private", "name": "x", "origins": ["shop.example"]});
    post(origins).expect_validation_error("origins", "must be a website");
    let many = vec!["https://shop.example"; 101];
    post(json!({"kind": "private", "name": "x", "origins": many}))
        .expect_validation_error("origins", "must have 0 to 100 websites");
    let assistant = json!({"kind": "publishable", "name": "x", "assistantId": UNKNOWN_ID});
    post(assistant).expect_error(404, "ASSISTANT_NOT_FOUND");
    let assistant = json!({"kind": "private", "name": "x", "assistantId": UNKNOWN_ID});
    post(assistant).expect_validation_error("assistantId", "must be left out");
    patch(&server, UNKNOWN_ID, json!({})).expect_error(404, "KEY_NOT_FOUND");
    let other = server.create_project();
    let id: Vec<u8> = server.query_value(&format!(
        "SELECT id FROM api_key WHERE project_seq = {} LIMIT 1",
        other.seq.0
    ));
    let id = uuid::Uuid::from_slice(&id).expect("a UUID").to_string();
    patch(&server, &id, json!({})).expect_error(404, "KEY_NOT_FOUND");
    let revoke = by_key(&server, "DELETE", &format!("/keys/{id}")).send();
    revoke.expect_error(404, "KEY_NOT_FOUND");
    assert_eq!(server.init_session(&other.publishable_key, "d").status, 201);
}

#[test]
fn assistant_of_a_key_is_changed_and_removed() {
    let server = TestServer::start();
    let key = create(&server, json!({"kind": "publishable", "name": "Web"}));
    let id = string(&key["id"]);
    let assistant: Vec<u8> = server.query_value("SELECT id FROM assistant LIMIT 1");
    let assistant = uuid::Uuid::from_slice(&assistant)
        .expect("a UUID")
        .to_string();
    let changed = patch(&server, &id, json!({"assistantId": assistant})).expect(200);
    assert_eq!(changed["assistantId"], assistant.as_str());
    let changed = patch(&server, &id, json!({"assistantId": null})).expect(200);
    assert_eq!(changed["assistantId"], Value::Null);
}

#[test]
fn only_owners_manage_keys() {
    let server = TestServer::start();
    let owner = server.create_agent("Owner", AgentRole::Owner);
    let agent = server.create_agent("Agent", AgentRole::Agent);
    let body = json!({"kind": "private", "name": "Server"});
    let created = server.post("/v2/keys").agent(&owner).json(&body).send();
    let id = string(&created.expect(201)["id"]);
    assert_eq!(server.get("/v2/keys").agent(&owner).send().status, 200);
    for request in [
        server.get("/v2/keys"),
        server.post("/v2/keys").json(&body),
        server
            .request("PATCH", format!("/v2/keys/{id}"))
            .json(json!({})),
        server.request("DELETE", format!("/v2/keys/{id}")),
        server.post(format!("/v2/keys/{id}/identity-secret")),
        server.request("DELETE", format!("/v2/keys/{id}/identity-secret")),
    ] {
        request.agent(&agent).send().expect_error(403, "FORBIDDEN");
    }
}
