//! Notifications: how agents learn of conversations that wait for them, and visitors of
//! replies (docs/api-contract.md, section 4.30).

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};

use super::{ConversationId, NotificationId, ProjectId, Timestamp, VisitorId};

/// The maximum number of addresses that receive the notifications of a project.
pub const MAX_NOTIFICATION_EMAILS: usize = 10;

/// How a notification is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationKind {
    /// A request to the project's webhook.
    Webhook,
    /// An e-mail to an address of the project.
    Email,
    /// An e-mail with replies to a visitor.
    ReplyEmail,
}

impl NotificationKind {
    pub const NAMES: [(&'static str, Self); 3] = [
        ("webhook", Self::Webhook),
        ("email", Self::Email),
        ("reply_email", Self::ReplyEmail),
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Email => "email",
            Self::ReplyEmail => "reply_email",
        }
    }
}

/// The secret that signs the requests to a webhook. `{:?}` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WebhookSecret(pub [u8; 32]);

impl WebhookSecret {
    /// # Errors
    /// The system returned no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self(secret))
    }

    /// The form of Standard Webhooks: `whsec_` and base64.
    pub fn reveal(&self) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// Where the notifications of a project are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationTargets {
    pub webhook_url: Option<String>,
    pub webhook_secret: Option<WebhookSecret>,
    pub emails: Vec<String>,
}

/// New targets of a project. None: no change.
#[derive(Debug, Clone, Default)]
pub struct TargetsChange {
    /// `Some(None)`: no webhook.
    pub webhook_url: Option<Option<String>>,
    pub emails: Option<Vec<String>>,
    /// Whether the secret is replaced.
    pub rotates_secret: bool,
}

/// What the link of an e-mail with replies opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyLink {
    pub project: ProjectId,
    pub visitor: VisitorId,
    pub conversation: ConversationId,
}

/// A notification that was sent or is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub id: NotificationId,
    pub kind: NotificationKind,
    pub recipient: String,
    pub created_at: Timestamp,
    pub delivered_at: Option<Timestamp>,
    pub attempts: u32,
    /// None: it is not sent again.
    pub next_attempt_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_variants_correspond() {
        for (name, kind) in NotificationKind::NAMES {
            assert_eq!(kind.as_str(), name);
        }
    }

    #[test]
    fn webhook_secret_has_the_form_of_standard_webhooks() {
        let secret = WebhookSecret([0xff; 32]);
        let expected = "whsec_//////////////////////////////////////////8=";
        assert_eq!(secret.reveal(), expected);
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
        let [one, other] = [(); 2].map(|()| WebhookSecret::generate().expect("random bytes"));
        assert_ne!(one, other);
    }
}
