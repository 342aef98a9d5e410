use std::process::ExitCode;

use parlor::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse_process();
    env_logger::Builder::new()
        // Log lines of libraries that do not help an operator.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .filter_module("actix_http", log::LevelFilter::Off)
        .filter_module("rusqlite_migration", log::LevelFilter::Warn)
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
