//! The health checks for the operator of the server.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::app::AppState;
use crate::http::error::ApiError;
use crate::http::response::{self, HandlerResult};

/// Responds that the process is alive. Uses neither the disk nor the database.
pub async fn health() -> HandlerResult {
    respond(&json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// Responds whether reads and writes work. Failed backups and e-mails are warnings:
/// the server can do its work.
pub async fn ready(app: web::Data<AppState>) -> HandlerResult {
    let check = app.readiness.check(&app.services, app.lock.as_deref());
    check.await.map_err(ApiError::from)?;
    let mut warnings = Vec::new();
    if app.backup_status.has_failed() {
        warnings.push("backup-failed");
    }
    if app.services.notifier.stats.has_email_failed() {
        warnings.push("email-failed");
    }
    respond(&json!({ "status": "ready", "warnings": warnings }))
}

fn respond(body: &Value) -> Result<HttpResponse, ApiError> {
    let mut response = response::json(StatusCode::OK, body)?;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
