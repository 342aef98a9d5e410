//! Error responses: the envelope, the documented errors, and information that
//! they must not contain.

use parlor::http::error::ERROR_CODES;
use serde_json::json;

use crate::helpers::{Response, TestServer, UNKNOWN_ID};

/// The error bodies in the examples of the API contract.
const DOCUMENTED_ERRORS: [(u16, &str); 11] = [
    (
        400,
        r#"{"error":{"message":"Invalid request body. Content is required.","code":"INVALID_REQUEST_BODY","details":{"field":"content"}}}"#,
    ),
    (
        401,
        r#"{"error":{"message":"Authentication required","code":"UNAUTHORIZED"}}"#,
    ),
    (
        402,
        r#"{"error":{"message":"A higher pricing plan is required to access this feature","code":"PAYMENT_REQUIRED","details":{"currentPlan":"free","requiredPlan":"pro","feature":"advanced_ai_models"}}}"#,
    ),
    (
        403,
        r#"{"error":{"message":"Access denied to this conversation","code":"FORBIDDEN"}}"#,
    ),
    (
        404,
        r#"{"error":{"message":"Conversation not found!","code":"CONVERSATION_NOT_FOUND","details":{"conversationId":"123e4567-e89b-12d3-a456-426614174000"}}}"#,
    ),
    (
        409,
        r#"{"error":{"message":"Resource already exists","code":"CONFLICT","details":{"resource":"conversation","conflictingField":"id"}}}"#,
    ),
    (
        422,
        r#"{"error":{"message":"Validation failed","code":"VALIDATION_ERROR","details":{"field":"content","reason":"Content exceeds maximum length of 10000 characters"}}}"#,
    ),
    (
        429,
        r#"{"error":{"message":"Rate limit exceeded. Please try again later.","code":"RATE_LIMIT_EXCEEDED","details":{"retryAfter":60}}}"#,
    ),
    (
        500,
        r#"{"error":{"message":"An internal server error occurred","code":"INTERNAL_SERVER_ERROR"}}"#,
    ),
    (
        502,
        r#"{"error":{"message":"Service temporarily unavailable","code":"BAD_GATEWAY","details":{"service":"ai_model_service"}}}"#,
    ),
    (
        503,
        r#"{"error":{"message":"Service temporarily unavailable","code":"SERVICE_UNAVAILABLE","details":{"retryAfter":30}}}"#,
    ),
];

fn get_with_prefer(server: &TestServer, preference: &str) -> Response {
    let list = server.get("/v2/conversations").header("Prefer", preference);
    list.send()
}

#[test]
fn demo_returns_documented_error_body_for_prefer_header() {
    let server = TestServer::start_demo();
    for (status, body) in DOCUMENTED_ERRORS {
        for preference in [
            format!("code={status}"),
            format!("respond-async, code=\"{status}\""),
        ] {
            let response = get_with_prefer(&server, &preference);
            assert_eq!(response.status, status);
            assert_eq!(response.text(), body);
            let applied = format!("code={status}");
            assert_eq!(
                response.header("preference-applied"),
                Some(applied.as_str())
            );
        }
    }
    assert_eq!(
        get_with_prefer(&server, "code=429").header("retry-after"),
        Some("60")
    );
    assert_eq!(
        get_with_prefer(&server, "code=503").header("retry-after"),
        Some("30")
    );
    assert_eq!(
        get_with_prefer(&server, "code=401").header("www-authenticate"),
        Some("Bearer")
    );
}

#[test]
fn demo_returns_every_status_for_prefer_header() {
    let server = TestServer::start_demo();
    for entry in ERROR_CODES {
        let response = get_with_prefer(&server, &format!("code={}", entry.status));
        let expected = ERROR_CODES
            .iter()
            .find(|other| other.status == entry.status);
        response.expect_error(entry.status, expected.expect("an entry").name);
    }
}

#[test]
fn prefer_header_without_error_status_is_ignored() {
    let server = TestServer::start_demo();
    for preference in ["code=200", "code=999", "code=", "code=x", "status=500", ""] {
        let response = get_with_prefer(&server, preference);
        response.expect_error(401, "UNAUTHORIZED");
        assert_eq!(response.header("preference-applied"), None);
    }
}

#[test]
fn prefer_header_is_ignored_outside_demo() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    for (status, _) in DOCUMENTED_ERRORS {
        let list = server.get("/v2/conversations").bearer(&visitor.token);
        let response = list.header("Prefer", format!("code={status}")).send();
        assert_eq!(response.expect(200)["total"], 0);
        assert_eq!(response.header("preference-applied"), None);
    }
}

#[test]
fn unknown_path_returns_404() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    for path in [
        "/v1",
        "/v1/conversations",
        "/v2/conversations/",
        "/v2/conversation",
        "/v2/conversations/a/b/c",
        "/V2/conversations",
        "/v2//conversations",
        "/%",
    ] {
        for method in ["GET", "POST"] {
            let request = server.request(method, path).bearer(&visitor.token);
            let error = request.send().expect_error(404, "NOT_FOUND");
            assert_eq!(error.get("details"), None);
        }
    }
}

#[test]
fn unsupported_method_returns_405_with_allow_header() {
    let server = TestServer::start();
    let conversation = format!("/v2/conversations/{UNKNOWN_ID}");
    let close = format!("{conversation}/close");
    for (method, path, allowed) in [
        ("DELETE", "/v2/conversations", "GET, HEAD, POST"),
        ("PUT", "/v2/conversations", "GET, HEAD, POST"),
        ("PATCH", "/v2/conversations", "GET, HEAD, POST"),
        ("POST", &conversation, "GET, HEAD, DELETE"),
        ("PUT", &conversation, "GET, HEAD, DELETE"),
        ("GET", close.as_str(), "POST"),
        ("GET", "/v2/identity/init", "POST"),
        ("POST", "/v2/identity/me", "GET, HEAD, PATCH"),
        ("POST", "/v2/projects/current", "GET, HEAD, PATCH"),
        ("POST", "/v2/openapi", "GET, HEAD"),
        ("POST", "/health", "GET, HEAD"),
        ("POST", "/ready", "GET, HEAD"),
    ] {
        let response = server.request(method, path).send();
        response.expect_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(response.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[test]
fn invalid_id_in_path_returns_422() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    for id in [
        "x",
        "0",
        "null",
        "123e4567-e89b-12d3-a456-42661417400",
        "123e4567-e89b-12d3-a456-4266141740000",
        "123e4567e89b12d3a456426614174000",
        "%7B123e4567-e89b-12d3-a456-426614174000%7D",
        "g23e4567-e89b-12d3-a456-426614174000",
        "%00",
        "%FF",
    ] {
        let path = format!("/v2/conversations/{id}");
        let read = server.get(&path).bearer(&visitor.token).send();
        read.expect_validation_error("conversationId", "UUID");
        let close = server.post(format!("{path}/close")).bearer(&visitor.token);
        close
            .send()
            .expect_validation_error("conversationId", "UUID");
    }
}

#[test]
fn internal_error_returns_500_without_cause() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let id = server.start_conversation(&visitor);
    let dropped = server.db_connection().execute_batch(
        "INSERT INTO message (id, conversation_seq, created_at, role, status, text, metadata)
             VALUES (randomblob(16), 1, 0, 'user', 'complete', 'secret words', '{broken');
         UPDATE conversation SET last_message_seq = 1;",
    );
    dropped.expect("a broken row");
    for path in [
        "/v2/conversations".to_owned(),
        format!("/v2/conversations/{id}"),
    ] {
        let response = server.get(path).bearer(&visitor.token).send();
        assert_eq!(response.status, 500);
        assert_eq!(response.text(), DOCUMENTED_ERRORS[8].1);
    }
    let missing = server
        .db_connection()
        .execute_batch("ALTER TABLE visitor RENAME TO other_project");
    missing.expect("a broken file");
    let response = server.init_session(&server.project.publishable_key, "another");
    assert_eq!(
        (response.status, response.text()),
        (500, DOCUMENTED_ERRORS[8].1)
    );
}

#[test]
fn errors_do_not_expose_implementation_details() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let requests = [
        server.get("/v2/conversations?limit=%27%3B--"),
        server.get("/v2/conversations?orderBy=%22seq%22"),
        server.get("/v2/conversations/%27%20OR%201=1"),
        server.post("/v2/conversations").json("{\"context\":"),
        server.post("/v2/conversations").json("\u{1}"),
        server.request("PROPFIND", "/v2/conversations"),
        server.get("/v2/../schema.sql"),
        server.get("/nothing"),
    ];
    for request in requests {
        let response = request.bearer(&visitor.token).send();
        let error = response.json()["error"].clone();
        assert_ne!(error, json!(null), "{}", response.text());
        let text = response.text().to_lowercase();
        for word in [
            "sqlite", "select", "rusqlite", "serde", "actix", "panick", ".rs", "line 1",
        ] {
            assert!(!text.contains(word), "{word:?} in {text}");
        }
    }
}
