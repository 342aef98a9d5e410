//! The texts of e-mails. All texts of visitors, agents and projects are hostile: they
//! become neither headers nor HTML.

use super::letter_body::{LetterBlock, html, one_line, plain_text, quotable};
use crate::answer::handover::{Language, detect_language, reply_email_texts};
use crate::domain::Timestamp;
use crate::store::notification::content::{UnseenReplies, WaitingConversation};

/// An e-mail without sender and recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The conversation, so that mail programs show its e-mails together.
    pub thread: Option<String>,
}

/// Tells agents that a conversation waits.
pub fn waiting(conversation: &WaitingConversation, inbox_url: &str) -> Letter {
    let project = one_line(&conversation.project_name);
    let reason = match conversation.reason.as_deref() {
        Some("contact") => "The visitor has left contact details.",
        Some("unanswered") => "The assistant could not help the visitor.",
        _ => "The visitor has asked for a person.",
    };
    let mut blocks = vec![LetterBlock::Paragraph(format!(
        "A conversation of {project} is waiting for an agent. {reason}"
    ))];
    if let Some(message) = &conversation.last_message {
        blocks.push(LetterBlock::Paragraph("The visitor wrote:".to_owned()));
        blocks.push(LetterBlock::Quote(quotable(message)));
    }
    blocks.push(LetterBlock::Paragraph(visitor_details(conversation)));
    blocks.push(LetterBlock::Link {
        label: "Open the conversation",
        url: inbox_url.to_owned(),
    });
    blocks.push(LetterBlock::Remark(format!(
        "You receive this e-mail because your address is in the notification settings of \
         {project}."
    )));
    Letter::new(
        Language::English,
        format!("{project}: a visitor is waiting"),
        &blocks,
        Some(conversation.id.to_string()),
    )
}

fn visitor_details(conversation: &WaitingConversation) -> String {
    let details = [
        ("Name", &conversation.visitor_name),
        ("E-mail", &conversation.visitor_email),
        ("Phone", &conversation.visitor_phone),
        ("Page", &conversation.page_url),
    ];
    let mut lines: Vec<_> = details
        .into_iter()
        .filter_map(|(label, value)| Some(format!("{label}: {}", one_line(value.as_ref()?))))
        .collect();
    if let Some(since) = conversation.waiting_since {
        lines.push(format!("Waiting since: {}", minute(since)));
    }
    lines.join("\n")
}

/// A time as `2024-01-15 10:30 UTC`.
fn minute(time: Timestamp) -> String {
    let mut buffer = [0; 24];
    let text = time.format_iso8601(&mut buffer);
    format!("{} {} UTC", &text[..10], &text[11..16])
}

/// Brings replies to a visitor who has left, in the visitor's language.
pub fn reply(replies: &UnseenReplies, chat_url: &str, link_days: u64) -> Letter {
    let language = language(replies);
    let texts = reply_email_texts(language);
    let project = one_line(&replies.project_name);
    let mut blocks = Vec::new();
    let mut author = None;
    for reply in &replies.replies {
        let name = reply.agent.as_deref().map(one_line);
        let name = name.filter(|name| !name.is_empty());
        if blocks.is_empty() || author != name {
            blocks.push(LetterBlock::Paragraph(match &name {
                Some(name) => fill(texts.agent, &[("agent", name), ("project", &project)]),
                None => fill(texts.team, &[("project", &project)]),
            }));
            author = name;
        }
        blocks.push(LetterBlock::Reply(quotable(&reply.text)));
    }
    blocks.push(LetterBlock::Link {
        label: texts.link,
        url: chat_url.to_owned(),
    });
    let days = link_days.to_string();
    blocks.push(LetterBlock::Remark(fill(texts.remark, &[("days", &days)])));
    let subject = fill(texts.subject, &[("project", &project)]);
    let thread = Some(replies.link.conversation.to_string());
    Letter::new(language, subject, &blocks, thread)
}

/// Replaces `{name}` in a text by the value of the name. The values can contain braces.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{')
        && let Some((name, after)) = after.split_once('}')
    {
        let value = values.iter().find(|(other, _)| *other == name);
        filled.push_str(before);
        filled.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    filled + rest
}

/// The language of the newest message whose language can be detected, first of the visitor,
/// then of the agents.
fn language(replies: &UnseenReplies) -> Language {
    let of_visitor = replies.visitor_texts.iter();
    let of_agents = replies.replies.iter().rev().map(|reply| &reply.text);
    let mut texts = of_visitor.chain(of_agents);
    let found = texts.find_map(|text| detect_language(text));
    found.unwrap_or(Language::English)
}

/// Shows that e-mails arrive.
pub fn test(project_name: &str, inbox_url: &str) -> Letter {
    let project = one_line(project_name);
    let blocks = [
        LetterBlock::Paragraph(format!(
            "This is a test. E-mails about conversations of {project} that are waiting for an \
             agent arrive at this address."
        )),
        LetterBlock::Link {
            label: "Open the notification settings",
            url: inbox_url.to_owned(),
        },
    ];
    let subject = format!("{project}: test of notifications");
    Letter::new(Language::English, subject, &blocks, None)
}

impl Letter {
    fn new(
        language: Language,
        subject: String,
        blocks: &[LetterBlock],
        thread: Option<String>,
    ) -> Self {
        Self {
            subject,
            text: plain_text(blocks),
            html: html(language, blocks),
            thread,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ConversationId, ProjectId, ReplyLink, VisitorId};
    use crate::service::notification::letter_body::MAX_QUOTE_CHARS;
    use crate::store::notification::content::Reply;

    const HOSTILE: &str = "<img src=x onerror=alert(1)> \"&'\r\nBcc: eve@evil.example\u{202e}";

    fn link() -> ReplyLink {
        ReplyLink {
            project: ProjectId::generate(),
            visitor: VisitorId::generate(),
            conversation: ConversationId::generate(),
        }
    }

    fn conversation() -> WaitingConversation {
        WaitingConversation {
            id: ConversationId::generate(),
            project_name: "Shop".to_owned(),
            waiting_since: Some(Timestamp(1_705_314_600_000)),
            reason: Some("requested".to_owned()),
            visitor_name: None,
            visitor_email: None,
            visitor_phone: None,
            page_url: None,
            last_message: Some("Is a person there?".to_owned()),
        }
    }

    #[test]
    fn waiting_letter_has_message_time_and_link() {
        let letter = waiting(
            &conversation(),
            "https://chat.example/inbox/conversations/1",
        );
        assert_eq!(letter.subject, "Shop: a visitor is waiting");
        for text in [
            "> Is a person there?",
            "Waiting since: 2024-01-15 10:30 UTC",
            "https://chat.example/inbox/conversations/1",
        ] {
            assert!(letter.text.contains(text), "{}", letter.text);
        }
    }

    #[test]
    fn texts_of_others_are_escaped_and_stay_on_their_lines() {
        let hostile = || Some(HOSTILE.to_owned());
        let conversation = WaitingConversation {
            project_name: HOSTILE.to_owned(),
            visitor_name: hostile(),
            visitor_email: hostile(),
            page_url: hostile(),
            last_message: hostile(),
            ..conversation()
        };
        let replies = UnseenReplies {
            link: link(),
            project_name: HOSTILE.to_owned(),
            email: None,
            is_blocked: false,
            has_answered: false,
            visitor_texts: Vec::new(),
            replies: vec![Reply {
                agent: hostile(),
                text: HOSTILE.to_owned(),
            }],
        };
        for letter in [
            waiting(&conversation, "https://chat.example/"),
            reply(&replies, "https://chat.example/chat#token", 7),
            test(HOSTILE, "https://chat.example/"),
        ] {
            assert!(!letter.subject.contains(['\r', '\n']), "{}", letter.subject);
            assert!(!letter.html.contains("<img"), "{}", letter.html);
            assert!(letter.html.contains("&lt;img"), "{}", letter.html);
            assert!(!letter.text.contains(['\r', '\u{202e}']), "{}", letter.text);
            assert!(!letter.text.contains("\nBcc"), "{}", letter.text);
        }
    }

    #[test]
    fn reply_letter_names_each_agent_once() {
        let line = |agent: &str, text: &str| Reply {
            agent: Some(agent.to_owned()),
            text: text.to_owned(),
        };
        let replies = UnseenReplies {
            link: link(),
            project_name: "Shop".to_owned(),
            email: None,
            is_blocked: false,
            has_answered: false,
            visitor_texts: Vec::new(),
            replies: vec![
                line("Mara", "One"),
                line("Mara", "Two"),
                line("Ben", "Three"),
            ],
        };
        let letter = reply(&replies, "https://chat.example/chat#token", 7);
        assert_eq!(
            letter.text.matches("Mara of Shop replied to you:").count(),
            1
        );
        assert_eq!(
            letter.text.matches("Ben of Shop replied to you:").count(),
            1
        );
        for text in [
            "> One",
            "> Two",
            "> Three",
            "https://chat.example/chat#token",
        ] {
            assert!(letter.text.contains(text), "{}", letter.text);
        }
    }

    #[test]
    fn reply_letter_is_in_the_language_of_the_visitor() {
        let letter = |text: &str, reply_text: &str| {
            let replies = UnseenReplies {
                link: link(),
                project_name: "{agent} Shop".to_owned(),
                email: None,
                is_blocked: false,
                has_answered: false,
                visitor_texts: vec!["42".to_owned(), text.to_owned()],
                replies: vec![Reply {
                    agent: Some("Mara {project}".to_owned()),
                    text: reply_text.to_owned(),
                }],
            };
            reply(&replies, "https://chat.example/chat#token", 7)
        };
        let german = letter(
            "Wo ist denn meine Bestellung geblieben?",
            "**Sie** kommt [morgen](https://a.example/)",
        );
        assert_eq!(german.subject, "Antwort von {agent} Shop");
        for text in [
            "Mara {project} von {agent} Shop hat Ihnen geantwortet:",
            "> Sie kommt morgen (https://a.example/)",
            "7 Tage",
        ] {
            assert!(german.text.contains(text), "{}", german.text);
        }
        for text in ["lang=\"de\" dir=\"ltr\"", "<strong>Sie</strong>"] {
            assert!(german.html.contains(text), "{}", german.html);
        }
        let arabic = letter("أين طلبي من فضلك؟", "غدا");
        assert!(
            arabic.html.contains("lang=\"ar\" dir=\"rtl\""),
            "{}",
            arabic.html
        );
        let by_reply = letter("7", "Ihre Bestellung kommt morgen bei Ihnen an.");
        assert!(
            by_reply.subject.starts_with("Antwort"),
            "{}",
            by_reply.subject
        );
        assert_eq!(letter("7", "8").subject, "Reply from {agent} Shop");
    }

    #[test]
    fn long_texts_are_cut() {
        let conversation = WaitingConversation {
            last_message: Some("é".repeat(100_000)),
            ..conversation()
        };
        let letter = waiting(&conversation, "https://chat.example/");
        assert!(letter.text.chars().count() < MAX_QUOTE_CHARS + 1000);
        assert!(letter.text.contains('…'));
    }
}
