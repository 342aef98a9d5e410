//! Rate limits: a token bucket for each session, private key and client address
//! (`docs/api-contract.md`, section 10.2).

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Settings;
use crate::domain::{KeyId, SessionId};

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

    /// The number of refused requests for each limit.
    pub fn refusals(&self) -> [(&'static str, u64); 4] {
        [
            ("session", &self.sessions.refusals),
            ("private_key", &self.keys.refusals),
            ("new_session", &self.new_sessions.refusals),
            ("public", &self.public_requests.refusals),
        ]
        .map(|(limit, refusals)| (limit, refusals.load(Ordering::Relaxed)))
    }

    /// Removes the buckets that are full again.
    pub fn remove_idle(&self) {
        self.sessions.remove_idle();
        self.keys.remove_idle();
        self.new_sessions.remove_idle();
        self.public_requests.remove_idle();
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
