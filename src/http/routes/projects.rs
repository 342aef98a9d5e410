//! The project that a website belongs to (docs/api-contract.md, section 4.3).

use actix_web::{HttpRequest, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{ProjectId, ProjectSeq};
use crate::http::error::ApiError;
use crate::http::json::ProjectJson;
use crate::http::openapi_errors::{KeyErrors, ServerErrors, ValidationErrors};
use crate::http::params::{self, KeyParams, project_id};
use crate::http::response::HandlerResult;
use crate::http::{auth, etag};
use crate::store::{Snapshot, project};

/// The project of the path, if the private key belongs to it.
///
/// # Errors
/// 401, 403 and 429 as [`auth::bearer`], 403 for the key of another project, 404
/// if the project does not exist.
pub async fn own_project(app: &AppState, request: &HttpRequest) -> Result<ProjectSeq, ApiError> {
    let own = auth::bearer(app, request).await?.require_server()?;
    let id = project_id(request)?;
    let requested = app.store.read(move |snapshot| find_project(snapshot, id));
    if requested.await? == own {
        Ok(own)
    } else {
        Err(ApiError::forbidden("The key is of another project"))
    }
}

/// The project with an id.
///
/// # Errors
/// 404 if it does not exist.
pub fn find_project(snapshot: &Snapshot, id: ProjectId) -> Result<ProjectSeq, ApiError> {
    project::find(snapshot, id)?.ok_or_else(|| ApiError::project_not_found(id))
}

/// The operation succeeded.
#[derive(Serialize, ToSchema)]
pub struct Done {
    success: bool,
}

impl Done {
    pub const DONE: Self = Self { success: true };
}

/// Read the project
///
/// Returns the project of the key, with the appearance of its chat.
#[utoipa::path(get, path = "/projects/current", tag = "Projects", operation_id = "get-project",
    params(KeyParams), responses((status = 200, body = ProjectJson),
              KeyErrors, ValidationErrors, ServerErrors))]
pub async fn current(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let params: KeyParams = params::query(&request)?;
    let key = auth::publishable_key(&app, &request, params.api_key()?).await?;
    let project = key.project;
    let project = app
        .store
        .read(move |snapshot| Ok::<_, ApiError>(project::read(snapshot, project)?))
        .await?;
    Ok(etag::respond(
        &app,
        &request,
        serde_json::to_vec(&ProjectJson::from(&project))?,
    ))
}
