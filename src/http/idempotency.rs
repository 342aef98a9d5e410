//! Requests that may come twice: the same `Idempotency-Key` from the same caller
//! is answered as it was the first time (section 0, D20).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

use super::auth::Caller;
use super::response;
use crate::app::AppState;
use crate::domain::{ConversationId, ProjectSeq, Timestamp, ValidationError};
use crate::events::Event;
use crate::http::error::ApiError;
use crate::store::idempotency::{Answered, Body, Request};
use crate::store::{Batch, Outcome, StoreError, Taken};

/// A request that is to be done once. Without the header, everything here does
/// nothing.
pub struct Once(Option<Request>);

impl Once {
    /// Reads the header.
    ///
    /// # Errors
    /// 422 where it is no key.
    pub fn of(request: &HttpRequest, raw_body: &[u8], caller: Caller) -> Result<Self, ApiError> {
        let caller = match caller {
            Caller::Visitor { visitor, .. } => format!("visitor {}", visitor.0),
            Caller::Server { project } => format!("project {}", project.0),
        };
        Self::by(request, raw_body, caller)
    }

    /// The same for a caller of any name.
    pub fn by(request: &HttpRequest, raw_body: &[u8], caller: String) -> Result<Self, ApiError> {
        let Some(header) = request.headers().get("idempotency-key") else {
            return Ok(Self(None));
        };
        let key = header.to_str().ok().filter(|key| fits(key));
        let key = key.ok_or_else(|| ValidationError::new("Idempotency-Key", EXPECTED))?;
        let mut hash = Sha256::new();
        hash.update(request.method().as_str());
        hash.update([0]);
        hash.update(request.path());
        hash.update([0]);
        hash.update(raw_body);
        Ok(Self(Some(Request {
            caller,
            key: key.to_owned(),
            hash: hash.finalize().into(),
        })))
    }

    /// Whether the answer is to be remembered.
    pub fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// What was answered to the same request before.
    ///
    /// # Errors
    /// 409 where the key came with another request.
    pub async fn before(&self, app: &AppState) -> Result<Option<Answered>, ApiError> {
        let Some(request) = self.0.clone() else {
            return Ok(None);
        };
        let hash = request.hash;
        let now = Timestamp::now();
        let read = app
            .store
            .read(move |snapshot| request.answered(snapshot, now));
        let answered: Option<Answered> = read.await.map_err(|error: StoreError| error)?;
        match answered {
            Some(other) if other.hash != hash => {
                Err(ApiError::conflict("request", "Idempotency-Key")
                    .with_message("This Idempotency-Key came with another request"))
            }
            answered => Ok(answered),
        }
    }

    /// The same, where the whole answer was kept.
    pub async fn kept(&self, app: &AppState) -> Result<Option<(StatusCode, Vec<u8>)>, ApiError> {
        let Some(answered) = self.before(app).await? else {
            return Ok(None);
        };
        let Body::Kept(body) = answered.body else {
            return Err(ApiError::internal("an answer was kept as a message"));
        };
        let status = StatusCode::from_u16(answered.status).map_err(ApiError::internal)?;
        Ok(Some((status, body)))
    }

    /// The same as an answer.
    pub async fn answer(&self, app: &AppState) -> Result<Option<HttpResponse>, ApiError> {
        let kept = self.kept(app).await?;
        Ok(kept.map(|(status, body)| response::bytes(status, body)))
    }

    /// Remembers an answer that was made before, and gives the one that holds:
    /// that of the same request on another connection where it was quicker.
    pub async fn remember(
        &self,
        app: &AppState,
        status: StatusCode,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Vec<u8>), ApiError> {
        if self.0.is_none() {
            return Ok((status, body));
        }
        let (nothing, kept) = (Batch::default(), Body::Kept(body.clone()));
        let ran = self.run(app, nothing, status, kept, Some(body.clone()));
        let before = match ran.await? {
            Ran::Before => self.kept(app).await?,
            Ran::Changed | Ran::Unchanged => None,
        };
        Ok(before.unwrap_or((status, body)))
    }

    /// What the same request was answered on another connection, which was
    /// quicker.
    pub async fn answer_of_other(&self, app: &AppState) -> Result<HttpResponse, ApiError> {
        let answer = self.answer(app).await?;
        answer.ok_or_else(|| ApiError::unavailable(1, "a request was remembered and forgotten"))
    }

    /// Runs `batch`, remembering what it is answered: `otherwise`, or nothing,
    /// where its last statement changes no row.
    ///
    /// The write is in the queue when this returns; the future only tells how
    /// it went.
    pub fn run(
        &self,
        app: &AppState,
        batch: Batch,
        status: StatusCode,
        body: Body,
        otherwise: Option<Vec<u8>>,
    ) -> impl Future<Output = Result<Ran, ApiError>> + use<> {
        let last = batch.len().saturating_sub(1);
        let (last, batch) = match &self.0 {
            None => (last, batch),
            Some(request) => {
                let at = Timestamp::now();
                let around = request.around(batch, status.as_u16(), body, otherwise, at);
                // One statement stands before the batch.
                (last + 1, around)
            }
        };
        let written = app.store.submit(batch);
        async move {
            match written.await {
                Err(StoreError::Taken(Taken::Request)) => Ok(Ran::Before),
                Err(error) => Err(error.into()),
                Ok(outcomes) if outcomes.get(last).is_some_and(Outcome::changed) => {
                    Ok(Ran::Changed)
                }
                Ok(_) => Ok(Ran::Unchanged),
            }
        }
    }

    /// Runs `batch` and answers with `body`; with `otherwise` where its last
    /// statement changes no row, or not at all where there is none.
    pub async fn answered(
        &self,
        app: &AppState,
        batch: Batch,
        status: StatusCode,
        body: Vec<u8>,
        otherwise: Option<Vec<u8>>,
    ) -> Result<Option<HttpResponse>, ApiError> {
        let kept = Body::Kept(match &self.0 {
            Some(_) => body.clone(),
            None => Vec::new(),
        });
        match self
            .run(app, batch, status, kept, otherwise.clone())
            .await?
        {
            Ran::Changed => Ok(Some(response::bytes(status, body))),
            Ran::Unchanged => Ok(otherwise.map(|body| response::bytes(status, body))),
            Ran::Before => self.answer_of_other(app).await.map(Some),
        }
    }
}

/// Waits for a write, and tells whoever listens of what it changed, also where
/// the request is dropped meanwhile: what is stored is always told.
pub async fn told(
    app: &Arc<AppState>,
    running: impl Future<Output = Result<Ran, ApiError>> + 'static,
    (project, conversation): (ProjectSeq, ConversationId),
    event: Option<Event>,
) -> Result<Ran, ApiError> {
    let app = app.clone();
    let telling = actix_web::rt::spawn(async move {
        let ran = running.await?;
        if let (Ran::Changed, Some(event)) = (ran, event) {
            app.events.publish(project, conversation, &event);
        }
        Ok(ran)
    });
    telling.await.map_err(ApiError::internal)?
}

/// What came of a write that is done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// The last statement of the batch changed a row.
    Changed,
    Unchanged,
    /// Nothing was done now: the same request was quicker on another connection.
    Before,
}

const EXPECTED: &str = "must have 1 to 255 visible ASCII characters";

fn fits(key: &str) -> bool {
    (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}
