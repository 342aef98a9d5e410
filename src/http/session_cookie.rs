//! The cookie of an agent's session.
//!
//! Behind TLS its name begins with `__Host-`, so that browsers accept it only from this
//! host itself: a page of a sibling subdomain cannot replace it.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};

use crate::access::AGENT_SESSION_TIMES;
use crate::app::AppState;
use crate::domain::SecretToken;
use crate::http::base_url;
use crate::http::error::ApiError;

const NAME: &str = "parlor_session";
const SECURE_NAME: &str = "__Host-parlor_session";

fn is_secure(app: &AppState, request: &HttpRequest) -> bool {
    base_url::of(app, request).is_https()
}

fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_NAME } else { NAME }
}

/// The token in the cookie of a request.
pub fn read(app: &AppState, request: &HttpRequest) -> Option<SecretToken> {
    if !request.headers().contains_key(header::COOKIE) {
        return None;
    }
    let name = name(is_secure(app, request));
    let headers = request.headers().get_all(header::COOKIE);
    let mut pairs = headers
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = pairs.find(|(other, _)| *other == name)?;
    Some(SecretToken::from_text(token))
}

/// `Set-Cookie` for a new session.
///
/// # Errors
/// None in practice: tokens consist of letters, digits and signs.
pub fn set(
    app: &AppState,
    request: &HttpRequest,
    token: &SecretToken,
) -> Result<HeaderValue, ApiError> {
    let max_age = AGENT_SESSION_TIMES.max.as_secs();
    header(is_secure(app, request), token.reveal(), max_age)
}

/// `Set-Cookie` that removes the cookie.
///
/// # Errors
/// None in practice.
pub fn clear(app: &AppState, request: &HttpRequest) -> Result<HeaderValue, ApiError> {
    header(is_secure(app, request), "", 0)
}

fn header(is_secure: bool, value: &str, max_age: u64) -> Result<HeaderValue, ApiError> {
    let (name, secure) = (name(is_secure), if is_secure { "; Secure" } else { "" });
    let cookie =
        format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(cookie).map_err(ApiError::internal)
}
