//! Agents take a conversation over from the assistant, reply in it and hand it
//! back (docs/api-contract.md, section 9).

use super::Services;
use super::idempotency::Idempotency;
use crate::domain::{
    AgentId, AgentProfile, Assignee, Audience, Conversation, ConversationId, ConversationSeq,
    InboxState, Message, MessageContent, MessageId, ProjectSeq, Role, SentMessage, Timestamp,
};
use crate::events::Event;
use crate::store::agent;
use crate::store::idempotency::SavedResponse;
use crate::store::{Batch, Rejection, Snapshot, StoreError, conversation, conversation_state};

/// Why an agent could not take a conversation over, reply in it or hand it back.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AgentError {
    #[error("the project has no conversation {0}")]
    NotFound(ConversationId),
    #[error("the conversation is closed")]
    Closed,
    #[error("no agent has taken the conversation over")]
    NotTakenOver,
    #[error("another account has taken the conversation over")]
    OtherAgent,
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AgentError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(Rejection::ConversationClosed) => AgentError::Closed,
            StoreError::Rejected(Rejection::NotTakenOver) => AgentError::NotTakenOver,
            StoreError::Rejected(Rejection::OtherAgent) => AgentError::OtherAgent,
            other => AgentError::Store(other),
        }
    }
}

/// The response to an agent's request about a conversation.
type Render = fn(&Conversation<'_>) -> SavedResponse;

/// The conversation of a request of an agent.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub services: &'a Services,
    pub project: ProjectSeq,
    pub id: ConversationId,
    pub idempotency: &'a Idempotency,
}

/// Assigns an open conversation to an agent. The answer that the assistant is
/// streaming ends, and its text so far is kept. A conversation that another agent has is
/// assigned to the new agent, if a private key assigns it or with `force`.
///
/// `to_agent` is the response to a message that an agent receives. A request
/// that waits for the first text of the answer gets this response.
///
/// # Errors
/// [`AgentError::NotFound`], [`AgentError::Closed`] and [`AgentError::OtherAgent`].
pub async fn take_over(
    target: Target<'_>,
    agent: Assignee,
    force: bool,
    render: Render,
    to_agent: &SavedResponse,
) -> Result<SavedResponse, AgentError> {
    let now = Timestamp::now();
    let new_agent = agent.clone();
    let account = agent.account.filter(|_| !force);
    let (seq, response) = read(target, account, move |conversation| {
        render(&assigned(conversation, &new_agent, now))
    })
    .await?;
    let batch = assign(target.services, seq, &agent, account, to_agent, now);
    let batch = target.idempotency.save(batch, &response, now);
    publish(target, batch, vec![Event::HumanAssigned]).await?;
    Ok(response)
}

/// A conversation after its takeover.
fn assigned<'a>(
    conversation: &Conversation<'a>,
    agent: &'a Assignee,
    now: Timestamp,
) -> Conversation<'a> {
    Conversation {
        is_human_handled: true,
        human_agent: Some(agent.profile.as_human_agent()),
        updated_at: now,
        inbox: conversation.inbox.map(|inbox| InboxState {
            waiting: None,
            agent: agent.account,
            ..inbox
        }),
        ..conversation.clone()
    }
}

/// The write that assigns a conversation. From here on, no text of the streaming answer
/// reaches the visitor. `account`: no other account may have the conversation.
fn assign(
    services: &Services,
    conversation: ConversationSeq,
    agent: &Assignee,
    account: Option<AgentId>,
    to_agent: &SavedResponse,
    now: Timestamp,
) -> Batch {
    let partial = services.active_answers.stop(conversation);
    let take_over = agent::take_over(conversation, agent, partial, to_agent, now);
    match account {
        Some(account) => agent::expect_no_other_agent(conversation, account).then(take_over),
        None => take_over,
    }
}

async fn publish(target: Target<'_>, batch: Batch, events: Vec<Event>) -> Result<(), StoreError> {
    let Target {
        services,
        project,
        id,
        ..
    } = target;
    services.write_and_publish(batch, project, id, events).await
}

/// Returns a conversation to the assistant. A conversation that no agent has
/// stays unchanged.
///
/// # Errors
/// [`AgentError::NotFound`] and [`AgentError::Closed`].
pub async fn hand_back(target: Target<'_>, render: Render) -> Result<SavedResponse, AgentError> {
    let now = Timestamp::now();
    let (seq, [changed, unchanged]) = read(target, None, move |conversation| {
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
    let idempotency = target.idempotency;
    let batch = idempotency.save(agent::hand_back(seq, now), &changed, now);
    let events = vec![Event::HandedBack, Event::HumanAssigned];
    match publish(target, batch, events).await {
        Ok(()) => Ok(changed),
        Err(StoreError::Rejected(Rejection::NotTakenOver)) => {
            idempotency
                .save_alone(&target.services.store, &unchanged)
                .await?;
            Ok(unchanged)
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores a message of an agent, and sends it to the visitor. `agent` is the account that
/// sends it: if it does not have the conversation, it takes the conversation over. `None`: a
/// private key sends a message of the agent who has the conversation.
///
/// # Errors
/// [`AgentError::NotFound`], [`AgentError::Closed`], [`AgentError::OtherAgent`] and, for a
/// private key, [`AgentError::NotTakenOver`].
pub async fn reply(
    target: Target<'_>,
    agent: Option<Assignee>,
    content: MessageContent,
    render: fn(&Message<'_>) -> SavedResponse,
    to_agent: &SavedResponse,
) -> Result<SavedResponse, AgentError> {
    let (message_id, now) = (MessageId::generate(), Timestamp::now());
    let (text, new_agent) = (content.clone(), agent.clone());
    let account = agent.as_ref().and_then(|agent| agent.account);
    let (seq, (response, message, takes_over)) = read(target, account, move |conversation| {
        let new_agent = new_agent.filter(|agent| !has_conversation(conversation, agent));
        let takes_over = new_agent.is_some();
        let current = || conversation.human_agent.map(AgentProfile::from);
        let message = SentMessage {
            human_agent: new_agent.map(|agent| agent.profile).or_else(current),
            ..SentMessage::new(message_id, target.id, Role::HumanAgent, text.as_str(), now)
        };
        (render(&message.as_message()), message, takes_over)
    })
    .await?;
    let mut events = vec![Event::NewMessage(message)];
    let (notifier, project, id) = (&target.services.notifier, target.project, target.id);
    let mut batch = agent::reply(seq, message_id, &content, now)
        .then(notifier.enqueue_reply(project, id, seq, message_id, now));
    if let Some(agent) = agent.filter(|_| takes_over) {
        batch = assign(target.services, seq, &agent, account, to_agent, now).then(batch);
        events.insert(0, Event::HumanAssigned);
    } else if let Some(account) = account {
        batch = agent::expect_no_other_agent(seq, account).then(batch);
    }
    let batch = target.idempotency.save(batch, &response, now);
    publish(target, batch, events).await?;
    Ok(response)
}

/// Whether the account has taken the conversation over.
fn has_conversation(conversation: &Conversation<'_>, agent: &Assignee) -> bool {
    let current = conversation.inbox.and_then(|inbox| inbox.agent);
    conversation.is_human_handled && current == agent.account
}

/// Reads a conversation of the project. Returns its `seq` and the result of `map`.
/// `account`: no other account may have the conversation.
async fn read<T: Send + 'static>(
    target: Target<'_>,
    account: Option<AgentId>,
    map: impl FnOnce(&Conversation<'_>) -> T + Send + 'static,
) -> Result<(ConversationSeq, T), AgentError> {
    let Target { project, id, .. } = target;
    let read = move |snapshot: &Snapshot| {
        let conversation = conversation::find(snapshot, project, id)?;
        let seq = conversation.ok_or(AgentError::NotFound(id))?.seq;
        if let Some(account) = account {
            conversation_state::check_no_other_agent(snapshot, seq, account)?;
        }
        let result = conversation::read(snapshot, seq, Audience::Staff, map)?;
        Ok((seq, result))
    };
    target.services.store.read(read).await
}
