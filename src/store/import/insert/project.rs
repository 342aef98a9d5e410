//! Inserts projects, and what their owners have set up: assistants, keys, agents.

use super::expecting_references;
use crate::store::batch::{Batch, BatchOutput};
use crate::store::erasure::next_seq;
use crate::store::export::{
    AccountRecord, AssistantRecord, JsonText, KeyRecord, ProjectRecord, SecretRecord, UsageRecord,
};
use crate::store::sql::Sql;

pub(super) fn insert_project(project: &ProjectRecord) -> Batch {
    Batch::of([Sql::new(
        sql!(concat!(
            "INSERT INTO project (seq, id, name, description, widget_config, plan, created_at, \
                                  message_quota, business_hours, away_message, webhook_url, \
                                  notification_emails) VALUES (",
            next_seq!("project"),
            ", ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )),
        [
            project.id.into(),
            project.name.as_str().into(),
            project.description.as_deref().into(),
            project.widget_config.as_str().into(),
            project.plan.as_deref().into(),
            project.created_at.into(),
            project.message_quota.map(i64::from).into(),
            project.business_hours.as_ref().map(JsonText::as_str).into(),
            project.away_message.as_deref().into(),
            project.webhook_url.as_deref().into(),
            serde_json::json!(project.notification_emails)
                .to_string()
                .into(),
        ],
    )])
}

pub(super) fn insert_assistant(assistant: &AssistantRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO assistant (project_seq, id, name, mode, prompt, fallback, created_at) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7 FROM project WHERE id = ?1"
        ),
        [
            assistant.project_id.into(),
            assistant.id.into(),
            assistant.name.as_str().into(),
            assistant.mode.as_str().into(),
            assistant.prompt.as_deref().into(),
            assistant.fallback.as_deref().into(),
            assistant.created_at.into(),
        ],
    )
}

pub(super) fn insert_key(key: &KeyRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO api_key (project_seq, id, kind, name, hash, hint, origins, created_at, \
                                  revoked_at, assistant_seq, publishable_key) \
             SELECT p.seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, a.seq, ?11 \
               FROM project AS p LEFT JOIN assistant AS a ON a.id = ?10 AND a.project_seq = p.seq \
              WHERE p.id = ?1 AND (?10 IS NULL) = (a.seq IS NULL)"
        ),
        [
            key.project_id.into(),
            key.id.into(),
            key.kind.as_str().into(),
            key.name.as_str().into(),
            key.hash.0.into(),
            key.hint.as_str().into(),
            serde_json::json!(key.origins).to_string().into(),
            key.created_at.into(),
            key.revoked_at.into(),
            key.assistant_id.into(),
            key.publishable_key.as_deref().into(),
        ],
    )
}

pub(super) fn insert_account(account: &AccountRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO agent (project_seq, id, name, email, avatar_url, role, password_hash, \
                                is_away, created_at) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM project WHERE id = ?1"
        ),
        [
            account.project_id.into(),
            account.id.into(),
            account.name.as_str().into(),
            account.email.as_str().into(),
            account.avatar_url.as_deref().into(),
            account.role.as_str().into(),
            account.password_hash.as_deref().into(),
            account.is_away.into(),
            account.created_at.into(),
        ],
    )
}

/// Gives each webhook without a secret a new one. An export without secrets has only the URLs,
/// and requests cannot be sent without a signature. The result has a row for each.
pub fn create_webhook_secrets() -> Batch {
    macro_rules! set_secrets {
        ($random_bytes:literal) => {
            concat!(
                "UPDATE project SET webhook_secret = ",
                $random_bytes,
                " WHERE webhook_url IS NOT NULL AND webhook_secret IS NULL RETURNING seq"
            )
        };
    }
    Batch::of([Sql::new(
        sql!(
            sqlite: set_secrets!("randomblob(32)"),
            postgres: set_secrets!(
                "sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) \
                        || uuid_send(gen_random_uuid()))"
            ),
        ),
        [],
    )])
}

/// The number of secrets that [`create_webhook_secrets`] created.
pub fn count_created_secrets(output: &BatchOutput) -> usize {
    output.rows.len()
}

/// The secret of a project or key is a column of its row.
pub(super) fn insert_secret(secret: &SecretRecord) -> Batch {
    let value = secret.value.0.into();
    match (secret.project_id, secret.key_id) {
        (Some(project), _) => expecting_references(Sql::new(
            sql!("UPDATE project SET webhook_secret = ?2 WHERE id = ?1"),
            [project.into(), value],
        )),
        (None, Some(key)) => expecting_references(Sql::new(
            sql!("UPDATE api_key SET identity_secret = ?2 WHERE id = ?1"),
            [key.into(), value],
        )),
        (None, None) => Batch::of([Sql::new(
            sql!("INSERT INTO secret (name, value) VALUES (?, ?)"),
            [secret.name.as_str().into(), value],
        )]),
    }
}

pub(super) fn insert_usage(usage: &UsageRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO usage (project_seq, month, messages) \
             SELECT seq, ?2, ?3 FROM project WHERE id = ?1 \
             ON CONFLICT (project_seq, month) DO UPDATE \
                SET messages = CASE WHEN excluded.messages > usage.messages THEN excluded.messages \
                                    ELSE usage.messages END"
        ),
        [
            usage.project_id.into(),
            usage.month.0.into(),
            i64::try_from(usage.messages).unwrap_or(i64::MAX).into(),
        ],
    )
}
