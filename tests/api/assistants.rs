//! Who answers: the assistant that a key is bound to, and a real client of a
//! model's server behind it.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::helpers::{
    ParlorProcess, Request, UNKNOWN_ID, Visitor, run_successfully, run_with_error, string,
    wait_until,
};
use crate::stub_server::{Step, StubServer, answer_script, delta, response, stream_head};

/// A visitor who came with this key.
fn visitor(serving: &ParlorProcess, key: &str) -> (Visitor, String) {
    let begin = serving.client.post("/v2/identity/init");
    let begin = begin.json(json!({ "apiKey": key, "saVid": key }));
    let visitor = Visitor::from_json(&begin.send().expect(201));
    let start = serving.client.post("/v2/conversations");
    let id = string(&start.bearer(&visitor.token).send().expect(201)["id"]);
    (visitor, id)
}

fn ask(serving: &ParlorProcess, (visitor, id): &(Visitor, String), stream: bool) -> Request {
    let post = serving
        .client
        .post(format!("/v2/conversations/{id}/messages"));
    let body = json!({ "content": "Quxly?", "stream": stream });
    post.bearer(&visitor.token).json(body)
}

fn text(serving: &ParlorProcess, who: &(Visitor, String)) -> String {
    let answer = ask(serving, who, false).send().expect(200);
    string(&answer["steps"][0]["content"][0]["text"])
}

#[test]
fn key_selects_its_assistant_or_the_default() {
    let folder = TempDir::new().expect("a folder");
    let serving = ParlorProcess::start(folder.path(), &["serve"]);
    let run = |arguments: &[&str]| run_successfully(folder.path(), arguments).trim().to_owned();
    let fallback = ["--fallback", "Ask Brenda."];
    let made = run(&[&["assistants", "create", "--name", "Brenda"], &fallback[..]].concat());
    let bound = ["--kind", "publishable", "--name", "b", "--assistant", &made];
    let key = run(&[&["keys", "create"], &bound[..]].concat());
    let brenda = visitor(&serving, &key);
    let first = visitor(&serving, &serving.key("pk_").expect("a key"));
    assert_eq!(text(&serving, &brenda), "Ask Brenda.");
    assert_ne!(text(&serving, &first), "Ask Brenda.");
    run(&["assistants", "set", &made, "--fallback", "", "--name", "B"]);
    assert_eq!(text(&serving, &brenda), text(&serving, &first));
    let list = run(&["assistants", "list"]);
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].ends_with("Assistant"),
        "the default comes first: {list}"
    );
    assert!(
        lines[1].starts_with(&made) && lines[1].ends_with("auto     B"),
        "{list}"
    );
    for arguments in [
        &["assistants", "set", UNKNOWN_ID, "--name", "x"][..],
        &[
            "keys",
            "create",
            "--kind",
            "private",
            "--name",
            "x",
            "--assistant",
            UNKNOWN_ID,
        ][..],
    ] {
        let told = run_with_error(folder.path(), arguments);
        assert!(told.contains("parlor assistants list"), "{told}");
    }
}

#[test]
fn model_server_answers_through_binary() {
    let model_server = StubServer::start(vec![
        answer_script(&["Hel", "lo."]),
        response(
            "400 Bad Request",
            "Content-Type: text/html\r\n",
            "<h1>secret</h1>",
        ),
        vec![stream_head(), delta("So far"), Step::WaitForDisconnect],
    ]);
    let folder = TempDir::new().expect("a folder");
    let url = model_server.url();
    let model = [
        "serve",
        "--model-url",
        &url,
        "--model",
        "m",
        "--model-private-network",
    ];
    let serving = ParlorProcess::start(folder.path(), &model);
    let who = visitor(&serving, &serving.key("pk_").expect("a key"));
    let events = ask(&serving, &who, true).open_stream().events();
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(deltas.collect::<String>(), "Hello.");
    let heard = model_server.next_request().body;
    assert_eq!(heard["model"], "m");
    let said = heard["messages"].as_array().expect("messages");
    let last = string(&said.last().expect("a message")["content"]);
    assert!(last.contains("Quxly?"), "{last}");
    let stored = messages(&serving, &who);
    assert_eq!(stored[1]["metadata"]["usage"]["inputTokens"], 10);

    let refused = ask(&serving, &who, true).send();
    let error = refused.expect_error(502, "BAD_GATEWAY");
    assert_eq!(error["details"], json!({ "service": "ai_model_service" }));
    assert!(!refused.text().contains("secret"));

    let mut begun = ask(&serving, &who, true).open_stream();
    for _ in 0..4 {
        begun.next_event();
    }
    drop(begun);
    model_server.wait_for_disconnect();
    wait_until("what was said is stored", || {
        messages(&serving, &who)[3]["status"] == "complete"
    });
    assert_eq!(messages(&serving, &who)[3]["parts"][0]["text"], "So far");
}

fn messages(serving: &ParlorProcess, (visitor, id): &(Visitor, String)) -> Vec<Value> {
    let get = serving
        .client
        .get(format!("/v2/conversations/{id}/messages"));
    let list = get.bearer(&visitor.token).send().expect(200);
    list["data"].as_array().expect("data").clone()
}
