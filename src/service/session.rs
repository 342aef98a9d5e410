//! Sessions of visitors.

use crate::domain::{DeviceId, SessionId, Timestamp, Visitor, VisitorId};
use crate::store::key::StoredKey;
use crate::store::visitor::{NewVisitor, VisitorIdentity};
use crate::store::{Store, StoreError, session};

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
    let written = store
        .write(session::start(&visitor, device, id, key.seq))
        .await?;
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
