//! Who is calling, and whether they may: keys, session tokens, websites, rates.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::app::AppState;
use crate::domain::{
    Key, KeyHash, KeyKind, KeySeq, Origin, ProjectSeq, Scope, SessionId, Timestamp, VisitorSeq,
};
use crate::http::error::{ApiError, ErrorCode};
use crate::store::key::StoredKey;
use crate::store::session::{self, Session};

/// Who calls with a bearer credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A visitor with a session.
    Visitor {
        visitor: VisitorSeq,
        project: ProjectSeq,
        /// The publishable key that the session was begun with.
        key: KeySeq,
    },
    /// A website's server with a private key.
    Server { project: ProjectSeq },
}

impl Caller {
    pub fn project(self) -> ProjectSeq {
        match self {
            Caller::Visitor { project, .. } | Caller::Server { project } => project,
        }
    }

    /// Whose conversations the caller lists.
    pub fn scope(self) -> Scope {
        match self {
            Caller::Visitor { visitor, .. } => Scope::Visitor(visitor),
            Caller::Server { project } => Scope::Project(project),
        }
    }

    /// Whether a conversation of that visitor is the caller's to see.
    pub fn may_see(self, owner: VisitorSeq) -> Result<(), ApiError> {
        match self {
            Caller::Visitor { visitor, .. } if visitor != owner => {
                Err(ApiError::forbidden("Access denied to this conversation"))
            }
            _ => Ok(()),
        }
    }

    /// The project, for what only a website's own people do (section 0, D16).
    pub fn server(self) -> Result<ProjectSeq, ApiError> {
        match self {
            Caller::Server { project } => Ok(project),
            Caller::Visitor { .. } => Err(ApiError::forbidden(
                "Only the website's own people may do this; use a private key",
            )),
        }
    }

    /// The visitor, for what only visitors do.
    pub fn visitor(self) -> Result<VisitorSeq, ApiError> {
        match self {
            Caller::Visitor { visitor, .. } => Ok(visitor),
            Caller::Server { .. } => Err(ApiError::forbidden(
                "A private key cannot act as a visitor; use a session token",
            )),
        }
    }
}

/// Judges the bearer credential of a request.
///
/// # Errors
/// 401 without a valid one, 403 from a website that its key is not for, 429
/// when it calls too often.
pub async fn bearer(app: &AppState, request: &HttpRequest) -> Result<Caller, ApiError> {
    let credential =
        bearer_text(request).ok_or_else(|| ApiError::unauthorized("Authentication required"))?;
    // A token has dots, a key has none.
    match credential.contains('.') {
        true => session_token(app, request, credential).await,
        false => private_key(app, request, credential).await,
    }
}

/// Judges a private key, where nothing else will do.
///
/// # Errors
/// 401 for anything but a private key in force, 403 and 429 as [`bearer`].
pub async fn server(app: &AppState, request: &HttpRequest) -> Result<ProjectSeq, ApiError> {
    match bearer_text(request) {
        Some(key) if !key.contains('.') => Ok(private_key(app, request, key).await?.project()),
        _ => Err(ApiError::unauthorized("A private key is required")),
    }
}

/// Judges a publishable key, which stands in the body or the query.
///
/// # Errors
/// 401 for any key that is not a publishable one in force, 403 from a website
/// that it is not for.
pub async fn publishable_key(
    app: &AppState,
    request: &HttpRequest,
    sent: &str,
) -> Result<Arc<StoredKey>, ApiError> {
    let key = known_key(app, sent, KeyKind::Publishable).await?;
    website(app, request, &key.origins)?;
    Ok(key)
}

/// Judges a session token, wherever it stood.
///
/// # Errors
/// 401 when its session has ended or never was, 403 from a website that its
/// key is not for, 429 when it calls too often.
pub async fn session_token(
    app: &AppState,
    request: &HttpRequest,
    token: &str,
) -> Result<Caller, ApiError> {
    let id = app.tokens.verify(token).ok_or_else(session_ended)?;
    let session = session_in_force(app, id).await?;
    website(app, request, &session.origins)?;
    app.limits.session(id)?;
    keep_alive(app, id, &session, Timestamp::now()).await;
    Ok(Caller::Visitor {
        visitor: session.visitor,
        project: session.project,
        key: session.key,
    })
}

/// What a connection was let in with that outlives its request.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    key: KeyHash,
    session: Option<SessionId>,
}

impl Pass {
    /// Of credentials that were found good.
    pub fn of(app: &AppState, key: &str, token: Option<&str>) -> Self {
        Self {
            key: Key::from_text(key).hash(),
            session: token.and_then(|token| app.tokens.verify(token)),
        }
    }

    /// Whether it would be let in still. When that cannot be found out, it is.
    pub async fn holds(self, app: &AppState) -> bool {
        let refused = |error: ApiError| error.code == ErrorCode::Unauthorized;
        let key = key_in_force(app, self.key, KeyKind::Publishable).await;
        if key.is_err_and(refused) {
            return false;
        }
        match self.session {
            Some(id) => !session_in_force(app, id).await.is_err_and(refused),
            None => true,
        }
    }
}

/// The address that a request comes from.
pub fn address(app: &AppState, request: &HttpRequest) -> Option<IpAddr> {
    if app.settings.behind_proxy {
        let forwarded = request.headers().get_all("x-forwarded-for").last();
        let last = forwarded.and_then(|list| list.to_str().ok()?.rsplit(',').next());
        if let Some(address) = last.and_then(|address| address.trim().parse().ok()) {
            return Some(address);
        }
    }
    Some(request.peer_addr()?.ip())
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

async fn private_key(
    app: &AppState,
    request: &HttpRequest,
    sent: &str,
) -> Result<Caller, ApiError> {
    let stored = known_key(app, sent, KeyKind::Private).await?;
    website(app, request, &stored.origins)?;
    app.limits.private_key(stored.id)?;
    Ok(Caller::Server {
        project: stored.project,
    })
}

async fn known_key(app: &AppState, sent: &str, kind: KeyKind) -> Result<Arc<StoredKey>, ApiError> {
    let key = Key::from_text(sent);
    match key.is_demo() && !app.demo {
        true => Err(key_refused()),
        false => key_in_force(app, key.hash(), kind).await,
    }
}

async fn key_in_force(
    app: &AppState,
    hash: KeyHash,
    kind: KeyKind,
) -> Result<Arc<StoredKey>, ApiError> {
    let found = app.credentials.key(&app.store, hash);
    let stored = found.await?.ok_or_else(key_refused)?;
    match stored.revoked_at.is_some() || stored.kind != kind {
        true => Err(key_refused()),
        false => Ok(stored),
    }
}

fn key_refused() -> ApiError {
    ApiError::unauthorized("The API key is unknown or revoked")
}

async fn session_in_force(app: &AppState, id: SessionId) -> Result<Arc<Session>, ApiError> {
    let found = app.credentials.session(&app.store, id);
    let session = found.await?.ok_or_else(session_ended)?;
    let now = Timestamp::now();
    let idle_until = session.last_used_at.plus(app.settings.session_idle());
    let ends = session.created_at.plus(app.settings.session_max());
    match session.key_revoked || now > idle_until || now > ends {
        true => Err(session_ended()),
        false => Ok(session),
    }
}

fn session_ended() -> ApiError {
    ApiError::unauthorized("The session has ended; begin one with /identity/init")
}

/// How much of its idle time a session may lose to a crash: a hundredth.
const TOUCHES: u32 = 100;

/// Writes down that a session is in use, once in a while.
async fn keep_alive(app: &AppState, id: SessionId, session: &Session, now: Timestamp) {
    let due = session
        .last_used_at
        .plus(app.settings.session_idle() / TOUCHES);
    if now <= due {
        return;
    }
    app.credentials.remove_session(id);
    if let Err(error) = app.store.write(session::touch(id, now)).await {
        log::warn!("a session's use could not be written down: {error}");
    }
}

/// Whether the page that calls is of a website that the key is for. What sends
/// no such header is no browser, and is let through (section 0, D7).
fn website(app: &AppState, request: &HttpRequest, origins: &[String]) -> Result<(), ApiError> {
    if origins.is_empty() {
        return Ok(());
    }
    let headers = request.headers();
    let page = headers
        .get(header::ORIGIN)
        .or_else(|| headers.get(header::REFERER));
    let Some(page) = page else { return Ok(()) };
    let origin = page.to_str().ok().and_then(Origin::from_url);
    let allowed = origin.is_some_and(|origin| {
        app.own_urls.is_own_origin(&origin) || origins.iter().any(|one| one == origin.as_str())
    });
    match allowed {
        true => Ok(()),
        false => Err(ApiError::forbidden("This website may not use this key")),
    }
}
