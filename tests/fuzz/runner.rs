//! Runs one target: the corpus, then changed inputs until the time is over.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::mutator::Mutator;
use crate::targets::Target;

/// The maximum time of one input. Inputs are at most 64 kB, so a longer time shows work
/// that grows faster than the input.
pub const MAX_INPUT_TIME: Duration = Duration::from_secs(2);
/// An input that seems slow runs again, because other programs may have used the CPU.
const SLOW_RUNS: usize = 3;
/// After this time, an input is considered endless.
const ENDLESS_TIME: Duration = Duration::from_secs(60);
/// How long changed inputs run, without `PARLOR_FUZZ_SECONDS`.
const DEFAULT_SECONDS: f64 = 0.5;

pub fn run<T: Target>() {
    let corpus = corpus(T::NAME);
    let mut runner = Runner {
        target: T::new(),
        watchdog: Watchdog::start(T::NAME),
        runs: 0,
    };
    for (name, input) in &corpus {
        runner.check(input, name);
    }
    let seconds = variable("PARLOR_FUZZ_SECONDS").unwrap_or(DEFAULT_SECONDS);
    let seed = variable("PARLOR_FUZZ_SEED").unwrap_or(1.0) as u64;
    let inputs = corpus.into_iter().map(|(_, input)| input).collect();
    let mut mutator = Mutator::new(seed, inputs, T::DICTIONARY, T::MAX_BYTES);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end {
        let input = mutator.next();
        runner.check(&input, "a changed input");
    }
    println!("{}: {} inputs", T::NAME, runner.runs);
}

fn variable(name: &str) -> Option<f64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {value}")),
    )
}

/// The inputs of the corpus with their file names, in the order of the names.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let entries = fs::read_dir(&folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let input = fs::read(&path).expect("an input");
        (path.display().to_string(), input)
    };
    paths.into_iter().map(read).collect()
}

struct Runner<T> {
    target: T,
    watchdog: Watchdog,
    runs: u64,
}

impl<T: Target> Runner<T> {
    /// Runs one input. Panics if the target panics or takes too long.
    fn check(&mut self, input: &[u8], name: &str) {
        self.runs += 1;
        let is_slow = || self.time(input, name) > MAX_INPUT_TIME;
        if (0..SLOW_RUNS).all(|_| is_slow()) {
            let path = save::<T>(input);
            panic!("{name} takes longer than {MAX_INPUT_TIME:?}: {path}");
        }
    }

    fn time(&self, input: &[u8], name: &str) -> Duration {
        let start = Instant::now();
        self.watchdog.begin(input);
        let result = catch_unwind(AssertUnwindSafe(|| self.target.run(input)));
        self.watchdog.end();
        if result.is_err() {
            let path = save::<T>(input);
            panic!("{name} fails: {path}");
        }
        start.elapsed()
    }
}

/// Saves an input that fails. Copied into the corpus, it becomes a regression test.
fn save<T: Target>(input: &[u8]) -> String {
    save_input(T::NAME, input)
}

fn save_input(name: &str, input: &[u8]) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-failure-{name}"));
    fs::write(&file, input).expect("a file");
    let file = file.display();
    format!("the input is in {file}; copy it to fuzz/corpus/{name}/ under a name that describes it")
}

/// The input that runs now, and when it began.
type RunningInput = Mutex<Option<(Instant, Vec<u8>)>>;

/// Ends the process if an input does not end.
struct Watchdog {
    running: Arc<RunningInput>,
}

impl Watchdog {
    fn start(name: &'static str) -> Self {
        let running = Arc::default();
        let watched = Arc::downgrade(&running);
        thread::spawn(move || watch(name, &watched));
        Self { running }
    }

    fn begin(&self, input: &[u8]) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), input.to_vec()));
    }

    fn end(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn watch(name: &str, watched: &Weak<RunningInput>) {
    while let Some(running) = watched.upgrade() {
        let running = running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((start, input)) = running
            && start.elapsed() > ENDLESS_TIME
        {
            eprintln!("an input does not end: {}", save_input(name, &input));
            std::process::abort();
        }
        thread::sleep(Duration::from_secs(1));
    }
}
