//! Agents sign in and out, and the first account of a project
//! (docs/api-contract.md, section 9).

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{
    AgentName, EmailAddress, MAX_PASSWORD_CHARS, Password, ProjectName, SecretToken, text_prefix,
};
use crate::http::auth;
use crate::http::body::{JsonBody, NoFields};
use crate::http::field_types::{Text, not_null};
use crate::http::json::SignedInAgentJson;
use crate::http::openapi_errors::{
    BodyErrors, ConflictErrors, KeyErrors, RateLimitErrors, ServerErrors, ValidationErrors,
};
use crate::http::response::{self, HandlerResult};
use crate::http::routes::agents::signed_in_agent;
use crate::http::session_cookie;
use crate::service::sign_in::{self, Browser, FirstAccount, SignedIn};

/// The longest text by which a browser names itself, in characters.
const MAX_USER_AGENT_CHARS: usize = 300;

/// A token of a link. It has 43 characters.
type TokenText = Text<1, 100>;

/// A password that is compared with the one of the account.
pub type EnteredPassword = Text<1, MAX_PASSWORD_CHARS>;

/// An account and its password.
#[derive(Deserialize, ToSchema)]
pub struct SignInRequest {
    #[schema(inline)]
    email: EmailAddress,
    /// The password.
    #[schema(inline)]
    password: EnteredPassword,
}

/// A link that signs in.
#[derive(Deserialize, ToSchema)]
pub struct SignInLinkRequest {
    /// The part of the link after `link=`.
    #[schema(inline)]
    token: TokenText,
    /// A new password. It ends the other sessions of the account.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    password: Option<Password>,
}

/// The first account of a project.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetupRequest {
    /// The part of the set-up link after `#`.
    #[schema(inline)]
    token: TokenText,
    /// The name that visitors see.
    #[schema(inline)]
    name: AgentName,
    #[schema(inline)]
    email: EmailAddress,
    #[schema(inline)]
    password: Password,
    /// A name for the project.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    project_name: Option<ProjectName>,
}

// ── Handlers ──

/// Set the project up
///
/// Creates the first account of the project, an owner, and signs in. The server prints the
/// link with the token when it starts, as long as the project has no account.
#[utoipa::path(post, path = "/setup", tag = "Agents", operation_id = "set-up",
    request_body = SetupRequest,
    responses((status = 201, description = "The account. `Set-Cookie` has the session", body = SignedInAgentJson),
              BodyErrors, KeyErrors, ConflictErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn set_up(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    begin(&app, &request)?;
    let owner = auth::address_owner(&app, &request);
    let body = JsonBody::<SetupRequest>::read(&app, &request, payload, owner).await?;
    let link = SecretToken::from_text(&body.value.token.0);
    let first = FirstAccount {
        name: body.value.name,
        email: body.value.email,
        password: body.value.password,
        project_name: body.value.project_name,
    };
    let browser = browser(&app, &request);
    let signed_in =
        sign_in::set_up(&app.store, app.auth.passwords(), &link, first, browser).await?;
    respond(&app, &request, StatusCode::CREATED, &signed_in).await
}

/// Sign in with a password
///
/// Starts a session in a cookie, for the e-mail address and the password of an account.
#[utoipa::path(post, path = "/agents/sign-in", tag = "Agents", operation_id = "sign-in",
    request_body = SignInRequest,
    responses((status = 200, description = "The account. `Set-Cookie` has the session", body = SignedInAgentJson),
              BodyErrors, KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn sign_in(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    begin(&app, &request)?;
    let owner = auth::address_owner(&app, &request);
    let body = JsonBody::<SignInRequest>::read(&app, &request, payload, owner).await?;
    let SignInRequest { email, password } = body.value;
    app.auth.limit_sign_in_email(&email.to_lowercase())?;
    let (passwords, browser) = (app.auth.passwords(), browser(&app, &request));
    let signed_in = sign_in::with_password(&app.store, passwords, &email, &password.0, browser);
    respond(&app, &request, StatusCode::OK, &signed_in.await?).await
}

/// Sign in with a link
///
/// A link can be used once. An owner creates links, and `parlor agents link` does.
#[utoipa::path(post, path = "/agents/sign-in-link", tag = "Agents", operation_id = "sign-in-with-link",
    request_body = SignInLinkRequest,
    responses((status = 200, description = "The account. `Set-Cookie` has the session", body = SignedInAgentJson),
              BodyErrors, KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn sign_in_with_link(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    begin(&app, &request)?;
    let owner = auth::address_owner(&app, &request);
    let body = JsonBody::<SignInLinkRequest>::read(&app, &request, payload, owner).await?;
    let link = SecretToken::from_text(&body.value.token.0);
    let (passwords, browser) = (app.auth.passwords(), browser(&app, &request));
    let password = body.value.password;
    // The link of the demo can be opened again, because its data and keys are public.
    let signed_in =
        sign_in::with_link(&app.store, passwords, &link, password, app.demo, browser).await?;
    app.auth.forget_agent_sessions(signed_in.account.seq);
    respond(&app, &request, StatusCode::OK, &signed_in).await
}

/// Sign out
///
/// Ends the session of the cookie. Without a session, nothing happens.
#[utoipa::path(post, path = "/agents/sign-out", tag = "Agents", operation_id = "sign-out",
    responses((status = 204, description = "The session has ended. `Set-Cookie` removes the cookie"),
              BodyErrors, KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn sign_out(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    begin(&app, &request)?;
    let owner = auth::address_owner(&app, &request);
    JsonBody::<NoFields>::read(&app, &request, payload, owner).await?;
    if let Some(token) = session_cookie::read(&app, &request)
        && let Ok(session) = app.auth.agent_session(&token).await
    {
        sign_in::sign_out(&app.store, session.seq).await?;
        app.auth.forget_agent_sessions(session.agent);
    }
    let mut response = HttpResponse::NoContent().finish();
    let cookie = session_cookie::clear(&app, &request)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Checks where a sign-in comes from, and counts it.
fn begin(app: &AppState, request: &HttpRequest) -> Result<(), crate::http::error::ApiError> {
    auth::refuse_other_origin(app, request)?;
    auth::limit_sign_in(app, request)
}

fn browser(app: &AppState, request: &HttpRequest) -> Browser {
    let user_agent = request.headers().get(header::USER_AGENT);
    let user_agent = user_agent.and_then(|value| value.to_str().ok());
    Browser {
        user_agent: user_agent.map(|text| text_prefix(text, MAX_USER_AGENT_CHARS)),
        address: auth::client_address(app, request).map(|address| address.to_string()),
    }
}

async fn respond(
    app: &AppState,
    request: &HttpRequest,
    status: StatusCode,
    signed_in: &SignedIn,
) -> HandlerResult {
    let body = signed_in_agent(app, &signed_in.account, signed_in.project).await?;
    let mut response = response::bytes(status, body);
    let headers = response.headers_mut();
    let cookie = session_cookie::set(app, request, &signed_in.token)?;
    headers.insert(header::SET_COOKIE, cookie);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
