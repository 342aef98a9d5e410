//! Visitors, and the names by which a website knows them.

use super::erasure::next_seq;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{
    DeviceId, ExternalId, ProjectSeq, Scope, Timestamp, Visitor, VisitorFilter, VisitorId,
    VisitorSeq,
};

/// The name by which a website knows a visitor.
#[derive(Debug, Clone)]
pub enum VisitorIdentity {
    Device(DeviceId),
    ExternalId(ExternalId),
}

/// A visitor to be stored, unless the project has a visitor of that name.
#[derive(Debug, Clone)]
pub struct NewVisitor {
    pub id: VisitorId,
    pub project: ProjectSeq,
    pub identity: VisitorIdentity,
    pub at: Timestamp,
}

impl NewVisitor {
    /// Stores the visitor. A visitor who is already stored stays unchanged.
    pub(super) fn insert(&self) -> Sql {
        let (device, external_id) = match &self.identity {
            VisitorIdentity::Device(id) => (Some(id.as_str()), None),
            VisitorIdentity::ExternalId(id) => (None, Some(id.as_str())),
        };
        Sql::new(
            concat!(
                "INSERT INTO visitor (seq, id, project_seq, sa_vid, external_id, created_at) \
                 VALUES (",
                next_seq!("visitor"),
                ", ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            ),
            [
                self.id.into(),
                self.project.into(),
                device.into(),
                external_id.into(),
                self.at.into(),
            ],
        )
    }
}

/// The scope of a list that is restricted by `filter`. `None` if the project has no
/// visitor with these names. A visitor's own list is not restricted.
///
/// # Errors
/// Errors of the database.
pub(super) fn narrow(
    snapshot: &Snapshot,
    scope: Scope,
    filter: &VisitorFilter,
) -> Result<Option<Scope>, StoreError> {
    match scope {
        Scope::Project(project) if !filter.is_empty() => {
            let visitor = find_by_names(snapshot, project, filter)?;
            Ok(visitor.map(Scope::Visitor))
        }
        _ => Ok(Some(scope)),
    }
}

/// Finds a visitor of a project by all names of a filter.
fn find_by_names(
    snapshot: &Snapshot,
    project: ProjectSeq,
    filter: &VisitorFilter,
) -> Result<Option<VisitorSeq>, StoreError> {
    let external_id = filter.external_id.as_ref().map(ExternalId::as_str);
    let sql = match (filter.id, external_id) {
        (Some(id), external_id) => Sql::new(
            "SELECT seq FROM visitor \
              WHERE project_seq = ?1 AND id = ?2 AND (?3 IS NULL OR external_id = ?3)",
            [project.into(), id.into(), external_id.into()],
        ),
        (None, external_id) => Sql::new(
            "SELECT seq FROM visitor WHERE project_seq = ?1 AND external_id = ?2",
            [project.into(), external_id.into()],
        ),
    };
    snapshot.optional(&sql, |row| row.get(0))
}

/// Reads a visitor.
///
/// # Errors
/// Rejected with `VisitorNotFound` if the visitor was deleted.
pub fn read(snapshot: &Snapshot, seq: VisitorSeq) -> Result<Visitor, StoreError> {
    let sql = Sql::new(
        "SELECT id, external_id, name, avatar_url FROM visitor WHERE seq = ?",
        [seq.into()],
    );
    let visitor = snapshot.optional(&sql, |row| {
        Ok(Visitor {
            id: row.get(0)?,
            external_id: row.get(1)?,
            name: row.get(2)?,
            avatar_url: row.get(3)?,
        })
    })?;
    visitor.ok_or(StoreError::Rejected(Rejection::VisitorNotFound))
}

/// Finds a visitor of a project by id.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: VisitorId,
) -> Result<Option<VisitorSeq>, StoreError> {
    let sql = Sql::new(
        "SELECT seq FROM visitor WHERE project_seq = ? AND id = ?",
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}
