//! API keys of a project, for its owners (docs/api-contract.md, section 4.20).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::identity;
use crate::app::AppState;
use crate::domain::{AssistantId, Key, KeyId, KeyKind, KeyName, MAX_ORIGINS, Origin};
use crate::http::body::{JsonBody, NoFields};
use crate::http::field_types::{BoundedList, Website, not_null, nullable};
use crate::http::json::{KeyJson, NewKeyJson};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ChangedKeyErrors, ConflictErrors, KeyNotFoundErrors, NewKeyErrors,
    ServerErrors, ValidationErrors,
};
use crate::http::params::key_id;
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency};
use crate::service::key::{self as service, KeyChange, KeySpec};
use crate::store::Snapshot;
use crate::store::idempotency::SavedResponse;
use crate::store::key::{self, KeyDetails};

type Websites = BoundedList<Website, 0, MAX_ORIGINS>;

/// The keys of a project.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyList)]
pub struct KeyListJson<'a> {
    data: Vec<KeyJson<'a>>,
}

/// A new key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewKeyRequest {
    kind: KeyKind,
    /// A name for the key.
    #[schema(inline)]
    name: KeyName,
    /// The websites that may use the key, such as `https://shop.example`. The default is
    /// every website.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    origins: Option<Websites>,
    /// The assistant that answers visitors with a publishable key. The default is the
    /// project's first.
    #[serde(default)]
    #[schema(inline)]
    assistant_id: Option<AssistantId>,
}

/// The fields to change. A field that is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyChangeRequest {
    /// A name for the key.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    name: Option<KeyName>,
    /// The websites that may use the key. Empty: every website.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    origins: Option<Websites>,
    /// The assistant that answers visitors with a publishable key. `null`: the project's
    /// first.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<AssistantId>)]
    assistant_id: Option<Option<AssistantId>>,
}

impl From<KeyChangeRequest> for KeyChange {
    fn from(body: KeyChangeRequest) -> Self {
        Self {
            name: body.name,
            origins: body.origins.map(without_repeats),
            assistant: body.assistant_id,
        }
    }
}

fn without_repeats(websites: Websites) -> Vec<Origin> {
    let mut unique: Vec<Origin> = Vec::new();
    for Website(origin) in websites.0 {
        if !unique.contains(&origin) {
            unique.push(origin);
        }
    }
    unique
}

/// List keys
///
/// Returns the keys of the project, the oldest first, also those that are revoked.
#[utoipa::path(get, path = "/keys", tag = "Keys", operation_id = "get-keys",
    security(("private-key" = [])),
    responses((status = 200, description = "The keys", body = KeyListJson),
              BearerErrors, ServerErrors))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let read = move |snapshot: &Snapshot| key::of_project(snapshot, project);
    let keys = app.store.read(read).await?;
    let data = keys.iter().map(KeyJson::from).collect();
    let body = KeyListJson { data };
    etag::respond(&app, &request, caller.into(), serde_json::to_vec(&body)?)
}

/// Create a key
///
/// The response has the text of the key. The text of a private key is sent only once.
#[utoipa::path(post, path = "/keys", tag = "Keys", operation_id = "create-key",
    request_body = NewKeyRequest, security(("private-key" = [])),
    responses((status = 201, description = "The new key", body = NewKeyJson),
              BodyErrors, BearerErrors, NewKeyErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let body = JsonBody::<NewKeyRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let NewKeyRequest {
        kind,
        name,
        origins,
        assistant_id,
    } = body.value;
    let spec = KeySpec {
        kind,
        name,
        origins: &origins.map(without_repeats).unwrap_or_default(),
        assistant: assistant_id,
    };
    let create = service::create_in_project(&app.services, project, &spec, &key, render_new);
    idempotency::respond(&app, &key, create).await
}

fn render_new(details: &KeyDetails, key: Option<&Key>) -> SavedResponse {
    response::to_saved(StatusCode::CREATED, &NewKeyJson::new(details, key))
}

/// Change a key
///
/// Changes the fields of the body.
#[utoipa::path(patch, path = "/keys/{keyId}", tag = "Keys", operation_id = "update-key",
    params(("keyId" = KeyId, Path)), request_body = KeyChangeRequest, security(("private-key" = [])),
    responses((status = 200, description = "The changed key", body = KeyJson),
              BodyErrors, BearerErrors, ChangedKeyErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn update(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = key_id(&request)?;
    let body = JsonBody::<KeyChangeRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let change = KeyChange::from(body.value);
    let update = service::change(&app.services, project, id, change, &key, render);
    let response = idempotency::respond(&app, &key, update).await?;
    app.auth.forget_key(id);
    Ok(response)
}

fn render(key: &KeyDetails) -> SavedResponse {
    response::to_saved(StatusCode::OK, &KeyJson::from(key))
}

/// Revoke a key
///
/// The server refuses the key and the sessions that were started with it from now on. The
/// key stays in the list.
#[utoipa::path(delete, path = "/keys/{keyId}", tag = "Keys", operation_id = "revoke-key",
    params(("keyId" = KeyId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The key is revoked"),
              BodyErrors, BearerErrors, KeyNotFoundErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn revoke(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = key_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_deletion(&request, &body.raw, caller)?;
    let done = response::no_content();
    let revoke = service::revoke_in_project(&app.services, project, id, &key, done);
    let response = idempotency::respond(&app, &key, revoke).await?;
    app.auth.forget_key(id);
    Ok(response)
}

/// The secret with which the website's server signs who its visitors are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentitySecret)]
pub struct IdentitySecretJson {
    /// The key of HS256, as text. It is sent once. Null in the response to a request that
    /// is repeated with its `Idempotency-Key`.
    #[schema(required)]
    identity_secret: Option<String>,
}

/// Create an identity secret
///
/// The website's server signs tokens for `POST /identity/identify` with the secret. A new
/// secret replaces the earlier one, whose tokens become invalid.
#[utoipa::path(post, path = "/keys/{keyId}/identity-secret", tag = "Keys", operation_id = "create-identity-secret",
    params(("keyId" = KeyId, Path)), security(("private-key" = [])),
    responses((status = 201, description = "The new secret", body = IdentitySecretJson),
              BodyErrors, BearerErrors, KeyNotFoundErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn create_identity_secret(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = key_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let create = service::replace_identity_secret(&app.services, project, id, &key, render_secret);
    idempotency::respond(&app, &key, create).await
}

fn render_secret(secret: Option<&[u8; 32]>) -> SavedResponse {
    let identity_secret = secret.map(identity::secret_text);
    response::to_saved(StatusCode::CREATED, &IdentitySecretJson { identity_secret })
}

/// Remove the identity secret
///
/// `POST /identity/identify` refuses tokens from now on. Sessions stay valid.
#[utoipa::path(delete, path = "/keys/{keyId}/identity-secret", tag = "Keys", operation_id = "delete-identity-secret",
    params(("keyId" = KeyId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The key has no secret"),
              BodyErrors, BearerErrors, KeyNotFoundErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove_identity_secret(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = key_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_deletion(&request, &body.raw, caller)?;
    let done = response::no_content();
    let remove = service::remove_identity_secret(&app.services, project, id, &key, done);
    idempotency::respond(&app, &key, remove).await
}
