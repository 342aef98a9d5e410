//! Settings of the log.

use clap::{Args, ValueEnum};
use log::LevelFilter;

/// The levels of the log: one for all lines, and levels by target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevels(Vec<(Option<String>, LevelFilter)>);

impl LogLevels {
    /// Parses levels with commas between them, each with or without a target, such as
    /// `warn,parlor::access=debug`.
    ///
    /// # Errors
    /// Names the part that is invalid, and the form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(|part| {
            parse_level(part.trim()).ok_or_else(|| {
                format!(
                    "{part:?} must be off, error, warn, info, debug or trace, or TARGET=LEVEL such \
                     as parlor::access=debug; commas separate several"
                )
            })
        });
        Ok(Self(parts.collect::<Result<_, _>>()?))
    }

    /// The levels with their targets; `None` for all other targets.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&str>, LevelFilter)> {
        let levels = self.0.iter();
        levels.map(|(target, level)| (target.as_deref(), *level))
    }
}

fn parse_level(text: &str) -> Option<(Option<String>, LevelFilter)> {
    let Some((target, level)) = text.split_once('=') else {
        return Some((None, text.parse().ok()?));
    };
    let is_target = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte);
    let is_valid = !target.is_empty() && target.bytes().all(is_target);
    let level = level.parse().ok().filter(|_| is_valid)?;
    Some((Some(target.to_owned()), level))
}

/// The requests that have a line at the level `info`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogRequests {
    #[default]
    All,
    Errors,
}

/// How the log names the address of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogAddresses {
    #[default]
    Full,
    Network,
    None,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct LogSettings {
    /// Which requests have a line in the log: all, or errors (a status from 400)
    #[arg(
        long = "log-requests",
        env = "PARLOR_LOG_REQUESTS",
        value_name = "WHICH"
    )]
    #[arg(default_value = "all", hide_possible_values = true)]
    pub requests: LogRequests,

    /// The address of the client in the line of a request: full, network (without the last 8 bits of IPv4 and the last 80 of IPv6) or none
    #[arg(
        long = "log-addresses",
        env = "PARLOR_LOG_ADDRESSES",
        value_name = "FORM"
    )]
    #[arg(default_value = "full", hide_possible_values = true)]
    pub addresses: LogAddresses,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_for_all_lines_or_for_a_target() {
        let levels = LogLevels::parse("warn, parlor::access=DEBUG").expect("levels");
        let levels: Vec<_> = levels.iter().collect();
        assert_eq!(
            levels,
            [
                (None, LevelFilter::Warn),
                (Some("parlor::access"), LevelFilter::Debug)
            ]
        );
    }

    #[test]
    fn invalid_level_is_named() {
        for (text, part) in [
            ("", "\"\""),
            ("inof", "\"inof\""),
            ("info,", "\"\""),
            ("parlor::access", "\"parlor::access\""),
            ("info,parlor=loud", "\"parlor=loud\""),
            ("=info", "\"=info\""),
            ("a=b=info", "\"a=b=info\""),
            ("info/regex", "\"info/regex\""),
        ] {
            let error = LogLevels::parse(text).expect_err(text);
            assert!(error.starts_with(part), "{error}");
            assert!(error.contains("such as parlor::access=debug"), "{error}");
        }
    }
}
