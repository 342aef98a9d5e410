//! A conversation whose answers a test controls.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parlor::config::Settings;
use serde_json::Value;

use super::{
    AnswerScript, EventStream, FakeModel, Request, Response, TestServer, Visitor, wait_until,
};

/// A conversation of Ann with a fake model.
pub struct AnswerFixture {
    pub model: Arc<FakeModel>,
    pub server: TestServer,
    pub ann: Visitor,
    pub id: String,
}

pub fn setup_answers() -> AnswerFixture {
    setup_answers_with(|_| ())
}

pub fn setup_answers_with(configure: impl FnOnce(&mut Settings)) -> AnswerFixture {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), configure);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    AnswerFixture {
        model,
        server,
        ann,
        id,
    }
}

impl AnswerFixture {
    /// Sends a message and opens the stream of its answer.
    pub fn ask(&self, content: &str) -> EventStream {
        self.server
            .post_streaming_message(&self.ann, &self.id, content)
            .open_stream()
    }

    /// Sends a message and gets the answer as one response.
    pub fn ask_without_stream(&self, content: &str) -> Response {
        let request = self.server.post_message(&self.ann, &self.id, content);
        request.send()
    }

    /// Asks "Hi" and reads the stream up to the text "So far".
    pub fn start_answer(&self) -> (AnswerScript, EventStream) {
        let request = self
            .server
            .post_streaming_message(&self.ann, &self.id, "Hi");
        self.start_answer_to(request)
    }

    /// Sends a message and reads the stream up to the text "So far".
    pub fn start_answer_to(&self, request: Request) -> (AnswerScript, EventStream) {
        let script = self.model.script_answer();
        script.send_text("So far");
        let mut stream = request.open_stream();
        stream.read_first_delta();
        (script, stream)
    }

    /// Stops the server on another thread, which ends when the server has stopped.
    pub fn stop_in_background(mut self) -> JoinHandle<Self> {
        thread::spawn(move || {
            self.server.stop();
            self
        })
    }

    /// Role, status and text of each stored message.
    pub fn transcript(&self) -> Vec<[String; 3]> {
        let private_key = &self.server.project.private_key;
        self.server.transcript_for(private_key, &self.id)
    }

    pub fn wait_for_start(&self) {
        wait_until("the answer has started", || self.transcript().len() == 2);
    }

    /// Waits until the text "So far" is stored, if another node may end the answer.
    #[track_caller]
    pub fn wait_for_stored_text(&self) {
        self.server.wait_for_stored_text(&self.id, "So far");
    }

    /// Waits until this number of clients reads answers.
    #[track_caller]
    pub fn wait_for_readers(&self, count: usize) {
        wait_until("the clients read the answer", || {
            self.server.reader_count() == count
        });
    }

    /// Waits until no answer is running, and compares the transcript.
    #[track_caller]
    pub fn expect_transcript(&self, expected: &[[&str; 3]]) {
        self.server.wait_for_answers();
        wait_until("the answer is stored", || {
            let transcript = self.transcript();
            transcript
                .iter()
                .all(|[_, status, _]| status != "streaming")
        });
        assert_eq!(self.transcript(), expected);
    }
}

pub fn wait_for_cancellation(script: &AnswerScript) {
    wait_until("the model is cancelled", || script.is_cancelled());
}

pub fn event_types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str());
    types.map(|name| name.expect("a type")).collect()
}
