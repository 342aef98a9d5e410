//! Every error that the API can answer with: one table, one type.
//!
//! The envelope and the codes are section 2 of the contract, the further 404
//! codes section 0 (D3). Nothing of an error's cause is ever sent: it is
//! logged once, where the answer is made.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::answer::AnswerError;
use crate::domain::{
    AssistantId, ConversationId, DocumentId, MessageId, ProjectId, QnaId, ValidationError,
};
use crate::store::{StoreError, Taken};

/// What an error is. The order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    InvalidRequestBody,
    Unauthorized,
    PaymentRequired,
    Forbidden,
    ConversationNotFound,
    MessageNotFound,
    QnaNotFound,
    DocumentNotFound,
    ProjectNotFound,
    AssistantNotFound,
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

/// A row of the table: what is fixed for a code, and an example of the rest.
pub struct Entry {
    pub code: Code,
    /// The HTTP status.
    pub status: u16,
    /// `error.code` on the wire.
    pub name: &'static str,
    /// When it is answered and what a client does about it.
    pub when: &'static str,
    /// `error.message` where the occasion has nothing better to say.
    pub message: &'static str,
    /// `error.details` as JSON; empty: the key is absent.
    pub details: &'static str,
}

macro_rules! catalogue {
    ($($code:ident $status:literal $name:literal $when:literal $message:literal $details:literal;)*) => {
        /// The table. Its rows stand in the order of [`Code`].
        pub const CATALOGUE: &[Entry] = &[$(Entry {
            code: Code::$code, status: $status, name: $name, when: $when, message: $message,
            details: $details,
        }),*];
    };
}

catalogue! {
    InvalidRequestBody 400 "INVALID_REQUEST_BODY"
        "The body is not JSON, lacks a required field, or a field has the wrong type."
        "Invalid request body. Content is required." r#"{"field":"content"}"#;
    Unauthorized 401 "UNAUTHORIZED"
        "The credential is missing, wrong, expired or revoked. Begin a session again with POST /identity/init, or check the key."
        "Authentication required" "";
    PaymentRequired 402 "PAYMENT_REQUIRED"
        "The project's plan lacks the feature. Never with the default settings."
        "A higher pricing plan is required to access this feature"
        r#"{"currentPlan":"free","requiredPlan":"pro","feature":"advanced_ai_models"}"#;
    Forbidden 403 "FORBIDDEN"
        "The caller is known but may not do this: another visitor's conversation, a website that the key is not for, a visitor's act with a private key."
        "Access denied to this conversation" "";
    ConversationNotFound 404 "CONVERSATION_NOT_FOUND"
        "The project has no conversation of that id."
        "Conversation not found!" r#"{"conversationId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    MessageNotFound 404 "MESSAGE_NOT_FOUND"
        "The project has no message of that id."
        "Message not found" r#"{"messageId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    QnaNotFound 404 "QNA_NOT_FOUND"
        "The project has no published Q&A of that id."
        "Q&A not found" r#"{"qnaId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    DocumentNotFound 404 "DOCUMENT_NOT_FOUND"
        "The project has no document of that id."
        "Document not found" r#"{"documentId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    ProjectNotFound 404 "PROJECT_NOT_FOUND"
        "There is no project of that id."
        "Project not found" r#"{"projectId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    AssistantNotFound 404 "ASSISTANT_NOT_FOUND"
        "The project has no assistant of that id."
        "Assistant not found" r#"{"assistantId":"123e4567-e89b-12d3-a456-426614174000"}"#;
    NotFound 404 "NOT_FOUND"
        "There is nothing at this path. GET /v2 lists what there is."
        "There is nothing at this path; GET /v2 lists what there is" "";
    MethodNotAllowed 405 "METHOD_NOT_ALLOWED"
        "The path exists but not with this method; the Allow header names those it has."
        "This method is not allowed here; the Allow header names those that are" "";
    Conflict 409 "CONFLICT"
        "The request clashes with what is there already."
        "Resource already exists" r#"{"resource":"conversation","conflictingField":"id"}"#;
    PayloadTooLarge 413 "PAYLOAD_TOO_LARGE"
        "The body is larger than this server takes."
        "The request body is too large" r#"{"maxBytes":262144}"#;
    UnsupportedMediaType 415 "UNSUPPORTED_MEDIA_TYPE"
        "The body is not announced as JSON."
        "Send the body as JSON, with Content-Type: application/json" "";
    ValidationError 422 "VALIDATION_ERROR"
        "A parameter or field breaks a rule; `reason` names the allowed range or values."
        "Validation failed"
        r#"{"field":"content","reason":"Content exceeds maximum length of 10000 characters"}"#;
    RateLimitExceeded 429 "RATE_LIMIT_EXCEEDED"
        "Too many requests. Wait for `retryAfter` seconds."
        "Rate limit exceeded. Please try again later." r#"{"retryAfter":60}"#;
    InternalServerError 500 "INTERNAL_SERVER_ERROR"
        "Something broke inside. The log has the cause beside the response's X-Request-Id."
        "An internal server error occurred" "";
    BadGateway 502 "BAD_GATEWAY"
        "The model that answers gave no usable reply."
        "Service temporarily unavailable" r#"{"service":"ai_model_service"}"#;
    ServiceUnavailable 503 "SERVICE_UNAVAILABLE"
        "Too busy, out of disk, or shutting down. Try again after `retryAfter` seconds."
        "Service temporarily unavailable" r#"{"retryAfter":30}"#;
}

impl Code {
    pub fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }

    /// The code whose documented example a status stands for.
    pub fn of_status(status: u16) -> Option<Self> {
        let entry = CATALOGUE.iter().find(|entry| entry.status == status)?;
        Some(entry.code)
    }
}

/// A failed request: what the client is told, and a cause for the log alone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct ApiError {
    pub code: Code,
    pub message: Cow<'static, str>,
    pub details: Option<Box<Value>>,
    /// For the log; never sent.
    pub cause: Option<String>,
    /// The methods that a path has, for the `Allow` header of a 405.
    pub allow: Option<&'static str>,
}

impl ApiError {
    pub fn new(code: Code) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.entry().message),
            details: None,
            cause: None,
            allow: None,
        }
    }

    /// The error as the catalogue shows it.
    pub fn example(code: Code) -> Self {
        let details = serde_json::from_str(code.entry().details).ok();
        Self {
            details,
            ..Self::new(code)
        }
    }

    fn with(code: Code, details: Value) -> Self {
        Self {
            details: Some(Box::new(details)),
            ..Self::new(code)
        }
    }

    pub fn because(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// 400: `field` of the body is absent or of the wrong type.
    pub fn body(field: &str, must: &str) -> Self {
        Self::with(Code::InvalidRequestBody, json!({ "field": field }))
            .because(format!("Invalid request body. {field} {must}."))
    }

    pub fn unauthorized(message: &'static str) -> Self {
        Self::new(Code::Unauthorized).because(message)
    }

    pub fn forbidden(message: &'static str) -> Self {
        Self::new(Code::Forbidden).because(message)
    }

    pub fn conversation_not_found(id: ConversationId) -> Self {
        Self::with(Code::ConversationNotFound, json!({ "conversationId": id }))
    }

    pub fn message_not_found(id: MessageId) -> Self {
        Self::with(Code::MessageNotFound, json!({ "messageId": id }))
    }

    pub fn assistant_not_found(id: AssistantId) -> Self {
        Self::with(Code::AssistantNotFound, json!({ "assistantId": id }))
    }

    pub fn qna_not_found(id: QnaId) -> Self {
        Self::with(Code::QnaNotFound, json!({ "qnaId": id }))
    }

    pub fn document_not_found(id: DocumentId) -> Self {
        Self::with(Code::DocumentNotFound, json!({ "documentId": id }))
    }

    pub fn project_not_found(id: ProjectId) -> Self {
        Self::with(Code::ProjectNotFound, json!({ "projectId": id }))
    }

    pub fn conflict(resource: &str, field: &str) -> Self {
        Self::with(
            Code::Conflict,
            json!({ "resource": resource, "conflictingField": field }),
        )
    }

    pub fn too_large(most: usize) -> Self {
        Self::with(Code::PayloadTooLarge, json!({ "maxBytes": most }))
    }

    /// 402: the plan lacks what is asked for.
    pub fn plan_lacks(plan: &str, needs: &str, feature: &str) -> Self {
        Self::with(
            Code::PaymentRequired,
            json!({ "currentPlan": plan, "requiredPlan": needs, "feature": feature }),
        )
    }

    /// 429: `seconds` until the next request would pass.
    pub fn rate_limited(seconds: u64) -> Self {
        Self::with(Code::RateLimitExceeded, json!({ "retryAfter": seconds }))
    }

    /// 503: worth another try after `seconds`.
    pub fn unavailable(seconds: u64, cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::with(Code::ServiceUnavailable, json!({ "retryAfter": seconds }))
        }
    }

    /// 500: `cause` goes to the log and nowhere else.
    pub fn internal(cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(Code::InternalServerError)
        }
    }

    /// Seconds to wait, where the error says so (section 0, D15).
    pub fn retry_after(&self) -> Option<u64> {
        self.details.as_ref()?.get("retryAfter")?.as_u64()
    }

    /// The envelope of section 2.
    pub fn body_json(&self) -> Vec<u8> {
        let mut error = json!({ "message": self.message, "code": self.code.entry().name });
        if let (Some(details), Some(fields)) = (&self.details, error.as_object_mut()) {
            fields.insert("details".to_owned(), Value::clone(details));
        }
        json!({ "error": error }).to_string().into_bytes()
    }
}

impl From<ValidationError> for ApiError {
    fn from(invalid: ValidationError) -> Self {
        Self::with(
            Code::ValidationError,
            json!({ "field": invalid.field, "reason": invalid.reason }),
        )
        .because(format!("{} {}", invalid.field, invalid.reason))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::unavailable(1, error),
            StoreError::Full => Self::unavailable(60, error),
            StoreError::Closed => Self::unavailable(5, error),
            StoreError::Taken(Taken::ConversationId) => Self::conflict("conversation", "id"),
            StoreError::Taken(Taken::Request) => Self::conflict("request", "Idempotency-Key"),
            StoreError::Internal(_) => Self::internal(error),
        }
    }
}

impl From<AnswerError> for ApiError {
    fn from(failure: AnswerError) -> Self {
        match failure {
            AnswerError::ModelFailed(cause) => Self {
                cause: Some(cause),
                ..Self::with(Code::BadGateway, json!({ "service": "ai_model_service" }))
            },
            AnswerError::Unavailable {
                retry_after_secs,
                cause,
            } => Self::unavailable(retry_after_secs, cause),
            AnswerError::Store(error) => error.into(),
        }
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_stand_in_the_order_of_the_codes() {
        for (index, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(entry.code as usize, index, "{}", entry.name);
            assert_eq!(entry.code.entry().name, entry.name);
        }
    }

    #[test]
    fn every_example_has_its_details_and_nothing_of_a_cause() {
        for entry in CATALOGUE {
            let error = ApiError::example(entry.code);
            assert_eq!(error.details.is_none(), entry.details.is_empty());
        }
        let sent = ApiError::internal("SELECT secret").body_json();
        assert!(!String::from_utf8_lossy(&sent).contains("SELECT"));
    }

    #[test]
    fn what_may_pass_is_503_with_a_wait_and_the_rest_is_500() {
        for (error, wait) in [
            (StoreError::Busy, 1),
            (StoreError::Full, 60),
            (StoreError::Closed, 5),
        ] {
            let told = ApiError::from(error);
            assert_eq!(told.code, Code::ServiceUnavailable);
            assert_eq!(told.retry_after(), Some(wait));
        }
        let told = ApiError::from(StoreError::Internal("no such table".to_owned()));
        assert_eq!(told.code, Code::InternalServerError);
        assert_eq!(told.retry_after(), None);
    }
}
