//! Failures, and what is told of them.

use std::net::TcpListener;

use parlor::answer::model::ModelError;
use serde_json::json;

use crate::helpers::{model_at, model_of, outcome, outcome_of, outcome_with};
use crate::stub::{Stub, delta, event, finish, head, plain, send, stream};

#[test]
fn an_answer_that_is_cut_amid_a_chunk_keeps_its_text() {
    let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"cho";
    let script = vec![
        head("200 OK", "Transfer-Encoding: chunked\r\n"),
        send(format!("{:x}\r\n{cut}", cut.len() + 50)),
    ];
    let outcome = outcome(script);
    assert_eq!(outcome.text, "Hi");
    assert!(
        outcome.broken().contains("broke off"),
        "{}",
        outcome.broken()
    );
}

#[test]
fn a_close_before_the_end_is_a_failure() {
    let outcome = outcome(vec![stream(), delta("Hi")]);
    assert_eq!(outcome.text, "Hi");
    assert!(outcome.broken().contains("breaks off"));
}

#[test]
fn what_is_not_json_is_a_failure() {
    let amid = outcome(vec![
        stream(),
        delta("Hi"),
        send("data: {oops}\n\n"),
        finish("stop"),
    ]);
    assert_eq!(amid.text, "Hi");
    assert!(amid.broken().contains("not JSON"));
    let alone = outcome(plain("200 OK", "", "{oops}"));
    assert!(alone.broken().contains("not JSON"));
}

#[test]
fn a_web_page_is_no_answer() {
    let page = "<!DOCTYPE html><html><body>Welcome to nginx!</body></html>";
    let good = outcome(plain("200 OK", "Content-Type: text/html\r\n", page));
    assert!(good.broken().contains("a web page"));
    let bad = outcome(plain("405 Method Not Allowed", "", page));
    assert!(bad.broken().contains("405"));
}

#[test]
fn an_error_amid_an_answer_fails_it() {
    let error = event(&json!({"error": {"message": "out of memory", "code": 500}}));
    let outcome = outcome(vec![stream(), delta("Hi"), send(error)]);
    assert_eq!(outcome.text, "Hi");
    assert!(outcome.broken().contains("out of memory"));
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Stub::saying(&["Hi"]);
    let location = format!("Location: {}/chat/completions\r\n", other.url());
    let stub = Stub::start(vec![plain("307 Temporary Redirect", &location, "")]);
    let outcome = outcome_with(&stub, &["--model-key", "sk-hush"]);
    assert!(outcome.broken().contains("--model-url"));
    assert_eq!(other.unheard(), 0);
}

#[test]
fn a_refused_connection_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let outcome = outcome_of(&model_at(&format!("http://{address}/v1"), &[]));
    let told = outcome.broken();
    assert!(
        told.contains("cannot be reached") && told.contains("refused"),
        "{told}"
    );
}

#[test]
fn a_failure_tells_what_to_check_and_never_the_key() {
    for (status, hint) in [
        ("401 Unauthorized", "--model-key"),
        ("403 Forbidden", "--model-key"),
        ("404 Not PassageHit", "--model-url"),
        ("400 Bad Request", "model's settings"),
        ("500 Internal Server Error", "500"),
    ] {
        let body = json!({"error": {"message": "not with sk-hush"}}).to_string();
        let stub = Stub::start(vec![plain(status, "", &body)]);
        let told = outcome_with(&stub, &["--model-key", "sk-hush"]).broken();
        assert!(told.contains(hint), "{status}: {told}");
        assert!(!told.contains("hush"), "{status}: {told}");
        assert_eq!(stub.heard().header("authorization"), Some("Bearer sk-hush"));
    }
    let amid = event(&json!({"error": "no sk-hush"}));
    let stub = Stub::start(vec![vec![stream(), delta("Hi"), send(amid)]]);
    let told = outcome_with(&stub, &["--model-key", "sk-hush"]).broken();
    assert!(told.contains("no (the key)"), "{told}");
}

#[test]
fn a_private_address_needs_its_flag() {
    for url in [
        "http://127.0.0.1:1/v1",
        "http://localhost:1/v1",
        "http://[::ffff:10.0.0.1]/v1",
    ] {
        let refused = model_of(&["--model-url", url, "--model", "m"]);
        let error = refused.err().expect("refused");
        assert!(matches!(error, ModelError::Private(_)), "{url}");
        assert!(error.to_string().contains("--model-private"), "{error}");
    }
    let allowed = model_of(&[
        "--model-url",
        "http://192.0.2.1/v1",
        "--model",
        "m",
        "--model-private-network",
    ]);
    assert!(allowed.is_ok_and(|model| model.is_some()));
}

#[test]
fn a_key_that_cannot_be_sent_is_refused() {
    let flags = [
        "--model-url",
        "http://8.8.8.8/v1",
        "--model",
        "m",
        "--model-key",
        "a\nb",
    ];
    let error = model_of(&flags).err().expect("refused");
    assert!(error.to_string().contains("--model-key"), "{error}");
}

#[test]
fn an_https_url_needs_the_system_s_certificates() {
    match model_of(&["--model-url", "https://8.8.8.8/v1", "--model", "m"]) {
        Ok(model) => assert!(model.is_some()),
        Err(error) => assert!(error.to_string().contains("ca-certificates"), "{error}"),
    }
}

#[test]
fn without_a_url_there_is_no_model() {
    assert!(model_of(&[]).expect("good settings").is_none());
}
