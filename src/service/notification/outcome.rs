//! How an attempt to send a notification ends.

use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// The attempt failed, and another one can succeed.
    Retry {
        error: String,
        /// The wait that the receiver asks for.
        retry_after: Option<Duration>,
    },
    /// No attempt can succeed, or none is needed any more.
    Failed {
        error: String,
    },
    /// The receiver of the webhook wants no more requests.
    Gone,
}

impl Outcome {
    pub fn retry(error: impl Into<String>) -> Self {
        Self::Retry {
            error: error.into(),
            retry_after: None,
        }
    }

    pub fn failed(error: impl Into<String>) -> Self {
        Self::Failed {
            error: error.into(),
        }
    }

    /// Why the attempt failed.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Delivered => None,
            Self::Retry { error, .. } | Self::Failed { error } => Some(error),
            Self::Gone => Some("The receiver responded with status 410 (Gone)"),
        }
    }
}
