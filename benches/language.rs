//! A made-up help centre and questions to it, the same at every run: words that
//! are as unequal as a language's (the n-th is n times rarer than the first),
//! between those that English puts around them.

use fastrand::Rng;
use parlor::domain::{Document, Section};

pub const DOCUMENTS: usize = 2_000;
pub const SECTIONS: usize = 5;
const VOCABULARY: usize = 30_000;

/// What stands between the words that tell something: nearly half of a text.
const BETWEEN: [&str; 24] = [
    "the", "a", "to", "of", "your", "you", "is", "and", "in", "for", "with", "we", "it", "on",
    "are", "from", "that", "will", "can", "this", "if", "by", "or", "not",
];

const OPENINGS: [&str; 12] = [
    "how do i",
    "how can i",
    "where is the",
    "what happens if my",
    "is it possible to",
    "do you have",
    "can you tell me about the",
    "i need",
    "why is my",
    "when will the",
    "what does it cost to",
    "can i still",
];

pub struct Language {
    words: Vec<String>,
    /// For each word the sum of the shares up to it.
    shares: Vec<f64>,
}

impl Language {
    pub fn new() -> Self {
        let mut random = Rng::with_seed(7);
        let mut sum = 0.0;
        let shares = (0..VOCABULARY).map(|rank| {
            sum += 1.0 / (rank as f64 + 3.0);
            sum
        });
        Self {
            shares: shares.collect(),
            words: (0..VOCABULARY)
                .map(|_| invent(&mut random, b"aeiou"))
                .collect(),
        }
    }

    // ── The help centre ──

    /// A page of it.
    pub fn page(&self, number: usize) -> Document {
        let mut random = Rng::with_seed(number as u64);
        let sections = (0..SECTIONS).map(|section| self.section(number * SECTIONS + section));
        Document {
            url: format!("https://help.shop.example/{number}"),
            title: self.common(&mut random, 3).join(" "),
            sections: sections.collect(),
        }
    }

    fn section(&self, number: usize) -> Section {
        let mut random = Rng::with_seed(1_000_000 + number as u64);
        let topic = self.topic(number);
        let sentences = (0..random.usize(7..14)).map(|_| self.sentence(&topic, &mut random));
        Section {
            body: sentences.collect::<Vec<_>>().join(" "),
            heading: format!("{} {} {}", topic[0], BETWEEN[random.usize(..24)], topic[1]),
        }
    }

    /// The words that tell what a section is about.
    fn topic(&self, section: usize) -> [&str; 3] {
        let mut random = Rng::with_seed(2_000_000 + section as u64);
        [(); 3].map(|()| {
            let rank = 100.0 * 150_f64.powf(random.f64());
            self.words[rank as usize].as_str()
        })
    }

    fn sentence(&self, topic: &[&str], random: &mut Rng) -> String {
        let words = (0..random.usize(6..16)).map(|_| match random.u8(..100) {
            0..45 => BETWEEN[random.usize(..24)],
            45..55 => topic[random.usize(..3)],
            _ => self.word(random),
        });
        let text = words.collect::<Vec<_>>().join(" ");
        format!("{}{}.", text[..1].to_uppercase(), &text[1..])
    }

    fn word(&self, random: &mut Rng) -> &str {
        let last = self.shares.last().copied().unwrap_or_default();
        let drawn = random.f64() * last;
        let rank = self.shares.partition_point(|share| *share < drawn);
        &self.words[rank]
    }

    fn common(&self, random: &mut Rng, count: usize) -> Vec<&str> {
        (0..count).map(|_| self.word(random)).collect()
    }

    // ── Questions to it ──

    /// A question of 5 to 12 words about some section. One in eight is
    /// misspelt, one in eight is about what no page tells.
    pub fn question(&self, random: &mut Rng) -> String {
        let topic = self.topic(random.usize(..DOCUMENTS * SECTIONS));
        let mut telling: Vec<_> = topic.iter().map(|word| (*word).to_owned()).collect();
        telling.truncate(random.usize(2..4));
        match random.u8(..8) {
            0 => misspell(&mut telling[0], random),
            // Letters that no page's words are made of.
            1 => telling
                .iter_mut()
                .for_each(|word| *word = invent(random, b"yqxj")),
            _ => {}
        }
        let mut words: Vec<_> = OPENINGS[random.usize(..12)].split(' ').collect();
        let length = random.usize(5..=12).max(words.len() + telling.len());
        let room = length - words.len() - telling.len();
        words.extend(telling.iter().map(String::as_str));
        for filled in 0..room {
            let place = words.len() - random.usize(..=telling.len().min(filled + 1));
            words.insert(
                place,
                match random.u8(..3) {
                    0 => self.word(random),
                    _ => BETWEEN[random.usize(..24)],
                },
            );
        }
        words.join(" ") + "?"
    }
}

/// A word of two to four syllables.
fn invent(random: &mut Rng, vowels: &[u8]) -> String {
    let count = random.usize(2..5);
    let letters = (0..2 * count).map(|place| match place % 2 {
        0 => b"bcdfghklmnprstvwz"[random.usize(..17)],
        _ => vowels[random.usize(..vowels.len())],
    });
    letters.map(char::from).collect()
}

/// A letter left out, doubled or wrong; never the first.
fn misspell(word: &mut String, random: &mut Rng) {
    let place = random.usize(1..word.len());
    let letter = word.remove(place);
    match random.u8(..3) {
        0 => {}
        1 => word.insert_str(place, &[letter, letter].iter().collect::<String>()),
        _ => word.insert(place, 'e'),
    }
}
