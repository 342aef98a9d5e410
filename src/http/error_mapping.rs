//! Maps the errors of all other layers to API errors. This is the only place where
//! a failed use case becomes a status, a code and a text
//! (docs/api-contract.md, section 2).

mod accounts;
mod inbox;
mod visitors;

use serde_json::json;

use self::accounts::{email_exists, invalid_link, last_owner, signed_out};
use self::visitors::visitor_blocked;
use super::error::{ApiError, ErrorCode};
use crate::access::{AuthError, OverBudget, RateLimited};
use crate::answer::AnswerError;
use crate::domain::{Origin, ValidationError};
use crate::events::project::{MAX_SUBSCRIBERS, MAX_SUBSCRIBERS_OF_CALLER, TooManySubscribers};
use crate::service::agent::AgentError;
use crate::service::caller::AccessError;
use crate::service::completion::CompletionError;
use crate::service::conversation::{CloseError, FindError, ImportConversationError};
use crate::service::document::DeleteDocumentError;
use crate::service::erasure::DeleteConversationError;
use crate::service::feedback::FeedbackError;
use crate::service::idempotency::IdempotencyError;
use crate::service::project::ProjectError;
use crate::service::qna::QnaError;
use crate::service::readiness::NotReady;
use crate::service::replay::ReplayError;
use crate::service::send_message::SendError;
use crate::service::stop_answer::StopError;
use crate::service::{plan::ModelNotInPlan, quota::QuotaExceeded};
use crate::store::{Rejection, StoreError};

/// Seconds after which a request may be repeated that met a short conflict.
const RETRY_SOON: u64 = 1;

/// Seconds after which a request may be repeated that exceeded the memory budget.
const RETRY_OVER_BUDGET: u64 = 5;

/// Seconds after which a message may be sent again that exceeded the number of detached
/// answers.
const RETRY_TOO_MANY_DETACHED: u64 = 5;

/// Seconds after which a client with too many sockets may connect again.
const RETRY_MANY_SOCKETS: u64 = 10;

/// Seconds after which a search may be repeated that took too long.
const RETRY_SLOW_SEARCH: u64 = 5;

/// Seconds after which a search may be repeated while the index is being built.
const RETRY_BUILDING_INDEX: u64 = 10;

/// Seconds after which `/ready` may be asked again.
const RETRY_NOT_READY: u64 = 10;

/// 401: the session does not exist any more.
fn session_ended() -> ApiError {
    ApiError::unauthorized("The session has ended; start a new one with /identity/init")
}

/// 403: the key lists websites, and the page that sent the request is of another one.
fn website_not_allowed(origin: Option<&Origin>) -> ApiError {
    const ORIGIN_OF_WIDGETS: &str = "An embedded widget sends the origin of the page that it is part of; a widget in an \
         iframe sends the origin of the iframe.";
    let message = match origin.map(Origin::as_str) {
        Some(origin) => format!(
            "The website {origin} may not use this key. {ORIGIN_OF_WIDGETS} Use a key that \
             allows this origin: parlor keys create --kind publishable --name NAME --origin \
             {origin}"
        ),
        None => format!(
            "A page without an origin, such as a file or a sandboxed iframe, may not use this \
             key. {ORIGIN_OF_WIDGETS}"
        ),
    };
    ApiError::new(ErrorCode::Forbidden).with_message(message)
}

/// 409: the conversation is closed.
fn conversation_closed() -> ApiError {
    ApiError::conflict("conversation", "status")
        .with_message("The conversation is closed; start a new one")
}

/// 409: an answer is being streamed.
fn answer_in_progress() -> ApiError {
    ApiError::conflict("message", "status")
        .with_message("An answer is being streamed; wait until it has ended")
}

/// 409: an agent must take the conversation over first.
fn not_taken_over() -> ApiError {
    ApiError::conflict("conversation", "isHumanHandled")
        .with_message("No agent has taken the conversation over; take it over first")
}

/// 409: another account has the conversation.
fn other_agent() -> ApiError {
    ApiError::conflict("conversation", "humanAgent").with_message(
        "Another agent has taken the conversation over; take it over with \"force\": true",
    )
}

fn conversation_id_exists() -> ApiError {
    ApiError::conflict("conversation", "id")
}

/// 409: another project has the name.
fn project_name_exists() -> ApiError {
    ApiError::conflict("project", "name")
        .with_message("Another project has this name; choose another one")
}

fn idempotency_key_used() -> ApiError {
    ApiError::conflict("request", "Idempotency-Key")
        .with_message("This Idempotency-Key was used for another request")
}

impl From<ValidationError> for ApiError {
    fn from(invalid: ValidationError) -> Self {
        Self::validation(invalid.field, &invalid.reason)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::InvalidKey => Self::unauthorized("The API key is unknown or revoked"),
            AuthError::InvalidSession => session_ended(),
            AuthError::SignedOut => signed_out(),
            AuthError::WebsiteNotAllowed(origin) => website_not_allowed(origin.as_ref()),
            AuthError::RateLimited(limit) => limit.into(),
            AuthError::Store(error) => error.into(),
        }
    }
}

impl From<RateLimited> for ApiError {
    fn from(limit: RateLimited) -> Self {
        Self::rate_limited(limit.retry_after_secs)
    }
}

impl From<TooManySubscribers> for ApiError {
    fn from(error: TooManySubscribers) -> Self {
        let TooManySubscribers = error;
        Self::rate_limited(RETRY_MANY_SOCKETS).with_message(format!(
            "Too many connections to /v2/events: an agent or a key can have \
             {MAX_SUBSCRIBERS_OF_CALLER}, a project {MAX_SUBSCRIBERS}; close some of them"
        ))
    }
}

impl From<OverBudget> for ApiError {
    fn from(error: OverBudget) -> Self {
        match error {
            OverBudget::Process => Self::unavailable(RETRY_OVER_BUDGET, error),
            OverBudget::Share => Self::rate_limited(RETRY_OVER_BUDGET).with_message(
                "Too many large requests and responses at the same time; wait until some of them \
                 are complete",
            ),
        }
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::overloaded(RETRY_SOON, error),
            StoreError::TooSlow => Self::overloaded(RETRY_SLOW_SEARCH, error)
                .with_message("The search took too long; use rarer words or a shorter time"),
            StoreError::IndexIncomplete => Self::unavailable(RETRY_BUILDING_INDEX, error)
                .with_message("The messages of the project are being indexed for the first time"),
            StoreError::Full | StoreError::FileReplaced(_) => Self::unavailable(60, error),
            StoreError::Closed | StoreError::Unknown(_) => Self::unavailable(5, error),
            StoreError::Rejected(reason) => reason.into(),
            StoreError::Corrupt(_) | StoreError::Internal(_) => Self::internal(error),
        }
    }
}

impl From<NotReady> for ApiError {
    fn from(reason: NotReady) -> Self {
        let details = json!({ "reason": reason.name(), "retryAfter": RETRY_NOT_READY });
        Self {
            details: Some(Box::new(details)),
            ..Self::new(ErrorCode::ServiceUnavailable)
                .with_message(format!("The server is not ready: {}", reason.name()))
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(reason: Rejection) -> Self {
        match reason {
            Rejection::ConversationClosed => conversation_closed(),
            Rejection::AnswerInProgress => answer_in_progress(),
            Rejection::OtherAgent => other_agent(),
            Rejection::NotTakenOver => not_taken_over(),
            Rejection::ConversationExists => conversation_id_exists(),
            Rejection::ProjectNameExists => project_name_exists(),
            Rejection::NameExists => Self::conflict("object", "name"),
            Rejection::LimitReached => Self::conflict("object", "count"),
            Rejection::VisitorBlocked => visitor_blocked(),
            Rejection::IdempotencyKeyUsed => idempotency_key_used(),
            Rejection::ConversationNotFound => Self::new(ErrorCode::ConversationNotFound),
            Rejection::NotFound => Self::new(ErrorCode::NotFound),
            Rejection::VisitorNotFound => session_ended(),
            Rejection::EmailExists => email_exists(),
            Rejection::LastOwner => last_owner(),
            Rejection::HasAccount | Rejection::LinkUsed => invalid_link(),
            Rejection::TakenOver
            | Rejection::DocumentExists
            | Rejection::ConversationChanged
            | Rejection::AnswerEnded => {
                Self::unavailable(RETRY_SOON, format!("the write was rejected: {reason:?}"))
            }
        }
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        Self::forbidden(match error {
            AccessError::OtherVisitor => "Access denied to this conversation",
            AccessError::OwnerOnly => "Only an owner may do this",
            AccessError::StaffOnly => {
                "Only the website's server or an agent may do this; use a private key or sign in"
            }
            AccessError::VisitorOnly => "Only a visitor may do this; use a session token",
            AccessError::AgentOnly => "Only an agent may do this; sign in",
        })
    }
}

impl From<IdempotencyError> for ApiError {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::OtherRequest => idempotency_key_used(),
            IdempotencyError::Store(error) => error.into(),
        }
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::NotFound(id) => Self::conversation_not_found(id),
            FindError::Access(error) => error.into(),
            FindError::Store(error) => error.into(),
        }
    }
}

impl From<ImportConversationError> for ApiError {
    fn from(error: ImportConversationError) -> Self {
        match error {
            ImportConversationError::IdExists => conversation_id_exists(),
            ImportConversationError::Store(error) => error.into(),
        }
    }
}

impl From<CloseError> for ApiError {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::Find(error) => error.into(),
            CloseError::AlreadyClosed => conversation_closed(),
            CloseError::Store(error) => error.into(),
        }
    }
}

impl From<DeleteConversationError> for ApiError {
    fn from(error: DeleteConversationError) -> Self {
        match error {
            DeleteConversationError::NotFound(id) => Self::conversation_not_found(id),
            DeleteConversationError::Store(error) => error.into(),
        }
    }
}

impl From<AgentError> for ApiError {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::NotFound(id) => Self::conversation_not_found(id),
            AgentError::Closed => conversation_closed(),
            AgentError::NotTakenOver => not_taken_over(),
            AgentError::OtherAgent => other_agent(),
            AgentError::Store(error) => error.into(),
        }
    }
}

impl From<FeedbackError> for ApiError {
    fn from(error: FeedbackError) -> Self {
        match error {
            FeedbackError::NotFound(id) => Self::message_not_found(id),
            FeedbackError::Access(error) => error.into(),
            FeedbackError::VisitorMessage => {
                let reason = "must be a message of the assistant or an agent";
                ValidationError::new("messageId", reason).into()
            }
            FeedbackError::Store(error) => error.into(),
        }
    }
}

impl From<QuotaExceeded> for ApiError {
    fn from(error: QuotaExceeded) -> Self {
        Self::rate_limited(error.retry_after_secs)
            .with_message("This month's messages are used up; the next month brings new ones")
    }
}

impl From<ModelNotInPlan> for ApiError {
    fn from(_: ModelNotInPlan) -> Self {
        Self::payment_required("free", "pro", "advanced_ai_models")
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NotFound(id) => Self::conversation_not_found(id),
            SendError::Access(error) => error.into(),
            SendError::Closed => conversation_closed(),
            SendError::AnswerInProgress => answer_in_progress(),
            SendError::ConversationChanged | SendError::TakenOver | SendError::HandedBack => {
                Self::unavailable(RETRY_SOON, error)
            }
            SendError::TooManyDetached => Self::rate_limited(RETRY_TOO_MANY_DETACHED).with_message(
                "Too many detached answers at the same time; wait until one of them has ended, or \
                 stop one",
            ),
            SendError::Quota(error) => error.into(),
            SendError::Plan(error) => error.into(),
            SendError::Answer(error) => error.into(),
            SendError::Store(error) => error.into(),
        }
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NotFound(id) => Self::message_not_found(id),
            ReplayError::AnswerInProgress => answer_in_progress(),
            ReplayError::Failed => Self::unavailable(RETRY_SOON, error),
            ReplayError::Store(error) => error.into(),
        }
    }
}

impl From<StopError> for ApiError {
    fn from(error: StopError) -> Self {
        match error {
            StopError::Find(error) => error.into(),
            StopError::Store(error) => error.into(),
        }
    }
}

impl From<CompletionError> for ApiError {
    fn from(error: CompletionError) -> Self {
        match error {
            CompletionError::AssistantNotFound(id) => Self::assistant_not_found(id),
            CompletionError::Plan(error) => error.into(),
            CompletionError::Answer(error) => error.into(),
            CompletionError::Store(error) => error.into(),
        }
    }
}

impl From<ProjectError> for ApiError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::NotFound(id) => Self::project_not_found(id),
            ProjectError::NameExists(_) => project_name_exists(),
            ProjectError::OtherProject => Self::forbidden("The key is of another project"),
            ProjectError::Store(error) => error.into(),
        }
    }
}

impl From<QnaError> for ApiError {
    fn from(error: QnaError) -> Self {
        match error {
            QnaError::NotFound(id) => Self::qna_not_found(id),
            QnaError::Store(error) => error.into(),
        }
    }
}

impl From<DeleteDocumentError> for ApiError {
    fn from(error: DeleteDocumentError) -> Self {
        match error {
            DeleteDocumentError::NotFound(id) => Self::document_not_found(id),
            DeleteDocumentError::Store(error) => error.into(),
        }
    }
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::ModelFailed(cause) => Self::bad_gateway(cause),
            AnswerError::Unavailable {
                retry_after_secs,
                cause,
            } => Self::unavailable(retry_after_secs, cause),
            AnswerError::ShuttingDown => Self::unavailable(5, error),
            AnswerError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceeded_memory_budget_is_503_and_an_exceeded_share_429() {
        for (over_budget, status) in [(OverBudget::Process, 503), (OverBudget::Share, 429)] {
            let error = ApiError::from(over_budget);
            assert_eq!(error.code.spec().status, status);
            assert_eq!(error.retry_after(), Some(RETRY_OVER_BUDGET));
        }
    }

    #[test]
    fn temporary_store_errors_are_503_and_others_500() {
        for (store_error, seconds) in [
            (StoreError::Busy, 1),
            (StoreError::TooSlow, 5),
            (StoreError::IndexIncomplete, 10),
            (StoreError::Full, 60),
            (StoreError::FileReplaced(String::new()), 60),
            (StoreError::Closed, 5),
        ] {
            let error = ApiError::from(store_error);
            assert_eq!(error.code, ErrorCode::ServiceUnavailable);
            assert_eq!(error.retry_after(), Some(seconds));
        }
        let error = ApiError::from(StoreError::Internal("no such table".to_owned()));
        assert_eq!(error.code, ErrorCode::InternalServerError);
        assert_eq!(error.retry_after(), None);
    }
}
