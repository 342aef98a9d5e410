//! Settings of the embedding model.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use url::Url;

use super::Secret;

/// The embedding model that search uses beside the words, and how requests to it are made.
#[derive(Debug, Clone, Default, Args)]
pub struct EmbeddingSettings {
    /// The base URL of an OpenAI-compatible API with /embeddings, such as http://127.0.0.1:11434/v1; without it and --embedding-dir, search compares words alone
    #[arg(
        id = "embedding-url",
        long = "embedding-url",
        env = "PARLOR_EMBEDDING_URL"
    )]
    #[arg(value_name = "URL", value_parser = parse_embedding_url)]
    #[arg(requires = "embedding-name", conflicts_with = "embedding-dir")]
    pub url: Option<Url>,

    /// The name of the embedding model on its server
    #[arg(
        id = "embedding-name",
        long = "embedding-model",
        env = "PARLOR_EMBEDDING_MODEL"
    )]
    #[arg(value_name = "NAME", requires = "embedding-url")]
    pub name: Option<String>,

    /// The API key for the server of the embedding model; it is sent to no other server
    #[arg(
        id = "embedding-key",
        long = "embedding-key",
        env = "PARLOR_EMBEDDING_KEY"
    )]
    #[arg(value_name = "KEY", hide_env_values = true)]
    pub key: Option<Secret>,

    /// A folder with a sentence-transformers model, which parlor runs itself: config.json, model.safetensors, tokenizer.json
    #[arg(
        id = "embedding-dir",
        long = "embedding-dir",
        env = "PARLOR_EMBEDDING_DIR"
    )]
    #[arg(value_name = "FOLDER")]
    pub dir: Option<PathBuf>,

    /// The text before each question, if the model needs one, such as "query: " for E5
    #[arg(id = "embedding-query-prefix", long = "embedding-query-prefix")]
    #[arg(env = "PARLOR_EMBEDDING_QUERY_PREFIX", value_name = "TEXT")]
    pub query_prefix: Option<String>,

    /// The text before each passage, if the model needs one, such as "passage: " for E5
    #[arg(id = "embedding-passage-prefix", long = "embedding-passage-prefix")]
    #[arg(env = "PARLOR_EMBEDDING_PASSAGE_PREFIX", value_name = "TEXT")]
    pub passage_prefix: Option<String>,

    /// Allow an embedding model on a private network, including this machine
    #[arg(id = "embedding-private-network", long = "embedding-private-network")]
    #[arg(env = "PARLOR_EMBEDDING_PRIVATE_NETWORK")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub private: bool,
}

/// Parses the base URL of an API.
fn parse_embedding_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or("must be a URL such as http://127.0.0.1:11434/v1")?;
    if !url.username().is_empty() || url.password().is_some() {
        let remedy = "must not contain a user or password; give a key with --embedding-key";
        return Err(remedy.to_owned());
    }
    if url.fragment().is_some() || url.path().trim_end_matches('/').ends_with("/embeddings") {
        let remedy = "must be the base URL, which often ends in /v1; parlor adds /embeddings";
        return Err(remedy.to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct TestArgs {
        #[command(flatten)]
        embedding: EmbeddingSettings,
    }

    #[test]
    fn invalid_embedding_settings_are_rejected_with_a_remedy() {
        let url = "http://c.example/v1";
        for (arguments, expected) in [
            (
                &["--embedding-url", "ollama:11434"][..],
                "such as http://127",
            ),
            (
                &["--embedding-url", "http://a:b@c.example/v1"],
                "--embedding-key",
            ),
            (
                &["--embedding-url", "http://c.example/v1/embeddings"],
                "parlor adds /embeddings",
            ),
            (&["--embedding-url", url], "--embedding-model <NAME>"),
            (&["--embedding-model", "m"], "--embedding-url <URL>"),
            (
                &[
                    "--embedding-url",
                    url,
                    "--embedding-model",
                    "m",
                    "--embedding-dir",
                    "x",
                ],
                "cannot be used with",
            ),
        ] {
            let arguments = [&["parlor"], arguments].concat();
            let error = TestArgs::try_parse_from(arguments).expect_err("invalid settings");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
