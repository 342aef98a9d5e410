//! API keys: found by the hash of what was sent.

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Batch, Statement, named, uuid, value};
use crate::domain::{
    AssistantSeq, Key, KeyHash, KeyId, KeyKind, KeySeq, Origin, ProjectSeq, Timestamp,
};

/// A key as the file has it: everything but the key.
#[derive(Debug, Clone)]
pub struct StoredKey {
    pub seq: KeySeq,
    pub id: KeyId,
    pub project: ProjectSeq,
    pub kind: KeyKind,
    pub name: String,
    pub hint: String,
    /// The websites that may use it; none: all.
    pub origins: Vec<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// What [`stored`] reads.
const SELECT: &str = "SELECT seq, id, project_seq, kind, name, hint, origins, created_at, \
                             revoked_at FROM api_key";

/// Finds a key, revoked ones too.
pub fn find(snapshot: &Snapshot, hash: KeyHash) -> Result<Option<StoredKey>, StoreError> {
    let mut statement = snapshot.prepare(&format!("{SELECT} WHERE hash = ?"))?;
    let mut rows = statement.query([hash.0.as_slice()])?;
    Ok(match rows.next()? {
        Some(row) => Some(stored(row)?),
        None => None,
    })
}

/// Every key, oldest first.
pub fn all(snapshot: &Snapshot) -> Result<Vec<StoredKey>, StoreError> {
    let mut statement = snapshot.prepare(&format!("{SELECT} ORDER BY seq"))?;
    let keys = statement.query_map((), stored)?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredKey> {
    Ok(StoredKey {
        seq: KeySeq(row.get(0)?),
        id: KeyId(row.get(1)?),
        project: ProjectSeq(row.get(2)?),
        kind: named(row, 3, &KeyKind::NAMES)?,
        name: row.get(4)?,
        hint: row.get(5)?,
        origins: origins(row.get_ref(6)?.as_str()?),
        created_at: Timestamp(row.get(7)?),
        revoked_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
    })
}

/// A list of websites as the file keeps it. One that cannot be read allows
/// none, not all.
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
    /// What its owner calls it.
    pub name: &'a str,
    /// The websites that may use it; none: all.
    pub origins: &'a [Origin],
    /// Who answers whoever comes with it; none: the project's default.
    pub assistant: Option<AssistantSeq>,
    pub at: Timestamp,
}

impl NewKey<'_> {
    /// The write that stores the key, as its hash.
    pub fn create(&self) -> Batch {
        let origins: Vec<_> = self.origins.iter().map(Origin::as_str).collect();
        Batch::of([Statement::new(
            "INSERT INTO api_key (id, project_seq, kind, name, hash, hint, origins, \
                                  assistant_seq, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                uuid(self.id.0),
                value(self.project.0),
                value(self.kind.as_str().to_owned()),
                value(self.name.to_owned()),
                value(self.key.hash().0.to_vec()),
                value(self.key.hint()),
                value(serde_json::json!(origins).to_string()),
                value(self.assistant.map(|seq| seq.0)),
                value(self.at.0),
            ],
        )])
    }
}

/// The write that ends a key. It changes a row where there is such a key.
pub fn revoke(id: KeyId, at: Timestamp) -> Batch {
    Batch::of([Statement::new(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1",
        [uuid(id.0), value(at.0)],
    )])
}
