//! Sessions of visitors.

use crate::access::identity::{self, IdentityError};
use crate::domain::{DeviceId, SessionId, Timestamp, Visitor, VisitorId};
use crate::store::key::{self, StoredKey};
use crate::store::visitor::{NewVisitor, VisitorIdentity};
use crate::store::{Batch, Snapshot, Store, StoreError, session};

/// A session that was started.
#[derive(Debug, Clone)]
pub struct StartedSession {
    pub id: SessionId,
    pub started_at: Timestamp,
    pub visitor: Visitor,
    /// Whether the project saw the visitor's device for the first time.
    pub is_new_visitor: bool,
}

/// Why the signing secret was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts a session for a visitor's device with a publishable key.
pub async fn start(
    store: &Store,
    device: DeviceId,
    key: &StoredKey,
) -> Result<StartedSession, StoreError> {
    let (id, started_at) = (SessionId::generate(), Timestamp::now());
    let visitor = NewVisitor {
        id: VisitorId::generate(),
        project: key.project,
        identity: VisitorIdentity::Device(device.clone()),
        at: started_at,
    };
    let batch = session::start(&visitor, device, id, key.seq);
    write_started(store, batch, id, started_at).await
}

/// Why a person was not identified.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentifyError {
    #[error("the key has no identity secret")]
    SwitchedOff,
    #[error(transparent)]
    Token(#[from] IdentityError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts a session for the person of a token that the website's server has signed. A
/// person who is known gets the same visitor again, with the values of the token.
///
/// # Errors
/// See [`IdentifyError`].
pub async fn identify(
    store: &Store,
    key: &StoredKey,
    token: &str,
) -> Result<StartedSession, IdentifyError> {
    let seq = key.seq;
    let read = move |snapshot: &Snapshot| key::identity_secret(snapshot, seq);
    let secret = store.read(read).await?;
    let secret = secret.ok_or(IdentifyError::SwitchedOff)?;
    let (id, started_at) = (SessionId::generate(), Timestamp::now());
    let person = identity::verify(&secret, token, started_at)?;
    let visitor = NewVisitor {
        id: VisitorId::generate(),
        project: key.project,
        identity: VisitorIdentity::ExternalId(person.external_id.clone()),
        at: started_at,
    };
    let batch = session::start_identified(&visitor, &person, id, seq);
    Ok(write_started(store, batch, id, started_at).await?)
}

async fn write_started(
    store: &Store,
    batch: Batch,
    id: SessionId,
    started_at: Timestamp,
) -> Result<StartedSession, StoreError> {
    let written = store.write(batch).await?;
    let (visitor, is_new_visitor) = session::started_visitor(&written)
        .ok_or_else(|| StoreError::Internal("a session has no visitor".to_owned()))?;
    Ok(StartedSession {
        id,
        started_at,
        visitor,
        is_new_visitor,
    })
}

/// Replaces the secret that signs session tokens, cursors and ETags, and ends all
/// sessions. Returns the number of sessions. Running servers apply the secret within a
/// second.
pub fn rotate_signing_secret(store: &Store) -> Result<u64, RotateError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    store.write_blocking(session::replace_signing_secret(&secret))?;
    let now = Timestamp::now();
    let mut count = 0;
    loop {
        let output = store.write_blocking(session::end_started_before(now))?;
        match session::ended_sessions(&output) {
            0 => return Ok(count),
            ended => count += ended,
        }
    }
}
