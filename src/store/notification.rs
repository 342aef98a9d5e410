//! Notifications: webhook requests and e-mails that are to be sent. The rows are the queue,
//! so that a restart loses none.

pub mod content;
pub mod link;
pub mod queue;
pub mod settings;

use uuid::Uuid;

use super::batch::Batch;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{ConversationSeq, MessageId, ProjectSeq, Timestamp};

/// Inserts a notification for each e-mail address of a project: `$id` is a new UUID of
/// version 4 as 16 bytes, and `$addresses` the rows of the project's addresses.
macro_rules! insert_emails {
    ($id:literal, $addresses:literal) => {
        concat!(
            "INSERT INTO notification (id, project_seq, conversation_seq, kind, recipient, \
                                       created_at, next_attempt_at) \
             SELECT ",
            $id,
            ", p.seq, c.seq, 'email', address.value, ?2, ?2 \
               FROM conversation AS c JOIN project AS p ON p.seq = c.project_seq CROSS JOIN ",
            $addresses,
            " WHERE c.seq = ?1 AND c.waiting_since = ?2 \
                AND NOT EXISTS (SELECT 1 FROM notification AS n \
                                 WHERE n.conversation_seq = c.seq AND n.kind = 'email' \
                                   AND n.created_at = ?2)"
        )
    };
}

/// Notifies the project's agents that a conversation waits since `at`: one row for the
/// webhook, and one for each e-mail address if `is_email_configured`. Run it in the batch
/// that sets `waiting_since`, after that statement. It does nothing for a conversation that
/// does not wait, or has waited since another time.
pub fn enqueue_waiting(
    conversation: ConversationSeq,
    is_email_configured: bool,
    at: Timestamp,
) -> Batch {
    let batch = Batch::of([Sql::new(
        sql!(
            "INSERT INTO notification (id, project_seq, conversation_seq, kind, recipient, \
                                       created_at, next_attempt_at) \
             SELECT ?3, p.seq, c.seq, 'webhook', p.webhook_url, ?2, ?2 \
               FROM conversation AS c JOIN project AS p ON p.seq = c.project_seq \
              WHERE c.seq = ?1 AND c.waiting_since = ?2 AND p.webhook_url IS NOT NULL \
                AND NOT EXISTS (SELECT 1 FROM notification AS n \
                                 WHERE n.conversation_seq = c.seq AND n.kind = 'webhook' \
                                   AND n.created_at = ?2)"
        ),
        [conversation.into(), at.into(), Uuid::new_v4().into()],
    )]);
    if !is_email_configured {
        return batch;
    }
    batch.run(Sql::new(
        sql!(
            sqlite: insert_emails!(
                "unhex(hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2) || '8' \
                       || substr(hex(randomblob(8)), 2))",
                "json_each(p.notification_emails) AS address"
            ),
            postgres: insert_emails!(
                "uuid_send(gen_random_uuid())",
                "jsonb_array_elements_text(CAST(p.notification_emails AS JSONB)) AS address (value)"
            ),
        ),
        [conversation.into(), at.into()],
    ))
}

/// Whether the project's agents can be notified of a waiting conversation.
pub fn can_notify(
    snapshot: &Snapshot,
    project: ProjectSeq,
    is_email_configured: bool,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT CASE WHEN webhook_url IS NOT NULL OR (?2 = 1 AND notification_emails <> '[]') \
                         THEN 1 ELSE 0 END \
               FROM project WHERE seq = ?1"
        ),
        [project.into(), is_email_configured.into()],
    );
    Ok(snapshot.optional(&sql, |row| row.get(0))?.unwrap_or(false))
}

/// How long an e-mail with replies can be postponed by further replies, as a multiple of
/// its delay.
const MAX_REPLY_DELAYS: i64 = 5;

/// E-mails a reply of an agent to the visitor at `due`, unless the e-mail is cancelled until
/// then. A reply joins an e-mail that is not sent yet, and postpones it. Does nothing if
/// the visitor has left no e-mail address or is blocked. Run it in the batch that stores
/// the reply, after that statement.
pub fn enqueue_reply(
    conversation: ConversationSeq,
    reply: MessageId,
    at: Timestamp,
    due: Timestamp,
) -> Batch {
    Batch::of([
        Sql::new(
            sql!(
                "UPDATE notification SET next_attempt_at = \
                        CASE WHEN next_attempt_at >= ?2 OR next_attempt_at >= created_at + ?3 \
                             THEN next_attempt_at \
                             WHEN ?2 <= created_at + ?3 THEN ?2 ELSE created_at + ?3 END \
                  WHERE conversation_seq = ?1 AND kind = 'reply_email' AND attempts = 0 \
                    AND next_attempt_at IS NOT NULL"
            ),
            [
                conversation.into(),
                due.into(),
                (MAX_REPLY_DELAYS * (due.0 - at.0)).into(),
            ],
        ),
        Sql::new(
            sql!(
                "INSERT INTO notification (id, project_seq, conversation_seq, message_seq, kind, \
                                           recipient, created_at, next_attempt_at) \
                 SELECT ?5, c.project_seq, c.seq, m.seq, 'reply_email', v.email, ?3, ?4 \
                   FROM conversation AS c JOIN visitor AS v ON v.seq = c.visitor_seq \
                                          JOIN message AS m ON m.conversation_seq = c.seq \
                  WHERE c.seq = ?1 AND m.id = ?2 AND v.email IS NOT NULL AND v.blocked_at IS NULL \
                    AND NOT EXISTS (SELECT 1 FROM notification AS n \
                                     WHERE n.conversation_seq = c.seq AND n.kind = 'reply_email' \
                                       AND n.next_attempt_at IS NOT NULL AND n.attempts = 0)"
            ),
            [
                conversation.into(),
                reply.into(),
                at.into(),
                due.into(),
                Uuid::new_v4().into(),
            ],
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::sql::Value;
    use super::super::test_db::{PROJECT, TestDb};
    use super::*;

    const CONVERSATION: ConversationSeq = ConversationSeq(1);

    fn run(db: &TestDb, text: &'static str) {
        let batch = Batch::of([Sql::unregistered(text, [])]);
        db.store.write_blocking(batch).expect(text);
    }

    fn rows(db: &TestDb, text: &'static str) -> Vec<Vec<Value>> {
        let batch = Batch::of([Sql::unregistered(text, [])]);
        db.store.write_blocking(batch).expect(text).rows
    }

    /// A conversation that waits since 5, in a project with a webhook and two addresses.
    fn waiting() -> TestDb {
        let db = TestDb::new();
        let insert = Sql::unregistered(
            "INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
                 updated_at, last_interaction_at, waiting_since, waiting_reason) \
             VALUES (1, ?, 1, 1, 'open', 0, 0, 0, 5, 'requested')",
            [Uuid::now_v7().into()],
        );
        db.store
            .write_blocking(Batch::of([insert]))
            .expect("a conversation");
        run(
            &db,
            "UPDATE project SET webhook_url = 'https://a.example/', webhook_secret = zeroblob(32), \
             notification_emails = '[\"a@shop.example\",\"b@shop.example\"]'",
        );
        db
    }

    fn enqueue(db: &TestDb, is_email_configured: bool, at: i64) {
        let batch = enqueue_waiting(CONVERSATION, is_email_configured, Timestamp(at));
        db.store.write_blocking(batch).expect("a write");
    }

    #[test]
    fn waiting_conversation_is_enqueued_once_for_each_recipient() {
        let db = waiting();
        enqueue(&db, true, 4);
        assert!(
            rows(&db, "SELECT 1 FROM notification").is_empty(),
            "another time"
        );
        enqueue(&db, true, 5);
        enqueue(&db, true, 5);
        let recipients = rows(&db, "SELECT kind, recipient FROM notification ORDER BY seq");
        let expected = [
            ["webhook", "https://a.example/"],
            ["email", "a@shop.example"],
            ["email", "b@shop.example"],
        ];
        assert_eq!(
            recipients,
            expected.map(|row| row.map(Value::from).to_vec())
        );
        let ids = rows(&db, "SELECT DISTINCT id FROM notification");
        assert_eq!(ids.len(), 3);
        for id in ids {
            let [Value::Blob(bytes)] = id.as_slice() else {
                panic!("{id:?}");
            };
            let id = Uuid::from_slice(bytes).expect("16 bytes");
            assert_eq!(id.get_version_num(), 4);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        }
    }

    #[test]
    fn without_mail_server_only_the_webhook_is_notified() {
        let db = waiting();
        enqueue(&db, false, 5);
        let kinds = rows(&db, "SELECT kind FROM notification");
        assert_eq!(kinds, [vec![Value::from("webhook")]]);
    }

    #[test]
    fn agents_can_be_notified_by_a_webhook_or_by_email_with_a_mail_server() {
        let db = waiting();
        let can = |is_email_configured| {
            let read = |snapshot: &Snapshot| can_notify(snapshot, PROJECT, is_email_configured);
            db.store.read_blocking(read).expect("a read")
        };
        assert!(can(false) && can(true));
        run(&db, "UPDATE project SET webhook_url = NULL");
        assert!(!can(false) && can(true));
        run(&db, "UPDATE project SET notification_emails = '[]'");
        assert!(!can(true));
    }

    /// Stores a reply that is e-mailed at `at` + 100.
    fn reply(db: &TestDb, at: i64) {
        let id = MessageId::generate();
        let insert = Sql::unregistered(
            "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
             VALUES (?, 1, ?, 'human_agent', 'complete', 'Hello')",
            [id.into(), at.into()],
        );
        let enqueue = enqueue_reply(CONVERSATION, id, Timestamp(at), Timestamp(at + 100));
        let batch = Batch::of([insert]).then(enqueue);
        db.store.write_blocking(batch).expect("a write");
    }

    #[test]
    fn email_is_cancelled_only_if_all_of_its_replies_were_shown() {
        let db = waiting();
        run(&db, "UPDATE visitor SET email = 'eva@home.example'");
        let shown = || {
            let read = |snapshot: &Snapshot| queue::shown_email(snapshot, CONVERSATION);
            db.store.read_blocking(read).expect("a read")
        };
        let cancel = |email| db.store.write_blocking(queue::cancel_shown(email));
        assert_eq!(shown(), None);
        reply(&db, 10);
        let first = shown().expect("an e-mail");
        reply(&db, 20);
        cancel(first).expect("a write");
        let both = shown().expect("the e-mail with the second reply");
        cancel(both).expect("a write");
        assert_eq!(shown(), None);
    }

    #[test]
    fn email_that_a_reply_has_joined_is_not_cancelled() {
        let db = waiting();
        run(&db, "UPDATE visitor SET email = 'eva@home.example'");
        let pending = || {
            let read = |snapshot: &Snapshot| queue::pending_replies(snapshot, 10);
            db.store.read_blocking(read).expect("a read")
        };
        let cancel = |emails: Vec<queue::PendingReply>| {
            let emails = emails.into_iter().map(|reply| reply.email);
            let cancel = queue::cancel_replies(emails);
            db.store.write_blocking(cancel).expect("a write");
        };
        reply(&db, 10);
        let first = pending();
        reply(&db, 20);
        cancel(first);
        assert_eq!(pending().len(), 1);
        cancel(pending());
        assert!(pending().is_empty());
    }

    #[test]
    fn replies_join_the_email_that_is_not_sent_yet() {
        let db = waiting();
        let reply = |at| reply(&db, at);
        let due = || {
            rows(
                &db,
                "SELECT message_seq, recipient, next_attempt_at FROM notification ORDER BY seq",
            )
        };
        reply(10);
        assert!(due().is_empty(), "there is no address");
        run(&db, "UPDATE visitor SET email = 'eva@home.example'");
        let row = |message: i64, next: i64| {
            vec![message.into(), "eva@home.example".into(), Value::from(next)]
        };
        reply(1000);
        assert_eq!(due(), [row(2, 1100)]);
        reply(1050);
        assert_eq!(due(), [row(2, 1150)]);
        reply(1900);
        assert_eq!(due(), [row(2, 1500)], "not postponed further");
        run(&db, "UPDATE notification SET attempts = 1");
        reply(2000);
        assert_eq!(due(), [row(2, 1500), row(5, 2100)]);
    }
}
