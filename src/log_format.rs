//! The lines of the log on standard error.
//!
//! systemd stores standard error in the journal, which has its own times, and reads the
//! priority of a line from its prefix `<N>` (sd-daemon(3)). Elsewhere a line begins with
//! time and level, or is a JSON object.
//!
//! A record has a message, or fields (`log::kv`), as the line of a request does. No text
//! of a client can end a line or add a field: control characters are escaped.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::ValueEnum;
use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Value, VisitSource};
use log::{Level, Record};
use serde_json::json;

use crate::domain::Timestamp;

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
        if self.format == LogFormat::Json {
            if self.is_journal {
                line.write_all(journal_prefix(level).as_bytes())?;
            }
            return json_line(line, record);
        }
        let mut message = record.args().to_string();
        let fields = &mut TextFields(&mut message);
        record
            .key_values()
            .visit(fields)
            .map_err(io::Error::other)?;
        if self.is_journal {
            return writeln!(line, "{}", journal_lines(level, &message));
        }
        let mut time = [0; 24];
        let time = Timestamp::now().format_iso8601(&mut time);
        let style = line.default_level_style(level);
        let message = indent(&message);
        writeln!(line, "[{time} {style}{level:<5}{style:#}] {message}")
    }

    /// The line of a request: the same form, without colors.
    pub fn request_line(self, record: &Record<'_>) -> Vec<u8> {
        let level = record.level();
        let mut line = Vec::with_capacity(512);
        if self.is_journal {
            line.extend_from_slice(journal_prefix(level).as_bytes());
        }
        if self.format == LogFormat::Json {
            // Writing to memory does not fail.
            let _ = json_line(&mut line, record);
            return line;
        }
        if !self.is_journal {
            let mut time = [0; 24];
            let time = Timestamp::now().format_iso8601(&mut time);
            let _ = write!(line, "[{time} {level:<5}] ");
        }
        let mut fields = String::with_capacity(256);
        let _ = record.key_values().visit(&mut TextFields(&mut fields));
        line.extend_from_slice(fields.as_bytes());
        line.push(b'\n');
        line
    }

    /// The line for a failure of the command.
    pub fn failure(self, message: &str) -> String {
        let message = format!("parlor: {message}");
        if self.format == LogFormat::Json {
            let mut time = [0; 24];
            let time = Timestamp::now().format_iso8601(&mut time);
            let line =
                json!({ "time": time, "level": "error", "target": "parlor", "message": message });
            let prefix = if self.is_journal {
                journal_prefix(Level::Error)
            } else {
                ""
            };
            return format!("{prefix}{line}");
        }
        if self.is_journal {
            journal_lines(Level::Error, &message)
        } else {
            message
        }
    }

    /// Prints the help, the version or what is wrong with the arguments, and exits.
    pub fn exit_with_usage(self, error: &clap::Error) -> ! {
        if self.is_journal && error.use_stderr() {
            let text = error.to_string();
            eprintln!("{}", journal_lines(Level::Error, text.trim_end()));
            std::process::exit(error.exit_code());
        }
        error.exit()
    }
}

/// Writes a record as one JSON object on one line.
fn json_line(line: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    let mut time = [0; 24];
    let time = Timestamp::now().format_iso8601(&mut time);
    let level = match record.level() {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    write!(line, r#"{{"time":"{time}","level":"{level}","target":"#)?;
    serde_json::to_writer(&mut *line, record.target())?;
    let message = record.args();
    if message.as_str() != Some("") {
        line.write_all(br#","message":"#)?;
        serde_json::to_writer(&mut *line, &message.to_string())?;
    }
    let fields = &mut JsonFields(&mut *line);
    record
        .key_values()
        .visit(fields)
        .map_err(io::Error::other)?;
    line.write_all(b"}\n")
}

/// Appends `,"name":value` for each field.
struct JsonFields<'a, W>(&'a mut W);

impl<'kvs, W: Write> VisitSource<'kvs> for JsonFields<'_, W> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let line = &mut *self.0;
        let written = write!(line, r#","{}":"#, key.as_str()).and_then(|()| {
            let written = match (value.to_u64(), value.to_borrowed_str()) {
                (Some(number), _) => serde_json::to_writer(line, &number),
                (None, Some(text)) => serde_json::to_writer(line, text),
                (None, None) => serde_json::to_writer(line, &value.to_string()),
            };
            Ok(written?)
        });
        written.map_err(Error::boxed)
    }
}

/// Appends ` name=value` for each field. A value with other characters than those of
/// paths, addresses and words is quoted, with escapes.
struct TextFields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for TextFields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(key.as_str());
        self.0.push('=');
        let written = match value.to_borrowed_str() {
            Some(text) if is_plain(text) => {
                self.0.push_str(text);
                Ok(())
            }
            Some(text) => write!(self.0, "{text:?}"),
            None => write!(self.0, "{value}"),
        };
        Ok(written?)
    }
}

fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.:{}%@~+".contains(&byte);
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
    use log::kv::Source;
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

    #[test]
    fn json_line_is_one_valid_object_whatever_the_fields_contain() {
        let fields = [
            ("path", Value::from(HOSTILE)),
            ("status", Value::from(200_u16)),
        ];
        let mut line = Vec::new();
        let record = Record::builder()
            .args(format_args!(""))
            .level(Level::Info)
            .target("parlor::access")
            .key_values(&fields)
            .build();
        json_line(&mut line, &record).expect("a line");
        let line = String::from_utf8(line).expect("UTF-8");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
        let json: Json = serde_json::from_str(&line).expect("JSON");
        assert_eq!(json["path"], HOSTILE);
        assert_eq!(
            (&json["status"], &json["level"]),
            (&200.into(), &"info".into())
        );
        assert_eq!(json.get("message"), None);
    }

    #[test]
    fn json_line_of_a_message_has_the_message() {
        let mut line = Vec::new();
        let record = Record::builder()
            .args(format_args!("two\nlines"))
            .level(Level::Warn)
            .target("parlor::server")
            .build();
        json_line(&mut line, &record).expect("a line");
        let json: Json = serde_json::from_slice(&line).expect("JSON");
        assert_eq!(
            (&json["message"], &json["level"]),
            (&"two\nlines".into(), &"warn".into())
        );
    }

    #[test]
    fn text_field_is_quoted_unless_it_is_a_word_or_a_path() {
        let mut text = String::new();
        let fields = [
            ("path", Value::from("/v2/conversations")),
            ("status", Value::from(200_u16)),
            ("cause", Value::from(HOSTILE)),
            ("id", Value::from("")),
        ];
        fields.visit(&mut TextFields(&mut text)).expect("fields");
        let hostile = r#""a\nb\r\u{1b}[2J\"}\u{2028}\u{202e}\\ level=error""#;
        let expected = format!(r#"path=/v2/conversations status=200 cause={hostile} id="""#);
        assert_eq!(text, expected);
    }
}
