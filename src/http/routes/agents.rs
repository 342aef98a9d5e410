//! Accounts of agents, and the account of the agent who has signed in
//! (docs/api-contract.md, section 9).

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{
    AgentAccount, AgentId, AgentName, AgentRole, AgentSessionId, EmailAddress, Password,
    ProjectSeq, Timestamp,
};
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::field_types::{WebUrl, not_null, nullable};
use crate::http::json::{AgentJson, AgentSessionJson, SignedInAgentJson};
use crate::http::openapi_errors::{
    AgentErrors, AgentSessionErrors, BearerErrors, BodyErrors, ConflictErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::params::{agent_id, agent_session_id};
use crate::http::response::{self, HandlerResult};
use crate::http::routes::sign_in::EnteredPassword;
use crate::http::{auth, base_url, etag};
use crate::service::agent_account::{self as service, AccountSpec, Link, OwnChange};
use crate::store::agent_account::{self, AccountChange};
use crate::store::agent_session::AgentSession;
use crate::store::{Snapshot, project};

/// The accounts of a project.
#[derive(Serialize, ToSchema)]
#[schema(as = AgentList)]
pub struct AgentListJson<'a> {
    data: Vec<AgentJson<'a>>,
}

/// The sessions of an agent.
#[derive(Serialize, ToSchema)]
#[schema(as = AgentSessionList)]
pub struct AgentSessionListJson<'a> {
    data: Vec<AgentSessionJson<'a>>,
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewAgentRequest {
    /// The name that visitors see.
    #[schema(inline)]
    name: AgentName,
    #[schema(inline)]
    email: EmailAddress,
    role: AgentRole,
    /// The URL of a picture, which visitors see.
    #[schema(inline)]
    avatar_url: Option<WebUrl>,
}

/// A new account, with a link that opens it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewAgent)]
pub struct NewAgentJson<'a> {
    #[serde(flatten)]
    agent: AgentJson<'a>,
    /// A link that signs in once.
    sign_in_link: String,
    /// When the link expires.
    expires_at: Timestamp,
}

/// The fields to change. A field that is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentChangeRequest {
    /// The name that visitors see.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    name: Option<AgentName>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    role: Option<AgentRole>,
    /// The URL of a picture. `null` removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<WebUrl>)]
    avatar_url: Option<Option<WebUrl>>,
}

/// The fields to change. A field that is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnChangeRequest {
    /// The name that visitors see.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    name: Option<AgentName>,
    /// The URL of a picture. `null` removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<WebUrl>)]
    avatar_url: Option<Option<WebUrl>>,
    /// Whether the agent does not want to count as available.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    is_away: Option<bool>,
    /// A new e-mail address. Needs `currentPassword`.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    email: Option<EmailAddress>,
    /// The password so far, unless the account has none.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    current_password: Option<EnteredPassword>,
    /// A new password. Needs `currentPassword`, and ends the other sessions.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    new_password: Option<Password>,
}

impl From<OwnChangeRequest> for OwnChange {
    fn from(body: OwnChangeRequest) -> Self {
        Self {
            name: body.name,
            email: body.email,
            avatar_url: body.avatar_url.map(|url| url.map(|url| url.0)),
            is_away: body.is_away,
            current_password: body.current_password.map(|text| text.0),
            new_password: body.new_password,
        }
    }
}

/// A link that opens an account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignInLink)]
pub struct SignInLinkJson {
    /// A link that signs in once.
    sign_in_link: String,
    /// When the link expires.
    expires_at: Timestamp,
}

// ── The own account ──

/// Read the own account
///
/// Returns the account of the agent who has signed in, with its project.
#[utoipa::path(get, path = "/agents/me", tag = "Agents", operation_id = "get-own-agent",
    security(("agent" = [])),
    responses((status = 200, description = "The account", body = SignedInAgentJson),
              BearerErrors, ServerErrors))]
pub async fn me(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let session = auth::agent(&app, &request).await?;
    let account = service::read_own(&app.store, session.agent).await?;
    let body = signed_in_agent(&app, &account, session.project).await?;
    etag::respond(&app, &request, session.project.into(), body)
}

/// Change the own account
///
/// A new password ends the other sessions of the account.
#[utoipa::path(patch, path = "/agents/me", tag = "Agents", operation_id = "update-own-agent",
    request_body = OwnChangeRequest, security(("agent" = [])),
    responses((status = 200, description = "The changed account", body = SignedInAgentJson),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn update_me(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let session = auth::agent(&app, &request).await?;
    let owner = session.project.into();
    let body = JsonBody::<OwnChangeRequest>::read(&app, &request, payload, owner).await?;
    let change = OwnChange::from(body.value);
    if change.is_protected() {
        limit_password(&app, &session).await?;
    }
    let passwords = app.auth.passwords();
    let account = service::change_own(&app.store, passwords, &session, change).await?;
    app.auth.forget_agent_sessions(session.agent);
    let body = signed_in_agent(&app, &account, session.project).await?;
    Ok(response::bytes(StatusCode::OK, body))
}

/// Counts an attempt to guess the password of the account.
async fn limit_password(app: &AppState, session: &AgentSession) -> Result<(), ApiError> {
    let account = service::read_own(&app.store, session.agent).await?;
    if let Ok(email) = account.email.parse::<EmailAddress>() {
        app.auth.limit_sign_in_email(&email)?;
    }
    Ok(())
}

/// List the own sessions
///
/// Returns the browsers in which the agent has signed in, the last used first.
#[utoipa::path(get, path = "/agents/me/sessions", tag = "Agents", operation_id = "get-own-sessions",
    security(("agent" = [])),
    responses((status = 200, description = "The sessions", body = AgentSessionListJson),
              BearerErrors, ServerErrors))]
pub async fn sessions(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let session = auth::agent(&app, &request).await?;
    let sessions = service::sessions(&app.store, session.agent).await?;
    let data = sessions.iter();
    let data = data
        .map(|one| AgentSessionJson::new(one, session.seq))
        .collect();
    let body = serde_json::to_vec(&AgentSessionListJson { data })?;
    etag::respond(&app, &request, session.project.into(), body)
}

/// End one of the own sessions
///
/// The browser of the session has to sign in again.
#[utoipa::path(delete, path = "/agents/me/sessions/{sessionId}", tag = "Agents", operation_id = "delete-own-session",
    params(("sessionId" = AgentSessionId, Path)), security(("agent" = [])),
    responses((status = 204, description = "The session has ended"),
              BodyErrors, BearerErrors, AgentSessionErrors, ValidationErrors, ServerErrors))]
pub async fn end_session(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let session = auth::agent(&app, &request).await?;
    let id = agent_session_id(&request)?;
    let owner = session.project.into();
    JsonBody::<NoFields>::read(&app, &request, payload, owner).await?;
    service::end_session(&app.store, session.agent, id).await?;
    app.auth.forget_agent_sessions(session.agent);
    Ok(HttpResponse::NoContent().finish())
}

// ── The accounts of the project ──

/// List the agents
///
/// Returns the accounts of the project, the oldest first.
#[utoipa::path(get, path = "/agents", tag = "Agents", operation_id = "get-agents",
    security(("private-key" = [])),
    responses((status = 200, description = "The accounts", body = AgentListJson),
              BearerErrors, ServerErrors))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let project = auth::bearer(&app, &request).await?.require_staff()?;
    let read = move |snapshot: &Snapshot| agent_account::all(snapshot, project);
    let accounts = app.store.read(read).await?;
    let data = accounts
        .iter()
        .map(|account| agent_json(&app, project, account));
    let data = data.collect();
    let body = serde_json::to_vec(&AgentListJson { data })?;
    etag::respond(&app, &request, project.into(), body)
}

/// Create an agent
///
/// Creates an account without a password, and a link with which its agent signs in and
/// sets one.
#[utoipa::path(post, path = "/agents", tag = "Agents", operation_id = "create-agent",
    request_body = NewAgentRequest, security(("private-key" = [])),
    responses((status = 201, description = "The account, with a link", body = NewAgentJson),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let body = JsonBody::<NewAgentRequest>::read(&app, &request, payload, caller.into()).await?;
    let spec = AccountSpec {
        name: body.value.name,
        email: body.value.email,
        role: body.value.role,
        avatar_url: body.value.avatar_url.map(|url| url.0),
    };
    let account = service::create(&app.store, project, spec).await?;
    let link = service::create_link(&app.store, project, account.id).await?;
    let SignInLinkJson {
        sign_in_link,
        expires_at,
    } = link_json(&app, &request, &link);
    let body = NewAgentJson {
        agent: agent_json(&app, project, &account),
        sign_in_link,
        expires_at,
    };
    secret_response(StatusCode::CREATED, &body)
}

/// Change an agent
///
/// Changes the name, the role or the picture. Only an owner may do this.
#[utoipa::path(patch, path = "/agents/{agentId}", tag = "Agents", operation_id = "update-agent",
    params(("agentId" = AgentId, Path)), request_body = AgentChangeRequest,
    security(("private-key" = [])),
    responses((status = 200, description = "The changed account", body = AgentJson),
              BodyErrors, BearerErrors, AgentErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn update(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = agent_id(&request)?;
    let body = JsonBody::<AgentChangeRequest>::read(&app, &request, payload, caller.into()).await?;
    let change = AccountChange {
        name: body.value.name,
        role: body.value.role,
        avatar_url: body.value.avatar_url.map(|url| url.map(|url| url.0)),
        ..AccountChange::default()
    };
    let account = service::change(&app.store, project, id, &change).await?;
    app.auth.forget_agent_sessions(account.seq);
    response::json(StatusCode::OK, &agent_json(&app, project, &account))
}

/// Delete an agent
///
/// Ends the sessions of the agent. Messages keep the agent's name. The last owner of a
/// project cannot be deleted.
#[utoipa::path(delete, path = "/agents/{agentId}", tag = "Agents", operation_id = "delete-agent",
    params(("agentId" = AgentId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The account is deleted"),
              BodyErrors, BearerErrors, AgentErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = agent_id(&request)?;
    JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let agent = service::delete(&app.store, project, id).await?;
    app.auth.forget_agent_sessions(agent);
    Ok(HttpResponse::NoContent().finish())
}

/// Create a link for an agent
///
/// Creates a link that signs the agent in once. It replaces the earlier one.
#[utoipa::path(post, path = "/agents/{agentId}/link", tag = "Agents", operation_id = "create-sign-in-link",
    params(("agentId" = AgentId, Path)), security(("private-key" = [])),
    responses((status = 201, description = "The link", body = SignInLinkJson),
              BodyErrors, BearerErrors, AgentErrors, ValidationErrors, ServerErrors))]
pub async fn create_link(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = agent_id(&request)?;
    JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let link = service::create_link(&app.store, project, id).await?;
    secret_response(StatusCode::CREATED, &link_json(&app, &request, &link))
}

fn link_json(app: &AppState, request: &HttpRequest, link: &Link) -> SignInLinkJson {
    SignInLinkJson {
        sign_in_link: format!("{}{}", base_url::of(app, request), link.sign_in_path()),
        expires_at: link.expires_at,
    }
}

/// A response that no cache stores.
fn secret_response(status: StatusCode, body: &impl Serialize) -> HandlerResult {
    let mut response = response::json(status, body)?;
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

fn agent_json<'a>(app: &AppState, project: ProjectSeq, account: &'a AgentAccount) -> AgentJson<'a> {
    let is_online = app.services.presence.is_online(project, account.seq);
    AgentJson::new(account, is_online)
}

/// The body with the account of an agent who has signed in.
pub async fn signed_in_agent(
    app: &AppState,
    account: &AgentAccount,
    project: ProjectSeq,
) -> Result<Vec<u8>, ApiError> {
    let read = move |snapshot: &Snapshot| project::read(snapshot, project);
    let details = app.store.read(read).await?;
    let body = SignedInAgentJson::new(agent_json(app, project, account), &details);
    Ok(serde_json::to_vec(&body)?)
}
