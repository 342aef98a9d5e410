//! The vectors of passages, which an embedding model has calculated.
//!
//! A vector belongs to the text of a passage, not to its row: a page that is learned again
//! without a change keeps its vectors.

use sha2::{Digest, Sha256};

use super::batch::Batch;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{PassageSeq, ProjectSeq};

/// The SHA-256 of the text of a passage.
pub type PassageHash = [u8; 32];

/// Separates the parts of a text that is hashed. No text of a passage has it.
const SEPARATOR: [u8; 1] = [0xff];

/// Returns the hash of the text of a passage.
fn passage_hash(title: &str, heading: &str, body: &str) -> PassageHash {
    Sha256::new()
        .chain_update(title)
        .chain_update(SEPARATOR)
        .chain_update(heading)
        .chain_update(SEPARATOR)
        .chain_update(body)
        .finalize()
        .into()
}

/// A passage of a project, with the hash of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedPassage {
    pub seq: PassageSeq,
    pub project: ProjectSeq,
    pub hash: PassageHash,
}

/// The passages of all projects after a passage, at most `limit`, the oldest first.
pub fn passages_after(
    snapshot: &Snapshot,
    after: PassageSeq,
    limit: usize,
) -> Result<Vec<HashedPassage>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT seq, project_seq, title, heading, body FROM passage \
              WHERE seq > ? ORDER BY seq LIMIT ?"
        ),
        [after.into(), (limit as i64).into()],
    );
    snapshot.all(&sql, |row| {
        Ok(HashedPassage {
            seq: row.get(0)?,
            project: row.get(1)?,
            hash: passage_hash(row.get(2)?, row.get(3)?, row.get(4)?),
        })
    })
}

/// The passages of all projects, the oldest first.
pub fn passage_seqs(snapshot: &Snapshot) -> Result<Vec<PassageSeq>, StoreError> {
    let sql = Sql::new(sql!("SELECT seq FROM passage ORDER BY seq"), []);
    snapshot.all(&sql, |row| row.get(0))
}

/// The stored vectors of a text, in the order of its parts. Empty if there are none.
pub fn vectors(
    snapshot: &Snapshot,
    model: &str,
    hash: PassageHash,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT vector FROM embedding WHERE model = ? AND passage_hash = ? ORDER BY part"),
        [model.into(), hash.into()],
    );
    snapshot.all(&sql, |row| row.get(0))
}

/// Stores the vectors of a text, in the order of its parts. Another process may have stored
/// them already.
pub fn insert(model: &str, hash: PassageHash, vectors: Vec<Vec<u8>>) -> Batch {
    let parts = (0_i64..).zip(vectors);
    parts.fold(Batch::new(), |batch, (part, vector)| {
        batch.run(Sql::new(
            sql!(
                "INSERT INTO embedding (model, passage_hash, part, vector) VALUES (?, ?, ?, ?) \
                 ON CONFLICT (model, passage_hash, part) DO UPDATE SET vector = excluded.vector"
            ),
            [model.into(), hash.into(), part.into(), vector.into()],
        ))
    })
}

/// The key of the vectors of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmbeddingKey {
    pub model: String,
    pub hash: PassageHash,
}

/// The keys of stored vectors after a key, at most `limit`, in ascending order.
pub fn keys_after(
    snapshot: &Snapshot,
    after: &EmbeddingKey,
    limit: usize,
) -> Result<Vec<EmbeddingKey>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT DISTINCT model, passage_hash FROM embedding \
              WHERE (model, passage_hash) > (?, ?) ORDER BY model, passage_hash LIMIT ?"
        ),
        [
            after.model.as_str().into(),
            after.hash.into(),
            (limit as i64).into(),
        ],
    );
    snapshot.all(&sql, |row| {
        Ok(EmbeddingKey {
            model: row.get(0)?,
            hash: row.get(1)?,
        })
    })
}

/// Deletes the vectors of texts.
pub fn delete(keys: &[EmbeddingKey]) -> Batch {
    keys.iter().fold(Batch::new(), |batch, key| {
        batch.run(Sql::new(
            sql!("DELETE FROM embedding WHERE model = ? AND passage_hash = ?"),
            [key.model.as_str().into(), key.hash.into()],
        ))
    })
}
