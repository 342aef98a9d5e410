//! POST /v2/identity/init, and the publishable key as a parameter.

use std::collections::HashSet;

use serde_json::json;

use crate::helpers::{Request, TestServer, Visitor, ids, run_concurrently};

fn init(server: &TestServer) -> Request {
    server.post("/v2/identity/init")
}

#[test]
fn new_device_returns_201_and_known_device_200_with_new_token() {
    let server = TestServer::start();
    let first = Visitor::from_json(
        &server
            .init_session(&server.project.publishable_key, "device")
            .expect(201),
    );
    let second = Visitor::from_json(
        &server
            .init_session(&server.project.publishable_key, "device")
            .expect(200),
    );
    let other = Visitor::from_json(
        &server
            .init_session(&server.project.publishable_key, "Device")
            .expect(201),
    );
    let by_key = Visitor::from_json(
        &server
            .init_session(&server.create_publishable_key(&[]), "device")
            .expect(200),
    );
    assert_eq!(first.id, second.id);
    assert_eq!(first.id, by_key.id);
    assert_ne!(first.id, other.id);
    assert_ne!(first.token, second.token);
    let id = server.start_conversation(&first);
    for token in [&first.token, &second.token, &by_key.token] {
        assert_eq!(ids(&server.list(token, "")), [id.as_str()]);
    }
}

#[test]
fn concurrent_init_of_one_device_creates_one_visitor() {
    let server = TestServer::start();
    let responses = run_concurrently(12, || {
        server.init_session(&server.project.publishable_key, "device")
    });
    let new = responses
        .iter()
        .filter(|response| response.status == 201)
        .count();
    assert_eq!(new, 1);
    let visitors: HashSet<_> = responses
        .iter()
        .map(|response| Visitor::from_json(&response.json()).id)
        .collect();
    assert_eq!(visitors.len(), 1);
}

#[test]
fn init_with_missing_or_mistyped_field_returns_400() {
    let server = TestServer::start();
    let key = &server.project.publishable_key;
    let device = "device";
    for (body, field) in [
        (json!({}), "apiKey"),
        (json!({ "saVid": device }), "apiKey"),
        (json!({ "apiKey": "", "saVid": device }), "apiKey"),
        (json!({ "apiKey": null, "saVid": device }), "apiKey"),
        (json!({ "apiKey": 7, "saVid": device }), "apiKey"),
        (json!({ "apiKey": [key], "saVid": device }), "apiKey"),
        (json!({ "apiKey": key }), "saVid"),
        (json!({ "apiKey": key, "saVid": null }), "saVid"),
        (json!({ "apiKey": key, "saVid": 7 }), "saVid"),
        (json!({ "apiKey": key, "saVid": {} }), "saVid"),
        (json!([]), "body"),
        (json!(null), "body"),
        (json!("text"), "body"),
    ] {
        init(&server).json(body).send().expect_body_error(field);
    }
    init(&server).json("{").send().expect_body_error("body");
    init(&server).json("{} {}").send().expect_body_error("body");
    init(&server).send().expect_body_error("apiKey");
}

#[test]
fn device_id_is_limited_to_100_characters() {
    let server = TestServer::start();
    let key = &server.project.publishable_key;
    for one in ["x", "é", "日", "🦆"] {
        for count in [1, 100] {
            server.init_session(key, &one.repeat(count)).expect(201);
            server.init_session(key, &one.repeat(count)).expect(200);
        }
        server
            .init_session(key, &one.repeat(101))
            .expect_validation_error("saVid", "1 to 100 characters");
    }
    server
        .init_session(key, "")
        .expect_validation_error("saVid", "1 to 100 characters");
    server
        .init_session(key, "a\0b")
        .expect_validation_error("saVid", "1 to 100 characters");
}

#[test]
fn missing_or_empty_api_key_parameter_returns_422() {
    let server = TestServer::start();
    for query in ["", "?apiKey=", "?apikey=x", "?apiKey"] {
        let response = server.get(format!("/v2/projects/current{query}")).send();
        response.expect_validation_error("apiKey", "publishable key");
    }
    let twice = server.get("/v2/projects/current?apiKey=a&apiKey=b");
    twice.send().expect_validation_error("apiKey", "once");
}
