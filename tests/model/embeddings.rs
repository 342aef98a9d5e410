//! Requests to a server with an embedding model, and its failures.

use std::sync::Arc;

use clap::Parser;
use parlor::answer::embedding::{
    self, EmbeddingError, EmbeddingInput, EmbeddingProvider, EmbeddingSetupError,
};
use parlor::config::Settings;
use serde_json::json;

use crate::helpers::block_on;
use crate::stub_server::{Script, Step, StubServer, response, response_head};

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    settings: Settings,
}

type Setup = Result<Option<Arc<dyn EmbeddingProvider>>, EmbeddingSetupError>;

fn setup(url: &str, flags: &[&str]) -> Setup {
    let base = ["test", "--embedding-url", url, "--embedding-model", "stub"];
    let line = CommandLine::parse_from([&base, flags].concat());
    embedding::provider(&line.settings.embedding)
}

fn model(server: &StubServer, flags: &[&str]) -> Arc<dyn EmbeddingProvider> {
    let flags = [&["--embedding-private-network"], flags].concat();
    let model = setup(&server.url(), &flags).expect("valid settings");
    model.expect("a model")
}

fn passages(texts: &[&str]) -> EmbeddingInput {
    EmbeddingInput::Passages(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn vectors() -> Script {
    let body = json!({ "data": [{ "index": 0, "embedding": [1.0, 2.0] }] });
    response("200 OK", "", &body.to_string())
}

fn error(script: Script) -> EmbeddingError {
    let server = StubServer::start(vec![script]);
    let model = model(&server, &["--embedding-key", "sk-hush"]);
    block_on(model.embed(passages(&["a text"]))).expect_err("an error")
}

#[test]
fn request_has_model_texts_prefixes_and_key() {
    let server = StubServer::start(vec![vectors()]);
    let flags = [
        "--embedding-key",
        "sk-hush",
        "--embedding-query-prefix",
        "query: ",
        "--embedding-passage-prefix",
        "passage: ",
    ];
    let model = model(&server, &flags);
    let found = block_on(model.embed(passages(&["a text"])));
    assert_eq!(found, Ok(vec![vec![1.0, 2.0]]));
    let request = server.next_request();
    assert_eq!(request.line, "POST /v1/embeddings HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer sk-hush"));
    let body = json!({ "model": "stub", "input": ["passage: a text"] });
    assert_eq!(request.body, body);
    let question = EmbeddingInput::Questions(vec!["why?".to_owned()]);
    block_on(model.embed(question)).expect("vectors");
    assert_eq!(server.next_request().body["input"], json!(["query: why?"]));
}

#[test]
fn passages_are_sent_again_while_the_server_is_busy() {
    let busy = || response("503 Busy", "Retry-After: 1\r\n", "");
    let server = StubServer::start(vec![busy(), busy(), vectors()]);
    let found = block_on(model(&server, &[]).embed(passages(&["a text"])));
    assert!(found.is_ok(), "{found:?}");
    assert_eq!(server.take_request_count(), 3);
    // A person who asks a question does not wait for a second attempt.
    let server = StubServer::start(vec![busy(), vectors()]);
    let question = EmbeddingInput::Questions(vec!["why?".to_owned()]);
    let found = block_on(model(&server, &[]).embed(question));
    assert!(
        matches!(found, Err(EmbeddingError::Unavailable(_))),
        "{found:?}"
    );
}

#[test]
fn errors_name_the_setting_and_hide_the_key() {
    for (script, expected) in [
        (response("401 No", "", "sk-hush"), "check --embedding-key"),
        (response("404 No", "", ""), "check --embedding-url"),
        (
            response("302 Found", "Location: http://a.example/\r\n", ""),
            "set --embedding-url to where it leads",
        ),
        (response("200 OK", "", "<html>"), "its response is invalid"),
        (
            response("200 OK", "", r#"{"data":[]}"#),
            "0 vectors for 1 texts",
        ),
        (response("400 No", "", "sk-hush"), "refuses a text"),
    ] {
        let text = error(script).to_string();
        assert!(text.contains(expected), "{expected}: {text}");
        assert!(!text.contains("hush"), "{text}");
    }
}

#[test]
fn endless_response_is_refused() {
    let endless = Step::Repeat(vec![b' '; 65_536], usize::MAX);
    let text = error(vec![response_head("200 OK", ""), endless]).to_string();
    assert!(text.contains("its response is larger than 16 MB"), "{text}");
}

#[test]
fn private_network_must_be_allowed() {
    let refused = setup("http://127.0.0.1:9/v1", &[]);
    let text = refused.err().expect("an error").to_string();
    assert!(text.contains("--embedding-private-network"), "{text}");
    let line = CommandLine::parse_from(["test", "--embedding-dir", "/nowhere"]);
    let refused = embedding::provider(&line.settings.embedding);
    let refused = refused.err().expect("an error");
    assert!(
        refused.to_string().starts_with("--embedding-dir"),
        "{refused}"
    );
}
