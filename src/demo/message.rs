//! The messages of a conversation, and the pages on which visitors wrote them.

use fastrand::Rng;
use uuid::Uuid;

use super::dialogue::{DialogueLine, DialogueRole};
use super::phrases::{LANGUAGES, PhraseBook, PhraseSection};
use super::random::{chance, id_at, pick};
use super::templates::TemplateValues;
use super::timeline::{HOUR, MINUTE, SECOND};

const ERRORS: [&str; 3] = [
    "The model service did not answer in time.",
    "The model service is overloaded.",
    "The connection to the model service was lost.",
];

/// A row of the table `message`.
pub struct GeneratedMessage {
    pub seq: i64,
    pub id: Uuid,
    pub created_at: i64,
    pub role: DialogueRole,
    pub text: String,
    /// Why the answer is incomplete.
    pub error: Option<&'static str>,
    pub feedback: Option<GeneratedFeedback>,
    pub page: Option<GeneratedPage>,
}

pub struct GeneratedFeedback {
    pub is_like: bool,
    pub at: i64,
}

/// The page on which a visitor wrote a message.
pub struct GeneratedPage {
    pub url: String,
    pub title: String,
    pub selection: Option<&'static str>,
}

impl GeneratedMessage {
    /// Generates the message for `line`; `is_first`: the first message of its
    /// conversation.
    pub fn new(
        seq: i64,
        created_at: i64,
        line: &DialogueLine,
        is_first: bool,
        values: &TemplateValues,
        rng: &mut Rng,
    ) -> Self {
        let mut message = Self {
            seq,
            id: id_at(created_at, rng),
            created_at,
            role: line.role,
            text: String::new(),
            error: None,
            feedback: random_feedback(line.role, (created_at, values.period.end), rng),
            page: (is_first && chance(50, rng)).then(|| GeneratedPage::random(values, rng)),
        };
        match line.role {
            _ if is_first => message.text = values.first_message(line.template, rng),
            DialogueRole::Assistant => message.set_answer(line.template, values, rng),
            _ => message.text = values.fill(line.template, ""),
        }
        message
    }

    /// Sets an answer of the assistant: often with sources, rarely with an
    /// error.
    fn set_answer(&mut self, template: &str, values: &TemplateValues, rng: &mut Rng) {
        let (language, topic) = (values.language, values.topic);
        let citation = random_citation(template, topic, rng);
        self.text = values.fill(template, &citation);
        if rng.u32(0..1000) < 7 {
            self.interrupt(rng);
            return;
        }
        for (number, section) in [(1, topic), (2, &language.handover)] {
            if citation.contains(&format!("[{number}]")) {
                let gap = if number == 1 { "\n\n" } else { "\n" };
                let url = help_url(language, section);
                self.text += &format!("{gap}[{number}]: {url} \"{}\"", section.title);
            }
        }
    }

    /// Cuts the answer in half and sets an error.
    fn interrupt(&mut self, rng: &mut Rng) {
        let half = self.text.len() / 2;
        let end = self.text[..self.text.floor_char_boundary(half)].rfind(' ');
        self.text.truncate(end.unwrap_or(0));
        self.feedback = None;
        self.error = Some(pick(&ERRORS, rng));
    }
}

/// The references to sources in an answer; empty for most answers.
fn random_citation(template: &str, topic: &PhraseSection, rng: &mut Rng) -> String {
    if !template.contains("{cite}") {
        return String::new();
    }
    match rng.u32(0..10) {
        0..4 => String::new(),
        4..8 => "[1]".to_owned(),
        8 => format!("[{}][1]", topic.title),
        _ => "[1][2]".to_owned(),
    }
}

fn random_feedback(
    role: DialogueRole,
    (created_at, end): (i64, i64),
    rng: &mut Rng,
) -> Option<GeneratedFeedback> {
    let percent = match role {
        DialogueRole::Visitor => 0,
        DialogueRole::Assistant => 8,
        DialogueRole::Agent => 12,
    };
    let at = created_at + rng.i64(4 * SECOND..12 * MINUTE);
    (chance(percent, rng) && at <= end).then(|| GeneratedFeedback {
        is_like: chance(74, rng),
        at,
    })
}

/// The time in milliseconds between two messages: seconds before an answer of
/// the assistant, minutes before a message of a person, and sometimes most of a
/// day.
pub fn random_pause(previous: Option<DialogueRole>, role: DialogueRole, rng: &mut Rng) -> i64 {
    let is_long = chance(4, rng);
    match (previous, role) {
        (None, _) => rng.i64(400..45 * SECOND),
        (_, DialogueRole::Assistant) => rng.i64(1500..14 * SECOND),
        (Some(DialogueRole::Agent), DialogueRole::Agent) => rng.i64(20 * SECOND..4 * MINUTE),
        _ if is_long => rng.i64(HOUR..20 * HOUR),
        (_, DialogueRole::Agent) => rng.i64(MINUTE..25 * MINUTE),
        (_, DialogueRole::Visitor) => rng.i64(12 * SECOND..6 * MINUTE),
    }
}

impl GeneratedPage {
    /// A page of the shop that fits the topic.
    pub fn random(values: &TemplateValues, rng: &mut Rng) -> Self {
        let (language, topic) = (values.language, values.topic);
        match rng.u32(0..10) {
            0..5 => Self {
                url: help_url(language, topic),
                title: topic.title.to_owned(),
                selection: random_selection(topic, rng),
            },
            5..8 => Self {
                url: format!("{}products/{}", home_url(language), values.product_number()),
                title: values.product.to_owned(),
                selection: None,
            },
            _ => Self {
                url: home_url(language),
                title: "shop.example".to_owned(),
                selection: None,
            },
        }
    }
}

/// The text that the visitor selected on a help page, in half of the cases.
fn random_selection(topic: &PhraseSection, rng: &mut Rng) -> Option<&'static str> {
    if topic.passages.is_empty() || chance(50, rng) {
        None
    } else {
        Some(pick(&topic.passages, rng))
    }
}

fn help_url(language: &PhraseBook, section: &PhraseSection) -> String {
    let name = match section.name {
        "handover" => "contact",
        name => name,
    };
    format!("{}help/{name}", home_url(language))
}

/// The address of the shop's start page in a language.
fn home_url(language: &PhraseBook) -> String {
    if language.tag == LANGUAGES[0].tag {
        "https://shop.example/".to_owned()
    } else {
        format!("https://shop.example/{}/", language.tag)
    }
}
