//! The lines of the log on standard error.
//!
//! systemd stores standard error in the journal, which has its own times, and reads the
//! priority of a line from its prefix `<N>` (sd-daemon(3)). Elsewhere a line begins with
//! time and level, or is a JSON object.
//!
//! A line has a message, or fields, as the line of a request does. No text of a client
//! can end a line or add a field: control characters are escaped. Keys, tokens and
//! passwords in messages are masked.

use std::fmt::Display;
use std::io::{self, Write};

use clap::ValueEnum;
use env_logger::fmt::Formatter;
use log::{Level, Record};

use crate::domain::Timestamp;
use crate::redaction::redact;

/// The form of the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `[2026-11-26T00:01:18.398Z ERROR] message`
    #[default]
    Text,
    /// `{"time":"2026-11-26T00:01:18.398Z","level":"error","target":"parlor","message":"…"}`
    Json,
}

/// Writes the lines of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLines {
    format: LogFormat,
    /// Whether the lines have the prefixes of the journal.
    is_journal: bool,
}

impl LogLines {
    /// Lines for standard error: with the prefixes of the journal if it is connected to
    /// the journal. The program that starts parlor may have another standard error than
    /// the one that `JOURNAL_STREAM` names (systemd.exec(5)).
    pub fn detect() -> Self {
        let stream = std::env::var("JOURNAL_STREAM").ok();
        let is_journal = stream.is_some_and(|stream| {
            let stderr = rustix::fs::fstat(io::stderr());
            stderr.is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
        });
        Self {
            format: LogFormat::Text,
            is_journal,
        }
    }

    /// These lines in another form.
    pub fn with_format(self, format: LogFormat) -> Self {
        Self { format, ..self }
    }

    /// Writes a line of the log. In text, the further lines of a message are indented.
    pub fn write(self, line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
        let level = record.level();
        let message = record.args().to_string();
        let message = redact(&message);
        if let Some(structured) = self.structured(level, record.target(), &message) {
            return writeln!(line, "{structured}");
        }
        let mut time = [0; 24];
        let time = Timestamp::now().format_iso8601(&mut time);
        let style = line.default_level_style(level);
        let message = indent(&message);
        writeln!(line, "[{time} {style}{level:<5}{style:#}] {message}")
    }

    /// Appends a line with fields.
    pub fn write_fields(
        self,
        line: &mut Vec<u8>,
        level: Level,
        target: &str,
        add_fields: impl FnOnce(&mut Fields<'_>),
    ) {
        if self.is_journal {
            line.extend_from_slice(journal_prefix(level).as_bytes());
        }
        let mut time = [0; 24];
        let time = Timestamp::now().format_iso8601(&mut time);
        if self.format == LogFormat::Json {
            push_all(
                line,
                [
                    "{\"time\":\"",
                    time,
                    "\",\"level\":\"",
                    level_name(level),
                    "\",\"target\":\"",
                    target,
                    "\"",
                ],
            );
            add_fields(&mut Fields {
                line,
                format: self.format,
                separator: ",",
            });
            line.extend_from_slice(b"}\n");
            return;
        }
        if !self.is_journal {
            let gap = if level.as_str().len() < 5 {
                " ] "
            } else {
                "] "
            };
            push_all(line, ["[", time, " ", level.as_str(), gap]);
        }
        add_fields(&mut Fields {
            line,
            format: self.format,
            separator: "",
        });
        line.push(b'\n');
    }

    /// The line for a failure of the command.
    pub fn failure(self, message: &str) -> String {
        let message = format!("parlor: {}", redact(message));
        self.structured(Level::Error, "parlor", &message)
            .unwrap_or(message)
    }

    /// A text for the operator, such as the first keys, which are not masked. In JSON the
    /// text is the message of one line.
    pub fn notice(self, text: &str) -> String {
        match self.format {
            LogFormat::Json => self.json_message(Level::Info, "parlor", text),
            LogFormat::Text => text.to_owned(),
        }
    }

    /// A message in JSON or with the prefixes of the journal. None: the form is text for
    /// a terminal or a file.
    fn structured(self, level: Level, target: &str, message: &str) -> Option<String> {
        match self.format {
            LogFormat::Json => Some(self.json_message(level, target, message)),
            LogFormat::Text => self.is_journal.then(|| journal_lines(level, message)),
        }
    }

    /// One JSON object without the line end.
    fn json_message(self, level: Level, target: &str, message: &str) -> String {
        let mut line = Vec::new();
        self.write_fields(&mut line, level, target, |fields| {
            fields.text("message", message);
        });
        let line = String::from_utf8_lossy(&line);
        line.trim_end().to_owned()
    }

    /// Prints the help, the version or what is wrong with the arguments, and exits.
    pub fn exit_with_usage(self, error: &clap::Error) -> ! {
        let text = error.to_string();
        let text = text.trim_end();
        let redacted = redact(text);
        let structured = self.structured(Level::Error, "parlor", &redacted);
        // Help and version, and errors without a secret, are printed with colors.
        if !error.use_stderr() || (structured.is_none() && redacted == text) {
            error.exit();
        }
        let message = structured.unwrap_or_else(|| redacted.into_owned());
        // Nothing can report that standard error is closed.
        let _ = writeln!(io::stderr(), "{message}");
        std::process::exit(error.exit_code());
    }
}

/// The fields of a line that is being written.
pub struct Fields<'a> {
    line: &'a mut Vec<u8>,
    format: LogFormat,
    /// Before the next field.
    separator: &'static str,
}

impl Fields<'_> {
    /// Adds a text. In the format text, a value with other characters than those of paths,
    /// addresses and words is quoted, with escapes.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.begin(name);
        // Writing to memory does not fail.
        let _ = match self.format {
            LogFormat::Json => {
                serde_json::to_writer(&mut *self.line, value).map_err(io::Error::from)
            }
            LogFormat::Text if is_plain(value) => self.line.write_all(value.as_bytes()),
            LogFormat::Text => write!(self.line, "{value:?}"),
        };
    }

    pub fn number(&mut self, name: &'static str, value: u64) {
        self.begin(name);
        let _ = serde_json::to_writer(&mut *self.line, &value);
    }

    /// Adds a value whose text needs no escapes, such as an IP address.
    pub fn plain(&mut self, name: &'static str, value: impl Display) {
        self.begin(name);
        let _ = match self.format {
            LogFormat::Json => write!(self.line, "\"{value}\""),
            LogFormat::Text => write!(self.line, "{value}"),
        };
    }

    fn begin(&mut self, name: &'static str) {
        let Self {
            line,
            format,
            separator,
        } = self;
        match format {
            LogFormat::Json => {
                push_all(line, [*separator, "\"", name, "\":"]);
            }
            LogFormat::Text => {
                push_all(line, [*separator, name, "="]);
                *separator = " ";
            }
        }
    }
}

fn push_all<const N: usize>(line: &mut Vec<u8>, texts: [&str; N]) {
    for text in texts {
        line.extend_from_slice(text.as_bytes());
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

fn is_plain(text: &str) -> bool {
    let is_plain = |byte| {
        matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'/' | b'-' | b'_' | b'.' | b':')
            || matches!(byte, b'{' | b'}' | b'%' | b'@' | b'~' | b'+' | b'*')
    };
    !text.is_empty() && text.bytes().all(is_plain)
}

fn indent(message: &str) -> String {
    message.replace('\n', "\n    ")
}

/// The priority of a line in the journal.
fn journal_prefix(level: Level) -> &'static str {
    match level {
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    }
}

/// Each line is an entry of the journal, so each has the prefix.
fn journal_lines(level: Level, message: &str) -> String {
    let prefix = journal_prefix(level);
    let lines = indent(message);
    let lines = lines.lines().map(|line| format!("{prefix}{line}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

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

    /// Texts that would end a line, a string or an object, or move the cursor.
    const HOSTILE: &str = "a\nb\r\u{1b}[2J\"}\u{2028}\u{202e}\\ level=error";

    fn lines(format: LogFormat) -> LogLines {
        LogLines {
            format,
            is_journal: false,
        }
    }

    fn line(lines: LogLines, add_fields: impl FnOnce(&mut Fields<'_>)) -> String {
        let mut line = Vec::new();
        lines.write_fields(&mut line, Level::Info, "parlor::access", add_fields);
        String::from_utf8(line).expect("UTF-8")
    }

    #[test]
    fn json_line_is_one_valid_object_whatever_the_fields_contain() {
        let line = line(lines(LogFormat::Json), |fields| {
            fields.text("path", HOSTILE);
            fields.number("status", 200);
            fields.plain("client", "::1");
        });
        assert!(line.ends_with("}\n"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
        let json: Json = serde_json::from_str(&line).expect("JSON");
        assert_eq!(json["path"], HOSTILE);
        assert_eq!(
            (&json["status"], &json["level"], &json["client"]),
            (&200.into(), &"info".into(), &"::1".into())
        );
        assert_eq!(json.get("message"), None);
    }

    #[test]
    fn json_message_is_one_line() {
        for (line, level) in [
            (lines(LogFormat::Json).failure("two\nlines"), "error"),
            (lines(LogFormat::Json).notice("two\nlines"), "info"),
        ] {
            assert_eq!(line.lines().count(), 1, "{line}");
            let json: Json = serde_json::from_str(&line).expect("JSON");
            let message = json["message"].as_str().expect("a text");
            assert!(message.ends_with("two\nlines"), "{message}");
            assert_eq!(json["level"], level);
        }
    }

    #[test]
    fn failure_has_no_password() {
        let failure = lines(LogFormat::Text).failure("cannot read http://ann:pw@shop.example");
        assert_eq!(failure, "parlor: cannot read http://***@shop.example");
    }

    #[test]
    fn text_field_is_quoted_unless_it_is_a_word_or_a_path() {
        let journal = LogLines {
            is_journal: true,
            ..lines(LogFormat::Text)
        };
        let line = line(journal, |fields| {
            fields.text("path", "/v2/sk_***");
            fields.number("status", 200);
            fields.text("cause", HOSTILE);
            fields.text("id", "");
        });
        let hostile = r#""a\nb\r\u{1b}[2J\"}\u{2028}\u{202e}\\ level=error""#;
        let expected = format!("<6>path=/v2/sk_*** status=200 cause={hostile} id=\"\"\n");
        assert_eq!(line, expected);
    }
}
