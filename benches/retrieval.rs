//! Measures the search over the generated help centre of `sending`: 10,000 passages,
//! questions of 5 to 12 words.
//!
//! Usage: `cargo bench --bench retrieval -- run`

mod help_centre;

use std::error::Error;
use std::time::{Duration, Instant};

use fastrand::Rng;
use help_centre::{DOCUMENTS, HelpCentre};
use parlor::answer::retrieval::{IndexCache, search};
use parlor::domain::{AssistantId, DocumentId, ProjectId, ProjectSeq, Timestamp};
use parlor::store::document::NewDocument;
use parlor::store::{Batch, Options, Store, StoreError, project};

const QUESTIONS: usize = 20_000;
const PROJECT: ProjectSeq = ProjectSeq::FIRST;

fn add_pages(store: &Store, help_centre: &HelpCentre) -> Result<(), StoreError> {
    let ids = (ProjectId::generate(), AssistantId::generate());
    store.write_blocking(project::create(
        PROJECT,
        ids.0,
        ids.1,
        "Bench",
        Timestamp(0),
    ))?;
    for number in 0..DOCUMENTS {
        store.write_blocking(page(help_centre, number))?;
    }
    Ok(())
}

fn page(help_centre: &HelpCentre, number: usize) -> Batch {
    let document = NewDocument {
        id: DocumentId::generate(),
        project: PROJECT,
        document: &help_centre.page(number),
        hash: [0; 32],
        source: "",
        at: Timestamp(0),
    };
    document.upsert()
}

fn main() -> Result<(), Box<dyn Error>> {
    if !std::env::args().any(|argument| argument == "run") {
        println!("usage: cargo bench --bench retrieval -- run");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let store = Store::open(&directory.path().join("parlor.db"), &Options::default())?;
    let help_centre = HelpCentre::new();
    add_pages(&store, &help_centre)?;
    let index_cache = IndexCache::default();
    measure_index(&store, &index_cache)?;
    let mut random = Rng::with_seed(1);
    let questions: Vec<_> = (0..QUESTIONS)
        .map(|_| help_centre.question(&mut random))
        .collect();
    measure_searches(&store, &index_cache, &questions)?;
    measure_updates(&store, &index_cache, &help_centre, &questions)
}

/// Measures building the index, and its size.
fn measure_index(store: &Store, index_cache: &IndexCache) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let index = store.read_blocking(|snapshot| index_cache.index(snapshot, PROJECT))?;
    println!(
        "built the index of {} passages in {:?}",
        index.passages.len(),
        start.elapsed()
    );
    let usage = index.memory_usage();
    println!(
        "{} terms: {} kB, {} kB per 10,000; postings: {} kB",
        usage.terms,
        usage.vocabulary_bytes / 1_000,
        usage.vocabulary_bytes * 10 / usage.terms,
        usage.posting_bytes / 1_000,
    );
    Ok(())
}

/// Measures searches with a current index.
fn measure_searches(
    store: &Store,
    index_cache: &IndexCache,
    questions: &[String],
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::with_capacity(questions.len());
    let cpu_before = cpu_time_nanos();
    for question in questions {
        let start = Instant::now();
        store.read_blocking(|snapshot| search(snapshot, PROJECT, question, 3, index_cache))?;
        times.push(start.elapsed());
    }
    let cpu_nanos = cpu_time_nanos().saturating_sub(cpu_before);
    println!(
        "CPU time of a search: {} µs",
        cpu_nanos / questions.len() as u64 / 1_000
    );
    report("a search", &mut times);
    Ok(())
}

/// Measures searches that update the index, because a page was added before.
fn measure_updates(
    store: &Store,
    index_cache: &IndexCache,
    help_centre: &HelpCentre,
    questions: &[String],
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for (question, number) in questions.iter().zip(DOCUMENTS..).take(50) {
        store.write_blocking(page(help_centre, number))?;
        let start = Instant::now();
        store.read_blocking(|snapshot| search(snapshot, PROJECT, question, 3, index_cache))?;
        times.push(start.elapsed());
    }
    report("the first search after a change", &mut times);
    Ok(())
}

/// Returns the CPU time of this thread in nanoseconds. Returns 0 on systems other
/// than Linux.
fn cpu_time_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().unwrap_or_default()
}

fn report(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_micros();
    println!(
        "{name}: mean {} µs, p50 {} µs, p99 {} µs",
        total.as_micros() / times.len() as u128,
        at(0.50),
        at(0.99),
    );
}
