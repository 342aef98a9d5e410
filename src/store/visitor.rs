//! Visitors and what the website knows them by.

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Statement, uuid, value};
use crate::domain::{DeviceId, ExternalId, ProjectSeq, Timestamp, Visitor, VisitorId, VisitorSeq};

/// What a visitor is known by: one of them is enough.
#[derive(Debug, Clone)]
pub enum KnownBy {
    Device(DeviceId),
    ExternalId(ExternalId),
}

/// A visitor to be stored, unless the project knows them already.
#[derive(Debug, Clone)]
pub struct NewVisitor {
    pub id: VisitorId,
    pub project: ProjectSeq,
    pub known_by: KnownBy,
    pub at: Timestamp,
}

impl NewVisitor {
    /// Stores the visitor; one who is known already stays as they are.
    pub(super) fn insert(&self) -> Statement {
        let (device, external) = match &self.known_by {
            KnownBy::Device(id) => (Some(id.as_str().to_owned()), None),
            KnownBy::ExternalId(id) => (None, Some(id.as_str().to_owned())),
        };
        Statement::new(
            "INSERT INTO visitor (id, project_seq, sa_vid, external_id, created_at) \
             VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [
                uuid(self.id.0),
                value(self.project.0),
                value(device),
                value(external),
                value(self.at.0),
            ],
        )
    }
}

/// Reads a visitor.
pub fn read(snapshot: &Snapshot, seq: VisitorSeq) -> Result<Visitor, StoreError> {
    let mut statement =
        snapshot.prepare("SELECT id, external_id, name, avatar_url FROM visitor WHERE seq = ?")?;
    let visitor = statement.query_row([seq.0], |row| {
        Ok(Visitor {
            id: VisitorId(row.get(0)?),
            external_id: row.get(1)?,
            name: row.get(2)?,
            avatar_url: row.get(3)?,
        })
    })?;
    Ok(visitor)
}
