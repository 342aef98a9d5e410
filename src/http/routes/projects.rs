//! The project that a website belongs to (docs/api-contract.md, sections 4.3 and
//! 4.18).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{PlanName, Project, ProjectChange, ProjectDescription, ProjectName};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::field_types::{MessageQuota, not_null, nullable};
use crate::http::json::{ProjectJson, WidgetChangeJson};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, KeyErrors, RateLimitErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::params::{self, KeyParams};
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency};
use crate::service::project as service;
use crate::store::idempotency::SavedResponse;
use crate::store::{Snapshot, project};

/// The fields to change. A field that is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectChangeRequest {
    /// The name of the website. No other project of the server has it.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    name: Option<ProjectName>,
    /// What the website is about. `null` removes the description.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<ProjectDescription>)]
    description: Option<Option<ProjectDescription>>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    chat_widget_config: Option<WidgetChangeJson>,
    /// The plan. `null`: no plan. Needs a server that allows it, otherwise 403.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<PlanName>)]
    plan: Option<Option<PlanName>>,
    /// Messages that visitors may send in a calendar month (UTC); 0: unlimited. `null`:
    /// the quota of the server. Needs a server that allows it, otherwise 403.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<MessageQuota>)]
    monthly_messages: Option<Option<MessageQuota>>,
}

impl ProjectChangeRequest {
    fn changes_plan(&self) -> bool {
        self.plan.is_some() || self.monthly_messages.is_some()
    }

    fn into_change(self) -> ProjectChange {
        ProjectChange {
            name: self.name,
            description: self.description,
            plan: self.plan,
            message_quota: self
                .monthly_messages
                .map(|quota| quota.map(|quota| quota.0)),
            widget: self.chat_widget_config.map(|it| it.0).unwrap_or_default(),
        }
    }
}

/// Read the project
///
/// Returns the project of the key, with the appearance of its chat.
#[utoipa::path(get, path = "/projects/current", tag = "Projects", operation_id = "get-project",
    params(KeyParams), responses((status = 200, description = "The project", body = ProjectJson),
              KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn current(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    auth::limit_public_request(&app, &request).await?;
    let params: KeyParams = params::query(&request)?;
    let key = auth::publishable_key(&app, &request, params.api_key()?).await?;
    let project = key.project;
    let read = move |snapshot: &Snapshot| project::read(snapshot, project);
    let project = app.store.read(read).await?;
    let owner = auth::address_owner(&app, &request);
    let body = serde_json::to_vec(&ProjectJson::from(&project))?;
    etag::respond(&app, &request, owner, body)
}

/// Change the project
///
/// Changes the fields of the body in the project of the private key, and returns the
/// project. Visitors see the change when their page reads the project again.
#[utoipa::path(patch, path = "/projects/current", tag = "Projects", operation_id = "update-project",
    request_body = ProjectChangeRequest, security(("private-key" = [])),
    responses((status = 200, description = "The changed project", body = ProjectJson),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn update(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let body =
        JsonBody::<ProjectChangeRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    if body.value.changes_plan() && !app.settings.plan_changes {
        let message = "Only the operator of the server changes plan and monthlyMessages";
        return Err(ApiError::forbidden(message));
    }
    let change = body.value.into_change();
    let update = service::change(&app.services, project, &change, &key, render_changed);
    idempotency::respond(&app, &key, update).await
}

fn render_changed(project: &Project) -> SavedResponse {
    response::to_saved(StatusCode::OK, &ProjectJson::from(project))
}
