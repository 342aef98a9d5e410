//! Finds the place from which an interrupted export continues.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use super::lines::{LineError, Lines};
use super::{ExportError, ExportHeader, ExportLine, ExportWriter, parse_line, record_kind};
use crate::domain::ConversationSeq;
use crate::store::Snapshot;
use crate::store::backup::Monitor;
use crate::store::export::{self, ExportScope, Record, RecordCounts, RecordKind};

/// The beginning of every export.
const HEADER_START: &[u8] = br#"{"type":"header","data":{"format":"parlor-export","#;

/// What an interrupted export has written.
pub enum EarlierExport {
    /// The database is as it was, so the export continues.
    Unchanged(ResumePoint),
    /// The database, parlor or `--with-secrets` differs.
    Changed,
    /// It ended before the first conversation.
    Incomplete,
    /// The file is not the beginning of an export.
    OtherFile,
}

/// Where an export continues.
pub struct ResumePoint {
    /// The length of what is kept of the file.
    pub offset: u64,
    /// The records in it.
    pub counts: RecordCounts,
    /// The next conversation. None: the first one.
    pub conversation: Option<ConversationSeq>,
}

impl EarlierExport {
    /// Reads the file from its begin. `header` is the header of a new export. The state in
    /// the header covers conversations and messages. The records before them are compared.
    pub fn read(
        file: &File,
        snapshot: &Snapshot,
        header: &ExportHeader,
        scope: ExportScope,
        monitor: &Monitor,
    ) -> Result<Self, ExportError> {
        if !begins_as_export(file)? {
            return Ok(Self::OtherFile);
        }
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let Some((earlier, header_bytes)) = read_header(&mut reader)? else {
            return Ok(Self::Incomplete);
        };
        let created_at = earlier.created_at;
        let expected = ExportHeader {
            created_at,
            ..header.clone()
        };
        if earlier != expected {
            return Ok(Self::Changed);
        }
        let mut compared = ComparedWriter::new(&mut reader);
        let mut writer = ExportWriter::new(&mut compared, header, monitor);
        let result = writer.write_before_conversations(snapshot, scope);
        let counts = writer.written;
        match compared.difference {
            Some(Difference::Content) => return Ok(Self::Changed),
            Some(Difference::Length) => return Ok(Self::Incomplete),
            None => result?,
        }
        let place = ResumePoint {
            offset: header_bytes + compared.length,
            counts,
            conversation: None,
        };
        let place = place.after_conversations(reader, snapshot, monitor)?;
        Ok(place.map_or(Self::Changed, Self::Unchanged))
    }
}

/// Whether a file is empty, or has the first bytes of an export, also if it ends there.
fn begins_as_export(mut file: &File) -> io::Result<bool> {
    let mut start = Vec::new();
    let mut first = file.take(HEADER_START.len() as u64);
    first.read_to_end(&mut start)?;
    file.rewind()?;
    Ok(HEADER_START.starts_with(&start))
}

/// The header and the length of its line. None: it is incomplete.
fn read_header(reader: &mut BufReader<&File>) -> Result<Option<(ExportHeader, u64)>, ExportError> {
    let mut lines = Lines::new(reader);
    let header = match lines.next_line() {
        Ok(Some((line, true))) => parse_line(line).ok(),
        Err(LineError::Io(error)) => return Err(error.into()),
        Ok(_) | Err(LineError::TooLong) => None,
    };
    Ok(match header {
        Some(ExportLine::Header(header)) => Some((header, lines.bytes)),
        _ => None,
    })
}

impl ResumePoint {
    /// The begin of an export.
    pub const START: Self = Self {
        offset: 0,
        counts: RecordCounts::NONE,
        conversation: None,
    };

    /// Reads conversations and messages up to the first line that is incomplete, for example
    /// because of a power failure. The last conversation may lack messages, so the export
    /// continues with it. None: the conversation is not in the database.
    fn after_conversations(
        mut self,
        mut reader: BufReader<&File>,
        snapshot: &Snapshot,
        monitor: &Monitor,
    ) -> Result<Option<Self>, ExportError> {
        let start = self.offset;
        let mut counts = self.counts;
        let mut has_conversation = false;
        let mut lines = Lines::new(&mut reader);
        loop {
            if monitor.is_cancelled() {
                return Err(ExportError::Cancelled);
            }
            let offset = start + lines.bytes;
            let kind = match lines.next_line() {
                Ok(Some((line, true))) => record_kind(line),
                Err(LineError::Io(error)) => return Err(error.into()),
                Ok(_) | Err(LineError::TooLong) => None,
            };
            let Some(
                kind @ (RecordKind::Conversation
                | RecordKind::Message
                | RecordKind::Note
                | RecordKind::Refusal),
            ) = kind
            else {
                break;
            };
            if kind == RecordKind::Conversation {
                (self.offset, self.counts) = (offset, counts);
                has_conversation = true;
            }
            counts.add(kind, 1);
        }
        if has_conversation {
            reader.seek(SeekFrom::Start(self.offset))?;
            self.conversation = read_conversation(reader, snapshot)?;
            return Ok(self.conversation.map(|_| self));
        }
        Ok(Some(self))
    }
}

/// The row number of the conversation in the next line.
fn read_conversation(
    reader: BufReader<&File>,
    snapshot: &Snapshot,
) -> Result<Option<ConversationSeq>, ExportError> {
    let mut lines = Lines::new(reader);
    let line = match lines.next_line() {
        Err(LineError::Io(error)) => return Err(error.into()),
        line => line.ok().flatten(),
    };
    let parsed = line.and_then(|(line, _)| parse_line(line).ok());
    let Some(ExportLine::Record(Record::Conversation(record))) = parsed else {
        return Ok(None);
    };
    let (project, id) = (record.project_id, record.id);
    Ok(export::find_conversation(snapshot, project, id)?)
}

/// Compares what is written with what a file has. A difference is an error of the write.
struct ComparedWriter<'a, R> {
    input: &'a mut R,
    buffer: Vec<u8>,
    /// The bytes that are equal.
    length: u64,
    difference: Option<Difference>,
}

enum Difference {
    Content,
    /// The file ends.
    Length,
}

impl<'a, R: Read> ComparedWriter<'a, R> {
    fn new(input: &'a mut R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            length: 0,
            difference: None,
        }
    }
}

impl<R: Read> Write for ComparedWriter<'_, R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.clear();
        let mut input = (&mut self.input).take(bytes.len() as u64);
        input.read_to_end(&mut self.buffer)?;
        if self.buffer == bytes {
            self.length += bytes.len() as u64;
            return Ok(bytes.len());
        }
        self.difference = Some(if bytes.starts_with(&self.buffer) {
            Difference::Length
        } else {
            Difference::Content
        });
        Err(io::ErrorKind::InvalidData.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
