//! Notifications of a process that is killed: the row in the queue is written together with
//! the state "waiting", so that no webhook is lost.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::durability::start_session;
use crate::helpers::{ParlorProcess, WebhookReceiver, WebhookRequest, response, string};

fn start(directory: &Path) -> ParlorProcess {
    let arguments = ["serve", "--webhook-private-network", "--rate-limit", "0"];
    ParlorProcess::start(directory, &arguments)
}

/// Starts the first server of a file, with a webhook. Then a visitor asks for a person.
/// Returns the conversation that waits, as soon as the server has confirmed the message.
fn let_wait(directory: &Path, receiver: &WebhookReceiver) -> (ParlorProcess, String) {
    let process = start(directory);
    let client = process.client;
    let [publishable, private] = ["pk_", "sk_"].map(|prefix| process.key(prefix).expect("a key"));
    let change = client.request("PATCH", "/v2/notifications".to_owned());
    let change = change.bearer(&private);
    let body = json!({ "webhookUrl": receiver.url() });
    change.json(body).send().expect(200);
    let visitor = start_session(client, &publishable);
    let start = client.post("/v2/conversations").bearer(&visitor.token);
    let id = string(&start.send().expect(201)["id"]);
    let path = format!("/v2/conversations/{id}/messages");
    let ask = client.post(&path).bearer(&visitor.token);
    let body = json!({ "content": "I want to talk to a person", "stream": false });
    ask.json(body).send().expect(200);
    (process, id)
}

fn kill(mut process: ParlorProcess) {
    process.child.kill().expect("a kill");
    process.child.wait().expect("an exit");
}

#[test]
fn webhook_of_a_conversation_that_waits_survives_a_kill() {
    let receiver = WebhookReceiver::with_status(|_| 200);
    let directory = TempDir::new().expect("a directory");
    let (process, conversation) = let_wait(directory.path(), &receiver);
    kill(process);
    let _process = start(directory.path());
    let request = receiver.wait_for(1).remove(0);
    assert_eq!(request.json()["type"], "conversation.waiting");
    assert_eq!(
        request.json()["data"]["conversation"]["id"],
        conversation.as_str()
    );
}

#[test]
fn webhook_that_failed_before_a_kill_is_repeated_with_its_id() {
    // The receiver closes the first connection without a response.
    let receiver = WebhookReceiver::start(|number| match number {
        0 => String::new(),
        _ => response(200, ""),
    });
    let directory = TempDir::new().expect("a directory");
    let (process, _) = let_wait(directory.path(), &receiver);
    let first = receiver.wait_for(1).remove(0);
    kill(process);
    let _process = start(directory.path());
    let second = receiver.wait_for(2).remove(1);
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    let conversation = |request: &WebhookRequest| request.json()["data"]["conversation"].clone();
    assert_eq!(conversation(&second), conversation(&first));
}
