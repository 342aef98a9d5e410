//! Conversations and messages as lists write them: byte for byte what serde
//! makes of them, in a fraction of the time. Keys are constants that nobody
//! looks through for what must be escaped, and so are ids and moments. A test
//! holds the two forms together.

use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Conversation, ConversationListItem, HumanAgent, Message, MessageParts, Timestamp};

/// Writes members, each after a comma: `"name": how` calls `how` with the body.
macro_rules! members {
    ($to:ident, $($name:literal: $value:expr,)*) => {$(
        $to.extend_from_slice(concat!(",\"", $name, "\":").as_bytes());
        $value.write($to);
    )*};
}

impl ConversationListItem<'_> {
    /// Writes it after what is there.
    pub fn write(&self, to: &mut Vec<u8>) {
        self.conversation.write_open(to);
        members!(to, "lastMessage": self.last_message,);
        to.push(b'}');
    }
}

impl Conversation<'_> {
    /// All of it but the end of the object.
    fn write_open(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(br#"{"object":"conversation""#);
        members!(to,
            "id": self.id.0,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "status": Name(self.status.as_str()),
            "closedAt": self.closed_at,
            "closeReason": self.close_reason,
            "lastInterationAt": self.last_interation_at,
            "lastInteractionAt": self.last_interaction_at,
            "isHumanHandled": self.is_human_handled,
            "humanAgent": self.human_agent,
            "title": self.title,
        );
    }
}

impl Message<'_> {
    /// Writes it after what is there.
    pub fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(br#"{"object":"message""#);
        members!(to,
            "id": self.id.0,
            "createdAt": self.created_at,
            "chatId": self.chat_id.0,
            "role": Name(self.role.as_str()),
            "parts": self.parts,
            "status": Name(self.status.as_str()),
            "error": self.error,
            "feedback": self.feedback.map(|feedback| Name(feedback.as_str())),
            "feedbackAt": self.feedback_at,
            "metadata": self.metadata,
            "humanAgent": self.human_agent,
            "pageUrl": self.page_url,
            "pageTitle": self.page_title,
            "textSelection": self.text_selection,
        );
        to.push(b'}');
    }
}

/// Writes itself as JSON.
trait Write {
    fn write(&self, to: &mut Vec<u8>);
}

impl<T: Write> Write for Option<T> {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(to),
            None => to.extend_from_slice(b"null"),
        }
    }
}

impl Write for Message<'_> {
    fn write(&self, to: &mut Vec<u8>) {
        self.write(to);
    }
}

impl Write for HumanAgent<'_> {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(br#"{"name":"#);
        self.name.write(to);
        members!(to, "image": self.image,);
        to.push(b'}');
    }
}

impl Write for MessageParts<'_> {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            MessageParts::Text(text) => {
                to.extend_from_slice(br#"[{"type":"text","text":"#);
                text.write(to);
                to.extend_from_slice(b"}]");
            }
            MessageParts::Stored(array) => array.write(to),
        }
    }
}

impl Write for &RawValue {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.get().as_bytes());
    }
}

impl Write for Timestamp {
    fn write(&self, to: &mut Vec<u8>) {
        Name(self.text(&mut [0; 24])).write(to);
    }
}

impl Write for Uuid {
    fn write(&self, to: &mut Vec<u8>) {
        Name(self.hyphenated().encode_lower(&mut [0; 36])).write(to);
    }
}

impl Write for bool {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

/// A text in which nothing must be escaped.
struct Name<'a>(&'a str);

impl Write for Name<'_> {
    fn write(&self, to: &mut Vec<u8>) {
        to.push(b'"');
        to.extend_from_slice(self.0.as_bytes());
        to.push(b'"');
    }
}

impl Write for &str {
    fn write(&self, to: &mut Vec<u8>) {
        let mut rest = self.as_bytes();
        to.push(b'"');
        while !rest.is_empty() {
            let (plain, special) = rest.split_at(plain(rest));
            to.extend_from_slice(plain);
            let Some((byte, after)) = special.split_first() else {
                break;
            };
            escape(*byte, to);
            rest = after;
        }
        to.push(b'"');
    }
}

/// How many bytes come before the first that must be escaped.
fn plain(text: &[u8]) -> usize {
    // Without an early end, so that many bytes are looked at at once.
    let block = |block: &&[u8]| !block.iter().fold(false, |any, byte| any | special(*byte));
    let whole = text.chunks_exact(16).take_while(block).count() * 16;
    let rest = &text[whole..];
    whole + rest.iter().take_while(|byte| !special(**byte)).count()
}

fn special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn escape(byte: u8, to: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        _ => {
            let hex = |half: u8| b"0123456789abcdef"[usize::from(half)];
            to.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
            return;
        }
    };
    to.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ConversationId, Feedback, MessageId, MessageStatus, Role, Status};

    fn conversations() -> [Conversation<'static>; 2] {
        let new = Conversation::started(ConversationId::generate(), Timestamp(0));
        let full = Conversation {
            updated_at: Timestamp(1_705_314_600_001),
            status: Status::Closed,
            closed_at: Some(Timestamp(1_705_314_600_002)),
            close_reason: Some("\"done\"\u{7f}\u{1f}"),
            last_interation_at: Timestamp(1_705_314_600_003),
            last_interaction_at: Timestamp(1_705_314_600_004),
            is_human_handled: true,
            human_agent: Some(HumanAgent {
                name: Some("Zoë"),
                image: None,
            }),
            title: Some("Where is my order, the one of last week?\\"),
            ..new.clone()
        };
        [new, full]
    }

    fn messages() -> [Message<'static>; 3] {
        let [id, chat] = [ConversationId::generate(), ConversationId::generate()];
        let said = |role, text| Message::said(MessageId(id.0), chat, role, text, Timestamp(7));
        let raw = |json| Some(serde_json::from_str::<&RawValue>(json).expect("JSON"));
        let full = Message {
            parts: raw(r#"[{"type": "file", "url":"x"}]"#)
                .map_or(MessageParts::Text(""), MessageParts::Stored),
            status: MessageStatus::Error,
            error: Some("broken"),
            feedback: Some(Feedback::Dislike),
            feedback_at: Some(Timestamp(8)),
            metadata: raw(r#"{"a": [1, 2]}"#),
            human_agent: Some(HumanAgent {
                name: None,
                image: Some("https://a.example/x.png"),
            }),
            page_url: Some("https://a.example/?a=\"b\""),
            page_title: Some("Ein Titel mit ümläuten und \t Tabulator"),
            text_selection: Some(""),
            ..said(Role::HumanAgent, "")
        };
        let text = "Two lines of some length,\nthe second with \"quotes\".";
        [said(Role::User, text), said(Role::Assistant, ""), full]
    }

    #[test]
    fn what_is_written_is_what_serde_writes() {
        for conversation in conversations() {
            for last_message in messages().map(Some).into_iter().chain([None]) {
                let item = ConversationListItem {
                    conversation: conversation.clone(),
                    last_message,
                };
                let mut written = Vec::new();
                item.write(&mut written);
                let of_serde = serde_json::to_string(&item).expect("JSON");
                assert_eq!(String::from_utf8(written).expect("UTF-8"), of_serde);
            }
        }
    }

    #[test]
    fn every_character_is_escaped_as_serde_escapes_it_wherever_it_stands() {
        for code in (0..0x100).chain([0x2028, 0xFFFF, 0x1F600]) {
            let character = char::from_u32(code).expect("a character");
            for before in [0, 1, 15, 16, 17, 40] {
                let text = format!("{}{character}{character} and more", "x".repeat(before));
                let mut written = Vec::new();
                text.as_str().write(&mut written);
                let of_serde = serde_json::to_string(&text).expect("JSON");
                assert_eq!(String::from_utf8(written).expect("UTF-8"), of_serde);
            }
        }
    }
}
