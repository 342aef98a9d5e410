use std::process::ExitCode;

use parlor::cli::{self, Cli};
use parlor::log_format::LogFormat;

fn main() -> ExitCode {
    let format = LogFormat::detect();
    let cli = match Cli::parse_process() {
        Ok(cli) => cli,
        Err(error) => format.exit_with_usage(&error),
    };
    env_logger::Builder::new()
        // Log lines of libraries that do not help an operator.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .filter_module("actix_http", log::LevelFilter::Off)
        .filter_module("rusqlite_migration", log::LevelFilter::Warn)
        .parse_filters(&cli.log)
        .format(move |line, record| format.write(line, record))
        .init();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", format.failure(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}
