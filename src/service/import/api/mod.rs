//! Imports conversations from the API of another server: from parlor with a private key,
//! or from a server with the hosted service's API what a session token may see.

mod client;
mod objects;

use std::collections::HashSet;
use std::io::{self, BufReader};

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use url::Url;

use super::lines::{LineError, Lines};
use super::rules;
use super::writer::{ImportSummary, Problem, RecordWriter};
use crate::config::Secret;
use crate::domain::{ConversationId, ProjectId, VisitorId};
use crate::store::backup::Monitor;
use crate::store::export::{Record, parse_json};
use crate::store::{Store, StoreError};
use client::ApiClient;
use objects::{ApiConversation, ApiMessage, ApiVisitor, List};

/// The size of a page of conversations, and of messages.
const PAGE_CONVERSATIONS: usize = 100;
const PAGE_MESSAGES: usize = 1000;

/// The most conversations of a visitor, and the most messages of a conversation. A server
/// whose pages never end is left.
const MAX_CONVERSATIONS: usize = 100_000;
const MAX_MESSAGES: usize = 1_000_000;

/// The size from which the conversations of an export are stored.
const MAX_CHUNK_BYTES: usize = 1 << 20;

/// About the size of a record without its texts.
const RECORD_BYTES: usize = 300;

/// Why an import from an API ended before its end. What was imported before is stored.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the server cannot be reached: {0}; run the same command again to continue")]
    Unreachable(String),
    #[error("the key or session token is not valid on this server; check PARLOR_IMPORT_KEY")]
    Unauthorized,
    #[error("the credential has characters that no key and no token has; check PARLOR_IMPORT_KEY")]
    Credential,
    #[error(
        "the server refused GET {0} with status {1}; check the URL, and that the server is a parlor of this version (for a private key)"
    )]
    Refused(String, StatusCode),
    #[error(
        "the server redirects to another address; name that address with --from-api if it is the server that you trust"
    )]
    Redirect,
    #[error("the server is overloaded; run the same command again later to continue")]
    Busy,
    #[error(
        "the server demands a wait of {0} seconds; run the same command again then to continue"
    )]
    RetryLater(u64),
    #[error("a response of the server has more than {0} MB")]
    TooLarge(usize),
    #[error("a response of the server is not what the API returns: {0}")]
    Invalid(String),
    #[error("stopped; what was imported so far is kept. Run the same command again to continue")]
    Cancelled,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the import cannot run: {0}")]
    Io(#[from] io::Error),
}

impl ApiError {
    /// Reports the innermost cause, which is the most specific.
    fn unreachable(error: &reqwest::Error) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::Unreachable(cause.to_string())
    }

    fn refused(path: &str, status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            status if status.is_redirection() => Self::Redirect,
            status => Self::Refused(path.to_owned(), status),
        }
    }
}

/// The server to import from.
pub struct ApiSource {
    /// The URL of the API, which ends in `/v2`.
    pub base: Url,
    /// A private key or a session token.
    pub credential: Secret,
    pub requests_per_second: u32,
}

/// Imports all conversations that the credential may read into a project.
///
/// # Errors
/// The server or the database fails, or the monitor is cancelled. What was read before is
/// imported; a repeated import continues.
pub fn import_from_api(
    store: &Store,
    project: ProjectId,
    source: &ApiSource,
    monitor: &Monitor,
    report: &mut dyn FnMut(&Problem),
) -> Result<ImportSummary, ApiError> {
    let mut import = ApiImport {
        client: ApiClient::new(
            source.base.clone(),
            &source.credential,
            source.requests_per_second,
            monitor,
        )?,
        project,
        writer: RecordWriter::new(store, report),
        monitor,
    };
    // Tokens contain dots, keys do not.
    let result = if source.credential.reveal().contains('.') {
        import.read_lists()
    } else {
        import.read_export()
    };
    import.writer.flush()?;
    result.map(|()| import.writer.summary)
}

struct ApiImport<'a> {
    client: ApiClient<'a>,
    project: ProjectId,
    writer: RecordWriter<'a>,
    monitor: &'a Monitor<'a>,
}

impl ApiImport<'_> {
    /// Reads the export of another parlor.
    fn read_export(&mut self) -> Result<(), ApiError> {
        let list = self.client.get("/conversations", "limit=1")?;
        let total = parse::<List<ApiConversation>>(&list)?.total.unwrap_or(0);
        let lines = "application/x-ndjson";
        let body = self.client.open("/conversations/export", "", lines)?;
        let mut lines = Lines::new(BufReader::new(body));
        let mut chunk = Chunk::default();
        loop {
            if self.monitor.is_cancelled() {
                return Err(ApiError::Cancelled);
            }
            self.monitor
                .progress(lines.number, total.max(lines.number), "importing");
            let line = match lines.next() {
                Ok(Some((line, _))) => line,
                Ok(None) => return chunk.push(&mut self.writer, self.project),
                Err(LineError::TooLong) => {
                    return Err(ApiError::TooLarge(
                        crate::service::export::MAX_LINE_BYTES >> 20,
                    ));
                }
                Err(LineError::Io(error)) => return Err(ApiError::Unreachable(error.to_string())),
            };
            chunk.bytes += line.len();
            chunk.conversations.push(parse(line)?);
            if chunk.bytes >= MAX_CHUNK_BYTES {
                chunk.push(&mut self.writer, self.project)?;
            }
        }
    }

    /// Reads what a visitor may read: the visitor, the list, and the messages of each
    /// conversation.
    fn read_lists(&mut self) -> Result<(), ApiError> {
        let me: ApiVisitor = parse(&self.client.get("/identity/me", "")?)?;
        let visitor = me.id();
        let mut me = Some(me);
        let mut read = HashSet::new();
        loop {
            let offset = read.len();
            let query = format!(
                "limit={PAGE_CONVERSATIONS}&offset={offset}&orderBy=createdAt&orderDir=asc"
            );
            let page: List<ApiConversation> = parse(&self.client.get("/conversations", &query)?)?;
            let total = page.total.unwrap_or(0);
            if page.data.is_empty() {
                return Ok(());
            }
            for conversation in page.data {
                self.monitor.progress(read.len() as u64, total, "importing");
                if let Some(me) = me.take()
                    && !self.writer.is_visitor_stored(self.project, visitor)?
                {
                    let record = me.to_record(self.project, conversation.created_at());
                    push(&mut self.writer, record.into(), RECORD_BYTES)?;
                }
                if !read.insert(conversation.id) {
                    continue;
                }
                self.read_conversation(&conversation, visitor)?;
            }
            if read.len() == offset || read.len() > MAX_CONVERSATIONS {
                return Err(ApiError::Invalid("the list does not end".to_owned()));
            }
            if read.len() as u64 >= total {
                return Ok(());
            }
        }
    }

    fn read_conversation(
        &mut self,
        conversation: &ApiConversation,
        visitor: VisitorId,
    ) -> Result<(), ApiError> {
        self.check_cancelled()?;
        let record = conversation.to_record(self.project, visitor);
        let last = conversation.last_message.as_ref().map(|message| message.id);
        if self.writer.skip_stored(&record, last)? {
            return Ok(());
        }
        if !push(&mut self.writer, record.into(), RECORD_BYTES)? {
            return Ok(());
        }
        let messages = self.read_messages(conversation.id)?;
        for message in messages {
            let size = message.size();
            let record = message.into_record(conversation.id);
            push(&mut self.writer, record.into(), size)?;
        }
        Ok(())
    }

    /// The messages of a conversation, oldest first.
    fn read_messages(&mut self, id: ConversationId) -> Result<Vec<ApiMessage>, ApiError> {
        let path = format!("/conversations/{id}/messages");
        let mut messages = Vec::new();
        let mut read = HashSet::new();
        loop {
            let offset = messages.len();
            let query = format!("limit={PAGE_MESSAGES}&offset={offset}");
            let body = self.client.get(&path, &query)?;
            let page: List<ApiMessage> = parse(&body)?;
            let count = page.data.len();
            let new = page.data.into_iter();
            messages.extend(new.filter(|message| read.insert(message.id)));
            if count < PAGE_MESSAGES {
                return Ok(messages);
            }
            if messages.len() == offset || messages.len() > MAX_MESSAGES {
                let reason = format!("the messages of conversation {id} do not end");
                return Err(ApiError::Invalid(reason));
            }
        }
    }

    fn check_cancelled(&self) -> Result<(), ApiError> {
        if self.monitor.is_cancelled() {
            return Err(ApiError::Cancelled);
        }
        Ok(())
    }
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
    fn push(&mut self, writer: &mut RecordWriter<'_>, project: ProjectId) -> Result<(), ApiError> {
        let mut visitors = HashSet::new();
        for conversation in &mut self.conversations {
            let Some(visitor) = &conversation.visitor else {
                let reason = format!("conversation {} has no visitor", conversation.id);
                return Err(ApiError::Invalid(reason));
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
) -> Result<(), ApiError> {
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

/// Imports a record. Returns false if the record breaks a rule, which is reported.
fn push(writer: &mut RecordWriter<'_>, record: Record, size: usize) -> Result<bool, ApiError> {
    if let Err(reason) = rules::check(&record) {
        writer.refuse(record, reason);
        return Ok(false);
    }
    writer.push(0, size, record)?;
    Ok(true)
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(json).map_err(|_| "it is not UTF-8".to_owned());
    let parsed = text.and_then(|text| parse_json(text).map_err(|error| error.0));
    parsed.map_err(|reason| ApiError::Invalid(reason.chars().take(200).collect()))
}
