//! Several servers on one PostgreSQL database (docs/scaling.md). A test on a SQLite file is
//! skipped.

mod answers;
mod credentials;
mod events;
mod failures;
mod notifications;
mod races;
mod requests;
mod sources;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parlor::config::Settings;

use crate::helpers::{
    AnswerScript, EventStream, FakeModel, TestServer, Visitor, is_postgres, wait_until,
};
use crate::one_node;

/// The time in which a node does what another node has reported: 200 ms for events and a
/// second for credentials, with a reserve for busy machines.
const MAX_DELAY: Duration = Duration::from_secs(3);

/// Two servers on one database.
struct Nodes {
    // The last reference drops the database.
    b: TestServer,
    a: TestServer,
    /// The model of both.
    model: Arc<FakeModel>,
}

impl Nodes {
    /// `None` on SQLite.
    fn start() -> Option<Self> {
        Self::start_with(|_| ())
    }

    fn start_with(configure: impl FnOnce(&mut Settings)) -> Option<Self> {
        if !is_postgres() {
            eprintln!("skipped: several nodes need PostgreSQL; set PARLOR_TEST_STORE to its URL");
            return None;
        }
        one_node!("the test starts the nodes");
        let model = FakeModel::new();
        let a = TestServer::start_with_model(model.clone(), configure);
        let b = start_second(&a);
        Some(Self { b, a, model })
    }

    /// Each node with the other one.
    fn pairs(&self) -> [(&TestServer, &TestServer); 2] {
        [(&self.a, &self.b), (&self.b, &self.a)]
    }

    /// A visitor and a conversation, both from `a`.
    fn start_conversation(&self) -> (Visitor, String) {
        let ann = self.a.create_visitor("ann");
        let id = self.a.start_conversation(&ann);
        (ann, id)
    }

    /// Asks `a` and reads the stream of the answer up to the text "So far", which is stored
    /// then.
    fn start_answer(&self, ann: &Visitor, id: &str) -> (AnswerScript, EventStream) {
        let script = self.model.script_answer();
        script.send_text("So far");
        let mut stream = self.a.post_streaming_message(ann, id, "Hi").open_stream();
        stream.read_first_delta();
        wait_until("the text is stored", || {
            let transcript = self.b.transcript_for(&self.b.project.private_key, id);
            transcript.len() == 2 && transcript[1][2] == "So far"
        });
        (script, stream)
    }
}

/// Starts a second node. As on a machine of its own, the node cannot see whether the
/// process of the first one is running.
fn start_second(first: &TestServer) -> TestServer {
    let hide = "CREATE FUNCTION hide_process() RETURNS TRIGGER LANGUAGE plpgsql AS
         $$ BEGIN NEW.pid_namespace := NULL; RETURN NEW; END $$;
         CREATE TRIGGER hide_process BEFORE INSERT ON process
         FOR EACH ROW EXECUTE FUNCTION hide_process()";
    first
        .db_connection()
        .execute_batch(hide)
        .expect("a trigger");
    first.start_node()
}

/// Waits until a condition holds that another node causes.
#[track_caller]
fn expect_soon(what: &str, condition: impl FnMut() -> bool) {
    let start = Instant::now();
    wait_until(what, condition);
    let delay = start.elapsed();
    assert!(delay < MAX_DELAY, "{what} after {delay:?}");
}
