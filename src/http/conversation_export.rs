//! The bodies of an export of conversations: lines of JSON, or CSV.

use std::borrow::Cow;
use std::ops::ControlFlow;

use csv::{Terminator, WriterBuilder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::csv_cell;
use crate::domain::{
    Conversation, ConversationSeq, Message, MessageParts, Status, Timestamp, Visitor,
};
use crate::http::error::ApiError;
use crate::http::item_stream::ItemSource;
use crate::http::json::{ConversationJson, MessageJson, VisitorJson};
use crate::http::list_response::ListWriter;
use crate::store::Snapshot;
use crate::store::conversation_walk::{ConversationWalk, WalkStep};
use crate::store::message::MessageCursor;

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A JSON object on each line.
    Ndjson,
    Csv,
}

/// A conversation with its visitor and all messages.
#[derive(Serialize, ToSchema)]
pub struct ConversationExport<'a> {
    #[serde(flatten)]
    conversation: ConversationJson<'a>,
    visitor: VisitorJson<'a>,
    /// All messages, oldest first.
    messages: Vec<MessageJson<'a>>,
}

/// The columns of the CSV format: one row for each message. A conversation without
/// messages has one row.
const COLUMNS: [&str; 17] = [
    "conversationId",
    "conversationCreatedAt",
    "status",
    "closedAt",
    "closeReason",
    "title",
    "visitorId",
    "externalId",
    "visitorName",
    "messageId",
    "createdAt",
    "role",
    "agentName",
    "messageStatus",
    "text",
    "feedback",
    "pageUrl",
];

/// The number of columns of the conversation.
const CONVERSATION_COLUMNS: usize = 9;

/// The conversations of an export. They are read in steps, and a long conversation too.
#[derive(Clone)]
pub struct ExportSource {
    format: ExportFormat,
    walk: ConversationWalk,
    /// The conversation whose messages come next.
    open: Option<UnfinishedConversation>,
    is_begun: bool,
}

/// A conversation of which a part is in the body.
#[derive(Clone)]
struct UnfinishedConversation {
    messages: MessageCursor,
    /// Whether a message was written.
    has_messages: bool,
    /// The first columns of each CSV row.
    columns: Vec<String>,
}

impl ExportSource {
    pub fn new(format: ExportFormat, walk: ConversationWalk) -> Self {
        Self {
            format,
            walk,
            open: None,
            is_begun: false,
        }
    }

    /// Begins the next conversation.
    fn open_next(
        &mut self,
        snapshot: &Snapshot,
        body: &mut Vec<u8>,
    ) -> Result<WalkStep<()>, ApiError> {
        let format = self.format;
        let open = self.walk.next(snapshot, |seq, conversation, visitor| {
            let columns = match format {
                ExportFormat::Csv => conversation_columns(conversation, visitor),
                ExportFormat::Ndjson => {
                    begin_object(body, conversation, visitor)?;
                    Vec::new()
                }
            };
            Ok::<_, ApiError>((seq, conversation.id, columns))
        })?;
        let open = match open {
            WalkStep::Conversation(open) => open,
            WalkStep::Nothing => return Ok(WalkStep::Nothing),
            WalkStep::End => return Ok(WalkStep::End),
        };
        let (seq, id, columns): (ConversationSeq, _, _) = open?;
        self.open = Some(UnfinishedConversation {
            messages: MessageCursor::all(snapshot, seq, id)?,
            has_messages: false,
            columns,
        });
        Ok(WalkStep::Conversation(()))
    }
}

impl ItemSource for ExportSource {
    fn append(
        &mut self,
        snapshot: &Snapshot,
        list: &mut ListWriter,
        max_bytes: usize,
    ) -> Result<bool, ApiError> {
        if !std::mem::replace(&mut self.is_begun, true) && self.format == ExportFormat::Csv {
            write_row(list.next_item(), COLUMNS)?;
        }
        loop {
            if let Some(open) = &mut self.open {
                if !open.write_messages(self.format, snapshot, list, max_bytes)? {
                    return Ok(false);
                }
                open.end(self.format, list.next_item())?;
                self.open = None;
            }
            if list.flow(max_bytes).is_break() {
                return Ok(false);
            }
            match self.open_next(snapshot, list.next_item())? {
                WalkStep::Conversation(()) => {}
                // The next step reads the next page.
                WalkStep::Nothing => return Ok(false),
                WalkStep::End => return Ok(true),
            }
        }
    }
}

impl UnfinishedConversation {
    /// Writes messages until the list is full. Returns whether these were the last ones.
    fn write_messages(
        &mut self,
        format: ExportFormat,
        snapshot: &Snapshot,
        list: &mut ListWriter,
        max_bytes: usize,
    ) -> Result<bool, ApiError> {
        let (columns, has_messages) = (&self.columns, &mut self.has_messages);
        self.messages.read(snapshot, |message| {
            let body = list.next_item();
            let is_first = !std::mem::replace(has_messages, true);
            match format {
                ExportFormat::Ndjson => {
                    if !is_first {
                        body.push(b',');
                    }
                    MessageJson::from(message).write(body);
                }
                ExportFormat::Csv => {
                    let columns = columns.iter().map(String::as_str).map(Cow::Borrowed);
                    write_row(body, columns.chain(message_columns(message)))?;
                }
            }
            Ok::<ControlFlow<()>, ApiError>(list.flow(max_bytes))
        })
    }

    /// Ends the conversation after its last message.
    fn end(&self, format: ExportFormat, body: &mut Vec<u8>) -> Result<(), ApiError> {
        match format {
            ExportFormat::Ndjson => body.extend_from_slice(b"]}\n"),
            ExportFormat::Csv if self.has_messages => {}
            ExportFormat::Csv => {
                let empty = [""; COLUMNS.len() - CONVERSATION_COLUMNS];
                let columns = self.columns.iter().map(String::as_str);
                write_row(body, columns.chain(empty))?;
            }
        }
        Ok(())
    }
}

/// Writes the JSON object of a conversation up to its messages.
fn begin_object(
    body: &mut Vec<u8>,
    conversation: &Conversation<'_>,
    visitor: &Visitor,
) -> Result<(), ApiError> {
    let export = ConversationExport {
        conversation: ConversationJson::from(conversation),
        visitor: VisitorJson::from(visitor),
        messages: Vec::new(),
    };
    serde_json::to_writer(&mut *body, &export)?;
    body.truncate(body.len() - b"]}".len());
    Ok(())
}

// ── CSV ──

/// Writes a row. Cells that a spreadsheet would take for a formula are escaped.
fn write_row<T: AsRef<str>>(
    body: &mut Vec<u8>,
    cells: impl IntoIterator<Item = T>,
) -> Result<(), ApiError> {
    let mut builder = WriterBuilder::new();
    let mut writer = builder.terminator(Terminator::CRLF).from_writer(body);
    for cell in cells {
        let cell = csv_cell::escape(cell.as_ref());
        let written = writer.write_field(cell.as_bytes());
        written.map_err(ApiError::internal)?;
    }
    let ended = writer.write_record(None::<&[u8]>);
    ended.map_err(ApiError::internal)
}

fn conversation_columns(conversation: &Conversation<'_>, visitor: &Visitor) -> Vec<String> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let columns: [String; CONVERSATION_COLUMNS] = [
        conversation.id.to_string(),
        time(conversation.created_at),
        Status::as_str(conversation.status).to_owned(),
        conversation.closed_at.map(time).unwrap_or_default(),
        text(conversation.close_reason),
        text(conversation.title),
        visitor.id.to_string(),
        text(visitor.external_id.as_deref()),
        text(visitor.name.as_deref()),
    ];
    columns.into()
}

fn message_columns<'a>(
    message: &Message<'a>,
) -> [Cow<'a, str>; COLUMNS.len() - CONVERSATION_COLUMNS] {
    let agent = message.human_agent.and_then(|agent| agent.name);
    let feedback = message.feedback.map(|feedback| feedback.as_str());
    [
        message.id.to_string().into(),
        time(message.created_at).into(),
        message.role.as_str().into(),
        agent.unwrap_or_default().into(),
        message.status.as_str().into(),
        text_of(message.parts),
        feedback.unwrap_or_default().into(),
        message.page_url.unwrap_or_default().into(),
    ]
}

fn time(at: Timestamp) -> String {
    at.format_iso8601(&mut [0; 24]).to_owned()
}

/// The texts of a message, without parts of other types.
fn text_of(parts: MessageParts<'_>) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Part {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        text: String,
    }
    match parts {
        MessageParts::Text(text) => text.into(),
        MessageParts::Json(json) => {
            let parts: Vec<Part> = serde_json::from_str(json).unwrap_or_default();
            let texts = parts.into_iter().filter(|part| part.kind == "text");
            let texts: Vec<_> = texts.map(|part| part.text).collect();
            texts.join("\n\n").into()
        }
    }
}
