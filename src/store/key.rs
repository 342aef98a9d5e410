//! API keys. The store has their hashes, and the texts of publishable keys.

use std::collections::HashSet;

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{
    AssistantSeq, Key, KeyHash, KeyId, KeyKind, KeySeq, Origin, ProjectSeq, Timestamp,
};

/// A stored key.
#[derive(Debug, Clone)]
pub struct StoredKey {
    pub seq: KeySeq,
    pub id: KeyId,
    pub project: ProjectSeq,
    pub kind: KeyKind,
    pub name: String,
    /// The last characters of the key.
    pub hint: String,
    /// The websites that may use the key. Empty: all websites.
    pub origins: Vec<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// A SELECT of the columns that [`from_row`] reads.
macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, project_seq, kind, name, hint, origins, created_at, revoked_at \
               FROM api_key ",
            $rest
        )
    };
}

/// Finds a key by the hash of its text. Revoked keys are found too.
pub fn find(snapshot: &Snapshot, hash: KeyHash) -> Result<Option<StoredKey>, StoreError> {
    let sql = Sql::new(select_keys!("WHERE hash = ?"), [hash.0.into()]);
    snapshot.optional(&sql, from_row)
}

/// Every key, oldest first.
pub fn all(snapshot: &Snapshot) -> Result<Vec<StoredKey>, StoreError> {
    snapshot.all(&Sql::new(select_keys!("ORDER BY seq"), []), from_row)
}

/// The row numbers of the keys that are not revoked.
pub fn valid_seqs(snapshot: &Snapshot) -> Result<HashSet<KeySeq>, StoreError> {
    let sql = Sql::new("SELECT seq FROM api_key WHERE revoked_at IS NULL", []);
    let seqs = snapshot.all(&sql, |row| row.get(0))?;
    Ok(seqs.into_iter().collect())
}

fn from_row(row: Row<'_>) -> Result<StoredKey, StoreError> {
    Ok(StoredKey {
        seq: row.get(0)?,
        id: row.get(1)?,
        project: row.get(2)?,
        kind: row.variant(3, &KeyKind::NAMES)?,
        name: row.get(4)?,
        hint: row.get(5)?,
        origins: origins(row.get(6)?),
        created_at: row.get(7)?,
        revoked_at: row.get(8)?,
    })
}

/// Parses a stored list of websites. A list that cannot be parsed allows no
/// website.
pub(super) fn origins(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|_| vec![String::new()])
}

/// A key to be stored.
#[derive(Debug)]
pub struct NewKey<'a> {
    pub id: KeyId,
    pub project: ProjectSeq,
    pub key: &'a Key,
    pub kind: KeyKind,
    /// The name that the operator gave the key.
    pub name: &'a str,
    /// The websites that may use the key. Empty: all websites.
    pub origins: &'a [Origin],
    /// The assistant that answers visitors with this key. None: the project's
    /// default assistant.
    pub assistant: Option<AssistantSeq>,
    pub at: Timestamp,
}

impl NewKey<'_> {
    /// Stores the key's hash, and the text of a publishable key.
    pub fn create(&self) -> Batch {
        let origins: Vec<_> = self.origins.iter().map(Origin::as_str).collect();
        let publishable = (self.kind == KeyKind::Publishable).then(|| self.key.reveal());
        Batch::of([Sql::new(
            "INSERT INTO api_key (id, project_seq, kind, name, hash, hint, origins, \
                                  assistant_seq, created_at, publishable_key) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                self.id.into(),
                self.project.into(),
                self.kind.as_str().into(),
                self.name.into(),
                self.key.hash().0.into(),
                self.key.hint().into(),
                serde_json::json!(origins).to_string().into(),
                self.assistant.into(),
                self.at.into(),
                publishable.into(),
            ],
        )])
    }
}

/// Revokes a key. A key that is revoked keeps the time of the first revocation.
///
/// Rejected with `NotFound`.
pub fn revoke(id: KeyId, at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1",
            [id.into(), at.into()],
        ),
        Rejection::NotFound,
    )
}

/// Revokes all keys of a project.
pub fn revoke_all(project: ProjectSeq, at: Timestamp) -> Batch {
    Batch::of([Sql::new(
        "UPDATE api_key SET revoked_at = ?2 WHERE project_seq = ?1 AND revoked_at IS NULL",
        [project.into(), at.into()],
    )])
}
