//! Websites that the server learns (docs/api-contract.md, section 4.27).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{Source, SourceId};
use crate::http::body::{JsonBody, NoFields};
use crate::http::field_types::Uri;
use crate::http::json::SourceJson;
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ServerErrors, SourceErrors, ValidationErrors,
};
use crate::http::params::source_id;
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency};
use crate::service::source as service;
use crate::store::idempotency::SavedResponse;
use crate::store::{Snapshot, source};

/// The sources of a project.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceList)]
pub struct SourceListJson<'a> {
    data: Vec<SourceJson<'a>>,
}

/// A website to learn.
#[derive(Deserialize, ToSchema)]
pub struct NewSourceRequest {
    /// The address of a page, or of a sitemap whose pages are learned.
    #[schema(inline)]
    url: Uri,
}

/// How a website is learned again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnSourceRequest {
    /// Whether pages that the website no longer has are forgotten even if they are more than
    /// 5 and more than 10 % of its pages. Otherwise such a run fails.
    #[serde(default)]
    #[schema(default = false)]
    allow_removals: bool,
}

/// List sources
///
/// Returns the websites and folders that were learned, the oldest first, with their last
/// runs.
#[utoipa::path(get, path = "/sources", tag = "Documents", operation_id = "get-sources",
    security(("private-key" = [])),
    responses((status = 200, description = "The sources", body = SourceListJson),
              BearerErrors, ServerErrors))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let read = move |snapshot: &Snapshot| source::list(snapshot, project);
    let sources = app.store.read(read).await?;
    let data = sources.iter().map(SourceJson::from).collect();
    let body = serde_json::to_vec(&SourceListJson { data })?;
    etag::respond(&app, &request, caller.into(), body)
}

/// Learn a website
///
/// Adds a source. The server reads the page, or up to 2000 pages of the sitemap, in the
/// background, and obeys robots.txt. A project learns one source at a time.
#[utoipa::path(post, path = "/sources", tag = "Documents", operation_id = "create-source",
    request_body = NewSourceRequest, security(("private-key" = [])),
    responses((status = 201, description = "The source, which is being learned", body = SourceJson),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let body = JsonBody::<NewSourceRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let url = body.value.url.0;
    let create = service::create(&app.services, project, &url, &key, render_created);
    idempotency::respond(&app, &key, create).await
}

fn render_created(source: &Source) -> SavedResponse {
    response::to_saved(StatusCode::CREATED, &SourceJson::from(source))
}

/// Learn a source again
///
/// Pages that are unchanged stay, changed ones are learned again, and missing ones are
/// deleted. A run that would delete more than 5 pages and more than 10 % of the source fails,
/// and deletes nothing, unless `allowRemovals` is true or the pages are answered with 404 or
/// 410. The body may be empty.
#[utoipa::path(post, path = "/sources/{sourceId}/learn", tag = "Documents", operation_id = "learn-source",
    params(("sourceId" = SourceId, Path)), request_body = LearnSourceRequest,
    security(("private-key" = [])),
    responses((status = 202, description = "The source, which is being learned", body = SourceJson),
              BodyErrors, BearerErrors, SourceErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn learn(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = source_id(&request)?;
    let body = JsonBody::<LearnSourceRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let allow_removals = body.value.allow_removals;
    let learn = service::learn(
        &app.services,
        project,
        id,
        allow_removals,
        &key,
        render_learning,
    );
    idempotency::respond(&app, &key, learn).await
}

fn render_learning(source: &Source) -> SavedResponse {
    response::to_saved(StatusCode::ACCEPTED, &SourceJson::from(source))
}

/// Delete a source
///
/// Deletes the source and the documents that were learned from it. A run ends.
#[utoipa::path(delete, path = "/sources/{sourceId}", tag = "Documents", operation_id = "delete-source",
    params(("sourceId" = SourceId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The source and its documents are deleted"),
              BodyErrors, BearerErrors, SourceErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = source_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let (state, own_key) = (app.clone().into_inner(), key.clone());
    let delete = response::run_to_end(async move {
        let done = response::no_content();
        service::delete(&state.services, project, id, &own_key, done).await
    });
    idempotency::respond(&app, &key, delete).await
}
