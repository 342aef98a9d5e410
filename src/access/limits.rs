//! Rate limits: a token bucket for each session, private key and client address, and for
//! sign-ins of agents
//! (`docs/api-contract.md`, section 10.2).

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Settings;
use crate::domain::{AgentSessionSeq, KeyId, SessionId};

/// A rate limit is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("rate limit exceeded; retry after {retry_after_secs} s")]
pub struct RateLimited {
    /// Seconds until the next request is allowed.
    pub retry_after_secs: u64,
}

/// The rate limits of all callers. A bucket holds the requests of one minute and
/// refills evenly.
pub struct RateLimits {
    sessions: Limiter<SessionId>,
    keys: Limiter<KeyId>,
    new_sessions: Limiter<IpAddr>,
    public_requests: Limiter<IpAddr>,
    agent_sessions: Limiter<AgentSessionSeq>,
    sign_in_addresses: Limiter<IpAddr>,
    /// By a part of the hash of the e-mail address, so that the number of buckets is
    /// bounded, whatever clients send.
    sign_in_emails: Limiter<u16>,
    email_hasher: RandomState,
}

impl RateLimits {
    pub fn new(settings: &Settings) -> Self {
        let enabled = settings.rate_limit > 0;
        let per_minute = |limit: u32| if enabled { limit } else { 0 };
        Self {
            sessions: Limiter::new(settings.rate_limit),
            keys: Limiter::new(per_minute(settings.key_rate_limit)),
            new_sessions: Limiter::new(per_minute(settings.ip_rate_limit)),
            public_requests: Limiter::new(per_minute(settings.public_rate_limit)),
            agent_sessions: Limiter::new(per_minute(settings.key_rate_limit)),
            sign_in_addresses: Limiter::new(per_minute(settings.sign_in_rate_limit)),
            sign_in_emails: Limiter::new(per_minute(settings.sign_in_rate_limit)),
            email_hasher: RandomState::new(),
        }
    }

    pub fn session(&self, id: SessionId) -> Result<(), RateLimited> {
        self.sessions.check(&id)
    }

    pub fn private_key(&self, key: KeyId) -> Result<(), RateLimited> {
        self.keys.check(&key)
    }

    /// Counts a request that starts a session.
    pub fn new_session(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.new_sessions.check(&network_of(address))
    }

    /// Counts a request that needs neither a session nor a private key.
    pub fn public_request(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.public_requests.check(&network_of(address))
    }

    /// Counts a request of an agent.
    pub fn agent_session(&self, session: AgentSessionSeq) -> Result<(), RateLimited> {
        self.agent_sessions.check(&session)
    }

    /// Counts an attempt to sign in by its client address.
    pub fn sign_in_address(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.sign_in_addresses.check(&network_of(address))
    }

    /// Counts an attempt to sign in by the account.
    pub fn sign_in_email(&self, email: &str) -> Result<(), RateLimited> {
        let hash = self.email_hasher.hash_one(email);
        self.sign_in_emails.check(&(hash as u16))
    }

    /// The number of refused requests for each limit.
    pub fn refusals(&self) -> [(&'static str, u64); 6] {
        let count = |refusals: &AtomicU64| refusals.load(Ordering::Relaxed);
        let sign_ins = [
            &self.sign_in_addresses.refusals,
            &self.sign_in_emails.refusals,
        ];
        [
            ("session", count(&self.sessions.refusals)),
            ("private_key", count(&self.keys.refusals)),
            ("new_session", count(&self.new_sessions.refusals)),
            ("public", count(&self.public_requests.refusals)),
            ("agent", count(&self.agent_sessions.refusals)),
            ("sign_in", sign_ins.map(count).iter().sum()),
        ]
    }

    /// Removes the buckets that are full again.
    pub fn remove_idle(&self) {
        self.sessions.remove_idle();
        self.keys.remove_idle();
        self.new_sessions.remove_idle();
        self.public_requests.remove_idle();
        self.agent_sessions.remove_idle();
        self.sign_in_addresses.remove_idle();
        self.sign_in_emails.remove_idle();
    }
}

/// The network by which an address counts: the /64 of an IPv6 address, because one
/// client usually has a whole /64.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

/// The buckets of one kind of caller.
struct Limiter<K: Hash + Eq + Clone> {
    /// `None`: unlimited.
    buckets: Option<DefaultKeyedRateLimiter<K>>,
    refusals: AtomicU64,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(per_minute: u32) -> Self {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        Self {
            buckets: quota.map(RateLimiter::dashmap),
            refusals: AtomicU64::new(0),
        }
    }

    fn check(&self, key: &K) -> Result<(), RateLimited> {
        let Some(limiter) = &self.buckets else {
            return Ok(());
        };
        limiter.check_key(key).map_err(|exceeded| {
            self.refusals.fetch_add(1, Ordering::Relaxed);
            let wait = exceeded.wait_time_from(DefaultClock::default().now());
            RateLimited {
                retry_after_secs: wait.as_secs() + 1,
            }
        })
    }

    fn remove_idle(&self) {
        if let Some(limiter) = &self.buckets {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}
