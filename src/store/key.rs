//! API keys. The store has their hashes, and the texts of publishable keys.

use std::collections::HashSet;

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{
    AssistantId, AssistantSeq, Key, KeyHash, KeyId, KeyKind, KeySeq, MAX_KEYS, Origin, ProjectSeq,
    Timestamp,
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
    /// The text of a publishable key. None: a private key, or an older version made the key.
    pub publishable_key: Option<String>,
}

/// A SELECT of the columns that [`from_row`] reads.
macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, project_seq, kind, name, hint, origins, created_at, revoked_at, \
                    publishable_key \
               FROM api_key ",
            $rest
        )
    };
}

/// Finds a key by the hash of its text. Revoked keys are found too.
pub fn find(snapshot: &Snapshot, hash: KeyHash) -> Result<Option<StoredKey>, StoreError> {
    let sql = Sql::new(sql!(select_keys!("WHERE hash = ?")), [hash.0.into()]);
    snapshot.optional(&sql, from_row)
}

/// Every key, oldest first.
pub fn all(snapshot: &Snapshot) -> Result<Vec<StoredKey>, StoreError> {
    snapshot.all(&Sql::new(sql!(select_keys!("ORDER BY seq")), []), from_row)
}

/// The row numbers of the keys that are not revoked.
pub fn valid_seqs(snapshot: &Snapshot) -> Result<HashSet<KeySeq>, StoreError> {
    let sql = Sql::new(sql!("SELECT seq FROM api_key WHERE revoked_at IS NULL"), []);
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
        publishable_key: row.get(9)?,
    })
}

/// What a project's owner sees of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDetails {
    pub id: KeyId,
    pub kind: KeyKind,
    pub name: String,
    /// The last characters of the key.
    pub hint: String,
    /// The websites that may use the key. Empty: all websites.
    pub origins: Vec<String>,
    /// None: the project's default assistant.
    pub assistant: Option<AssistantId>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// The text of a publishable key that this version made.
    pub publishable_key: Option<String>,
    /// Whether the website's server can sign who its visitors are.
    pub has_identity_secret: bool,
}

/// A SELECT of the columns that [`details_from_row`] reads.
macro_rules! select_details {
    ($rest:literal) => {
        concat!(
            "SELECT k.id, k.kind, k.name, k.hint, k.origins, a.id, k.created_at, k.revoked_at, \
                    k.publishable_key, CASE WHEN k.identity_secret IS NULL THEN 0 ELSE 1 END \
               FROM api_key AS k LEFT JOIN assistant AS a ON a.seq = k.assistant_seq ",
            $rest
        )
    };
}

/// The keys of a project, oldest first.
pub fn of_project(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<KeyDetails>, StoreError> {
    let sql = Sql::new(
        sql!(select_details!("WHERE k.project_seq = ? ORDER BY k.seq")),
        [project.into()],
    );
    snapshot.all(&sql, details_from_row)
}

/// Finds a key of a project by its id.
pub fn find_details(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: KeyId,
) -> Result<Option<KeyDetails>, StoreError> {
    let sql = Sql::new(
        sql!(select_details!("WHERE k.project_seq = ? AND k.id = ?")),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, details_from_row)
}

fn details_from_row(row: Row<'_>) -> Result<KeyDetails, StoreError> {
    Ok(KeyDetails {
        id: row.get(0)?,
        kind: row.variant(1, &KeyKind::NAMES)?,
        name: row.get(2)?,
        hint: row.get(3)?,
        origins: origins(row.get(4)?),
        assistant: row.get(5)?,
        created_at: row.get(6)?,
        revoked_at: row.get(7)?,
        publishable_key: row.get(8)?,
        has_identity_secret: row.get(9)?,
    })
}

/// The secret with which a website's server signs who the visitors of a key are.
pub fn identity_secret(snapshot: &Snapshot, key: KeySeq) -> Result<Option<[u8; 32]>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT identity_secret FROM api_key WHERE seq = ?"),
        [key.into()],
    );
    Ok(snapshot.optional(&sql, |row| row.get(0))?.flatten())
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
            sql!(
                "INSERT INTO api_key (id, project_seq, kind, name, hash, hint, origins, \
                                      assistant_seq, created_at, publishable_key) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ),
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

/// Rejected with `LimitReached` if the project has [`MAX_KEYS`].
pub fn require_room(project: ProjectSeq) -> Batch {
    let guard = Sql::new(
        sql!(
            "SELECT CASE WHEN count(*) >= ?2 THEN 'limit_reached' END FROM api_key \
              WHERE project_seq = ?1"
        ),
        [project.into(), i64::from(MAX_KEYS).into()],
    );
    Batch::new().guard(guard, Rejection::NotFound)
}

/// Stores name, websites and assistant of a key.
///
/// Rejected with `NotFound` if the project has no such key.
pub fn update(project: ProjectSeq, key: &KeyDetails) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE api_key SET name = ?3, origins = ?4, \
                        assistant_seq = (SELECT seq FROM assistant WHERE project_seq = ?1 AND id = ?5) \
                  WHERE project_seq = ?1 AND id = ?2"
            ),
            [
                project.into(),
                key.id.into(),
                key.name.as_str().into(),
                serde_json::json!(key.origins).to_string().into(),
                key.assistant.into(),
            ],
        ),
        Rejection::NotFound,
    )
}

/// Sets or removes the secret with which a website's server signs who visitors are.
///
/// Rejected with `NotFound` if the project has no such publishable key.
pub fn set_identity_secret(project: ProjectSeq, id: KeyId, secret: Option<[u8; 32]>) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE api_key SET identity_secret = ?3 \
                  WHERE project_seq = ?1 AND id = ?2 AND kind = 'publishable'"
            ),
            [project.into(), id.into(), secret.into()],
        ),
        Rejection::NotFound,
    )
}

/// [`revoke`] of a key of a project.
///
/// Rejected with `NotFound`.
pub fn revoke_of_project(project: ProjectSeq, id: KeyId, at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?3) \
                  WHERE project_seq = ?1 AND id = ?2"
            ),
            [project.into(), id.into(), at.into()],
        ),
        Rejection::NotFound,
    )
}

/// Revokes a key. A key that is revoked keeps the time of the first revocation.
///
/// Rejected with `NotFound`.
pub fn revoke(id: KeyId, at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!("UPDATE api_key SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1"),
            [id.into(), at.into()],
        ),
        Rejection::NotFound,
    )
}

/// Revokes all keys of a project.
pub fn revoke_all(project: ProjectSeq, at: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!("UPDATE api_key SET revoked_at = ?2 WHERE project_seq = ?1 AND revoked_at IS NULL"),
        [project.into(), at.into()],
    )])
}
