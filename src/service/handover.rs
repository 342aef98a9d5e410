//! Hand-over of a conversation to a person: messages that ask for a person or leave
//! contact details, and the answer to them (docs/api-contract.md, section 6.9).
//!
//! These messages are not searched for and not sent to a model, neither now nor as a part
//! of the history.

use super::availability::AvailabilityInput;
use crate::answer::handover::{
    Availability, ContactDetails, HandoverSituation, Language, choose_language, contact_details,
    detect_language, handover_request, handover_text,
};
use crate::domain::{ProjectSeq, Role, VisitorSeq, WaitingReason};
use crate::store::answer::HistoryEntry;
use crate::store::{Snapshot, StoreError, visitor};

/// A message that asks for a person or leaves contact details, and the answer to it.
#[derive(Debug)]
pub(super) struct Handover {
    pub reason: WaitingReason,
    /// The details that the message leaves.
    pub contact: ContactDetails,
    pub answer: String,
}

/// Whose conversation it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandoverContext {
    pub project: ProjectSeq,
    pub visitor: VisitorSeq,
    pub availability: AvailabilityInput,
}

impl HandoverContext {
    /// Returns the hand-over if a message asks for one. `history` are the messages before.
    pub fn read(
        self,
        snapshot: &Snapshot,
        text: &str,
        history: &[HistoryEntry],
    ) -> Result<Option<Handover>, StoreError> {
        let hint = language_of(history);
        let Some((reason, contact)) = detect(text, hint) else {
            return Ok(None);
        };
        let known = visitor::contact(snapshot, self.visitor)?;
        let left = contact.email.as_ref().or(contact.phone.as_ref());
        // Replies are sent to a verified address, whatever the visitor writes.
        let address = left.filter(|_| !known.is_verified);
        let address = address.or(known.address.as_ref());
        let availability = self.availability.read(snapshot, self.project)?;
        let situation = HandoverSituation {
            availability: if availability.is_online {
                Availability::AgentOnline
            } else if availability.can_notify {
                Availability::CanNotify
            } else {
                Availability::Unavailable
            },
            contact: address.map(String::as_str),
            has_left_contact: left.is_some(),
            away_message: availability.away_message.as_deref(),
        };
        let answer = handover_text(choose_language(text, hint), &situation);
        Ok(Some(Handover {
            reason,
            contact,
            answer,
        }))
    }
}

/// Why a conversation with this message waits, and the contact details in the message.
fn detect(text: &str, hint: Option<Language>) -> Option<(WaitingReason, ContactDetails)> {
    let contact = contact_details(text);
    if handover_request(text, hint).is_some() {
        Some((WaitingReason::Requested, contact))
    } else if !contact.is_empty() {
        Some((WaitingReason::Contact, contact))
    } else {
        None
    }
}

/// The language of the newest message of the visitor whose language can be detected.
fn language_of(history: &[HistoryEntry]) -> Option<Language> {
    let newest_first = history.iter().rev();
    let mut texts = newest_first.filter(|(role, _)| *role == Role::User);
    texts.find_map(|(_, text)| detect_language(text))
}

/// Removes the messages that ask for a person or leave contact details, and the answers to
/// them.
pub(super) fn remove_handovers(history: &mut Vec<HistoryEntry>) {
    let hint = language_of(history);
    let mut is_answer = false;
    history.retain(|(role, text)| match role {
        Role::User => {
            is_answer = detect(text, hint).is_some();
            !is_answer
        }
        Role::Assistant => !std::mem::take(&mut is_answer),
        Role::HumanAgent => {
            is_answer = false;
            true
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_lacks_requests_for_a_person_and_contact_details() {
        let entry = |role, text: &str| (role, text.to_owned());
        let mut history = vec![
            entry(Role::User, "How long does delivery take?"),
            entry(Role::Assistant, "Two days."),
            entry(Role::User, "I want to talk to a human"),
            entry(Role::Assistant, "Please leave your address."),
            entry(Role::User, "My address is eva@home.example"),
            entry(Role::HumanAgent, "Thank you!"),
            entry(Role::Assistant, "Anything else?"),
            entry(Role::User, "What about returns?"),
        ];
        remove_handovers(&mut history);
        let texts: Vec<_> = history.iter().map(|(_, text)| text.as_str()).collect();
        let expected = [
            "How long does delivery take?",
            "Two days.",
            "Thank you!",
            "Anything else?",
            "What about returns?",
        ];
        assert_eq!(texts, expected);
    }
}
