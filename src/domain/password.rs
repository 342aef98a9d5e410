//! Passwords of agents.

use std::fmt;
use std::str::FromStr;

use super::validation::{ValidationError, bounded_text};

/// The minimum length of a password in characters.
pub const MIN_PASSWORD_CHARS: usize = 10;

/// The maximum length. It bounds the work of a sign-in.
pub const MAX_PASSWORD_CHARS: usize = 200;

/// A password in clear text, for a new account or a new password. It exists only in
/// requests; the store keeps its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        bounded_text(field, text, MIN_PASSWORD_CHARS, MAX_PASSWORD_CHARS).map(Self)
    }

    /// A password that the program contains.
    pub fn from_static(text: &'static str) -> Self {
        debug_assert!(Self::parse("", text).is_ok(), "{text:?}");
        Self(text.to_owned())
    }

    /// Returns the password in clear text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Password {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse("", text).map_err(|invalid| invalid.reason)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
