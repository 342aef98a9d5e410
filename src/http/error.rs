//! Every error of the API: the table of codes, and the error type of handlers.
//! `super::error_mapping` maps the errors of other layers to it.
//!
//! `docs/api-contract.md`, section 2, defines the envelope and the codes. The
//! cause of an error is written to the log and never sent.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::domain::{
    AgentId, AgentSessionId, AssistantId, ConversationId, DocumentId, KeyId, MessageId, NoteId,
    ProjectId, QnaId, SavedReplyId, SourceId, VisitorId,
};

/// The kind of an error, in the order of [`ERROR_CODES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    InvalidRequestBody,
    Unauthorized,
    PaymentRequired,
    Forbidden,
    ConversationNotFound,
    MessageNotFound,
    VisitorNotFound,
    QnaNotFound,
    DocumentNotFound,
    ProjectNotFound,
    AssistantNotFound,
    AgentNotFound,
    SessionNotFound,
    KeyNotFound,
    NoteNotFound,
    SavedReplyNotFound,
    SourceNotFound,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationError,
    RateLimitExceeded,
    InternalServerError,
    BadGateway,
    ServiceUnavailable,
}

/// The fixed properties of an error code, and example details.
pub struct ErrorSpec {
    pub code: ErrorCode,
    /// The HTTP status.
    pub status: u16,
    /// `error.code` in the response.
    pub name: &'static str,
    /// When the error occurs and how a client reacts to it.
    pub description: &'static str,
    /// The default of `error.message`.
    pub message: &'static str,
    /// Example of `error.details` as JSON. Empty: the error has no details.
    pub details: &'static str,
}

macro_rules! error_codes {
    ($($code:ident $status:literal $name:literal $description:literal $message:literal $details:literal;)*) => {
        /// All error codes, in the order of [`ErrorCode`].
        pub const ERROR_CODES: &[ErrorSpec] = &[$(ErrorSpec {
            code: ErrorCode::$code, status: $status, name: $name, description: $description, message: $message,
            details: $details,
        }),*];
    };
}

error_codes! {
    InvalidRequestBody 400 "INVALID_REQUEST_BODY"
        "The body is not JSON, lacks a required field, or a field has the wrong type."
        "Invalid request body. Content is required." r#"{"field":"content"}"#;
    Unauthorized 401 "UNAUTHORIZED"
        "The credential is missing, wrong, expired or revoked. Start a new session with POST /identity/init, or check the key."
        "Authentication required" "";
    PaymentRequired 402 "PAYMENT_REQUIRED"
        "The project's plan does not include the feature. Does not occur with the default settings."
        "A higher pricing plan is required to access this feature"
        r#"{"currentPlan":"free","requiredPlan":"pro","feature":"advanced_ai_models"}"#;
    Forbidden 403 "FORBIDDEN"
        "The caller is not allowed to do this: the conversation belongs to another visitor, the key is not valid for this website, or the endpoint needs another kind of credential."
        "Access denied to this conversation" "";
    ConversationNotFound 404 "CONVERSATION_NOT_FOUND"
        "The project has no conversation with this id."
        "Conversation not found!" r#"{"conversationId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    MessageNotFound 404 "MESSAGE_NOT_FOUND"
        "The project has no message with this id."
        "Message not found" r#"{"messageId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    VisitorNotFound 404 "VISITOR_NOT_FOUND"
        "The project has no visitor with this id."
        "Visitor not found" r#"{"visitorId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    QnaNotFound 404 "QNA_NOT_FOUND"
        "The project has no published Q&A with this id."
        "Q&A not found" r#"{"qnaId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    DocumentNotFound 404 "DOCUMENT_NOT_FOUND"
        "The project has no document with this id."
        "Document not found" r#"{"documentId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    ProjectNotFound 404 "PROJECT_NOT_FOUND"
        "There is no project with this id."
        "Project not found" r#"{"projectId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    AssistantNotFound 404 "ASSISTANT_NOT_FOUND"
        "The project has no assistant with this id."
        "Assistant not found" r#"{"assistantId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    AgentNotFound 404 "AGENT_NOT_FOUND"
        "The project has no agent with this id."
        "Agent not found" r#"{"agentId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    SessionNotFound 404 "SESSION_NOT_FOUND"
        "The agent has no session with this id."
        "Session not found" r#"{"sessionId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    KeyNotFound 404 "KEY_NOT_FOUND"
        "The project has no key with this id."
        "Key not found" r#"{"keyId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    NoteNotFound 404 "NOTE_NOT_FOUND"
        "The conversation has no note with this id."
        "Note not found" r#"{"noteId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    SavedReplyNotFound 404 "SAVED_REPLY_NOT_FOUND"
        "The project has no saved reply with this id."
        "Saved reply not found" r#"{"savedReplyId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    SourceNotFound 404 "SOURCE_NOT_FOUND"
        "The project has no source with this id."
        "Source not found" r#"{"sourceId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    NotFound 404 "NOT_FOUND"
        "There is no such path. GET /v2/openapi lists all paths."
        "There is no such path; GET /v2/openapi lists all paths" "";
    MethodNotAllowed 405 "METHOD_NOT_ALLOWED"
        "The path does not support this method; the Allow header lists the supported ones."
        "This method is not allowed here; the Allow header lists the allowed ones" "";
    Conflict 409 "CONFLICT"
        "The request conflicts with the current state of the resource."
        "Resource already exists" r#"{"resource":"conversation","conflictingField":"id"}"#;
    PayloadTooLarge 413 "PAYLOAD_TOO_LARGE"
        "The body exceeds the size limit of the server."
        "The request body is too large" r#"{"maxBytes":262144}"#;
    UnsupportedMediaType 415 "UNSUPPORTED_MEDIA_TYPE"
        "The Content-Type of the body is not application/json."
        "Send the body as JSON, with Content-Type: application/json" "";
    ValidationError 422 "VALIDATION_ERROR"
        "A parameter or field breaks a rule; `reason` names the allowed range or values."
        "Validation failed"
        r#"{"field":"content","reason":"Content exceeds maximum length of 10000 characters"}"#;
    RateLimitExceeded 429 "RATE_LIMIT_EXCEEDED"
        "Too many requests. Wait for `retryAfter` seconds."
        "Rate limit exceeded. Please try again later." r#"{"retryAfter":60}"#;
    InternalServerError 500 "INTERNAL_SERVER_ERROR"
        "An unexpected error. The server log has the cause, next to the X-Request-Id of the response."
        "An internal server error occurred" "";
    BadGateway 502 "BAD_GATEWAY"
        "The language model returned no usable answer."
        "Service temporarily unavailable" r#"{"service":"ai_model_service"}"#;
    ServiceUnavailable 503 "SERVICE_UNAVAILABLE"
        "The server is overloaded, out of disk space, or shutting down. Try again after `retryAfter` seconds."
        "Service temporarily unavailable" r#"{"retryAfter":30}"#;
}

impl ErrorCode {
    pub fn spec(self) -> &'static ErrorSpec {
        &ERROR_CODES[self as usize]
    }

    /// The first code with this HTTP status.
    pub fn of_status(status: u16) -> Option<Self> {
        let spec = ERROR_CODES.iter().find(|spec| spec.status == status)?;
        Some(spec.code)
    }
}

/// The error response of a request, and its cause for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: Cow<'static, str>,
    pub details: Option<Box<Value>>,
    /// BatchOutput to the log, never sent.
    pub cause: Option<String>,
    /// The methods of the path, for the `Allow` header of a 405.
    pub allow: Option<&'static str>,
    /// Whether the rest of the request body is not read, so that the connection cannot be
    /// used again.
    pub closes_connection: bool,
    /// Whether the request was refused because of load, which is no failure of the server.
    pub is_overload: bool,
}

impl ApiError {
    pub fn new(code: ErrorCode) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.spec().message),
            details: None,
            cause: None,
            allow: None,
            closes_connection: false,
            is_overload: false,
        }
    }

    /// The error with its example details.
    pub fn example(code: ErrorCode) -> Self {
        let details = serde_json::from_str(code.spec().details).ok();
        Self {
            details,
            ..Self::new(code)
        }
    }

    fn with_details(code: ErrorCode, details: Value) -> Self {
        Self {
            details: Some(Box::new(details)),
            ..Self::new(code)
        }
    }

    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// 400: `field` of the body is absent or of the wrong type.
    pub fn body(field: &str, reason: &str) -> Self {
        Self::with_details(ErrorCode::InvalidRequestBody, json!({ "field": field }))
            .with_message(format!("Invalid request body. {field} {reason}."))
    }

    /// 422: `field` of the body, the query or the path breaks a rule.
    pub fn validation(field: &str, reason: &str) -> Self {
        Self::with_details(
            ErrorCode::ValidationError,
            json!({ "field": field, "reason": reason }),
        )
        .with_message(format!("{field} {reason}"))
    }

    pub fn unauthorized(message: &'static str) -> Self {
        Self::new(ErrorCode::Unauthorized).with_message(message)
    }

    pub fn forbidden(message: &'static str) -> Self {
        Self::new(ErrorCode::Forbidden).with_message(message)
    }

    pub fn conversation_not_found(id: ConversationId) -> Self {
        Self::with_details(
            ErrorCode::ConversationNotFound,
            json!({ "conversationId": id }),
        )
    }

    pub fn message_not_found(id: MessageId) -> Self {
        Self::with_details(ErrorCode::MessageNotFound, json!({ "messageId": id }))
    }

    pub fn visitor_not_found(id: VisitorId) -> Self {
        Self::with_details(ErrorCode::VisitorNotFound, json!({ "visitorId": id }))
    }

    pub fn agent_not_found(id: AgentId) -> Self {
        Self::with_details(ErrorCode::AgentNotFound, json!({ "agentId": id }))
    }

    pub fn agent_session_not_found(id: AgentSessionId) -> Self {
        Self::with_details(ErrorCode::SessionNotFound, json!({ "sessionId": id }))
    }

    pub fn assistant_not_found(id: AssistantId) -> Self {
        Self::with_details(ErrorCode::AssistantNotFound, json!({ "assistantId": id }))
    }

    pub fn qna_not_found(id: QnaId) -> Self {
        Self::with_details(ErrorCode::QnaNotFound, json!({ "qnaId": id }))
    }

    pub fn document_not_found(id: DocumentId) -> Self {
        Self::with_details(ErrorCode::DocumentNotFound, json!({ "documentId": id }))
    }

    pub fn key_not_found(id: KeyId) -> Self {
        Self::with_details(ErrorCode::KeyNotFound, json!({ "keyId": id }))
    }

    pub fn note_not_found(id: NoteId) -> Self {
        Self::with_details(ErrorCode::NoteNotFound, json!({ "noteId": id }))
    }

    pub fn saved_reply_not_found(id: SavedReplyId) -> Self {
        Self::with_details(ErrorCode::SavedReplyNotFound, json!({ "savedReplyId": id }))
    }

    pub fn source_not_found(id: SourceId) -> Self {
        Self::with_details(ErrorCode::SourceNotFound, json!({ "sourceId": id }))
    }

    pub fn project_not_found(id: ProjectId) -> Self {
        Self::with_details(ErrorCode::ProjectNotFound, json!({ "projectId": id }))
    }

    pub fn conflict(resource: &str, field: &str) -> Self {
        Self::with_details(
            ErrorCode::Conflict,
            json!({ "resource": resource, "conflictingField": field }),
        )
    }

    pub fn too_large(max_bytes: usize) -> Self {
        Self::with_details(ErrorCode::PayloadTooLarge, json!({ "maxBytes": max_bytes }))
    }

    /// 402: `current_plan` does not include `feature`.
    pub fn payment_required(current_plan: &str, required_plan: &str, feature: &str) -> Self {
        Self::with_details(
            ErrorCode::PaymentRequired,
            json!({ "currentPlan": current_plan, "requiredPlan": required_plan, "feature": feature }),
        )
    }

    /// 429: the next request is allowed after `seconds`.
    pub fn rate_limited(seconds: u64) -> Self {
        Self::with_details(
            ErrorCode::RateLimitExceeded,
            json!({ "retryAfter": seconds }),
        )
    }

    /// 503: the client may retry after `seconds`.
    pub fn unavailable(seconds: u64, cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::with_details(
                ErrorCode::ServiceUnavailable,
                json!({ "retryAfter": seconds }),
            )
        }
    }

    /// 503: too many such requests at the same time. The client may retry after `seconds`.
    pub fn overloaded(seconds: u64, cause: impl ToString) -> Self {
        Self {
            is_overload: true,
            ..Self::unavailable(seconds, cause)
        }
    }

    /// 502: the model returned no usable answer. `cause` is only logged.
    pub fn bad_gateway(cause: String) -> Self {
        Self {
            cause: Some(cause),
            ..Self::with_details(
                ErrorCode::BadGateway,
                json!({ "service": "ai_model_service" }),
            )
        }
    }

    /// 500: `cause` is only logged.
    pub fn internal(cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(ErrorCode::InternalServerError)
        }
    }

    /// `retryAfter` in seconds (`docs/api-contract.md`, section 10.1).
    pub fn retry_after(&self) -> Option<u64> {
        self.details.as_ref()?.get("retryAfter")?.as_u64()
    }

    /// The response body (`docs/api-contract.md`, section 2.1).
    pub fn body_json(&self) -> Vec<u8> {
        let mut error = json!({ "message": self.message, "code": self.code.spec().name });
        if let (Some(details), Some(fields)) = (&self.details, error.as_object_mut()) {
            fields.insert("details".to_owned(), Value::clone(details));
        }
        json!({ "error": error }).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_have_the_order_of_the_codes() {
        for (index, spec) in ERROR_CODES.iter().enumerate() {
            assert_eq!(spec.code as usize, index, "{}", spec.name);
            assert_eq!(spec.code.spec().name, spec.name);
        }
    }

    #[test]
    fn examples_have_details_and_causes_are_not_sent() {
        for spec in ERROR_CODES {
            let error = ApiError::example(spec.code);
            assert_eq!(error.details.is_none(), spec.details.is_empty());
        }
        let sent = ApiError::internal("SELECT secret").body_json();
        assert!(!String::from_utf8_lossy(&sent).contains("SELECT"));
    }
}
