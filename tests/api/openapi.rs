//! The OpenAPI document, compared with the routes, the domain types and the
//! error codes.

use parlor::domain::{Limit, Status};
use parlor::http::error::ERROR_CODES;
use serde_json::{Value, json};

use crate::helpers::{TestServer, UNKNOWN_ID, string};

const OPERATIONS: [(&str, &str); 76] = [
    ("get", "/agents"),
    ("post", "/agents"),
    ("get", "/agents/me"),
    ("patch", "/agents/me"),
    ("get", "/agents/me/sessions"),
    ("delete", "/agents/me/sessions/{sessionId}"),
    ("post", "/agents/sign-in"),
    ("post", "/agents/sign-in-link"),
    ("post", "/agents/sign-out"),
    ("delete", "/agents/{agentId}"),
    ("patch", "/agents/{agentId}"),
    ("post", "/agents/{agentId}/link"),
    ("post", "/chat/completions"),
    ("get", "/conversations"),
    ("post", "/conversations"),
    ("get", "/conversations/export"),
    ("delete", "/conversations/{conversationId}"),
    ("get", "/conversations/{conversationId}"),
    ("delete", "/conversations/{conversationId}/agent"),
    ("put", "/conversations/{conversationId}/agent"),
    ("post", "/conversations/{conversationId}/close"),
    ("get", "/conversations/{conversationId}/messages"),
    ("post", "/conversations/{conversationId}/messages"),
    ("get", "/conversations/{conversationId}/notes"),
    ("post", "/conversations/{conversationId}/notes"),
    ("delete", "/conversations/{conversationId}/notes/{noteId}"),
    ("post", "/conversations/{conversationId}/read"),
    ("post", "/conversations/{conversationId}/replies"),
    ("post", "/conversations/{conversationId}/stop"),
    ("post", "/conversations/{conversationId}/typing"),
    ("get", "/conversations/{conversationId}/ws"),
    ("get", "/events"),
    ("post", "/identity/identify"),
    ("post", "/identity/init"),
    ("post", "/identity/link"),
    ("get", "/identity/me"),
    ("patch", "/identity/me"),
    ("get", "/keys"),
    ("post", "/keys"),
    ("delete", "/keys/{keyId}"),
    ("patch", "/keys/{keyId}"),
    ("delete", "/keys/{keyId}/identity-secret"),
    ("post", "/keys/{keyId}/identity-secret"),
    ("post", "/messages/{messageId}/feedback"),
    ("get", "/notifications"),
    ("patch", "/notifications"),
    ("post", "/notifications/test"),
    ("get", "/openapi"),
    ("get", "/projects/current"),
    ("patch", "/projects/current"),
    ("get", "/projects/{projectId}/documents"),
    ("post", "/projects/{projectId}/documents"),
    ("delete", "/projects/{projectId}/documents/{documentId}"),
    ("get", "/projects/{projectId}/documents/{documentId}"),
    ("get", "/projects/{projectId}/qnas"),
    ("post", "/projects/{projectId}/qnas"),
    ("delete", "/projects/{projectId}/qnas/{qnaId}"),
    ("get", "/projects/{projectId}/qnas/{qnaId}"),
    ("put", "/projects/{projectId}/qnas/{qnaId}"),
    ("get", "/saved-replies"),
    ("post", "/saved-replies"),
    ("delete", "/saved-replies/{savedReplyId}"),
    ("patch", "/saved-replies/{savedReplyId}"),
    ("get", "/search"),
    ("post", "/setup"),
    ("get", "/sources"),
    ("post", "/sources"),
    ("delete", "/sources/{sourceId}"),
    ("post", "/sources/{sourceId}/learn"),
    ("get", "/statistics"),
    ("get", "/unanswered-questions"),
    ("delete", "/unanswered-questions/{messageId}"),
    ("delete", "/visitors/{visitorId}"),
    ("get", "/visitors/{visitorId}"),
    ("delete", "/visitors/{visitorId}/block"),
    ("put", "/visitors/{visitorId}/block"),
];

fn document(server: &TestServer) -> Value {
    server.get("/v2/openapi").send().expect(200)
}

/// The operations of the document, in order of path and method.
fn operations(document: &Value) -> Vec<(String, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let mut found = Vec::new();
    for (path, methods) in paths {
        let methods = methods.as_object().expect("methods");
        found.extend(methods.keys().map(|method| (method.clone(), path.clone())));
    }
    found.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    found
}

/// Resolves a reference to a schema among the components.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(to) => document.pointer(&to[1..]).expect("a component"),
        None => schema,
    }
}

fn parameter<'d>(document: &'d Value, name: &str) -> &'d Value {
    let all = &document["paths"]["/conversations"]["get"]["parameters"];
    let mut all = all.as_array().expect("parameters").iter();
    let found = all.find(|parameter| parameter["name"] == name);
    resolved(
        document,
        &found.unwrap_or_else(|| panic!("no {name}"))["schema"],
    )
}

fn names(schema: &Value) -> Vec<String> {
    let mut names: Vec<_> = schema["enum"]
        .as_array()
        .expect("values")
        .iter()
        .map(string)
        .collect();
    names.sort();
    names
}

fn sorted<T>(names: &[(&str, T)]) -> Vec<String> {
    let mut names: Vec<_> = names.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn document_lists_exactly_the_known_operations() {
    let server = TestServer::start();
    let document = document(&server);
    assert!(string(&document["openapi"]).starts_with("3.1"));
    let expected = OPERATIONS.map(|(method, path)| (method.to_owned(), path.to_owned()));
    assert_eq!(operations(&document), expected);
    let url = format!("http://{}/v2", server.0);
    assert_eq!(document["servers"], json!([{ "url": url }]));
}

#[test]
fn document_names_the_host_of_its_request() {
    let server = TestServer::start_with(|settings| settings.behind_proxy = true);
    let read = |host: &str| {
        let request = server.get("/v2/openapi");
        let request = request.header("X-Forwarded-Host", host);
        request.header("X-Forwarded-Proto", "https")
    };
    let [first, second] = ["a.example", "b.example"].map(|host| {
        let response = read(host).send();
        let url = format!("https://{host}/v2");
        assert_eq!(response.json()["servers"], json!([{ "url": url }]));
        assert_eq!(response.header("cache-control"), Some("private, no-cache"));
        response.header("etag").expect("an ETag").to_owned()
    });
    assert_ne!(first, second);
    let request = read("b.example").header("If-None-Match", first);
    assert_eq!(request.send().status, 200);
    let request = read("b.example").header("If-None-Match", second);
    assert_eq!(request.send().status, 304);
}

#[test]
fn responses_have_content_or_no_member_of_that_name() {
    let server = TestServer::start();
    let document = document(&server);
    for (method, path) in operations(&document) {
        let responses = &document["paths"][&path][&method]["responses"];
        for (status, response) in responses.as_object().expect("responses") {
            let content = response.get("content");
            let is_valid = content.is_none_or(Value::is_object);
            assert!(is_valid, "{method} {path} {status}: {content:?}");
        }
    }
}

#[test]
fn every_parameter_has_a_description() {
    let server = TestServer::start();
    let document = document(&server);
    for (method, path) in OPERATIONS {
        let parameters = document["paths"][path][method]["parameters"].as_array();
        for parameter in parameters.into_iter().flatten() {
            let parameter = resolved(&document, parameter);
            let text = parameter["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{method} {path}: {parameter}");
        }
    }
}

#[test]
fn document_has_no_reference_to_texts_outside_of_it() {
    let server = TestServer::start();
    let document = server.get("/v2/openapi").send();
    for text in ["contract", "docs/"] {
        assert!(!document.text().contains(text), "{text}");
    }
}

#[test]
fn open_operations_are_those_without_a_bearer_credential() {
    let server = TestServer::start();
    let document = document(&server);
    let security = |operation: &Value| {
        let schemes = operation["security"].as_array().expect("security").iter();
        let names = schemes.flat_map(|scheme| scheme.as_object().expect("a scheme").keys());
        names.cloned().collect::<Vec<_>>().join(" or ")
    };
    let mut by_credential = [0; 4];
    for (method, path) in operations(&document) {
        let operation = &document["paths"][&path][&method];
        let expected = expected_credential(&method, &path);
        assert_eq!(security(operation), expected, "{method} {path}");
        by_credential[expected.split_terminator(" or ").count()] += 1;
    }
    assert_eq!(by_credential, [13, 8, 48, 7]);
}

/// The credential of an operation (docs/api-contract.md, section 3.5). Keys in a
/// query or a body are parameters.
fn expected_credential(method: &str, path: &str) -> &'static str {
    if path.starts_with("/agents/me") {
        return "agent";
    }
    if path == "/identity/link" {
        return "";
    }
    match (method, path.rsplit('/').next().expect("a segment")) {
        (_, "notifications" | "test") => "private-key or agent",
        (_, "sign-in" | "sign-in-link" | "sign-out" | "setup") => "",
        ("patch", "current") => "private-key or agent",
        (_, "init" | "identify" | "current" | "search" | "openapi" | "ws") => "",
        ("get", "qnas" | "{qnaId}") => "",
        (_, "me" | "feedback") | ("post", "messages") => "session",
        (
            _,
            "agents" | "{agentId}" | "link" | "agent" | "replies" | "completions" | "qnas"
            | "{qnaId}",
        ) => "private-key or agent",
        (_, "export" | "documents" | "{documentId}" | "events" | "read") => "private-key or agent",
        ("delete", "{conversationId}" | "{visitorId}") => "private-key or agent",
        (_, "keys" | "{keyId}" | "identity-secret" | "notes" | "{noteId}") => {
            "private-key or agent"
        }
        (
            _,
            "sources"
            | "{sourceId}"
            | "learn"
            | "statistics"
            | "unanswered-questions"
            | "{messageId}",
        ) => "private-key or agent",
        (_, "saved-replies" | "{savedReplyId}" | "block") => "private-key or agent",
        ("get", "{visitorId}") => "private-key or agent",
        _ => "session or private-key or agent",
    }
}

#[test]
fn every_documented_operation_has_a_route() {
    let server = TestServer::start();
    for (method, path) in operations(&document(&server)) {
        let parts = path.split('/').map(|part| {
            if part.starts_with('{') {
                UNKNOWN_ID
            } else {
                part
            }
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let method = match method.as_str() {
            "get" => "GET",
            "post" => "POST",
            "put" => "PUT",
            "patch" => "PATCH",
            _ => "DELETE",
        };
        let response = server.request(method, format!("/v2{path}")).send();
        if response.status == 204 {
            continue;
        }
        let code = response.json()["error"]["code"].clone();
        assert_ne!(code, "NOT_FOUND", "{method} {path}");
        assert_ne!(code, "METHOD_NOT_ALLOWED", "{method} {path}");
    }
}

#[test]
fn status_parameter_lists_every_status() {
    let server = TestServer::start();
    let document = document(&server);
    assert_eq!(
        names(parameter(&document, "status")),
        sorted(&Status::NAMES)
    );
}

#[test]
fn optional_choices_have_documented_defaults() {
    let server = TestServer::start();
    let document = document(&server);
    let schema = &document["components"]["schemas"]["NewDocumentRequest"];
    let format = resolved(&document, &schema["properties"]["format"]);
    assert_eq!(format["enum"], json!(["markdown", "html", "text"]));
    for (schema, default) in [
        (parameter(&document, "orderBy"), "lastInterationAt"),
        (parameter(&document, "orderDir"), "desc"),
        (format, "markdown"),
    ] {
        assert_eq!(schema["default"], default);
    }
}

#[test]
fn exports_have_an_order_of_their_own() {
    let server = TestServer::start();
    let document = document(&server);
    let parameters = &document["paths"]["/conversations/export"]["get"]["parameters"];
    for (name, default) in [("orderBy", "createdAt"), ("orderDir", "asc")] {
        let mut all = parameters.as_array().expect("parameters").iter();
        let found = all.find(|one| one["name"] == name).expect(name);
        let (schema, listed) = (&found["schema"], parameter(&document, name));
        assert_eq!(
            (&schema["default"], &schema["type"]),
            (&default.into(), &"string".into())
        );
        assert_eq!(names(schema), names(listed));
        assert_eq!(found["required"], false);
    }
}

#[test]
fn operations_declare_the_errors_of_their_credentials_and_bodies() {
    let server = TestServer::start();
    let document = document(&server);
    for (method, path) in operations(&document) {
        let operation = &document["paths"][&path][&method];
        let mut expected = vec!["429", "500", "503"];
        let security = operation["security"].as_array().expect("security");
        if !security.is_empty() {
            expected.extend(["401", "403"]);
        }
        if method != "get" {
            expected.extend(["400", "413", "415", "422"]);
        }
        let parameters = operation["parameters"].as_array();
        let mut parameters = parameters.into_iter().flatten();
        if parameters.any(|one| one.get("name").is_some()) {
            expected.push("422");
        }
        if path.contains('{') {
            expected.push("404");
        }
        for status in expected {
            let response = &operation["responses"][status];
            assert_ne!(response, &Value::Null, "{method} {path} {status}");
        }
    }
}

#[test]
fn parameter_bounds_match_domain_types() {
    let server = TestServer::start();
    let document = document(&server);
    let limit = parameter(&document, "limit");
    assert_eq!(limit["minimum"], 1);
    assert_eq!(limit["maximum"], Limit::MAX);
    assert_eq!(limit["default"], Limit::default().get());
    assert_eq!(parameter(&document, "offset")["minimum"], 0);
    assert_eq!(parameter(&document, "after")["type"], "string");
    let parameters = &document["paths"]["/conversations"]["get"]["parameters"];
    for one in parameters.as_array().expect("parameters") {
        assert_ne!(one["required"], true, "{}", one["name"]);
    }
}

#[test]
fn error_schema_lists_every_error_code() {
    let server = TestServer::start();
    let document = document(&server);
    let codes = &document["components"]["schemas"]["ErrorCode"];
    let mut expected: Vec<_> = ERROR_CODES
        .iter()
        .map(|entry| entry.name.to_owned())
        .collect();
    expected.sort();
    assert_eq!(names(codes), expected);
}

#[test]
fn error_examples_match_error_table() {
    let server = TestServer::start();
    let document = document(&server);
    let mut count = 0;
    for (method, path) in operations(&document) {
        let responses = document["paths"][&path][&method]["responses"].as_object();
        for (status, response) in responses.expect("responses") {
            let examples = &response["content"]["application/json"]["examples"];
            for (code, example) in examples.as_object().into_iter().flatten() {
                let entry = ERROR_CODES.iter().find(|entry| entry.name == code);
                let entry = entry.unwrap_or_else(|| panic!("{code} is no code"));
                assert_eq!(&entry.status.to_string(), status, "{method} {path}");
                assert_eq!(example["value"]["error"]["code"], entry.name);
                assert_eq!(example["value"]["error"]["message"], entry.message);
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count} examples");
}

#[test]
fn list_item_has_exactly_the_documented_fields() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    server.start_conversation(&visitor);
    let document = document(&server);
    let schema = &document["components"]["schemas"]["ConversationListItem"];
    let mut described = Vec::new();
    for part in schema["allOf"]
        .as_array()
        .into_iter()
        .flatten()
        .chain([schema])
    {
        let part = resolved(&document, part);
        let fields = part["properties"].as_object();
        described.extend(fields.into_iter().flatten().map(|(name, _)| name.clone()));
    }
    described.sort();
    let sent = |credential, query| {
        let item = server.list(credential, query)["data"][0].clone();
        let item = item.as_object().expect("an object");
        let mut names: Vec<_> = item.keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(
        sent(&server.project.private_key, "include=visitor"),
        described
    );
    let staff_only = [
        "visitor",
        "waitingSince",
        "waitingReason",
        "isUnread",
        "agentId",
    ];
    described.retain(|name| !staff_only.contains(&name.as_str()));
    assert_eq!(sent(&visitor.token, "include=visitor"), described);
}
