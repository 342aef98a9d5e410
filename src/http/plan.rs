//! What a project's plan includes (section 0, D15).

use crate::domain::ProjectSeq;
use crate::http::error::ApiError;
use crate::store::{Snapshot, project};

/// Checks that the plan includes a model. The plan `free` does not.
///
/// # Errors
/// 402 if it does not.
pub fn check_plan(snapshot: &Snapshot, project: ProjectSeq) -> Result<(), ApiError> {
    match project::plan(snapshot, project)?.as_deref() {
        Some("free") => Err(ApiError::payment_required(
            "free",
            "pro",
            "advanced_ai_models",
        )),
        _ => Ok(()),
    }
}
