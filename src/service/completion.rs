//! Answers a conversation that a website's server keeps itself. Nothing is
//! stored (docs/api-contract.md, section 4.11).

use super::Services;
use super::plan::{self, ModelNotInPlan};
use crate::answer::draft::AnswerReader;
use crate::answer::generation::spawn;
use crate::answer::{Answer, AnswerError, AnswerRequest, ChatMessage, CompleteAnswer};
use crate::domain::{Assistant, AssistantId, ProjectSeq};
use crate::store::{Snapshot, StoreError, assistant};

/// A conversation to answer. The last message is the question.
pub struct CompletionInput {
    pub project: ProjectSeq,
    /// None: the project's default assistant.
    pub assistant: Option<AssistantId>,
    pub messages: Vec<ChatMessage>,
}

/// An answer that is complete or follows as events.
pub enum Completion {
    Complete(CompleteAnswer),
    Streaming(AnswerReader),
}

/// Why a conversation was not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CompletionError {
    #[error("the project has no assistant {0}")]
    AssistantNotFound(AssistantId),
    #[error(transparent)]
    Plan(#[from] ModelNotInPlan),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Answers a conversation.
pub async fn create(
    services: &Services,
    input: CompletionInput,
) -> Result<Completion, CompletionError> {
    let (project, id) = (input.project, input.assistant);
    let has_model = services.answer_providers.model.is_some();
    let read = move |snapshot: &Snapshot| {
        let assistant = find_assistant(snapshot, project, id)?;
        if assistant.mode.uses_model(has_model) {
            plan::check_model::<CompletionError>(snapshot, project)?;
        }
        Ok::<_, CompletionError>(assistant)
    };
    let request = AnswerRequest {
        project,
        assistant: services.store.read(read).await?,
        messages: input.messages,
        page: None,
    };
    let providers = &services.answer_providers;
    Ok(match providers.answer(&services.store, request).await? {
        Answer::Complete(answer) => Completion::Complete(answer),
        Answer::Stream(stream) => {
            Completion::Streaming(spawn(stream, None, services.generation_limits.clone()))
        }
    })
}

fn find_assistant(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: Option<AssistantId>,
) -> Result<Assistant, CompletionError> {
    match id {
        None => Ok(assistant::default(snapshot, project)?),
        Some(id) => {
            assistant::find(snapshot, project, id)?.ok_or(CompletionError::AssistantNotFound(id))
        }
    }
}
