//! The fuzz targets. libFuzzer runs each in a program of its own (`fuzz_targets/`).
//! `tests/fuzz` includes this file and runs all targets with stable Rust.

pub mod cursor;
mod demo;
pub mod document;
pub mod import;
pub mod json_string;
pub mod list_query;
pub mod model_response;
pub mod request_body;
pub mod search_text;
pub mod session_token;
pub mod sitemap;
pub mod web_address;

/// Code that inputs from outside reach, and what must hold for each input.
pub trait Target: Send + Sync + 'static {
    /// The name of the program and of the folder of the corpus.
    const NAME: &'static str;
    /// Pieces that inputs are made of. `tests/fuzz` inserts them into inputs.
    const DICTIONARY: &'static [&'static str];
    /// The maximum length of an input. It bounds the time of one run.
    const MAX_BYTES: usize = 64 << 10;

    /// Creates what all runs share.
    fn new() -> Self;

    /// Runs the code with one input.
    ///
    /// # Panics
    /// Panics if an invariant does not hold.
    fn run(&self, input: &[u8]);
}

/// The program of a target for libFuzzer.
#[macro_export]
macro_rules! libfuzzer_target {
    ($target:ty) => {
        static TARGET: std::sync::LazyLock<$target> =
            std::sync::LazyLock::new(<$target as $crate::Target>::new);

        libfuzzer_sys::fuzz_target!(|input: &[u8]| {
            $crate::Target::run(&*TARGET, input);
        });
    };
}

/// Splits the first byte off. An empty input has the byte 0.
fn split_first(input: &[u8]) -> (u8, &[u8]) {
    match input.split_first() {
        Some((first, rest)) => (*first, rest),
        None => (0, input),
    }
}
