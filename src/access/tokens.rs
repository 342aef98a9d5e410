//! Session tokens: HS256 JWTs that name a session of the database
//! (`docs/api-contract.md`, section 3.2).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{SessionId, Timestamp, VisitorId};

/// A session token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("a session token cannot be signed: {0}")]
pub struct SignError(#[from] jsonwebtoken::errors::Error);

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
    encoding_key: EncodingKey,
    decoding_key: DecodingKey,
    validation: Validation,
}

impl Tokens {
    pub fn new(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_aud = false;
        Self {
            encoding_key: EncodingKey::from_secret(secret),
            decoding_key: DecodingKey::from_secret(secret),
            validation,
        }
    }

    /// A token for a session, valid until `expires_at`.
    pub fn issue(
        &self,
        session: SessionId,
        visitor: VisitorId,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String, SignError> {
        let claims = Claims {
            jti: session.0,
            sub: visitor.0,
            iat: issued_at.seconds(),
            exp: expires_at.seconds(),
        };
        let header = Header::new(Algorithm::HS256);
        Ok(encode(&header, &claims, &self.encoding_key)?)
    }

    /// The session of a token with a valid signature that has not expired.
    pub fn verify(&self, token: &str) -> Option<SessionId> {
        let decoded = decode::<Claims>(token, &self.decoding_key, &self.validation).ok()?;
        Some(SessionId(decoded.claims.jti))
    }
}
