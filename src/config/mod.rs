//! Every setting of the server: a flag and an environment variable each, with
//! default and limits. The doc comment of a field is its help text.

// Help texts contain URLs as plain text.
#![allow(rustdoc::bare_urls)]

mod backup;
mod embedding;
mod learn;
mod log;
mod model;
mod public_url;
mod renamed_variables;
mod smtp;
mod timing;

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::{BoolishValueParser, RangedU64ValueParser};
use clap::{ArgAction, Args, value_parser};

use crate::domain::Origin;
pub use backup::{BackupSettings, NO_OBJECT_STORAGE, parse_backup_url};
pub use embedding::EmbeddingSettings;
pub use learn::{LearnSettings, parse_base_url};
pub use log::{LogAddresses, LogLevels, LogRequests, LogSettings};
pub use model::{ModelSettings, Secret};
pub use public_url::parse_public_url;
pub use renamed_variables::{RENAMED_VARIABLES, accept_renamed_variables};
pub use smtp::{NotificationSettings, SmtpServer, SmtpTls};
pub use timing::{
    HousekeepingTimes, NotificationTimes, ReadinessIntervals, SocketTimeouts, StreamTimeouts,
    TransferLimits,
};

/// The address on which a server listens without a setting.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8787";

/// The settings of a server.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// The address to listen on; port 0 selects a free port
    #[arg(long, env = "PARLOR_LISTEN", value_name = "ADDRESS")]
    #[arg(default_value = DEFAULT_LISTEN)]
    pub listen: SocketAddr,

    /// A second address, on which the metrics and health checks are served; without it, /metrics is on the first address and open to this machine only
    #[arg(long, env = "PARLOR_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// The URL under which browsers reach the server, such as https://chat.example, without a path; URLs in responses begin with it, and pages of this origin may use every key. Without it, URLs begin with the host that the request names
    #[arg(long, env = "PARLOR_PUBLIC_URL", value_name = "URL", value_parser = parse_public_url)]
    pub public_url: Option<Origin>,

    /// Take the client address from X-Forwarded-For, and scheme and host of URLs in responses from X-Forwarded-Proto and X-Forwarded-Host, each from the last entry; set it only behind a reverse proxy that writes these headers
    #[arg(long, env = "PARLOR_BEHIND_PROXY", value_parser = BoolishValueParser::new())]
    pub behind_proxy: bool,

    /// Threads that handle requests; 0: one per CPU core
    #[arg(long, env = "PARLOR_WORKERS", value_name = "N", default_value_t = 0)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(..=256))]
    pub workers: usize,

    /// Database connections for reading
    #[arg(long, env = "PARLOR_DB_READERS", value_name = "N", default_value_t = 4)]
    #[arg(alias = "readers", value_parser = value_parser!(u32).range(1..=64))]
    pub db_readers: u32,

    /// Seconds to wait at the start until another parlor server releases the database file
    #[arg(
        long,
        env = "PARLOR_LOCK_WAIT",
        value_name = "SECONDS",
        default_value_t = 5
    )]
    #[arg(value_parser = value_parser!(u64).range(..=3600))]
    pub lock_wait: u64,

    /// Milliseconds that a request may wait for a database connection before it fails with 503
    #[arg(
        long,
        env = "PARLOR_DB_TIMEOUT_MS",
        value_name = "MS",
        default_value_t = 5000
    )]
    #[arg(alias = "patience", value_parser = value_parser!(u64).range(1..=600_000))]
    pub db_timeout_ms: u64,

    /// Megabytes of the database file that readers map into memory, which saves CPU time deep in long lists; 0: none. A program that truncates the file meanwhile kills the server (SIGBUS)
    #[arg(
        long,
        env = "PARLOR_MMAP_MB",
        value_name = "MB",
        default_value_t = 0,
        value_parser = value_parser!(u32).range(0..=2047)
    )]
    pub mmap_mb: u32,

    /// Megabytes of memory for the cache of list responses; 0: no cache
    #[arg(
        long,
        env = "PARLOR_LIST_CACHE_MB",
        value_name = "MB",
        default_value_t = 8
    )]
    #[arg(alias = "kept", value_parser = value_parser!(u32).range(0..=65_536))]
    pub list_cache_mb: u32,

    /// Index messages and titles, so that a private key can search them with the parameter q of the list of conversations; the index is built and kept up to date in the background. With false, an index of an earlier start is emptied; on PostgreSQL the index is kept, because other nodes may use it
    #[arg(
        long,
        env = "PARLOR_SEARCH_MESSAGES",
        value_name = "BOOL",
        default_value_t = true,
        action = ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    #[arg(value_parser = BoolishValueParser::new())]
    pub search_messages: bool,

    /// Megabytes of memory for the requests and responses in flight that are larger than a few kilobytes; a visitor may use an eighth of it, all visitors of a client address a quarter, the private keys of a project a half. Above it, large requests and responses get 503, above a share 429
    #[arg(
        long,
        env = "PARLOR_MEMORY_BUDGET_MB",
        value_name = "MB",
        default_value_t = 128,
        value_parser = value_parser!(u32).range(16..=1_048_576)
    )]
    pub memory_budget_mb: u32,

    /// The largest request body, in bytes; at most half of the memory budget. The body of a visitor's message may have 2 MB even if this is less
    #[arg(
        long,
        env = "PARLOR_MAX_BODY_BYTES",
        value_name = "BYTES",
        default_value_t = 262_144
    )]
    #[arg(alias = "max-body")]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1024..=67_108_864))]
    pub max_body_bytes: usize,

    /// Requests per minute of each session; 0 turns off all rate limits
    #[arg(
        long,
        env = "PARLOR_RATE_LIMIT",
        value_name = "N",
        default_value_t = 600
    )]
    pub rate_limit: u32,

    /// Requests per minute of each private key, and of each session of an agent
    #[arg(
        long,
        env = "PARLOR_KEY_RATE_LIMIT",
        value_name = "N",
        default_value_t = 6000
    )]
    pub key_rate_limit: u32,

    /// New sessions per minute from each IP address (IPv6: from each /64)
    #[arg(
        long,
        env = "PARLOR_IP_RATE_LIMIT",
        value_name = "N",
        default_value_t = 120
    )]
    #[arg(alias = "init-rate-limit")]
    pub ip_rate_limit: u32,

    /// Requests per minute without a session or private key from each IP address (IPv6: from each /64): public Q&As, search, the project of a publishable key, and WebSockets; 0: unlimited
    #[arg(
        long,
        env = "PARLOR_PUBLIC_RATE_LIMIT",
        value_name = "N",
        default_value_t = 120
    )]
    pub public_rate_limit: u32,

    /// Attempts to sign in per minute from each IP address (IPv6: from each /64), and the same for each e-mail address; 0: unlimited
    #[arg(
        long,
        env = "PARLOR_SIGN_IN_RATE_LIMIT",
        value_name = "N",
        default_value_t = 10
    )]
    pub sign_in_rate_limit: u32,

    /// Messages that the visitors of a project may send per calendar month (UTC); 0: unlimited. A project can have a quota of its own
    #[arg(
        long,
        env = "PARLOR_MONTHLY_MESSAGES",
        value_name = "N",
        default_value_t = 0
    )]
    pub monthly_messages: u64,

    /// Allow private keys to change the plan and the quota of their project over the API
    #[arg(long, env = "PARLOR_PLAN_CHANGES", value_parser = BoolishValueParser::new())]
    pub plan_changes: bool,

    /// Allow websites of private networks, including this machine, in --learn, and for owners in the inbox and over the API; parlor learn --private does not need it
    #[arg(long, env = "PARLOR_LEARN_PRIVATE_NETWORK", value_parser = BoolishValueParser::new())]
    pub learn_private_network: bool,

    /// Hours without use after which a session expires
    #[arg(
        long,
        env = "PARLOR_SESSION_IDLE_HOURS",
        value_name = "HOURS",
        default_value_t = 24
    )]
    #[arg(alias = "session-idle", value_parser = value_parser!(u64).range(1..=87_600))]
    pub session_idle_hours: u64,

    /// Days after which a session expires even if it is used
    #[arg(
        long,
        env = "PARLOR_SESSION_MAX_DAYS",
        value_name = "DAYS",
        default_value_t = 30
    )]
    #[arg(alias = "session-max", value_parser = value_parser!(u64).range(1..=3650))]
    pub session_max_days: u64,

    /// Days after which a closed conversation is deleted with its messages; without it, conversations are kept
    #[arg(
        long,
        env = "PARLOR_RETAIN_CLOSED",
        value_name = "DAYS",
        value_parser = value_parser!(u32).range(1..=36_500)
    )]
    pub retain_closed: Option<u32>,

    /// Seconds that running requests may take to finish at shutdown
    #[arg(
        long,
        env = "PARLOR_SHUTDOWN_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 10
    )]
    #[arg(alias = "shutdown-grace")]
    pub shutdown_timeout: u64,

    /// Seconds that the server keeps serving after SIGTERM while /ready fails, so that proxies choose other nodes; without it, 5 with PostgreSQL and 0 with an SQLite file. Ctrl+C, or a second signal, ends the server without it
    #[arg(
        long,
        env = "PARLOR_SHUTDOWN_DELAY",
        value_name = "SECONDS",
        value_parser = value_parser!(u64).range(..=3600)
    )]
    pub shutdown_delay: Option<u64>,

    #[command(flatten)]
    pub log: LogSettings,

    #[command(flatten)]
    pub backup: BackupSettings,

    #[command(flatten)]
    pub learn: LearnSettings,

    #[command(flatten)]
    pub model: ModelSettings,

    #[command(flatten)]
    pub embedding: EmbeddingSettings,

    #[command(flatten)]
    pub notifications: NotificationSettings,

    /// Not a setting, because it is for one start: `--no-snapshot` of the commands.
    #[arg(skip)]
    pub no_snapshot: bool,

    /// Not a command line option; tests change it.
    #[arg(skip)]
    pub housekeeping: HousekeepingTimes,

    /// Not a command line option; tests change it.
    #[arg(skip)]
    pub stream_timeouts: StreamTimeouts,

    /// Not a command line option; tests change it.
    #[arg(skip)]
    pub socket_timeouts: SocketTimeouts,

    /// Not a command line option; tests change it.
    #[arg(skip)]
    pub transfer_limits: TransferLimits,

    /// Not a command line option; tests change it.
    #[arg(skip)]
    pub readiness_intervals: ReadinessIntervals,

    /// Not a command line option; tests change it.
    #[arg(skip)]
    pub notification_times: NotificationTimes,
}

/// Settings that contradict each other.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(
        "a request body of {max_body_bytes} bytes (--max-body-bytes) does not fit into half of the memory budget of {memory_budget_mb} MB (--memory-budget-mb); set --max-body-bytes to at most {}, or --memory-budget-mb to at least {}",
        .memory_budget_mb << 19,
        .max_body_bytes.div_ceil(1 << 19)
    )]
    BodyAboveBudget {
        max_body_bytes: usize,
        memory_budget_mb: usize,
    },
    #[error("--smtp-url {0}")]
    SmtpUrl(String),
}

impl Settings {
    /// Checks that the settings agree with each other.
    ///
    /// # Errors
    /// The largest body needs more than half of the memory budget: the body and its read
    /// buffer are charged, and no request with such a body could succeed. `--smtp-url` is
    /// invalid.
    pub fn check(&self) -> Result<(), SettingsError> {
        let memory_budget_mb = self.memory_budget_mb as usize;
        if self.max_body_bytes > memory_budget_mb << 19 {
            return Err(SettingsError::BodyAboveBudget {
                max_body_bytes: self.max_body_bytes,
                memory_budget_mb,
            });
        }
        let server = self.notifications.smtp_server();
        server.map(drop).map_err(SettingsError::SmtpUrl)
    }

    pub fn session_idle(&self) -> Duration {
        Duration::from_secs(self.session_idle_hours * 60 * 60)
    }

    pub fn session_max(&self) -> Duration {
        Duration::from_secs(self.session_max_days * 24 * 60 * 60)
    }
}

/// Parses the URL of a website, such as `https://shop.example`.
pub fn parse_origin(text: &str) -> Result<Origin, String> {
    Origin::parse(text).map_err(|invalid| invalid.reason)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct TestArgs {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn public_url_with_a_path_is_refused() {
        let parse = |url| TestArgs::try_parse_from(["parlor", "--public-url", url]);
        assert!(parse("https://shop.example").is_ok());
        let error = parse("https://shop.example/chat").expect_err("a path");
        assert!(error.to_string().contains("below a path"), "{error}");
    }

    #[test]
    fn old_flag_names_are_accepted() {
        let old = "parlor --readers 2 --patience 7 --kept 3 --max-body 2048 --init-rate-limit 9 \
                   --session-idle 5 --session-max 6 --shutdown-grace 4 --model-first-timeout 11 \
                   --model-pause-timeout 12 --model-private";
        let args = TestArgs::parse_from(old.split_whitespace());
        let settings = args.settings;
        assert_eq!((settings.db_readers, settings.db_timeout_ms), (2, 7));
        assert_eq!((settings.list_cache_mb, settings.max_body_bytes), (3, 2048));
        assert_eq!((settings.ip_rate_limit, settings.shutdown_timeout), (9, 4));
        assert_eq!(
            (settings.session_idle_hours, settings.session_max_days),
            (5, 6)
        );
        let model = settings.model;
        assert_eq!((model.first_token_timeout, model.idle_timeout), (11, 12));
        assert!(model.private);
    }
}
