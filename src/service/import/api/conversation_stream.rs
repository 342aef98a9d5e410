//! Reads the export of another parlor, which needs a private key.

use std::collections::HashSet;
use std::io::BufReader;

use super::objects::{ApiConversation, ApiList, ApiVisitor};
use super::{ApiImport, ApiImportError, RECORD_BYTES, parse, push};
use crate::domain::ProjectId;
use crate::service::export::MAX_LINE_BYTES;
use crate::service::export::lines::{LineError, Lines};
use crate::service::import::writer::RecordWriter;
use crate::store::backup::Monitor;

/// The size from which the conversations of an export are stored.
const MAX_CHUNK_BYTES: usize = 1 << 20;

/// The most conversations whose lines are too long. Their messages are read in pages.
const MAX_LONG_CONVERSATIONS: usize = 1000;

/// What precedes the messages of a conversation. Quotes in texts are escaped, so no text
/// contains these bytes.
const MESSAGES_START: &[u8] = br#""messages":["#;

/// What was read from an export.
#[derive(Default)]
struct ReadConversations {
    count: u64,
    /// Conversations without their messages, whose lines are too long.
    long: Vec<ApiConversation>,
}

impl ApiImport<'_> {
    /// Reads all conversations, and compares their number with the number in the list.
    pub(super) fn read_export(&mut self) -> Result<(), ApiImportError> {
        let before = self.count_conversations()?;
        let read = self.read_stream(before)?;
        for conversation in read.long {
            let id = conversation.id;
            let mut chunk = Chunk::default();
            chunk.conversations.push(conversation);
            chunk.push(&mut self.writer, self.project)?;
            self.read_messages(id, None)?;
        }
        // Conversations may have been deleted meanwhile.
        if read.count < before {
            let now = self.count_conversations()?;
            if read.count < now {
                let counts = format!(
                    "the server has {now} conversations, but sent {}",
                    read.count
                );
                return Err(ApiImportError::Incomplete(counts));
            }
        }
        Ok(())
    }

    fn count_conversations(&mut self) -> Result<u64, ApiImportError> {
        let list = self.client.get("/conversations", "limit=1")?;
        let total = parse::<ApiList<ApiConversation>>(&list)?.total;
        total.ok_or_else(|| ApiImportError::Invalid("the list has no total".to_owned()))
    }

    fn read_stream(&mut self, total: u64) -> Result<ReadConversations, ApiImportError> {
        let accept = "application/x-ndjson";
        let body = self.client.open("/conversations/export", "", accept)?;
        let mut lines = Lines::new(BufReader::new(body));
        let mut chunk = Chunk::default();
        let mut read = ReadConversations::default();
        loop {
            self.monitor
                .progress(read.count, total.max(read.count), "importing");
            match lines.next_line() {
                Ok(Some((line, true))) => {
                    chunk.bytes += line.len();
                    chunk.conversations.push(parse(line)?);
                }
                Ok(Some((_, false))) => {
                    let reason = "the last line of the response has no end".to_owned();
                    return Err(ApiImportError::Incomplete(reason));
                }
                Ok(None) => {
                    chunk.push(&mut self.writer, self.project)?;
                    return Ok(read);
                }
                Err(LineError::TooLong) => {
                    read.long.push(without_messages(lines.start())?);
                    let skipped = lines.skip_rest();
                    skipped.map_err(|error| stream_error(self.monitor, &error))?;
                }
                Err(error) => return Err(stream_error(self.monitor, &error)),
            }
            read.count += 1;
            if chunk.bytes >= MAX_CHUNK_BYTES {
                chunk.push(&mut self.writer, self.project)?;
            }
            if read.long.len() > MAX_LONG_CONVERSATIONS {
                return Err(too_large());
            }
        }
    }
}

fn stream_error(monitor: &Monitor, error: &LineError) -> ApiImportError {
    match error {
        _ if monitor.is_cancelled() => ApiImportError::Cancelled,
        LineError::TooLong => too_large(),
        LineError::Io(error) => ApiImportError::Unreachable(error.to_string()),
    }
}

fn too_large() -> ApiImportError {
    ApiImportError::TooLarge(MAX_LINE_BYTES >> 20)
}

/// The conversation of a line of which the start is known.
fn without_messages(start: &[u8]) -> Result<ApiConversation, ApiImportError> {
    let mut windows = start.windows(MESSAGES_START.len());
    let at = windows.position(|window| window == MESSAGES_START);
    let at = at.ok_or_else(too_large)?;
    let end: &[u8] = b"]}";
    parse(&[&start[..at], MESSAGES_START, end].concat())
}

/// Conversations of an export that are imported together: first their visitors, so that
/// one batch stores many records of one kind.
#[derive(Default)]
struct Chunk {
    conversations: Vec<ApiConversation>,
    bytes: usize,
}

impl Chunk {
    /// Imports the conversations with their visitors and messages.
    fn push(
        &mut self,
        writer: &mut RecordWriter<'_>,
        project: ProjectId,
    ) -> Result<(), ApiImportError> {
        let mut visitors = HashSet::new();
        for conversation in &mut self.conversations {
            let Some(visitor) = &conversation.visitor else {
                let reason = format!("conversation {} has no visitor", conversation.id);
                return Err(ApiImportError::Invalid(reason));
            };
            let id = visitor.id();
            if visitors.insert(id) && !writer.is_visitor_stored(project, id)? {
                let record = visitor.to_record(project, conversation.created_at());
                push(writer, record.into(), RECORD_BYTES)?;
            }
        }
        self.bytes = 0;
        std::mem::take(&mut self.conversations)
            .into_iter()
            .try_for_each(|conversation| push_conversation(writer, project, conversation))
    }
}

fn push_conversation(
    writer: &mut RecordWriter<'_>,
    project: ProjectId,
    conversation: ApiConversation,
) -> Result<(), ApiImportError> {
    let Some(visitor) = conversation.visitor.as_ref().map(ApiVisitor::id) else {
        return Ok(());
    };
    let record = conversation.to_record(project, visitor);
    if !push(writer, record.into(), RECORD_BYTES)? {
        return Ok(());
    }
    for message in conversation.messages {
        let size = message.size();
        push(writer, message.into_record(conversation.id).into(), size)?;
    }
    Ok(())
}
