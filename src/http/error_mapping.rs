//! Maps the errors of all other layers to API errors. This is the only place where
//! a failed use case becomes a status, a code and a text
//! (docs/api-contract.md, section 2).

use serde_json::json;

use super::error::{ApiError, ErrorCode};
use crate::access::identity::IdentityError;
use crate::access::{AuthError, OverBudget, PasswordError, RateLimited};
use crate::answer::AnswerError;
use crate::domain::{MAX_KEYS, MAX_NOTES, MAX_SAVED_REPLIES, MAX_SOURCES, Origin, ValidationError};
use crate::service::agent::AgentError;
use crate::service::agent_account::AccountError;
use crate::service::caller::AccessError;
use crate::service::completion::CompletionError;
use crate::service::conversation::{CloseError, FindError, ImportConversationError};
use crate::service::document::DeleteDocumentError;
use crate::service::erasure::{DeleteConversationError, EraseVisitorError};
use crate::service::feedback::FeedbackError;
use crate::service::idempotency::IdempotencyError;
use crate::service::key::ManageKeyError;
use crate::service::note::NoteError;
use crate::service::notification::PRIVATE_HOST;
use crate::service::notification::link::LinkError;
use crate::service::notification::settings::NotificationError;
use crate::service::project::ProjectError;
use crate::service::qna::QnaError;
use crate::service::readiness::NotReady;
use crate::service::replay::ReplayError;
use crate::service::saved_reply::SavedReplyError;
use crate::service::send_message::SendError;
use crate::service::session::IdentifyError;
use crate::service::sign_in::SignInError;
use crate::service::source::SourceError;
use crate::service::stop_answer::StopError;
use crate::service::unanswered::ResolveError;
use crate::service::visitor::BlockError;
use crate::service::visitor_profile::VisitorChangeError;
use crate::service::{plan::ModelNotInPlan, quota::QuotaExceeded};
use crate::store::{Rejection, StoreError};

/// Seconds after which a request may be repeated that met a short conflict.
const RETRY_SOON: u64 = 1;

/// Seconds after which a request may be repeated that exceeded the memory budget.
const RETRY_OVER_BUDGET: u64 = 5;

/// Seconds after which a message may be sent again that exceeded the number of detached
/// answers.
const RETRY_TOO_MANY_DETACHED: u64 = 5;

/// Seconds after which a sign-in may be repeated while too many others run.
const RETRY_MANY_SIGN_INS: u64 = 5;

/// Seconds after which a search may be repeated that took too long.
const RETRY_SLOW_SEARCH: u64 = 5;

/// Seconds after which a search may be repeated while the index is being built.
const RETRY_BUILDING_INDEX: u64 = 10;

/// Seconds after which a source may be learned while others are being learned.
const RETRY_MANY_SOURCES: u64 = 30;

/// Seconds after which `/ready` may be asked again.
const RETRY_NOT_READY: u64 = 10;

/// 401: the session does not exist any more.
fn session_ended() -> ApiError {
    ApiError::unauthorized("The session has ended; start a new one with /identity/init")
}

/// 401: the session of an agent does not exist any more.
fn signed_out() -> ApiError {
    ApiError::unauthorized("The session has ended; sign in again")
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

/// 409: an account, perhaps of another project, has the e-mail address.
fn email_exists() -> ApiError {
    ApiError::conflict("agent", "email").with_message("An account has this e-mail address already")
}

/// 409: a project that has accounts has an owner.
fn last_owner() -> ApiError {
    ApiError::conflict("agent", "role")
        .with_message("This is the only owner of the project; make another agent owner first")
}

/// 401: a link that signs in is not valid.
fn invalid_link() -> ApiError {
    ApiError::unauthorized(
        "The link was used, replaced, or has expired; ask for a new one: an owner makes it in the \
         inbox, and the operator of the server with `parlor agents link`",
    )
}

/// 403: an agent has blocked the visitor.
fn visitor_blocked() -> ApiError {
    ApiError::forbidden(
        "You cannot write to this website any more. If this is a mistake, contact the website in \
         another way",
    )
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
            StoreError::Busy => Self::unavailable(RETRY_SOON, error),
            StoreError::TooSlow => Self::unavailable(RETRY_SLOW_SEARCH, error)
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

impl From<EraseVisitorError> for ApiError {
    fn from(error: EraseVisitorError) -> Self {
        match error {
            EraseVisitorError::NotFound(id) => Self::visitor_not_found(id),
            EraseVisitorError::Store(error) => error.into(),
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

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::WrongPassword => {
                Self::unauthorized("The e-mail address or the password is wrong")
            }
            SignInError::InvalidLink => invalid_link(),
            SignInError::EmailExists => email_exists(),
            SignInError::ProjectNameExists => project_name_exists(),
            SignInError::Password(error) => error.into(),
            SignInError::Random(error) => Self::internal(error),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound(id) => Self::agent_not_found(id),
            AccountError::NoSuchSession(id) => Self::agent_session_not_found(id),
            AccountError::SignedOut => signed_out(),
            AccountError::EmailExists => email_exists(),
            AccountError::LastOwner => last_owner(),
            AccountError::WrongPassword => {
                ValidationError::new("currentPassword", "must be the current password").into()
            }
            AccountError::Password(error) => error.into(),
            AccountError::Random(error) => Self::internal(error),
            AccountError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::unavailable(RETRY_MANY_SIGN_INS, error),
            error => Self::internal(error),
        }
    }
}

impl From<NotificationError> for ApiError {
    fn from(error: NotificationError) -> Self {
        let conflict = |field| Self::conflict("notification_settings", field);
        match error {
            NotificationError::PrivateHost => Self::validation("webhookUrl", PRIVATE_HOST),
            NotificationError::NoWebhook => conflict("webhookUrl")
                .with_message("The project has no webhook; set webhookUrl first"),
            NotificationError::NoAddress => conflict("emails")
                .with_message("The project has no address for notifications; set emails first"),
            NotificationError::NoMailServer => conflict("isEmailConfigured").with_message(
                "The server has no mail server; its operator sets one with --smtp-url and \
                 --email-from",
            ),
            NotificationError::Random(error) => Self::internal(error),
            NotificationError::Store(error) => error.into(),
        }
    }
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Invalid => Self::unauthorized(
                "The link has expired, or its conversation does not exist any more",
            ),
            LinkError::NoKey => Self::forbidden(
                "The project has no publishable key that can open the link; an owner creates one",
            ),
            LinkError::Store(error) => error.into(),
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

impl From<NoteError> for ApiError {
    fn from(error: NoteError) -> Self {
        match error {
            NoteError::Find(error) => error.into(),
            NoteError::NotFound(id) => Self::note_not_found(id),
            NoteError::TooMany => Self::conflict("note", "count").with_message(format!(
                "The conversation has {MAX_NOTES} notes, the most that it may have; delete one first"
            )),
            NoteError::Store(error) => error.into(),
        }
    }
}

impl From<SavedReplyError> for ApiError {
    fn from(error: SavedReplyError) -> Self {
        match error {
            SavedReplyError::NotFound(id) => Self::saved_reply_not_found(id),
            SavedReplyError::NameExists => Self::conflict("saved_reply", "name")
                .with_message("Another saved reply has this name; choose another one"),
            SavedReplyError::TooMany => {
                Self::conflict("saved_reply", "count").with_message(format!(
                    "The project has {MAX_SAVED_REPLIES} saved replies, the most that it may \
                     have; delete one first"
                ))
            }
            SavedReplyError::Store(error) => error.into(),
        }
    }
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::NotFound(id) => Self::source_not_found(id),
            SourceError::Exists => Self::conflict("source", "url")
                .with_message("The project has a source with this address; learn it again"),
            SourceError::TooMany => Self::conflict("source", "count").with_message(format!(
                "The project has {MAX_SOURCES} sources, the most that it may have; delete one \
                 first"
            )),
            SourceError::Running => Self::conflict("source", "status")
                .with_message("A source of the project is being learned; wait until it has ended"),
            SourceError::Busy => Self::rate_limited(RETRY_MANY_SOURCES).with_message(
                "The server learns sources of other projects; try again when they have ended",
            ),
            SourceError::Folder => Self::validation(
                "sourceId",
                "must be a website; the operator of the server learns folders with `parlor learn`",
            ),
            SourceError::StillRunning => Self::unavailable(RETRY_MANY_SOURCES, error),
            SourceError::Url(error) => error.0.into(),
            SourceError::Thread(error) => Self::internal(error),
            SourceError::Store(error) => error.into(),
        }
    }
}

impl From<ResolveError> for ApiError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::NotFound(id) => Self::message_not_found(id),
            ResolveError::Store(error) => error.into(),
        }
    }
}

impl From<IdentifyError> for ApiError {
    fn from(error: IdentifyError) -> Self {
        match error {
            IdentifyError::SwitchedOff => Self::forbidden(
                "The key has no identity secret; an owner creates one in the inbox, under keys, \
                 or with POST /keys/{keyId}/identity-secret",
            ),
            IdentifyError::Token(error) => error.into(),
            IdentifyError::Store(error) => error.into(),
        }
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        Self::unauthorized(match error {
            IdentityError::Signature => {
                "The token is not signed with the identity secret of this key; sign with HS256, \
                 and take the whole text of the secret as the key"
            }
            IdentityError::Expired => {
                "The token has expired; get a new one from the website's server, and check its \
                 clock"
            }
            IdentityError::NotYetValid => {
                "The token was issued in the future; check the clock of the website's server"
            }
            IdentityError::Lifetime => {
                "The token is valid for too long; exp must be at most 24 hours after iat"
            }
            IdentityError::Claim(invalid) => {
                let reason = format!("has an invalid claim. {} {}", invalid.field, invalid.reason);
                return Self::validation("token", &reason);
            }
        })
    }
}

impl From<BlockError> for ApiError {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::NotFound(id) => Self::visitor_not_found(id),
            BlockError::Store(error) => error.into(),
        }
    }
}

impl From<ManageKeyError> for ApiError {
    fn from(error: ManageKeyError) -> Self {
        match error {
            ManageKeyError::NotFound(id) => Self::key_not_found(id),
            ManageKeyError::NoSuchAssistant(id) => Self::assistant_not_found(id),
            ManageKeyError::AssistantOfPrivateKey => {
                Self::validation("assistantId", "must be left out for a private key")
            }
            ManageKeyError::IdentityOfPrivateKey => {
                Self::validation("keyId", "must be a publishable key")
            }
            ManageKeyError::TooMany => Self::conflict("key", "count").with_message(format!(
                "The project has {MAX_KEYS} keys, the most that it may have"
            )),
            ManageKeyError::Random(error) => Self::internal(error),
            ManageKeyError::Store(error) => error.into(),
        }
    }
}

impl From<VisitorChangeError> for ApiError {
    fn from(error: VisitorChangeError) -> Self {
        match error {
            VisitorChangeError::VerifiedName => {
                Self::forbidden("The website has set the name; leave name out")
            }
            VisitorChangeError::Store(error) => error.into(),
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
