use std::process::ExitCode;

use parlor::cli::{self, Cli};
use parlor::log_buffer::BufferedLogger;
use parlor::log_format::LogLines;

fn main() -> ExitCode {
    let lines = LogLines::detect();
    let cli = match Cli::parse_process() {
        Ok(cli) => cli,
        Err(error) => lines.exit_with_usage(&error),
    };
    let lines = lines.with_format(cli.log_format);
    let direct = env_logger::Builder::new()
        // Log lines of libraries that do not help an operator.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .filter_module("actix_http", log::LevelFilter::Off)
        .filter_module("rusqlite_migration", log::LevelFilter::Warn)
        .parse_filters(&cli.log)
        .format(move |line, record| lines.write(line, record))
        .build();
    if let Err(error) = start_log(direct, lines) {
        eprintln!("{}", lines.failure(&error));
        return ExitCode::FAILURE;
    }
    let result = cli::run(cli);
    log::logger().flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", lines.failure(&error.to_string()));
            ExitCode::from(error.exit_status())
        }
    }
}

/// Makes the logger the one of the process.
fn start_log(direct: env_logger::Logger, lines: LogLines) -> Result<(), String> {
    let level = direct.filter();
    let logger = BufferedLogger::start(direct, lines);
    let logger = logger.map_err(|error| format!("cannot start the log: {error}"))?;
    log::set_boxed_logger(Box::new(logger)).map_err(|error| error.to_string())?;
    log::set_max_level(level);
    Ok(())
}
