//! Events that all nodes of a deployment publish.
//!
//! With one node, the events are published in memory. With a store that several nodes use,
//! they are rows that each node reads (`service/event_reader.rs`).

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Services;
use crate::domain::{
    AgentId, AgentProfile, ConversationId, ConversationSeq, MessageId, ProjectSeq, Role,
    SentMessage, Timestamp,
};
use crate::events::project::ProjectEvent;
use crate::events::{Event, Typing, TypingAuthor};
use crate::store::Batch;
use crate::store::outbox::{self, Message};

/// An event that all nodes publish.
#[derive(Debug, Clone)]
pub(super) enum Broadcast {
    Live(Event),
    Typing(Typing),
    /// The notes of a conversation changed.
    NotesChanged(ConversationSeq),
}

impl Services {
    /// Publishes an event on this node.
    pub(super) fn publish_here(
        &self,
        project: ProjectSeq,
        conversation: ConversationId,
        broadcast: Broadcast,
    ) {
        match broadcast {
            Broadcast::Live(event) => self.events.publish(project, conversation, &event),
            Broadcast::Typing(typing) => self.publish_typing(typing),
            Broadcast::NotesChanged(seq) => {
                let event = ProjectEvent::ConversationUpdated(seq);
                self.project_events.publish(project, event);
            }
        }
    }

    /// Publishes an event that no write belongs to, on all nodes.
    pub(super) fn broadcast(
        &self,
        project: ProjectSeq,
        conversation: ConversationId,
        broadcast: Broadcast,
    ) {
        if !self.store.has_outbox() {
            return self.publish_here(project, conversation, broadcast);
        }
        let write = self
            .store
            .submit(to_outbox(project, conversation, broadcast));
        tokio::spawn(async move {
            if let Err(error) = write.await {
                log::debug!("an event was not published: {error}");
            }
        });
    }

    /// Publishes an event that a node has written.
    pub(super) fn publish_message(&self, message: &Message) {
        let Some((project, conversation)) = message.topic else {
            return self.publish_presence(&message.payload);
        };
        match serde_json::from_str::<Payload>(&message.payload) {
            Ok(payload) => {
                if let Some(broadcast) = payload.into_broadcast(project, conversation) {
                    if let Broadcast::Typing(typing) = &broadcast {
                        self.typing.observe(typing, Instant::now());
                    }
                    self.publish_here(project, conversation, broadcast);
                }
            }
            // A node of a newer version wrote it.
            Err(error) => log::debug!("an event of another node is not known: {error}"),
        }
    }

    fn publish_typing(&self, typing: Typing) {
        let (project, chat, is_typing) = (typing.project, typing.chat, typing.is_typing);
        if let TypingAuthor::Agent(_, agent) = &typing.author {
            let agent = agent.clone();
            self.events
                .publish(project, chat, &Event::Typing { is_typing, agent });
        }
        let typing = ProjectEvent::Typing(Arc::new(typing), Instant::now());
        self.project_events.publish(project, typing);
    }
}

/// The write that publishes an event on all nodes.
pub(super) fn to_outbox(
    project: ProjectSeq,
    conversation: ConversationId,
    broadcast: Broadcast,
) -> Batch {
    let payload = serde_json::to_string(&Payload::from(broadcast));
    let message = Message {
        topic: Some((project, conversation)),
        payload: payload.unwrap_or_default(),
    };
    outbox::append(message, Timestamp::now())
}

/// [`Broadcast`] as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Payload {
    NewMessage {
        id: Uuid,
        created_at: i64,
        role: String,
        text: String,
        agent: Option<Agent>,
        page_url: Option<String>,
        page_title: Option<String>,
        text_selection: Option<String>,
    },
    HumanAssigned,
    HandedBack,
    Closed,
    Typing {
        is_typing: bool,
        author: Author,
    },
    NotesChanged {
        conversation: i64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Agent {
    name: Option<String>,
    image: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "side", rename_all = "snake_case")]
enum Author {
    Visitor,
    Agent { id: Option<Uuid>, profile: Agent },
}

impl From<AgentProfile> for Agent {
    fn from(AgentProfile { name, image }: AgentProfile) -> Self {
        Self { name, image }
    }
}

impl From<Agent> for AgentProfile {
    fn from(Agent { name, image }: Agent) -> Self {
        Self { name, image }
    }
}

impl From<Broadcast> for Payload {
    fn from(broadcast: Broadcast) -> Self {
        match broadcast {
            Broadcast::Live(Event::NewMessage(message)) => Self::NewMessage {
                id: message.id.0,
                created_at: message.created_at.0,
                role: message.role.as_str().to_owned(),
                text: message.text,
                agent: message.human_agent.map(Agent::from),
                page_url: message.page_url,
                page_title: message.page_title,
                text_selection: message.text_selection,
            },
            Broadcast::Live(Event::HumanAssigned) => Self::HumanAssigned,
            Broadcast::Live(Event::HandedBack) => Self::HandedBack,
            Broadcast::Live(Event::Closed) => Self::Closed,
            Broadcast::Live(Event::Typing { is_typing, agent }) => Self::Typing {
                is_typing,
                author: Author::Agent {
                    id: None,
                    profile: agent.into(),
                },
            },
            Broadcast::Typing(typing) => Self::Typing {
                is_typing: typing.is_typing,
                author: match typing.author {
                    TypingAuthor::Visitor => Author::Visitor,
                    TypingAuthor::Agent(id, profile) => Author::Agent {
                        id: id.map(|id| id.0),
                        profile: profile.into(),
                    },
                },
            },
            Broadcast::NotesChanged(seq) => Self::NotesChanged {
                conversation: seq.0,
            },
        }
    }
}

impl Payload {
    /// `None` if a message has a role that this version does not know.
    fn into_broadcast(self, project: ProjectSeq, chat: ConversationId) -> Option<Broadcast> {
        Some(match self {
            Self::NewMessage {
                id,
                created_at,
                role,
                text,
                agent,
                page_url,
                page_title,
                text_selection,
            } => Broadcast::Live(Event::NewMessage(SentMessage {
                human_agent: agent.map(AgentProfile::from),
                page_url,
                page_title,
                text_selection,
                ..SentMessage::new(
                    MessageId(id),
                    chat,
                    role_of(&role)?,
                    text,
                    Timestamp(created_at),
                )
            })),
            Self::HumanAssigned => Broadcast::Live(Event::HumanAssigned),
            Self::HandedBack => Broadcast::Live(Event::HandedBack),
            Self::Closed => Broadcast::Live(Event::Closed),
            Self::Typing { is_typing, author } => Broadcast::Typing(Typing {
                project,
                chat,
                is_typing,
                author: match author {
                    Author::Visitor => TypingAuthor::Visitor,
                    Author::Agent { id, profile } => {
                        TypingAuthor::Agent(id.map(AgentId), profile.into())
                    }
                },
            }),
            Self::NotesChanged { conversation } => {
                Broadcast::NotesChanged(ConversationSeq(conversation))
            }
        })
    }
}

fn role_of(name: &str) -> Option<Role> {
    let known = Role::NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, role)| *role)
}

impl Services {
    /// Adds events to the write of what they report, if all nodes publish them. Otherwise
    /// returns the events, which the caller publishes after the commit.
    pub(super) fn add_to_outbox(
        &self,
        batch: Batch,
        project: ProjectSeq,
        conversation: ConversationId,
        events: Vec<Event>,
    ) -> (Batch, Vec<Event>) {
        if !self.store.has_outbox() {
            return (batch, events);
        }
        let add = |batch: Batch, event| {
            batch.then(to_outbox(project, conversation, Broadcast::Live(event)))
        };
        (events.into_iter().fold(batch, add), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_after_the_outbox() {
        let chat = ConversationId::generate();
        let profile = AgentProfile {
            name: Some("Mara".to_owned()),
            image: None,
        };
        let message = SentMessage {
            human_agent: Some(profile.clone()),
            page_url: Some("https://shop.example/".to_owned()),
            ..SentMessage::new(
                MessageId::generate(),
                chat,
                Role::HumanAgent,
                "Hi \"there\"\n",
                Timestamp(7),
            )
        };
        let typing = Typing {
            project: ProjectSeq(1),
            chat,
            author: TypingAuthor::Agent(Some(AgentId::generate()), profile),
            is_typing: true,
        };
        let broadcasts = [
            Broadcast::Live(Event::NewMessage(message)),
            Broadcast::Live(Event::HumanAssigned),
            Broadcast::Live(Event::HandedBack),
            Broadcast::Live(Event::Closed),
            Broadcast::Typing(typing),
            Broadcast::NotesChanged(ConversationSeq(3)),
        ];
        for broadcast in broadcasts {
            let json = serde_json::to_string(&Payload::from(broadcast.clone())).expect("JSON");
            let payload: Payload = serde_json::from_str(&json).expect(&json);
            let read = payload.into_broadcast(ProjectSeq(1), chat).expect("a role");
            assert_eq!(format!("{read:?}"), format!("{broadcast:?}"));
        }
    }
}
