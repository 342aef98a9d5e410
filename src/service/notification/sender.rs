//! Sends the notifications of the queue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError, JoinSet};

use super::letter::{self, Letter};
use super::outcome::Outcome;
use super::{Notifier, retry};
use crate::domain::{
    ConversationId, ConversationListItem, NotificationKind, NotificationSeq, ProjectSeq, ReplyLink,
    Timestamp, Visitor,
};
use crate::events::Topic;
use crate::store::notification::content::{self, UnseenReplies};
use crate::store::notification::queue::{self, DueNotification, Exclusions, PendingReply};
use crate::store::notification::settings::targets;
use crate::store::{Rejection, Snapshot, Store, StoreError};

/// Requests to webhooks at a time, for all projects and for each. A receiver that is slow
/// delays only the notifications of its project.
const MAX_WEBHOOKS: usize = 64;
const MAX_WEBHOOKS_OF_PROJECT: usize = 4;

/// Connections to the mail server at a time.
const MAX_EMAILS: usize = 4;

/// Notifications that are read from the queue at a time.
const BATCH_SIZE: u32 = 64;

/// E-mails with replies that are watched for visitors who see them.
const MAX_WATCHED_REPLIES: u32 = 10_000;

/// E-mails of a kind that an address receives from a project in an hour. Visitors decide how
/// many conversations wait, so the number must be limited.
const MAX_EMAILS_PER_HOUR: u64 = 60;

/// E-mails that an address receives in an hour because one visitor waits, so that a visitor
/// cannot use up those of the others.
const MAX_EMAILS_OF_VISITOR_PER_HOUR: u64 = 5;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// How often the queue is measured for the metrics.
const MEASURE_INTERVAL: Duration = Duration::from_secs(10);

/// Days for which the link of an e-mail with replies is valid.
pub const LINK_DAYS: u64 = 7;

/// Returns the body of a webhook request: the conversation with its visitor, since when it
/// waits, and its URL in the inbox.
pub type EncodeWaiting = fn(&ConversationListItem<'_>, &Visitor, Timestamp, &str) -> Vec<u8>;

/// Returns the token of a link that opens a conversation of a visitor.
pub type IssueLink = Box<dyn Fn(ReplyLink, Timestamp) -> String + Send + Sync>;

/// Sends notifications.
pub struct Sender {
    pub store: Arc<Store>,
    pub notifier: Arc<Notifier>,
    /// The beginning of the URLs of this server.
    pub base_url: String,
    pub encode_waiting: EncodeWaiting,
    pub issue_link: IssueLink,
}

/// What a task sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InFlight {
    seq: NotificationSeq,
    project: ProjectSeq,
    is_webhook: bool,
}

/// Sends notifications when they are due, forever.
pub async fn run(sender: Arc<Sender>) {
    let start = Instant::now();
    let mut measured_at = None;
    let mut tasks = JoinSet::new();
    let mut in_flight = HashMap::new();
    loop {
        if let Err(error) = sender.send_due(&mut tasks, &mut in_flight, start).await {
            log::debug!("due notifications could not be read: {error}");
        }
        if measured_at.is_none_or(|at: Instant| at.elapsed() >= MEASURE_INTERVAL) {
            measured_at = Some(Instant::now());
            sender.measure().await;
        }
        tokio::select! {
            Some(ended) = tasks.join_next_with_id() => remove(&mut in_flight, ended),
            () = tokio::time::sleep(sender.notifier.times.poll_interval) => {}
        }
    }
}

fn remove(in_flight: &mut HashMap<Id, InFlight>, ended: Result<(Id, ()), JoinError>) {
    let id = match ended {
        Ok((id, ())) => id,
        Err(error) => {
            log::error!("a notification could not be sent: {error}");
            error.id()
        }
    };
    in_flight.remove(&id);
}

impl Sender {
    /// Starts to send what is due.
    async fn send_due(
        self: &Arc<Self>,
        tasks: &mut JoinSet<()>,
        in_flight: &mut HashMap<Id, InFlight>,
        start: Instant,
    ) -> Result<(), StoreError> {
        self.cancel_seen_replies().await?;
        let mut without = exclusions(in_flight.values());
        // After a restart, visitors need some time to connect again.
        without.replies = start.elapsed() < self.notifier.times.reply_delay / 2;
        without.emails |= !self.notifier.is_email_configured();
        let now = Timestamp::now();
        let read = move |snapshot: &Snapshot| queue::due(snapshot, now, &without, BATCH_SIZE);
        for notification in self.store.read(read).await? {
            let flight = InFlight {
                seq: notification.seq,
                project: notification.project,
                is_webhook: notification.kind == NotificationKind::Webhook,
            };
            if !has_room(in_flight.values(), flight) {
                continue;
            }
            let sender = self.clone();
            let task = tasks.spawn(async move { sender.send(notification).await });
            in_flight.insert(task.id(), flight);
        }
        Ok(())
    }

    /// Deletes the e-mails with replies that the visitors have seen.
    async fn cancel_seen_replies(&self) -> Result<(), StoreError> {
        if !self.notifier.is_email_configured() {
            return Ok(());
        }
        let read = |snapshot: &Snapshot| queue::pending_replies(snapshot, MAX_WATCHED_REPLIES);
        let pending = self.store.read(read).await?;
        let watch = &self.notifier.reply_watch;
        let emails = pending.iter().map(|reply| (topic(reply), reply.email));
        watch.watch_only(emails, Instant::now());
        let mut cancelled = pending;
        cancelled.retain(|reply| watch.is_read(&topic(reply)));
        if !cancelled.is_empty() {
            let emails = cancelled.iter().map(|reply| reply.email);
            self.store.write(queue::cancel_replies(emails)).await?;
            watch.remove_read(cancelled.iter().map(topic));
        }
        Ok(())
    }

    async fn measure(&self) {
        let now = Timestamp::now();
        let read = move |snapshot: &Snapshot| queue::pending(snapshot, now);
        match self.store.read(read).await {
            Ok((count, oldest)) => self.notifier.stats.set_pending(count, oldest),
            Err(error) => log::debug!("pending notifications could not be counted: {error}"),
        }
    }

    /// Makes one attempt to send a notification, and stores its result.
    async fn send(&self, notification: DueNotification) {
        if let Err(error) = self.try_send(&notification).await
            && !matches!(error, StoreError::Rejected(Rejection::NotFound))
        {
            log::warn!("a notification could not be sent: {error}; trying again");
        }
    }

    async fn try_send(&self, notification: &DueNotification) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let times = &self.notifier.times;
        let wait = retry::wait_after(notification.attempts + 1, times.first_retry);
        let mut next = wait.unwrap_or(times.first_retry);
        if self.store.has_outbox() {
            // Until the result is stored, the notification is not due for other nodes.
            next = next.max(times.max_attempt);
        }
        let begin = queue::begin_attempt(notification.seq, now, now.plus(next));
        self.store.write(begin).await?;
        let delivery = tokio::time::timeout(times.max_attempt, self.deliver(notification));
        let timed_out = |_| Ok(Some(Outcome::retry("The attempt took too long")));
        let Some(outcome) = delivery.await.unwrap_or_else(timed_out)? else {
            let seen = queue::remove(notification.seq);
            return self.store.write(seen).await.map(drop);
        };
        self.notifier.stats.record(notification.kind, &outcome);
        log_outcome(notification, &outcome);
        let batch = match &outcome {
            Outcome::Delivered => queue::delivered(notification.seq, Timestamp::now()),
            Outcome::Retry { error, retry_after } => {
                let wait = wait.map(|wait| wait.max(retry_after.unwrap_or_default()));
                let next = wait.map(|wait| Timestamp::now().plus(wait));
                queue::failed(notification.seq, error, next)
            }
            Outcome::Failed { error } => queue::failed(notification.seq, error, None),
            Outcome::Gone => queue::switch_off_webhook(
                notification.project,
                &notification.recipient,
                outcome.error().unwrap_or_default(),
            ),
        };
        self.store.write(batch).await.map(drop)
    }

    /// Sends a notification. None: it is not needed any more.
    async fn deliver(&self, notification: &DueNotification) -> Result<Option<Outcome>, StoreError> {
        match notification.kind {
            NotificationKind::Webhook => self.deliver_webhook(notification).await,
            NotificationKind::Email => self.deliver_waiting(notification).await,
            NotificationKind::ReplyEmail => self.deliver_replies(notification).await,
        }
    }

    async fn deliver_webhook(
        &self,
        notification: &DueNotification,
    ) -> Result<Option<Outcome>, StoreError> {
        let (conversation, since) = (notification.conversation, notification.created_at);
        let (project, encode, base) = (
            notification.project,
            self.encode_waiting,
            self.base_url.clone(),
        );
        let read = move |snapshot: &Snapshot| {
            let body =
                content::conversation_with_visitor(snapshot, conversation, |item, visitor| {
                    let inbox_url = inbox_url(&base, item.conversation.id);
                    encode(item, visitor, since, &inbox_url)
                })?;
            Ok::<_, StoreError>((body, targets(snapshot, project)?.webhook_secret))
        };
        let (Some(body), Some(secret)) = self.store.read(read).await? else {
            return Ok(None);
        };
        let (url, id) = (&notification.recipient, notification.id);
        let outcome = self.notifier.webhooks.post(url, &secret, id, body).await;
        Ok(Some(outcome))
    }

    async fn deliver_waiting(
        &self,
        notification: &DueNotification,
    ) -> Result<Option<Outcome>, StoreError> {
        let conversation = notification.conversation;
        let read = move |snapshot: &Snapshot| content::waiting_conversation(snapshot, conversation);
        let Some(waiting) = self.store.read(read).await? else {
            return Ok(None);
        };
        if waiting.waiting_since.is_none() {
            return Ok(Some(Outcome::failed(
                "The conversation did not wait for an agent any more",
            )));
        }
        let letter = letter::waiting(&waiting, &inbox_url(&self.base_url, waiting.id));
        let recipient = &notification.recipient;
        Ok(Some(
            self.send_email(notification, recipient, &letter).await?,
        ))
    }

    async fn deliver_replies(
        &self,
        notification: &DueNotification,
    ) -> Result<Option<Outcome>, StoreError> {
        let row = notification.clone();
        let read = move |snapshot: &Snapshot| content::unseen_replies(snapshot, &row);
        let Some(replies) = self.store.read(read).await? else {
            return Ok(None);
        };
        let Some(email) = recipient_of(&replies) else {
            return Ok(None);
        };
        let expires_at = Timestamp::now().plus(24 * HOUR * LINK_DAYS as u32);
        let token = (self.issue_link)(replies.link, expires_at);
        let chat_url = format!("{}/chat#{token}", self.base_url);
        let letter = letter::reply(&replies, &chat_url, LINK_DAYS);
        if email != notification.recipient {
            let change = queue::set_recipient(notification.seq, email);
            self.store.write(change).await?;
        }
        Ok(Some(self.send_email(notification, email, &letter).await?))
    }

    async fn send_email(
        &self,
        notification: &DueNotification,
        recipient: &str,
        letter: &Letter,
    ) -> Result<Outcome, StoreError> {
        let Some(mailer) = &self.notifier.mailer else {
            return Ok(Outcome::retry("No mail server is configured"));
        };
        if let Some(error) = self.exceeded_limit(notification, recipient).await? {
            return Ok(Outcome::Failed { error });
        }
        Ok(mailer.send(notification.id, recipient, letter).await)
    }

    /// Why the recipient gets no more e-mails now.
    async fn exceeded_limit(
        &self,
        notification: &DueNotification,
        recipient: &str,
    ) -> Result<Option<String>, StoreError> {
        let (project, conversation) = (notification.project, notification.conversation);
        let (kind, address) = (notification.kind, recipient.to_owned());
        let since = Timestamp::now().minus(HOUR);
        let read = move |snapshot: &Snapshot| {
            let of_address = queue::sent_emails(snapshot, project, kind, &address, since)?;
            let of_visitor = match kind {
                NotificationKind::Email => {
                    queue::sent_emails_of_visitor(snapshot, conversation, &address, since)?
                }
                NotificationKind::ReplyEmail | NotificationKind::Webhook => 0,
            };
            Ok::<_, StoreError>((of_address, of_visitor))
        };
        let (of_address, of_visitor) = self.store.read(read).await?;
        Ok(if of_address >= MAX_EMAILS_PER_HOUR {
            Some(format!(
                "The address has received {MAX_EMAILS_PER_HOUR} e-mails within an hour, which is \
                 the limit"
            ))
        } else if of_visitor >= MAX_EMAILS_OF_VISITOR_PER_HOUR {
            Some(format!(
                "The address has received {MAX_EMAILS_OF_VISITOR_PER_HOUR} e-mails about this \
                 visitor within an hour, which is the limit"
            ))
        } else {
            None
        })
    }
}

fn topic(reply: &PendingReply) -> Topic {
    (reply.project, reply.conversation)
}

/// The address for an e-mail with replies. None: the visitor needs or wants none.
fn recipient_of(replies: &UnseenReplies) -> Option<&str> {
    let is_needed = !replies.is_blocked && !replies.has_answered && !replies.replies.is_empty();
    replies.email.as_deref().filter(|_| is_needed)
}

fn inbox_url(base: &str, conversation: ConversationId) -> String {
    format!("{base}/inbox/conversations/{conversation}")
}

fn exclusions<'a>(in_flight: impl Iterator<Item = &'a InFlight> + Clone) -> Exclusions {
    let webhooks = || in_flight.clone().filter(|flight| flight.is_webhook);
    let of_project = |project| {
        webhooks()
            .filter(|flight| flight.project == project)
            .count()
    };
    let mut projects: Vec<_> = webhooks().map(|flight| flight.project).collect();
    projects.retain(|project| of_project(*project) >= MAX_WEBHOOKS_OF_PROJECT);
    Exclusions {
        in_flight: in_flight.clone().map(|flight| flight.seq).collect(),
        webhooks: webhooks().count() >= MAX_WEBHOOKS,
        webhook_projects: projects,
        emails: in_flight
            .clone()
            .filter(|flight| !flight.is_webhook)
            .count()
            >= MAX_EMAILS,
        replies: false,
    }
}

/// Whether another notification can be sent now.
fn has_room<'a>(in_flight: impl Iterator<Item = &'a InFlight> + Clone, new: InFlight) -> bool {
    let without = exclusions(in_flight);
    if new.is_webhook {
        !without.webhooks && !without.webhook_projects.contains(&new.project)
    } else {
        !without.emails
    }
}

fn log_outcome(notification: &DueNotification, outcome: &Outcome) {
    let kind = notification.kind.as_str();
    match outcome {
        Outcome::Delivered => log::debug!("a notification was delivered: {kind}"),
        Outcome::Gone => log::warn!(
            "a webhook responded with status 410 (Gone) and was switched off; set its URL again \
             to use it"
        ),
        Outcome::Retry { error, .. } | Outcome::Failed { error } => log::warn!(
            "a notification was not delivered: {kind}, attempt {}: {error}",
            notification.attempts + 1
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(seq: i64, project: i64, is_webhook: bool) -> InFlight {
        InFlight {
            seq: NotificationSeq(seq),
            project: ProjectSeq(project),
            is_webhook,
        }
    }

    #[test]
    fn slow_receiver_delays_only_its_project() {
        let in_flight: Vec<_> = (0..4).map(|seq| flight(seq, 1, true)).collect();
        assert!(!has_room(in_flight.iter(), flight(9, 1, true)));
        assert!(has_room(in_flight.iter(), flight(9, 2, true)));
        assert!(has_room(in_flight.iter(), flight(9, 1, false)));
        assert!(has_room(in_flight[1..].iter(), flight(9, 1, true)));
    }

    #[test]
    fn notifications_in_flight_are_limited() {
        let webhooks: Vec<_> = (0..64).map(|seq| flight(seq, seq, true)).collect();
        assert!(!has_room(webhooks.iter(), flight(99, 99, true)));
        let emails: Vec<_> = (0..4).map(|seq| flight(seq, 1, false)).collect();
        assert!(!has_room(emails.iter(), flight(99, 99, false)));
    }
}
