//! Response bodies that are in memory.
//!
//! The framework copies what a body returns into the write buffer of the connection. A
//! large body is returned in slices, so that the buffer stays small, and is charged to
//! the memory budget until the connection has taken nearly all of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use crate::access::{OverBudget, Owner, Permit};
use crate::app::AppState;
use crate::http::auth;
use crate::http::transfer::Transfer;

/// Bodies up to this size are not charged.
pub const MAX_UNCHARGED_BYTES: usize = 16 << 10;

/// The maximum size of a slice.
pub const SLICE_BYTES: usize = 32 << 10;

/// The size from which the framework sends its write buffer before it takes another
/// slice.
pub const WRITE_BUFFER_BYTES: usize = 16 << 10;

/// The bytes of a response in the write buffer of its connection.
pub const BUFFERED_BYTES: usize = SLICE_BYTES + WRITE_BUFFER_BYTES;

/// Bytes that any number of responses may send at the same time. While at least one
/// does, they are charged once, to the owner of the first.
pub struct SharedBytes {
    bytes: Bytes,
    permit: Mutex<Weak<Permit>>,
}

impl SharedBytes {
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            permit: Mutex::default(),
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The body of a response to `request`.
    ///
    /// # Errors
    /// [`OverBudget`] if the memory budget does not suffice.
    pub fn body(
        &self,
        app: &AppState,
        request: &HttpRequest,
        owner: Owner,
    ) -> Result<BoxBody, OverBudget> {
        if self.bytes.len() <= MAX_UNCHARGED_BYTES {
            return Ok(BoxBody::new(self.bytes.clone()));
        }
        let buffered = self.bytes.len().min(BUFFERED_BYTES);
        let permits = (
            auth::charge(app, request, owner, buffered)?,
            self.charge(app, request, owner)?,
        );
        Ok(BoxBody::new(ChargedBody {
            length: self.bytes.len(),
            rest: self.bytes.clone(),
            transfer: Transfer::watch(request, app.settings.transfer_limits),
            _permits: permits,
        }))
    }

    fn charge(
        &self,
        app: &AppState,
        request: &HttpRequest,
        owner: Owner,
    ) -> Result<Arc<Permit>, OverBudget> {
        let mut shared = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(permit) = shared.upgrade() {
            return Ok(permit);
        }
        let permit = Arc::new(auth::charge(app, request, owner, self.bytes.len())?);
        *shared = Arc::downgrade(&permit);
        Ok(permit)
    }
}

struct ChargedBody {
    length: usize,
    rest: Bytes,
    transfer: Rc<Transfer>,
    /// For the write buffer and for the bytes.
    _permits: (Permit, Arc<Permit>),
}

impl MessageBody for ChargedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = &mut *self;
        let slice = next_slice(&mut this.rest, &this.transfer);
        Poll::Ready(slice.map(Ok))
    }
}

/// Takes the next slice of `rest`.
pub fn next_slice(rest: &mut Bytes, transfer: &Transfer) -> Option<Bytes> {
    if rest.is_empty() {
        return None;
    }
    let slice = rest.split_to(rest.len().min(SLICE_BYTES));
    transfer.advance(slice.len());
    Some(slice)
}
