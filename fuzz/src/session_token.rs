//! Session tokens: only tokens that this server issued are valid.

use parlor::access::Tokens;
use parlor::domain::{SessionId, Timestamp, VisitorId};
use uuid::Uuid;

use super::Target;

const SESSION: SessionId = SessionId(Uuid::from_u128(0x018c_0000_0000_7000_8000_0000_0000_0001));
const VISITOR: VisitorId = VisitorId(Uuid::from_u128(0x018c_0000_0000_7000_8000_0000_0000_0002));
const ISSUED_AT: Timestamp = Timestamp(1_700_000_000_123);
const EXPIRES_AT: Timestamp = Timestamp(4_102_444_800_456);

pub struct SessionToken {
    tokens: Tokens,
    valid: String,
}

impl Target for SessionToken {
    const NAME: &'static str = "session_token";
    const DICTIONARY: &'static [&'static str] = &[
        ".",
        "..",
        "=",
        "e30",
        "eyJhbGciOiJub25lIn0",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
        "bnVsbA",
        "W10",
        "-",
        "_",
        "+",
        "/",
        "A",
        " ",
        "\n",
        "é",
    ];

    fn new() -> Self {
        let tokens = Tokens::new(b"secret of a database file");
        let valid = tokens.issue(SESSION, VISITOR, ISSUED_AT, EXPIRES_AT);
        assert_eq!(tokens.verify(&valid), Some(SESSION));
        Self { tokens, valid }
    }

    fn run(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        for token in [
            &*text,
            &replace_in(&self.valid, input),
            &format!("{}{text}", self.valid),
        ] {
            let is_valid = self.tokens.verify(token).is_some();
            assert_eq!(is_valid, *token == self.valid, "{token}");
        }
    }
}

/// Replaces a part of a valid token. The first two bytes select the part.
fn replace_in(valid: &str, input: &[u8]) -> String {
    let byte = |index: usize| usize::from(input.get(index).copied().unwrap_or(0));
    let start = byte(0) % valid.len();
    let end = (start + byte(1) % 8).min(valid.len());
    let replacement = String::from_utf8_lossy(input.get(2..).unwrap_or(&[]));
    format!("{}{replacement}{}", &valid[..start], &valid[end..])
}
