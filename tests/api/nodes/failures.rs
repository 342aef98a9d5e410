//! A node that ends without a shutdown.

use serde_json::json;
use tempfile::TempDir;

use super::Nodes;
use crate::helpers::{
    EventStream, ParlorProcess, Request, TestServer, Visitor, event_types, wait_until,
};
use crate::stub_server::{Step, StubServer, delta, stream_head};

/// A node in a process of its own, whose model begins each answer and does not end it.
struct Process {
    node: ParlorProcess,
    _model_server: StubServer,
    _directory: TempDir,
}

impl Process {
    fn start(first: &TestServer) -> Self {
        let script = vec![stream_head(), delta("So far"), Step::WaitForDisconnect];
        let model_server = StubServer::start(vec![script]);
        let directory = TempDir::new().expect("a directory");
        let url = model_server.url();
        let serve = [
            "serve",
            "--model-url",
            &url,
            "--model",
            "m",
            "--model-private-network",
        ];
        Self {
            node: ParlorProcess::start(directory.path(), &first.arguments(&serve)),
            _model_server: model_server,
            _directory: directory,
        }
    }

    fn ask(&self, ann: &Visitor, id: &str) -> Request {
        let send = self
            .node
            .client
            .post(format!("/v2/conversations/{id}/messages"));
        let send = send.header("Idempotency-Key", "k").bearer(&ann.token);
        send.json(json!({ "content": "Hi", "stream": true }))
    }

    /// Asks, and kills the process when `other` has the text of the answer.
    fn die_during_answer(self, other: &TestServer, ann: &Visitor, id: &str) -> EventStream {
        let mut stream = self.ask(ann, id).open_stream();
        stream.read_first_delta();
        wait_until("the text is stored", || {
            other.transcript(ann, id)[1][2] == "So far"
        });
        assert!(!self.node.stop("KILL").0.success());
        stream
    }
}

/// Nodes look for answers of ended processes every 10 seconds.
#[test]
fn answer_of_a_killed_node_fails_after_its_lease_and_can_be_repeated() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let b = &nodes.b;
    Process::start(b).die_during_answer(b, &ann, &id);
    // Until the lease ends, the answer may belong to a node that is running.
    let details = json!({ "resource": "message", "conflictingField": "status" });
    let refused = b.post_message(&ann, &id, "Hi").send();
    assert_eq!(refused.expect_error(409, "CONFLICT")["details"], details);
    let expire = "UPDATE process SET lease_expires_at = lease_expires_at - 40000";
    let expired = b.db_connection().execute(expire, ());
    assert_eq!(expired.expect("an update"), 1);
    wait_until("another node fails the answer", || {
        b.transcript(&ann, &id)[1] == ["assistant", "error", "So far"]
    });
    nodes.model.answer_with("Hello.");
    let again = b.post_streaming_message(&ann, &id, "Hi");
    let events = again.header("Idempotency-Key", "k").open_stream().events();
    assert_eq!(event_types(&events).last(), Some(&"finish"));
    b.wait_for_answers();
    let expected = [
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ];
    assert_eq!(nodes.a.transcript(&ann, &id), expected);
}

#[test]
fn take_over_ends_the_answer_of_a_killed_node_at_once() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    Process::start(&nodes.b).die_during_answer(&nodes.b, &ann, &id);
    nodes.b.take_over(&id).send().expect(200);
    let transcript = nodes.b.transcript(&ann, &id);
    assert_eq!(transcript[1], ["assistant", "complete", "So far"]);
    let sent = nodes.a.post_message(&ann, &id, "Hello?").send();
    assert_eq!(sent.status, 202);
}
