//! Upgrades that the server refuses.

use serde_json::{Value, json};

use super::setup;
use crate::helpers::{UNKNOWN_ID, WebSocketClient, refusal_body};

#[test]
fn upgrade_requires_one_valid_key() {
    let fixture = setup();
    let get = |query: &str| {
        fixture
            .server
            .get(format!("{}{query}", fixture.path()))
            .send()
    };
    let project = &fixture.server.project;
    for query in ["", "?apiKey="] {
        get(query).expect_validation_error("apiKey", "publishable key");
    }
    get("?apiKey=a&apiKey=b").expect_validation_error("apiKey", "once");
    let revoked = fixture.server.create_publishable_key(&[]);
    fixture.server.revoke_key(&revoked);
    for bad in ["pk_unknown", "pk_demo", &project.private_key, &revoked] {
        get(&format!("?apiKey={bad}")).expect_error(401, "UNAUTHORIZED");
    }
}

#[test]
fn upgrade_from_other_origin_returns_403() {
    let fixture = setup();
    let key = fixture
        .server
        .create_publishable_key(&["https://shop.example"]);
    let target = format!("{}?apiKey={key}", fixture.path());
    let open = |origin| WebSocketClient::try_open(*fixture.server, &target, &[("origin", origin)]);
    let refusal = open("https://evil.example").err().expect("a refusal");
    assert_eq!(refusal.status(), 403);
    let error: Value = serde_json::from_slice(refusal_body(&refusal)).expect("JSON");
    assert_eq!(error["error"]["code"], "FORBIDDEN");
    open("https://shop.example").expect("let in").expect_pong();
}

#[test]
fn upgrade_for_conversation_of_other_project_returns_404() {
    let fixture = setup();
    let other_project = fixture.server.create_project();
    for (id, key) in [
        (UNKNOWN_ID, &fixture.server.project.publishable_key),
        (fixture.id.as_str(), &other_project.publishable_key),
    ] {
        let target = format!("/v2/conversations/{id}/ws?apiKey={key}");
        let error = fixture.server.get(target).send();
        let error = error.expect_error(404, "CONVERSATION_NOT_FOUND");
        assert_eq!(error["details"], json!({ "conversationId": id }));
    }
    let key = &fixture.server.project.publishable_key;
    let invalid = format!("/v2/conversations/nonsense/ws?apiKey={key}");
    fixture
        .server
        .get(invalid)
        .send()
        .expect_validation_error("conversationId", "UUID");
    // The server checks the credential first.
    let invalid = "/v2/conversations/nonsense/ws?apiKey=pk_unknown";
    fixture
        .server
        .get(invalid)
        .send()
        .expect_error(401, "UNAUTHORIZED");
}

#[test]
fn upgrade_checks_optional_token() {
    let fixture = setup();
    let other_project = fixture.server.create_project();
    let get = |token: &str| {
        let target = format!("{}&token={token}", fixture.target());
        fixture.server.get(target).send()
    };
    for bad in ["", "nonsense", "a.b.c", &fixture.server.project.private_key] {
        get(bad).expect_error(401, "UNAUTHORIZED");
    }
    get(&fixture.server.create_visitor("ben").token).expect_error(403, "FORBIDDEN");
    let far = fixture.server.create_visitor_in(&other_project, "ann");
    get(&far.token).expect_error(404, "CONVERSATION_NOT_FOUND");
    let target = format!("{}&token={}", fixture.target(), fixture.ann.token);
    WebSocketClient::open(*fixture.server, &target).expect_pong();
}

#[test]
fn request_without_upgrade_returns_422_and_post_405() {
    let fixture = setup();
    let get = || fixture.server.get(fixture.target());
    get().send().expect_validation_error("Upgrade", "websocket");
    let h2c = get().header("Upgrade", "h2c").send();
    h2c.expect_validation_error("Upgrade", "websocket");
    let no_connection = get().header("Upgrade", "websocket").send();
    no_connection.expect_validation_error("Connection", "Upgrade");
    let post = fixture.server.post(fixture.target()).send();
    post.expect_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(post.header("allow"), Some("GET"));
    assert_eq!(fixture.subscriber_count(), 0);
}
