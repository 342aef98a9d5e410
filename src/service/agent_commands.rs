//! Accounts of agents for the command line, which has a store and no server.

use super::agent_account::{AccountError, AccountSpec, Link, insert};
use super::sign_in::set_password;
use crate::access::hash_password;
use crate::domain::{
    AgentAccount, AgentId, AgentRole, AgentSeq, EmailAddress, Password, ProjectSeq, Timestamp,
};
use crate::store::{Store, StoreError, agent_account, project, sign_in_link};

/// An account that the operator names.
#[derive(Debug, Clone)]
pub enum AccountName {
    Id(AgentId),
    Email(EmailAddress),
}

/// Creates an account without a password. Without a role, the first account of a project is
/// an owner, and the others are agents.
///
/// # Errors
/// [`AccountError::EmailExists`].
pub fn create(
    store: &Store,
    project: ProjectSeq,
    spec: AccountSpec,
) -> Result<AgentAccount, AccountError> {
    let (id, batch) = insert(project, &spec);
    store.write_blocking(batch)?;
    let account = store.read_blocking(|snapshot| agent_account::find(snapshot, project, id))?;
    account.ok_or(AccountError::NotFound(id))
}

/// The role of the next account of a project, unless the operator names one.
pub fn default_role(store: &Store, project: ProjectSeq) -> Result<AgentRole, StoreError> {
    let has_account =
        store.read_blocking(|snapshot| agent_account::has_account(snapshot, project))?;
    Ok(if has_account {
        AgentRole::Agent
    } else {
        AgentRole::Owner
    })
}

/// The accounts of a project, the oldest first.
pub fn list(store: &Store, project: ProjectSeq) -> Result<Vec<AgentAccount>, StoreError> {
    store.read_blocking(|snapshot| agent_account::all(snapshot, project))
}

/// Finds an account of any project of the file.
pub fn find(store: &Store, name: &AccountName) -> Result<Option<AgentAccount>, StoreError> {
    store.read_blocking(|snapshot| match name {
        AccountName::Id(id) => agent_account::find_by_id(snapshot, *id),
        AccountName::Email(email) => {
            let found = agent_account::find_by_email(snapshot, email.to_lowercase().as_str())?;
            Ok(found.map(|found| found.account))
        }
    })
}

/// Deletes an account. Running servers end its sessions within a second.
///
/// # Errors
/// [`AccountError::LastOwner`].
pub fn delete(store: &Store, agent: AgentSeq) -> Result<(), AccountError> {
    store.write_blocking(agent_account::delete(agent))?;
    Ok(())
}

/// Sets the password of an account. Running servers end its sessions within a second.
pub fn change_password(
    store: &Store,
    agent: AgentSeq,
    password: &Password,
) -> Result<(), AccountError> {
    let hash = hash_password(password.reveal())?;
    store.write_blocking(set_password(agent, &hash, None))?;
    Ok(())
}

/// Creates a link that opens an account. It replaces the earlier one.
pub fn create_link(store: &Store, agent: AgentSeq) -> Result<Link, AccountError> {
    let now = Timestamp::now();
    let link = Link::generate(now)?;
    let batch = sign_in_link::create_sign_in(link.token.hash(), agent, now, link.expires_at);
    store.write_blocking(batch)?;
    Ok(link)
}

/// Creates the link that sets the first project of the file up. It replaces the earlier one.
/// `None` if the project has an account.
pub fn create_setup_link(store: &Store) -> Result<Option<Link>, AccountError> {
    let project = store.read_blocking(|snapshot| {
        let project = project::first(snapshot)?;
        let has_account = |project| agent_account::has_account(snapshot, project);
        let has_account = project.map(has_account).transpose()?;
        Ok::<_, StoreError>(project.filter(|_| has_account == Some(false)))
    })?;
    let Some(project) = project else {
        return Ok(None);
    };
    let now = Timestamp::now();
    let link = Link::generate(now)?;
    let batch = sign_in_link::create_setup(link.token.hash(), project, now, link.expires_at);
    store.write_blocking(batch)?;
    Ok(Some(link))
}
