//! Links that sign in once: into an account, or to create the first account of a project.

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{AgentSeq, ProjectSeq, Timestamp, TokenHash};

/// The project of a set-up link that has not expired.
pub fn find_setup(
    snapshot: &Snapshot,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<ProjectSeq>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT project_seq FROM sign_in_link \
              WHERE hash = ? AND purpose = 'setup' AND expires_at > ?"
        ),
        [hash.0.into(), now.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}

/// The account of a sign-in link that has not expired.
pub fn find_sign_in(
    snapshot: &Snapshot,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<AgentSeq>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT agent_seq FROM sign_in_link \
              WHERE hash = ? AND purpose = 'sign_in' AND expires_at > ?"
        ),
        [hash.0.into(), now.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}

/// Stores a set-up link, which replaces the earlier ones of the project.
pub fn create_setup(
    hash: TokenHash,
    project: ProjectSeq,
    now: Timestamp,
    expires_at: Timestamp,
) -> Batch {
    delete_setup(project).run(Sql::new(
        sql!(
            "INSERT INTO sign_in_link (hash, purpose, project_seq, created_at, expires_at) \
             VALUES (?, 'setup', ?, ?, ?)"
        ),
        [hash.0.into(), project.into(), now.into(), expires_at.into()],
    ))
}

/// Deletes the set-up links of a project.
pub fn delete_setup(project: ProjectSeq) -> Batch {
    Batch::of([Sql::new(
        sql!("DELETE FROM sign_in_link WHERE project_seq = ? AND purpose = 'setup'"),
        [project.into()],
    )])
}

/// Stores a link that opens an account. It replaces the earlier ones of the account.
///
/// Rejected with [`Rejection::NotFound`].
pub fn create_sign_in(
    hash: TokenHash,
    agent: AgentSeq,
    now: Timestamp,
    expires_at: Timestamp,
) -> Batch {
    let insert = Sql::new(
        sql!(
            "INSERT INTO sign_in_link (hash, purpose, project_seq, agent_seq, created_at, expires_at) \
             SELECT ?1, 'sign_in', project_seq, seq, ?3, ?4 FROM agent WHERE seq = ?2"
        ),
        [hash.0.into(), agent.into(), now.into(), expires_at.into()],
    );
    delete_sign_in(agent).run_expecting_change(insert, Rejection::NotFound)
}

/// Deletes the links that open an account.
pub fn delete_sign_in(agent: AgentSeq) -> Batch {
    Batch::of([Sql::new(
        sql!("DELETE FROM sign_in_link WHERE agent_seq = ?"),
        [agent.into()],
    )])
}

/// Deletes a link that is used.
///
/// Rejected with [`Rejection::LinkUsed`] if another request has used it.
pub fn consume(hash: TokenHash) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!("DELETE FROM sign_in_link WHERE hash = ?"),
            [hash.0.into()],
        ),
        Rejection::LinkUsed,
    )
}

/// Deletes the links that have expired.
pub fn remove_expired(now: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!("DELETE FROM sign_in_link WHERE expires_at <= ?"),
        [now.into()],
    )])
}
