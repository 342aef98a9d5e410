//! The project that a website belongs to (docs/api-contract.md, sections 4.3 and
//! 4.18).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::domain::{
    Audience, Availability, BusinessHours, MAX_AWAY_MESSAGE_CHARS, PlanName, Project,
    ProjectChange, ProjectDescription, ProjectName, ValidationError,
};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::field_types::{MessageQuota, Text, not_null, nullable};
use crate::http::json::{BusinessHoursJson, ProjectJson, WidgetChangeJson};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, KeyErrors, RateLimitErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::params::{self, KeyParams};
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency};
use crate::service::project as service;
use crate::store::idempotency::SavedResponse;

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
    /// The weekly hours in which agents answer. `null`: always.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<BusinessHoursJson>)]
    business_hours: Option<Option<BusinessHoursJson>>,
    /// The message that is shown while no agent is online. `null` removes the message.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<AwayMessage>)]
    away_message: Option<Option<AwayMessage>>,
}

type AwayMessage = Text<1, MAX_AWAY_MESSAGE_CHARS>;

impl ProjectChangeRequest {
    fn changes_plan(&self) -> bool {
        self.plan.is_some() || self.monthly_messages.is_some()
    }

    fn into_change(self) -> Result<ProjectChange, ValidationError> {
        let hours = self
            .business_hours
            .map(|hours| hours.map(BusinessHours::try_from));
        Ok(ProjectChange {
            name: self.name,
            description: self.description,
            plan: self.plan,
            message_quota: self
                .monthly_messages
                .map(|quota| quota.map(|quota| quota.0)),
            widget: self.chat_widget_config.map(|it| it.0).unwrap_or_default(),
            business_hours: hours.map(Option::transpose).transpose()?,
            away_message: self.away_message.map(|text| text.map(|text| text.0)),
        })
    }
}

/// The query parameter of the operation that reads the project, for the OpenAPI document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "parsed as KeyParams")]
pub struct ProjectParams {
    /// A publishable key. Needed without a private key and without an agent's session.
    #[param(rename = "apiKey", min_length = 1)]
    api_key: Option<String>,
}

/// Read the project
///
/// Returns the project of the publishable key, with the appearance of its chat. Without
/// `apiKey`, a private key or an agent reads the own project, with its business hours.
#[utoipa::path(get, path = "/projects/current", tag = "Projects", operation_id = "get-project",
    params(ProjectParams), responses((status = 200, description = "The project", body = ProjectJson),
              KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn current(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let params: Result<KeyParams, ApiError> = params::query(&request);
    let has_key = !params.as_ref().is_ok_and(KeyParams::is_empty);
    let (project, owner, audience) = if !has_key && auth::has_credential(&app, &request) {
        let caller = auth::bearer(&app, &request).await?;
        (caller.require_staff()?, caller.into(), Audience::Staff)
    } else {
        auth::limit_public_request(&app, &request).await?;
        let key = auth::publishable_key(&app, &request, params?.api_key()?).await?;
        let owner = auth::address_owner(&app, &request);
        (key.project, owner, Audience::Visitor)
    };
    let (project, availability) = service::read(&app.services, project).await?;
    let body = serde_json::to_vec(&ProjectJson::new(&project, &availability, audience))?;
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
    let change = body.value.into_change()?;
    let update = service::change(&app.services, project, &change, &key, render_changed);
    idempotency::respond(&app, &key, update).await
}

fn render_changed(project: &Project, availability: &Availability) -> SavedResponse {
    let body = ProjectJson::new(project, availability, Audience::Staff);
    response::to_saved(StatusCode::OK, &body)
}
