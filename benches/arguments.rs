//! The arguments of the load generators.

/// The arguments of the program. Without arguments, and under `cargo bench` (which
/// passes `--bench`), prints `usage` and returns `None`: then the program must end
/// successfully.
pub fn arguments(usage: &str) -> Option<Vec<String>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let is_cargo_bench = arguments.iter().any(|argument| argument == "--bench");
    if arguments.is_empty() || is_cargo_bench {
        println!("Not a benchmark of its own: benches/run starts it. {usage}");
        return None;
    }
    Some(arguments)
}
