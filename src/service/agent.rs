//! Agents take a conversation over from the assistant, reply in it and hand it
//! back (docs/api-contract.md, section 9).

use super::Services;
use super::idempotency::Idempotency;
use crate::domain::{
    AgentProfile, Audience, Conversation, ConversationId, ConversationSeq, HumanAgent, InboxState,
    Message, MessageContent, MessageId, ProjectSeq, Role, SentMessage, Timestamp,
};
use crate::events::Event;
use crate::store::agent;
use crate::store::idempotency::SavedResponse;
use crate::store::{Rejection, Snapshot, StoreError, conversation};

/// Why an agent could not take a conversation over, reply in it or hand it back.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AgentError {
    #[error("the project has no conversation {0}")]
    NotFound(ConversationId),
    #[error("the conversation is closed")]
    Closed,
    #[error("no agent has taken the conversation over")]
    NotTakenOver,
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AgentError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(Rejection::ConversationClosed) => AgentError::Closed,
            StoreError::Rejected(Rejection::NotTakenOver) => AgentError::NotTakenOver,
            other => AgentError::Store(other),
        }
    }
}

/// The response to an agent's request about a conversation.
type Render = fn(&Conversation<'_>) -> SavedResponse;

/// Assigns an open conversation to an agent. The answer that the assistant is
/// streaming ends, and its text so far is kept. A conversation that another
/// agent has is assigned to the new agent.
///
/// `to_agent` is the response to a message that an agent receives. A request
/// that waits for the first text of the answer gets this response.
///
/// # Errors
/// [`AgentError::NotFound`] and [`AgentError::Closed`].
pub async fn take_over(
    services: &Services,
    project: ProjectSeq,
    id: ConversationId,
    agent: AgentProfile,
    idempotency: &Idempotency,
    render: Render,
    to_agent: &SavedResponse,
) -> Result<SavedResponse, AgentError> {
    let now = Timestamp::now();
    let new_agent = agent.clone();
    let (seq, response) = read(services, project, id, move |conversation| {
        render(&Conversation {
            is_human_handled: true,
            human_agent: Some(HumanAgent {
                name: new_agent.name.as_deref(),
                image: new_agent.image.as_deref(),
            }),
            updated_at: now,
            inbox: conversation.inbox.map(|inbox| InboxState {
                waiting: None,
                agent: None,
                ..inbox
            }),
            ..conversation.clone()
        })
    })
    .await?;
    // From here on, no text of the streaming answer reaches the visitor.
    let partial = services.active_answers.stop(seq);
    let batch = agent::take_over(seq, &agent, partial, to_agent, now);
    let batch = idempotency.save(batch, &response, now);
    services
        .write_and_publish(batch, project, id, vec![Event::HumanAssigned])
        .await?;
    Ok(response)
}

/// Returns a conversation to the assistant. A conversation that no agent has
/// stays unchanged.
///
/// # Errors
/// [`AgentError::NotFound`] and [`AgentError::Closed`].
pub async fn hand_back(
    services: &Services,
    project: ProjectSeq,
    id: ConversationId,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, AgentError> {
    let now = Timestamp::now();
    let (seq, [changed, unchanged]) = read(services, project, id, move |conversation| {
        let changed = Conversation {
            is_human_handled: false,
            human_agent: None,
            updated_at: now,
            inbox: conversation.inbox.map(|inbox| InboxState {
                agent: None,
                ..inbox
            }),
            ..conversation.clone()
        };
        [render(&changed), render(conversation)]
    })
    .await?;
    let batch = idempotency.save(agent::hand_back(seq, now), &changed, now);
    let events = vec![Event::HandedBack, Event::HumanAssigned];
    match services.write_and_publish(batch, project, id, events).await {
        Ok(()) => Ok(changed),
        Err(StoreError::Rejected(Rejection::NotTakenOver)) => {
            idempotency.save_alone(&services.store, &unchanged).await?;
            Ok(unchanged)
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores a message of the agent who has the conversation, and sends it to the
/// visitor.
///
/// # Errors
/// [`AgentError::NotFound`], [`AgentError::Closed`] and
/// [`AgentError::NotTakenOver`].
pub async fn reply(
    services: &Services,
    project: ProjectSeq,
    id: ConversationId,
    content: MessageContent,
    idempotency: &Idempotency,
    render: fn(&Message<'_>) -> SavedResponse,
) -> Result<SavedResponse, AgentError> {
    let (message_id, now) = (MessageId::generate(), Timestamp::now());
    let text = content.clone();
    let (seq, (response, message)) = read(services, project, id, move |conversation| {
        let message = SentMessage {
            human_agent: conversation.human_agent.map(AgentProfile::from),
            ..SentMessage::new(message_id, id, Role::HumanAgent, text.as_str(), now)
        };
        (render(&message.as_message()), message)
    })
    .await?;
    let batch = agent::reply(seq, message_id, &content, now);
    let batch = idempotency.save(batch, &response, now);
    services
        .write_and_publish(batch, project, id, vec![Event::NewMessage(message)])
        .await?;
    Ok(response)
}

/// Reads a conversation of the project. Returns its `seq` and the result of `map`.
async fn read<T: Send + 'static>(
    services: &Services,
    project: ProjectSeq,
    id: ConversationId,
    map: impl FnOnce(&Conversation<'_>) -> T + Send + 'static,
) -> Result<(ConversationSeq, T), AgentError> {
    let read = move |snapshot: &Snapshot| {
        let conversation = conversation::find(snapshot, project, id)?;
        let seq = conversation.ok_or(AgentError::NotFound(id))?.seq;
        Ok((
            seq,
            conversation::read(snapshot, seq, Audience::Staff, map)?,
        ))
    };
    services.store.read(read).await
}
