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
pub const TEXT_KEYS: [&str; 7] = [
    "online",
    "online_contact",
    "notify",
    "notify_known",
    "notify_contact",
    "unavailable",
    "unavailable_contact",
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
