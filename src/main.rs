use std::io::{self, Write};
use std::process::ExitCode;

use env_logger::fmt::Formatter;
use log::Record;
use parlor::cli::{self, Cli};
use parlor::domain::Timestamp;

fn main() -> ExitCode {
    let cli = Cli::parse_process();
    env_logger::Builder::new()
        // Log lines of libraries that do not help an operator.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .filter_module("actix_http", log::LevelFilter::Off)
        .filter_module("rusqlite_migration", log::LevelFilter::Warn)
        .parse_filters(&cli.log)
        .format(format_record)
        .init();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parlor: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes a line of the log; the further lines of a message are indented.
fn format_record(line: &mut Formatter, record: &Record) -> io::Result<()> {
    let mut time = [0; 24];
    let time = Timestamp::now().format_iso8601(&mut time);
    let level = record.level();
    let style = line.default_level_style(level);
    let message = record.args().to_string().replace('\n', "\n    ");
    writeln!(line, "[{time} {style}{level:<5}{style:#}] {message}")
}
