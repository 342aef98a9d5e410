//! The input of an answer: the settings of the assistant, the history of the
//! conversation, and whether the message repeats the newest question.

use super::handover::{Handover, HandoverContext, remove_handovers};
use super::plan::{self, ModelNotInPlan};
use crate::answer::{ChatMessage, ChatRole};
use crate::domain::{Assistant, ConversationSeq, KeySeq, MessageContent, Role};
use crate::store::answer::{self, AnswerTarget, HistoryEntry};
use crate::store::conversation_state::ConversationState;
use crate::store::{Snapshot, StoreError, assistant};

/// The maximum number of messages of the conversation that a model receives.
const MAX_MODEL_HISTORY: u32 = 60;
/// The same for the built-in assistant, which uses the last two messages of the
/// visitor.
const MAX_BUILTIN_HISTORY: u32 = 6;

/// The input of an answer.
pub(super) struct AnswerContext {
    pub conversation: ConversationSeq,
    pub assistant: Assistant,
    /// The conversation so far. The question is the last message.
    pub messages: Vec<ChatMessage>,
    /// The stored question or failed answer, if the visitor repeats the newest
    /// question (docs/api-contract.md, section 6.5).
    pub repeated: Option<AnswerTarget>,
    /// The answer, if the message asks for a person or leaves contact details.
    pub handover: Option<Handover>,
}

impl AnswerContext {
    /// Reads the input of the answer to a new message. The session of the visitor
    /// was started with the publishable key `key`.
    ///
    /// # Errors
    /// [`ModelNotInPlan`] if a model would answer and the plan has no model.
    pub fn read<E>(
        snapshot: &Snapshot,
        handover: HandoverContext,
        key: KeySeq,
        state: &ConversationState,
        content: &MessageContent,
        has_model: bool,
    ) -> Result<Self, E>
    where
        E: From<ModelNotInPlan> + From<StoreError>,
    {
        let project = handover.project;
        let assistant = assistant::of_key(snapshot, project, key)?;
        let uses_model = assistant.mode.uses_model(has_model);
        let limit = if uses_model {
            MAX_MODEL_HISTORY
        } else {
            MAX_BUILTIN_HISTORY
        };
        let failed = state.failed_answer();
        let before = failed.map(|last| last.seq);
        let mut history = answer::history(snapshot, state.seq, before, limit)?;
        let repeated = repeated_question(state, &history, content);
        let handover = handover.read(snapshot, content.as_str(), &history)?;
        if uses_model && handover.is_none() {
            plan::check_model::<E>(snapshot, project)?;
        }
        remove_handovers(&mut history);
        let mut messages: Vec<_> = history.into_iter().map(chat_message).collect();
        if repeated.is_none() {
            messages.push(chat_message((Role::User, content.as_str().to_owned())));
        }
        Ok(Self {
            conversation: state.seq,
            assistant,
            messages,
            repeated,
            handover,
        })
    }
}

/// The target of the answer if the visitor repeats the newest question, which
/// has no answer or a failed one.
fn repeated_question(
    state: &ConversationState,
    history: &[HistoryEntry],
    content: &MessageContent,
) -> Option<AnswerTarget> {
    let (role, text) = history.last()?;
    if *role != Role::User || text != content.as_str() {
        return None;
    }
    if let Some(failed) = state.failed_answer() {
        return Some(AnswerTarget::ReplaceFailed(failed.id));
    }
    let last = state.last_message?;
    (last.role == Role::User).then_some(AnswerTarget::Pending(last.id))
}

fn chat_message((role, content): HistoryEntry) -> ChatMessage {
    let role = match role {
        Role::User => ChatRole::User,
        Role::Assistant | Role::HumanAgent => ChatRole::Assistant,
    };
    ChatMessage { role, content }
}
