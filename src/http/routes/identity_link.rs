//! Opens the link of an e-mail with replies (docs/api-contract.md, section 4.31).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{ConversationId, Timestamp};
use crate::http::body::JsonBody;
use crate::http::field_types::Text;
use crate::http::json::VisitorJson;
use crate::http::openapi_errors::{
    BodyErrors, KeyErrors, RateLimitErrors, ServerErrors, ValidationErrors,
};
use crate::http::response::HandlerResult;
use crate::http::{auth, response};
use crate::service::notification::link::{self, LinkError};

/// The longest token of a link.
const MAX_TOKEN_CHARS: usize = 1000;

type LinkToken = Text<1, MAX_TOKEN_CHARS>;

/// The link of an e-mail.
#[derive(Deserialize, ToSchema)]
pub struct LinkRequest {
    /// The part of the link after `#`.
    #[schema(inline)]
    token: LinkToken,
}

/// A session of the visitor who received the e-mail.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LinkedSession)]
pub struct LinkedSessionJson<'a> {
    /// The bearer token of the session.
    session_token: String,
    visitor: VisitorJson<'a>,
    /// The publishable key of the session.
    api_key: &'a str,
    /// The conversation with the replies.
    conversation_id: ConversationId,
}

/// Open the link of an e-mail
///
/// An agent's reply is e-mailed to a visitor who has left. The e-mail has a link to the page
/// `/chat`, which calls this operation. It starts a session of the visitor. The link is valid
/// for 7 days, until the visitor or the conversation is erased or the visitor is blocked.
#[utoipa::path(post, path = "/identity/link", tag = "Identity", operation_id = "open-link",
    request_body = LinkRequest,
    responses((status = 201, description = "The session is started", body = LinkedSessionJson),
              BodyErrors, KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn open(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    auth::limit_new_session(&app, &request)?;
    let owner = auth::address_owner(&app, &request);
    let body = JsonBody::<LinkRequest>::read(&app, &request, payload, owner).await?;
    let keys = app.signing.current();
    let verified = keys
        .reply_links
        .verify(&body.value.token.0, Timestamp::now());
    let reply_link = verified.ok_or(LinkError::Invalid)?;
    let found = link::find(&app.store, reply_link).await?;
    // The website of the request must be allowed to use the key.
    auth::publishable_key(&app, &request, &found.key).await?;
    let started = link::start(&app.store, found).await?;
    let (visitor, started_at) = (&started.visitor, started.started_at);
    let json = LinkedSessionJson {
        session_token: app.auth.issue_token(started.id, visitor.id, started_at),
        visitor: VisitorJson::from(visitor),
        api_key: &started.key,
        conversation_id: reply_link.conversation,
    };
    response::json(StatusCode::CREATED, &json)
}
