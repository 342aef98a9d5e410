//! Session tokens: HS256 JWTs that name a session of the file (section 0, D5).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{SessionId, Timestamp, VisitorId};
use crate::error::ApiError;

/// What a token says. All that is trusted of it is which session it is.
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

/// Signs and checks tokens with the file's own secret.
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    rules: Validation,
}

impl Tokens {
    pub fn new(secret: &[u8]) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = 0;
        rules.validate_aud = false;
        Self {
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            rules,
        }
    }

    pub fn issue(
        &self,
        session: SessionId,
        visitor: VisitorId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<String, ApiError> {
        let claims = Claims {
            jti: session.0,
            sub: visitor.0,
            iat: from.seconds(),
            exp: until.seconds(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.signing).map_err(ApiError::internal)
    }

    /// The session of a token that was signed here and has not expired.
    pub fn check(&self, token: &str) -> Option<SessionId> {
        let checked = decode::<Claims>(token, &self.checking, &self.rules).ok()?;
        Some(SessionId(checked.claims.jti))
    }
}
