//! Accounts of agents (docs/api-contract.md, section 9).

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{
    AgentAccount, AgentId, AgentName, AgentRole, AgentSeq, EmailAddress, ProjectSeq, Timestamp,
};

/// A SELECT of the columns that [`from_row`] reads.
macro_rules! select_accounts {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, name, email, avatar_url, role, is_away, \
                    CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END, created_at, project_seq, password_hash \
               FROM agent ",
            $rest
        )
    };
}

fn from_row(row: Row<'_>) -> Result<AgentAccount, StoreError> {
    Ok(AgentAccount {
        seq: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        email: row.get(3)?,
        avatar_url: row.get(4)?,
        role: row.variant(5, &AgentRole::NAMES)?,
        is_away: row.get(6)?,
        has_password: row.get(7)?,
        created_at: row.get(8)?,
    })
}

/// Finds an account of a project.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: AgentId,
) -> Result<Option<AgentAccount>, StoreError> {
    let sql = Sql::new(
        sql!(select_accounts!("WHERE id = ? AND project_seq = ?")),
        [id.into(), project.into()],
    );
    snapshot.optional(&sql, from_row)
}

/// Finds an account of any project.
pub fn find_by_id(snapshot: &Snapshot, id: AgentId) -> Result<Option<AgentAccount>, StoreError> {
    let sql = Sql::new(sql!(select_accounts!("WHERE id = ?")), [id.into()]);
    snapshot.optional(&sql, from_row)
}

/// Reads an account. `None` if it was deleted.
pub fn read(snapshot: &Snapshot, seq: AgentSeq) -> Result<Option<AgentAccount>, StoreError> {
    let sql = Sql::new(sql!(select_accounts!("WHERE seq = ?")), [seq.into()]);
    snapshot.optional(&sql, from_row)
}

/// An account with what a sign-in needs.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub account: AgentAccount,
    pub project: ProjectSeq,
    /// In PHC string format. `None`: the agent signs in with links only.
    pub password_hash: Option<String>,
}

fn credentials_from_row(row: Row<'_>) -> Result<Credentials, StoreError> {
    Ok(Credentials {
        account: from_row(row)?,
        project: row.get(9)?,
        password_hash: row.get(10)?,
    })
}

/// Finds the account of an e-mail address in lower case.
pub fn find_by_email(snapshot: &Snapshot, email: &str) -> Result<Option<Credentials>, StoreError> {
    let sql = Sql::new(sql!(select_accounts!("WHERE email = ?")), [email.into()]);
    snapshot.optional(&sql, credentials_from_row)
}

/// Reads an account with what a sign-in needs.
pub fn credentials(snapshot: &Snapshot, seq: AgentSeq) -> Result<Option<Credentials>, StoreError> {
    let sql = Sql::new(sql!(select_accounts!("WHERE seq = ?")), [seq.into()]);
    snapshot.optional(&sql, credentials_from_row)
}

/// The accounts of a project, the oldest first.
pub fn all(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<AgentAccount>, StoreError> {
    let sql = Sql::new(
        sql!(select_accounts!("WHERE project_seq = ? ORDER BY seq")),
        [project.into()],
    );
    snapshot.all(&sql, from_row)
}

/// Whether a project has an account.
pub fn has_account(snapshot: &Snapshot, project: ProjectSeq) -> Result<bool, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM agent WHERE project_seq = ?) THEN 1 ELSE 0 END"
        ),
        [project.into()],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// An account to be stored.
#[derive(Debug)]
pub struct NewAccount<'a> {
    pub id: AgentId,
    pub project: ProjectSeq,
    pub name: &'a AgentName,
    /// In lower case.
    pub email: &'a EmailAddress,
    pub avatar_url: Option<&'a str>,
    pub role: AgentRole,
    /// In PHC string format.
    pub password_hash: Option<&'a str>,
    pub at: Timestamp,
}

impl NewAccount<'_> {
    /// Rejected with [`Rejection::EmailExists`].
    pub fn create(&self) -> Batch {
        let sql = Sql::new(
            sql!(
                "INSERT INTO agent (id, project_seq, name, email, avatar_url, role, password_hash, \
                                    created_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            ),
            [
                self.id.into(),
                self.project.into(),
                self.name.into(),
                self.email.as_str().into(),
                self.avatar_url.into(),
                self.role.as_str().into(),
                self.password_hash.into(),
                self.at.into(),
            ],
        );
        let guard = Sql::new(
            sql!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM agent WHERE email = ?) THEN 'email_exists' END"
            ),
            [self.email.as_str().into()],
        );
        Batch::new().guard(guard, Rejection::EmailExists).run(sql)
    }
}

/// The columns of an account to change. `None` leaves a column as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountChange {
    pub name: Option<AgentName>,
    /// In lower case.
    pub email: Option<EmailAddress>,
    pub avatar_url: Option<Option<String>>,
    pub role: Option<AgentRole>,
    pub is_away: Option<bool>,
    /// In PHC string format.
    pub password_hash: Option<String>,
}

/// Changes an account.
///
/// Rejected with [`Rejection::NotFound`], [`Rejection::EmailExists`] and
/// [`Rejection::LastOwner`].
pub fn change(seq: AgentSeq, change: &AccountChange) -> Batch {
    let email = change.email.as_ref().map(EmailAddress::as_str);
    let mut batch = Batch::new();
    if email.is_some() {
        batch = batch.guard(other_email_guard(seq, email), Rejection::NotFound);
    }
    if change.role == Some(AgentRole::Agent) {
        batch = batch.guard(last_owner_guard(seq), Rejection::NotFound);
    }
    let sql = Sql::new(
        sql!(
            "UPDATE agent SET name = coalesce(?2, name), email = coalesce(?3, email), \
                    avatar_url = CASE WHEN ?4 = 1 THEN ?5 ELSE avatar_url END, role = coalesce(?6, role), \
                    is_away = coalesce(?7, is_away), \
                    password_hash = coalesce(?8, password_hash) \
              WHERE seq = ?1"
        ),
        [
            seq.into(),
            change.name.as_ref().into(),
            email.into(),
            change.avatar_url.is_some().into(),
            change.avatar_url.clone().flatten().into(),
            change.role.map(AgentRole::as_str).into(),
            change.is_away.into(),
            change.password_hash.clone().into(),
        ],
    );
    batch.run_expecting_change(sql, Rejection::NotFound)
}

/// Deletes an account. Triggers delete its sessions and links.
///
/// Rejected with [`Rejection::NotFound`] and [`Rejection::LastOwner`].
pub fn delete(seq: AgentSeq) -> Batch {
    Batch::new()
        .guard(last_owner_guard(seq), Rejection::NotFound)
        .run_expecting_change(
            Sql::new(sql!("DELETE FROM agent WHERE seq = ?"), [seq.into()]),
            Rejection::NotFound,
        )
}

/// Rejected with [`Rejection::HasAccount`] if the project has an account.
pub fn expect_no_account(project: ProjectSeq) -> Batch {
    let sql = Sql::new(
        sql!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM agent WHERE project_seq = ?) THEN 'has_account' END"
        ),
        [project.into()],
    );
    Batch::new().guard(sql, Rejection::HasAccount)
}

fn other_email_guard(seq: AgentSeq, email: Option<&str>) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM agent WHERE email = ?2 AND seq <> ?1) \
                         THEN 'email_exists' END \
               FROM agent WHERE seq = ?1"
        ),
        [seq.into(), email.into()],
    )
}

/// A project that has accounts keeps at least one owner.
fn last_owner_guard(seq: AgentSeq) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN a.role = 'owner' AND NOT EXISTS \
                            (SELECT 1 FROM agent AS other \
                              WHERE other.project_seq = a.project_seq AND other.role = 'owner' \
                                AND other.seq <> a.seq) \
                         THEN 'last_owner' END \
               FROM agent AS a WHERE a.seq = ?"
        ),
        [seq.into()],
    )
}
