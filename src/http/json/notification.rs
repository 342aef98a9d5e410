//! The bodies of requests to webhooks, and the notification settings
//! (docs/api-contract.md, section 4.30).

use serde::Serialize;
use utoipa::ToSchema;

use super::{ConversationJson, MessageJson, VisitorJson};
use crate::domain::{
    ConversationListItem, Notification, NotificationId, NotificationKind, Timestamp, Visitor,
};
use crate::service::notification::settings::NotificationSettings;

/// The body of a request to a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub struct WebhookEventJson<'a> {
    #[serde(rename = "type")]
    kind: WebhookEventType,
    /// When the event happened.
    timestamp: Timestamp,
    /// Null for a test.
    #[schema(required)]
    data: Option<WaitingJson<'a>>,
}

/// The type of an event.
#[derive(Serialize, ToSchema)]
enum WebhookEventType {
    #[serde(rename = "conversation.waiting")]
    Waiting,
    #[serde(rename = "notification.test")]
    Test,
}

/// A conversation that waits for an agent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WaitingConversation)]
struct WaitingJson<'a> {
    conversation: ConversationJson<'a>,
    visitor: VisitorJson<'a>,
    /// The newest message.
    #[schema(required)]
    last_message: Option<MessageJson<'a>>,
    /// The conversation in the inbox.
    inbox_url: &'a str,
}

/// Returns the body of the request to a webhook for a conversation that waits since a time.
pub fn encode_waiting(
    item: &ConversationListItem<'_>,
    visitor: &Visitor,
    since: Timestamp,
    inbox_url: &str,
) -> Vec<u8> {
    encode(&WebhookEventJson {
        kind: WebhookEventType::Waiting,
        timestamp: since,
        data: Some(WaitingJson {
            conversation: ConversationJson::from(&item.conversation),
            visitor: VisitorJson::from(visitor),
            last_message: item.last_message.as_ref().map(MessageJson::from),
            inbox_url,
        }),
    })
}

/// Returns the body of a request that tests a webhook.
pub fn encode_webhook_test(at: Timestamp) -> Vec<u8> {
    encode(&WebhookEventJson {
        kind: WebhookEventType::Test,
        timestamp: at,
        data: None,
    })
}

fn encode(event: &WebhookEventJson<'_>) -> Vec<u8> {
    // Encoding texts and numbers into memory cannot fail.
    serde_json::to_vec(event).unwrap_or_default()
}

/// The notification settings of a project.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NotificationSettings)]
pub struct NotificationSettingsJson<'a> {
    object: SettingsObject,
    /// The URL that receives a request when a conversation begins to wait for an agent.
    #[schema(required)]
    webhook_url: Option<&'a str>,
    /// Verifies the signatures of the requests (Standard Webhooks). Null without a URL.
    #[schema(required)]
    webhook_secret: Option<String>,
    /// The addresses that receive an e-mail when a conversation begins to wait for an agent.
    emails: &'a [String],
    /// Whether the server has a mail server. Without it, no e-mails are sent.
    is_email_configured: bool,
    /// The notifications of the last 7 days, the newest first, at most 20.
    recent: Vec<NotificationJson<'a>>,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SettingsObject {
    NotificationSettings,
}

/// A notification that was sent or is to be sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification)]
struct NotificationJson<'a> {
    /// Of a webhook: the header `webhook-id` of the request.
    id: NotificationId,
    kind: NotificationKind,
    /// The URL or the e-mail address.
    recipient: &'a str,
    created_at: Timestamp,
    #[schema(required)]
    delivered_at: Option<Timestamp>,
    /// The number of attempts so far.
    attempts: u32,
    /// Null: there is no further attempt.
    #[schema(required)]
    next_attempt_at: Option<Timestamp>,
    /// Why the last attempt failed.
    #[schema(required)]
    error: Option<&'a str>,
}

impl<'a> From<&'a NotificationSettings> for NotificationSettingsJson<'a> {
    fn from(settings: &'a NotificationSettings) -> Self {
        let targets = &settings.targets;
        Self {
            object: SettingsObject::NotificationSettings,
            webhook_url: targets.webhook_url.as_deref(),
            webhook_secret: targets.webhook_secret.map(|secret| secret.reveal()),
            emails: &targets.emails,
            is_email_configured: settings.is_email_configured,
            recent: settings.recent.iter().map(NotificationJson::from).collect(),
        }
    }
}

impl<'a> From<&'a Notification> for NotificationJson<'a> {
    fn from(notification: &'a Notification) -> Self {
        Self {
            id: notification.id,
            kind: notification.kind,
            recipient: &notification.recipient,
            created_at: notification.created_at,
            delivered_at: notification.delivered_at,
            attempts: notification.attempts,
            next_attempt_at: notification.next_attempt_at,
            error: notification.error.as_deref(),
        }
    }
}
