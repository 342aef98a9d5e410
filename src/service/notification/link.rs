//! Opens the link of an e-mail with replies: starts a session of its visitor.

use crate::domain::{KeySeq, ReplyLink, SessionId, Timestamp, Visitor, VisitorSeq};
use crate::store::notification::link::{find_linked, start_session};
use crate::store::{Rejection, Snapshot, Store, StoreError};

/// The visitor of a link, and the publishable key for the session.
#[derive(Debug, Clone)]
pub struct LinkedVisitor {
    seq: VisitorSeq,
    visitor: Visitor,
    key_seq: KeySeq,
    pub key: String,
}

/// A session that was started by a link.
#[derive(Debug, Clone)]
pub struct LinkedSession {
    pub id: SessionId,
    pub started_at: Timestamp,
    pub visitor: Visitor,
    pub key: String,
}

/// Why a link opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("the link has expired, or its conversation does not exist any more")]
    Invalid,
    #[error("the project has no publishable key whose text is stored")]
    NoKey,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds the visitor of a link.
///
/// # Errors
/// [`LinkError::Invalid`] if the visitor or the conversation was deleted, or the visitor is
/// blocked; [`LinkError::NoKey`] if the project has no key for the session.
pub async fn find(store: &Store, link: ReplyLink) -> Result<LinkedVisitor, LinkError> {
    let find = move |snapshot: &Snapshot| find_linked(snapshot, link);
    let found = store.read(find).await?.ok_or(LinkError::Invalid)?;
    let (key_seq, key) = found.key.ok_or(LinkError::NoKey)?;
    Ok(LinkedVisitor {
        seq: found.visitor,
        visitor: found.profile,
        key_seq,
        key,
    })
}

/// Starts a session of the visitor of a link.
///
/// # Errors
/// [`LinkError::Invalid`] if the visitor was deleted or blocked meanwhile.
pub async fn start(store: &Store, linked: LinkedVisitor) -> Result<LinkedSession, LinkError> {
    let (id, started_at) = (SessionId::generate(), Timestamp::now());
    let start = start_session(linked.seq, id, linked.key_seq, started_at);
    match store.write(start).await {
        Ok(_) => Ok(LinkedSession {
            id,
            started_at,
            visitor: linked.visitor,
            key: linked.key,
        }),
        Err(StoreError::Rejected(Rejection::VisitorNotFound)) => Err(LinkError::Invalid),
        Err(error) => Err(error.into()),
    }
}
