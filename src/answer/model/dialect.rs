//! The parameters that a server accepts. Servers differ, and say in different words what
//! they reject, so that the parameters are found out by trying.

use std::sync::{Mutex, PoisonError};

use super::request::PromptSize;

/// Parameters of a request that not all servers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Whether to request a stream.
    pub stream: bool,
    /// Whether to send `stream_options`, which requests the usage.
    pub stream_options: bool,
    /// Whether to send the configured temperature.
    pub temperature: bool,
    pub token_limit: TokenLimit,
    /// Whether to send a message of the role `system`.
    pub system_role: bool,
}

/// The name of the parameter that limits the length of the answer. Newer models of OpenAI
/// reject `max_tokens`. Other servers know only `max_tokens`, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLimit {
    MaxTokens,
    MaxCompletionTokens,
    Unset,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            stream: true,
            stream_options: true,
            temperature: true,
            token_limit: TokenLimit::MaxTokens,
            system_role: true,
        }
    }
}

/// The requests that are sent at most to find out what a server accepts.
const MAX_TRIALS: usize = 14;

/// A change of a request that was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    NoStreamOptions,
    NoTemperature,
    TokenLimit(TokenLimit),
    NoSystemRole,
    NoStream,
    Smaller(PromptSize),
    /// None of the parameters.
    Plain,
}

/// The changes in the order in which they are tried, and words in the error of a server
/// that move a change to the front.
const CHANGES: [(Change, &[&str]); 11] = [
    (
        Change::TokenLimit(TokenLimit::MaxCompletionTokens),
        &["max_completion_tokens"],
    ),
    (
        Change::NoStreamOptions,
        &[
            "stream_options",
            "include_usage",
            "unknown",
            "unrecognized",
            "unexpected",
            "unsupported",
            "extra inputs",
            "extra fields",
            "additional properties",
        ],
    ),
    (Change::NoTemperature, &["temperature"]),
    (Change::TokenLimit(TokenLimit::Unset), &["max_tokens"]),
    (Change::NoSystemRole, &["system"]),
    (Change::Smaller(PromptSize::OnlyAnswered), &[]),
    (
        Change::Smaller(PromptSize::ShortHistory),
        &["context", "too long", "too many", "length", "tokens"],
    ),
    (Change::Smaller(PromptSize::NoHistory), &[]),
    (Change::NoStream, &["stream\"", "streaming", "'stream'"]),
    (Change::Smaller(PromptSize::Minimal), &[]),
    (Change::Plain, &[]),
];

/// A request as it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    pub dialect: Dialect,
    pub size: PromptSize,
}

/// The search for a request that a server accepts.
pub struct Negotiation {
    /// The best request so far, and the error that it got.
    base: Trial,
    base_error: Option<String>,
    /// The changes to try, the first one last.
    changes: Vec<Change>,
    trial: Trial,
    count: usize,
    /// Whether only the size of the prompt is changed.
    is_size_only: bool,
}

impl Negotiation {
    pub fn new(trial: Trial, is_size_only: bool) -> Self {
        Self {
            base: trial,
            base_error: None,
            changes: Vec::new(),
            trial,
            count: 0,
            is_size_only,
        }
    }

    /// The request to send.
    pub fn trial(&self) -> Trial {
        self.trial
    }

    /// Reads the error of a rejected request. Returns whether another request is to be
    /// tried. `is_different` says whether a change has an effect on the request.
    pub fn reject(&mut self, error: &str, is_different: impl Fn(Trial, Trial) -> bool) -> bool {
        // Another error: the server accepts what was changed, and rejects something else.
        let words = words_without_numbers(error);
        if self.base_error.as_ref() != Some(&words) {
            self.base = self.trial;
            self.changes = self.ordered_changes(&words);
            self.base_error = Some(words);
        }
        self.count += 1;
        while let Some(change) = self.changes.pop() {
            let trial = change.apply(self.base);
            if trial != self.base && is_different(self.base, trial) && self.count < MAX_TRIALS {
                self.trial = trial;
                return true;
            }
        }
        false
    }

    fn ordered_changes(&self, error: &str) -> Vec<Change> {
        let is_named = |words: &[&str]| words.iter().any(|word| error.contains(word));
        let changes = CHANGES
            .into_iter()
            .filter(|(change, _)| !self.is_size_only || matches!(change, Change::Smaller(_)));
        let (named, other): (Vec<_>, Vec<_>) = changes.partition(|(_, words)| is_named(words));
        let ordered = named.into_iter().chain(other).map(|(change, _)| change);
        ordered.rev().collect()
    }
}

/// Returns an error without words that differ from request to request, such as ids, in
/// lower case.
fn words_without_numbers(error: &str) -> String {
    let words = error.split_whitespace();
    let words = words.filter(|word| !word.bytes().any(|byte| byte.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

impl Change {
    fn apply(self, mut trial: Trial) -> Trial {
        match self {
            Change::NoStreamOptions => trial.dialect.stream_options = false,
            Change::NoTemperature => trial.dialect.temperature = false,
            Change::TokenLimit(limit) => trial.dialect.token_limit = limit,
            Change::NoSystemRole => trial.dialect.system_role = false,
            Change::NoStream => trial.dialect.stream = false,
            Change::Plain => {
                trial.dialect = Dialect {
                    stream: false,
                    stream_options: false,
                    temperature: false,
                    token_limit: TokenLimit::Unset,
                    system_role: false,
                }
            }
            Change::Smaller(size) => trial.size = trial.size.max(size),
        }
        trial
    }
}

/// What is known of a server.
#[derive(Debug, Default)]
pub struct KnownDialect {
    state: Mutex<DialectState>,
}

#[derive(Debug, Default, Clone, Copy)]
struct DialectState {
    dialect: Dialect,
    /// Whether no change of the parameters helped the last time.
    is_exhausted: bool,
}

impl KnownDialect {
    /// The parameters that the server accepted last, and whether trying others is useless.
    pub fn get(&self) -> (Dialect, bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.dialect, state.is_exhausted)
    }

    /// Remembers that the server accepts these parameters.
    pub fn accept(&self, dialect: Dialect) {
        self.set(DialectState {
            dialect,
            is_exhausted: false,
        });
    }

    /// Remembers that the server accepted none.
    pub fn exhaust(&self) {
        let (dialect, _) = self.get();
        self.set(DialectState {
            dialect,
            is_exhausted: true,
        });
    }

    fn set(&self, state: DialectState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Negotiates with a server that rejects a request with the returned error.
    fn negotiate(server: impl Fn(Trial) -> Option<&'static str>) -> (Option<Trial>, usize) {
        let trial = Trial {
            dialect: Dialect::default(),
            size: PromptSize::Full,
        };
        let mut negotiation = Negotiation::new(trial, false);
        let mut count = 1;
        while let Some(error) = server(negotiation.trial()) {
            if !negotiation.reject(error, |_, _| true) {
                return (None, count);
            }
            count += 1;
        }
        (Some(negotiation.trial()), count)
    }

    #[test]
    fn named_parameter_is_changed_first() {
        let (trial, count) =
            negotiate(|trial| trial.dialect.temperature.then_some("no temperature"));
        let trial = trial.expect("a dialect");
        assert!(!trial.dialect.temperature && trial.dialect.stream_options);
        assert_eq!(count, 2);
    }

    #[test]
    fn each_parameter_is_found_without_words() {
        let (trial, _) = negotiate(|trial| trial.dialect.system_role.then_some("no"));
        let expected = Dialect {
            system_role: false,
            ..Dialect::default()
        };
        assert_eq!(trial.expect("a dialect").dialect, expected);
        let (trial, _) = negotiate(|trial| (trial.size < PromptSize::NoHistory).then_some("no"));
        let trial = trial.expect("a dialect");
        assert_eq!(
            (trial.dialect, trial.size),
            (Dialect::default(), PromptSize::NoHistory)
        );
    }

    #[test]
    fn several_rejected_parameters_are_found_one_after_the_other() {
        let (trial, count) = negotiate(|trial| match trial.dialect {
            dialect if dialect.temperature => Some("a"),
            dialect if dialect.stream => Some("b"),
            _ => None,
        });
        let dialect = trial.expect("a dialect").dialect;
        assert!(!dialect.temperature && !dialect.stream && dialect.system_role);
        assert!(count <= MAX_TRIALS);
    }

    #[test]
    fn permanent_rejection_ends_the_negotiation() {
        assert_eq!(negotiate(|_| Some("no")), (None, 12));
        let errors = ["a", "b"];
        let (trial, count) =
            negotiate(|trial| Some(errors[usize::from(trial.dialect.stream_options)]));
        assert!(trial.is_none() && count <= MAX_TRIALS, "{count}");
    }
}
