//! What is said in a conversation and by whom: the order of its lines.

use fastrand::Rng;

use super::draw::{chance, pick};
use super::phrases::{Exchange, Language, Section};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    Visitor,
    Assistant,
    Agent,
}

impl Speaker {
    /// As the file calls them.
    pub fn role(self) -> &'static str {
        match self {
            Speaker::Visitor => "user",
            Speaker::Assistant => "assistant",
            Speaker::Agent => "human_agent",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Line {
    pub speaker: Speaker,
    /// The text, its slots unfilled.
    pub text: &'static str,
}

/// How a conversation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Opened, nothing said.
    Empty,
    /// One question so far.
    Begun,
    /// The assistant answers to the end.
    Assisted,
    /// A person takes over.
    Handed,
}

impl Course {
    pub fn draw(rng: &mut Rng) -> Self {
        match rng.u32(0..100) {
            0..3 => Course::Empty,
            3..8 => Course::Begun,
            8..23 => Course::Handed,
            _ => Course::Assisted,
        }
    }

    /// How many lines it is to have. A takeover may add one or two.
    fn length(self, rng: &mut Rng) -> usize {
        let lot = rng.u32(0..100);
        match self {
            Course::Empty => 0,
            Course::Begun => 1,
            Course::Assisted => match lot {
                0..48 => 2,
                48..58 => 3,
                58..82 => 4,
                82..87 => 5,
                87..95 => 6,
                _ => rng.usize(7..=14),
            },
            Course::Handed => match lot {
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
    language: &'static Language,
    topic: &'static Section,
    course: Course,
    rng: &mut Rng,
) -> Vec<Line> {
    let length = course.length(rng);
    let mut script = Script::new(language, topic, rng);
    if length > 0 {
        script.say(Speaker::Visitor, pick(&script.matter.asks, rng));
    }
    match course {
        Course::Assisted => script.say(Speaker::Assistant, pick(&script.matter.answers, rng)),
        Course::Handed => script.hand_over(rng),
        Course::Empty | Course::Begun => {}
    }
    while script.lines.len() < length {
        if !script.go_on(length - script.lines.len(), rng) {
            break;
        }
    }
    script.lines
}

struct Script {
    language: &'static Language,
    /// What it is about.
    matter: &'static Exchange,
    lines: Vec<Line>,
    /// Who answers at present.
    desk: Speaker,
    /// Further questions, none of them twice; the last one comes first.
    pairs: Vec<(&'static str, &'static str)>,
}

impl Script {
    fn new(language: &'static Language, topic: &'static Section, rng: &mut Rng) -> Self {
        let mut pairs = language.more.pairs.clone();
        // Days of delivery are no answer to a question about the service.
        pairs.retain(|(_, answer)| !topic.is_service() || !answer.contains("{n}"));
        rng.shuffle(&mut pairs);
        pairs.extend(topic.pairs.iter().rev());
        Self {
            language,
            matter: &topic.exchanges[rng.usize(0..topic.exchanges.len())],
            lines: Vec::with_capacity(8),
            desk: Speaker::Assistant,
            pairs,
        }
    }

    fn say(&mut self, speaker: Speaker, text: &'static str) {
        self.lines.push(Line { speaker, text });
    }

    /// Either a person answers at once, or the visitor asks for one.
    fn hand_over(&mut self, rng: &mut Rng) {
        let language = self.language;
        let at_once = chance(40, rng);
        if !at_once {
            self.say(Speaker::Assistant, pick(&self.matter.answers, rng));
            self.say(Speaker::Visitor, pick(&language.handover.only().asks, rng));
        }
        if !at_once && chance(40, rng) {
            self.say(
                Speaker::Assistant,
                pick(&language.handover.only().answers, rng),
            );
        }
        self.desk = Speaker::Agent;
        self.say(Speaker::Agent, pick(&language.agent.only().answers, rng));
        let answers = match at_once {
            true => &self.matter.answers,
            false => &language.solved.only().answers,
        };
        self.say(Speaker::Agent, pick(answers, rng));
    }

    /// Adds one to three of the `left` lines; false when all has been said.
    fn go_on(&mut self, left: usize, rng: &mut Rng) -> bool {
        let thanks = self.language.thanks.only();
        let last = left <= 2 && chance(45, rng);
        match self.pairs.pop() {
            Some((ask, answer)) if !last => {
                self.say(Speaker::Visitor, ask);
                if left > 2 && self.desk == Speaker::Agent && chance(25, rng) {
                    self.say(self.desk, pick(&self.language.waiting.only().answers, rng));
                }
                if left > 1 {
                    self.say(self.desk, answer);
                }
                true
            }
            _ => {
                self.say(Speaker::Visitor, pick(&thanks.asks, rng));
                if left > 1 {
                    self.say(self.desk, pick(&thanks.answers, rng));
                }
                false
            }
        }
    }
}
