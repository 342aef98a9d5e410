//! Notifications: agents learn of conversations that wait for them, and visitors of
//! replies. The queue is in the database file (`store/notification.rs`).
//!
//! - `sender` sends what is due, and `retry` decides when it is sent again.
//! - `webhook` and `mailer` send one notification, `letter` writes e-mails.
//! - `reply_watch` notes which visitors have seen a reply before it is e-mailed.
//! - `settings` are the use cases of the API.

mod letter;
mod letter_body;
pub mod link;
mod mailer;
mod markdown;
mod outcome;
mod reply_watch;
mod retry;
mod sender;
pub mod settings;
mod stats;
mod webhook;

use std::sync::Arc;

pub use mailer::{Mailer, MailerError};
pub use sender::{EncodeWaiting, IssueLink, Sender, run};
pub use stats::NotificationStats;
pub use webhook::PRIVATE_HOST;

use super::Services;
use crate::config::{NotificationTimes, Settings};
use crate::domain::{ConversationId, ConversationSeq, MessageId, ProjectSeq, Timestamp};
use crate::store::notification::queue::{self, ShownEmail};
use crate::store::{Batch, Snapshot, StoreError, notification};
use reply_watch::ReplyWatch;
use webhook::WebhookClient;

/// What a process needs to send notifications.
#[derive(Debug)]
pub struct Notifier {
    /// None: no mail server is configured.
    pub mailer: Option<Mailer>,
    pub stats: NotificationStats,
    webhooks: WebhookClient,
    times: NotificationTimes,
    reply_watch: ReplyWatch,
}

impl Notifier {
    /// # Errors
    /// The mail server of the settings cannot be used.
    pub fn new(settings: &Settings) -> Result<Arc<Self>, MailerError> {
        let times = settings.notification_times;
        let allows_private = settings.notifications.webhook_private_network;
        Ok(Arc::new(Self {
            mailer: Mailer::new(&settings.notifications)?,
            stats: NotificationStats::default(),
            webhooks: WebhookClient::new(allows_private, times.webhook_timeout),
            times,
            reply_watch: ReplyWatch::default(),
        }))
    }

    pub fn is_email_configured(&self) -> bool {
        self.mailer.is_some()
    }

    /// E-mails a reply to the visitor unless the visitor sees it soon. Run the batch after
    /// the one that stores the reply.
    pub fn enqueue_reply(
        &self,
        project: ProjectSeq,
        id: ConversationId,
        conversation: ConversationSeq,
        reply: MessageId,
        at: Timestamp,
    ) -> Batch {
        if !self.is_email_configured() {
            return Batch::default();
        }
        self.reply_watch.watch(project, id);
        notification::enqueue_reply(conversation, reply, at, at.plus(self.times.reply_delay))
    }

    /// The e-mail that the visitor does not need who reads a conversation in this snapshot,
    /// which may have replies of other nodes.
    ///
    /// # Errors
    /// Errors of the read.
    pub fn shown_email(
        &self,
        snapshot: &Snapshot,
        conversation: ConversationSeq,
    ) -> Result<Option<ShownEmail>, StoreError> {
        if !self.is_email_configured() {
            return Ok(None);
        }
        queue::shown_email(snapshot, conversation)
    }

    /// The client of the visitor of a conversation shows that it receives messages. Replies
    /// so far are not e-mailed.
    pub fn mark_read(&self, project: ProjectSeq, conversation: ConversationId) {
        self.reply_watch.mark_read(project, conversation);
    }
}

impl Services {
    /// Deletes the e-mail with replies that a visitor has read, in the background.
    pub fn cancel_shown_email(&self, email: Option<ShownEmail>) {
        let Some(email) = email else { return };
        let write = self.store.submit(queue::cancel_shown(email));
        tokio::spawn(async move {
            if let Err(error) = write.await {
                log::debug!("an e-mail with replies that were read was not cancelled: {error}");
            }
        });
    }
}
