//! Measures the search over the generated help centre of `sending`: 10,000 passages,
//! questions of 5 to 12 words. The searches by words and meaning use vectors of 384
//! components, as all-MiniLM-L6-v2 has. Their time does not include the embedding of the
//! question.
//!
//! Usage: `cargo bench --bench retrieval -- run`

mod help_centre;

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use help_centre::{DOCUMENTS, HelpCentre};
use parlor::answer::embedding::{
    EmbeddingFuture, EmbeddingInput, EmbeddingProvider, PassageVector, SemanticSearch,
};
use parlor::answer::retrieval::{IndexCache, SearchInput, search, search_input};
use parlor::domain::{AssistantId, DocumentId, ProjectId, ProjectSeq, Timestamp};
use parlor::store::document::NewDocument;
use parlor::store::{Batch, Options, Store, StoreError, passage, project};

const QUESTIONS: usize = 20_000;
/// The questions that are searched by meaning too.
const SEMANTIC_QUESTIONS: usize = 2_000;
const DIMENSIONS: usize = 384;
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
    measure_semantic_searches(&store, &index_cache, &questions[..SEMANTIC_QUESTIONS])?;
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
    measure("a search", questions, |question| {
        store.read_blocking(|snapshot| search(snapshot, PROJECT, question, 3, index_cache))?;
        Ok(())
    })
}

/// Measures searches by words and meaning.
fn measure_semantic_searches(
    store: &Store,
    index_cache: &IndexCache,
    questions: &[String],
) -> Result<(), Box<dyn Error>> {
    let semantic = SemanticSearch::new(Arc::new(WordVectors));
    store.read_blocking(|snapshot| {
        let seqs = passage::list_seqs(snapshot, PROJECT)?;
        for (seq, passage) in passage::find_all(snapshot, PROJECT, &seqs)? {
            let vector = PassageVector::new(&word_vector(&passage.body));
            semantic.add(PROJECT, seq, vector.as_slice());
        }
        Ok::<_, StoreError>(())
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let queries = runtime.block_on(semantic.queries(PROJECT, questions));
    measure("a search by words and meaning", questions, |question| {
        let rankings = queries.rank(std::slice::from_ref(question));
        let input = SearchInput {
            text: question,
            semantic: &rankings,
            ..SearchInput::default()
        };
        store.read_blocking(|snapshot| search_input(snapshot, PROJECT, &input, 3, index_cache))?;
        Ok(())
    })
}

/// Runs a search for each question and prints its times.
fn measure(
    name: &str,
    questions: &[String],
    search: impl Fn(&String) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::with_capacity(questions.len());
    let cpu_before = cpu_time_nanos();
    for question in questions {
        let start = Instant::now();
        search(question)?;
        times.push(start.elapsed());
    }
    let cpu_nanos = cpu_time_nanos().saturating_sub(cpu_before);
    println!(
        "CPU time of {name}: {} µs",
        cpu_nanos / questions.len() as u64 / 1_000
    );
    report(name, &mut times);
    Ok(())
}

/// An embedding model in which each word has a random direction.
struct WordVectors;

impl EmbeddingProvider for WordVectors {
    fn model(&self) -> &str {
        "words"
    }

    fn parts(&self, head: &str, body: &str) -> Vec<String> {
        vec![format!("{head}\n{body}")]
    }

    fn embed(&self, input: EmbeddingInput) -> EmbeddingFuture<'_> {
        let (EmbeddingInput::Questions(texts) | EmbeddingInput::Passages(texts)) = input;
        let vectors = texts.iter().map(|text| word_vector(text)).collect();
        Box::pin(std::future::ready(Ok(vectors)))
    }
}

fn word_vector(text: &str) -> Vec<f32> {
    let mut counts: HashMap<&str, f32> = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1.0;
    }
    let mut vector = vec![0.0; DIMENSIONS];
    for (word, count) in counts {
        let seed = word.bytes().fold(0, |seed: u64, byte| {
            seed.wrapping_mul(31).wrapping_add(byte.into())
        });
        let mut random = Rng::with_seed(seed);
        for value in &mut vector {
            *value += count * (random.f32() - 0.5);
        }
    }
    vector
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
