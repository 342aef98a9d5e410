//! Tests of failures and their texts.

use std::net::TcpListener;

use parlor::answer::model::ModelError;
use serde_json::json;

use crate::helpers::{ask_model, ask_script, ask_server, model_at, model_with_flags};
use crate::stub_server::{
    StubServer, delta, event, finish, response, response_head, send, stream_head,
};

#[test]
fn text_is_kept_if_the_connection_breaks_inside_a_chunk() {
    let partial = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"cho";
    let script = vec![
        response_head("200 OK", "Transfer-Encoding: chunked\r\n"),
        send(format!("{:x}\r\n{partial}", partial.len() + 50)),
    ];
    let answer = ask_script(script);
    assert_eq!(answer.text, "Hi");
    assert!(
        answer.failure().contains("broke off"),
        "{}",
        answer.failure()
    );
}

#[test]
fn connection_closed_before_the_end_fails() {
    let answer = ask_script(vec![stream_head(), delta("Hi")]);
    assert_eq!(answer.text, "Hi");
    assert!(answer.failure().contains("breaks off"));
}

#[test]
fn invalid_json_fails() {
    let stream_answer = ask_script(vec![
        stream_head(),
        delta("Hi"),
        send("data: {oops}\n\n"),
        finish("stop"),
    ]);
    assert_eq!(stream_answer.text, "Hi");
    assert!(stream_answer.failure().contains("not JSON"));
    let json_answer = ask_script(response("200 OK", "", "{oops}"));
    assert!(json_answer.failure().contains("not JSON"));
}

#[test]
fn html_response_fails() {
    let page = "<!DOCTYPE html><html><body>Welcome to nginx!</body></html>";
    let success = ask_script(response("200 OK", "Content-Type: text/html\r\n", page));
    assert!(success.failure().contains("a web page"));
    let error = ask_script(response("405 Method Not Allowed", "", page));
    assert!(error.failure().contains("405"));
}

#[test]
fn error_event_fails() {
    let error = event(&json!({"error": {"message": "out of memory", "code": 500}}));
    let answer = ask_script(vec![stream_head(), delta("Hi"), send(error)]);
    assert_eq!(answer.text, "Hi");
    assert!(answer.failure().contains("out of memory"));
}

#[test]
fn redirect_is_not_followed() {
    let other = StubServer::answering(&["Hi"]);
    let location = format!("Location: {}/chat/completions\r\n", other.url());
    let server = StubServer::start(vec![response("307 Temporary Redirect", &location, "")]);
    let answer = ask_server(&server, &["--model-key", "sk-hush"]);
    assert!(answer.failure().contains("--model-url"));
    assert_eq!(other.take_request_count(), 0);
}

#[test]
fn refused_connection_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let answer = ask_model(&model_at(&format!("http://{address}/v1"), &[]));
    let text = answer.failure();
    assert!(
        text.contains("cannot be reached") && text.contains("refused"),
        "{text}"
    );
}

#[test]
fn failure_names_the_setting_to_check_and_not_the_key() {
    for (status, hint) in [
        ("401 Unauthorized", "--model-key"),
        ("403 Forbidden", "--model-key"),
        ("404 Not Found", "--model-url"),
        ("400 Bad Request", "model's settings"),
        ("500 Internal Server Error", "500"),
    ] {
        let body = json!({"error": {"message": "not with sk-hush"}}).to_string();
        let server = StubServer::start(vec![response(status, "", &body)]);
        let text = ask_server(&server, &["--model-key", "sk-hush"]).failure();
        assert!(text.contains(hint), "{status}: {text}");
        assert!(!text.contains("hush"), "{status}: {text}");
        assert_eq!(
            server.next_request().header("authorization"),
            Some("Bearer sk-hush")
        );
    }
    let error_event = event(&json!({"error": "no sk-hush"}));
    let server = StubServer::start(vec![vec![stream_head(), delta("Hi"), send(error_event)]]);
    let text = ask_server(&server, &["--model-key", "sk-hush"]).failure();
    assert!(text.contains("no (the key)"), "{text}");
}

#[test]
fn private_address_requires_a_flag() {
    for url in [
        "http://127.0.0.1:1/v1",
        "http://localhost:1/v1",
        "http://[::ffff:10.0.0.1]/v1",
    ] {
        let result = model_with_flags(&["--model-url", url, "--model", "m"]);
        let error = result.err().expect("an error");
        assert!(matches!(error, ModelError::Private(_)), "{url}");
        assert!(error.to_string().contains("--model-private"), "{error}");
    }
    let allowed = model_with_flags(&[
        "--model-url",
        "http://192.0.2.1/v1",
        "--model",
        "m",
        "--model-private-network",
    ]);
    assert!(allowed.is_ok_and(|model| model.is_some()));
}

#[test]
fn key_with_line_end_is_rejected() {
    let flags = [
        "--model-url",
        "http://8.8.8.8/v1",
        "--model",
        "m",
        "--model-key",
        "a\nb",
    ];
    let error = model_with_flags(&flags).err().expect("an error");
    assert!(error.to_string().contains("--model-key"), "{error}");
}

#[test]
fn https_requires_the_certificates_of_the_system() {
    match model_with_flags(&["--model-url", "https://8.8.8.8/v1", "--model", "m"]) {
        Ok(model) => assert!(model.is_some()),
        Err(error) => assert!(error.to_string().contains("ca-certificates"), "{error}"),
    }
}

#[test]
fn no_model_without_url() {
    assert!(model_with_flags(&[]).expect("good settings").is_none());
}
