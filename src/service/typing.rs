//! Reports that a visitor or an agent is typing (docs/api-contract.md, section 4.27).

use std::time::Instant;

use super::Services;
use super::broadcast::Broadcast;
use super::caller::Caller;
use super::conversation::{self as conversations, FindError};
use crate::domain::{AgentProfile, Audience, ConversationId};
use crate::events::{Typing, TypingAuthor};
use crate::store::{Snapshot, StoreError, agent_account, conversation, visitor};

/// Tells the other side of a conversation, and the agents, that the caller begins or stops
/// typing.
///
/// # Errors
/// Those of [`conversations::find`]. Rejected with `VisitorBlocked`.
pub async fn report(
    services: &Services,
    caller: Caller,
    chat: ConversationId,
    is_typing: bool,
) -> Result<(), FindError> {
    let read = move |snapshot: &Snapshot| author(snapshot, caller, chat);
    let typing = Typing {
        project: caller.project(),
        chat,
        author: services.store.read(read).await?,
        is_typing,
    };
    if services.typing.report(typing.clone(), Instant::now()) {
        services.broadcast_typing(typing);
    }
    Ok(())
}

fn author(
    snapshot: &Snapshot,
    caller: Caller,
    chat: ConversationId,
) -> Result<TypingAuthor, FindError> {
    let seq = conversations::find(snapshot, caller, chat)?.seq;
    match caller {
        Caller::Visitor { visitor, .. } => {
            visitor::check_not_blocked(snapshot, visitor)?;
            Ok(TypingAuthor::Visitor)
        }
        Caller::Server { .. } => Ok(TypingAuthor::Agent(None, profile(snapshot, seq)?)),
        Caller::Agent { agent, .. } => {
            let account = agent_account::read(snapshot, agent)?;
            let id = account.as_ref().map(|account| account.id);
            let profile = AgentProfile {
                name: account.as_ref().map(|account| account.name.clone()),
                image: account.and_then(|account| account.avatar_url),
            };
            Ok(TypingAuthor::Agent(id, profile))
        }
    }
}

/// The agent of the conversation as visitors see them.
fn profile(
    snapshot: &Snapshot,
    seq: crate::domain::ConversationSeq,
) -> Result<AgentProfile, StoreError> {
    conversation::read(snapshot, seq, Audience::Visitor, |conversation| {
        let agent = conversation.human_agent.map(AgentProfile::from);
        agent.unwrap_or(AgentProfile {
            name: None,
            image: None,
        })
    })
}

impl Services {
    fn broadcast_typing(&self, typing: Typing) {
        let (project, chat) = (typing.project, typing.chat);
        self.broadcast(project, chat, Broadcast::Typing(typing));
    }

    /// Publishes the end of typing of those who do not report any more.
    pub fn end_typing(&self, now: Instant) {
        for typing in self.typing.remove_expired(now) {
            self.broadcast_typing(typing);
        }
    }
}
