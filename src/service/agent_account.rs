//! Accounts of agents: create, change, delete, and links that open them
//! (docs/api-contract.md, section 9).

use std::time::Duration;

use super::sign_in::set_password;
use crate::access::{AGENT_SESSION_TIMES, PasswordError, Passwords};
use crate::domain::{
    AgentAccount, AgentId, AgentName, AgentRole, AgentSeq, AgentSessionId, EmailAddress, Password,
    ProjectSeq, SecretToken, Timestamp,
};
use crate::store::agent_account::{self, AccountChange, NewAccount};
use crate::store::agent_session::{self, AgentSession, SessionSummary};
use crate::store::{Batch, Rejection, Snapshot, Store, StoreError, sign_in_link};

/// Why an account could not be created, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("the project has no agent {0}")]
    NotFound(AgentId),
    #[error("the agent has no session {0}")]
    NoSuchSession(AgentSessionId),
    /// The account of the caller was deleted.
    #[error("the account does not exist any more")]
    SignedOut,
    #[error("another account has the e-mail address")]
    EmailExists,
    #[error("the account is the only owner of the project")]
    LastOwner,
    #[error("the current password is missing or wrong")]
    WrongPassword,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(Rejection::EmailExists) => Self::EmailExists,
            StoreError::Rejected(Rejection::LastOwner) => Self::LastOwner,
            // The account was deleted between the read and the write.
            StoreError::Rejected(Rejection::NotFound) => Self::SignedOut,
            other => Self::Store(other),
        }
    }
}

/// How long a link is valid.
pub const LINK_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A link that signs in.
#[derive(Debug)]
pub struct Link {
    pub token: SecretToken,
    pub expires_at: Timestamp,
}

impl Link {
    pub(super) fn generate(now: Timestamp) -> Result<Self, getrandom::Error> {
        Ok(Self {
            token: SecretToken::generate()?,
            expires_at: now.plus(LINK_LIFETIME),
        })
    }

    /// The path of the page that opens the account, with the token.
    pub fn sign_in_path(&self) -> String {
        format!("/inbox#link={}", self.token.reveal())
    }

    /// The path of the page that sets the project up, with the token.
    pub fn setup_path(&self) -> String {
        format!("/setup#{}", self.token.reveal())
    }
}

/// The properties of a new account.
#[derive(Debug)]
pub struct AccountSpec {
    pub name: AgentName,
    pub email: EmailAddress,
    pub role: AgentRole,
    pub avatar_url: Option<String>,
}

/// Creates an account without a password.
///
/// # Errors
/// [`AccountError::EmailExists`].
pub async fn create(
    store: &Store,
    project: ProjectSeq,
    spec: AccountSpec,
) -> Result<AgentAccount, AccountError> {
    let (id, batch) = insert(project, &spec);
    store.write(batch).await?;
    read(store, project, id).await
}

/// The write that stores an account. A project with an account needs no set-up.
pub(super) fn insert(project: ProjectSeq, spec: &AccountSpec) -> (AgentId, Batch) {
    let (id, email) = (AgentId::generate(), spec.email.to_lowercase());
    let account = NewAccount {
        id,
        project,
        name: &spec.name,
        email: &email,
        avatar_url: spec.avatar_url.as_deref(),
        role: spec.role,
        password_hash: None,
        at: Timestamp::now(),
    };
    (
        id,
        account.create().then(sign_in_link::delete_setup(project)),
    )
}

/// Reads an account of a project.
///
/// # Errors
/// [`AccountError::NotFound`].
pub async fn read(
    store: &Store,
    project: ProjectSeq,
    id: AgentId,
) -> Result<AgentAccount, AccountError> {
    let find = move |snapshot: &Snapshot| agent_account::find(snapshot, project, id);
    store.read(find).await?.ok_or(AccountError::NotFound(id))
}

/// Changes an account of a project. Returns the changed account.
///
/// # Errors
/// [`AccountError::NotFound`] and [`AccountError::LastOwner`].
pub async fn change(
    store: &Store,
    project: ProjectSeq,
    id: AgentId,
    change: &AccountChange,
) -> Result<AgentAccount, AccountError> {
    let agent = read(store, project, id).await?.seq;
    store.write(agent_account::change(agent, change)).await?;
    read(store, project, id).await
}

/// Deletes an account of a project and ends its sessions. Returns its number.
///
/// # Errors
/// [`AccountError::NotFound`] and [`AccountError::LastOwner`].
pub async fn delete(
    store: &Store,
    project: ProjectSeq,
    id: AgentId,
) -> Result<AgentSeq, AccountError> {
    let agent = read(store, project, id).await?.seq;
    store.write(agent_account::delete(agent)).await?;
    Ok(agent)
}

/// Creates a link that opens an account. It replaces the earlier one.
///
/// # Errors
/// [`AccountError::NotFound`].
pub async fn create_link(
    store: &Store,
    project: ProjectSeq,
    id: AgentId,
) -> Result<Link, AccountError> {
    let agent = read(store, project, id).await?.seq;
    let now = Timestamp::now();
    let link = Link::generate(now)?;
    let batch = sign_in_link::create_sign_in(link.token.hash(), agent, now, link.expires_at);
    store.write(batch).await?;
    Ok(link)
}

// ── The agent's own account ──

/// What an agent changes in the own account.
#[derive(Debug, Default)]
pub struct OwnChange {
    pub name: Option<AgentName>,
    pub email: Option<EmailAddress>,
    pub avatar_url: Option<Option<String>>,
    pub is_away: Option<bool>,
    pub current_password: Option<String>,
    pub new_password: Option<Password>,
}

impl OwnChange {
    /// Whether the change needs the current password.
    pub fn is_protected(&self) -> bool {
        self.email.is_some() || self.new_password.is_some()
    }
}

/// Reads the account of a session.
///
/// # Errors
/// [`AccountError::SignedOut`].
pub async fn read_own(store: &Store, agent: AgentSeq) -> Result<AgentAccount, AccountError> {
    let read = move |snapshot: &Snapshot| agent_account::read(snapshot, agent);
    store.read(read).await?.ok_or(AccountError::SignedOut)
}

/// Changes the account of a session. A new password ends the other sessions.
///
/// # Errors
/// [`AccountError::WrongPassword`] if the account has a password, the change needs it, and
/// it is missing or wrong; [`AccountError::EmailExists`].
pub async fn change_own(
    store: &Store,
    passwords: &Passwords,
    session: &AgentSession,
    change: OwnChange,
) -> Result<AgentAccount, AccountError> {
    if change.is_protected() {
        check_password(
            store,
            passwords,
            session.agent,
            change.current_password.as_deref(),
        )
        .await?;
    }
    let mut batch = agent_account::change(
        session.agent,
        &AccountChange {
            name: change.name,
            email: change.email.map(|email| email.to_lowercase()),
            avatar_url: change.avatar_url,
            is_away: change.is_away,
            ..AccountChange::default()
        },
    );
    if let Some(password) = change.new_password {
        let hash = passwords.hash(password.reveal()).await?;
        batch = batch.then(set_password(session.agent, &hash, Some(session.seq)));
    }
    store.write(batch).await?;
    read_own(store, session.agent).await
}

async fn check_password(
    store: &Store,
    passwords: &Passwords,
    agent: AgentSeq,
    password: Option<&str>,
) -> Result<(), AccountError> {
    let read = move |snapshot: &Snapshot| agent_account::credentials(snapshot, agent);
    let found = store.read(read).await?.ok_or(AccountError::SignedOut)?;
    let Some(hash) = found.password_hash else {
        return Ok(());
    };
    let password = password.ok_or(AccountError::WrongPassword)?;
    if passwords.verify(password, Some(hash)).await? {
        Ok(())
    } else {
        Err(AccountError::WrongPassword)
    }
}

/// The sessions of an account, the last used first.
pub async fn sessions(store: &Store, agent: AgentSeq) -> Result<Vec<SessionSummary>, StoreError> {
    let (times, now) = (AGENT_SESSION_TIMES, Timestamp::now());
    let read = move |snapshot: &Snapshot| agent_session::all(snapshot, agent, times, now);
    store.read(read).await
}

/// Ends a session of an account.
///
/// # Errors
/// [`AccountError::NoSuchSession`].
pub async fn end_session(
    store: &Store,
    agent: AgentSeq,
    id: AgentSessionId,
) -> Result<(), AccountError> {
    match store.write(agent_session::end_by_id(agent, id)).await {
        Ok(_) => Ok(()),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(AccountError::NoSuchSession(id)),
        Err(error) => Err(error.into()),
    }
}
