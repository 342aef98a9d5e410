use std::process::ExitCode;

use clap::Parser;
use parlor::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    env_logger::Builder::new()
        // What the server library says of its own threads helps nobody here.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .parse_filters(&cli.log)
        .format_target(false)
        .init();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parlor: {error}");
            ExitCode::FAILURE
        }
    }
}
