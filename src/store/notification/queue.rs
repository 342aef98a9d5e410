//! The queue of notifications: what is due, and how attempts end.

use crate::domain::{
    ConversationId, ConversationSeq, MessageSeq, NotificationId, NotificationKind, NotificationSeq,
    ProjectSeq, Timestamp,
};
use crate::store::batch::Batch;
use crate::store::error::StoreError;
use crate::store::rejection::Rejection;
use crate::store::snapshot::Snapshot;
use crate::store::sql::{Row, Sql, Value};

/// A notification whose next attempt is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotification {
    pub seq: NotificationSeq,
    pub id: NotificationId,
    pub project: ProjectSeq,
    pub conversation: ConversationSeq,
    /// The first reply of an e-mail with replies.
    pub first_reply: Option<MessageSeq>,
    pub kind: NotificationKind,
    pub recipient: String,
    pub created_at: Timestamp,
    /// The number of earlier attempts.
    pub attempts: u32,
}

/// The notifications that are left out of [`due`].
#[derive(Debug, Clone, Default)]
pub struct Exclusions {
    /// Those that are being sent.
    pub in_flight: Vec<NotificationSeq>,
    /// All webhooks.
    pub webhooks: bool,
    /// The webhooks of these projects.
    pub webhook_projects: Vec<ProjectSeq>,
    /// All e-mails.
    pub emails: bool,
    /// All e-mails with replies.
    pub replies: bool,
}

/// Selects the columns that [`due_notification`] reads. `?2` and `?4` are JSON arrays of
/// numbers, of which the arguments select the elements.
macro_rules! select_due {
    ($in_flight:literal, $webhook_projects:literal) => {
        concat!(
            "SELECT seq, id, project_seq, conversation_seq, message_seq, kind, recipient, \
                    created_at, attempts \
               FROM notification \
              WHERE next_attempt_at <= ?1 AND conversation_seq IS NOT NULL \
                AND seq NOT IN ",
            $in_flight,
            " AND CASE kind WHEN 'webhook' THEN ?3 = 0 AND project_seq NOT IN ",
            $webhook_projects,
            "          ELSE ?5 = 0 AND NOT (?6 = 1 AND kind = 'reply_email') END \
              ORDER BY next_attempt_at, seq LIMIT ?7"
        )
    };
}

/// The notifications that are due, those that are due the longest first, at most `limit`.
pub fn due(
    snapshot: &Snapshot,
    now: Timestamp,
    without: &Exclusions,
    limit: u32,
) -> Result<Vec<DueNotification>, StoreError> {
    let in_flight = without.in_flight.iter().map(|seq| seq.0);
    let projects = without.webhook_projects.iter().map(|project| project.0);
    let sql = Sql::new(
        sql!(
            sqlite: select_due!(
                "(SELECT value FROM json_each(?2))",
                "(SELECT value FROM json_each(?4))"
            ),
            postgres: select_due!(
                "(SELECT CAST(jsonb_array_elements_text(CAST(CAST(?2 AS TEXT) AS JSONB)) AS BIGINT))",
                "(SELECT CAST(jsonb_array_elements_text(CAST(CAST(?4 AS TEXT) AS JSONB)) AS BIGINT))"
            ),
        ),
        [
            now.into(),
            json_array(in_flight),
            without.webhooks.into(),
            json_array(projects),
            without.emails.into(),
            without.replies.into(),
            i64::from(limit).into(),
        ],
    );
    snapshot.all(&sql, due_notification)
}

fn json_array(numbers: impl Iterator<Item = i64>) -> Value {
    serde_json::json!(numbers.collect::<Vec<_>>())
        .to_string()
        .into()
}

fn due_notification(row: Row<'_>) -> Result<DueNotification, StoreError> {
    Ok(DueNotification {
        seq: row.get(0)?,
        id: row.get(1)?,
        project: row.get(2)?,
        conversation: row.get(3)?,
        first_reply: row.get(4)?,
        kind: row.variant(5, &NotificationKind::NAMES)?,
        recipient: row.get(6)?,
        created_at: row.get(7)?,
        attempts: row.get(8)?,
    })
}

/// Stores that an attempt begins. If the process ends before the attempt, the next one is
/// at `retry_at`.
///
/// Rejected with `NotFound` if the notification was deleted or postponed.
pub fn begin_attempt(seq: NotificationSeq, now: Timestamp, retry_at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE notification SET attempts = attempts + 1, next_attempt_at = ?3 \
                  WHERE seq = ?1 AND next_attempt_at <= ?2"
            ),
            [seq.into(), now.into(), retry_at.into()],
        ),
        Rejection::NotFound,
    )
}

/// Stores that a notification was delivered.
pub fn delivered(seq: NotificationSeq, at: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "UPDATE notification SET delivered_at = ?2, next_attempt_at = NULL, error = NULL \
              WHERE seq = ?1"
        ),
        [seq.into(), at.into()],
    )])
}

/// Stores why an attempt failed, and when the next one is. None: there is none.
pub fn failed(seq: NotificationSeq, error: &str, next_attempt_at: Option<Timestamp>) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "UPDATE notification SET error = ?2, next_attempt_at = ?3 \
              WHERE seq = ?1 AND next_attempt_at IS NOT NULL"
        ),
        [seq.into(), error.into(), next_attempt_at.into()],
    )])
}

/// Deletes e-mails with replies that the visitors have seen, unless they are being sent, or
/// a reply has joined them since they were read.
pub fn cancel_replies(emails: impl IntoIterator<Item = ReplyEmail>) -> Batch {
    let delete = |email: ReplyEmail| {
        Sql::new(
            sql!("DELETE FROM notification WHERE attempts = 0 AND seq = ? AND next_attempt_at = ?"),
            [email.seq.into(), email.due.into()],
        )
    };
    emails
        .into_iter()
        .map(delete)
        .fold(Batch::new(), Batch::run)
}

/// An e-mail that a visitor who reads a conversation does not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownEmail {
    seq: NotificationSeq,
    conversation: ConversationSeq,
    /// The newest message that the visitor can see.
    newest: MessageSeq,
}

/// The e-mail with replies of a conversation that is not sent yet. A visitor who reads the
/// conversation in this snapshot sees the replies.
pub fn shown_email(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
) -> Result<Option<ShownEmail>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT seq, (SELECT seq FROM message WHERE conversation_seq = ?1 \
                          ORDER BY seq DESC LIMIT 1) \
               FROM notification \
              WHERE conversation_seq = ?1 AND kind = 'reply_email' AND attempts = 0 \
                AND next_attempt_at IS NOT NULL"
        ),
        [conversation.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(ShownEmail {
            seq: row.get(0)?,
            conversation,
            newest: row.get::<Option<MessageSeq>>(1)?.unwrap_or(MessageSeq(0)),
        })
    })
}

/// Deletes an e-mail whose replies were shown, unless it is being sent, or there is a newer
/// reply.
pub fn cancel_shown(email: ShownEmail) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "DELETE FROM notification WHERE seq = ?1 AND attempts = 0 \
                AND NOT EXISTS (SELECT 1 FROM message \
                                 WHERE conversation_seq = ?2 AND role = 'human_agent' \
                                   AND seq > ?3)"
        ),
        [
            email.seq.into(),
            email.conversation.into(),
            email.newest.into(),
        ],
    )])
}

/// Deletes a notification that is not needed any more.
pub fn remove(seq: NotificationSeq) -> Batch {
    Batch::of([Sql::new(
        sql!("DELETE FROM notification WHERE seq = ?"),
        [seq.into()],
    )])
}

/// Removes the webhook of a project, unless it has another URL by now. Its notifications
/// are not sent again.
pub fn switch_off_webhook(project: ProjectSeq, url: &str, error: &str) -> Batch {
    Batch::of([
        Sql::new(
            sql!(
                "UPDATE notification SET next_attempt_at = NULL, error = ?3 \
                  WHERE project_seq = ?1 AND kind = 'webhook' AND recipient = ?2 \
                    AND next_attempt_at IS NOT NULL"
            ),
            [project.into(), url.into(), error.into()],
        ),
        Sql::new(
            sql!(
                "UPDATE project SET webhook_url = NULL, webhook_secret = NULL \
                  WHERE seq = ?1 AND webhook_url = ?2"
            ),
            [project.into(), url.into()],
        ),
    ])
}

/// An e-mail with replies that is not sent yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingReply {
    pub email: ReplyEmail,
    pub project: ProjectSeq,
    pub conversation: ConversationId,
}

/// An e-mail with replies, and when it is due. A reply that joins the e-mail postpones it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyEmail {
    pub seq: NotificationSeq,
    pub due: Timestamp,
}

/// The e-mails with replies that are not sent yet, those that are due next first, at most
/// `limit`.
pub fn pending_replies(snapshot: &Snapshot, limit: u32) -> Result<Vec<PendingReply>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT n.seq, n.next_attempt_at, n.project_seq, c.id \
               FROM notification AS n JOIN conversation AS c ON c.seq = n.conversation_seq \
              WHERE n.next_attempt_at IS NOT NULL AND n.kind = 'reply_email' AND n.attempts = 0 \
              ORDER BY n.next_attempt_at, n.seq LIMIT ?"
        ),
        [i64::from(limit).into()],
    );
    snapshot.all(&sql, |row| {
        Ok(PendingReply {
            email: ReplyEmail {
                seq: row.get(0)?,
                due: row.get(1)?,
            },
            project: row.get(2)?,
            conversation: row.get(3)?,
        })
    })
}

/// The number of notifications that are to be sent, and when the oldest whose first attempt
/// was due was created.
pub fn pending(
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT count(*), min(created_at) FILTER (WHERE attempts > 0 OR next_attempt_at < ?) \
               FROM notification WHERE next_attempt_at IS NOT NULL"
        ),
        [now.into()],
    );
    snapshot.one(&sql, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The number of e-mails of a kind that were sent to a recipient for a project since a time.
pub fn sent_emails(
    snapshot: &Snapshot,
    project: ProjectSeq,
    kind: NotificationKind,
    recipient: &str,
    since: Timestamp,
) -> Result<u64, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT count(*) FROM notification \
              WHERE project_seq = ? AND created_at >= ? AND kind = ? AND recipient = ? \
                AND delivered_at IS NOT NULL"
        ),
        [
            project.into(),
            since.into(),
            kind.as_str().into(),
            recipient.into(),
        ],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// The number of e-mails that were sent to a recipient since a time because a visitor waited,
/// the visitor of `conversation`.
pub fn sent_emails_of_visitor(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
    recipient: &str,
    since: Timestamp,
) -> Result<u64, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT count(*) FROM conversation AS own \
                    JOIN notification AS n ON n.project_seq = own.project_seq \
                    JOIN conversation AS c ON c.seq = n.conversation_seq \
              WHERE own.seq = ?1 AND n.created_at >= ?2 AND n.kind = 'email' AND n.recipient = ?3 \
                AND n.delivered_at IS NOT NULL AND c.visitor_seq = own.visitor_seq"
        ),
        [conversation.into(), since.into(), recipient.into()],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// Stores the address that receives an e-mail, which the visitor may have changed since.
pub fn set_recipient(seq: NotificationSeq, recipient: &str) -> Batch {
    Batch::of([Sql::new(
        sql!("UPDATE notification SET recipient = ?2 WHERE seq = ?1"),
        [seq.into(), recipient.into()],
    )])
}

/// Deletes the notifications that were created before a time and are not sent again.
pub fn remove_finished(before: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "DELETE FROM notification \
              WHERE project_seq IN (SELECT seq FROM project) AND created_at < ? \
                AND next_attempt_at IS NULL"
        ),
        [before.into()],
    )])
}
