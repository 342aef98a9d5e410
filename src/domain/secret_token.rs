//! Random tokens that sign people in: of sessions of agents, and in links.

use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use sha2::{Digest, Sha256};

/// The random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// A random token in clear text. It exists only after generation and in requests; the
/// store keeps its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretToken(String);

impl SecretToken {
    /// Returns a new token: 43 URL-safe characters.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut random = [0; TOKEN_BYTES];
        getrandom::fill(&mut random)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(random)))
    }

    /// Wraps a token that a client sent. Any text is accepted.
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(&self.0).into())
    }

    /// Returns the token in clear text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken(…)")
    }
}

/// The SHA-256 of a token. A plain hash suffices because a token has 256 random bits,
/// unlike a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);
