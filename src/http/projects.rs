//! The project that a website belongs to (section 3.3).

use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::IntoParams;

use super::params::Query;
use super::{guard, reply};
use crate::app::App;
use crate::db::project;
use crate::domain::Project;
use crate::error::ApiError;

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `current` reads")]
struct CurrentParams {
    /// A publishable key.
    #[param(min_length = 1)]
    api_key: String,
}

/// Read the project
///
/// That of the key, and how its chat looks.
#[utoipa::path(get, path = "/projects/current", tag = "Projects", operation_id = "get-project",
    params(CurrentParams), responses((status = 200, body = Project)))]
pub async fn current(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let query = Query::of(&request);
    let key = guard::publishable_key(&app, &request, query.api_key()?).await?;
    let project = key.project;
    let read = app
        .db
        .read(move |snapshot| project::read(snapshot, project));
    let project = read.await.map_err(ApiError::from)?;
    Ok(reply::cached(&request, serde_json::to_vec(&project)?))
}
