//! Settings of the language model.

use std::fmt;

use clap::builder::{BoolishValueParser, RangedU64ValueParser};
use clap::{Args, value_parser};
use url::Url;

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

    /// Let the model rewrite a follow-up question as a question of its own before the search, which waits for it at most this many seconds; without it, the search uses the earlier messages
    #[arg(
        id = "model-rewrite-timeout",
        long = "model-rewrite-timeout",
        env = "PARLOR_MODEL_REWRITE_TIMEOUT"
    )]
    #[arg(value_name = "SECONDS", value_parser = value_parser!(u64).range(1..=60))]
    pub rewrite_timeout: Option<u64>,

    /// Allow a model on a private network, including this machine
    #[arg(id = "model-private-network", long = "model-private-network")]
    #[arg(env = "PARLOR_MODEL_PRIVATE_NETWORK", alias = "model-private")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub private: bool,
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
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct TestArgs {
        #[command(flatten)]
        model: ModelSettings,
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
    fn debug_output_hides_the_model_key() {
        let args = TestArgs::parse_from(["parlor", "--model-key", "sk-hush"]);
        assert!(!format!("{args:?}").contains("hush"));
        let key = args.model.key.expect("a key");
        assert_eq!(key.reveal(), "sk-hush");
    }
}
