//! The texts of the hand-over, from the section `[texts]` of each language's file.

use super::language::Language;
use super::vocabulary::vocabularies;

/// Who can react to the visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// An agent is online.
    AgentOnline,
    /// No agent is online, but the team is notified.
    CanNotify,
    /// No agent is online, and no notification is configured.
    Unavailable,
}

/// The situation that a hand-over text describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandoverSituation<'a> {
    pub availability: Availability,
    /// The e-mail address or phone number of the visitor, from this or an earlier
    /// message.
    pub contact: Option<&'a str>,
    /// Whether the message leaves contact details.
    pub has_left_contact: bool,
    /// The away message of the project. It is left out while an agent is online.
    pub away_message: Option<&'a str>,
}

/// The keys of the texts in the files. Each file has all of them.
#[cfg(test)]
pub const TEXT_KEYS: [&str; 12] = [
    "online",
    "online_contact",
    "notify",
    "notify_known",
    "notify_contact",
    "unavailable",
    "unavailable_contact",
    "email_subject",
    "email_agent",
    "email_team",
    "email_link",
    "email_remark",
];

/// Returns the reply to a message that asks for a person or leaves contact details.
/// It promises only what the situation allows.
pub fn handover_text(language: Language, situation: &HandoverSituation) -> String {
    let has_left_contact = situation.has_left_contact && situation.contact.is_some();
    let key = match (situation.availability, situation.contact) {
        (Availability::AgentOnline, _) if has_left_contact => "online_contact",
        (Availability::AgentOnline, _) => "online",
        (Availability::CanNotify, Some(_)) if has_left_contact => "notify_contact",
        (Availability::CanNotify, Some(_)) => "notify_known",
        (Availability::CanNotify, None) => "notify",
        (Availability::Unavailable, _) if has_left_contact => "unavailable_contact",
        (Availability::Unavailable, _) => "unavailable",
    };
    let texts = &vocabularies()[language as usize].texts;
    let text = texts.get(key).copied().unwrap_or_default();
    let text = text.replace("{contact}", situation.contact.unwrap_or_default());
    match situation.away_message.map(str::trim) {
        Some(away) if !away.is_empty() && situation.availability != Availability::AgentOnline => {
            format!("{away}\n\n{text}")
        }
        _ => text,
    }
}

/// The texts of an e-mail that brings replies to a visitor who has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyEmailTexts {
    /// With `{project}`.
    pub subject: &'static str,
    /// Introduces the replies of an agent. With `{agent}` and `{project}`.
    pub agent: &'static str,
    /// Introduces replies without the name of an agent. With `{project}`.
    pub team: &'static str,
    /// The text of the link to the conversation.
    pub link: &'static str,
    /// How to answer, and how long the link is valid. With `{days}`.
    pub remark: &'static str,
}

/// Returns the texts of an e-mail with replies.
pub fn reply_email_texts(language: Language) -> ReplyEmailTexts {
    let texts = &vocabularies()[language as usize].texts;
    let text = |key| texts.get(key).copied().unwrap_or_default();
    ReplyEmailTexts {
        subject: text("email_subject"),
        agent: text("email_agent"),
        team: text("email_team"),
        link: text("email_link"),
        remark: text("email_remark"),
    }
}
