//! Models with test settings, requests, and collected answers.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use futures_util::StreamExt;
use parlor::answer::model::{ModelError, ModelProvider};
use parlor::answer::{
    Answer, AnswerChunk, AnswerError, AnswerProvider, AnswerRequest, AnswerStream, ChatMessage,
    ChatRole, FinishDetails, Usage,
};
use parlor::config::Settings;
use parlor::domain::{Assistant, AssistantId, AssistantMode, AssistantSeq, ProjectSeq};
use parlor::store::{Options, Store};
use tempfile::TempDir;
use uuid::Uuid;

use crate::stub_server::{Script, StubServer};

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    settings: Settings,
}

/// Returns the model with these flags.
pub fn model_with_flags(flags: &[&str]) -> Result<Option<ModelProvider>, ModelError> {
    let line = CommandLine::parse_from([&["test"], flags].concat());
    ModelProvider::new(&line.settings, Arc::default())
}

/// Returns a model that uses the stub server.
pub fn model(server: &StubServer, flags: &[&str]) -> ModelProvider {
    model_at(&server.url(), flags)
}

/// Returns a model that uses the server at `url`.
pub fn model_at(url: &str, flags: &[&str]) -> ModelProvider {
    let base_flags = [
        "--model-url",
        url,
        "--model",
        "stub",
        "--model-private-network",
    ];
    let model = model_with_flags(&[&base_flags, flags].concat());
    model.expect("valid settings").expect("a model")
}

/// Returns a request with one message of the visitor.
pub fn request(text: &str) -> AnswerRequest {
    AnswerRequest {
        project: ProjectSeq::FIRST,
        assistant: Assistant {
            seq: AssistantSeq(1),
            id: AssistantId(Uuid::from_u128(1)),
            name: "Tern".to_owned(),
            mode: AssistantMode::Auto,
            prompt: None,
            fallback: None,
        },
        messages: vec![message(ChatRole::User, text)],
        page: None,
    }
}

pub fn message(role: ChatRole, content: &str) -> ChatMessage {
    ChatMessage {
        role,
        content: content.to_owned(),
    }
}

/// Runs a future on a single-threaded runtime, like a worker of the server.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// Waits for the stub server on another thread, so that the runtime can drive its
/// connections meanwhile.
pub async fn wait_for<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(wait).await.expect("no panic")
}

/// Returns the stream of an answer. It has not sent the request yet.
pub async fn answer_stream(model: &ModelProvider, request: AnswerRequest) -> AnswerStream {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("parlor.db");
    let store = Store::open(&path, &Options::default()).expect("a database");
    match model
        .answer(&Arc::new(store), request)
        .await
        .expect("an answer")
    {
        Answer::Stream(stream) => stream,
        Answer::Complete(_) => panic!("a model returns a stream"),
    }
}

/// The text and the last item of an [`AnswerStream`].
#[derive(Debug)]
pub struct CollectedAnswer {
    pub text: String,
    pub result: Result<FinishDetails, AnswerError>,
}

impl CollectedAnswer {
    /// Returns the finish details of an answer that must be successful.
    pub fn finish(&self) -> &FinishDetails {
        self.result.as_ref().expect("an answer")
    }

    /// Returns the text of an [`AnswerError::ModelFailed`].
    pub fn failure(&self) -> String {
        match &self.result {
            Err(AnswerError::ModelFailed(text)) => text.clone(),
            other => panic!("no failure: {other:?}"),
        }
    }

    /// Returns the delay of an [`AnswerError::Unavailable`], in seconds.
    pub fn retry_after_secs(&self) -> u64 {
        match &self.result {
            Err(AnswerError::Unavailable {
                retry_after_secs, ..
            }) => *retry_after_secs,
            other => panic!("not unavailable: {other:?}"),
        }
    }
}

/// Reads a stream to its end.
pub async fn collect(mut stream: AnswerStream) -> CollectedAnswer {
    let mut text = String::new();
    let result = loop {
        match stream.next().await.expect("an end before the end") {
            Ok(AnswerChunk::Text(more)) => {
                assert!(!more.is_empty(), "an empty text");
                text.push_str(&more);
            }
            Ok(AnswerChunk::Finish(finish)) => break Ok(finish),
            Err(error) => break Err(error),
        }
    };
    assert!(stream.next().await.is_none(), "more after the end");
    CollectedAnswer { text, result }
}

/// Reads the next item, which must be a text.
pub async fn next_text(stream: &mut AnswerStream) -> String {
    match stream.next().await {
        Some(Ok(AnswerChunk::Text(text))) => text,
        other => panic!("no text: {other:?}"),
    }
}

/// Asks a model whose server runs the script on each connection.
pub fn ask_script(script: Script) -> CollectedAnswer {
    ask_server(&StubServer::start(vec![script]), &[])
}

pub fn ask_server(server: &StubServer, flags: &[&str]) -> CollectedAnswer {
    ask_model(&model(server, flags))
}

pub fn ask_model(model: &ModelProvider) -> CollectedAnswer {
    block_on(async { collect(answer_stream(model, request("Hello?")).await).await })
}

/// The usage of [`crate::stub_server::usage`].
pub const USAGE: Usage = Usage {
    input: 10,
    output: 3,
    reasoning: 1,
    cached_input: 4,
};

/// The maximum duration of an operation that does not wait for a timeout.
pub const PROMPT_TIMEOUT: Duration = Duration::from_secs(3);
