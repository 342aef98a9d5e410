//! The OpenAPI document of the API, which is generated from the code.

use std::sync::LazyLock;

use actix_web::{HttpRequest, web};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::routes::{
    agent, agents, completions, conversations, documents, events, export, identity, identity_link,
    keys, messages, notes, notifications, project_events, projects, qnas, saved_replies, search,
    send, sign_in, sources, statistics, typing, visitors,
};
use crate::app::AppState;
use crate::domain::{Direction, MessageStatus, Role, Sort, Status};
use crate::http::json::{ChunkJson, EventJson, ProjectEventJson, WebhookEventJson};
use crate::http::openapi_errors::ServerErrors;
use crate::http::project_feed::ClientFrame;
use crate::http::response::HandlerResult;
use crate::http::{auth, base_url, etag, openapi_operations, openapi_schemas};

#[derive(OpenApi)]
#[openapi(
    info(title = "parlor", description = include_str!("openapi.md")),
    servers((url = SERVER_PLACEHOLDER)),
    paths(
        notifications::read, notifications::update, notifications::test, identity_link::open,
        identity::init, identity::identify, identity::me, identity::update, projects::current, projects::update, conversations::list,
        conversations::start, export::export, conversations::read, conversations::close,
        conversations::remove, visitors::read, visitors::remove, visitors::block, visitors::unblock, messages::list,
        send::send, send::stop, messages::rate, completions::create, agent::take_over, agent::hand_back,
        agent::reply, sign_in::set_up, sign_in::sign_in, sign_in::sign_in_with_link,
        sign_in::sign_out, agents::me, agents::update_me, agents::sessions, agents::end_session,
        agents::list, agents::create, agents::update, agents::remove, agents::create_link,
        sources::list, sources::create, sources::learn, sources::remove, statistics::read, statistics::list_unanswered, statistics::resolve_unanswered,
        notes::list, notes::create, notes::remove,
        saved_replies::list, saved_replies::create, saved_replies::update, saved_replies::remove,
        keys::list, keys::create, keys::update, keys::revoke, keys::create_identity_secret,
        keys::remove_identity_secret, events::listen, project_events::listen,
        typing::report, typing::mark_as_read,
        search::search, qnas::list, qnas::read, qnas::create, qnas::update, qnas::remove,
        documents::list, documents::create, documents::read, documents::remove, document,
    ),
    components(schemas(
        ChunkJson, EventJson, ProjectEventJson, ClientFrame, WebhookEventJson, Sort, Direction, Status, Role, MessageStatus,
    )),
    security(("session" = []), ("private-key" = [])),
    tags(
        (name = "Conversations", description = "The conversations of visitors with a website."),
        (name = "Messages", description = "The messages of a conversation."),
        (name = "Agents", description = "People who answer for the website: their accounts, and how they take a conversation over from the assistant."),
        (name = "Events", description = "Live events of all conversations, for agents and servers."),
        (name = "Chat completions", description = "Answers that are not stored."),
        (name = "Identity", description = "Sessions and visitors."),
        (name = "Keys", description = "Keys of the API: publishable keys for web pages, private keys for servers."),
        (name = "Notifications", description = "How agents learn of conversations that wait for them."),
        (name = "Projects", description = "A website and the appearance of its chat."),
        (name = "Qnas", description = "Q&As: questions that the website has answered."),
        (name = "Documents", description = "Pages that the project has learned."),
        (name = "Search", description = "Search in the documents and Q&As of a project."),
        (name = "Reference", description = "This document."),
    ),
    modifiers(&SecuritySchemes),
)]
struct ApiDoc;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = |description: &str, format: &str| {
            let scheme = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format(format)
                .description(Some(description));
            SecurityScheme::Http(scheme.build())
        };
        components.add_security_scheme(
            "session",
            bearer("The session token from POST /identity/init.", "JWT"),
        );
        components.add_security_scheme(
            "private-key",
            bearer(
                "A private key, `sk_…`. For servers only, never in a web page.",
                "key",
            ),
        );
        let cookie = ApiKeyValue::with_description(
            "parlor_session",
            "The session of an agent who has signed in. Behind TLS the name is \
             `__Host-parlor_session`. Requests that change data need an `Origin` of this server.",
        );
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
        components.add_security_scheme("agent", cookie);
    }
}

/// The document as JSON. Its only server is [`SERVER_PLACEHOLDER`].
pub(super) static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut document = serde_json::to_value(ApiDoc::openapi()).unwrap_or_default();
    openapi_schemas::complete(&mut document);
    openapi_operations::complete(&mut document);
    document.to_string()
});

/// Is replaced by the URL of the server under which the document is requested.
const SERVER_PLACEHOLDER: &str = "https://parlor.invalid/v2";

/// Read this document
///
/// Returns the OpenAPI document of the API. `servers` has the URL under which the
/// document was requested.
#[utoipa::path(get, path = "/openapi", tag = "Reference", operation_id = "get-openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object),
              ServerErrors))]
pub async fn document(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let server = format!("{}/v2", base_url::of(&app, &request));
    let document = DOCUMENT.replacen(SERVER_PLACEHOLDER, &server, 1);
    let owner = auth::address_owner(&app, &request);
    etag::respond(&app, &request, owner, document.into_bytes())
}
