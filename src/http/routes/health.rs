//! The health check for the operator of the server.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::app::AppState;
use crate::http::error::ApiError;
use crate::http::response;
use crate::store::{Batch, project};

/// 200 if the database can be read, and the writer accepts a batch. The batch is
/// empty, so that frequent checks cost no disk writes. A full disk is not noticed.
pub async fn health(app: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    app.store
        .read(project::first)
        .await
        .map_err(ApiError::from)?;
    app.store.write(Batch::default()).await?;
    response::json(
        StatusCode::OK,
        &json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }),
    )
}
