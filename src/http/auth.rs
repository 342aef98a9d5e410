//! The caller of a request: reads credentials from headers and checks them with
//! [`crate::access::Authenticator`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::{Method, header};

use crate::access::{
    Accounts, AuthError, ConnectionCredentials, OverBudget, Owner, Permit, Website, network_of,
};
use crate::app::AppState;
use crate::domain::{Origin, ProjectSeq};
use crate::events::project::SubscriberIdentity;
use crate::http::base_url;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::params::project_id;
use crate::http::request_context::{CallerKind, set_caller};
use crate::http::session_cookie;
use crate::service::caller::{AccessError, Caller};
use crate::service::project;
use crate::store::Snapshot;
use crate::store::agent_account;
use crate::store::agent_session::AgentSession;
use crate::store::key::StoredKey;

/// Checks the bearer credential of a request. Without one, the cookie of an agent's session.
///
/// # Errors
/// 401 without a valid credential, 403 from a website that its key does not
/// list, and as [`agent`], 429 above the rate limit.
pub async fn bearer(app: &AppState, request: &HttpRequest) -> Result<Caller, ApiError> {
    let Some(credential) = bearer_text(request) else {
        let session = cookie_session(app, request).await?;
        return Ok(Caller::Agent {
            project: session.project,
            agent: session.agent,
            role: session.role,
        });
    };
    // Tokens contain dots, keys do not.
    if credential.contains('.') {
        session_token(app, request, credential).await
    } else {
        let project = verify_private_key(app, request, credential).await?;
        Ok(Caller::Server { project })
    }
}

/// Checks that the caller is a private key or an agent of the project that the path names.
///
/// # Errors
/// 401, 403 and 429 as [`bearer`], 403 for a caller of another project, 404 if
/// the project does not exist.
pub async fn own_project(app: &AppState, request: &HttpRequest) -> Result<ProjectSeq, ApiError> {
    let own = bearer(app, request).await?.require_staff()?;
    let id = project_id(request)?;
    let check = move |snapshot: &Snapshot| project::check_own(snapshot, own, id);
    app.store.read(check).await?;
    Ok(own)
}

/// Checks the credential of a request that needs a private key or an agent.
///
/// # Errors
/// 401 for every other credential; 403 and 429 as [`bearer`].
pub async fn require_staff(app: &AppState, request: &HttpRequest) -> Result<ProjectSeq, ApiError> {
    match bearer_text(request) {
        Some(key) if !key.contains('.') => verify_private_key(app, request, key).await,
        None if session_cookie::read(app, request).is_some() => {
            Ok(cookie_session(app, request).await?.project)
        }
        _ => Err(ApiError::unauthorized("A private key is required")),
    }
}

/// Checks the session of an agent, for operations about the own account.
///
/// # Errors
/// 401 without the cookie of a session; 403 for other credentials, and if a page of another
/// server may have sent a request that changes data or opens a WebSocket.
pub async fn agent(app: &AppState, request: &HttpRequest) -> Result<Arc<AgentSession>, ApiError> {
    if bearer_text(request).is_some() {
        bearer(app, request).await?;
        return Err(AccessError::AgentOnly.into());
    }
    cookie_session(app, request).await
}

async fn cookie_session(
    app: &AppState,
    request: &HttpRequest,
) -> Result<Arc<AgentSession>, ApiError> {
    let token = session_cookie::read(app, request)
        .ok_or_else(|| ApiError::unauthorized("Authentication required"))?;
    // Browsers send cookies with requests of other websites of the same domain.
    if !is_safe(request) && !has_own_origin(app, request) {
        return Err(other_origin(app, request));
    }
    let session = app.auth.agent_session(&token).await?;
    set_caller(request, CallerKind::Agent);
    Ok(session)
}

/// Whether a request only reads. The messages of a WebSocket are not read by browsers'
/// rules for other websites, so opening one is not safe.
fn is_safe(request: &HttpRequest) -> bool {
    let is_read = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    is_read && !request.headers().contains_key(header::UPGRADE)
}

/// Whether a page of this server sends the request.
fn has_own_origin(app: &AppState, request: &HttpRequest) -> bool {
    let origin = request.headers().get(header::ORIGIN);
    let origin = origin.and_then(|origin| Origin::from_url(origin.to_str().ok()?));
    let own = Origin::from_url(&base_url::of(app, request).to_string());
    origin.is_some() && origin == own
}

/// Checks that no page of another server sends the request. Programs send no `Origin`.
///
/// # Errors
/// 403 from a page of another server.
pub fn refuse_other_origin(app: &AppState, request: &HttpRequest) -> Result<(), ApiError> {
    if !request.headers().contains_key(header::ORIGIN) || has_own_origin(app, request) {
        return Ok(());
    }
    Err(other_origin(app, request))
}

/// 403: a page of another server sends the request, or nobody knows which page.
fn other_origin(app: &AppState, request: &HttpRequest) -> ApiError {
    let base = base_url::of(app, request);
    ApiError::new(ErrorCode::Forbidden).with_message(format!(
        "Only pages of {base} may do this. If this server has another URL, start it with \
         --public-url URL, or behind a proxy with --behind-proxy"
    ))
}

/// Counts an attempt to sign in.
///
/// # Errors
/// 429 above the rate limit of the client address.
pub fn limit_sign_in(app: &AppState, request: &HttpRequest) -> Result<(), ApiError> {
    match client_address(app, request) {
        Some(address) => Ok(app.auth.limit_sign_in_address(address)?),
        None => Ok(()),
    }
}

async fn verify_private_key(
    app: &AppState,
    request: &HttpRequest,
    key: &str,
) -> Result<ProjectSeq, ApiError> {
    let key = app.auth.private_key(key, &website(app, request)).await?;
    set_caller(request, CallerKind::PrivateKey);
    Ok(key.project)
}

/// Checks a publishable key, which is sent in the body or in the query.
///
/// # Errors
/// 401 if it is not a valid publishable key, 403 from a website that it does
/// not list.
pub async fn publishable_key(
    app: &AppState,
    request: &HttpRequest,
    key: &str,
) -> Result<Arc<StoredKey>, ApiError> {
    let website = website(app, request);
    let key = app.auth.publishable_key(key, &website).await?;
    set_caller(request, CallerKind::PublishableKey);
    Ok(key)
}

/// Checks a session token, which is sent as bearer credential or in the query.
///
/// # Errors
/// 401 if its session has ended or does not exist, 403 from a website that its
/// key does not list, 429 above the rate limit.
pub async fn session_token(
    app: &AppState,
    request: &HttpRequest,
    token: &str,
) -> Result<Caller, ApiError> {
    let session = app.auth.session(token, &website(app, request)).await?;
    set_caller(request, CallerKind::Visitor);
    Ok(Caller::Visitor {
        visitor: session.visitor,
        project: session.project,
        key: session.key,
    })
}

/// A caller who may listen to the events of a project.
pub struct EventSubscriber {
    pub project: ProjectSeq,
    pub identity: SubscriberIdentity,
    pub credentials: ConnectionCredentials,
}

/// Checks that the caller may listen to the events of a project.
///
/// # Errors
/// As [`bearer`], and 403 for a visitor.
pub async fn event_subscriber(
    app: &AppState,
    request: &HttpRequest,
) -> Result<EventSubscriber, ApiError> {
    let Some(key) = bearer_text(request) else {
        return agent_subscriber(app, request).await;
    };
    let project = bearer(app, request).await?.require_staff()?;
    let stored = app.auth.stored_private_key(key).await?;
    Ok(EventSubscriber {
        project,
        identity: SubscriberIdentity::Key(stored.seq),
        credentials: app.auth.private_key_credentials(key),
    })
}

async fn agent_subscriber(
    app: &AppState,
    request: &HttpRequest,
) -> Result<EventSubscriber, ApiError> {
    let session = cookie_session(app, request).await?;
    let token = session_cookie::read(app, request);
    let token = token.ok_or(AuthError::SignedOut)?;
    let agent = session.agent;
    let read = move |snapshot: &Snapshot| agent_account::read(snapshot, agent);
    let account = app.store.read(read).await?.ok_or(AuthError::SignedOut)?;
    Ok(EventSubscriber {
        project: session.project,
        identity: SubscriberIdentity::Agent {
            agent,
            session: session.seq,
            is_away: account.is_away,
        },
        credentials: ConnectionCredentials::AgentSession(token.hash()),
    })
}

/// Counts a request that starts a session.
///
/// # Errors
/// 429 above the rate limit of the client address.
pub fn limit_new_session(app: &AppState, request: &HttpRequest) -> Result<(), ApiError> {
    match client_address(app, request) {
        Some(address) => Ok(app.auth.limit_new_session(address)?),
        None => Ok(()),
    }
}

/// Counts a request that needs neither a session nor a private key. If it has a valid one
/// nevertheless, the request counts against the limit of the session or key.
///
/// # Errors
/// 429 above the rate limit.
pub async fn limit_public_request(app: &AppState, request: &HttpRequest) -> Result<(), ApiError> {
    if has_valid_bearer(app, request).await? {
        return Ok(());
    }
    match client_address(app, request) {
        Some(address) => Ok(app.auth.limit_public_request(address)?),
        None => Ok(()),
    }
}

/// Whether the request has a valid session token or private key as bearer credential.
/// Counts the request against its limit.
async fn has_valid_bearer(app: &AppState, request: &HttpRequest) -> Result<bool, AuthError> {
    let Some(credential) = bearer_text(request) else {
        return Ok(false);
    };
    let website = website(app, request);
    let checked = if credential.contains('.') {
        app.auth.session(credential, &website).await.map(drop)
    } else {
        app.auth.private_key(credential, &website).await.map(drop)
    };
    match checked {
        Ok(()) => Ok(true),
        Err(error @ (AuthError::RateLimited(_) | AuthError::Store(_))) => Err(error),
        Err(_) => Ok(false),
    }
}

/// The client address of a request.
pub fn client_address(app: &AppState, request: &HttpRequest) -> Option<IpAddr> {
    if app.settings.behind_proxy {
        let last = base_url::last_entry(request, "x-forwarded-for");
        if let Some(address) = last.and_then(forwarded_address) {
            return Some(address);
        }
    }
    Some(request.peer_addr()?.ip())
}

/// The address of an entry of `X-Forwarded-For`, which some proxies write with a port:
/// `192.0.2.1:50000`, `[2001:db8::1]:50000`.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let without_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || {
        let address = entry.strip_prefix('[')?.strip_suffix(']')?;
        address.parse().ok().map(IpAddr::V6)
    };
    let address = entry.parse().ok();
    address.or_else(without_port).or_else(in_brackets)
}

/// Who is charged for the bodies of a request without a bearer credential.
pub fn address_owner(app: &AppState, request: &HttpRequest) -> Owner {
    Owner::Address(client_network(app, request))
}

/// Charges `bytes` of a request or of its response to its caller.
///
/// # Errors
/// [`OverBudget`] if the memory budget does not suffice.
pub fn charge(
    app: &AppState,
    request: &HttpRequest,
    owner: Owner,
    bytes: usize,
) -> Result<Permit, OverBudget> {
    let accounts = Accounts::new(owner, client_network(app, request));
    app.memory.charge(accounts, bytes)
}

/// The network of the client address of a request.
fn client_network(app: &AppState, request: &HttpRequest) -> IpAddr {
    let address = client_address(app, request).unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    network_of(address)
}

/// Whether a request has a bearer credential or the cookie of a session.
pub fn has_credential(app: &AppState, request: &HttpRequest) -> bool {
    bearer_text(request).is_some() || session_cookie::read(app, request).is_some()
}

fn bearer_text(request: &HttpRequest) -> Option<&str> {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, credential) = header.split_once(' ')?;
    let credential = credential.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty()).then_some(credential)
}

/// The website that sends the request, by `Origin` or else `Referer`.
fn website(app: &AppState, request: &HttpRequest) -> Website {
    let headers = request.headers();
    let page = headers
        .get(header::ORIGIN)
        .or_else(|| headers.get(header::REFERER));
    let Some(page) = page else {
        return Website::None;
    };
    match page.to_str().ok().and_then(Origin::from_url) {
        Some(origin) if app.own_urls.is_own_origin(&origin) => Website::Own,
        Some(origin) => Website::Other(origin),
        None => Website::Opaque,
    }
}
