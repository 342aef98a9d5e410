//! Tokens of the links in e-mails with replies. A token names a visitor and a conversation
//! (docs/api-contract.md, section 4.31).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::jwt::JwtKey;
use crate::domain::{ConversationId, ProjectId, ReplyLink, Timestamp, VisitorId};

/// Derives the key from the file's secret, which also signs other data.
const PURPOSE: &[u8] = b"links of e-mails with replies";

#[derive(Serialize, Deserialize)]
struct Claims {
    /// The project.
    pid: Uuid,
    /// The visitor.
    sub: Uuid,
    /// The conversation.
    cid: Uuid,
    /// Seconds since 1970.
    exp: i64,
}

/// Signs and verifies the tokens with the secret of the database file.
pub struct ReplyLinks {
    key: JwtKey,
}

impl ReplyLinks {
    pub fn new(secret: &[u8]) -> Self {
        let key = Sha256::new().chain_update(PURPOSE).chain_update(secret);
        Self {
            key: JwtKey::new(&key.finalize()),
        }
    }

    /// A token that is valid until `expires_at`.
    pub fn issue(&self, link: ReplyLink, expires_at: Timestamp) -> String {
        let claims = Claims {
            pid: link.project.0,
            sub: link.visitor.0,
            cid: link.conversation.0,
            exp: expires_at.seconds(),
        };
        let claims = serde_json::to_vec(&claims).expect("UUIDs and numbers are valid JSON");
        self.key.sign(&claims)
    }

    /// The link of a token with a valid signature that has not expired.
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<ReplyLink> {
        let claims = self.key.verify(token)?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        if claims.exp < now.seconds() {
            return None;
        }
        Some(ReplyLink {
            project: ProjectId(claims.pid),
            visitor: VisitorId(claims.sub),
            conversation: ConversationId(claims.cid),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Tokens;
    use crate::domain::SessionId;

    const SECRET: &[u8] = b"secret of a database file";
    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn link() -> ReplyLink {
        ReplyLink {
            project: ProjectId::generate(),
            visitor: VisitorId::generate(),
            conversation: ConversationId::generate(),
        }
    }

    #[test]
    fn token_opens_its_link_until_it_expires() {
        let (links, link) = (ReplyLinks::new(SECRET), link());
        let token = links.issue(link, Timestamp(NOW.0 + 1000));
        assert_eq!(links.verify(&token, NOW), Some(link));
        assert_eq!(links.verify(&token, Timestamp(NOW.0 + 2000)), None);
        assert_eq!(ReplyLinks::new(b"another").verify(&token, NOW), None);
        assert_eq!(links.verify(&token[1..], NOW), None);
    }

    #[test]
    fn link_is_no_session_and_session_no_link() {
        let (links, link) = (ReplyLinks::new(SECRET), link());
        let tokens = Tokens::new(SECRET);
        let far = Timestamp(4_102_444_800_000);
        assert_eq!(tokens.verify(&links.issue(link, far)), None);
        let session = tokens.issue(SessionId::generate(), link.visitor, NOW, far);
        assert_eq!(links.verify(&session, NOW), None);
    }
}
