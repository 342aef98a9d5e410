//! Checks credentials: keys, session tokens, allowed websites and rate limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{CredentialCache, Passwords, RateLimited, RateLimits, SigningKeys};
use crate::config::Settings;
use crate::domain::{
    Key, KeyHash, KeyId, KeyKind, Origin, SessionId, Timestamp, TokenHash, VisitorId, VisitorSeq,
};
use crate::store::key::StoredKey;
use crate::store::session::{self, Session};
use crate::store::{Store, StoreError};

/// Why a credential is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthError {
    #[error("the API key is unknown or revoked")]
    InvalidKey,
    #[error("the session token is invalid or its session has ended")]
    InvalidSession,
    #[error("the agent's session does not exist any more")]
    SignedOut,
    /// With the origin of the page, if it has one.
    #[error("the website may not use this key")]
    WebsiteNotAllowed(Option<Origin>),
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The website whose page sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Website {
    /// The request does not come from a page in a browser.
    None,
    /// A page of this server.
    Own,
    Other(Origin),
    /// The page has no origin that could be in the list of a key.
    Opaque,
}

impl Website {
    /// Checks that a key that lists `origins` may be used
    /// (`docs/api-contract.md`, section 3.4).
    fn check_allowed(&self, origins: &[String]) -> Result<(), AuthError> {
        let origin = match self {
            Website::None | Website::Own => return Ok(()),
            Website::Other(origin) => Some(origin),
            Website::Opaque => None,
        };
        let is_listed = |origin: &Origin| origins.iter().any(|listed| listed == origin.as_str());
        if origins.is_empty() || origin.is_some_and(is_listed) {
            return Ok(());
        }
        Err(AuthError::WebsiteNotAllowed(origin.cloned()))
    }
}

/// The credentials of a connection that outlives its request.
#[derive(Debug, Clone, Copy)]
pub enum ConnectionCredentials {
    /// A publishable key, and the session of a visitor if the connection needs one.
    Publishable(KeyHash, Option<SessionId>),
    PrivateKey(KeyHash),
    /// The session of an agent.
    AgentSession(TokenHash),
}

/// Whether the credentials of a connection are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// `until` is when the session expires if it is not used.
    Valid {
        until: Option<Timestamp>,
    },
    Invalid,
}

/// A session's `last_used_at` is written at most once per this fraction of its
/// idle timeout.
const SESSION_TOUCH_FRACTION: u32 = 100;

/// Checks credentials against the database and the rate limits.
pub struct Authenticator {
    pub(super) store: Arc<Store>,
    signing: Arc<SigningKeys>,
    pub(super) cache: CredentialCache,
    pub(super) limits: RateLimits,
    pub(super) passwords: Passwords,
    session_idle: Duration,
    session_max: Duration,
    accepts_demo_keys: bool,
}

impl Authenticator {
    /// `signing` signs session tokens.
    pub fn new(
        store: Arc<Store>,
        signing: Arc<SigningKeys>,
        settings: &Settings,
        accepts_demo_keys: bool,
    ) -> Self {
        Self {
            store,
            signing,
            cache: CredentialCache::default(),
            limits: RateLimits::new(settings),
            passwords: Passwords::default(),
            session_idle: settings.session_idle(),
            session_max: settings.session_max(),
            accepts_demo_keys,
        }
    }

    /// Checks a publishable key. Rate limits count the addresses of its requests.
    pub async fn publishable_key(
        &self,
        key: &str,
        website: &Website,
    ) -> Result<Arc<StoredKey>, AuthError> {
        let key = Key::from_text(key);
        self.key_of_website(&key, KeyKind::Publishable, website)
            .await
    }

    /// Checks a private key.
    pub async fn private_key(
        &self,
        key: &str,
        website: &Website,
    ) -> Result<Arc<StoredKey>, AuthError> {
        let key = Key::from_text(key);
        let stored = self.key_of_website(&key, KeyKind::Private, website).await?;
        self.limits.private_key(stored.id)?;
        Ok(stored)
    }

    /// A private key that has been checked before.
    pub async fn stored_private_key(&self, key: &str) -> Result<Arc<StoredKey>, AuthError> {
        let hash = Key::from_text(key).hash();
        self.valid_key(hash, KeyKind::Private).await
    }

    async fn key_of_website(
        &self,
        key: &Key,
        kind: KeyKind,
        website: &Website,
    ) -> Result<Arc<StoredKey>, AuthError> {
        if key.is_demo() && !self.accepts_demo_keys {
            return Err(AuthError::InvalidKey);
        }
        let stored = self.valid_key(key.hash(), kind).await?;
        website.check_allowed(&stored.origins)?;
        Ok(stored)
    }

    async fn valid_key(&self, hash: KeyHash, kind: KeyKind) -> Result<Arc<StoredKey>, AuthError> {
        let key = self.cache.key(&self.store, hash).await?;
        key.filter(|key| key.revoked_at.is_none() && key.kind == kind)
            .ok_or(AuthError::InvalidKey)
    }

    /// Checks a session token and records that its session is in use.
    pub async fn session(&self, token: &str, website: &Website) -> Result<Arc<Session>, AuthError> {
        let id = self.verify(token).ok_or(AuthError::InvalidSession)?;
        let session = self.valid_session(id).await?;
        website.check_allowed(&session.origins)?;
        self.limits.session(id)?;
        self.touch_session(id, &session).await;
        Ok(session)
    }

    fn verify(&self, token: &str) -> Option<SessionId> {
        self.signing.current().tokens.verify(token)
    }

    async fn valid_session(&self, id: SessionId) -> Result<Arc<Session>, AuthError> {
        let session = self.cache.session(&self.store, id).await?;
        let now = Timestamp::now();
        let is_valid = |session: &Arc<Session>| !session.key_revoked && now <= self.expiry(session);
        session.filter(is_valid).ok_or(AuthError::InvalidSession)
    }

    /// When a session expires if it is not used.
    fn expiry(&self, session: &Session) -> Timestamp {
        let idle = session.last_used_at.plus(self.session_idle);
        idle.min(session.created_at.plus(self.session_max))
    }

    /// Writes `last_used_at` if it is older than the touch interval.
    async fn touch_session(&self, id: SessionId, session: &Session) {
        let (now, interval) = (Timestamp::now(), self.session_idle / SESSION_TOUCH_FRACTION);
        if now <= session.last_used_at.plus(interval) {
            return;
        }
        self.cache.remove_session(id);
        if let Err(error) = self.store.write(session::touch(id, now)).await {
            log::warn!("the last use of a session could not be stored: {error}");
        }
    }

    /// A token for a session that starts now.
    pub fn issue_token(
        &self,
        session: SessionId,
        visitor: VisitorId,
        started_at: Timestamp,
    ) -> String {
        let expires_at = started_at.plus(self.session_max);
        let keys = self.signing.current();
        keys.tokens.issue(session, visitor, started_at, expires_at)
    }

    /// Counts a request that starts a session against its client address.
    pub fn limit_new_session(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.limits.new_session(address)
    }

    /// Counts a request without a session and without a private key against its
    /// client address.
    pub fn limit_public_request(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.limits.public_request(address)
    }

    /// The credentials of a connection, which have been checked before.
    pub fn connection_credentials(&self, key: &str, token: Option<&str>) -> ConnectionCredentials {
        let session = token.and_then(|token| self.verify(token));
        ConnectionCredentials::Publishable(Key::from_text(key).hash(), session)
    }

    /// The credentials of a connection with a private key, which has been checked before.
    pub fn private_key_credentials(&self, key: &str) -> ConnectionCredentials {
        ConnectionCredentials::PrivateKey(Key::from_text(key).hash())
    }

    /// Whether the credentials of a connection are still valid. If the database
    /// cannot be read, they count as valid.
    pub async fn validity(&self, credentials: ConnectionCredentials) -> Validity {
        let (key, kind, session) = match credentials {
            ConnectionCredentials::Publishable(key, session) => {
                (key, KeyKind::Publishable, session)
            }
            ConnectionCredentials::PrivateKey(key) => (key, KeyKind::Private, None),
            ConnectionCredentials::AgentSession(hash) => {
                return self.agent_session_validity(hash).await;
            }
        };
        if matches!(self.valid_key(key, kind).await, Err(AuthError::InvalidKey)) {
            return Validity::Invalid;
        }
        let Some(session) = session else {
            return Validity::Valid { until: None };
        };
        match self.valid_session(session).await {
            Ok(session) => Validity::Valid {
                until: Some(self.expiry(&session)),
            },
            Err(AuthError::InvalidSession) => Validity::Invalid,
            Err(_) => Validity::Valid { until: None },
        }
    }

    /// Applies the change or revocation of a key at once.
    pub fn forget_key(&self, id: KeyId) {
        self.cache.remove_key(id);
    }

    /// Refuses the sessions of a visitor who was deleted, from now on.
    pub fn end_sessions_of(&self, visitor: VisitorSeq) {
        self.cache.remove_visitor(visitor);
    }

    /// The number of requests that each rate limit refused.
    pub fn rate_limit_refusals(&self) -> [(&'static str, u64); 6] {
        self.limits.refusals()
    }

    /// Removes rate limit buckets that are full again.
    pub fn remove_idle_limits(&self) {
        self.limits.remove_idle();
    }
}
