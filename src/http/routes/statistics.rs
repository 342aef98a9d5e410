//! Statistics and unanswered questions, for the inbox (docs/api-contract.md, sections 4.24
//! and 4.25).

use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::AppState;
use crate::domain::{Limit, MessageId, Offset, ProjectSeq};
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::field_types::StatisticsDays;
use crate::http::json::{StatisticsJson, UnansweredQuestionJson};
use crate::http::list_response::{ListBody, ListEnvelope, ListItem, ListWriter};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, MessageErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::{self, message_id};
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency, links};
use crate::service::unanswered as service;
use crate::store::{Snapshot, StoreError, unanswered};

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct QuestionListParams {
    /// The maximum number of questions in the response.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The number of questions to skip.
    #[serde(default)]
    #[param(inline)]
    offset: Offset,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatisticsParams {
    /// The number of days of the period, of which today is the last. Days are those of UTC.
    #[serde(default)]
    #[param(inline)]
    days: StatisticsDays,
}

/// A page of unanswered questions.
type UnansweredQuestionList = ListEnvelope<UnansweredQuestionJson<'static>>;

impl ListItem for UnansweredQuestionJson<'_> {
    const LIST_NAME: &'static str = "UnansweredQuestionList";
    const LIST_DESCRIPTION: &'static str = "One page of unanswered questions, newest first.";
}

/// List unanswered questions
///
/// Returns the questions to which the assistant found no answer, the newest first. Write a
/// Q&A for a question, and remove the question from the list.
#[utoipa::path(get, path = "/unanswered-questions", tag = "Qnas", operation_id = "get-unanswered-questions",
    params(QuestionListParams), security(("private-key" = [])),
    responses((status = 200, description = "A page of questions", body = UnansweredQuestionList),
              BearerErrors, ValidationErrors, ServerErrors))]
pub async fn list_unanswered(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let QuestionListParams { limit, offset } = params::query(&request)?;
    let read = move |snapshot: &Snapshot| read_page(snapshot, project, limit, offset);
    let body = app.store.read(read).await?;
    let limit = limit.get();
    let links = links::by_offset(limit, offset.get(), body.total, |offset| {
        format!("/v2/unanswered-questions?limit={limit}&offset={offset}")
    });
    body.respond(&app, &request, caller.into(), links)
}

fn read_page(
    snapshot: &Snapshot,
    project: ProjectSeq,
    limit: Limit,
    offset: Offset,
) -> Result<ListBody, ApiError> {
    let total = unanswered::count(snapshot, project)?;
    let mut list = ListWriter::for_page(total, limit, offset)?;
    for question in unanswered::page(snapshot, project, limit, offset)? {
        list.push(&UnansweredQuestionJson::from(&question))?;
    }
    let json = list.finish();
    Ok(ListBody { json, total })
}

/// Resolve an unanswered question
///
/// Removes the question from the list. The conversation stays as it is.
#[utoipa::path(delete, path = "/unanswered-questions/{messageId}", tag = "Qnas", operation_id = "resolve-unanswered-question",
    params(("messageId" = MessageId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The question is resolved"),
              BodyErrors, BearerErrors, MessageErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn resolve_unanswered(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let id = message_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let done = response::no_content();
    let resolve = service::resolve(&app.services, project, id, &key, done);
    idempotency::respond(&app, &key, resolve).await
}

/// Read statistics
///
/// Counts the conversations of the last days. The counts are at most a minute old.
#[utoipa::path(get, path = "/statistics", tag = "Projects", operation_id = "get-statistics",
    params(StatisticsParams), security(("private-key" = [])),
    responses((status = 200, description = "The statistics", body = StatisticsJson),
              BearerErrors, ValidationErrors, ServerErrors))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let StatisticsParams { days } = params::query(&request)?;
    let read = app.statistics.read(&app.store, project, days.0);
    let (statistics, waiting) = read.await.map_err(statistics_error)?;
    let body = serde_json::to_vec(&StatisticsJson::new(&statistics, waiting))?;
    etag::respond(&app, &request, caller.into(), body)
}

/// The error of a search, whose remedy is another one here.
fn statistics_error(error: StoreError) -> ApiError {
    let is_too_slow = matches!(error, StoreError::TooSlow);
    let error = ApiError::from(error);
    if is_too_slow {
        return error.with_message("Counting took too long; use fewer days");
    }
    error
}
