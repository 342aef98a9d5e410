//! The texts of the demo: one file per language in `phrases/`.
//!
//! Each line of a file is one of
//!
//! ```text
//! # a comment
//! @key value      a property of the language; `|` separates several values
//! == name | Title a section: `more`, `details`, `handover`, `agent`, `solved`,
//!                 `waiting`, `thanks`, or the name of a topic of the help pages
//! ? text          a message of a visitor
//! ! text          an answer; several `?` followed by several `!` are questions
//!                 that each of those answers fits
//! + text, - text  a further question, and on the next line its answer
//! * text          a passage of the help page that a visitor may have selected
//! ```
//!
//! The texts contain `{slots}`, which `templates` fills.

use std::sync::LazyLock;

use super::agents::account_id;
use crate::domain::AgentId;

/// A language's file name and contents.
macro_rules! files {
    ($($tag:literal)*) => {
        [$(($tag, include_str!(concat!("phrases/", $tag, ".txt")))),*]
    };
}

const FILES: [(&str, &str); 16] =
    files!["en" "de" "es" "fr" "pt" "it" "pl" "tr" "ja" "zh" "ko" "ar" "el" "uk" "hi" "vi"];

/// All languages; the first is English.
pub static LANGUAGES: LazyLock<Vec<PhraseBook>> =
    LazyLock::new(|| FILES.map(|(tag, text)| PhraseBook::parse(tag, text)).into());

/// Topics about the service instead of a delivery.
const SERVICE: [&str; 6] = ["login", "plans", "cancel", "api", "integrations", "bugs"];

/// Questions, and answers that fit each of them.
#[derive(Debug, Default)]
pub struct Exchange {
    pub questions: Vec<&'static str>,
    pub answers: Vec<&'static str>,
}

/// The texts about one topic, or with one purpose.
#[derive(Debug, Default)]
pub struct PhraseSection {
    pub name: &'static str,
    pub title: &'static str,
    pub exchanges: Vec<Exchange>,
    /// Further questions, each with its answer.
    pub follow_ups: Vec<(&'static str, &'static str)>,
    pub passages: Vec<&'static str>,
}

/// An agent of the shop. The demo has no pictures: their addresses would not exist.
#[derive(Debug)]
pub struct DemoAgent {
    pub name: &'static str,
    /// The account in the inbox, which some agents have.
    pub account: Option<AgentId>,
}

#[derive(Debug, Default)]
pub struct PhraseBook {
    /// The language tag, which is also part of the shop's addresses.
    pub tag: &'static str,
    /// The share of visitors with this language, relative to the others.
    pub share: u32,
    /// The pattern of a date: `D` is the day, `M` the month, `N` the name of the
    /// month.
    pub date_pattern: &'static str,
    pub months: Vec<&'static str>,
    /// The pattern of a price: `I` is the integer part, `F` the cents.
    pub money_pattern: &'static str,
    /// The pattern of a name: `F` is the first name, `L` the last name.
    pub name_pattern: &'static str,
    pub cities: Vec<&'static str>,
    pub products: Vec<&'static str>,
    pub first_names: Vec<&'static str>,
    pub last_names: Vec<&'static str>,
    pub agents: Vec<DemoAgent>,
    pub greetings: Vec<&'static str>,
    pub topics: Vec<PhraseSection>,
    /// Further questions of any topic.
    pub more: PhraseSection,
    /// Details that a first message adds.
    pub details: PhraseSection,
    /// The visitor asks for an agent, and the assistant hands over.
    pub handover: PhraseSection,
    /// The agent introduces themselves.
    pub agent: PhraseSection,
    /// The agent asks the visitor to wait.
    pub waiting: PhraseSection,
    /// The agent has solved the problem.
    pub solved: PhraseSection,
    pub thanks: PhraseSection,
}

impl PhraseBook {
    /// Parses a file. Panics on an invalid line: the files are part of the
    /// program, and a test parses all of them.
    fn parse(tag: &'static str, text: &'static str) -> Self {
        let mut language = Self {
            tag,
            name_pattern: "F L",
            ..Self::default()
        };
        let mut section = PhraseSection::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
            match mark {
                "#" => {}
                "==" => {
                    let next = PhraseSection::new(rest);
                    language.add_section(std::mem::replace(&mut section, next));
                }
                "?" | "!" | "+" | "-" | "*" => section.add_line(mark, rest),
                key => language.set_property(key, rest),
            }
        }
        language.add_section(section);
        language
    }

    /// All texts that can become messages.
    #[cfg(test)]
    pub fn texts(&self) -> impl Iterator<Item = &'static str> {
        let rest = [
            &self.more,
            &self.details,
            &self.handover,
            &self.agent,
            &self.waiting,
            &self.solved,
            &self.thanks,
        ];
        self.topics.iter().chain(rest).flat_map(|section| {
            let exchanges = section.exchanges.iter();
            let first = exchanges.flat_map(|exchange| {
                let texts = exchange.questions.iter().chain(&exchange.answers);
                texts.copied()
            });
            let follow_ups = section.follow_ups.iter();
            first.chain(follow_ups.flat_map(|(question, answer)| [*question, *answer]))
        })
    }

    fn set_property(&mut self, key: &str, value: &'static str) {
        let values = || value.split('|').collect();
        match key {
            "@share" => self.share = value.parse().expect("a number"),
            "@date" => self.date_pattern = value,
            "@months" => self.months = values(),
            "@money" => self.money_pattern = value,
            "@person" => self.name_pattern = value,
            "@cities" => self.cities = values(),
            "@products" => self.products = values(),
            "@first" => self.first_names = values(),
            "@last" => self.last_names = values(),
            "@agents" => self.agents = value.split('|').map(DemoAgent::new).collect(),
            "@greetings" => self.greetings = values(),
            other => panic!("{}: no such property: {other}", self.tag),
        }
    }

    fn add_section(&mut self, section: PhraseSection) {
        match section.name {
            "" => {}
            "more" => self.more = section,
            "details" => self.details = section,
            "handover" => self.handover = section,
            "agent" => self.agent = section,
            "waiting" => self.waiting = section,
            "solved" => self.solved = section,
            "thanks" => self.thanks = section,
            _ => self.topics.push(section),
        }
    }
}

impl PhraseSection {
    fn new(heading: &'static str) -> Self {
        let (name, title) = heading.split_once(" | ").unwrap_or((heading, heading));
        Self {
            name,
            title,
            ..Self::default()
        }
    }

    fn add_line(&mut self, mark: &str, text: &'static str) {
        match mark {
            "?" => self.questions_mut().push(text),
            "!" => self.answers_mut().push(text),
            "*" => self.passages.push(text),
            "+" => self.follow_ups.push((text, "")),
            _ => self.follow_ups.last_mut().expect("`+` before `-`").1 = text,
        }
    }

    /// The questions to add to: those of the last exchange, or of a new one if
    /// the last has answers already.
    fn questions_mut(&mut self) -> &mut Vec<&'static str> {
        let last = self.exchanges.last();
        let needs_new = last.is_none_or(|last| !last.answers.is_empty());
        &mut self.last_exchange(needs_new).questions
    }

    fn answers_mut(&mut self) -> &mut Vec<&'static str> {
        let needs_new = self.exchanges.is_empty();
        &mut self.last_exchange(needs_new).answers
    }

    fn last_exchange(&mut self, needs_new: bool) -> &mut Exchange {
        if needs_new {
            self.exchanges.push(Exchange::default());
        }
        let last = self.exchanges.len() - 1;
        &mut self.exchanges[last]
    }

    /// The first exchange. Sections other than topics have only one.
    pub fn first_exchange(&self) -> &Exchange {
        &self.exchanges[0]
    }

    pub fn is_service(&self) -> bool {
        SERVICE.contains(&self.name)
    }
}

impl DemoAgent {
    fn new(name: &'static str) -> Self {
        let account = account_id(name);
        Self { name, account }
    }

    pub fn first_name(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_languages_have_the_texts_of_a_dialogue() {
        for language in LANGUAGES.iter() {
            let tag = language.tag;
            assert!(language.share > 0, "{tag}");
            assert!([0, 12].contains(&language.months.len()), "{tag}");
            assert!(language.topics.len() >= 3, "{tag}");
            let required = [&language.handover, &language.thanks];
            for section in language.topics.iter().chain(required) {
                for exchange in &section.exchanges {
                    let (questions, answers) = (&exchange.questions, &exchange.answers);
                    assert!(
                        !questions.is_empty() && !answers.is_empty(),
                        "{tag} {}",
                        section.name
                    );
                }
            }
            for section in [&language.agent, &language.waiting, &language.solved] {
                assert!(!section.first_exchange().answers.is_empty(), "{tag}");
            }
            assert!(
                !language.details.first_exchange().questions.is_empty(),
                "{tag}"
            );
            let topics = language.topics.iter().chain([&language.more]);
            for (_, answer) in topics.flat_map(|section| &section.follow_ups) {
                assert!(!answer.is_empty(), "{tag}");
            }
        }
    }
}
