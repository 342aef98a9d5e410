//! Every setting of the server: a flag and an environment variable each, with
//! default and limits. The doc comment of a field is its help text.

// Help texts contain URLs as plain text.
#![allow(rustdoc::bare_urls)]

mod backup;
mod log;
mod model;
mod renamed_variables;

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::{BoolishValueParser, RangedU64ValueParser};
use clap::{Args, value_parser};
use url::Url;

use crate::domain::Origin;
use crate::own_urls::BaseUrl;
pub use backup::{BackupSettings, NO_OBJECT_STORAGE, parse_backup_url};
pub use log::{LogAddresses, LogRequests, LogSettings};
pub use model::{ModelSettings, Secret};
pub use renamed_variables::{RENAMED_VARIABLES, accept_renamed_variables};

/// The settings of a server.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// The address to listen on; port 0 selects a free port
    #[arg(long, env = "PARLOR_LISTEN", value_name = "ADDRESS")]
    #[arg(default_value = "127.0.0.1:8787")]
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

    /// Index messages and titles, so that a private key can search them with the parameter q of the list of conversations; the index is built and kept up to date in the background. Without it, an index of an earlier start is emptied
    #[arg(long, env = "PARLOR_SEARCH_MESSAGES", value_parser = BoolishValueParser::new())]
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

    /// The largest request body, in bytes; at most half of the memory budget
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

    /// Requests per minute of each private key
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

    #[command(flatten)]
    pub log: LogSettings,

    #[command(flatten)]
    pub backup: BackupSettings,

    #[command(flatten)]
    pub model: ModelSettings,

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
}

impl Settings {
    /// Checks that the settings agree with each other.
    ///
    /// # Errors
    /// The largest body needs more than half of the memory budget: the body and its read
    /// buffer are charged, and no request with such a body could succeed.
    pub fn check(&self) -> Result<(), SettingsError> {
        let memory_budget_mb = self.memory_budget_mb as usize;
        if self.max_body_bytes > memory_budget_mb << 19 {
            return Err(SettingsError::BodyAboveBudget {
                max_body_bytes: self.max_body_bytes,
                memory_budget_mb,
            });
        }
        Ok(())
    }

    pub fn session_idle(&self) -> Duration {
        Duration::from_secs(self.session_idle_hours * 60 * 60)
    }

    pub fn session_max(&self) -> Duration {
        Duration::from_secs(self.session_max_days * 24 * 60 * 60)
    }
}

/// How often the store is checked for `/ready`, however often a client asks.
#[derive(Debug, Clone, Copy)]
pub struct ReadinessIntervals {
    /// A result is returned again for this time.
    pub check: Duration,
    /// A row is written if the last commit is older, at most once in this time.
    pub probe: Duration,
}

impl Default for ReadinessIntervals {
    fn default() -> Self {
        Self {
            check: Duration::from_secs(1),
            probe: Duration::from_secs(10),
        }
    }
}

/// When expired data is deleted.
#[derive(Debug, Clone, Copy)]
pub struct HousekeepingTimes {
    pub interval: Duration,
    /// How long the clock of the machine must run without a jump before data is
    /// deleted.
    pub steady_clock: Duration,
}

impl Default for HousekeepingTimes {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10 * 60),
            steady_clock: Duration::from_secs(60 * 60),
        }
    }
}

/// Timing of the event stream of an answer.
#[derive(Debug, Clone, Copy)]
pub struct StreamTimeouts {
    /// How long the response status waits for the first chunk. After that time
    /// the stream starts with status 200, so that pings can keep the connection
    /// open while the model is slow.
    pub first_chunk: Duration,
    /// The interval of pings. Proxies close silent connections, so
    /// `docs/api-contract.md`, section 7.2, allows at most 15 seconds.
    pub ping_interval: Duration,
    /// A client that reads nothing for this time counts as disconnected.
    pub stalled_client: Duration,
}

impl Default for StreamTimeouts {
    fn default() -> Self {
        Self {
            first_chunk: Duration::from_secs(12),
            ping_interval: Duration::from_secs(10),
            stalled_client: Duration::from_secs(60),
        }
    }
}

/// The minimum speed of request and response bodies.
#[derive(Debug, Clone, Copy)]
pub struct TransferLimits {
    /// The time over which the speed is averaged.
    pub period: Duration,
    pub min_bytes_per_sec: usize,
}

impl TransferLimits {
    /// The bytes of a response that a client must read in each period.
    pub fn min_bytes_per_period(&self) -> usize {
        (self.period.as_secs_f64() * self.min_bytes_per_sec as f64) as usize
    }

    /// The time that a client may take to send `bytes` of a request body. The first
    /// period has no minimum.
    pub fn upload_time(&self, bytes: usize) -> Duration {
        let time = Duration::from_secs_f64(bytes as f64 / self.min_bytes_per_sec as f64);
        self.period.max(time)
    }
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(20),
            min_bytes_per_sec: 8 << 10,
        }
    }
}

/// Timing of WebSocket connections.
#[derive(Debug, Clone, Copy)]
pub struct SocketTimeouts {
    /// How often the server checks that the client is alive and its credentials
    /// are valid.
    pub heartbeat_interval: Duration,
    /// The server pings a client that has sent nothing for this time, and
    /// disconnects it if it sends nothing for another heartbeat interval. Web
    /// clients send a frame every 30 seconds.
    pub idle_timeout: Duration,
    /// The server disconnects a client that acknowledges no data for this time.
    pub write_timeout: Duration,
}

impl Default for SocketTimeouts {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(90),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// Parses the URL of a website, such as `https://shop.example`.
pub fn parse_origin(text: &str) -> Result<Origin, String> {
    Origin::parse(text).map_err(|invalid| invalid.reason)
}

/// Parses `--public-url`. A path is refused, because every path of the server
/// begins at the root of its host.
fn parse_public_url(text: &str) -> Result<Origin, String> {
    let origin = parse_origin(text)?;
    let has_more = Url::parse(text).is_ok_and(|url| {
        let user = (url.username(), url.password());
        let rest = (url.path(), url.query(), url.fragment());
        user != ("", None) || rest != ("/", None, None)
    });
    if has_more || BaseUrl::of_origin(&origin).is_none() {
        return Err(
            "must be scheme, host and port only, such as https://chat.example: parlor cannot be \
             served below a path of another website, so give it a host or a port of its own"
                .to_owned(),
        );
    }
    Ok(origin)
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
    fn public_url_is_scheme_host_and_port() {
        let parse = |url| TestArgs::try_parse_from(["parlor", "--public-url", url]);
        for (url, expected) in [
            ("https://chat.example", "https://chat.example"),
            ("https://Chat.Example:443/", "https://chat.example"),
            ("http://[::1]:8787", "http://[::1]:8787"),
        ] {
            let public_url = parse(url).expect(url).settings.public_url;
            assert_eq!(public_url.expect(url).as_str(), expected);
        }
        for url in [
            "https://shop.example/chat",
            "https://shop.example//",
            "https://shop.example/?a",
            "https://shop.example/#a",
            "https://user@shop.example",
            "https://:secret@shop.example",
            "https://a\"b",
        ] {
            let error = parse(url).expect_err(url).to_string();
            assert!(error.contains("cannot be served below a path"), "{error}");
        }
        for url in ["chat.example", "ftp://chat.example", "https://"] {
            let error = parse(url).expect_err(url).to_string();
            assert!(error.contains("such as https://"), "{error}");
        }
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
