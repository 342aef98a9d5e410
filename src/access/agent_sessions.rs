//! Sessions of agents, whose tokens are in cookies, and the limits of sign-ins.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{AuthError, Authenticator, Passwords, RateLimited, Validity};
use crate::domain::{AgentSeq, EmailAddress, SecretToken, Timestamp, TokenHash};
use crate::store::agent_session::{self, AgentSession, SessionTimes};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// After how long sessions of agents expire.
pub const AGENT_SESSION_TIMES: SessionTimes = SessionTimes {
    idle: DAY.saturating_mul(14),
    max: DAY.saturating_mul(90),
};

/// `last_used_at` is written at most once in this time.
const TOUCH_INTERVAL: Duration = Duration::from_secs(10 * 60);

impl Authenticator {
    /// Checks the token of an agent's session and records that the session is in use.
    pub async fn agent_session(&self, token: &SecretToken) -> Result<Arc<AgentSession>, AuthError> {
        let session = self.cache.agent_session(&self.store, token.hash()).await?;
        let now = Timestamp::now();
        let session = session.filter(|session| !has_expired(session, now));
        let session = session.ok_or(AuthError::SignedOut)?;
        self.limits.agent_session(session.seq)?;
        self.touch_agent_session(&session, token.hash(), now).await;
        Ok(session)
    }

    /// Whether the session of an agent's connection is valid. An open connection uses its
    /// session.
    pub(super) async fn agent_session_validity(&self, hash: TokenHash) -> Validity {
        let now = Timestamp::now();
        match self.cache.agent_session(&self.store, hash).await {
            Ok(Some(session)) if !has_expired(&session, now) => {
                self.touch_agent_session(&session, hash, now).await;
                Validity::Valid { until: None }
            }
            Ok(_) => Validity::Invalid,
            Err(_) => Validity::Valid { until: None },
        }
    }

    async fn touch_agent_session(&self, session: &AgentSession, hash: TokenHash, now: Timestamp) {
        if now <= session.last_used_at.plus(TOUCH_INTERVAL) {
            return;
        }
        self.cache.remove_agent_session(hash);
        let touch = agent_session::touch(session.seq, now);
        if let Err(error) = self.store.write(touch).await {
            log::warn!("the last use of an agent's session could not be stored: {error}");
        }
    }

    /// Reads the sessions of an account again, because some of them ended, or because its
    /// role changed.
    pub fn forget_agent_sessions(&self, agent: AgentSeq) {
        self.cache.remove_agent(agent);
    }

    /// Counts an attempt to sign in, or to use a link, against its client address.
    pub fn limit_sign_in_address(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.limits.sign_in_address(address)
    }

    /// Counts an attempt to guess the password of an account.
    pub fn limit_sign_in_email(&self, email: &EmailAddress) -> Result<(), RateLimited> {
        self.limits.sign_in_email(email.as_str())
    }

    /// Hashes and checks passwords.
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }
}

fn has_expired(session: &AgentSession, now: Timestamp) -> bool {
    let times = AGENT_SESSION_TIMES;
    let idle = session.last_used_at.plus(times.idle);
    now > idle.min(session.created_at.plus(times.max))
}
