//! The lines of the log on standard error.
//!
//! systemd stores standard error in the journal, which has its own times, and reads the
//! priority of a line from its prefix `<N>` (sd-daemon(3)). Elsewhere a line begins with
//! time and level.

use std::io::{self, Write};

use env_logger::fmt::Formatter;
use log::{Level, Record};

use crate::domain::Timestamp;

/// How lines of the log begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `[2026-11-26T00:01:18.398Z ERROR] `
    Text,
    /// `<3>`
    Journal,
}

impl LogFormat {
    /// The format for standard error: that of the journal if it is connected to the
    /// journal. The program that starts parlor may have another standard error than
    /// the one that `JOURNAL_STREAM` names (systemd.exec(5)).
    pub fn detect() -> Self {
        let stream = std::env::var("JOURNAL_STREAM").ok();
        let is_journal = stream.is_some_and(|stream| {
            let stderr = rustix::fs::fstat(io::stderr());
            stderr.is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
        });
        if is_journal {
            Self::Journal
        } else {
            Self::Text
        }
    }

    /// Writes a line of the log; the further lines of a message are indented.
    pub fn write(self, line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
        let level = record.level();
        let message = record.args().to_string();
        if self == Self::Journal {
            return writeln!(line, "{}", journal_lines(level, &message));
        }
        let mut time = [0; 24];
        let time = Timestamp::now().format_iso8601(&mut time);
        let style = line.default_level_style(level);
        let message = indent(&message);
        writeln!(line, "[{time} {style}{level:<5}{style:#}] {message}")
    }

    /// The line for a failure of the command.
    pub fn failure(self, message: &str) -> String {
        let message = format!("parlor: {message}");
        match self {
            Self::Text => message,
            Self::Journal => journal_lines(Level::Error, &message),
        }
    }

    /// Prints the help, the version or what is wrong with the arguments, and exits.
    pub fn exit_with_usage(self, error: &clap::Error) -> ! {
        if self == Self::Journal && error.use_stderr() {
            let text = error.to_string();
            eprintln!("{}", journal_lines(Level::Error, text.trim_end()));
            std::process::exit(error.exit_code());
        }
        error.exit()
    }
}

fn indent(message: &str) -> String {
    message.replace('\n', "\n    ")
}

/// Each line is an entry of the journal, so each has the prefix.
fn journal_lines(level: Level, message: &str) -> String {
    let prefix = match level {
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    };
    let lines = indent(message);
    let lines = lines.lines().map(|line| format!("{prefix}{line}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_journal_message_has_its_priority() {
        for (level, priority) in [
            (Level::Error, 3),
            (Level::Warn, 4),
            (Level::Info, 6),
            (Level::Debug, 7),
            (Level::Trace, 7),
        ] {
            let lines = journal_lines(level, "a\nb <1>");
            assert_eq!(lines, format!("<{priority}>a\n<{priority}>    b <1>"));
        }
    }
}
