//! The messages of a conversation, and the pages on which they are written.

use fastrand::Rng;
use uuid::Uuid;

use super::dialogue::{DialogueLine, DialogueRole};
use super::phrases::{LANGUAGES, PhraseBook, PhraseSection};
use super::random::{chance, id_at, pick};
use super::templates::TemplateValues;
use super::timeline::{HOUR, MINUTE, NOW, SECOND};

pub struct GeneratedMessage {
    pub seq: i64,
    pub id: Uuid,
    pub created_at: i64,
    pub speaker: DialogueRole,
    pub text: String,
    /// Why an answer broke off.
    pub error: Option<&'static str>,
    pub feedback: Option<GeneratedFeedback>,
    pub page: Option<GeneratedPage>,
}

pub struct GeneratedFeedback {
    pub like: bool,
    pub at: i64,
}

/// Where a visitor was when they wrote.
pub struct GeneratedPage {
    pub url: String,
    pub title: String,
    pub selection: Option<&'static str>,
}

impl GeneratedMessage {
    /// The message that says `line`, for the first time if `opens`.
    pub fn new(
        seq: i64,
        created_at: i64,
        line: &DialogueLine,
        opens: bool,
        facts: &TemplateValues,
        rng: &mut Rng,
    ) -> Self {
        let mut message = Self {
            seq,
            id: id_at(created_at, rng),
            created_at,
            speaker: line.speaker,
            text: String::new(),
            error: None,
            feedback: feedback(line.speaker, created_at, rng),
            page: (opens && chance(50, rng)).then(|| GeneratedPage::draw(facts, rng)),
        };
        match line.speaker {
            _ if opens => message.text = facts.opening(line.text, rng),
            DialogueRole::Assistant => message.answer(line.text, facts, rng),
            _ => message.text = facts.fill(line.text, ""),
        }
        message
    }

    /// An answer of the assistant: perhaps with its sources, rarely broken off.
    fn answer(&mut self, template: &str, facts: &TemplateValues, rng: &mut Rng) {
        let (language, topic) = (facts.language, facts.topic);
        let sources = match template.contains("{cite}") {
            true => rng.u32(0..10),
            false => 0,
        };
        let cite = match sources {
            0..4 => String::new(),
            4..8 => "[1]".to_owned(),
            8 => format!("[{}][1]", topic.title),
            _ => "[1][2]".to_owned(),
        };
        self.text = facts.fill(template, &cite);
        if rng.u32(0..1000) < 7 {
            self.break_off(rng);
            return;
        }
        for (number, section) in [(1, topic), (2, &language.handover)] {
            if cite.contains(&format!("[{number}]")) {
                let gap = if number == 1 { "\n\n" } else { "\n" };
                let url = help_url(language, section);
                self.text += &format!("{gap}[{number}]: {url} \"{}\"", section.title);
            }
        }
    }

    fn break_off(&mut self, rng: &mut Rng) {
        let half = self.text.len() / 2;
        let end = self.text[..self.text.floor_char_boundary(half)].rfind(' ');
        self.text.truncate(end.unwrap_or(0));
        self.feedback = None;
        self.error = Some(pick(
            &[
                "The model service did not answer in time.",
                "The model service is overloaded.",
                "The connection to the model service was lost.",
            ],
            rng,
        ));
    }
}

fn feedback(speaker: DialogueRole, created_at: i64, rng: &mut Rng) -> Option<GeneratedFeedback> {
    let percent = match speaker {
        DialogueRole::Visitor => 0,
        DialogueRole::Assistant => 8,
        DialogueRole::Agent => 12,
    };
    let at = created_at + rng.i64(4 * SECOND..12 * MINUTE);
    (chance(percent, rng) && at <= NOW).then(|| GeneratedFeedback {
        like: chance(74, rng),
        at,
    })
}

/// How long it takes until the next line: the assistant needs seconds, people
/// minutes, and sometimes they come back the next day.
pub fn pause(before: Option<DialogueRole>, speaker: DialogueRole, rng: &mut Rng) -> i64 {
    let late = chance(4, rng);
    match (before, speaker) {
        (None, _) => rng.i64(400..45 * SECOND),
        (_, DialogueRole::Assistant) => rng.i64(1500..14 * SECOND),
        (Some(DialogueRole::Agent), DialogueRole::Agent) => rng.i64(20 * SECOND..4 * MINUTE),
        (_, DialogueRole::Visitor | DialogueRole::Agent) if late => rng.i64(HOUR..20 * HOUR),
        (_, DialogueRole::Agent) => rng.i64(MINUTE..25 * MINUTE),
        (_, DialogueRole::Visitor) => rng.i64(12 * SECOND..6 * MINUTE),
    }
}

impl GeneratedPage {
    /// A page of the shop on which one would ask about the topic.
    pub fn draw(facts: &TemplateValues, rng: &mut Rng) -> Self {
        let (language, topic) = (facts.language, facts.topic);
        match rng.u32(0..10) {
            0..5 => Self {
                url: help_url(language, topic),
                title: topic.title.to_owned(),
                selection: match topic.passages.is_empty() || chance(50, rng) {
                    true => None,
                    false => Some(pick(&topic.passages, rng)),
                },
            },
            5..8 => Self {
                url: format!("{}products/{}", home(language), facts.product_number()),
                title: facts.product.to_owned(),
                selection: None,
            },
            _ => Self {
                url: home(language),
                title: "shop.example".to_owned(),
                selection: None,
            },
        }
    }
}

fn help_url(language: &PhraseBook, section: &PhraseSection) -> String {
    let name = match section.name {
        "handover" => "contact",
        name => name,
    };
    format!("{}help/{name}", home(language))
}

/// Where the shop's pages in a language begin.
fn home(language: &PhraseBook) -> String {
    match language.tag == LANGUAGES[0].tag {
        true => "https://shop.example/".to_owned(),
        false => format!("https://shop.example/{}/", language.tag),
    }
}
