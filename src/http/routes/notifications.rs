//! The notification settings of a project (docs/api-contract.md, section 4.30).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{EmailAddress, MAX_NOTIFICATION_EMAILS, NotificationKind, TargetsChange};
use crate::http::body::JsonBody;
use crate::http::field_types::{BoundedList, Item, WebUrl, not_null, nullable};
use crate::http::json::{NotificationSettingsJson, encode_webhook_test};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ServerErrors, ValidationErrors,
};
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, base_url, etag, idempotency};
use crate::service::notification::settings::{self as service, NotificationError};

/// Addresses that receive notifications.
type Emails = BoundedList<EmailAddress, 0, MAX_NOTIFICATION_EMAILS>;

impl Item for EmailAddress {
    const PLURAL: &'static str = "e-mail addresses";
}

/// The fields to change. A field that is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationChangeRequest {
    /// The URL that receives a request when a conversation begins to wait for an agent.
    /// `null` removes the webhook.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<WebUrl>)]
    webhook_url: Option<Option<WebUrl>>,
    /// The addresses that receive an e-mail when a conversation begins to wait for an agent.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    emails: Option<Emails>,
    /// Replaces the secret of the webhook.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    rotate_webhook_secret: Option<bool>,
}

impl From<NotificationChangeRequest> for TargetsChange {
    fn from(body: NotificationChangeRequest) -> Self {
        let emails = body.emails.map(|emails| emails.0.into_iter());
        Self {
            webhook_url: body.webhook_url.map(|url| url.map(|url| url.0)),
            emails: emails.map(|emails| emails.map(EmailAddress::into_string).collect()),
            rotates_secret: body.rotate_webhook_secret.unwrap_or(false),
        }
    }
}

/// What to test.
#[derive(Deserialize, ToSchema)]
pub struct NotificationTestRequest {
    kind: TestKind,
}

/// The way of a test notification.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TestKind {
    Webhook,
    Email,
}

/// The result of a test.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationTestResult {
    /// Whether all receivers have accepted the notification.
    is_delivered: bool,
    /// Why a receiver has not accepted the notification.
    #[schema(required)]
    error: Option<String>,
}

/// Read the notification settings
///
/// Returns where notifications are sent, and the newest ones.
#[utoipa::path(get, path = "/notifications", tag = "Notifications", operation_id = "get-notifications",
    security(("private-key" = [])),
    responses((status = 200, description = "The settings", body = NotificationSettingsJson),
              BearerErrors, ServerErrors))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let settings = service::read(&app.services, project).await?;
    let body = serde_json::to_vec(&NotificationSettingsJson::from(&settings))?;
    etag::respond(&app, &request, caller.into(), body)
}

/// Change the notification settings
///
/// A webhook gets a secret when its URL is set for the first time. Notifications that are to
/// be sent go to the new URL, and not to removed addresses.
#[utoipa::path(patch, path = "/notifications", tag = "Notifications", operation_id = "update-notifications",
    request_body = NotificationChangeRequest, security(("private-key" = [])),
    responses((status = 200, description = "The changed settings", body = NotificationSettingsJson),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn update(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let body =
        JsonBody::<NotificationChangeRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let change = TargetsChange::from(body.value);
    let change = async {
        let settings = service::change(&app.services, project, &change).await?;
        let json = NotificationSettingsJson::from(&settings);
        let response = response::to_saved(StatusCode::OK, &json);
        // Saved by a write of its own: a change that is repeated changes nothing more.
        key.save_alone(&app.store, &response).await?;
        Ok(response)
    };
    idempotency::respond::<NotificationError>(&app, &key, change).await
}

/// Test the notifications
///
/// Sends a notification to the webhook, or to all addresses, and waits until the receivers
/// have accepted it. A test is not repeated.
#[utoipa::path(post, path = "/notifications/test", tag = "Notifications", operation_id = "test-notifications",
    request_body = NotificationTestRequest, security(("private-key" = [])),
    responses((status = 200, description = "The result", body = NotificationTestResult),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn test(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let body =
        JsonBody::<NotificationTestRequest>::read(&app, &request, payload, caller.into()).await?;
    let kind = match body.value.kind {
        TestKind::Webhook => NotificationKind::Webhook,
        TestKind::Email => NotificationKind::Email,
    };
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let base = base_url::of(&app, &request).to_string();
    let test = async {
        let test = service::send_test(&app.services, project, kind, &base, encode_webhook_test);
        let error = test.await?;
        let result = NotificationTestResult {
            is_delivered: error.is_none(),
            error,
        };
        let response = response::to_saved(StatusCode::OK, &result);
        key.save_alone(&app.store, &response).await?;
        Ok(response)
    };
    idempotency::respond::<NotificationError>(&app, &key, test).await
}
