//! Generates a help centre and questions about it. All runs generate the same
//! texts. The words are invented. Their frequencies follow Zipf's law, and English
//! stop words are mixed in.

use fastrand::Rng;
use parlor::domain::{Document, Section};

pub const DOCUMENTS: usize = 2_000;
pub const SECTIONS: usize = 5;
const VOCABULARY_SIZE: usize = 30_000;

/// The stop words between content words. They make up nearly half of a text.
const STOP_WORDS: [&str; 24] = [
    "the", "a", "to", "of", "your", "you", "is", "and", "in", "for", "with", "we", "it", "on",
    "are", "from", "that", "will", "can", "this", "if", "by", "or", "not",
];

/// The beginnings of questions.
const QUESTION_OPENINGS: [&str; 12] = [
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

/// A generator of pages and questions.
pub struct HelpCentre {
    words: Vec<String>,
    /// For each word, the sum of the frequencies of the words up to it.
    cumulative_frequencies: Vec<f64>,
}

impl HelpCentre {
    pub fn new() -> Self {
        let mut random = Rng::with_seed(7);
        let mut sum = 0.0;
        let cumulative_frequencies = (0..VOCABULARY_SIZE).map(|rank| {
            sum += 1.0 / (rank as f64 + 3.0);
            sum
        });
        Self {
            cumulative_frequencies: cumulative_frequencies.collect(),
            words: (0..VOCABULARY_SIZE)
                .map(|_| random_word(&mut random, b"aeiou"))
                .collect(),
        }
    }

    // ── Pages ──

    /// Returns a page. `number` selects it.
    pub fn page(&self, number: usize) -> Document {
        let mut random = Rng::with_seed(number as u64);
        let sections = (0..SECTIONS).map(|section| self.section(number * SECTIONS + section));
        Document {
            url: format!("https://help.shop.example/{number}"),
            title: self.random_words(&mut random, 3).join(" "),
            description: String::new(),
            sections: sections.collect(),
        }
    }

    fn section(&self, number: usize) -> Section {
        let mut random = Rng::with_seed(1_000_000 + number as u64);
        let topic = self.topic(number);
        let sentences = (0..random.usize(7..14)).map(|_| self.sentence(&topic, &mut random));
        Section {
            body: sentences.collect::<Vec<_>>().join(" "),
            heading: format!(
                "{} {} {}",
                topic[0],
                STOP_WORDS[random.usize(..24)],
                topic[1]
            ),
        }
    }

    /// Returns the topic words of a section.
    fn topic(&self, section: usize) -> [&str; 3] {
        let mut random = Rng::with_seed(2_000_000 + section as u64);
        [(); 3].map(|()| {
            let rank = 100.0 * 150_f64.powf(random.f64());
            self.words[rank as usize].as_str()
        })
    }

    fn sentence(&self, topic: &[&str], random: &mut Rng) -> String {
        let words = (0..random.usize(6..16)).map(|_| match random.u8(..100) {
            0..45 => STOP_WORDS[random.usize(..24)],
            45..55 => topic[random.usize(..3)],
            _ => self.word(random),
        });
        let text = words.collect::<Vec<_>>().join(" ");
        format!("{}{}.", text[..1].to_uppercase(), &text[1..])
    }

    /// Returns a random word of the vocabulary.
    fn word(&self, random: &mut Rng) -> &str {
        let frequencies = &self.cumulative_frequencies;
        let total = frequencies.last().copied().unwrap_or_default();
        let threshold = random.f64() * total;
        let rank = frequencies.partition_point(|frequency| *frequency < threshold);
        &self.words[rank]
    }

    fn random_words(&self, random: &mut Rng, count: usize) -> Vec<&str> {
        (0..count).map(|_| self.word(random)).collect()
    }

    // ── Questions ──

    /// Returns a question of 5 to 12 words about a random section. One in eight has
    /// a misspelt word, and one in eight has topic words that no page contains.
    pub fn question(&self, random: &mut Rng) -> String {
        let topic = self.topic(random.usize(..DOCUMENTS * SECTIONS));
        let mut topic_words: Vec<_> = topic.iter().map(|word| (*word).to_owned()).collect();
        topic_words.truncate(random.usize(2..4));
        match random.u8(..8) {
            0 => misspell(&mut topic_words[0], random),
            // These vowels are not in the words of the pages.
            1 => topic_words
                .iter_mut()
                .for_each(|word| *word = random_word(random, b"yqxj")),
            _ => {}
        }
        let mut words: Vec<_> = QUESTION_OPENINGS[random.usize(..12)].split(' ').collect();
        let length = random.usize(5..=12).max(words.len() + topic_words.len());
        let filler_count = length - words.len() - topic_words.len();
        words.extend(topic_words.iter().map(String::as_str));
        for filler in 0..filler_count {
            let position = words.len() - random.usize(..=topic_words.len().min(filler + 1));
            words.insert(
                position,
                match random.u8(..3) {
                    0 => self.word(random),
                    _ => STOP_WORDS[random.usize(..24)],
                },
            );
        }
        words.join(" ") + "?"
    }
}

/// Returns a word of two to four syllables.
fn random_word(random: &mut Rng, vowels: &[u8]) -> String {
    let count = random.usize(2..5);
    let letters = (0..2 * count).map(|index| match index % 2 {
        0 => b"bcdfghklmnprstvwz"[random.usize(..17)],
        _ => vowels[random.usize(..vowels.len())],
    });
    letters.map(char::from).collect()
}

/// Drops, doubles or replaces a letter other than the first.
fn misspell(word: &mut String, random: &mut Rng) {
    let position = random.usize(1..word.len());
    let letter = word.remove(position);
    match random.u8(..3) {
        0 => {}
        1 => word.insert_str(position, &[letter, letter].iter().collect::<String>()),
        _ => word.insert(position, 'e'),
    }
}
