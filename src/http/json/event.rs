//! Live events of conversations (docs/api-contract.md, section 8.3).

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::MessageJson;
use super::agent::HumanAgentJson;
use crate::domain::{ConversationId, Message};
use crate::events::{Event, PublishedEvent};

/// A live event of a conversation. Clients ignore events of other types.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ConversationEvent)]
pub enum EventJson<'a> {
    /// The visitor or an agent has sent a message.
    #[schema(title = "NewMessageEvent")]
    #[serde(rename_all = "camelCase")]
    NewMessage {
        /// The id of the conversation.
        chat_id: ConversationId,
        message: MessageJson<'a>,
    },
    /// An agent has taken the conversation over or handed it back, or the conversation
    /// was closed. Read the conversation again.
    #[schema(title = "HumanAssignedEvent")]
    #[serde(rename_all = "camelCase")]
    HumanAssigned {
        /// The id of the conversation.
        chat_id: ConversationId,
    },
    /// An agent has handed the conversation back to the assistant. An event of the type
    /// `human_assigned` follows.
    #[schema(title = "HandedBackEvent")]
    #[serde(rename_all = "camelCase")]
    HandedBack {
        /// The id of the conversation.
        chat_id: ConversationId,
    },
    /// The conversation was closed. An event of the type `human_assigned` follows.
    #[schema(title = "ConversationClosedEvent")]
    #[serde(rename_all = "camelCase")]
    ConversationClosed {
        /// The id of the conversation.
        chat_id: ConversationId,
    },
    /// An agent begins or stops typing. A message of the agent ends typing too.
    #[schema(title = "AgentTypingEvent")]
    #[serde(rename_all = "camelCase")]
    Typing {
        /// The id of the conversation.
        chat_id: ConversationId,
        is_typing: bool,
        agent: HumanAgentJson<'a>,
    },
}

/// Returns an event as JSON.
pub fn encode_event(published: &PublishedEvent) -> Bytes {
    let chat_id = published.conversation;
    let json = match &published.event {
        Event::NewMessage(message) => return encode_new_message(chat_id, &message.as_message()),
        Event::HumanAssigned => EventJson::HumanAssigned { chat_id },
        Event::HandedBack => EventJson::HandedBack { chat_id },
        Event::Closed => EventJson::ConversationClosed { chat_id },
        Event::Typing { is_typing, agent } => EventJson::Typing {
            chat_id,
            is_typing: *is_typing,
            agent: HumanAgentJson {
                name: agent.name.as_deref(),
                image: agent.image.as_deref(),
            },
        },
    };
    encode(&json)
}

/// Returns the event of a message as JSON.
pub fn encode_new_message(chat_id: ConversationId, message: &Message<'_>) -> Bytes {
    encode(&EventJson::NewMessage {
        chat_id,
        message: MessageJson::from(message),
    })
}

fn encode(json: &EventJson<'_>) -> Bytes {
    // Encoding texts and numbers into memory cannot fail.
    serde_json::to_vec(json).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{AgentProfile, MessageId, Role, SentMessage, Timestamp};

    fn encoded(conversation: ConversationId, event: Event) -> Value {
        let bytes = encode_event(&PublishedEvent::new(conversation, event));
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[test]
    fn events_have_the_documented_json_form() {
        let (id, message_id) = (ConversationId::generate(), MessageId::generate());
        let agent = AgentProfile {
            name: Some("Zoë".to_owned()),
            image: None,
        };
        let message = SentMessage {
            human_agent: Some(agent),
            ..SentMessage::new(message_id, id, Role::HumanAgent, "Hello!", Timestamp(0))
        };
        let at = "1970-01-01T00:00:00.000Z";
        let expected = json!({ "type": "new_message", "chatId": id, "message": {
            "object": "message", "id": message_id, "createdAt": at, "chatId": id,
            "role": "human_agent", "parts": [{ "type": "text", "text": "Hello!" }],
            "status": "complete", "error": null, "feedback": null, "feedbackAt": null,
            "metadata": null, "humanAgent": { "name": "Zoë", "image": null },
            "pageUrl": null, "pageTitle": null, "textSelection": null,
        } });
        assert_eq!(encoded(id, Event::NewMessage(message)), expected);
        for (event, name) in [
            (Event::HumanAssigned, "human_assigned"),
            (Event::HandedBack, "handed_back"),
            (Event::Closed, "conversation_closed"),
        ] {
            assert_eq!(encoded(id, event), json!({ "type": name, "chatId": id }));
        }
    }
}
