//! Parameters of the path and the query.

use std::borrow::Cow;

use actix_web::HttpRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::domain::{
    AgentId, AgentSessionId, ConversationId, DocumentId, KeyId, MessageId, NoteId, ProjectId,
    QnaId, SavedReplyId, SourceId, ValidationError, VisitorId,
};
use crate::http::deserialize::from_query;
use crate::http::error::ApiError;

/// Parses the query of a request. Unknown parameters are ignored
/// (docs/api-contract.md, section 1.3).
///
/// # Errors
/// 422 for a known parameter that occurs twice, is required and absent, or
/// breaks a rule.
pub fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    parse_query(request.query_string())
}

/// [`query`] of a query string.
pub fn parse_query<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        form_urlencoded::parse(text.as_bytes()).collect();
    from_query(&pairs).map_err(|error| ApiError::validation(&error.path, error.reason()))
}

/// The query parameter of operations that need a publishable key
/// (docs/api-contract.md, section 3.1).
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct KeyParams {
    /// A publishable key.
    #[serde(default)]
    #[param(min_length = 1, required)]
    api_key: String,
}

impl KeyParams {
    /// Whether the parameter is absent or empty.
    pub fn is_empty(&self) -> bool {
        self.api_key.is_empty()
    }

    /// Returns the key.
    ///
    /// # Errors
    /// 422 if the parameter is absent or empty.
    pub fn api_key(&self) -> Result<&str, ValidationError> {
        if self.api_key.is_empty() {
            return Err(ValidationError::new("apiKey", "must be a publishable key"));
        }
        Ok(&self.api_key)
    }
}

/// The `agentId` of the path.
pub fn agent_id(request: &HttpRequest) -> Result<AgentId, ApiError> {
    path_id(request, "agentId", AgentId::parse)
}

/// The `sessionId` of the path.
pub fn agent_session_id(request: &HttpRequest) -> Result<AgentSessionId, ApiError> {
    path_id(request, "sessionId", AgentSessionId::parse)
}

/// The `conversationId` of the path.
pub fn conversation_id(request: &HttpRequest) -> Result<ConversationId, ApiError> {
    path_id(request, "conversationId", ConversationId::parse)
}

/// The `projectId` of the path.
pub fn project_id(request: &HttpRequest) -> Result<ProjectId, ApiError> {
    path_id(request, "projectId", ProjectId::parse)
}

/// The `qnaId` of the path.
pub fn qna_id(request: &HttpRequest) -> Result<QnaId, ApiError> {
    path_id(request, "qnaId", QnaId::parse)
}

/// The `documentId` of the path.
pub fn document_id(request: &HttpRequest) -> Result<DocumentId, ApiError> {
    path_id(request, "documentId", DocumentId::parse)
}

/// The `keyId` of the path.
pub fn key_id(request: &HttpRequest) -> Result<KeyId, ApiError> {
    path_id(request, "keyId", KeyId::parse)
}

/// The `noteId` of the path.
pub fn note_id(request: &HttpRequest) -> Result<NoteId, ApiError> {
    path_id(request, "noteId", NoteId::parse)
}

/// The `savedReplyId` of the path.
pub fn saved_reply_id(request: &HttpRequest) -> Result<SavedReplyId, ApiError> {
    path_id(request, "savedReplyId", SavedReplyId::parse)
}

/// The `sourceId` of the path.
pub fn source_id(request: &HttpRequest) -> Result<SourceId, ApiError> {
    path_id(request, "sourceId", SourceId::parse)
}

/// The `visitorId` of the path.
pub fn visitor_id(request: &HttpRequest) -> Result<VisitorId, ApiError> {
    path_id(request, "visitorId", VisitorId::parse)
}

/// The `messageId` of the path.
pub fn message_id(request: &HttpRequest) -> Result<MessageId, ApiError> {
    path_id(request, "messageId", MessageId::parse)
}

/// Parses an id of the path.
///
/// # Errors
/// 422 if it is no UUID.
fn path_id<T>(
    request: &HttpRequest,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ApiError> {
    let id = parse(request.match_info().query(name));
    Ok(id.ok_or_else(|| ValidationError::new(name, UUID_EXPECTED))?)
}

pub const UUID_EXPECTED: &str = "must be a UUID such as 123e4567-e89b-12d3-a456-426614174000";
