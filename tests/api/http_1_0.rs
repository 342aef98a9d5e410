//! Clients of HTTP/1.0, which does not have chunked encoding.

use crate::helpers::{Request, TestServer, setup_conversation};

/// Sends a request as HTTP/1.0, and returns the body, which is not chunked.
fn body(request: Request) -> String {
    let response = request.http_1_0().send_and_drain();
    let response = String::from_utf8(response).expect("a text");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.0 200"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    let length = head.split("content-length: ").nth(1);
    match length.and_then(|rest| rest.split("\r\n").next()) {
        Some(length) => assert_eq!(length, body.len().to_string(), "{head}"),
        None => assert!(!head.contains("keep-alive"), "{head}"),
    }
    body.to_owned()
}

fn by_key(server: &TestServer, target: &str) -> Request {
    server.get(target).bearer(&server.project.private_key)
}

#[test]
fn bodies_of_unknown_length_end_with_the_connection() {
    let (server, ann, id) = setup_conversation();
    let answer = server.post_streaming_message(&ann, &id, "Hello");
    let answer = body(answer);
    assert!(answer.starts_with("data: {\"type\":\"start\""), "{answer}");
    assert!(answer.ends_with("data: [DONE]\n\n"), "{answer}");
    let answer = body(server.post_message(&ann, &id, "Hello"));
    serde_json::from_str::<serde_json::Value>(&answer).expect("JSON");
    let list = body(by_key(&server, "/v2/conversations"));
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["data"][0]["id"], id.as_str());
    let export = body(by_key(&server, "/v2/conversations/export"));
    assert_eq!(export.lines().count(), 1, "{export}");
    assert!(
        export.starts_with('{') && export.ends_with("}\n"),
        "{export}"
    );
}
