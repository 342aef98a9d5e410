//! The assistant of a key, and a model server behind the binary.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::helpers::{
    ParlorProcess, Request, UNKNOWN_ID, Visitor, run_successfully, run_with_error, string,
    wait_until,
};
use crate::stub_server::{Step, StubServer, answer_script, delta, response, stream_head};

/// A visitor with a session of this key, and a conversation.
fn start_conversation(process: &ParlorProcess, key: &str) -> (Visitor, String) {
    let init = process.client.post("/v2/identity/init");
    let init = init.json(json!({ "apiKey": key, "saVid": key }));
    let visitor = Visitor::from_json(&init.send().expect(201));
    let start = process.client.post("/v2/conversations");
    let id = string(&start.bearer(&visitor.token).send().expect(201)["id"]);
    (visitor, id)
}

fn ask(process: &ParlorProcess, (visitor, id): &(Visitor, String), stream: bool) -> Request {
    let post = process
        .client
        .post(format!("/v2/conversations/{id}/messages"));
    let body = json!({ "content": "Quxly?", "stream": stream });
    post.bearer(&visitor.token).json(body)
}

fn answer_text(process: &ParlorProcess, caller: &(Visitor, String)) -> String {
    let answer = ask(process, caller, false).send().expect(200);
    string(&answer["steps"][0]["content"][0]["text"])
}

#[test]
fn key_selects_its_assistant_or_the_default() {
    let directory = TempDir::new().expect("a directory");
    let process = ParlorProcess::start(directory.path(), &["serve"]);
    let run = |arguments: &[&str]| {
        run_successfully(directory.path(), arguments)
            .trim()
            .to_owned()
    };
    let fallback = ["--fallback", "Ask Brenda."];
    let assistant = run(&[&["assistants", "create", "--name", "Brenda"], &fallback[..]].concat());
    let bound = [
        "--kind",
        "publishable",
        "--name",
        "b",
        "--assistant",
        &assistant,
    ];
    let key = run(&[&["keys", "create"], &bound[..]].concat());
    let brenda = start_conversation(&process, &key);
    let first = start_conversation(&process, &process.key("pk_").expect("a key"));
    assert_eq!(answer_text(&process, &brenda), "Ask Brenda.");
    assert_ne!(answer_text(&process, &first), "Ask Brenda.");
    run(&[
        "assistants",
        "set",
        &assistant,
        "--fallback",
        "",
        "--name",
        "B",
    ]);
    assert_eq!(
        answer_text(&process, &brenda),
        answer_text(&process, &first)
    );
    let list = run(&["assistants", "list"]);
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].ends_with("Assistant"),
        "the default comes first: {list}"
    );
    assert!(
        lines[1].starts_with(&assistant) && lines[1].ends_with("auto     B"),
        "{list}"
    );
    for arguments in [
        &["assistants", "set", UNKNOWN_ID, "--name", "x"][..],
        &[
            "keys",
            "create",
            "--kind",
            "publishable",
            "--name",
            "x",
            "--assistant",
            UNKNOWN_ID,
        ][..],
    ] {
        let error = run_with_error(directory.path(), arguments);
        assert!(error.contains("parlor assistants list"), "{error}");
    }
}

#[test]
fn model_server_answers_through_binary() {
    let model_server = StubServer::start(vec![
        answer_script(&["Hel", "lo."]),
        response(
            "404 Not Found",
            "Content-Type: text/html\r\n",
            "<h1>secret</h1>",
        ),
        vec![stream_head(), delta("So far"), Step::WaitForDisconnect],
    ]);
    let directory = TempDir::new().expect("a directory");
    let url = model_server.url();
    let model = [
        "serve",
        "--model-url",
        &url,
        "--model",
        "m",
        "--model-private-network",
        // The test reads the messages until the answer is stored.
        "--rate-limit",
        "0",
    ];
    let process = ParlorProcess::start(directory.path(), &model);
    let caller = start_conversation(&process, &process.key("pk_").expect("a key"));
    let events = ask(&process, &caller, true).open_stream().events();
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(deltas.collect::<String>(), "Hello.");
    let request = model_server.next_request().body;
    assert_eq!(request["model"], "m");
    let history = request["messages"].as_array().expect("messages");
    let last = string(&history.last().expect("a message")["content"]);
    assert!(last.contains("Quxly?"), "{last}");
    let stored = messages(&process, &caller);
    assert_eq!(stored[1]["metadata"]["usage"]["inputTokens"], 10);

    let refused = ask(&process, &caller, true).send();
    let error = refused.expect_error(502, "BAD_GATEWAY");
    assert_eq!(error["details"], json!({ "service": "ai_model_service" }));
    assert!(!refused.text().contains("secret"));

    let mut stream = ask(&process, &caller, true).open_stream();
    stream.read_first_delta();
    drop(stream);
    model_server.wait_for_disconnect();
    wait_until("the partial answer is stored", || {
        messages(&process, &caller)[3]["status"] == "complete"
    });
    assert_eq!(messages(&process, &caller)[3]["parts"][0]["text"], "So far");
}

fn messages(process: &ParlorProcess, (visitor, id): &(Visitor, String)) -> Vec<Value> {
    let get = process
        .client
        .get(format!("/v2/conversations/{id}/messages"));
    let list = get.bearer(&visitor.token).send().expect(200);
    list["data"].as_array().expect("data").clone()
}
