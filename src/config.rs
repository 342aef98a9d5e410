//! Every setting of the server: a flag and an environment variable each, with
//! default and limits. The doc comment of a field is its help text.

// Help texts contain URLs as plain text.
#![allow(rustdoc::bare_urls)]

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::{BoolishValueParser, RangedU64ValueParser};
use clap::{Args, Command, value_parser};
use url::Url;

use crate::domain::Origin;

/// The settings of a server.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// The address to listen on; port 0 selects a free port
    #[arg(long, env = "PARLOR_LISTEN", value_name = "ADDRESS")]
    #[arg(default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,

    /// The URL under which browsers reach the server, such as https://chat.example; pages of this origin may use every key
    #[arg(long, env = "PARLOR_PUBLIC_URL", value_name = "URL", value_parser = parse_origin)]
    pub public_url: Option<Origin>,

    /// Take the client address from the last X-Forwarded-For entry; set it only behind a reverse proxy that writes this header
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

    /// Milliseconds that a request may wait for a database connection before it fails with 503
    #[arg(
        long,
        env = "PARLOR_DB_TIMEOUT_MS",
        value_name = "MS",
        default_value_t = 5000
    )]
    #[arg(alias = "patience", value_parser = value_parser!(u64).range(1..=600_000))]
    pub db_timeout_ms: u64,

    /// Megabytes of memory for the cache of list responses; 0: no cache
    #[arg(
        long,
        env = "PARLOR_LIST_CACHE_MB",
        value_name = "MB",
        default_value_t = 8
    )]
    #[arg(alias = "kept", value_parser = value_parser!(u32).range(0..=65_536))]
    pub list_cache_mb: u32,

    /// The largest request body, in bytes
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

    /// Messages that the visitors of a project may send per calendar month (UTC); 0: unlimited
    #[arg(
        long,
        env = "PARLOR_MONTHLY_MESSAGES",
        value_name = "N",
        default_value_t = 0
    )]
    pub monthly_messages: u64,

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
    pub model: ModelSettings,

    /// Not a command line option; tests change it.
    #[arg(skip)]
    pub stream_timeouts: StreamTimeouts,

    /// Not a command line option; tests change it.
    #[arg(skip)]
    pub socket_timeouts: SocketTimeouts,
}

impl Settings {
    pub fn session_idle(&self) -> Duration {
        Duration::from_secs(self.session_idle_hours * 60 * 60)
    }

    pub fn session_max(&self) -> Duration {
        Duration::from_secs(self.session_max_days * 24 * 60 * 60)
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

/// The language model that answers, and how requests to it are made.
#[derive(Debug, Clone, Args)]
pub struct ModelSettings {
    /// The base URL of an OpenAI-compatible API, such as http://127.0.0.1:11434/v1; without it, no model is used
    #[arg(id = "model-url", long = "model-url", env = "PARLOR_MODEL_URL")]
    #[arg(value_name = "URL", value_parser = parse_model_url, requires = "model-name")]
    pub url: Option<Url>,

    /// The name of the model on its server
    #[arg(id = "model-name", long = "model", env = "PARLOR_MODEL")]
    #[arg(value_name = "NAME", requires = "model-url")]
    pub name: Option<String>,

    /// The API key for the model's server; it is sent to no other server
    #[arg(id = "model-key", long = "model-key", env = "PARLOR_MODEL_KEY")]
    #[arg(value_name = "KEY", hide_env_values = true)]
    pub key: Option<Secret>,

    /// The system prompt, for assistants without a prompt of their own
    #[arg(
        id = "model-prompt",
        long = "model-prompt",
        env = "PARLOR_MODEL_PROMPT"
    )]
    #[arg(value_name = "TEXT")]
    pub prompt: Option<String>,

    /// The sampling temperature, from 0 to 2; without it, the model's server decides
    #[arg(
        id = "model-temperature",
        long = "model-temperature",
        env = "PARLOR_MODEL_TEMPERATURE"
    )]
    #[arg(value_name = "NUMBER", value_parser = parse_temperature)]
    pub temperature: Option<f64>,

    /// The maximum number of tokens of an answer; without it, the model's server decides
    #[arg(
        id = "model-max-tokens",
        long = "model-max-tokens",
        env = "PARLOR_MODEL_MAX_TOKENS"
    )]
    #[arg(value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub max_tokens: Option<u32>,

    /// Characters of the conversation that are sent to the model, the newest messages first
    #[arg(
        id = "model-history",
        long = "model-history",
        env = "PARLOR_MODEL_HISTORY"
    )]
    #[arg(value_name = "N", default_value_t = 16_000)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(500..=1_000_000))]
    pub history: usize,

    /// Seconds to wait for the first token of an answer
    #[arg(id = "model-first-token-timeout", long = "model-first-token-timeout")]
    #[arg(
        env = "PARLOR_MODEL_FIRST_TOKEN_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 60
    )]
    #[arg(alias = "model-first-timeout", value_parser = value_parser!(u64).range(1..=3600))]
    pub first_token_timeout: u64,

    /// Seconds to wait for each further token
    #[arg(id = "model-idle-timeout", long = "model-idle-timeout")]
    #[arg(
        env = "PARLOR_MODEL_IDLE_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 30
    )]
    #[arg(alias = "model-pause-timeout", value_parser = value_parser!(u64).range(1..=3600))]
    pub idle_timeout: u64,

    /// Seconds that a whole answer may take
    #[arg(
        id = "model-timeout",
        long = "model-timeout",
        env = "PARLOR_MODEL_TIMEOUT"
    )]
    #[arg(value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,

    /// Allow a model on a private network, including this machine
    #[arg(id = "model-private-network", long = "model-private-network")]
    #[arg(env = "PARLOR_MODEL_PRIVATE_NETWORK", alias = "model-private")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub private: bool,
}

/// Environment variables that were renamed: old and new name. Flags keep their
/// old names as hidden aliases.
const RENAMED_VARIABLES: [(&str, &str); 11] = [
    ("PARLOR_READERS", "PARLOR_DB_READERS"),
    ("PARLOR_PATIENCE", "PARLOR_DB_TIMEOUT_MS"),
    ("PARLOR_KEPT", "PARLOR_LIST_CACHE_MB"),
    ("PARLOR_MAX_BODY", "PARLOR_MAX_BODY_BYTES"),
    ("PARLOR_INIT_RATE_LIMIT", "PARLOR_IP_RATE_LIMIT"),
    ("PARLOR_SESSION_IDLE", "PARLOR_SESSION_IDLE_HOURS"),
    ("PARLOR_SESSION_MAX", "PARLOR_SESSION_MAX_DAYS"),
    ("PARLOR_SHUTDOWN_GRACE", "PARLOR_SHUTDOWN_TIMEOUT"),
    (
        "PARLOR_MODEL_FIRST_TIMEOUT",
        "PARLOR_MODEL_FIRST_TOKEN_TIMEOUT",
    ),
    ("PARLOR_MODEL_PAUSE_TIMEOUT", "PARLOR_MODEL_IDLE_TIMEOUT"),
    ("PARLOR_MODEL_PRIVATE", "PARLOR_MODEL_PRIVATE_NETWORK"),
];

/// Makes a command read the old name of an environment variable if the variable
/// with the new name is not set.
pub fn accept_renamed_variables(command: Command) -> Command {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let command = command.mut_args(|arg| {
        let old = RENAMED_VARIABLES.iter().find_map(|(old, new)| {
            let applies = arg.get_env().is_some_and(|name| name == *new);
            (applies && is_set(old) && !is_set(new)).then_some(*old)
        });
        match old {
            Some(old) => arg.env(old),
            None => arg,
        }
    });
    command.mut_subcommands(accept_renamed_variables)
}

/// A secret text. `{:?}` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Parses the URL of a website, such as `https://shop.example`.
pub fn parse_origin(text: &str) -> Result<Origin, String> {
    Origin::parse(text).map_err(|invalid| invalid.reason)
}

/// Parses the base URL of a model's API.
fn parse_model_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or("must be a URL such as http://127.0.0.1:11434/v1")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or password; give a key with --model-key".to_owned());
    }
    if url.fragment().is_some() || url.path().trim_end_matches('/').ends_with("/completions") {
        return Err(
            "must be the base URL, which often ends in /v1; parlor adds /chat/completions"
                .to_owned(),
        );
    }
    Ok(url)
}

fn parse_temperature(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let number = number.filter(|number| (0.0..=2.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 2".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{Arg, CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct TestArgs {
        #[command(flatten)]
        settings: Settings,
    }

    fn error(arguments: &[&str]) -> String {
        let args = TestArgs::try_parse_from([&["parlor"], arguments].concat());
        args.expect_err("an error").to_string()
    }

    #[test]
    fn invalid_model_settings_are_rejected_with_a_remedy() {
        for (arguments, hint) in [
            (&["--model-url", "ollama:11434"][..], "such as http://127"),
            (&["--model-url", "ftp://a.example/v1"], "such as http://127"),
            (&["--model-url", "http://a:b@c.example/v1"], "--model-key"),
            (
                &["--model-url", "http://c.example/v1/chat/completions"],
                "base URL",
            ),
            (&["--model-url", "http://c.example/v1"], "--model <NAME>"),
            (&["--model", "llama3.2"], "--model-url <URL>"),
            (&["--model-temperature", "3"], "from 0 to 2"),
            (&["--model-temperature", "NaN"], "from 0 to 2"),
            (&["--model-history", "10"], "500..=1000000"),
            (&["--model-timeout", "0"], "1..=86400"),
        ] {
            let error = error(arguments);
            assert!(error.contains(hint), "{arguments:?}: {error}");
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

    #[test]
    fn renamed_variables_belong_to_a_setting() {
        let command = TestArgs::command();
        let variables: Vec<_> = command.get_arguments().filter_map(Arg::get_env).collect();
        for (old, new) in RENAMED_VARIABLES {
            assert!(variables.iter().any(|name| *name == new), "{new}");
            assert!(!variables.iter().any(|name| *name == old), "{old}");
        }
    }

    #[test]
    fn debug_output_hides_the_model_key() {
        let args = TestArgs::parse_from(["parlor", "--model-key", "sk-hush"]);
        assert!(!format!("{args:?}").contains("hush"));
        let key = args.settings.model.key.expect("a key");
        assert_eq!(key.reveal(), "sk-hush");
    }
}
