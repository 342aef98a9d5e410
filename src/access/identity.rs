//! Tokens with which a website's server identifies visitors
//! (docs/api-contract.md, section 3.7).

use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64, Engine};

/// The text of an identity secret. The bytes of the text are the key of HS256, so that
/// libraries of every language take the text as it is.
pub fn secret_text(secret: &[u8; 32]) -> String {
    format!("ids_{}", BASE64.encode(secret))
}
