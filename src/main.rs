use std::process::ExitCode;

use parlor::cli::{self, Cli};
use parlor::log_format::LogLines;

fn main() -> ExitCode {
    let lines = LogLines::detect();
    let cli = match Cli::parse_process() {
        Ok(cli) => cli,
        Err(error) => lines.exit_with_usage(&error),
    };
    let lines = lines.with_format(cli.log_format);
    env_logger::Builder::new()
        // Log lines of libraries that do not help an operator.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .filter_module("actix_http", log::LevelFilter::Off)
        .filter_module("rusqlite_migration", log::LevelFilter::Warn)
        .parse_filters(&cli.log)
        .format(move |line, record| lines.write(line, record))
        .init();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", lines.failure(&error.to_string()));
            ExitCode::from(error.exit_status())
        }
    }
}
