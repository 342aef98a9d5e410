//! What the server learns by itself.

use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use url::Url;

use super::backup::parse_interval;
use crate::domain::{parse_web_url, without_userinfo};

/// The sources that the server learns at its start, and again in intervals.
#[derive(Debug, Clone, Args)]
pub struct LearnSettings {
    /// A sitemap, page or folder that the server learns at its start and then in intervals; repeat it for several. The variable separates them by line breaks
    #[arg(
        long,
        env = "PARLOR_LEARN",
        value_name = "PATH|URL",
        value_delimiter = '\n',
        hide_env_values = true
    )]
    pub learn: Vec<String>,

    /// The time from one run of --learn to the next, such as 30m, 12h or 1d
    #[arg(
        long,
        env = "PARLOR_LEARN_EVERY",
        value_name = "INTERVAL",
        default_value = "1d",
        value_parser = parse_interval
    )]
    pub learn_every: Duration,

    /// The project of --learn, by its id or name; without it, the only project
    #[arg(long, env = "PARLOR_LEARN_PROJECT", value_name = "ID|NAME")]
    pub learn_project: Option<String>,

    /// The address on the web of the folders of --learn, such as https://shop.example/help/
    #[arg(
        long,
        env = "PARLOR_LEARN_BASE_URL",
        value_name = "URL",
        value_parser = parse_base_url
    )]
    pub learn_base_url: Option<Url>,

    /// With --learn-base-url: the addresses on the web have no .md or .html at the end
    #[arg(
        long,
        env = "PARLOR_LEARN_CLEAN_URLS",
        value_parser = BoolishValueParser::new()
    )]
    pub learn_clean_urls: bool,
}

/// Parses an address without its user name, password, query and fragment. It is not
/// fetched.
pub fn parse_base_url(text: &str) -> Result<Url, String> {
    let url = parse_web_url(text).map(without_userinfo);
    let mut url = url.ok_or("must be an address such as https://shop.example/help/")?;
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}
