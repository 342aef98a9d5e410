//! Session tokens: HS256 JWTs that name a session of the database
//! (`docs/api-contract.md`, section 3.2).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::jwt::JwtKey;
use crate::domain::{SessionId, Timestamp, VisitorId};

/// The claims of a token. Only the session id is used; everything else about
/// the session is read from the database.
#[derive(Serialize, Deserialize)]
struct Claims {
    /// The session.
    jti: Uuid,
    /// The visitor.
    sub: Uuid,
    /// Seconds since 1970.
    iat: i64,
    exp: i64,
}

/// Signs and verifies tokens with the secret of the database file.
pub struct Tokens {
    key: JwtKey,
}

impl Tokens {
    pub fn new(secret: &[u8]) -> Self {
        Self {
            key: JwtKey::new(secret),
        }
    }

    /// A token for a session, valid until `expires_at`.
    pub fn issue(
        &self,
        session: SessionId,
        visitor: VisitorId,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> String {
        let claims = Claims {
            jti: session.0,
            sub: visitor.0,
            iat: issued_at.seconds(),
            exp: expires_at.seconds(),
        };
        let claims = serde_json::to_vec(&claims).expect("UUIDs and numbers are valid JSON");
        self.key.sign(&claims)
    }

    /// The session of a token with a valid signature that has not expired.
    pub fn verify(&self, token: &str) -> Option<SessionId> {
        self.verify_at(token, Timestamp::now())
    }

    fn verify_at(&self, token: &str, now: Timestamp) -> Option<SessionId> {
        let claims = self.key.verify(token)?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        if claims.exp < now.seconds() {
            return None;
        }
        Some(SessionId(claims.jti))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"secret of a database file";
    const SESSION: SessionId =
        SessionId(Uuid::from_u128(0x018c_0000_0000_7000_8000_0000_0000_0001));
    const VISITOR: VisitorId =
        VisitorId(Uuid::from_u128(0x018c_0000_0000_7000_8000_0000_0000_0002));
    const ISSUED_AT: Timestamp = Timestamp(1_700_000_000_123);
    const EXPIRES_AT: Timestamp = Timestamp(4_102_444_800_456);

    /// Issued by parlor 0.1.0, which signed tokens with the crate jsonwebtoken.
    const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.\
         eyJqdGkiOiIwMThjMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJzdWIiOiIwMThjMDAwMC0wMDAw\
         LTcwMDAtODAwMC0wMDAwMDAwMDAwMDIiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6NDEwMjQ0NDgwMH0.\
         pO9QdSvgfLOVC7SxbQivJwGrDgc-FvH6o7E9a2rg3CM";

    #[test]
    fn tokens_of_earlier_versions_stay_valid() {
        let tokens = Tokens::new(SECRET);
        assert_eq!(tokens.issue(SESSION, VISITOR, ISSUED_AT, EXPIRES_AT), TOKEN);
        assert_eq!(tokens.verify_at(TOKEN, ISSUED_AT), Some(SESSION));
        assert_eq!(Tokens::new(b"another").verify_at(TOKEN, ISSUED_AT), None);
    }

    #[test]
    fn token_expires_after_the_second_of_its_expiry() {
        let tokens = Tokens::new(SECRET);
        let last = Timestamp(4_102_444_800_999);
        assert_eq!(tokens.verify_at(TOKEN, last), Some(SESSION));
        assert_eq!(tokens.verify_at(TOKEN, Timestamp(last.0 + 1)), None);
    }

    #[test]
    fn claims_must_be_complete_and_unique() {
        let tokens = Tokens::new(SECRET);
        let verify = |claims: &str| {
            let claims = claims.replace("ID", &SESSION.0.to_string());
            tokens.verify_at(&tokens.key.sign(claims.as_bytes()), ISSUED_AT)
        };
        for claims in [
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":4102444800}"#,
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":4102444800,"nbf":0,"aud":["x"]}"#,
        ] {
            assert_eq!(verify(claims), Some(SESSION), "{claims}");
        }
        for claims in [
            r#"{"jti":"ID","sub":"ID","iat":0}"#,
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":null}"#,
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":"4102444800"}"#,
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":-1}"#,
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":1e400}"#,
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":99999999999999999999}"#,
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":0,"exp":4102444800}"#,
            r#"{"jti":"ID","jti":"ID","sub":"ID","iat":0,"exp":4102444800}"#,
            r#"{"jti":"x","sub":"ID","iat":0,"exp":4102444800}"#,
            r#"{"sub":"ID","iat":0,"exp":4102444800}"#,
            r#"{"jti":"ID","exp":4102444800}"#,
            r#"{"jti":"ID","sub":"ID","iat":0,"exp":4102444800}x"#,
            "",
            "{}",
            "null",
        ] {
            assert_eq!(verify(claims), None, "{claims}");
        }
    }
}
