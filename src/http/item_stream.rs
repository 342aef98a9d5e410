//! Bodies with a list whose items are read from the store in steps.
//!
//! A body up to [`MAX_WHOLE_BYTES`] is built in memory and has an `ETag`. A larger one is
//! streamed: each step is a read of its own, which begins when the client has taken the
//! step before. So a slow client holds neither a large body nor a connection of the
//! store. A list has the items that existed at the first step; an item that changes
//! meanwhile is sent as it is when its step is read (docs/api-contract.md, section 1.7).

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use crate::access::{Owner, Permit};
use crate::app::AppState;
use crate::http::auth;
use crate::http::charged_body::{BUFFERED_BYTES, next_slice};
use crate::http::error::ApiError;
use crate::http::etag;
use crate::http::links::PageLinks;
use crate::http::list_response::{ListBody, ListWriter, insert_page_headers};
use crate::http::response::{self, HandlerResult};
use crate::http::transfer::Transfer;
use crate::store::{Snapshot, Store, StoreError};

/// The size up to which a body is built in memory.
const MAX_WHOLE_BYTES: usize = 1 << 20;

/// The size from which a step ends.
const STEP_BYTES: usize = 256 << 10;

/// The items of a list in their order. A clone continues at the same place.
pub trait ItemSource: Clone + Send + 'static {
    /// Appends items until `list` has `max_bytes` or more. Returns whether these were
    /// the last items.
    ///
    /// # Errors
    /// Errors of the store.
    fn append(
        &mut self,
        snapshot: &Snapshot,
        list: &mut ListWriter,
        max_bytes: usize,
    ) -> Result<bool, ApiError>;
}

/// The result of the first step.
pub enum ItemBody<S> {
    /// The whole body.
    Whole(Vec<u8>),
    /// The begin of a larger body.
    Begin(Step<S>),
}

/// The bytes of a step, and what the next step needs.
pub struct Step<S> {
    bytes: Vec<u8>,
    next: Option<(ListWriter, S)>,
}

impl<S: ItemSource> ItemBody<S> {
    /// Reads the first items into `list`.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn read(
        snapshot: &Snapshot,
        mut list: ListWriter,
        mut source: S,
    ) -> Result<Self, ApiError> {
        if source.append(snapshot, &mut list, STEP_BYTES)? {
            return Ok(Self::Whole(list.finish()));
        }
        // If the body is too large, it is streamed from here on, so that it holds no
        // more memory than any other step.
        let (step_end, next) = (list.len(), source.clone());
        if source.append(snapshot, &mut list, MAX_WHOLE_BYTES)? {
            return Ok(Self::Whole(list.finish()));
        }
        list.truncate(step_end);
        Ok(Self::Begin(Step {
            bytes: list.take_bytes(),
            next: Some((list, next)),
        }))
    }

    /// Responds with the body and its ETag, or streams it.
    ///
    /// # Errors
    /// 429 or 503 if the memory budget does not suffice.
    pub fn respond(self, app: &AppState, request: &HttpRequest, owner: Owner) -> HandlerResult {
        match self {
            Self::Whole(body) => etag::respond(app, request, owner, body),
            Self::Begin(step) => stream(app, request, owner, step),
        }
    }

    /// As [`ItemBody::respond`], for a page of a list of `total` items.
    ///
    /// # Errors
    /// As for [`ItemBody::respond`].
    pub fn respond_page(
        self,
        app: &AppState,
        request: &HttpRequest,
        owner: Owner,
        total: u64,
        links: PageLinks,
    ) -> HandlerResult {
        match self {
            Self::Whole(json) => ListBody { json, total }.respond(app, request, owner, links),
            Self::Begin(step) => {
                let mut response = stream(app, request, owner, step)?;
                insert_page_headers(app, request, &mut response, total.into(), &links);
                Ok(response)
            }
        }
    }
}

/// Responds with a body that begins with `step`.
///
/// # Errors
/// 429 or 503 if the memory budget does not suffice.
pub fn stream<S: ItemSource>(
    app: &AppState,
    request: &HttpRequest,
    owner: Owner,
    step: Step<S>,
) -> HandlerResult {
    let permit = auth::charge(app, request, owner, STEP_BYTES + BUFFERED_BYTES)?;
    let is_head = request.method() == Method::HEAD;
    let body = ItemStream {
        store: Arc::clone(&app.store),
        bytes: Bytes::from(step.bytes),
        // The framework polls the body of HEAD too.
        state: step.next.filter(|_| !is_head).into(),
        transfer: Transfer::watch(request, app.settings.transfer_limits),
        _permit: permit,
    };
    let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, response::APPLICATION_JSON);
    headers.insert(header::CACHE_CONTROL, etag::PRIVATE_CACHE_CONTROL);
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    Ok(response)
}

/// The body of a streamed response.
struct ItemStream<S> {
    store: Arc<Store>,
    /// The bytes of the last step that are not sent.
    bytes: Bytes,
    state: BodyState<S>,
    transfer: Rc<Transfer>,
    _permit: Permit,
}

enum BodyState<S> {
    /// Another step follows.
    Ready(Box<(ListWriter, S)>),
    Reading(Pin<Box<dyn Future<Output = Result<Step<S>, ApiError>>>>),
    /// The last step was read.
    Complete,
}

impl<S> From<Option<(ListWriter, S)>> for BodyState<S> {
    fn from(next: Option<(ListWriter, S)>) -> Self {
        next.map_or(Self::Complete, |next| Self::Ready(Box::new(next)))
    }
}

impl<S: ItemSource> MessageBody for ItemStream<S> {
    type Error = ApiError;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ApiError>>> {
        let this = &mut *self;
        loop {
            if let Some(slice) = next_slice(&mut this.bytes, &this.transfer) {
                return Poll::Ready(Some(Ok(slice)));
            }
            match std::mem::replace(&mut this.state, BodyState::Complete) {
                BodyState::Complete => return Poll::Ready(None),
                BodyState::Ready(next) => {
                    let step = read_step(Arc::clone(&this.store), *next);
                    this.state = BodyState::Reading(Box::pin(step));
                }
                BodyState::Reading(mut step) => match step.as_mut().poll(context) {
                    Poll::Pending => {
                        this.state = BodyState::Reading(step);
                        this.transfer.wait();
                        return Poll::Pending;
                    }
                    // The client notices an incomplete body.
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(Ok(step)) => {
                        this.bytes = Bytes::from(step.bytes);
                        this.state = step.next.into();
                    }
                },
            }
        }
    }
}

/// Why a step could not be read.
enum StepError {
    Store(StoreError),
    Other(ApiError),
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<StepError> for ApiError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Store(error) => error.into(),
            StepError::Other(error) => error,
        }
    }
}

/// How often a step is read while the store is busy. Each attempt waits for
/// `--db-timeout-ms`. The response has begun, so it cannot become a 503 any more.
const MAX_STEP_ATTEMPTS: u32 = 12;

/// Reads the first step of a body that consists of items alone. The body is streamed.
///
/// # Errors
/// Errors of the store.
pub async fn begin<S: ItemSource>(store: &Store, source: S) -> Result<Step<S>, ApiError> {
    Ok(try_read_step(store, (ListWriter::for_items(), source)).await?)
}

async fn read_step<S: ItemSource>(
    store: Arc<Store>,
    next: (ListWriter, S),
) -> Result<Step<S>, ApiError> {
    let mut attempt = 1;
    loop {
        match try_read_step(&store, next.clone()).await {
            Ok(step) => return Ok(step),
            Err(StepError::Store(StoreError::Busy)) if attempt < MAX_STEP_ATTEMPTS => {
                log::debug!("the database is busy: a streamed response waits");
            }
            Err(error) => {
                let error = ApiError::from(error);
                let cause = error.cause.as_deref().unwrap_or_default();
                log::error!("a streamed response breaks off: {cause}");
                return Err(error);
            }
        }
        attempt += 1;
    }
}

async fn try_read_step<S: ItemSource>(
    store: &Store,
    (mut list, mut source): (ListWriter, S),
) -> Result<Step<S>, StepError> {
    let read = move |snapshot: &Snapshot| {
        let is_last = source.append(snapshot, &mut list, STEP_BYTES);
        if is_last.map_err(StepError::Other)? {
            let (bytes, next) = (list.finish(), None);
            return Ok(Step { bytes, next });
        }
        Ok(Step {
            bytes: list.take_bytes(),
            next: Some((list, source)),
        })
    };
    store.read(read).await
}
