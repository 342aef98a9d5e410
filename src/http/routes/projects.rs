//! The project that a website belongs to (docs/api-contract.md, section 4.3).

use actix_web::{HttpRequest, web};

use crate::app::AppState;
use crate::http::json::ProjectJson;
use crate::http::openapi_errors::{KeyErrors, RateLimitErrors, ServerErrors, ValidationErrors};
use crate::http::params::{self, KeyParams};
use crate::http::response::HandlerResult;
use crate::http::{auth, etag};
use crate::store::{Snapshot, project};

/// Read the project
///
/// Returns the project of the key, with the appearance of its chat.
#[utoipa::path(get, path = "/projects/current", tag = "Projects", operation_id = "get-project",
    params(KeyParams), responses((status = 200, description = "The project", body = ProjectJson),
              KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn current(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    auth::limit_public_request(&app, &request)?;
    let params: KeyParams = params::query(&request)?;
    let key = auth::publishable_key(&app, &request, params.api_key()?).await?;
    let project = key.project;
    let read = move |snapshot: &Snapshot| project::read(snapshot, project);
    let project = app.store.read(read).await?;
    let owner = auth::address_owner(&app, &request);
    let body = serde_json::to_vec(&ProjectJson::from(&project))?;
    etag::respond(&app, &request, owner, body)
}
