//! Rate limits: a token bucket for each session, private key and address
//! (section 0, D15).

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Settings;
use crate::domain::{KeyId, SessionId};
use crate::error::ApiError;

/// The buckets. A bucket holds what a minute allows and refills evenly.
pub struct Limits {
    sessions: Buckets<SessionId>,
    keys: Buckets<KeyId>,
    addresses: Buckets<IpAddr>,
}

impl Limits {
    pub fn new(settings: &Settings) -> Self {
        let all = settings.rate_limit > 0;
        let per_minute = |limit: u32| if all { limit } else { 0 };
        Self {
            sessions: Buckets::new(settings.rate_limit),
            keys: Buckets::new(per_minute(settings.key_rate_limit)),
            addresses: Buckets::new(per_minute(settings.init_rate_limit)),
        }
    }

    pub fn session(&self, id: SessionId) -> Result<(), ApiError> {
        self.sessions.take(&id)
    }

    pub fn private_key(&self, key: KeyId) -> Result<(), ApiError> {
        self.keys.take(&key)
    }

    /// An IPv6 client has a whole /64 to call from, so that counts as one.
    pub fn address(&self, address: IpAddr) -> Result<(), ApiError> {
        let network = match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
            v4 => v4,
        };
        self.addresses.take(&network)
    }

    /// Forgets the buckets that are full again.
    pub fn forget_idle(&self) {
        self.sessions.forget_idle();
        self.keys.forget_idle();
        self.addresses.forget_idle();
    }
}

/// No limiter: no limit.
struct Buckets<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(per_minute: u32) -> Self {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        Self(quota.map(RateLimiter::dashmap))
    }

    fn take(&self, key: &K) -> Result<(), ApiError> {
        let Some(limiter) = &self.0 else {
            return Ok(());
        };
        limiter.check_key(key).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            ApiError::rate_limited(wait.as_secs() + 1)
        })
    }

    fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}
