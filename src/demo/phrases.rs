//! What the people of the demo say: one text file per language in `phrases/`.
//!
//! A line of such a file is one of
//!
//! ```text
//! # a remark
//! @key value      a property of the language; `|` stands between several values
//! == name | Title a section: one of `more`, `details`, `handover`, `agent`,
//!                 `solved`, `waiting`, `thanks`, or else a topic of the help pages
//! ? text          what a visitor says
//! ! text          what the desk says to it: some `?`, then some `!`, are questions
//!                 that any of those answers fits
//! + text, - text  a further question, and on the next line its answer
//! * text          a passage of the help page that a visitor may have selected
//! ```
//!
//! and texts have `{slots}`, which `wording` fills.

use std::sync::LazyLock;

/// A language's file name and contents.
macro_rules! files {
    ($($tag:literal)*) => {
        [$(($tag, include_str!(concat!("phrases/", $tag, ".txt")))),*]
    };
}

const FILES: [(&str, &str); 16] =
    files!["en" "de" "es" "fr" "pt" "it" "pl" "tr" "ja" "zh" "ko" "ar" "el" "uk" "hi" "vi"];

/// Every language; English is the first.
pub static LANGUAGES: LazyLock<Vec<PhraseBook>> =
    LazyLock::new(|| FILES.map(|(tag, text)| PhraseBook::parse(tag, text)).into());

/// Topics that are about the service rather than about a delivery.
const SERVICE: [&str; 6] = ["login", "plans", "cancel", "api", "integrations", "bugs"];

/// Questions, and answers to any of them.
#[derive(Debug, Default)]
pub struct Exchange {
    pub asks: Vec<&'static str>,
    pub answers: Vec<&'static str>,
}

/// Texts that belong together.
#[derive(Debug, Default)]
pub struct PhraseSection {
    pub name: &'static str,
    pub title: &'static str,
    pub exchanges: Vec<Exchange>,
    pub pairs: Vec<(&'static str, &'static str)>,
    pub passages: Vec<&'static str>,
}

/// A person of the desk.
#[derive(Debug, PartialEq)]
pub struct DemoAgent {
    pub name: &'static str,
    /// The address of a picture.
    pub image: Option<String>,
}

#[derive(Debug, Default)]
pub struct PhraseBook {
    /// As in the addresses of the shop's pages.
    pub tag: &'static str,
    /// How common it is, against the others' shares.
    pub share: u32,
    /// How a day is written: `D`, `M` and `N` stand for the day, the month and
    /// the month's name.
    pub date: &'static str,
    pub months: Vec<&'static str>,
    /// How a price is written: `I` and `F` stand for the whole and the cents.
    pub money: &'static str,
    /// How a name is written: `F` and `L` stand for the first and the last name.
    pub person: &'static str,
    pub cities: Vec<&'static str>,
    pub products: Vec<&'static str>,
    pub first_names: Vec<&'static str>,
    pub last_names: Vec<&'static str>,
    pub agents: Vec<DemoAgent>,
    pub greetings: Vec<&'static str>,
    pub topics: Vec<PhraseSection>,
    /// Whatever the topic: further questions, and what a first message adds.
    pub more: PhraseSection,
    pub details: PhraseSection,
    /// A visitor asks for a person; the assistant passes them on.
    pub handover: PhraseSection,
    /// A person takes over; asks for patience; has dealt with it.
    pub agent: PhraseSection,
    pub waiting: PhraseSection,
    pub solved: PhraseSection,
    pub thanks: PhraseSection,
}

impl PhraseBook {
    /// Reads a file. The files are part of the program, so a line that means
    /// nothing is a mistake in the source, and a test finds it.
    fn parse(tag: &'static str, text: &'static str) -> Self {
        let mut language = Self {
            tag,
            person: "F L",
            ..Self::default()
        };
        let mut section = PhraseSection::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
            match mark {
                "#" => {}
                "==" => {
                    let next = PhraseSection::headed(rest);
                    language.keep(std::mem::replace(&mut section, next));
                }
                "?" | "!" | "+" | "-" | "*" => section.add(mark, rest),
                key => language.set(key, rest),
            }
        }
        language.keep(section);
        language
    }

    /// Everything that anybody can say.
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
            let said = exchanges.flat_map(|one| one.asks.iter().chain(&one.answers).copied());
            let further = section
                .pairs
                .iter()
                .flat_map(|(ask, answer)| [*ask, *answer]);
            said.chain(further)
        })
    }

    fn set(&mut self, key: &str, value: &'static str) {
        let values = || value.split('|').collect();
        match key {
            "@share" => self.share = value.parse().expect("a number"),
            "@date" => self.date = value,
            "@months" => self.months = values(),
            "@money" => self.money = value,
            "@person" => self.person = value,
            "@cities" => self.cities = values(),
            "@products" => self.products = values(),
            "@first" => self.first_names = values(),
            "@last" => self.last_names = values(),
            "@agents" => self.agents = value.split('|').map(DemoAgent::parse).collect(),
            "@greetings" => self.greetings = values(),
            other => panic!("{}: no such mark: {other}", self.tag),
        }
    }

    fn keep(&mut self, section: PhraseSection) {
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
    fn headed(heading: &'static str) -> Self {
        let (name, title) = heading.split_once(" | ").unwrap_or((heading, heading));
        Self {
            name,
            title,
            ..Self::default()
        }
    }

    fn add(&mut self, mark: &str, text: &'static str) {
        match mark {
            "?" => self.asking().push(text),
            "!" => self.answering().push(text),
            "*" => self.passages.push(text),
            "+" => self.pairs.push((text, "")),
            _ => self.pairs.last_mut().expect("a question before").1 = text,
        }
    }

    /// Where the next question goes: those after an answer begin anew.
    fn asking(&mut self) -> &mut Vec<&'static str> {
        if self
            .exchanges
            .last()
            .is_none_or(|last| !last.answers.is_empty())
        {
            self.exchanges.push(Exchange::default());
        }
        let last = self.exchanges.len() - 1;
        &mut self.exchanges[last].asks
    }

    fn answering(&mut self) -> &mut Vec<&'static str> {
        if self.exchanges.is_empty() {
            self.exchanges.push(Exchange::default());
        }
        let last = self.exchanges.len() - 1;
        &mut self.exchanges[last].answers
    }

    /// The first questions with their answers; all there are, but for topics.
    pub fn only(&self) -> &Exchange {
        &self.exchanges[0]
    }

    pub fn is_service(&self) -> bool {
        SERVICE.contains(&self.name)
    }
}

impl DemoAgent {
    fn parse(text: &'static str) -> Self {
        let (name, image) = match text.split_once('=') {
            Some((name, file)) => (name, Some(format!("https://shop.example/team/{file}"))),
            None => (text, None),
        };
        Self { name, image }
    }

    /// The name that they give: the first there is.
    pub fn called(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_what_a_script_needs() {
        for language in LANGUAGES.iter() {
            let tag = language.tag;
            assert!(language.share > 0, "{tag}");
            assert!([0, 12].contains(&language.months.len()), "{tag}");
            assert!(language.topics.len() >= 3, "{tag}");
            let lone = [&language.handover, &language.thanks];
            for section in language.topics.iter().chain(lone) {
                for exchange in &section.exchanges {
                    let (asks, answers) = (&exchange.asks, &exchange.answers);
                    assert!(
                        !asks.is_empty() && !answers.is_empty(),
                        "{tag} {}",
                        section.name
                    );
                }
            }
            for section in [&language.agent, &language.waiting, &language.solved] {
                assert!(!section.only().answers.is_empty(), "{tag}");
            }
            assert!(!language.details.only().asks.is_empty(), "{tag}");
            let topics = language.topics.iter().chain([&language.more]);
            for (_, answer) in topics.flat_map(|section| &section.pairs) {
                assert!(!answer.is_empty(), "{tag}");
            }
        }
    }

    #[test]
    fn an_agent_has_one_picture_or_none_wherever_they_answer() {
        let agents = || LANGUAGES.iter().flat_map(|language| &language.agents);
        for one in agents() {
            assert!(agents().all(|other| one.name != other.name || one == other));
        }
    }
}
