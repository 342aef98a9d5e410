//! The features of a project's plan (docs/api-contract.md, section 10.4).

use crate::domain::ProjectSeq;
use crate::store::{Snapshot, StoreError, project};

/// The project's plan does not include answers by a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the project's plan does not include answers by a model")]
pub struct ModelNotInPlan;

/// The plan without answers by a model. All other plans include them.
const FREE_PLAN: &str = "free";

/// Checks that the project's plan includes answers by a model.
pub fn check_model<E>(snapshot: &Snapshot, project: ProjectSeq) -> Result<(), E>
where
    E: From<ModelNotInPlan> + From<StoreError>,
{
    let plan = project::plan(snapshot, project)?;
    if plan.as_deref() == Some(FREE_PLAN) {
        return Err(ModelNotInPlan.into());
    }
    Ok(())
}
