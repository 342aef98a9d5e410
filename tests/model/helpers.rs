//! Questions, and what comes of asking them.

use std::time::Duration;

use clap::Parser;
use futures_util::StreamExt;
use parlor::answer::model::{Model, ModelError};
use parlor::answer::{
    Answer, AnswerChunk, AnswerError, AnswerProvider, AnswerRequest, AnswerStream, ChatMessage,
    ChatRole, FinishDetails, Usage,
};
use parlor::config::Settings;
use parlor::domain::{Assistant, AssistantId, AssistantMode, AssistantSeq, ProjectSeq};
use parlor::store::{Options, Store};
use tempfile::TempDir;
use uuid::Uuid;

use crate::stub::{Script, Stub};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

/// The model of these flags.
pub fn model_of(flags: &[&str]) -> Result<Option<Model>, ModelError> {
    let line = Line::parse_from([&["test"], flags].concat());
    Model::new(&line.settings, std::sync::Arc::default())
}

/// The model behind the stub.
pub fn model(stub: &Stub, more: &[&str]) -> Model {
    model_at(&stub.url(), more)
}

pub fn model_at(url: &str, more: &[&str]) -> Model {
    let flags = [
        "--model-url",
        url,
        "--model",
        "stub",
        "--model-private-network",
    ];
    let model = model_of(&[&flags, more].concat());
    model.expect("good settings").expect("a model")
}

/// A question of one turn.
pub fn question(text: &str) -> AnswerRequest {
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
        messages: vec![turn(ChatRole::User, text)],
        page: None,
    }
}

pub fn turn(role: ChatRole, content: &str) -> ChatMessage {
    ChatMessage {
        role,
        content: content.to_owned(),
    }
}

/// Runs `work` as a worker of the server would: everything on one thread.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(work)
}

/// Waits for the stub on another thread, so that this one's connections go on.
pub async fn meanwhile<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(wait).await.expect("no panic")
}

/// The answer's pieces, none of which has been asked for.
pub async fn pieces(model: &Model, question: AnswerRequest) -> AnswerStream {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("parlor.db");
    let store = Store::open(&path, &Options::default()).expect("a file");
    match model.answer(&store, question).await.expect("prepared") {
        Answer::Stream(pieces) => pieces,
        Answer::Complete(_) => panic!("a model answers piece by piece"),
    }
}

/// What came of a question.
#[derive(Debug)]
pub struct Outcome {
    pub text: String,
    pub end: Result<FinishDetails, AnswerError>,
}

impl Outcome {
    /// The ending of an answer that must be a good one.
    pub fn finish(&self) -> &FinishDetails {
        self.end.as_ref().expect("an answer")
    }

    /// The log's text of a failure that must be [`AnswerError::ModelFailed`].
    pub fn broken(&self) -> String {
        match &self.end {
            Err(AnswerError::ModelFailed(text)) => text.clone(),
            other => panic!("not broken: {other:?}"),
        }
    }

    /// The seconds of a failure that must be [`AnswerError::Unavailable`].
    pub fn unavailable(&self) -> u64 {
        match &self.end {
            Err(AnswerError::Unavailable {
                retry_after_secs, ..
            }) => *retry_after_secs,
            other => panic!("not unavailable: {other:?}"),
        }
    }
}

/// Reads the pieces to their end.
pub async fn collect(mut pieces: AnswerStream) -> Outcome {
    let mut text = String::new();
    loop {
        let piece = pieces.next().await.expect("an end before the end");
        match piece {
            Ok(AnswerChunk::Text(more)) => {
                assert!(!more.is_empty(), "an empty piece");
                text.push_str(&more);
            }
            Ok(AnswerChunk::Finish(ending)) => return over(pieces, text, Ok(ending)).await,
            Err(failure) => return over(pieces, text, Err(failure)).await,
        }
    }
}

async fn over(
    mut pieces: AnswerStream,
    text: String,
    end: Result<FinishDetails, AnswerError>,
) -> Outcome {
    assert!(pieces.next().await.is_none(), "more after the end");
    Outcome { text, end }
}

/// The next piece's text.
pub async fn next_text(pieces: &mut AnswerStream) -> String {
    match pieces.next().await {
        Some(Ok(AnswerChunk::Text(text))) => text,
        other => panic!("no text: {other:?}"),
    }
}

/// Asks a model whose server follows the script.
pub fn outcome(script: Script) -> Outcome {
    outcome_with(&Stub::start(vec![script]), &[])
}

pub fn outcome_with(stub: &Stub, more: &[&str]) -> Outcome {
    outcome_of(&model(stub, more))
}

pub fn outcome_of(model: &Model) -> Outcome {
    run(async { collect(pieces(model, question("Hello?")).await).await })
}

/// What [`crate::stub::usage`] tells.
pub const USAGE: Usage = Usage {
    input: 10,
    output: 3,
    reasoning: 1,
    cached_input: 4,
};

/// Longer than any of these tests may wait for something that comes at once.
pub const AT_ONCE: Duration = Duration::from_secs(3);
