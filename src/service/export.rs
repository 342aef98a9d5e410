//! Exports everything as lines of JSON. `docs/export-format.md` describes the format,
//! [`crate::service::import`] reads it.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::backup::is_database_file;
use crate::domain::Timestamp;
use crate::store::backup::Monitor;
use crate::store::export::{self, ExportScope, InvalidRecord, Record, RecordCounts, RecordKind};
use crate::store::{NewFile, OpenError, Store, StoreError, resolve};

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
    pub counts: CountsJson,
}

/// The last line of an export. An export without it is incomplete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
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
    #[error("the export cannot be written: {0}; nothing has the name of the export")]
    Write(#[from] io::Error),
    #[error("{0} belongs to the database; name another file for the export")]
    OwnFile(PathBuf),
    #[error("stopped; run the same command again to export from the beginning")]
    Cancelled,
    #[error("a record cannot be exported: {0}; `parlor check` examines the database file")]
    Record(String),
}

/// Exports to a new file, which gets its name when it is complete.
///
/// # Errors
/// A file of this name exists, the file cannot be written, or the monitor is cancelled.
/// Nothing has the name then.
pub fn to_file(
    store: &Store,
    database: &Path,
    target: &Path,
    scope: ExportScope,
    monitor: &Monitor,
) -> Result<RecordCounts, ExportError> {
    let path = resolve(target)?;
    if is_database_file(&resolve(database)?, &path) {
        return Err(ExportError::OwnFile(path));
    }
    if fs::symlink_metadata(&path).is_ok() {
        return Err(OpenError::Exists(path).into());
    }
    let new = NewFile::create(&path)?;
    let mut out = BufWriter::with_capacity(1 << 18, new.file());
    let counts = write(store, &mut out, scope, monitor)?;
    out.flush()?;
    drop(out);
    new.file().sync_all()?;
    new.persist_new()?;
    Ok(counts)
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
    store.read_blocking(|snapshot| {
        let counts = export::counts(snapshot, scope)?;
        let mut lines = LineWriter::new(out);
        lines.write("header", &header(scope, &counts))?;
        let total = counts.total();
        let mut written = RecordCounts::default();
        export::for_each(snapshot, scope, |record| {
            if written.total() % RECORDS_PER_CHECK == 0 {
                monitor.progress(written.total(), total, "exporting");
                if monitor.is_cancelled() {
                    return Err(ExportError::Cancelled);
                }
            }
            written.add(record.kind(), 1);
            lines.write_record(&record)
        })?;
        lines.write(
            "end",
            &End {
                counts: counts_json(&written),
            },
        )?;
        Ok(written)
    })
}

fn header(scope: ExportScope, counts: &RecordCounts) -> ExportHeader {
    ExportHeader {
        format: FORMAT.to_owned(),
        version: FORMAT_VERSION,
        parlor: env!("CARGO_PKG_VERSION").to_owned(),
        schema: export::SCHEMA,
        created_at: Timestamp::now(),
        with_secrets: scope.with_secrets,
        counts: counts_json(counts),
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
pub enum Line {
    Header(ExportHeader),
    Record(Record),
    End(End),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    data: &'a serde_json::value::RawValue,
}

/// Parses a line.
///
/// # Errors
/// The reason why the line is invalid, in words.
pub fn parse_line(line: &[u8]) -> Result<Line, InvalidRecord> {
    let invalid = |reason: String| InvalidRecord(reason);
    let text = std::str::from_utf8(line).map_err(|_| invalid("it is not UTF-8".to_owned()))?;
    let envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|error| invalid(not_json(&error)))?;
    let data = envelope.data.get();
    match &*envelope.kind {
        "header" => export::parse_json(data).map(Line::Header),
        "end" => export::parse_json(data).map(Line::End),
        kind => {
            let known = RecordKind::NAMES.iter().find(|(name, _)| *name == kind);
            let Some((_, kind)) = known else {
                let kind: String = kind.chars().take(40).collect();
                return Err(invalid(format!("the type {kind:?} is unknown")));
            };
            Record::parse_json(*kind, data).map(Line::Record)
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
