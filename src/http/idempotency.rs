//! The `Idempotency-Key` header (docs/api-contract.md, section 11).

use actix_web::{HttpRequest, web};
use sha2::{Digest, Sha256};

use crate::app::AppState;
use crate::domain::{ConversationId, ValidationError};
use crate::http::error::ApiError;
use crate::http::params::conversation_id;
use crate::http::response::{self, HandlerResult};
use crate::service::caller::Caller;
use crate::service::idempotency::{Idempotency, RunOutcome};
use crate::store::idempotency::{IdempotentRequest, SavedResponse};

/// The maximum length of a key.
pub const MAX_KEY_CHARS: usize = 255;

/// Reads the header of a caller's request. `body` is the body as received.
///
/// # Errors
/// 422 if the header is not a valid key.
pub fn from_request(
    request: &HttpRequest,
    body: &[u8],
    caller: Caller,
) -> Result<Idempotency, ApiError> {
    let conversation = conversation_id(request).ok();
    read(request, body, caller_text(caller), conversation)
}

/// The same for a request that deletes what its path names. The response is not about
/// it any more.
///
/// # Errors
/// 422 if the header is not a valid key.
pub fn from_deletion(
    request: &HttpRequest,
    body: &[u8],
    caller: Caller,
) -> Result<Idempotency, ApiError> {
    read(request, body, caller_text(caller), None)
}

/// The same for a caller that is identified by a text.
///
/// # Errors
/// 422 if the header is not a valid key.
pub fn from_request_as(
    request: &HttpRequest,
    body: &[u8],
    caller: String,
) -> Result<Idempotency, ApiError> {
    read(request, body, caller, None)
}

/// The text that identifies a caller. Erasure finds the responses of a visitor by it
/// (`store/erasure.rs`, `schema.sql`).
fn caller_text(caller: Caller) -> String {
    match caller {
        Caller::Visitor { visitor, .. } => format!("visitor {}", visitor.0),
        Caller::Server { project } | Caller::Agent { project, .. } => {
            format!("project {}", project.0)
        }
    }
}

fn read(
    request: &HttpRequest,
    body: &[u8],
    caller: String,
    conversation: Option<ConversationId>,
) -> Result<Idempotency, ApiError> {
    let Some(header) = request.headers().get("idempotency-key") else {
        return Ok(Idempotency::new(None));
    };
    let key = header.to_str().ok().filter(|key| is_valid_key(key));
    let key = key.ok_or_else(invalid_key)?;
    Ok(Idempotency::new(Some(IdempotentRequest {
        caller,
        key: key.to_owned(),
        hash: request_hash(request, body),
        conversation,
    })))
}

/// Runs a use case at most once per key. The response is that of this run or of
/// an earlier one.
pub async fn respond<E: Into<ApiError>>(
    app: &AppState,
    key: &Idempotency,
    use_case: impl Future<Output = Result<SavedResponse, E>>,
) -> HandlerResult {
    let use_case = async { use_case.await.map_err(Into::<ApiError>::into) };
    let outcome = key.run(&app.store, use_case).await?;
    response::from_saved(outcome.into_response())
}

/// [`respond`] for a request that deletes. The response is stored with the first step of
/// the deletion. So before a stored response is sent, the deletion is completed.
pub async fn respond_to_deletion<E: Into<ApiError>>(
    app: &web::Data<AppState>,
    key: &Idempotency,
    use_case: impl Future<Output = Result<SavedResponse, E>>,
) -> HandlerResult {
    let use_case = async { use_case.await.map_err(Into::<ApiError>::into) };
    let outcome = key.run(&app.store, use_case).await?;
    if matches!(outcome, RunOutcome::Saved(_)) {
        let state = app.clone().into_inner();
        response::run_to_end(async move { state.services.resume_deletions().await }).await?;
    }
    response::from_saved(outcome.into_response())
}

fn request_hash(request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(request.method().as_str())
        .chain_update([0])
        .chain_update(request.path())
        .chain_update([0])
        .chain_update(body)
        .finalize()
        .into()
}

fn is_valid_key(key: &str) -> bool {
    (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn invalid_key() -> ValidationError {
    let reason = format!("must have 1 to {MAX_KEY_CHARS} visible ASCII characters");
    ValidationError::new("Idempotency-Key", reason)
}
