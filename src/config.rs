//! Every setting, its default and its limits, once: a flag and an environment
//! variable each. The first sentence of a field is its help text.

// The comments are help texts of a terminal, where a URL stands as it is.
#![allow(rustdoc::bare_urls)]

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::domain::Origin;

/// How a server behaves.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Where to listen; port 0 picks a free one
    #[arg(
        long,
        env = "PARLOR_LISTEN",
        default_value = "127.0.0.1:8787",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,

    /// The address that browsers use, such as https://chat.example; pages of this origin may always use the API
    #[arg(long, env = "PARLOR_PUBLIC_URL", value_name = "URL", value_parser = website)]
    pub public_url: Option<Origin>,

    /// Take a client's address from the last X-Forwarded-For entry; only behind a reverse proxy that sets it
    #[arg(long, env = "PARLOR_BEHIND_PROXY", value_parser = BoolishValueParser::new())]
    pub behind_proxy: bool,

    /// Threads that serve requests; 0: one for each core
    #[arg(long, env = "PARLOR_WORKERS", default_value_t = 0, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(..=256))]
    pub workers: usize,

    /// Connections that read the database
    #[arg(long, env = "PARLOR_READERS", default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub readers: u32,

    /// Milliseconds that a request may wait for a connection before it is answered 503
    #[arg(
        long,
        env = "PARLOR_PATIENCE",
        default_value_t = 5000,
        value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=600_000)
    )]
    pub patience: u64,

    /// The largest request body, in bytes
    #[arg(
        long,
        env = "PARLOR_MAX_BODY",
        default_value_t = 262_144,
        value_name = "BYTES", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1024..=67_108_864)
    )]
    pub max_body: usize,

    /// Requests a minute for each session; 0 turns every rate limit off
    #[arg(
        long,
        env = "PARLOR_RATE_LIMIT",
        default_value_t = 600,
        value_name = "N"
    )]
    pub rate_limit: u32,

    /// Requests a minute for each private key
    #[arg(
        long,
        env = "PARLOR_KEY_RATE_LIMIT",
        default_value_t = 6000,
        value_name = "N"
    )]
    pub key_rate_limit: u32,

    /// Sessions begun a minute from each address (IPv6: each /64)
    #[arg(
        long,
        env = "PARLOR_INIT_RATE_LIMIT",
        default_value_t = 120,
        value_name = "N"
    )]
    pub init_rate_limit: u32,

    /// Hours without use after which a session ends
    #[arg(long, env = "PARLOR_SESSION_IDLE", default_value_t = 24, value_name = "HOURS", value_parser = clap::value_parser!(u64).range(1..=87_600))]
    pub session_idle: u64,

    /// Days after which a session ends in any case
    #[arg(long, env = "PARLOR_SESSION_MAX", default_value_t = 30, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub session_max: u64,

    /// Seconds that running requests get to finish at shutdown
    #[arg(
        long,
        env = "PARLOR_SHUTDOWN_GRACE",
        default_value_t = 10,
        value_name = "SECONDS"
    )]
    pub shutdown_grace: u64,

    /// How patient the server is with live connections.
    #[arg(skip)]
    pub live: Patience,
}

/// How patient the server is with live connections. Not for operators: tests
/// are less patient.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How often each is looked at: is the client there, is it still allowed.
    pub round: Duration,
    /// A client that sent nothing for so long is pinged, and given up if that
    /// is not answered within another round. Web clients send something every
    /// 30 seconds.
    pub silence: Duration,
    /// A client that takes nothing off the wire for so long is cut off.
    pub unread: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            round: Duration::from_secs(30),
            silence: Duration::from_secs(90),
            unread: Duration::from_secs(30),
        }
    }
}

impl Settings {
    pub fn session_idle(&self) -> Duration {
        Duration::from_secs(self.session_idle * 60 * 60)
    }

    pub fn session_max(&self) -> Duration {
        Duration::from_secs(self.session_max * 24 * 60 * 60)
    }
}

/// A website as an operator types it.
pub fn website(text: &str) -> Result<Origin, String> {
    Origin::parse(text).map_err(|invalid| invalid.reason)
}
