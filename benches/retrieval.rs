//! What one retrieval costs: 10,000 made-up passages whose words are as unequal
//! as a language's (the n-th word is n times rarer than the first), questions of
//! eight words of which three are common. One question in eight has a slip in it.
//!
//! Usage: `cargo run --release --example retrieval`

use std::error::Error;
use std::time::{Duration, Instant};

use parlor::answer::retrieval::{Lexicon, search};
use parlor::db::document::NewDocument;
use parlor::db::{Db, DbError, Options, project};
use parlor::domain::{
    AssistantId, Document, DocumentId, ProjectId, ProjectSeq, Section, Timestamp,
};

const DOCUMENTS: usize = 2_000;
const SECTIONS: usize = 5;
const VOCABULARY: usize = 30_000;
const ROUNDS: usize = 20_000;
const PROJECT: ProjectSeq = ProjectSeq::FIRST;

/// Draws words as unequally as a language does.
struct Language {
    random: fastrand::Rng,
    words: Vec<String>,
    /// For each word the sum of the shares up to it.
    shares: Vec<f64>,
}

impl Language {
    fn new() -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let words = (0..VOCABULARY).map(|_| invent(&mut random)).collect();
        let mut sum = 0.0;
        let shares = (0..VOCABULARY)
            .map(|rank| {
                sum += 1.0 / (rank as f64 + 3.0);
                sum
            })
            .collect();
        Self {
            random,
            words,
            shares,
        }
    }

    fn word(&mut self) -> &str {
        let last = self.shares.last().copied().unwrap_or_default();
        let drawn = self.random.f64() * last;
        let rank = self.shares.partition_point(|share| *share < drawn);
        &self.words[rank]
    }

    /// A word that says what a text is about.
    fn telling_word(&mut self) -> &str {
        let drawn = 100.0 * 150_f64.powf(self.random.f64());
        &self.words[drawn as usize]
    }

    fn text(&mut self, count: usize) -> String {
        let words: Vec<_> = (0..count).map(|_| self.word().to_owned()).collect();
        words.join(" ")
    }

    fn question(&mut self) -> String {
        let mut words = vec!["how".to_owned(), "can".to_owned(), "the".to_owned()];
        words.extend((0..2).map(|_| self.word().to_owned()));
        words.extend((0..3).map(|_| self.telling_word().to_owned()));
        if self.random.u8(..8) == 0 {
            words[7].pop();
            words[7].push('x');
        }
        words.join(" ")
    }
}

/// A word of two to four syllables.
fn invent(random: &mut fastrand::Rng) -> String {
    let syllable = |random: &mut fastrand::Rng| {
        let consonant = b"bcdfghklmnprstvwz"[random.usize(..17)];
        let vowel = b"aeiou"[random.usize(..5)];
        [char::from(consonant), char::from(vowel)]
    };
    let count = random.usize(2..5);
    (0..count).flat_map(|_| syllable(random)).collect()
}

fn learn(db: &Db, language: &mut Language) -> Result<(), DbError> {
    let at = Timestamp(0);
    let ids = (ProjectId::generate(), AssistantId::generate());
    db.write_here(project::create(PROJECT, ids.0, ids.1, "Bench", at))?;
    for number in 0..DOCUMENTS {
        let sections = (0..SECTIONS).map(|_| Section {
            heading: language.text(4),
            body: language.text(90),
        });
        let document = Document {
            sections: sections.collect(),
            url: format!("https://shop.example/{number}"),
            title: language.text(3),
        };
        let document = NewDocument {
            id: DocumentId::generate(),
            project: PROJECT,
            document: &document,
            hash: [0; 32],
            source: "",
            at,
        };
        db.write_here(document.store())?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let db = Db::open(&folder.path().join("parlor.db"), &Options::default())?;
    let mut language = Language::new();
    learn(&db, &mut language)?;

    let lexicon = Lexicon::default();
    let began = Instant::now();
    let index = db.read_here(|snapshot| lexicon.index(snapshot, PROJECT))?;
    println!(
        "index of {} passages read in {:?}",
        index.passages.len(),
        began.elapsed()
    );
    let weight = index.weight();
    println!(
        "{} terms: {} kB, {} kB per 10,000; where they stand: {} kB",
        weight.terms,
        weight.vocabulary / 1_000,
        weight.vocabulary * 10 / weight.terms,
        weight.postings / 1_000,
    );

    let questions: Vec<_> = (0..ROUNDS).map(|_| language.question()).collect();
    let mut times = Vec::with_capacity(ROUNDS);
    let before = processor_time();
    for question in &questions {
        let began = Instant::now();
        db.read_here(|snapshot| search(snapshot, PROJECT, question, 3, &lexicon))?;
        times.push(began.elapsed());
    }
    let spent = processor_time().saturating_sub(before);
    println!(
        "processor time of a retrieval: {} µs",
        spent / ROUNDS as u64 / 1_000
    );
    report("a retrieval by the clock", &mut times);

    let mut times = Vec::new();
    for question in questions.iter().take(50) {
        let document = Document {
            url: "https://shop.example/0".to_owned(),
            title: language.text(3),
            sections: vec![Section {
                heading: language.text(4),
                body: language.text(90),
            }],
        };
        let document = NewDocument {
            id: DocumentId::generate(),
            project: PROJECT,
            document: &document,
            hash: [0; 32],
            source: "",
            at: Timestamp(0),
        };
        db.write_here(document.store())?;
        let began = Instant::now();
        db.read_here(|snapshot| search(snapshot, PROJECT, question, 3, &lexicon))?;
        times.push(began.elapsed());
    }
    report("the first one after a change", &mut times);
    Ok(())
}

/// Nanoseconds that this thread has run, as Linux counts them; elsewhere 0.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().unwrap_or_default()
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_micros();
    println!(
        "{what}: mean {} µs, p50 {} µs, p99 {} µs",
        total.as_micros() / times.len() as u128,
        at(0.50),
        at(0.99),
    );
}
