//! Which passages tell most of what is asked for.

use super::index::{Index, Posting};
use super::query::{Concept, Query};

/// How often a word must stand in a text of average length for half the effect
/// that any number could have, and how much the length counts.
const HALF: f32 = 0.9;
const LENGTH: f32 = 0.4;

/// What a word counts in a title or a heading, against one in the text; where it
/// is in both, what the lesser adds of its own.
const IN_TITLE: f32 = 2.2;
const IN_HEADING: f32 = 1.8;
const IN_BOTH: f32 = 0.2;

/// What is left of a passage in another language than the question's.
const OTHER_LANGUAGE: f32 = 0.6;

/// What the other sections of its document add to a section.
const WHOLE: f32 = 0.3;

/// How much less a passage counts that has none of the question's words but one.
const COVERAGE: f32 = 0.5;

/// A passage that was found.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// Its place in [`Index::passages`].
    pub passage: u32,
    /// 0 to 1: how well it tells what is asked for.
    pub score: f32,
    /// 0 to 1: how much of the question it has at all.
    pub coverage: f32,
}

/// The `most` best passages, best first; of equal ones the older.
pub fn rank(index: &Index, query: &Query, most: usize) -> Vec<Hit> {
    let all = query.worth();
    if all <= 0.0 || index.passages.is_empty() {
        return Vec::new();
    }
    let mut tally = Tally::of(index);
    for concept in &query.concepts {
        tally.count(index, concept);
    }
    let mut hits: Vec<Hit> = tally
        .found
        .iter()
        .map(|passage| tally.hit(index, query, *passage, all))
        .collect();
    best(&mut hits, most, index);
    hits
}

/// Sorts the best to the front and drops the others, without sorting those.
fn best(hits: &mut Vec<Hit>, most: usize, index: &Index) {
    let order = |one: &Hit, other: &Hit| {
        let seq = |hit: &Hit| index.passages[hit.passage as usize].seq.0;
        other
            .score
            .total_cmp(&one.score)
            .then(seq(one).cmp(&seq(other)))
    };
    if most > 0 && most < hits.len() {
        hits.select_nth_unstable_by(most - 1, order);
    }
    hits.truncate(most);
    hits.sort_unstable_by(order);
}

/// What each passage has of a question.
struct Tally {
    score: Vec<f32>,
    covered: Vec<f32>,
    /// Of each whole.
    whole: Vec<f32>,
    whole_told: Vec<f32>,
    /// Of the concept that is being counted.
    told: Vec<f32>,
    has: Vec<f32>,
    touched: Vec<u32>,
    /// The passages that have any of it.
    found: Vec<u32>,
}

impl Tally {
    fn of(index: &Index) -> Self {
        let zeroes = || vec![0.0; index.passages.len()];
        Self {
            score: zeroes(),
            covered: zeroes(),
            whole: vec![0.0; index.wholes as usize],
            whole_told: vec![0.0; index.wholes as usize],
            told: zeroes(),
            has: zeroes(),
            touched: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Adds what the passages have of one concept: of all its terms, the one
    /// that counts most.
    fn count(&mut self, index: &Index, concept: &Concept) {
        let average = index.average_length();
        for &(term, sure) in &concept.terms {
            for posting in index.postings(term) {
                let place = posting.passage as usize;
                let length = index.passages[place].length as f32;
                let told = sure * effect(posting, length / average);
                if self.told[place] == 0.0 {
                    self.touched.push(posting.passage);
                }
                self.told[place] = self.told[place].max(told);
                self.has[place] = self.has[place].max(sure);
            }
        }
        for place in &self.touched {
            let place = *place as usize;
            let whole = index.passages[place].whole as usize;
            let more = (self.told[place] - self.whole_told[whole]).max(0.0);
            self.whole_told[whole] += more;
            self.whole[whole] += concept.worth * more;
        }
        for place in self.touched.drain(..) {
            let place = place as usize;
            if self.score[place] == 0.0 {
                self.found.push(place as u32);
            }
            self.whole_told[index.passages[place].whole as usize] = 0.0;
            self.score[place] += concept.worth * std::mem::take(&mut self.told[place]);
            self.covered[place] += concept.worth * std::mem::take(&mut self.has[place]);
        }
    }
}

impl Tally {
    fn hit(&self, index: &Index, query: &Query, passage: u32, all: f32) -> Hit {
        let place = passage as usize;
        let entry = &index.passages[place];
        let coverage = self.covered[place] / all;
        let whole = self.whole[entry.whole as usize];
        let told = (1.0 - WHOLE) * self.score[place] + WHOLE * whole;
        let is_other = matches!(
            (entry.language, query.language),
            (Some(of), Some(asked)) if of != asked
        );
        let language = if is_other { OTHER_LANGUAGE } else { 1.0 };
        Hit {
            passage,
            score: told / all * language * (1.0 - COVERAGE + COVERAGE * coverage),
            coverage,
        }
    }
}

/// What it counts, 0 to 1, that a passage of so many times the average length
/// has a term so often (BM25F).
fn effect(posting: &Posting, length: f32) -> f32 {
    let norm = 1.0 - LENGTH + LENGTH * length;
    let title = IN_TITLE * f32::from(posting.in_title.min(1));
    let heading = IN_HEADING * f32::from(posting.in_heading.min(1));
    let above = title.max(heading) + IN_BOTH * title.min(heading);
    let count = above + f32::from(posting.in_body) / norm;
    count / (count + HALF)
}
