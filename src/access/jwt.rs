//! JSON Web Tokens (RFC 7519) that are signed with HMAC and SHA-256, the
//! algorithm HS256.

use std::borrow::Cow;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64, Engine};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::Sha256;

const ALGORITHM: &str = "HS256";
const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// The key that signs and verifies tokens.
pub struct JwtKey {
    /// A hasher that is initialised with the secret, which is half of its work.
    keyed: Hmac<Sha256>,
}

#[derive(Deserialize)]
struct TokenHeader<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    /// Extensions that the verifier must support.
    crit: Option<IgnoredAny>,
}

impl TokenHeader<'_> {
    fn is_supported(&self) -> bool {
        self.alg == ALGORITHM && self.crit.is_none()
    }
}

impl JwtKey {
    pub fn new(secret: &[u8]) -> Self {
        let keyed = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        Self { keyed }
    }

    /// Returns a token with these claims, a JSON object.
    pub fn sign(&self, claims: &[u8]) -> String {
        let mut token = BASE64.encode(HEADER);
        token.push('.');
        BASE64.encode_string(claims, &mut token);
        let signature = self.keyed.clone().chain_update(&token).finalize();
        token.push('.');
        BASE64.encode_string(signature.into_bytes(), &mut token);
        token
    }

    /// Returns the claims of a token with a valid signature. The caller checks
    /// the claims, also whether the token has expired.
    pub fn verify(&self, token: &str) -> Option<Vec<u8>> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        let hasher = self.keyed.clone().chain_update(message);
        // Compares in constant time.
        hasher.verify_slice(&signature).ok()?;
        let header = BASE64.decode(header).ok()?;
        let header: TokenHeader = serde_json::from_slice(&header).ok()?;
        if !header.is_supported() {
            return None;
        }
        BASE64.decode(claims).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret and the token of RFC 7515, appendix A.1.
    const RFC_SECRET: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    const RFC_TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
         eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0\
         cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const RFC_CLAIMS: &str =
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

    fn rfc_key() -> JwtKey {
        JwtKey::new(&BASE64.decode(RFC_SECRET).expect("base64"))
    }

    /// A token whose signature is valid.
    fn sign(key: &JwtKey, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        sign_message(key, &message)
    }

    fn sign_message(key: &JwtKey, message: &str) -> String {
        let signature = key.keyed.clone().chain_update(message).finalize();
        format!("{message}.{}", BASE64.encode(signature.into_bytes()))
    }

    #[test]
    fn token_of_rfc_7515_is_valid() {
        let claims = rfc_key().verify(RFC_TOKEN).expect("a valid token");
        assert_eq!(claims, RFC_CLAIMS.as_bytes());
    }

    #[test]
    fn signed_token_has_the_standard_form() {
        // Computed with another program: header {"typ":"JWT","alg":"HS256"}.
        let expected = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.\
                        DMCAvRgzrcf5w0Z879BsqzcrnDFKBY_GN6c3qKOUFtQ";
        let key = JwtKey::new(b"secret");
        assert_eq!(key.sign(b"{}"), expected);
        assert_eq!(key.verify(expected).as_deref(), Some(b"{}".as_slice()));
    }

    #[test]
    fn token_of_another_key_is_invalid() {
        assert_eq!(JwtKey::new(b"another").verify(RFC_TOKEN), None);
    }

    #[test]
    fn truncated_token_is_invalid() {
        let key = rfc_key();
        for length in 0..RFC_TOKEN.len() {
            assert_eq!(key.verify(&RFC_TOKEN[..length]), None, "{length}");
        }
    }

    #[test]
    fn modified_token_is_invalid() {
        let key = rfc_key();
        for index in 0..RFC_TOKEN.len() {
            for replacement in ["A", "-", ".", "=", " ", "\0", "\u{e9}"] {
                let mut modified = RFC_TOKEN.to_owned();
                modified.replace_range(index..=index, replacement);
                if modified != RFC_TOKEN {
                    assert_eq!(key.verify(&modified), None, "{index} {replacement:?}");
                }
            }
        }
    }

    #[test]
    fn token_with_other_parts_is_invalid() {
        let key = rfc_key();
        let message = RFC_TOKEN.rsplit_once('.').expect("three parts").0;
        for text in ["", ".", "..", "...", "e30.e30.", "a.b.c"] {
            assert_eq!(key.verify(text), None, "{text}");
        }
        for text in [
            format!("{message}."),
            format!("{RFC_TOKEN}."),
            format!("{RFC_TOKEN}.x"),
            format!(".{RFC_TOKEN}"),
            sign_message(&key, "e30"),
            sign_message(&key, &format!("{message}.e30")),
        ] {
            assert_eq!(key.verify(&text), None, "{text}");
        }
    }

    #[test]
    fn huge_token_is_invalid() {
        let key = rfc_key();
        let text = "A".repeat(1 << 20);
        for token in [
            text.clone(),
            format!("{text}.{text}.{text}"),
            format!("{RFC_TOKEN}{text}"),
            ".".repeat(1 << 20),
        ] {
            assert_eq!(key.verify(&token), None);
        }
    }

    #[test]
    fn non_canonical_base64_is_invalid() {
        let key = rfc_key();
        // Differs from the signature only in the bits that base64 ignores.
        let sloppy = RFC_TOKEN.replace("FOEjXk", "FOEjXl");
        assert_eq!(key.verify(&sloppy), None);
        assert_eq!(key.verify(&format!("{RFC_TOKEN}=")), None);
        let header = BASE64.encode(HEADER);
        for claims in ["e31", "e30=", "e3 0", "e30\n", "+/+/"] {
            let token = sign_message(&key, &format!("{header}.{claims}"));
            assert_eq!(key.verify(&token), None, "{claims:?}");
        }
        for header in ["e30", "!", "", &format!("{header}=")] {
            let token = sign_message(&key, &format!("{header}.e30"));
            assert_eq!(key.verify(&token), None, "{header:?}");
        }
    }

    #[test]
    fn header_must_name_hs256_and_no_extension() {
        let key = rfc_key();
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS384","typ":"JWT"}"#,
            r#"{"alg":"HS512","typ":"JWT"}"#,
            r#"{"alg":"RS256","typ":"JWT"}"#,
            r#"{"alg":"hs256","typ":"JWT"}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":null}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"typ":"JWT"}"#,
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"HS256"}x"#,
            "[]",
            "",
        ] {
            assert_eq!(key.verify(&sign(&key, header, "{}")), None, "{header}");
        }
    }

    #[test]
    fn other_members_of_the_header_are_ignored() {
        let key = rfc_key();
        for header in [
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"HS\u003256","typ":"at+jwt","kid":"1"}"#,
        ] {
            let claims = key.verify(&sign(&key, header, "{}"));
            assert_eq!(claims.as_deref(), Some(b"{}".as_slice()), "{header}");
        }
    }
}
