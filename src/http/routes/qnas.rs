//! Q&As: published ones are public, a private key changes them
//! (docs/api-contract.md, sections 4.13 and 4.14).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::domain::{
    Limit, MAX_ANSWER_CHARS, MAX_AUTHOR_NAME_CHARS, MAX_QUESTION_CHARS, Offset, ProjectId,
    ProjectSeq, Qna, QnaId, Timestamp,
};
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::field_types::{Text, Uri, not_null};
use crate::http::item_stream::{ItemBody, ItemSource};
use crate::http::json::QnaJson;
use crate::http::list_response::{ListEnvelope, ListItem, ListWriter};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ProjectErrors, QnaErrors, RateLimitErrors,
    ServerErrors, ValidationErrors,
};
use crate::http::params::{self, project_id, qna_id};
use crate::http::response::{self, DeleteResult, HandlerResult};
use crate::http::{auth, etag, idempotency, links};
use crate::service::caller::Caller;
use crate::service::{project, qna as service};
use crate::store::Snapshot;
use crate::store::idempotency::SavedResponse;
use crate::store::qna::{self, NewQna, QnaChange, QnaQuery, QnaRows};
use crate::store::websearch::{SearchSyntax, WebSearch};

// ── Parameters ──

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct QnaListParams {
    /// Words of the question: all words, `"a phrase"`, one word `or` another,
    /// `-without` a word. With a query, the best match comes first; without one,
    /// the newest Q&A.
    #[serde(default)]
    #[param(inline)]
    query: QueryText,
    /// The maximum number of Q&As in the response.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The number of Q&As to skip.
    #[serde(default)]
    #[param(inline)]
    offset: Offset,
}

type QueryText = Text<0, 300>;

/// A question with its answer.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewQnaRequest {
    /// The question in the words of a visitor.
    #[schema(inline)]
    question: QuestionText,
    /// The answer in Markdown.
    #[schema(inline)]
    answer: AnswerText,
    /// Whether visitors see it. The default is true.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    published: Option<bool>,
    /// The author of the answer.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    created_by: Option<AuthorRequest>,
}

/// The fields to change. A field that is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QnaChangeRequest {
    /// The question in the words of a visitor.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    question: Option<QuestionText>,
    /// The answer in Markdown.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    answer: Option<AnswerText>,
    /// Whether visitors see it.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    published: Option<bool>,
    /// The author of the answer.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    created_by: Option<AuthorRequest>,
}

type QuestionText = Text<1, MAX_QUESTION_CHARS>;
type AnswerText = Text<1, MAX_ANSWER_CHARS>;

/// The author of the answer.
#[derive(Default, Deserialize, ToSchema)]
struct AuthorRequest {
    /// The name that visitors see.
    #[schema(inline)]
    name: Option<AuthorName>,
    /// The address of a picture.
    #[schema(inline)]
    image: Option<Uri>,
}

type AuthorName = Text<0, MAX_AUTHOR_NAME_CHARS>;

impl AuthorRequest {
    fn into_name_and_image(self) -> (Option<String>, Option<String>) {
        (
            self.name.map(|name| name.0),
            self.image.map(|image| image.0),
        )
    }
}

impl NewQnaRequest {
    fn into_new_qna(self, project: ProjectSeq) -> NewQna {
        let author = self.created_by.unwrap_or_default();
        let (creator_name, creator_image) = author.into_name_and_image();
        NewQna {
            id: QnaId::generate(),
            project,
            question: self.question.0,
            answer: self.answer.0,
            is_published: self.published.unwrap_or(true),
            creator_name,
            creator_image,
            at: Timestamp::now(),
        }
    }
}

impl From<QnaChangeRequest> for QnaChange {
    fn from(body: QnaChangeRequest) -> Self {
        Self {
            question: body.question.map(|question| question.0),
            answer: body.answer.map(|answer| answer.0),
            is_published: body.published,
            creator: body.created_by.map(AuthorRequest::into_name_and_image),
        }
    }
}

// ── Responses ──

/// A page of Q&As.
type QnaList = ListEnvelope<QnaJson<'static>>;

impl ListItem for QnaJson<'_> {
    const LIST_NAME: &'static str = "QnaList";
    const LIST_DESCRIPTION: &'static str = "One page of Q&As.";
}

// ── Handlers ──

/// List Q&As
///
/// Returns the published Q&As. No credential is needed.
#[utoipa::path(get, path = "/projects/{projectId}/qnas", tag = "Qnas", operation_id = "get-qnas",
    params(("projectId" = ProjectId, Path), QnaListParams),
    responses((status = 200, description = "A page of Q&As", body = QnaList),
              ProjectErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    auth::limit_public_request(&app, &request).await?;
    let id = project_id(&request)?;
    let params: QnaListParams = params::query(&request)?;
    let query = QnaQuery {
        search: WebSearch::parse(&params.query.0, SearchSyntax::QUESTIONS),
        limit: params.limit,
        offset: params.offset,
    };
    let (limit, offset) = (query.limit.get(), query.offset.get());
    let page = move |snapshot: &Snapshot| read_page(snapshot, id, &query);
    let (body, total) = app.store.read(page).await?;
    let text: String = byte_serialize(params.query.0.as_bytes()).collect();
    let links = links::by_offset(limit, offset, total, |offset| {
        let query = if text.is_empty() { "" } else { "&query=" };
        format!("/v2/projects/{id}/qnas?limit={limit}&offset={offset}{query}{text}")
    });
    let owner = auth::address_owner(&app, &request);
    body.respond_page(&app, &request, owner, total, links)
}

/// The Q&As of a page, and the number of Q&As on all pages.
fn read_page(
    snapshot: &Snapshot,
    id: ProjectId,
    query: &QnaQuery,
) -> Result<(ItemBody<QnaRows>, u64), ApiError> {
    let project = project::find(snapshot, id)?;
    let total = qna::count(snapshot, project, query)?;
    let list = ListWriter::for_page(total, query.limit, query.offset)?;
    let rows = qna::page_rows(snapshot, project, query)?;
    Ok((ItemBody::read(snapshot, list, rows)?, total))
}

impl ItemSource for QnaRows {
    fn append(
        &mut self,
        snapshot: &Snapshot,
        list: &mut ListWriter,
        max_bytes: usize,
    ) -> Result<bool, ApiError> {
        self.read(snapshot, |qna| {
            list.push(&QnaJson::from(qna))?;
            Ok(list.flow(max_bytes))
        })
    }
}

/// Read a Q&A
///
/// Returns a published Q&A. No credential is needed.
#[utoipa::path(get, path = "/projects/{projectId}/qnas/{qnaId}", tag = "Qnas", operation_id = "get-qna",
    params(("projectId" = ProjectId, Path), ("qnaId" = QnaId, Path)),
    responses((status = 200, description = "The Q&A", body = QnaJson),
              QnaErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    auth::limit_public_request(&app, &request).await?;
    let (project, id) = (project_id(&request)?, qna_id(&request)?);
    let read = move |snapshot: &Snapshot| {
        let project = project::find(snapshot, project)?;
        read_json(snapshot, project, id, false)
    };
    let body = app.store.read(read).await?;
    etag::respond(&app, &request, auth::address_owner(&app, &request), body)
}

fn read_json(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: QnaId,
    include_unpublished: bool,
) -> Result<Vec<u8>, ApiError> {
    let json = qna::with_qna(snapshot, project, id, include_unpublished, |qna| {
        serde_json::to_vec(&QnaJson::from(qna))
    })?;
    Ok(json.ok_or_else(|| ApiError::qna_not_found(id))??)
}

/// Add a Q&A
///
/// Visitors see it at once unless `published` is false.
#[utoipa::path(post, path = "/projects/{projectId}/qnas", tag = "Qnas", operation_id = "create-qna",
    params(("projectId" = ProjectId, Path)), request_body = NewQnaRequest,
    security(("private-key" = [])), responses((status = 201, description = "The new Q&A", body = QnaJson),
              BodyErrors, BearerErrors, ProjectErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let project = auth::own_project(&app, &request).await?;
    let body = JsonBody::<NewQnaRequest>::read(&app, &request, payload, project.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, Caller::Server { project })?;
    let new = body.value.into_new_qna(project);
    let create = service::create(&app.services, new, &key, render_created);
    idempotency::respond(&app, &key, create).await
}

fn render_created(qna: &Qna<'_>) -> SavedResponse {
    response::to_saved(StatusCode::CREATED, &QnaJson::from(qna))
}

/// Change a Q&A
///
/// Changes the fields of the body, also of an unpublished Q&A.
#[utoipa::path(put, path = "/projects/{projectId}/qnas/{qnaId}", tag = "Qnas", operation_id = "update-qna",
    params(("projectId" = ProjectId, Path), ("qnaId" = QnaId, Path)),
    request_body = QnaChangeRequest, security(("private-key" = [])),
    responses((status = 200, description = "The changed Q&A", body = QnaJson),
              BodyErrors, BearerErrors, QnaErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn update(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let project = auth::own_project(&app, &request).await?;
    let id = qna_id(&request)?;
    let body = JsonBody::<QnaChangeRequest>::read(&app, &request, payload, project.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, Caller::Server { project })?;
    let change = QnaChange::from(body.value);
    let change = service::change(&app.services, project, id, change, &key, render_changed);
    idempotency::respond(&app, &key, change).await
}

fn render_changed(qna: &Qna<'_>) -> SavedResponse {
    response::to_saved(StatusCode::OK, &QnaJson::from(qna))
}

/// Remove a Q&A
///
/// Removes a published or an unpublished Q&A.
#[utoipa::path(delete, path = "/projects/{projectId}/qnas/{qnaId}", tag = "Qnas", operation_id = "delete-qna",
    params(("projectId" = ProjectId, Path), ("qnaId" = QnaId, Path)),
    security(("private-key" = [])), responses((status = 200, description = "The Q&A is removed", body = DeleteResult),
              BodyErrors, BearerErrors, QnaErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let project = auth::own_project(&app, &request).await?;
    let id = qna_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, project.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, Caller::Server { project })?;
    let done = response::to_saved(StatusCode::OK, &DeleteResult::SUCCESS);
    let delete = service::delete(&app.services, project, id, &key, done);
    idempotency::respond(&app, &key, delete).await
}
