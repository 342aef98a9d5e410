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
