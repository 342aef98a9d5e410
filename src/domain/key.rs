//! API keys and the websites that may use them (docs/api-contract.md, sections
//! 3.1 and 3.4).

use std::fmt;

use sha2::{Digest, Sha256};
use url::Url;

use super::validation::{ValidationError, parse_enum};

/// The kind of a key. Web pages contain publishable keys; only servers hold
/// private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    Publishable,
    Private,
}

impl KeyKind {
    pub const NAMES: [(&'static str, KeyKind); 2] = [
        ("publishable", KeyKind::Publishable),
        ("private", KeyKind::Private),
    ];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("kind", text, &Self::NAMES)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            KeyKind::Publishable => "publishable",
            KeyKind::Private => "private",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            KeyKind::Publishable => "pk_",
            KeyKind::Private => "sk_",
        }
    }
}

/// The maximum number of keys of a project, with those that are revoked.
pub const MAX_KEYS: u32 = 2000;

/// The maximum number of websites of a key.
pub const MAX_ORIGINS: usize = 100;

/// The alphabet of URL-safe Base64; six random bits select a character.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A key in clear text. It exists only after generation and in requests; the
/// store keeps its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The length of [`Key::hint`] in characters.
    pub const HINT_CHARS: usize = 4;

    /// The keys of the demo. Every other command refuses them.
    pub const DEMO: [&'static str; 2] = ["pk_demo", "sk_demo"];

    /// Returns a new key: the prefix of the kind and 32 random URL-safe characters.
    pub fn generate(kind: KeyKind) -> Result<Self, getrandom::Error> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let body = random.map(|byte| ALPHABET[usize::from(byte & 63)] as char);
        Ok(Self(kind.prefix().to_owned() + &String::from_iter(body)))
    }

    /// Wraps a key that a client sent. Any text is accepted.
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn is_demo(&self) -> bool {
        Self::DEMO.contains(&self.0.as_str())
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(&self.0).into())
    }

    /// Returns the last four characters, which distinguish the keys of a project.
    pub fn hint(&self) -> String {
        let mut from_end = self.0.char_indices().rev();
        let start = from_end.nth(Self::HINT_CHARS - 1).map_or(0, |(at, _)| at);
        self.0[start..].to_owned()
    }

    /// Returns the key in clear text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The SHA-256 of a key, which the store contains. A plain hash suffices
/// because a key has 192 random bits, unlike a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

/// A website: scheme, host and port, in the form of the `Origin` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Returns the origin of a URL or of an origin. `None` for `null` and for
    /// URLs without a host.
    pub fn from_url(url: &str) -> Option<Self> {
        let origin = Url::parse(url).ok()?.origin();
        origin
            .is_tuple()
            .then(|| Self(origin.ascii_serialization()))
    }

    /// Parses a website that an operator enters: an `http` or `https` URL.
    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        let is_web = scheme.is_some_and(|scheme| {
            scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
        });
        is_web
            .then(|| Self::from_url(text))
            .flatten()
            .ok_or_else(|| {
                ValidationError::new("origin", "must be a website such as https://shop.example")
            })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_key_has_its_prefix_and_32_url_safe_characters() {
        for (kind, prefix) in [(KeyKind::Publishable, "pk_"), (KeyKind::Private, "sk_")] {
            let key = Key::generate(kind).expect("random bytes");
            let body = key.reveal().strip_prefix(prefix).expect("prefix");
            assert_eq!(body.len(), 32);
            assert!(body.bytes().all(|byte| ALPHABET.contains(&byte)));
            assert!(body.ends_with(&key.hint()));
        }
    }

    #[test]
    fn origin_consists_of_scheme_host_and_port() {
        let of = |url| Origin::from_url(url).map(|origin| origin.0);
        assert_eq!(
            of("https://Shop.Example:443/a?b"),
            of("https://shop.example")
        );
        assert_ne!(of("https://shop.example:8443"), of("https://shop.example"));
        assert_ne!(of("http://shop.example"), of("https://shop.example"));
        assert_eq!(of("null"), None);
        assert_eq!(of("data:text/plain,x"), None);
        for text in ["shop.example", "https:shop.example", "ftp://shop.example"] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
        let upper = Origin::parse("HTTPS://Shop.Example").expect("a website");
        assert_eq!(upper.as_str(), "https://shop.example");
    }
}
