//! Every setting, its default and its limits, once: a flag and an environment
//! variable each. The first sentence of a field is its help text.

// The comments are help texts of a terminal, where a URL stands as it is.
#![allow(rustdoc::bare_urls)]

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use url::Url;

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
    #[arg(long, env = "PARLOR_PUBLIC_URL", value_name = "URL", value_parser = parse_origin)]
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

    /// Megabytes of finished lists to keep for as long as nothing in them changes; 0: keep none
    #[arg(long, env = "PARLOR_KEPT", default_value_t = 8, value_name = "MB", value_parser = clap::value_parser!(u32).range(0..=65_536))]
    pub kept: u32,

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

    /// Messages that a project's visitors may send in a calendar month (UTC); 0: as many as they like
    #[arg(
        long,
        env = "PARLOR_MONTHLY_MESSAGES",
        default_value_t = 0,
        value_name = "N"
    )]
    pub monthly_messages: u64,

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

    #[command(flatten)]
    pub model: ModelSettings,

    /// How the streams of answers are timed; not for the command line.
    #[arg(skip)]
    pub pace: Pace,

    /// How patient the server is with live connections.
    #[arg(skip)]
    pub live: Patience,
}

/// When a stream says something though there is nothing to say.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the status of a stream waits for the first piece; then the
    /// stream begins, so that its pings keep the connection alive while a model
    /// is slow to start.
    pub first: Duration,
    /// Between two pings. A proxy that hears nothing for longer may hang up; the
    /// contract allows 15 seconds.
    pub ping: Duration,
    /// How long a reader may take nothing before it counts as gone.
    pub stall: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(12),
            ping: Duration::from_secs(10),
            stall: Duration::from_secs(60),
        }
    }
}

/// Which model answers, and how it is asked.
#[derive(Debug, Clone, Args)]
pub struct ModelSettings {
    /// The base URL of an OpenAI-compatible API, such as http://127.0.0.1:11434/v1; without it no model is asked
    #[arg(id = "model-url", long = "model-url", env = "PARLOR_MODEL_URL", value_name = "URL", value_parser = model_url, requires = "model-name")]
    pub url: Option<Url>,

    /// The model's name, as its server knows it
    #[arg(
        id = "model-name",
        long = "model",
        env = "PARLOR_MODEL",
        value_name = "NAME",
        requires = "model-url"
    )]
    pub name: Option<String>,

    /// The key that the model's server asks for; sent there and nowhere else
    #[arg(
        id = "model-key",
        long = "model-key",
        env = "PARLOR_MODEL_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub key: Option<Secret>,

    /// What the model is told first, for assistants without a prompt of their own
    #[arg(
        id = "model-prompt",
        long = "model-prompt",
        env = "PARLOR_MODEL_PROMPT",
        value_name = "TEXT"
    )]
    pub prompt: Option<String>,

    /// How freely the model chooses its words, from 0 to 2; without it the model's server decides
    #[arg(id = "model-temperature", long = "model-temperature", env = "PARLOR_MODEL_TEMPERATURE", value_name = "NUMBER", value_parser = temperature)]
    pub temperature: Option<f64>,

    /// The most tokens of one answer; without it the model's server decides
    #[arg(id = "model-max-tokens", long = "model-max-tokens", env = "PARLOR_MODEL_MAX_TOKENS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: Option<u32>,

    /// Characters of the conversation that the model is told, the newest first
    #[arg(id = "model-history", long = "model-history", env = "PARLOR_MODEL_HISTORY", default_value_t = 16_000, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(500..=1_000_000))]
    pub history: usize,

    /// Seconds until the model's first words
    #[arg(id = "model-first-timeout", long = "model-first-timeout", env = "PARLOR_MODEL_FIRST_TIMEOUT", default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub first_timeout: u64,

    /// Seconds that the model may pause amid an answer
    #[arg(id = "model-pause-timeout", long = "model-pause-timeout", env = "PARLOR_MODEL_PAUSE_TIMEOUT", default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub pause_timeout: u64,

    /// Seconds that a whole answer may take
    #[arg(id = "model-timeout", long = "model-timeout", env = "PARLOR_MODEL_TIMEOUT", default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,

    /// Let the model's URL lead to a private network, this machine included
    #[arg(id = "model-private", long = "model-private", env = "PARLOR_MODEL_PRIVATE", value_parser = BoolishValueParser::new())]
    pub private: bool,
}

/// A secret, which is not shown by accident: not by `{:?}` either.
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

/// Parses a website that an operator typed.
pub fn parse_origin(text: &str) -> Result<Origin, String> {
    Origin::parse(text).map_err(|invalid| invalid.reason)
}

/// The base URL of an API, as an operator types it.
fn model_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or("must be a URL such as http://127.0.0.1:11434/v1")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must have no user or password in it; a key goes to --model-key".to_owned());
    }
    if url.fragment().is_some() || url.path().trim_end_matches('/').ends_with("/completions") {
        return Err(
            "must be the base URL, which often ends in /v1; parlor adds /chat/completions"
                .to_owned(),
        );
    }
    Ok(url)
}

fn temperature(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let number = number.filter(|number| (0.0..=2.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 2".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn refused(arguments: &[&str]) -> String {
        let line = Line::try_parse_from([&["parlor"], arguments].concat());
        line.expect_err("refused").to_string()
    }

    #[test]
    fn a_bad_model_setting_is_refused_with_what_to_do() {
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
            let said = refused(arguments);
            assert!(said.contains(hint), "{arguments:?}: {said}");
        }
    }

    #[test]
    fn the_key_does_not_show_in_the_settings() {
        let line = Line::parse_from(["parlor", "--model-key", "sk-hush"]);
        assert!(!format!("{line:?}").contains("hush"));
        let key = line.settings.model.key.expect("a key");
        assert_eq!(key.reveal(), "sk-hush");
    }
}
