//! Exports everything as lines of JSON. `docs/export-format.md` describes the format,
//! [`crate::service::import`] reads it.

mod earlier;
mod file;
pub mod lines;

use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use file::{FileExport, to_file};

use crate::domain::{ConversationSeq, Timestamp};
use crate::store::backup::Monitor;
use crate::store::export::{self, ExportScope, InvalidRecord, Record, RecordCounts, RecordKind};
use crate::store::{OpenError, Snapshot, Store, StoreError};

/// The name of the format, in the first line.
pub const FORMAT: &str = "parlor-export";

/// The version of the format. A change that an earlier parlor cannot read increments it.
pub const FORMAT_VERSION: u32 = 1;

/// The maximum length of a line.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// The records between two checks for a cancellation.
const RECORDS_PER_CHECK: u64 = 256;

/// The first line of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportHeader {
    pub format: String,
    pub version: u32,
    /// The version of parlor that wrote the export.
    pub parlor: String,
    /// The version of its tables.
    pub schema: i64,
    pub created_at: Timestamp,
    pub with_secrets: bool,
    /// Differs between two exports if the conversations or messages have changed. Not in
    /// files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    pub counts: CountsJson,
}

/// The last line of an export. An export without it is incomplete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportEnd {
    pub counts: CountsJson,
}

/// The number of records by the name of their kind.
pub type CountsJson = std::collections::BTreeMap<String, u64>;

/// The JSON form of counts: kinds without records are left out.
pub fn counts_json(counts: &RecordCounts) -> CountsJson {
    let kinds = RecordKind::NAMES.iter();
    let counts = kinds.map(|(name, kind)| ((*name).to_owned(), counts.of(*kind)));
    counts.filter(|(_, count)| *count > 0).collect()
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the export cannot be written: {0}; what was written is incomplete")]
    Write(#[from] io::Error),
    #[error("stopped; what was written is incomplete")]
    Cancelled,
    #[error("a record cannot be exported: {0}; `parlor check` examines the database file")]
    Record(String),
    #[error("{0} belongs to the database; name another file for the export")]
    OwnFile(PathBuf),
    #[error("{0} is not the beginning of an export; remove it or name another file")]
    NotAnExport(PathBuf),
    #[error(
        "the export cannot be written: {1}; {0} has the records so far. Remove the cause and run the same command again to continue"
    )]
    FileWrite(PathBuf, io::Error),
    #[error("stopped; {0} has the records so far. Run the same command again to continue")]
    FileCancelled(PathBuf),
}

/// Writes an export. One snapshot of the database is read, so the export is what was
/// stored at one moment. Records are written one by one.
///
/// # Errors
/// `out` cannot be written to, or the monitor is cancelled.
pub fn write(
    store: &Store,
    out: &mut impl Write,
    scope: ExportScope,
    monitor: &Monitor,
) -> Result<RecordCounts, ExportError> {
    store.read_long(|snapshot| {
        let header = header(snapshot, scope)?;
        let mut export = ExportWriter::new(out, &header, monitor);
        export.write_header(&header)?;
        export.write_before_conversations(snapshot, scope)?;
        export.write_conversations(snapshot, None)
    })
}

fn header(snapshot: &Snapshot, scope: ExportScope) -> Result<ExportHeader, StoreError> {
    Ok(ExportHeader {
        format: FORMAT.to_owned(),
        version: FORMAT_VERSION,
        parlor: env!("CARGO_PKG_VERSION").to_owned(),
        schema: export::SCHEMA,
        created_at: Timestamp::now(),
        with_secrets: scope.with_secrets,
        state: Some(export::state(snapshot)?),
        counts: counts_json(&export::counts(snapshot, scope)?),
    })
}

/// Writes the lines of an export and counts the records.
struct ExportWriter<'a, W> {
    lines: LineWriter<'a, W>,
    written: RecordCounts,
    total: u64,
    monitor: &'a Monitor<'a>,
}

impl<'a, W: Write> ExportWriter<'a, W> {
    fn new(out: &'a mut W, header: &ExportHeader, monitor: &'a Monitor<'a>) -> Self {
        Self {
            lines: LineWriter::new(out),
            written: RecordCounts::default(),
            total: header.counts.values().sum(),
            monitor,
        }
    }

    fn write_header(&mut self, header: &ExportHeader) -> Result<(), ExportError> {
        self.lines.write("header", header)
    }

    fn write_before_conversations(
        &mut self,
        snapshot: &Snapshot,
        scope: ExportScope,
    ) -> Result<(), ExportError> {
        export::for_each_before_conversations(snapshot, scope, |record| self.write_record(&record))
    }

    /// Writes the conversations from `first` on, or all of them, and the last line.
    fn write_conversations(
        mut self,
        snapshot: &Snapshot,
        first: Option<ConversationSeq>,
    ) -> Result<RecordCounts, ExportError> {
        export::for_each_conversation(snapshot, first, |record| self.write_record(&record))?;
        let counts = counts_json(&self.written);
        self.lines.write("end", &ExportEnd { counts })?;
        Ok(self.written)
    }

    fn write_record(&mut self, record: &Record) -> Result<(), ExportError> {
        let written = self.written.total();
        if written.is_multiple_of(RECORDS_PER_CHECK) {
            self.monitor.progress(written, self.total, "exporting");
            if self.monitor.is_cancelled() {
                return Err(ExportError::Cancelled);
            }
        }
        self.written.add(record.kind(), 1);
        self.lines.write_record(record)
    }
}

/// Writes lines `{"type":…,"data":…}`.
struct LineWriter<'a, W> {
    out: &'a mut W,
    line: Vec<u8>,
}

impl<'a, W: Write> LineWriter<'a, W> {
    fn new(out: &'a mut W) -> Self {
        Self {
            out,
            line: Vec::new(),
        }
    }

    fn write(&mut self, kind: &str, data: &impl Serialize) -> Result<(), ExportError> {
        self.write_line(kind, |line| serde_json::to_writer(line, data))
    }

    fn write_record(&mut self, record: &Record) -> Result<(), ExportError> {
        self.write_line(record.kind().name(), |line| record.write_json(line))
    }

    fn write_line(
        &mut self,
        kind: &str,
        append: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
    ) -> Result<(), ExportError> {
        self.line.clear();
        self.line
            .extend_from_slice(format!(r#"{{"type":"{kind}","data":"#).as_bytes());
        append(&mut self.line).map_err(|error| ExportError::Record(error.to_string()))?;
        self.line.extend_from_slice(b"}\n");
        if self.line.len() > MAX_LINE_BYTES {
            let reason = format!("a {kind} has more than {} MB", MAX_LINE_BYTES >> 20);
            return Err(ExportError::Record(reason));
        }
        Ok(self.out.write_all(&self.line)?)
    }
}

/// A line of an export.
#[derive(Debug, Clone, PartialEq)]
pub enum ExportLine {
    Header(ExportHeader),
    Record(Record),
    End(ExportEnd),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    data: &'a serde_json::value::RawValue,
}

impl<'a> Envelope<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, InvalidRecord> {
        let text = std::str::from_utf8(line);
        let text = text.map_err(|_| InvalidRecord("it is not UTF-8".to_owned()))?;
        serde_json::from_str(text).map_err(|error| InvalidRecord(not_json(&error)))
    }
}

/// The kind of the record of a line, whose JSON is complete. None: it has no record.
fn record_kind(line: &[u8]) -> Option<RecordKind> {
    let envelope = Envelope::parse(line).ok()?;
    let mut names = RecordKind::NAMES.iter();
    let found = names.find(|(name, _)| *name == envelope.kind);
    found.map(|(_, kind)| *kind)
}

/// Parses a line.
///
/// # Errors
/// The reason why the line is invalid, in words.
pub fn parse_line(line: &[u8]) -> Result<ExportLine, InvalidRecord> {
    let invalid = |reason: String| InvalidRecord(reason);
    let envelope = Envelope::parse(line)?;
    let data = envelope.data.get();
    match &*envelope.kind {
        "header" => export::parse_json(data).map(ExportLine::Header),
        "end" => export::parse_json(data).map(ExportLine::End),
        kind => {
            let known = RecordKind::NAMES.iter().find(|(name, _)| *name == kind);
            let Some((_, kind)) = known else {
                let kind: String = kind.chars().take(40).collect();
                return Err(invalid(format!("the type {kind:?} is unknown")));
            };
            Record::parse_json(*kind, data).map(ExportLine::Record)
        }
    }
}

fn not_json(error: &serde_json::Error) -> String {
    if error.is_data() {
        let text = error.to_string();
        let text = text
            .rsplit_once(" at line ")
            .map_or(&*text, |(text, _)| text);
        return text.to_owned();
    }
    format!("it is not JSON (column {})", error.column())
}
