//! The dialogue of a conversation: its lines with their roles, as templates.

use fastrand::Rng;

use super::phrases::{Exchange, PhraseBook, PhraseSection};
use super::random::{chance, pick};
use crate::domain::Role;

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogueRole {
    Visitor,
    Assistant,
    Agent,
}

impl From<DialogueRole> for Role {
    fn from(role: DialogueRole) -> Self {
        match role {
            DialogueRole::Visitor => Role::User,
            DialogueRole::Assistant => Role::Assistant,
            DialogueRole::Agent => Role::HumanAgent,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct DialogueLine {
    pub role: DialogueRole,
    /// The text with unfilled slots.
    pub template: &'static str,
}

/// The course of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// No message.
    Empty,
    /// One question without an answer.
    Unanswered,
    /// The assistant answers every question.
    Assisted,
    /// An agent takes over.
    HandedOver,
}

impl Scenario {
    pub fn random(rng: &mut Rng) -> Self {
        match rng.u32(0..100) {
            0..3 => Scenario::Empty,
            3..8 => Scenario::Unanswered,
            8..23 => Scenario::HandedOver,
            _ => Scenario::Assisted,
        }
    }

    /// The number of lines. A takeover may add one or two.
    fn random_length(self, rng: &mut Rng) -> usize {
        let percent = rng.u32(0..100);
        match self {
            Scenario::Empty => 0,
            Scenario::Unanswered => 1,
            Scenario::Assisted => match percent {
                0..48 => 2,
                48..58 => 3,
                58..82 => 4,
                82..87 => 5,
                87..95 => 6,
                _ => rng.usize(7..=14),
            },
            Scenario::HandedOver => match percent {
                0..10 => 3,
                10..32 => 4,
                32..60 => 5,
                60..80 => 6,
                80..90 => 7,
                90..95 => 8,
                _ => rng.usize(9..=14),
            },
        }
    }
}

/// Generates the lines of a conversation about `topic`.
pub fn generate(
    language: &'static PhraseBook,
    topic: &'static PhraseSection,
    scenario: Scenario,
    rng: &mut Rng,
) -> Vec<DialogueLine> {
    let length = scenario.random_length(rng);
    let mut dialogue = DialogueBuilder::new(language, topic, rng);
    let subject = dialogue.subject;
    if length > 0 {
        dialogue.push(DialogueRole::Visitor, pick(&subject.questions, rng));
    }
    match scenario {
        Scenario::Assisted => {
            dialogue.push(DialogueRole::Assistant, pick(&subject.answers, rng));
        }
        Scenario::HandedOver => dialogue.hand_over(rng),
        Scenario::Empty | Scenario::Unanswered => {}
    }
    while dialogue.lines.len() < length {
        if !dialogue.push_exchange(length - dialogue.lines.len(), rng) {
            break;
        }
    }
    dialogue.lines
}

struct DialogueBuilder {
    language: &'static PhraseBook,
    /// The first question and its answers.
    subject: &'static Exchange,
    lines: Vec<DialogueLine>,
    /// Who answers the visitor: the assistant, or the agent after a takeover.
    answerer: DialogueRole,
    /// Further questions with their answers, in reverse order and without
    /// duplicates.
    follow_ups: Vec<(&'static str, &'static str)>,
}

impl DialogueBuilder {
    fn new(language: &'static PhraseBook, topic: &'static PhraseSection, rng: &mut Rng) -> Self {
        let mut follow_ups = language.more.follow_ups.clone();
        // An answer with a delivery time ({n} days) does not fit a question
        // about the service.
        follow_ups.retain(|(_, answer)| !topic.is_service() || !answer.contains("{n}"));
        rng.shuffle(&mut follow_ups);
        follow_ups.extend(topic.follow_ups.iter().rev());
        Self {
            language,
            subject: &topic.exchanges[rng.usize(0..topic.exchanges.len())],
            lines: Vec::with_capacity(8),
            answerer: DialogueRole::Assistant,
            follow_ups,
        }
    }

    fn push(&mut self, role: DialogueRole, template: &'static str) {
        self.lines.push(DialogueLine { role, template });
    }

    /// An agent takes over, at once or after the visitor asks for a person.
    fn hand_over(&mut self, rng: &mut Rng) {
        let language = self.language;
        let is_immediate = chance(40, rng);
        let handover = language.handover.first_exchange();
        if !is_immediate {
            self.push(DialogueRole::Assistant, pick(&self.subject.answers, rng));
            self.push(DialogueRole::Visitor, pick(&handover.questions, rng));
        }
        if !is_immediate && chance(40, rng) {
            self.push(DialogueRole::Assistant, pick(&handover.answers, rng));
        }
        self.answerer = DialogueRole::Agent;
        let greeting = language.agent.first_exchange();
        self.push(DialogueRole::Agent, pick(&greeting.answers, rng));
        let answers = if is_immediate {
            &self.subject.answers
        } else {
            &language.solved.first_exchange().answers
        };
        self.push(DialogueRole::Agent, pick(answers, rng));
    }

    /// Adds one to three lines, at most `max_lines`. Returns false if the
    /// dialogue ends with them.
    fn push_exchange(&mut self, max_lines: usize, rng: &mut Rng) -> bool {
        let ends = max_lines <= 2 && chance(45, rng);
        match self.follow_ups.pop() {
            Some((question, answer)) if !ends => {
                self.push_follow_up(question, answer, max_lines, rng);
                true
            }
            _ => {
                let thanks = self.language.thanks.first_exchange();
                self.push(DialogueRole::Visitor, pick(&thanks.questions, rng));
                if max_lines > 1 {
                    self.push(self.answerer, pick(&thanks.answers, rng));
                }
                false
            }
        }
    }

    fn push_follow_up(
        &mut self,
        question: &'static str,
        answer: &'static str,
        max_lines: usize,
        rng: &mut Rng,
    ) {
        self.push(DialogueRole::Visitor, question);
        if max_lines > 2 && self.answerer == DialogueRole::Agent && chance(25, rng) {
            let waiting = self.language.waiting.first_exchange();
            self.push(self.answerer, pick(&waiting.answers, rng));
        }
        if max_lines > 1 {
            self.push(self.answerer, answer);
        }
    }
}
