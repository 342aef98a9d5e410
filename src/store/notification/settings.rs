//! Where the notifications of a project are sent, and the newest notifications.

use crate::domain::{
    Notification, NotificationId, NotificationKind, NotificationTargets, ProjectSeq, TargetsChange,
    Timestamp, WebhookSecret,
};
use crate::store::batch::Batch;
use crate::store::error::StoreError;
use crate::store::snapshot::Snapshot;
use crate::store::sql::Sql;

/// Where the notifications of a project are sent.
pub fn targets(
    snapshot: &Snapshot,
    project: ProjectSeq,
) -> Result<NotificationTargets, StoreError> {
    let sql = Sql::new(
        sql!("SELECT webhook_url, webhook_secret, notification_emails FROM project WHERE seq = ?"),
        [project.into()],
    );
    snapshot.one(&sql, |row| {
        let secret: Option<[u8; 32]> = row.get(1)?;
        Ok(NotificationTargets {
            webhook_url: row.get(0)?,
            webhook_secret: secret.map(WebhookSecret),
            emails: serde_json::from_str(row.get(2)?).unwrap_or_default(),
        })
    })
}

/// Changes where the notifications of a project are sent. Notifications that are to be sent
/// go to the new webhook, and not to removed addresses. `new_secret` is stored if the
/// webhook has none or the secret is replaced.
pub fn change_targets(
    project: ProjectSeq,
    change: &TargetsChange,
    new_secret: WebhookSecret,
    now: Timestamp,
) -> Batch {
    let mut batch = Batch::new();
    if let Some(url) = &change.webhook_url {
        batch = batch.run(set_webhook(project, url.as_deref(), new_secret));
        batch = batch.run(redirect_webhooks(project, url.as_deref(), now));
    }
    if change.rotates_secret {
        batch = batch.run(Sql::new(
            sql!(
                "UPDATE project SET webhook_secret = ?2 WHERE seq = ?1 AND webhook_url IS NOT NULL"
            ),
            [project.into(), new_secret.0.into()],
        ));
    }
    match &change.emails {
        Some(emails) => batch.then(set_emails(project, emails)),
        None => batch,
    }
}

fn set_webhook(project: ProjectSeq, url: Option<&str>, new_secret: WebhookSecret) -> Sql {
    Sql::new(
        sql!(
            "UPDATE project SET webhook_url = ?2, \
                    webhook_secret = CASE WHEN CAST(?2 AS TEXT) IS NOT NULL \
                                          THEN coalesce(webhook_secret, ?3) END \
              WHERE seq = ?1"
        ),
        [project.into(), url.into(), new_secret.0.into()],
    )
}

fn redirect_webhooks(project: ProjectSeq, url: Option<&str>, now: Timestamp) -> Sql {
    Sql::new(
        sql!(
            "UPDATE notification SET recipient = coalesce(?2, recipient), \
                    next_attempt_at = CASE WHEN CAST(?2 AS TEXT) IS NULL THEN NULL \
                                           WHEN next_attempt_at < ?3 THEN next_attempt_at ELSE ?3 END, \
                    error = CASE WHEN CAST(?2 AS TEXT) IS NULL THEN 'The webhook was removed' \
                                 ELSE error END \
              WHERE project_seq = ?1 AND kind = 'webhook' AND next_attempt_at IS NOT NULL \
                AND recipient IS DISTINCT FROM ?2"
        ),
        [project.into(), url.into(), now.into()],
    )
}

/// Cancels the e-mails whose addresses are not in the JSON array `?2`, of which `$addresses`
/// selects the elements.
macro_rules! cancel_emails {
    ($addresses:literal) => {
        concat!(
            "UPDATE notification SET next_attempt_at = NULL, error = 'The address was removed' \
              WHERE project_seq = ?1 AND kind = 'email' AND next_attempt_at IS NOT NULL \
                AND recipient NOT IN ",
            $addresses
        )
    };
}

fn set_emails(project: ProjectSeq, emails: &[String]) -> Batch {
    let emails = serde_json::json!(emails).to_string();
    Batch::of([
        Sql::new(
            sql!("UPDATE project SET notification_emails = ?2 WHERE seq = ?1"),
            [project.into(), emails.as_str().into()],
        ),
        Sql::new(
            sql!(
                sqlite: cancel_emails!("(SELECT value FROM json_each(?2))"),
                postgres: cancel_emails!(
                    "(SELECT jsonb_array_elements_text(CAST(CAST(?2 AS TEXT) AS JSONB)))"
                ),
            ),
            [project.into(), emails.into()],
        ),
    ])
}

/// The newest notifications of a project, at most `limit`.
pub fn recent(
    snapshot: &Snapshot,
    project: ProjectSeq,
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT id, kind, recipient, created_at, delivered_at, attempts, next_attempt_at, error \
               FROM notification WHERE project_seq = ? ORDER BY created_at DESC, seq DESC LIMIT ?"
        ),
        [project.into(), i64::from(limit).into()],
    );
    snapshot.all(&sql, |row| {
        Ok(Notification {
            id: row.get(0)?,
            kind: row.variant(1, &NotificationKind::NAMES)?,
            recipient: row.get(2)?,
            created_at: row.get(3)?,
            delivered_at: row.get(4)?,
            attempts: row.get(5)?,
            next_attempt_at: row.get(6)?,
            error: row.get(7)?,
        })
    })
}

/// Stores a test, which was sent once.
pub fn insert_test(
    project: ProjectSeq,
    id: NotificationId,
    kind: NotificationKind,
    recipient: &str,
    at: Timestamp,
    error: Option<&str>,
) -> Batch {
    let delivered_at = error.is_none().then_some(at);
    Batch::of([Sql::new(
        sql!(
            "INSERT INTO notification (id, project_seq, kind, recipient, created_at, attempts, \
                                       delivered_at, error) \
             VALUES (?, ?, ?, ?, ?, 1, ?, ?)"
        ),
        [
            id.into(),
            project.into(),
            kind.as_str().into(),
            recipient.into(),
            at.into(),
            delivered_at.into(),
            error.into(),
        ],
    )])
}
