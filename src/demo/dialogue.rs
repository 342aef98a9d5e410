//! What is said in a conversation and by whom: the order of its lines.

use fastrand::Rng;

use super::phrases::{Exchange, PhraseBook, PhraseSection};
use super::random::{chance, pick};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogueRole {
    Visitor,
    Assistant,
    Agent,
}

impl DialogueRole {
    /// As the file calls them.
    pub fn role(self) -> &'static str {
        match self {
            DialogueRole::Visitor => "user",
            DialogueRole::Assistant => "assistant",
            DialogueRole::Agent => "human_agent",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct DialogueLine {
    pub speaker: DialogueRole,
    /// The text, its slots unfilled.
    pub text: &'static str,
}

/// How a conversation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Opened, nothing said.
    Empty,
    /// One question so far.
    Unanswered,
    /// The assistant answers to the end.
    Assisted,
    /// A person takes over.
    HandedOver,
}

impl Scenario {
    pub fn draw(rng: &mut Rng) -> Self {
        match rng.u32(0..100) {
            0..3 => Scenario::Empty,
            3..8 => Scenario::Unanswered,
            8..23 => Scenario::HandedOver,
            _ => Scenario::Assisted,
        }
    }

    /// How many lines it is to have. A takeover may add one or two.
    fn length(self, rng: &mut Rng) -> usize {
        let lot = rng.u32(0..100);
        match self {
            Scenario::Empty => 0,
            Scenario::Unanswered => 1,
            Scenario::Assisted => match lot {
                0..48 => 2,
                48..58 => 3,
                58..82 => 4,
                82..87 => 5,
                87..95 => 6,
                _ => rng.usize(7..=14),
            },
            Scenario::HandedOver => match lot {
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

/// The lines about `topic`, in the order in which they are said.
pub fn write(
    language: &'static PhraseBook,
    topic: &'static PhraseSection,
    course: Scenario,
    rng: &mut Rng,
) -> Vec<DialogueLine> {
    let length = course.length(rng);
    let mut dialogue = DialogueBuilder::new(language, topic, rng);
    if length > 0 {
        dialogue.say(DialogueRole::Visitor, pick(&dialogue.subject.asks, rng));
    }
    match course {
        Scenario::Assisted => dialogue.say(
            DialogueRole::Assistant,
            pick(&dialogue.subject.answers, rng),
        ),
        Scenario::HandedOver => dialogue.hand_over(rng),
        Scenario::Empty | Scenario::Unanswered => {}
    }
    while dialogue.lines.len() < length {
        if !dialogue.add_exchange(length - dialogue.lines.len(), rng) {
            break;
        }
    }
    dialogue.lines
}

struct DialogueBuilder {
    language: &'static PhraseBook,
    /// What it is about.
    subject: &'static Exchange,
    lines: Vec<DialogueLine>,
    /// Who answers at present.
    answerer: DialogueRole,
    /// Further questions, none of them twice; the last one comes first.
    pairs: Vec<(&'static str, &'static str)>,
}

impl DialogueBuilder {
    fn new(language: &'static PhraseBook, topic: &'static PhraseSection, rng: &mut Rng) -> Self {
        let mut pairs = language.more.pairs.clone();
        // Days of delivery are no answer to a question about the service.
        pairs.retain(|(_, answer)| !topic.is_service() || !answer.contains("{n}"));
        rng.shuffle(&mut pairs);
        pairs.extend(topic.pairs.iter().rev());
        Self {
            language,
            subject: &topic.exchanges[rng.usize(0..topic.exchanges.len())],
            lines: Vec::with_capacity(8),
            answerer: DialogueRole::Assistant,
            pairs,
        }
    }

    fn say(&mut self, speaker: DialogueRole, text: &'static str) {
        self.lines.push(DialogueLine { speaker, text });
    }

    /// Either a person answers at once, or the visitor asks for one.
    fn hand_over(&mut self, rng: &mut Rng) {
        let language = self.language;
        let at_once = chance(40, rng);
        if !at_once {
            self.say(DialogueRole::Assistant, pick(&self.subject.answers, rng));
            self.say(
                DialogueRole::Visitor,
                pick(&language.handover.only().asks, rng),
            );
        }
        if !at_once && chance(40, rng) {
            self.say(
                DialogueRole::Assistant,
                pick(&language.handover.only().answers, rng),
            );
        }
        self.answerer = DialogueRole::Agent;
        self.say(
            DialogueRole::Agent,
            pick(&language.agent.only().answers, rng),
        );
        let answers = match at_once {
            true => &self.subject.answers,
            false => &language.solved.only().answers,
        };
        self.say(DialogueRole::Agent, pick(answers, rng));
    }

    /// Adds one to three of the `left` lines; false when all has been said.
    fn add_exchange(&mut self, left: usize, rng: &mut Rng) -> bool {
        let thanks = self.language.thanks.only();
        let last = left <= 2 && chance(45, rng);
        match self.pairs.pop() {
            Some((ask, answer)) if !last => {
                self.say(DialogueRole::Visitor, ask);
                if left > 2 && self.answerer == DialogueRole::Agent && chance(25, rng) {
                    self.say(
                        self.answerer,
                        pick(&self.language.waiting.only().answers, rng),
                    );
                }
                if left > 1 {
                    self.say(self.answerer, answer);
                }
                true
            }
            _ => {
                self.say(DialogueRole::Visitor, pick(&thanks.asks, rng));
                if left > 1 {
                    self.say(self.answerer, pick(&thanks.answers, rng));
                }
                false
            }
        }
    }
}
