//! Imports an export into a database file, also while a server uses the file.
//!
//! Records whose id is stored already are compared and skipped, so an import that was
//! interrupted is run again. Records that contradict what is stored are reported and
//! skipped. An invalid line ends the import; the records before it are stored.

pub mod api;
mod plan;
mod rules;
mod target;
mod writer;

use std::io::{self, BufRead};

pub use target::{ImportTarget, NewDatabase};
pub use writer::{ImportSummary, RecordWriter, RefusedRecord, WriteError};

use super::export::lines::{LineError, Lines};
use super::export::{
    ExportEnd, ExportHeader, ExportLine, FORMAT, FORMAT_VERSION, counts_json, parse_line,
};
use crate::store::backup::Monitor;
use crate::store::export::{Record, RecordCounts, RecordKind, SCHEMA};

/// The maximum length of the reason why a line is invalid, in characters.
const MAX_REASON_CHARS: usize = 200;

/// Why an import ended before its end. What was imported before is stored.
#[derive(Debug, thiserror::Error)]
pub enum FileImportError {
    #[error("line {line}: {reason}; the lines before it are imported")]
    Line { line: u64, reason: String },
    #[error("the file cannot be read: {0}")]
    Read(io::Error),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("stopped; what was imported so far is kept. Run the same command again to continue")]
    Cancelled,
}

/// Imports an export of `input`, which has `bytes` bytes (0: unknown). Calls `report` for
/// each record that contradicts what is stored.
///
/// # Errors
/// A line is invalid, the file is incomplete, the database fails, or the monitor is
/// cancelled. What was read before is imported.
pub fn import(
    target: &dyn ImportTarget,
    input: impl BufRead,
    bytes: u64,
    monitor: &Monitor,
    report: &mut dyn FnMut(&RefusedRecord),
) -> Result<ImportSummary, FileImportError> {
    let mut import = FileImport {
        lines: Lines::new(input),
        writer: RecordWriter::new(target, report),
        read: RecordCounts::default(),
        has_secrets: false,
    };
    let result = import.run(bytes, monitor);
    // Also the records before an invalid line.
    import.writer.flush()?;
    result?;
    import.writer.create_webhook_secrets()?;
    Ok(import.writer.summary)
}

struct FileImport<'a, R> {
    lines: Lines<R>,
    writer: RecordWriter<'a>,
    read: RecordCounts,
    /// Whether the header announces secrets.
    has_secrets: bool,
}

impl<R: BufRead> FileImport<'_, R> {
    fn run(&mut self, bytes: u64, monitor: &Monitor) -> Result<(), FileImportError> {
        match self.next_line()? {
            Some((ExportLine::Header(header), _)) => {
                self.has_secrets = header.with_secrets;
                check_header(&header)
            }
            _ => Err("it is not the first line of an export of parlor".to_owned()),
        }
        .map_err(|reason| self.invalid(reason))?;
        loop {
            if monitor.is_cancelled() {
                return Err(FileImportError::Cancelled);
            }
            match self.next_line()? {
                Some((ExportLine::Record(record), size)) => self.push(record, size)?,
                Some((ExportLine::End(end), _)) => return self.finish(&end),
                Some((ExportLine::Header(_), _)) => {
                    let reason = "a second header; a file has one export";
                    return Err(self.invalid(reason));
                }
                None => {
                    let reason = "the file ends without an end record, so it is incomplete; \
                                  export again";
                    return Err(self.invalid(reason));
                }
            }
            monitor.progress(self.lines.bytes, bytes.max(self.lines.bytes), "importing");
        }
    }

    /// The next line and its size.
    fn next_line(&mut self) -> Result<Option<(ExportLine, usize)>, FileImportError> {
        let number = self.lines.number + 1;
        let invalid = |reason: String| FileImportError::Line {
            line: number,
            reason,
        };
        let (line, has_end) = match self.lines.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(None),
            Err(LineError::Io(error)) => return Err(FileImportError::Read(error)),
            Err(LineError::TooLong) => {
                let megabytes = super::export::MAX_LINE_BYTES >> 20;
                return Err(invalid(format!("it is longer than {megabytes} MB")));
            }
        };
        if !has_end {
            let reason = "it has no end, so the file is incomplete; export again";
            return Err(invalid(reason.to_owned()));
        }
        let size = line.len();
        let line = parse_line(line).map_err(|error| {
            // It may contain a text of the line.
            invalid(error.0.chars().take(MAX_REASON_CHARS).collect())
        })?;
        Ok(Some((line, size)))
    }

    fn push(&mut self, mut record: Record, size: usize) -> Result<(), FileImportError> {
        rules::normalize(&mut record);
        rules::check(&record).map_err(|reason| self.invalid(reason))?;
        let is_secret = matches!(record.kind(), RecordKind::Secret | RecordKind::Session);
        if is_secret && !self.has_secrets {
            return Err(self.invalid("withSecrets of the header says that the file has no secrets"));
        }
        self.read.add(record.kind(), 1);
        Ok(self.writer.push(self.lines.number, size, record)?)
    }

    /// Compares the counts, and checks that nothing follows.
    fn finish(&mut self, end: &ExportEnd) -> Result<(), FileImportError> {
        let read = counts_json(&self.read);
        if end.counts != read {
            let reason = format!("it counts {:?}, but the file has {read:?}", end.counts);
            return Err(self.invalid(reason));
        }
        match self.lines.next_line() {
            Ok(None) => Ok(()),
            _ => Err(self.invalid("there is something after the end record")),
        }
    }

    fn invalid(&self, reason: impl Into<String>) -> FileImportError {
        FileImportError::Line {
            line: self.lines.number,
            reason: reason.into(),
        }
    }
}

/// The reason why a file of this header cannot be imported.
fn check_header(header: &ExportHeader) -> Result<(), String> {
    if header.format != FORMAT {
        return Err(format!("its format is not {FORMAT}"));
    }
    if header.version > FORMAT_VERSION || header.schema > SCHEMA {
        let version: String = header.parlor.chars().take(40).collect();
        return Err(format!(
            "the file was exported by a newer parlor ({version}); install that version or a \
             later one"
        ));
    }
    if header.version < 1 || header.schema < 1 {
        return Err("version and schema: must be at least 1".to_owned());
    }
    Ok(())
}
