//! E-mail addresses: of agents, of visitors and of recipients of notifications.

use std::fmt;
use std::str::FromStr;

use url::Host;

use super::validation::ValidationError;

/// The maximum length of an address in bytes (RFC 5321, section 4.5.3.1.3).
pub const MAX_EMAIL_BYTES: usize = 254;

/// The same for the part before `@`.
const MAX_LOCAL_BYTES: usize = 64;

/// The rule in words.
const EXPECTED: &str = "must be an e-mail address such as mara@shop.example";

/// An e-mail address in the form that browsers accept in `<input type="email">`: ASCII
/// letters, digits and some signs before `@`, and a host name after it. A host name with
/// other letters is stored in its ASCII form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Removes spaces at both ends, and checks the rest. The host name becomes lower case.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        let address = Self::from_text(text.trim());
        address.ok_or_else(|| ValidationError::new(field, EXPECTED))
    }

    /// An address that the program contains.
    pub fn from_static(text: &'static str) -> Self {
        debug_assert!(Self::from_text(text).is_some(), "{text:?}");
        Self(text.to_owned())
    }

    fn from_text(text: &str) -> Option<Self> {
        let (local, host) = text.rsplit_once('@')?;
        if text.len() > MAX_EMAIL_BYTES || !is_local_part(local) {
            return None;
        }
        let address = Self(format!("{local}@{}", host_name(host)?));
        (address.0.len() <= MAX_EMAIL_BYTES).then_some(address)
    }

    /// The address in lower case. Accounts are found by it, because nearly every mail
    /// server ignores the case.
    pub fn to_lowercase(&self) -> Self {
        Self(self.0.to_ascii_lowercase())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for EmailAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse("", text).map_err(|invalid| invalid.reason)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A `dot-atom` (RFC 5322). Addresses in quotes do not occur in practice.
fn is_local_part(local: &str) -> bool {
    let is_sign = |byte| b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let is_atom = |atom: &str| {
        let mut bytes = atom.bytes();
        !atom.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || is_sign(byte))
    };
    local.len() <= MAX_LOCAL_BYTES && local.split('.').all(is_atom)
}

/// The ASCII form of a host name. IP addresses are refused.
fn host_name(text: &str) -> Option<String> {
    let Ok(Host::Domain(name)) = Host::parse(text) else {
        return None;
    };
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let has_hyphen_at_end = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.bytes().all(is_inner) && !has_hyphen_at_end
    };
    // The host parser decodes percent-encoded characters, which an address has not.
    let is_valid = name.split('.').all(is_label) && !text.contains('%');
    is_valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<String> {
        let address = EmailAddress::parse("email", text).ok();
        address.map(EmailAddress::into_string)
    }

    #[test]
    fn addresses_of_people_are_accepted() {
        for (text, expected) in [
            ("mara@shop.example", "mara@shop.example"),
            (
                " Mara.O'Neil+a@Shop.Example\n",
                "Mara.O'Neil+a@shop.example",
            ),
            ("m@localhost", "m@localhost"),
            ("a_b-c@1.example", "a_b-c@1.example"),
            ("mara@b\u{fc}cher.example", "mara@xn--bcher-kva.example"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(expected), "{text:?}");
        }
        let mara = EmailAddress::parse("email", "Mara@Shop.example").expect("an address");
        assert_eq!(mara.to_lowercase().as_str(), "mara@shop.example");
    }

    #[test]
    fn other_texts_are_refused() {
        let long_local = format!("{}@a.example", "a".repeat(65));
        let long_label = format!("a@{}.example", "a".repeat(64));
        let long = format!("a@{}example", "abcdefgh.".repeat(28));
        for text in [
            "",
            "@",
            "mara",
            "mara@",
            "@shop.example",
            "ma ra@shop.example",
            "mara@shop example",
            ".mara@shop.example",
            "mara.@shop.example",
            "ma..ra@shop.example",
            "a@b@shop.example",
            "\"a b\"@shop.example",
            "mara@shop..example",
            "mara@shop.example.",
            "mara@.example",
            "mara@-shop.example",
            "mara@shop-.example",
            "mara@shop_a.example",
            "mara@127.0.0.1",
            "mara@[::1]",
            "mara@shop.example/a",
            "mara@shop%2eexample",
            "mara@shop.example:25",
            "mara@shop.example,ben@shop.example",
            "Mara <mara@shop.example>",
            "mara@shop.example\r\nBcc: ben@shop.example",
            "m\u{e4}ra@shop.example",
            "mara\0@shop.example",
            &long_local,
            &long_label,
            &long,
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
