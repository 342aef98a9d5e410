//! The objects of the API, and the records that are made of them. Unknown members are
//! ignored, and members that the hosted service may leave out are optional.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::RECORD_BYTES;
use crate::domain::{
    AgentName, CloseReason, ConversationId, Feedback, MAX_MESSAGE_ERROR_CHARS,
    MAX_MESSAGE_JSON_BYTES, MAX_PAGE_TITLE_CHARS, MAX_TEXT_SELECTION_CHARS, MAX_TITLE_CHARS,
    MAX_VISITOR_NAME_CHARS, MessageId, MessageStatus, ProjectId, Role, Status, Timestamp,
    VisitorId, bounded_web_url, page_address, parse_uri, text_prefix,
};
use crate::store::export::{
    AgentRecord, ConversationRecord, JsonText, MessageRecord, VisitorRecord,
};
use crate::store::lease::INTERRUPTED;

/// A list without pages, or a page of a list.
#[derive(Deserialize)]
pub struct ApiList<T> {
    #[serde(default)]
    pub total: Option<u64>,
    pub data: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiVisitor {
    id: VisitorId,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    avatar_url: Option<String>,
}

/// A conversation in every form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiConversation {
    pub id: ConversationId,
    created_at: Timestamp,
    updated_at: Timestamp,
    status: Status,
    #[serde(default)]
    closed_at: Option<Timestamp>,
    #[serde(default)]
    close_reason: Option<String>,
    /// The original spelling of the name, and the later one.
    #[serde(default)]
    last_interation_at: Option<Timestamp>,
    #[serde(default)]
    last_interaction_at: Option<Timestamp>,
    #[serde(default)]
    is_human_handled: bool,
    #[serde(default)]
    human_agent: Option<ApiAgent>,
    #[serde(default)]
    title: Option<String>,
    /// In a list.
    #[serde(default)]
    pub last_message: Option<ApiMessageRef>,
    /// In an export.
    #[serde(default)]
    pub visitor: Option<ApiVisitor>,
    #[serde(default)]
    pub messages: Vec<ApiMessage>,
}

#[derive(Deserialize)]
pub struct ApiMessageRef {
    pub id: MessageId,
}

#[derive(Deserialize)]
struct ApiAgent {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    image: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiMessage {
    pub id: MessageId,
    created_at: Timestamp,
    role: Role,
    parts: Box<RawValue>,
    #[serde(default)]
    status: Option<MessageStatus>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    feedback: Option<Feedback>,
    #[serde(default)]
    feedback_at: Option<Timestamp>,
    #[serde(default)]
    metadata: Option<Box<RawValue>>,
    #[serde(default)]
    human_agent: Option<ApiAgent>,
    #[serde(default)]
    page_url: Option<String>,
    #[serde(default)]
    page_title: Option<String>,
    #[serde(default)]
    text_selection: Option<String>,
}

impl ApiVisitor {
    pub fn id(&self) -> VisitorId {
        self.id
    }

    /// The API does not return when a visitor was created.
    pub fn to_record(&self, project: ProjectId, created_at: Timestamp) -> VisitorRecord {
        VisitorRecord {
            id: self.id,
            project_id: project,
            sa_vid: None,
            external_id: self.external_id.clone().filter(|id| !id.is_empty()),
            name: shorten(self.name.as_deref(), MAX_VISITOR_NAME_CHARS),
            avatar_url: self
                .avatar_url
                .clone()
                .filter(|url| bounded_web_url("avatarUrl", url).is_ok()),
            email: None,
            phone: None,
            is_verified: None,
            blocked_at: None,
            is_email_verified: false,
            created_at,
        }
    }
}

impl ApiConversation {
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    pub fn to_record(&self, project: ProjectId, visitor: VisitorId) -> ConversationRecord {
        let last = self.last_interation_at.or(self.last_interaction_at);
        let is_closed = self.status == Status::Closed;
        ConversationRecord {
            id: self.id,
            project_id: project,
            visitor_id: visitor,
            status: self.status,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_interaction_at: last.unwrap_or(self.updated_at),
            closed_at: is_closed.then(|| self.closed_at.unwrap_or(self.updated_at)),
            close_reason: shorten(self.close_reason.as_deref(), CloseReason::MAX_CHARS),
            is_human_handled: self.is_human_handled,
            human_agent: self.human_agent.as_ref().map(ApiAgent::to_record),
            title: shorten(self.title.as_deref(), MAX_TITLE_CHARS),
            page_url: None,
            agent_id: None,
            waiting_since: None,
            waiting_reason: None,
            waited_ms: None,
            is_read: false,
        }
    }
}

impl ApiAgent {
    fn to_record(&self) -> AgentRecord {
        AgentRecord {
            name: self
                .name
                .as_deref()
                .and_then(AgentName::repair)
                .map(AgentName::into_string),
            image: self
                .image
                .clone()
                .filter(|image| parse_uri("image", image).is_ok()),
        }
    }
}

/// Shortens a text to `max` characters. Other servers have other limits.
fn shorten(text: Option<&str>, max: usize) -> Option<String> {
    text.map(|text| text_prefix(text, max))
}

impl ApiMessage {
    /// About the size of the record in bytes.
    pub fn size(&self) -> usize {
        let metadata = self.metadata.as_ref().map_or(0, |json| json.get().len());
        RECORD_BYTES + self.parts.get().len() + metadata
    }

    pub fn into_record(self, conversation: ConversationId) -> MessageRecord {
        let (text, parts) = content(&self.parts);
        let is_streaming = self.status == Some(MessageStatus::Streaming);
        let is_answer = self.role == Role::Assistant;
        let (status, error) = if is_streaming && is_answer {
            (MessageStatus::Error, Some(INTERRUPTED.to_owned()))
        } else {
            let status = self.status.filter(|_| is_answer);
            (status.unwrap_or(MessageStatus::Complete), self.error)
        };
        let feedback = self.feedback.filter(|_| self.role != Role::User);
        MessageRecord {
            id: self.id,
            conversation_id: conversation,
            created_at: self.created_at,
            role: self.role,
            status,
            text,
            parts,
            error: shorten(error.as_deref(), MAX_MESSAGE_ERROR_CHARS),
            feedback,
            feedback_at: feedback.map(|_| self.feedback_at.unwrap_or(self.created_at)),
            // parlor stores objects alone.
            metadata: self
                .metadata
                .filter(|json| json.get().len() <= MAX_MESSAGE_JSON_BYTES)
                .filter(|json| serde_json::from_str::<Map<String, Value>>(json.get()).is_ok())
                .map(|json| JsonText::from_stored(json.get())),
            human_agent: self.human_agent.as_ref().map(ApiAgent::to_record),
            page_url: self.page_url.as_deref().and_then(page_address),
            page_title: shorten(self.page_title.as_deref(), MAX_PAGE_TITLE_CHARS),
            text_selection: shorten(self.text_selection.as_deref(), MAX_TEXT_SELECTION_CHARS),
        }
    }
}

/// The text of a message, and its parts if they are more than one part with the text.
fn content(parts: &RawValue) -> (String, Option<JsonText>) {
    let json = JsonText::from_stored(parts.get());
    let Ok(parts) = serde_json::from_str::<Vec<Map<String, Value>>>(parts.get()) else {
        // The rules of records refuse the message.
        return (String::new(), Some(json));
    };
    let text = |part: &Map<String, Value>| {
        let is_text = part.get("type").is_some_and(|kind| kind == "text");
        let text = part.get("text").and_then(Value::as_str);
        text.filter(|_| is_text).map(str::to_owned)
    };
    if let [part] = &parts[..]
        && part.len() == 2
        && let Some(text) = text(part)
    {
        return (text, None);
    }
    let texts: Vec<_> = parts.iter().filter_map(text).collect();
    (texts.join("\n\n"), Some(json))
}
