//! Tokens with which a website's server tells who a visitor is
//! (docs/api-contract.md, section 4.26).

use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64, Engine};
use serde::Deserialize;

use super::jwt::JwtKey;
use crate::domain::{
    EmailAddress, ExternalId, MAX_VISITOR_NAME_CHARS, Person, Timestamp, ValidationError,
    bounded_text, bounded_web_url,
};

/// The longest time from the issue of a token to its expiry, in seconds.
pub const MAX_LIFETIME_SECS: i64 = 24 * 3600;

/// The difference between two clocks that is tolerated, in seconds.
const LEEWAY_SECS: i64 = 60;

/// The text of an identity secret. The bytes of the text are the key of HS256, so that
/// libraries of every language take the text as it is.
pub fn secret_text(secret: &[u8; 32]) -> String {
    format!("ids_{}", BASE64.encode(secret))
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("the token is not signed with the secret of the key")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token is valid for too long")]
    Lifetime,
    /// The name of the claim and its rule.
    #[error("a claim of the token is invalid: {0:?}")]
    Claim(ValidationError),
}

/// The claims that are used. Others are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    sub: String,
    exp: f64,
    iat: Option<f64>,
    nbf: Option<f64>,
    name: Option<String>,
    email: Option<String>,
    avatar_url: Option<String>,
}

/// Returns the person of a token that was signed with an identity secret.
///
/// # Errors
/// See [`IdentityError`].
pub fn verify(secret: &[u8; 32], token: &str, now: Timestamp) -> Result<Person, IdentityError> {
    let key = JwtKey::new(secret_text(secret).as_bytes());
    let claims = key.verify(token).ok_or(IdentityError::Signature)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|error| {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        invalid("claims", &format!("must have sub and exp: {reason}"))
    })?;
    check_times(&claims, now.seconds() as f64)?;
    person(claims).map_err(IdentityError::Claim)
}

fn check_times(claims: &Claims, now: f64) -> Result<(), IdentityError> {
    let leeway = LEEWAY_SECS as f64;
    if claims.exp + leeway < now {
        return Err(IdentityError::Expired);
    }
    let begin = claims.iat.into_iter().chain(claims.nbf);
    if begin.fold(now, f64::max) > now + leeway {
        return Err(IdentityError::NotYetValid);
    }
    let issued_at = claims.iat.map_or(now, |iat| iat.min(now));
    if claims.exp > issued_at + MAX_LIFETIME_SECS as f64 + leeway {
        return Err(IdentityError::Lifetime);
    }
    Ok(())
}

fn person(claims: Claims) -> Result<Person, ValidationError> {
    let present = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let name = present(claims.name)
        .map(|name| bounded_text("name", name.trim(), 1, MAX_VISITOR_NAME_CHARS));
    let email = present(claims.email).map(|email| EmailAddress::parse("email", &email));
    let avatar_url = present(claims.avatar_url).map(|url| bounded_web_url("avatarUrl", &url));
    Ok(Person {
        external_id: ExternalId::parse("sub", &claims.sub)?,
        name: name.transpose()?,
        email: email.transpose()?,
        avatar_url: avatar_url.transpose()?,
    })
}

fn invalid(claim: &'static str, reason: &str) -> IdentityError {
    IdentityError::Claim(ValidationError::new(claim, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];
    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const NOW_SECS: i64 = 1_700_000_000;

    fn sign(claims: &str) -> String {
        JwtKey::new(secret_text(&SECRET).as_bytes()).sign(claims.as_bytes())
    }

    fn verify_claims(claims: &str) -> Result<Person, IdentityError> {
        verify(&SECRET, &sign(claims), NOW)
    }

    #[test]
    fn token_names_a_person() {
        let exp = NOW_SECS + 60;
        let claims = format!(
            r#"{{"sub":"42","exp":{exp},"name":" Ann ","email":"Ann@Mail.Example",
                 "avatarUrl":"https://shop.example/a.png","aud":["x"],"other":null}}"#
        );
        let person = verify_claims(&claims).expect("a person");
        assert_eq!(person.external_id.as_str(), "42");
        assert_eq!(person.name.as_deref(), Some("Ann"));
        let email = person.email.as_ref().map(EmailAddress::as_str);
        assert_eq!(email, Some("Ann@mail.example"));
        assert_eq!(
            person.avatar_url.as_deref(),
            Some("https://shop.example/a.png")
        );
        let minimal = verify_claims(&format!(r#"{{"sub":"42","exp":{exp}.5,"name":null}}"#));
        assert_eq!(minimal.expect("a person").name, None);
    }

    #[test]
    fn token_of_another_secret_is_refused() {
        let token = sign(&format!(r#"{{"sub":"42","exp":{}}}"#, NOW_SECS + 60));
        assert_eq!(verify(&[8; 32], &token, NOW), Err(IdentityError::Signature));
        let none = format!(
            "{}.{}.",
            BASE64.encode(r#"{"alg":"none"}"#),
            BASE64.encode("{}")
        );
        for token in ["", "x", "a.b.c", &none] {
            assert_eq!(
                verify(&SECRET, token, NOW),
                Err(IdentityError::Signature),
                "{token}"
            );
        }
    }

    #[test]
    fn times_have_a_leeway_of_a_minute_and_a_lifetime_of_a_day() {
        let day = MAX_LIFETIME_SECS;
        for (exp, iat, expected) in [
            (-60, "null", None),
            (-61, "null", Some(IdentityError::Expired)),
            (day + 60, "null", None),
            (day + 61, "null", Some(IdentityError::Lifetime)),
            (day + 60, "0", None),
            (100, "-86300", None),
            (100, "-86500", Some(IdentityError::Lifetime)),
            (100, "60", None),
            (100, "61", Some(IdentityError::NotYetValid)),
        ] {
            let iat = iat.parse::<i64>().map(|iat| (NOW_SECS + iat).to_string());
            let iat = iat.unwrap_or_else(|_| "null".to_owned());
            let claims = format!(r#"{{"sub":"42","exp":{},"iat":{iat}}}"#, NOW_SECS + exp);
            assert_eq!(verify_claims(&claims).err(), expected, "{claims}");
        }
        let claims = format!(
            r#"{{"sub":"1","exp":{},"nbf":{}}}"#,
            NOW_SECS + 90,
            NOW_SECS + 61
        );
        assert_eq!(verify_claims(&claims), Err(IdentityError::NotYetValid));
        let claims = r#"{"sub":"42","exp":1e308,"iat":-1e308}"#;
        assert_eq!(verify_claims(claims), Err(IdentityError::Lifetime));
    }

    #[test]
    fn claims_follow_the_rules_of_visitors() {
        for (claim, name) in [
            (r#""sub":"""#, "sub"),
            (r#""sub":7"#, "claims"),
            (r#""sub":"1","sub":"2""#, "claims"),
            (r#""sub":"1","name":7"#, "claims"),
            (r#""sub":"1","email":"ann""#, "email"),
            (
                r#""sub":"1","avatarUrl":"javascript:alert(1)""#,
                "avatarUrl",
            ),
            (r#""aud":"1""#, "claims"),
        ] {
            let claims = format!(r#"{{"exp":{},{claim}}}"#, NOW_SECS + 60);
            let Err(IdentityError::Claim(error)) = verify_claims(&claims) else {
                panic!("{claims}");
            };
            assert_eq!(error.field, name, "{claims}");
        }
        let long = format!(
            r#"{{"sub":"1","exp":{},"name":"{}"}}"#,
            NOW_SECS,
            "x".repeat(201)
        );
        assert!(matches!(verify_claims(&long), Err(IdentityError::Claim(_))));
        for claims in ["[]", "7", "", r#"{"sub":"1"}"#] {
            assert!(
                matches!(verify_claims(claims), Err(IdentityError::Claim(_))),
                "{claims}"
            );
        }
    }
}
