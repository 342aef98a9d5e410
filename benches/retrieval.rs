//! What one retrieval costs over the made-up help centre that sending is
//! measured with: 10,000 passages, questions of 5 to 12 words.
//!
//! Usage: `cargo run --release --example retrieval`

mod language;

use std::error::Error;
use std::time::{Duration, Instant};

use fastrand::Rng;
use language::{DOCUMENTS, Language};
use parlor::answer::retrieval::{IndexCache, search};
use parlor::domain::{AssistantId, DocumentId, ProjectId, ProjectSeq, Timestamp};
use parlor::store::document::NewDocument;
use parlor::store::{Batch, Options, Store, StoreError, project};

const ROUNDS: usize = 20_000;
const PROJECT: ProjectSeq = ProjectSeq::FIRST;

fn learn(store: &Store, language: &Language) -> Result<(), StoreError> {
    let ids = (ProjectId::generate(), AssistantId::generate());
    store.write_here(project::create(
        PROJECT,
        ids.0,
        ids.1,
        "Bench",
        Timestamp(0),
    ))?;
    for number in 0..DOCUMENTS {
        store.write_here(page(language, number))?;
    }
    Ok(())
}

fn page(language: &Language, number: usize) -> Batch {
    let document = NewDocument {
        id: DocumentId::generate(),
        project: PROJECT,
        document: &language.page(number),
        hash: [0; 32],
        source: "",
        at: Timestamp(0),
    };
    document.upsert()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("parlor.db"), &Options::default())?;
    let language = Language::new();
    learn(&store, &language)?;

    let index_cache = IndexCache::default();
    let began = Instant::now();
    let index = store.read_here(|snapshot| index_cache.index(snapshot, PROJECT))?;
    println!(
        "index of {} passages read in {:?}",
        index.passages.len(),
        began.elapsed()
    );
    let usage = index.memory_usage();
    println!(
        "{} terms: {} kB, {} kB per 10,000; where they stand: {} kB",
        usage.terms,
        usage.vocabulary_bytes / 1_000,
        usage.vocabulary_bytes * 10 / usage.terms,
        usage.posting_bytes / 1_000,
    );

    let mut random = Rng::with_seed(1);
    let questions: Vec<_> = (0..ROUNDS)
        .map(|_| language.question(&mut random))
        .collect();
    let mut times = Vec::with_capacity(ROUNDS);
    let before = processor_time();
    for question in &questions {
        let began = Instant::now();
        store.read_here(|snapshot| search(snapshot, PROJECT, question, 3, &index_cache))?;
        times.push(began.elapsed());
    }
    let spent = processor_time().saturating_sub(before);
    println!(
        "processor time of a retrieval: {} µs",
        spent / ROUNDS as u64 / 1_000
    );
    report("a retrieval by the clock", &mut times);

    let mut times = Vec::new();
    for (question, number) in questions.iter().zip(DOCUMENTS..).take(50) {
        store.write_here(page(&language, number))?;
        let began = Instant::now();
        store.read_here(|snapshot| search(snapshot, PROJECT, question, 3, &index_cache))?;
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
