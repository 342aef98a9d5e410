//! Tests of the requests, the contact details and the texts in all languages.

use super::texts::TEXT_KEYS;
use super::vocabulary::vocabularies;
use super::{
    Availability, ContactDetails, HandoverSituation, Language, contact_details, handover_text,
    is_handover_request,
};

#[test]
fn requests_for_a_person_are_recognized() {
    assert_eq!(
        is_handover_request("human agent please"),
        Some(Language::English)
    );
    assert_eq!(
        is_handover_request("kann ich mit jemandem sprechen"),
        Some(Language::German)
    );
    assert_eq!(
        is_handover_request("does your human resources department hire?"),
        None
    );
}

#[test]
fn every_language_has_every_text() {
    for (language, vocabulary) in Language::ALL.into_iter().zip(vocabularies()) {
        for key in TEXT_KEYS {
            let text = vocabulary.texts.get(key).copied().unwrap_or_default();
            let has_contact = text.contains("{contact}");
            let expects_contact = key.ends_with("_contact") || key.ends_with("_known");
            assert!(!text.is_empty(), "{language:?} {key}");
            assert_eq!(has_contact, expects_contact, "{language:?} {key}");
        }
        assert_eq!(vocabulary.texts.len(), TEXT_KEYS.len(), "{language:?}");
    }
}

#[test]
fn texts_promise_only_what_the_situation_allows() {
    let text = |availability, contact, has_left_contact| {
        let situation = HandoverSituation {
            availability,
            contact,
            has_left_contact,
            away_message: Some("Back on Monday."),
        };
        handover_text(Language::English, &situation)
    };
    let address = Some("mara@example.com");
    assert!(text(Availability::AgentOnline, None, false).starts_with("Of course. Someone"));
    assert!(!text(Availability::AgentOnline, address, true).contains("Monday"));
    let notify = text(Availability::CanNotify, None, false);
    assert!(notify.starts_with("Back on Monday.\n\nNobody"), "{notify}");
    assert!(text(Availability::CanNotify, address, true).contains("noted mara@example.com"));
    assert!(text(Availability::CanNotify, address, false).contains("reach you at mara@"));
    let stored = text(Availability::Unavailable, address, true);
    assert!(stored.contains("I cannot promise"), "{stored}");
    let unavailable = text(Availability::Unavailable, None, false);
    assert!(
        unavailable.contains("I cannot connect you"),
        "{unavailable}"
    );
}

#[test]
fn contact_details_are_those_of_the_visitor() {
    let details = |email: Option<&str>, phone: Option<&str>| ContactDetails {
        email: email.map(str::to_owned),
        phone: phone.map(str::to_owned),
    };
    let mara = Some("mara@example.com");
    for (text, expected) in [
        ("you can reach me at mara@example.com", details(mara, None)),
        (
            "mara@example.com, +49 30 1234567",
            details(mara, Some("+49301234567")),
        ),
        ("is info@shop.example your address?", details(None, None)),
        ("my order is 0301234567", details(None, None)),
        ("What is your phone number?", details(None, None)),
    ] {
        assert_eq!(contact_details(text), expected, "{text}");
    }
}
