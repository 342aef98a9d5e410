//! Agents sign in: with a password, with a link, or with the set-up of a project
//! (docs/api-contract.md, section 9).

use crate::access::{PasswordError, Passwords};
use crate::domain::{
    AgentAccount, AgentId, AgentName, AgentRole, AgentSeq, AgentSessionId, AgentSessionSeq,
    EmailAddress, Password, ProjectChange, ProjectName, ProjectSeq, SecretToken, Timestamp,
};
use crate::store::agent_account::{self, AccountChange, NewAccount};
use crate::store::agent_session::{self, NewSession};
use crate::store::{Batch, Rejection, Snapshot, Store, StoreError, project, sign_in_link};

/// Why an agent could not sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("the e-mail address or the password is wrong")]
    WrongPassword,
    #[error("the link was used, replaced or has expired")]
    InvalidLink,
    #[error("another account has the e-mail address")]
    EmailExists,
    #[error("another project has the name")]
    ProjectNameExists,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(Rejection::LinkUsed | Rejection::HasAccount) => Self::InvalidLink,
            StoreError::Rejected(Rejection::EmailExists) => Self::EmailExists,
            StoreError::Rejected(Rejection::ProjectNameExists) => Self::ProjectNameExists,
            other => Self::Store(other),
        }
    }
}

/// The browser that signs in, as its agent recognises it in the list of sessions.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    pub user_agent: Option<String>,
    pub address: Option<String>,
}

/// An agent who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The token of the session.
    pub token: SecretToken,
    pub account: AgentAccount,
    pub project: ProjectSeq,
}

/// A session of `browser` that is not stored yet, and its token.
fn new_session(browser: Browser, now: Timestamp) -> Result<(SecretToken, NewSession), SignInError> {
    let token = SecretToken::generate()?;
    let session = NewSession {
        id: AgentSessionId::generate(),
        hash: token.hash(),
        user_agent: browser.user_agent,
        address: browser.address,
        at: now,
    };
    Ok((token, session))
}

/// Signs in with a password.
///
/// # Errors
/// [`SignInError::WrongPassword`], also for an unknown e-mail address.
pub async fn with_password(
    store: &Store,
    passwords: &Passwords,
    email: &EmailAddress,
    password: &str,
    browser: Browser,
) -> Result<SignedIn, SignInError> {
    let email = email.to_lowercase();
    let find = move |snapshot: &Snapshot| agent_account::find_by_email(snapshot, email.as_str());
    let found = store.read(find).await?;
    let hash = found.as_ref().and_then(|found| found.password_hash.clone());
    let is_correct = passwords.verify(password, hash).await?;
    let Some(found) = found.filter(|_| is_correct) else {
        return Err(SignInError::WrongPassword);
    };
    let (token, session) = new_session(browser, Timestamp::now())?;
    let hash = found.password_hash.as_deref();
    // Rejected if the password was changed, or the account deleted, in the meantime.
    match store.write(session.start(found.account.seq, hash)).await {
        Ok(_) => Ok(SignedIn {
            token,
            account: found.account,
            project: found.project,
        }),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(SignInError::WrongPassword),
        Err(error) => Err(error.into()),
    }
}

/// Signs in with a link, which cannot be used again unless `is_reusable`. A new password
/// ends the other sessions of the account.
///
/// # Errors
/// [`SignInError::InvalidLink`].
pub async fn with_link(
    store: &Store,
    passwords: &Passwords,
    link: &SecretToken,
    new_password: Option<Password>,
    is_reusable: bool,
    browser: Browser,
) -> Result<SignedIn, SignInError> {
    let (hash, now) = (link.hash(), Timestamp::now());
    let find = move |snapshot: &Snapshot| {
        let agent = sign_in_link::find_sign_in(snapshot, hash, now)?;
        let read = |agent| agent_account::credentials(snapshot, agent);
        Ok::<_, StoreError>(agent.map(read).transpose()?.flatten())
    };
    let found = store.read(find).await?;
    let mut found = found.ok_or(SignInError::InvalidLink)?;
    let mut batch = if is_reusable {
        Batch::default()
    } else {
        sign_in_link::consume(hash)
    };
    let agent = found.account.seq;
    if let Some(password) = new_password {
        let password_hash = passwords.hash(password.reveal()).await?;
        batch = batch.then(set_password(agent, &password_hash, None));
        found.account.has_password = true;
        found.password_hash = Some(password_hash);
    }
    let (token, session) = new_session(browser, now)?;
    batch = batch.then(session.start(agent, found.password_hash.as_deref()));
    match store.write(batch).await {
        Ok(_) => Ok(SignedIn {
            token,
            account: found.account,
            project: found.project,
        }),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(SignInError::InvalidLink),
        Err(error) => Err(error.into()),
    }
}

/// Sets the password of an account. Ends its sessions, except one, and its links.
pub(super) fn set_password(
    agent: AgentSeq,
    password_hash: &str,
    except: Option<AgentSessionSeq>,
) -> Batch {
    let change = AccountChange {
        password_hash: Some(password_hash.to_owned()),
        ..AccountChange::default()
    };
    agent_account::change(agent, &change)
        .then(agent_session::end_others(agent, except))
        .then(sign_in_link::delete_sign_in(agent))
}

/// The first account of a project.
#[derive(Debug)]
pub struct FirstAccount {
    pub name: AgentName,
    pub email: EmailAddress,
    pub password: Password,
    /// Renames the project.
    pub project_name: Option<ProjectName>,
}

/// Creates the first account of the project of a set-up link, an owner, and signs in.
///
/// # Errors
/// [`SignInError::InvalidLink`], also if the project has an account meanwhile;
/// [`SignInError::EmailExists`] and [`SignInError::ProjectNameExists`].
pub async fn set_up(
    store: &Store,
    passwords: &Passwords,
    link: &SecretToken,
    first: FirstAccount,
    browser: Browser,
) -> Result<SignedIn, SignInError> {
    let (hash, now) = (link.hash(), Timestamp::now());
    let find = move |snapshot: &Snapshot| sign_in_link::find_setup(snapshot, hash, now);
    let project = store.read(find).await?;
    let project = project.ok_or(SignInError::InvalidLink)?;
    let password_hash = passwords.hash(first.password.reveal()).await?;
    let (id, email) = (AgentId::generate(), first.email.to_lowercase());
    let account = NewAccount {
        id,
        project,
        name: &first.name,
        email: &email,
        avatar_url: None,
        role: AgentRole::Owner,
        password_hash: Some(&password_hash),
        at: now,
    };
    let (token, session) = new_session(browser, now)?;
    let batch = agent_account::expect_no_account(project)
        .then(sign_in_link::consume(hash))
        .then(account.create())
        .then(session.start_first(id));
    store
        .write(batch.then(rename(project, first.project_name)))
        .await?;
    let find = move |snapshot: &Snapshot| agent_account::find(snapshot, project, id);
    let account = store.read(find).await?.ok_or(SignInError::InvalidLink)?;
    Ok(SignedIn {
        token,
        account,
        project,
    })
}

fn rename(project: ProjectSeq, name: Option<ProjectName>) -> Batch {
    if name.is_none() {
        return Batch::default();
    }
    let change = ProjectChange {
        name,
        ..ProjectChange::default()
    };
    project::change(project, &change)
}

/// Ends a session.
pub async fn sign_out(store: &Store, session: AgentSessionSeq) -> Result<(), StoreError> {
    store.write(agent_session::end(session)).await.map(drop)
}
