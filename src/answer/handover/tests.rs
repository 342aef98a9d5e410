//! Tests of the requests, the contact details and the texts in all languages.

use super::language::{LANGUAGE_COUNT, detect_language};
use super::texts::TEXT_KEYS;
use super::vocabulary::vocabularies;
use super::{
    Availability, ContactDetails, HandoverSituation, Language, choose_language, contact_details,
    handover_request, handover_text, is_handover_request, leaves_contact_details,
};

/// The messages of each language: `+` asks for a person, `-` does not.
macro_rules! examples {
    ($($tag:literal)*) => {
        [$(($tag, include_str!(concat!("examples/", $tag, ".txt")))),*]
    };
}

const EXAMPLES: [(&str, &str); LANGUAGE_COUNT] =
    examples!["en" "de" "es" "fr" "pt" "it" "pl" "tr" "ja" "zh" "ko" "ar" "el" "uk" "hi" "vi"];

/// The minimum number of requests and of other messages per language.
const MIN_EXAMPLES: usize = 20;

fn examples(file: &'static str, mark: &'static str) -> Vec<&'static str> {
    let lines = file.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter_map(|(start, text)| (start == mark).then_some(text))
        .collect()
}

#[test]
fn requests_for_a_person_are_recognized_in_every_language() {
    for (tag, file) in EXAMPLES {
        let requests = examples(file, "+");
        assert!(requests.len() >= MIN_EXAMPLES, "{tag}");
        for text in requests {
            let language = Language::from_tag(tag);
            assert_eq!(handover_request(text, language), language, "{text}");
        }
    }
}

#[test]
fn other_messages_are_no_requests() {
    for (tag, file) in EXAMPLES {
        let others = examples(file, "-");
        assert!(others.len() >= MIN_EXAMPLES, "{tag}");
        for text in others {
            assert_eq!(is_handover_request(text), None, "{tag}: {text}");
        }
    }
}

#[test]
fn contact_details_are_recognized_in_every_language() {
    let file = include_str!("examples/contact.txt");
    for text in examples(file, "+") {
        assert!(leaves_contact_details(text), "{text}");
    }
    for text in examples(file, "-") {
        assert!(!leaves_contact_details(text), "{text}");
    }
}

#[test]
fn the_hint_decides_between_languages_with_the_same_words() {
    assert_eq!(is_handover_request("operator"), Some(Language::English));
    let polish = Some(Language::Polish);
    assert_eq!(handover_request("operator", polish), polish);
    assert_eq!(
        handover_request("human please", polish),
        Some(Language::English)
    );
}

#[test]
fn the_language_of_a_reply_follows_the_text_then_the_hint() {
    let german = Some(Language::German);
    for (text, hint, expected) in [
        ("kann ich mit jemandem sprechen", None, Language::German),
        ("mi correo es mara@example.com", german, Language::Spanish),
        (
            "私のメールは mara@example.com です",
            german,
            Language::Japanese,
        ),
        ("mara@example.com", german, Language::German),
        ("mara@example.com", None, Language::English),
    ] {
        assert_eq!(choose_language(text, hint), expected, "{text}");
    }
}

/// Adversarial texts must take linear time: no message takes a second.
#[test]
fn long_and_random_texts_are_processed_in_bounded_time() {
    let words = [
        "talk to", "person", "without", "is there", "if", "a", "@", "1 ", "(at)", "0.", "?",
    ];
    let mut random = fastrand::Rng::with_seed(12);
    let mut texts = Vec::from(words.map(|word| format!("{word} ").repeat(5000)));
    for _ in 0..200 {
        let chars = (0..200).map(|_| random.char('\0'..='\u{FFFF}'));
        texts.push(chars.collect());
        let words = (0..100).map(|_| words[random.usize(..words.len())]);
        texts.push(words.collect::<Vec<_>>().join(" "));
    }
    let start = std::time::Instant::now();
    for text in &texts {
        is_handover_request(text);
        contact_details(text);
        choose_language(text, None);
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn every_language_has_every_text() {
    for (language, vocabulary) in Language::ALL.into_iter().zip(vocabularies()) {
        for key in TEXT_KEYS {
            let text = vocabulary.texts.get(key).copied().unwrap_or_default();
            let has_contact = text.contains("{contact}");
            let expects_contact = key.ends_with("_contact") || key.ends_with("_known");
            assert!(!text.is_empty(), "{language:?} {key}");
            for (name, keys) in [
                (
                    "{project}",
                    &["email_subject", "email_agent", "email_team"][..],
                ),
                ("{agent}", &["email_agent"]),
                ("{days}", &["email_remark"]),
            ] {
                let has_name = text.contains(name);
                assert_eq!(has_name, keys.contains(&key), "{language:?} {key} {name}");
            }
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

#[test]
fn russian_is_not_taken_for_ukrainian() {
    assert_eq!(detect_language("Где мой заказ, он всё ещё не прибыл"), None);
    let ukrainian = detect_language("Де моє замовлення, воно ще не прибуло");
    assert_eq!(ukrainian, Some(Language::Ukrainian));
}
