//! For whoever runs the server.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::reply;
use crate::app::App;
use crate::db::{Batch, project};
use crate::error::ApiError;

/// 200 while the database can be read and written.
pub async fn health(app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    app.db.read(project::first).await.map_err(ApiError::from)?;
    app.db.write(Batch::default()).await?;
    reply::json(
        StatusCode::OK,
        &json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }),
    )
}
