//! Writes conversations and messages of lists. The bytes are those of serde; a
//! test compares the two.
//!
//! This is faster than serde, because names, ids and timestamps are not searched
//! for characters that need an escape.

use uuid::Uuid;

use super::agent::HumanAgentJson;
use super::message::{PartsJson, RawJson};
use super::visitor::VisitorJson;
use super::{ConversationJson, ConversationListItemJson, MessageJson};
use crate::domain::{MessageParts, Timestamp, WaitingReason};

/// Writes members of an object, each after a comma.
macro_rules! write_members {
    ($buffer:ident, $($name:literal: $value:expr,)*) => {$(
        $buffer.extend_from_slice(concat!(",\"", $name, "\":").as_bytes());
        $value.write($buffer);
    )*};
}

impl ConversationListItemJson<'_> {
    /// Appends the JSON object to `buffer`.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        self.conversation.write_open(buffer);
        write_members!(buffer, "lastMessage": self.last_message,);
        if let Some(visitor) = &self.visitor {
            write_members!(buffer, "visitor": visitor,);
        }
        buffer.push(b'}');
    }
}

impl ConversationJson<'_> {
    /// Appends the JSON object without its closing brace.
    fn write_open(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(br#"{"object":"conversation""#);
        write_members!(buffer,
            "id": self.id.0,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "status": Unescaped(self.status.as_str()),
            "closedAt": self.closed_at,
            "closeReason": self.close_reason,
            "lastInterationAt": self.last_interation_at,
            "lastInteractionAt": self.last_interaction_at,
            "isHumanHandled": self.is_human_handled,
            "humanAgent": self.human_agent,
            "title": self.title,
        );
        if self.is_unread.is_some() {
            self.write_inbox_state(buffer);
        }
    }

    /// Appends the members that visitors do not get.
    fn write_inbox_state(&self, buffer: &mut Vec<u8>) {
        let reason = self.waiting_reason.flatten().map(WaitingReason::as_str);
        write_members!(buffer,
            "waitingSince": self.waiting_since.flatten(),
            "waitingReason": reason.map(Unescaped),
            "isUnread": self.is_unread,
            "agentId": self.agent_id.flatten().map(|id| id.0),
        );
    }
}

impl MessageJson<'_> {
    /// Appends the JSON object to `buffer`.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(br#"{"object":"message""#);
        write_members!(buffer,
            "id": self.id.0,
            "createdAt": self.created_at,
            "chatId": self.chat_id.0,
            "role": Unescaped(self.role.as_str()),
            "parts": self.parts,
            "status": Unescaped(self.status.as_str()),
            "error": self.error,
            "feedback": self.feedback.map(|feedback| Unescaped(feedback.as_str())),
            "feedbackAt": self.feedback_at,
            "metadata": self.metadata,
            "humanAgent": self.human_agent,
            "pageUrl": self.page_url,
            "pageTitle": self.page_title,
            "textSelection": self.text_selection,
        );
        buffer.push(b'}');
    }
}

/// A value that appends its JSON to a buffer.
trait WriteJson {
    fn write(&self, buffer: &mut Vec<u8>);
}

impl<T: WriteJson> WriteJson for Option<T> {
    fn write(&self, buffer: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(buffer),
            None => buffer.extend_from_slice(b"null"),
        }
    }
}

impl WriteJson for MessageJson<'_> {
    fn write(&self, buffer: &mut Vec<u8>) {
        self.write(buffer);
    }
}

impl WriteJson for HumanAgentJson<'_> {
    fn write(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(br#"{"name":"#);
        self.name.write(buffer);
        write_members!(buffer, "image": self.image,);
        buffer.push(b'}');
    }
}

impl WriteJson for &VisitorJson<'_> {
    fn write(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(br#"{"object":"visitor""#);
        write_members!(buffer,
            "id": self.id.0,
            "type": Unescaped(self.kind.as_str()),
            "externalId": self.external_id,
            "name": self.name,
            "avatarUrl": self.avatar_url,
        );
        if self.is_blocked.is_some() {
            write_members!(buffer,
                "email": self.email.flatten(),
                "phone": self.phone.flatten(),
                "isVerified": self.is_verified,
                "isEmailVerified": self.is_email_verified,
                "isBlocked": self.is_blocked,
                "createdAt": self.created_at,
            );
        }
        buffer.push(b'}');
    }
}

impl WriteJson for PartsJson<'_> {
    fn write(&self, buffer: &mut Vec<u8>) {
        match self.0 {
            MessageParts::Text(text) => {
                buffer.extend_from_slice(br#"[{"type":"text","text":"#);
                text.write(buffer);
                buffer.extend_from_slice(b"}]");
            }
            MessageParts::Json(array) => RawJson(array).write(buffer),
        }
    }
}

impl WriteJson for RawJson<'_> {
    fn write(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(self.0.as_bytes());
    }
}

impl WriteJson for Timestamp {
    fn write(&self, buffer: &mut Vec<u8>) {
        Unescaped(self.format_iso8601(&mut [0; 24])).write(buffer);
    }
}

impl WriteJson for Uuid {
    fn write(&self, buffer: &mut Vec<u8>) {
        Unescaped(self.hyphenated().encode_lower(&mut [0; 36])).write(buffer);
    }
}

impl WriteJson for bool {
    fn write(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

/// A text without characters that need an escape.
struct Unescaped<'a>(&'a str);

impl WriteJson for Unescaped<'_> {
    fn write(&self, buffer: &mut Vec<u8>) {
        buffer.push(b'"');
        buffer.extend_from_slice(self.0.as_bytes());
        buffer.push(b'"');
    }
}

/// Appends a text as a JSON string.
pub(in crate::http) fn write_string(text: &str, buffer: &mut Vec<u8>) {
    text.write(buffer);
}

impl WriteJson for &str {
    fn write(&self, buffer: &mut Vec<u8>) {
        let mut rest = self.as_bytes();
        buffer.push(b'"');
        while !rest.is_empty() {
            let (plain, special) = rest.split_at(unescaped_length(rest));
            buffer.extend_from_slice(plain);
            let Some((byte, after)) = special.split_first() else {
                break;
            };
            escape(*byte, buffer);
            rest = after;
        }
        buffer.push(b'"');
    }
}

/// Returns the number of bytes before the first that needs an escape.
fn unescaped_length(text: &[u8]) -> usize {
    // The fold has no early exit, so that the compiler vectorises it.
    let is_unescaped = |block: &&[u8]| {
        !block
            .iter()
            .fold(false, |any, byte| any | needs_escape(*byte))
    };
    let whole = text.chunks_exact(16).take_while(is_unescaped).count() * 16;
    let rest = &text[whole..];
    whole + rest.iter().take_while(|byte| !needs_escape(**byte)).count()
}

fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn escape(byte: u8, buffer: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        _ => {
            let hex = |half: u8| b"0123456789abcdef"[usize::from(half)];
            buffer.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
            return;
        }
    };
    buffer.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AgentId, Conversation, ConversationId, ConversationListItem, Feedback, HumanAgent,
        InboxState, Message, MessageId, MessageStatus, Role, Status, Visitor, VisitorDetails,
        VisitorId, Waiting,
    };

    fn conversations() -> [Conversation<'static>; 4] {
        let new = Conversation::new(ConversationId::generate(), Timestamp(0));
        let full = Conversation {
            updated_at: Timestamp(1_705_314_600_001),
            status: Status::Closed,
            closed_at: Some(Timestamp(1_705_314_600_002)),
            close_reason: Some("\"done\"\u{7f}\u{1f}"),
            last_interaction_at: Timestamp(1_705_314_600_003),
            is_human_handled: true,
            human_agent: Some(HumanAgent {
                name: Some("Zoë"),
                image: None,
            }),
            title: Some("Where is my order, the one of last week?\\"),
            ..new.clone()
        };
        let read = Conversation {
            inbox: Some(InboxState::default()),
            ..new.clone()
        };
        let waiting = Waiting {
            since: Timestamp(1_705_314_600_004),
            reason: WaitingReason::Requested,
        };
        let waiting = Conversation {
            inbox: Some(InboxState {
                waiting: Some(waiting),
                is_unread: true,
                agent: Some(AgentId::generate()),
            }),
            ..full.clone()
        };
        [new, full, read, waiting]
    }

    fn messages() -> [Message<'static>; 3] {
        let conversation = ConversationId::generate();
        let message = |role, text| {
            Message::new(
                MessageId::generate(),
                conversation,
                role,
                text,
                Timestamp(7),
            )
        };
        let full = Message {
            parts: MessageParts::Json(r#"[{"type": "file", "url":"x"}]"#),
            status: MessageStatus::Error,
            error: Some("broken"),
            feedback: Some(Feedback::Dislike),
            feedback_at: Some(Timestamp(8)),
            metadata: Some(r#"{"a": [1, 2]}"#),
            human_agent: Some(HumanAgent {
                name: None,
                image: Some("https://a.example/x.png"),
            }),
            page_url: Some("https://a.example/?a=\"b\""),
            page_title: Some("Ein Titel mit ümläuten und \t Tabulator"),
            text_selection: Some(""),
            ..message(Role::HumanAgent, "")
        };
        let text = "Two lines of some length,\nthe second with \"quotes\".";
        [
            message(Role::User, text),
            message(Role::Assistant, ""),
            full,
        ]
    }

    fn visitors() -> [Option<Visitor>; 4] {
        let anonymous = Visitor {
            id: VisitorId::generate(),
            external_id: None,
            name: None,
            avatar_url: None,
            details: None,
        };
        let identified = Visitor {
            external_id: Some("customer \"7\"".to_owned()),
            name: Some("Zoë".to_owned()),
            avatar_url: Some("https://a.example/x.png".to_owned()),
            ..anonymous.clone()
        };
        let details = VisitorDetails {
            email: Some("zoë\"@a.example".to_owned()),
            phone: None,
            is_verified: true,
            is_email_verified: true,
            is_blocked: false,
            created_at: Timestamp(1_705_314_600_005),
        };
        let detailed = Visitor {
            details: Some(details),
            ..identified.clone()
        };
        [None, Some(anonymous), Some(identified), Some(detailed)]
    }

    #[test]
    fn written_list_items_are_equal_to_those_of_serde() {
        for conversation in conversations() {
            for last_message in messages().map(Some).into_iter().chain([None]) {
                for visitor in visitors() {
                    let item = ConversationListItem {
                        conversation: conversation.clone(),
                        last_message: last_message.clone(),
                        visitor,
                    };
                    let item = ConversationListItemJson::from(&item);
                    let mut written = Vec::new();
                    item.write(&mut written);
                    let expected = serde_json::to_string(&item).expect("JSON");
                    assert_eq!(String::from_utf8(written).expect("UTF-8"), expected);
                }
            }
        }
    }

    #[test]
    fn characters_are_escaped_as_by_serde_at_every_position() {
        for code in (0..0x100).chain([0x2028, 0xFFFF, 0x1F600]) {
            let character = char::from_u32(code).expect("a character");
            for before in [0, 1, 15, 16, 17, 40] {
                let text = format!("{}{character}{character} and more", "x".repeat(before));
                let mut written = Vec::new();
                text.as_str().write(&mut written);
                let expected = serde_json::to_string(&text).expect("JSON");
                assert_eq!(String::from_utf8(written).expect("UTF-8"), expected);
            }
        }
    }
}
