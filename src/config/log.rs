//! Settings of the lines of requests in the log.

use clap::{Args, ValueEnum};

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
