//! The notification settings of a project.

use url::Url;

use super::letter;
use super::outcome::Outcome;
use super::webhook::PRIVATE_HOST;
use crate::domain::{
    Notification, NotificationId, NotificationKind, NotificationTargets, ProjectSeq, TargetsChange,
    Timestamp, WebhookSecret,
};
use crate::service::Services;
use crate::store::notification::content;
use crate::store::notification::settings as store;
use crate::store::{Snapshot, StoreError};

/// The number of notifications that are shown.
const MAX_RECENT: u32 = 20;

/// Why notifications could not be changed or tested.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    #[error("the URL {PRIVATE_HOST}")]
    PrivateHost,
    #[error("the project has no webhook; set webhookUrl first")]
    NoWebhook,
    #[error("the project has no e-mail address for notifications; set emails first")]
    NoAddress,
    #[error(
        "the server has no mail server; its operator sets one with --smtp-url and --email-from"
    )]
    NoMailServer,
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where the notifications of a project are sent, and the newest ones.
#[derive(Debug, Clone)]
pub struct NotificationSettings {
    pub targets: NotificationTargets,
    pub is_email_configured: bool,
    pub recent: Vec<Notification>,
}

/// Reads the settings of a project.
pub async fn read(
    services: &Services,
    project: ProjectSeq,
) -> Result<NotificationSettings, StoreError> {
    let is_email_configured = services.is_email_configured;
    let read = move |snapshot: &Snapshot| {
        Ok(NotificationSettings {
            targets: store::targets(snapshot, project)?,
            is_email_configured,
            recent: store::recent(snapshot, project, MAX_RECENT)?,
        })
    };
    services.store.read(read).await
}

/// Changes the settings of a project, and returns them.
///
/// # Errors
/// [`NotificationError::PrivateHost`] if the webhook leads to a private network.
pub async fn change(
    services: &Services,
    project: ProjectSeq,
    change: &TargetsChange,
) -> Result<NotificationSettings, NotificationError> {
    if let Some(Some(url)) = &change.webhook_url {
        let url = Url::parse(url).ok();
        if url.is_none_or(|url| services.notifier.webhooks.refuses_host(&url)) {
            return Err(NotificationError::PrivateHost);
        }
    }
    let (secret, now) = (WebhookSecret::generate()?, Timestamp::now());
    let batch = store::change_targets(project, change, secret, now);
    services.store.write(batch).await?;
    Ok(read(services, project).await?)
}

/// Sends a test, and returns why it was not delivered. `encode` writes the body of the
/// request to a webhook. E-mails go to all addresses of the project.
///
/// # Errors
/// [`NotificationError::NoWebhook`], [`NotificationError::NoAddress`],
/// [`NotificationError::NoMailServer`].
pub async fn send_test(
    services: &Services,
    project: ProjectSeq,
    kind: NotificationKind,
    base_url: &str,
    encode: fn(Timestamp) -> Vec<u8>,
) -> Result<Option<String>, NotificationError> {
    let read = move |snapshot: &Snapshot| {
        let name = content::project_name(snapshot, project)?;
        Ok::<_, StoreError>((store::targets(snapshot, project)?, name))
    };
    let (targets, name) = services.store.read(read).await?;
    if kind == NotificationKind::Webhook {
        let (Some(url), Some(secret)) = (&targets.webhook_url, &targets.webhook_secret) else {
            return Err(NotificationError::NoWebhook);
        };
        let (id, now) = (NotificationId::generate(), Timestamp::now());
        let client = &services.notifier.webhooks;
        let outcome = client.post(url, secret, id, encode(now)).await;
        return store_test(services, project, id, kind, url, &outcome).await;
    }
    let mailer = services.notifier.mailer.as_ref();
    let mailer = mailer.ok_or(NotificationError::NoMailServer)?;
    if targets.emails.is_empty() {
        return Err(NotificationError::NoAddress);
    }
    let letter = letter::test(&name, &format!("{base_url}/inbox/notifications"));
    let mut first_error = None;
    for address in &targets.emails {
        let id = NotificationId::generate();
        let outcome = mailer.send(id, address, &letter).await;
        let error = store_test(services, project, id, kind, address, &outcome).await?;
        first_error = first_error.or(error);
    }
    Ok(first_error)
}

async fn store_test(
    services: &Services,
    project: ProjectSeq,
    id: NotificationId,
    kind: NotificationKind,
    recipient: &str,
    outcome: &Outcome,
) -> Result<Option<String>, NotificationError> {
    services.notifier.stats.record(kind, outcome);
    let error = outcome.error();
    let batch = store::insert_test(project, id, kind, recipient, Timestamp::now(), error);
    services.store.write(batch).await?;
    Ok(error.map(str::to_owned))
}
