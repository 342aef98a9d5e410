//! Q&As: anyone reads the published ones, a private key writes (sections 3.13
//! and 3.14; section 0, D19).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use url::form_urlencoded::byte_serialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::domain::{
    Author, Limit, Offset, ProjectId, ProjectSeq, Qna, QnaId, Timestamp, ValidationError,
    bounded_text, parse_answer, parse_question, parse_uri,
};
use crate::http::auth::Caller;
use crate::http::body::Fields;
use crate::http::error::ApiError;
use crate::http::idempotency::Once;
use crate::http::json::QnaJson;
use crate::http::links;
use crate::http::list_response::{ListObject, Listing, Page};
use crate::http::params::{Query, project_id, qna_id};
use crate::http::response;
use crate::http::routes::projects::{Done, known_project, own_project};
use crate::store::qna::{self, NewQna, QnaChange, QnaQuery};
use crate::store::websearch::WebSearch;
use crate::store::{Batch, Snapshot};

type Reply = Result<HttpResponse, ApiError>;

// ── Parameters ──

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `qna_query` reads")]
struct ListParams {
    /// Words that the question has: all of them, `"side by side"`, one `or` the
    /// other, `-not` this one. Best first then, else newest first.
    #[param(required = false, max_length = 300, pattern = "^[^\\u0000]*$")]
    query: String,
    /// The most Q&As in the answer.
    #[param(required = false, minimum = 1, maximum = 100, default = 10)]
    limit: u32,
    /// How many Q&As to pass over. Empty and `null` are 0.
    #[param(required = false, value_type = Option<u64>, nullable, minimum = 0, maximum = 9_007_199_254_740_991_u64, default = 0)]
    offset: Option<u64>,
}

/// The query, and its text as it stood there.
fn qna_query(request: &HttpRequest) -> Result<(QnaQuery, String), ValidationError> {
    let query = Query::of(request);
    let text = query.parsed("query", |text| bounded_text("query", text, 0, 300))?;
    let asked = QnaQuery {
        search: WebSearch::parse(&text),
        limit: query.parsed("limit", Limit::parse)?,
        offset: query.parsed("offset", Offset::parse)?,
    };
    Ok((asked, text))
}

/// A question with its answer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `create` reads")]
pub struct NewQnaRequest {
    #[schema(min_length = 1, max_length = 1000, pattern = "^[^\\u0000]*$")]
    question: String,
    /// Markdown.
    #[schema(min_length = 1, max_length = 20_000, pattern = "^[^\\u0000]*$")]
    answer: String,
    /// Whether visitors see it.
    #[schema(required = false)]
    published: bool,
    #[schema(required = false)]
    created_by: AuthorRequest,
}

/// What is to be different. What is left out stays as it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `update` reads")]
pub struct QnaChangeRequest {
    #[schema(
        required = false,
        min_length = 1,
        max_length = 1000,
        pattern = "^[^\\u0000]*$"
    )]
    question: String,
    /// Markdown.
    #[schema(
        required = false,
        min_length = 1,
        max_length = 20_000,
        pattern = "^[^\\u0000]*$"
    )]
    answer: String,
    /// Whether visitors see it.
    #[schema(required = false)]
    published: bool,
    #[schema(required = false)]
    created_by: AuthorRequest,
}

/// Who wrote the answer.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what `author` reads")]
struct AuthorRequest {
    #[schema(required = false, max_length = 200, pattern = "^[^\\u0000]*$")]
    name: Option<String>,
    /// The address of a picture.
    #[schema(required = false, format = "uri", max_length = 2048)]
    image: Option<String>,
}

fn change(fields: &mut Fields) -> Result<QnaChange, ApiError> {
    Ok(QnaChange {
        question: fields.text("question")?.map(parse_question).transpose()?,
        answer: fields.text("answer")?.map(parse_answer).transpose()?,
        is_published: fields.flag("published")?,
        creator: author(fields)?,
    })
}

/// Name and picture, each where there is one.
type GivenAuthor = (Option<String>, Option<String>);

fn author(fields: &mut Fields) -> Result<Option<GivenAuthor>, ApiError> {
    let Some(author) = fields.object("createdBy.")? else {
        return Ok(None);
    };
    let name = author.nullable_text("name")?;
    let name = name.map(|name| bounded_text("createdBy.name", name, 0, 200));
    let image = author.nullable_text("image")?;
    let image = image.map(|image| parse_uri("createdBy.image", image));
    Ok(Some((name.transpose()?, image.transpose()?)))
}

// ── Responses ──

/// One page of Q&As.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what `list` writes")]
pub struct QnaList<'a> {
    object: ListObject,
    /// All that match, on every page together.
    total: u64,
    /// As applied.
    limit: u32,
    /// As applied.
    offset: u64,
    data: Vec<QnaJson<'a>>,
}

// ── Handlers ──

/// List Q&As
///
/// The published ones. No credential is needed.
#[utoipa::path(get, path = "/projects/{projectId}/qnas", tag = "Q&As", operation_id = "get-qnas",
    params(("projectId" = ProjectId, Path), ListParams),
    responses((status = 200, body = QnaList, headers(
        ("Link" = String, description = "The first, prev, next and last pages"),
        ("X-Total-Count" = u64, description = "The same as total"),
        ("ETag" = String, description = "Changes when the body does")))))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> Reply {
    let id = project_id(&request)?;
    let (query, text) = qna_query(&request)?;
    let (limit, offset) = (query.limit.get(), query.offset.get());
    let page = move |snapshot: &Snapshot| page_of(snapshot, id, &query);
    let page = app.store.read(page).await?;
    let text: String = byte_serialize(text.as_bytes()).collect();
    let links = links::pages(limit, offset, page.total, |offset| {
        let query = if text.is_empty() { "" } else { "&query=" };
        format!("/v2/projects/{id}/qnas?limit={limit}&offset={offset}{query}{text}")
    });
    Ok(page.answer(&app, &request, links))
}

fn page_of(snapshot: &Snapshot, id: ProjectId, query: &QnaQuery) -> Result<Page, ApiError> {
    let project = known_project(snapshot, id)?;
    let total = qna::count(snapshot, project, query)?;
    let mut listing = Listing::new(total, query.limit.get(), query.offset.get());
    qna::for_each_on_page(snapshot, project, query, |one| {
        listing.push(&QnaJson::from(one))
    })?;
    Ok(listing.finish())
}

/// Read a Q&A
///
/// A published one. No credential is needed.
#[utoipa::path(get, path = "/projects/{projectId}/qnas/{qnaId}", tag = "Q&As", operation_id = "get-qna",
    params(("projectId" = ProjectId, Path), ("qnaId" = QnaId, Path)),
    responses((status = 200, body = QnaJson, headers(
        ("ETag" = String, description = "Changes when the body does")))))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> Reply {
    let (project, id) = (project_id(&request)?, qna_id(&request)?);
    let published = move |snapshot: &Snapshot| {
        let project = known_project(snapshot, project)?;
        json_of(snapshot, project, id, false)
    };
    let body = app.store.read(published).await?;
    Ok(response::cached(&app, &request, body))
}

fn json_of(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: QnaId,
    all: bool,
) -> Result<Vec<u8>, ApiError> {
    let found = qna::with_qna(snapshot, project, id, all, |one| {
        serde_json::to_vec(&QnaJson::from(one))
    })?;
    Ok(found.ok_or_else(|| ApiError::qna_not_found(id))??)
}

/// Add a Q&A
#[utoipa::path(post, path = "/projects/{projectId}/qnas", tag = "Q&As", operation_id = "create-qna",
    params(("projectId" = ProjectId, Path)), request_body = NewQnaRequest,
    security(("private-key" = [])), responses((status = 201, body = QnaJson)))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Reply {
    let project = own_project(&app, &request).await?;
    let mut fields = Fields::read(&app, &request, payload).await?;
    let once = Once::of(&request, &fields, Caller::Server { project })?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let given = (
        fields.required_text("question")?,
        fields.required_text("answer")?,
    );
    let (question, answer) = (parse_question(given.0)?, parse_answer(given.1)?);
    let (creator_name, creator_image) = author(&mut fields)?.unwrap_or_default();
    let new = NewQna {
        id: QnaId::generate(),
        project,
        question,
        answer,
        is_published: fields.flag("published")?.unwrap_or(true),
        creator_name,
        creator_image,
        at: Timestamp::now(),
    };
    let author = Author {
        name: new.creator_name.as_deref(),
        image: new.creator_image.as_deref(),
    };
    let created = Qna {
        id: new.id,
        created_at: new.at,
        updated_at: new.at,
        question: &new.question,
        answer: &new.answer,
        created_by: author,
    };
    let body = serde_json::to_vec(&QnaJson::from(&created))?;
    // The last statement finds nothing to do for an unpublished one, which is
    // answered alike.
    let (status, otherwise) = (StatusCode::CREATED, Some(body.clone()));
    let answer = once.answered(&app, new.create(), status, body, otherwise);
    answer
        .await?
        .ok_or_else(|| ApiError::internal("a Q&A was made and is not there"))
}

/// Change a Q&A
///
/// Only what is given; an unpublished one too.
#[utoipa::path(put, path = "/projects/{projectId}/qnas/{qnaId}", tag = "Q&As", operation_id = "update-qna",
    params(("projectId" = ProjectId, Path), ("qnaId" = QnaId, Path)),
    request_body = QnaChangeRequest, security(("private-key" = [])),
    responses((status = 200, body = QnaJson)))]
pub async fn update(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Reply {
    let project = own_project(&app, &request).await?;
    let id = qna_id(&request)?;
    let mut fields = Fields::read(&app, &request, payload).await?;
    let once = Once::of(&request, &fields, Caller::Server { project })?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let (change, at) = (change(&mut fields)?, Timestamp::now());
    let (is_change, wanted) = (change != QnaChange::default(), change.clone());
    let changed = move |snapshot: &Snapshot| {
        let changed = |one: &Qna| {
            if is_change {
                serde_json::to_vec(&QnaJson::from(&with(one, &wanted, at)))
            } else {
                serde_json::to_vec(&QnaJson::from(one))
            }
        };
        let body = qna::with_qna(snapshot, project, id, true, changed)?;
        Ok::<_, ApiError>(body.ok_or_else(|| ApiError::qna_not_found(id))??)
    };
    let body = app.store.read(changed).await?;
    let batch = match is_change {
        true => change.update(project, id, at),
        false => Batch::default(),
    };
    // Its last statement finds nothing to do for an unpublished one.
    let answer = once.answered(&app, batch, StatusCode::OK, body.clone(), Some(body));
    answer.await?.ok_or_else(|| ApiError::qna_not_found(id))
}

/// A Q&A as a change leaves it.
fn with<'a>(one: &Qna<'a>, change: &'a QnaChange, at: Timestamp) -> Qna<'a> {
    let author = change.creator.as_ref().map(|(name, image)| Author {
        name: name.as_deref(),
        image: image.as_deref(),
    });
    Qna {
        question: change.question.as_deref().unwrap_or(one.question),
        answer: change.answer.as_deref().unwrap_or(one.answer),
        created_by: author.unwrap_or(one.created_by),
        updated_at: at,
        ..one.clone()
    }
}

/// Remove a Q&A
#[utoipa::path(delete, path = "/projects/{projectId}/qnas/{qnaId}", tag = "Q&As", operation_id = "delete-qna",
    params(("projectId" = ProjectId, Path), ("qnaId" = QnaId, Path)),
    security(("private-key" = [])), responses((status = 200, body = Done)))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Reply {
    let project = own_project(&app, &request).await?;
    let id = qna_id(&request)?;
    let fields = Fields::read(&app, &request, payload).await?;
    let once = Once::of(&request, &fields, Caller::Server { project })?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let (batch, body) = (qna::delete(project, id), serde_json::to_vec(&Done::DONE)?);
    let answer = once.answered(&app, batch, StatusCode::OK, body, None);
    answer.await?.ok_or_else(|| ApiError::qna_not_found(id))
}
