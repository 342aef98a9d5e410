use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;
use std::thread;

use log::LevelFilter;
use parlor::cli::{self, Cli};
use parlor::config::LogLevels;
use parlor::log_buffer;
use parlor::log_format::LogLines;

fn main() -> ExitCode {
    let lines = LogLines::detect();
    let cli = match Cli::parse_process() {
        Ok(cli) => cli,
        Err(error) => lines
            .with_format(Cli::requested_log_format())
            .exit_with_usage(&error),
    };
    let lines = lines.with_format(cli.log_format);
    if let Err(error) = log_buffer::install(logger(&cli.log, lines), lines) {
        print_error(&lines.failure(&error));
        return ExitCode::FAILURE;
    }
    panic::set_hook(Box::new(log_panic));
    let result = cli::run(cli, lines);
    log::logger().flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_closed_output() {
                print_error(&lines.failure(&error.to_string()));
            }
            ExitCode::from(error.exit_status())
        }
    }
}

/// Prints a line, unless standard error is closed.
fn print_error(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn logger(levels: &LogLevels, lines: LogLines) -> env_logger::Logger {
    let mut builder = env_logger::Builder::new();
    builder
        // Log lines of libraries that do not help an operator.
        .filter_module("actix_server", LevelFilter::Warn)
        .filter_module("actix_http", LevelFilter::Off)
        .filter_module("rusqlite_migration", LevelFilter::Warn)
        .format(move |line, record| lines.write(line, record));
    for (target, level) in levels.iter() {
        builder.filter(target, level);
    }
    builder.build()
}

/// Writes a panic to the log, in its form and with the level `error`.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        log::error!("thread {name} {panic}\n{backtrace}");
    } else {
        log::error!("thread {name} {panic}");
    }
}
