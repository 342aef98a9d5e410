//! The route table, and what each route does about methods, paths and other websites.

use std::rc::Rc;

use actix_cors::Cors;
use actix_web::guard::{Any, Get, Head, fn_guard};
use actix_web::http::{Method, header};
use actix_web::{Resource, web};

use super::error::{ApiError, ErrorCode};
use super::request_context::{Route, set_route};
use super::routes::{
    agent, agents, completions, conversations, documents, events, export, health, identity,
    identity_link, keys, messages, metrics, notes, notifications, pages, project_events, projects,
    qnas, saved_replies, search, send, sign_in, sources, statistics, typing, visitors,
};
use super::{assets, middleware, openapi, reference, response};

/// The route table: every path with its methods.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .configure(server_routes)
        .configure(page_routes)
        .service(at("/v2/identity/init", "POST").route(web::post().to(identity::init)))
        .service(at("/v2/identity/identify", "POST").route(web::post().to(identity::identify)))
        .service(at("/v2/identity/link", "POST").route(web::post().to(identity_link::open)))
        .service(
            at("/v2/identity/me", "GET, HEAD, PATCH")
                .route(get().to(identity::me))
                .route(web::patch().to(identity::update)),
        )
        .service(
            at("/v2/projects/current", "GET, HEAD, PATCH")
                .route(get().to(projects::current))
                .route(web::patch().to(projects::update)),
        )
        .configure(agent_routes)
        .configure(notification_routes)
        .configure(conversation_routes)
        .configure(note_routes)
        .service(at("/v2/events", "GET").route(web::get().to(project_events::listen)))
        .service(
            at("/v2/messages/{messageId}/feedback", "POST").route(web::post().to(messages::rate)),
        )
        .configure(visitor_routes)
        .configure(key_routes)
        .configure(statistics_routes)
        .configure(source_routes)
        .service(at("/v2/chat/completions", "POST").route(web::post().to(completions::create)))
        .configure(knowledge_routes);
}

/// The routes of agents: accounts and sessions.
fn agent_routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/v2/setup", "POST").route(web::post().to(sign_in::set_up)))
        .service(
            at("/v2/agents", "GET, HEAD, POST")
                .route(get().to(agents::list))
                .route(web::post().to(agents::create)),
        )
        .service(at("/v2/agents/sign-in", "POST").route(web::post().to(sign_in::sign_in)))
        .service(
            at("/v2/agents/sign-in-link", "POST").route(web::post().to(sign_in::sign_in_with_link)),
        )
        .service(at("/v2/agents/sign-out", "POST").route(web::post().to(sign_in::sign_out)))
        .service(
            at("/v2/agents/me", "GET, HEAD, PATCH")
                .route(get().to(agents::me))
                .route(web::patch().to(agents::update_me)),
        )
        .service(at("/v2/agents/me/sessions", "GET, HEAD").route(get().to(agents::sessions)))
        .service(
            at("/v2/agents/me/sessions/{sessionId}", "DELETE")
                .route(web::delete().to(agents::end_session)),
        )
        .service(
            at("/v2/agents/{agentId}", "PATCH, DELETE")
                .route(web::patch().to(agents::update))
                .route(web::delete().to(agents::remove)),
        )
        .service(
            at("/v2/agents/{agentId}/link", "POST").route(web::post().to(agents::create_link)),
        );
}

/// The routes of visitors.
fn visitor_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            at("/v2/visitors/{visitorId}", "GET, HEAD, DELETE")
                .route(get().to(visitors::read))
                .route(web::delete().to(visitors::remove)),
        )
        .service(
            at("/v2/visitors/{visitorId}/block", "PUT, DELETE")
                .route(web::put().to(visitors::block))
                .route(web::delete().to(visitors::unblock)),
        );
}

/// The routes of API keys.
fn key_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            at("/v2/keys", "GET, HEAD, POST")
                .route(get().to(keys::list))
                .route(web::post().to(keys::create)),
        )
        .service(
            at("/v2/keys/{keyId}", "PATCH, DELETE")
                .route(web::patch().to(keys::update))
                .route(web::delete().to(keys::revoke)),
        )
        .service(
            at("/v2/keys/{keyId}/identity-secret", "POST, DELETE")
                .route(web::post().to(keys::create_identity_secret))
                .route(web::delete().to(keys::remove_identity_secret)),
        );
}

/// The routes of statistics and unanswered questions.
fn statistics_routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/v2/statistics", "GET, HEAD").route(get().to(statistics::read)))
        .service(
            at("/v2/unanswered-questions", "GET, HEAD")
                .route(get().to(statistics::list_unanswered)),
        )
        .service(
            at("/v2/unanswered-questions/{messageId}", "DELETE")
                .route(web::delete().to(statistics::resolve_unanswered)),
        );
}

/// The routes of sources.
fn source_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            at("/v2/sources", "GET, HEAD, POST")
                .route(get().to(sources::list))
                .route(web::post().to(sources::create)),
        )
        .service(at("/v2/sources/{sourceId}", "DELETE").route(web::delete().to(sources::remove)))
        .service(at("/v2/sources/{sourceId}/learn", "POST").route(web::post().to(sources::learn)));
}

/// The routes of notes and saved replies.
fn note_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            at(
                "/v2/conversations/{conversationId}/notes",
                "GET, HEAD, POST",
            )
            .route(get().to(notes::list))
            .route(web::post().to(notes::create)),
        )
        .service(
            at(
                "/v2/conversations/{conversationId}/notes/{noteId}",
                "DELETE",
            )
            .route(web::delete().to(notes::remove)),
        )
        .service(
            at("/v2/saved-replies", "GET, HEAD, POST")
                .route(get().to(saved_replies::list))
                .route(web::post().to(saved_replies::create)),
        )
        .service(
            at("/v2/saved-replies/{savedReplyId}", "PATCH, DELETE")
                .route(web::patch().to(saved_replies::update))
                .route(web::delete().to(saved_replies::remove)),
        );
}

/// The routes of notifications.
fn notification_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            at("/v2/notifications", "GET, HEAD, PATCH")
                .route(get().to(notifications::read))
                .route(web::patch().to(notifications::update)),
        )
        .service(at("/v2/notifications/test", "POST").route(web::post().to(notifications::test)));
}

/// The routes of conversations.
fn conversation_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            at("/v2/conversations", "GET, HEAD, POST")
                .route(get().to(conversations::list))
                .route(web::post().to(conversations::start)),
        )
        // Before the path with an id, which would match too.
        .service(at("/v2/conversations/export", "GET, HEAD").route(get().to(export::export)))
        .service(
            at("/v2/conversations/{conversationId}", "GET, HEAD, DELETE")
                .route(get().to(conversations::read))
                .route(web::delete().to(conversations::remove)),
        )
        .service(
            at("/v2/conversations/{conversationId}/close", "POST")
                .route(web::post().to(conversations::close)),
        )
        .service(
            at("/v2/conversations/{conversationId}/stop", "POST").route(web::post().to(send::stop)),
        )
        .service(
            at(
                "/v2/conversations/{conversationId}/messages",
                "GET, HEAD, POST",
            )
            .route(get().to(messages::list))
            .route(web::post().to(send::send)),
        )
        .service(
            at("/v2/conversations/{conversationId}/agent", "PUT, DELETE")
                .route(web::put().to(agent::take_over))
                .route(web::delete().to(agent::hand_back)),
        )
        .service(
            at("/v2/conversations/{conversationId}/typing", "POST")
                .route(web::post().to(typing::report)),
        )
        .service(
            at("/v2/conversations/{conversationId}/read", "POST")
                .route(web::post().to(typing::mark_as_read)),
        )
        .service(
            at("/v2/conversations/{conversationId}/replies", "POST")
                .route(web::post().to(agent::reply)),
        )
        .service(
            at("/v2/conversations/{conversationId}/ws", "GET").route(web::get().to(events::listen)),
        );
}

/// The routes that describe the server: its state and its API.
fn server_routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/health", "GET, HEAD").route(get().to(health::health)))
        .service(at("/ready", "GET, HEAD").route(get().to(health::ready)))
        .service(at("/metrics", "GET, HEAD").route(get().to(metrics::local)))
        .service(at("/v2", "GET, HEAD").route(get().to(reference::page)))
        .service(at("/v2/", "GET, HEAD").route(get().to(reference::folder_page)))
        .service(at("/v2/reference/{name}", "GET, HEAD").route(get().to(reference::asset)))
        .service(at("/v2/openapi", "GET, HEAD").route(get().to(openapi::document)));
}

/// The routes of the widget and the pages.
fn page_routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/", "GET, HEAD").route(get().to(pages::start)))
        .service(at("/inbox", "GET, HEAD").route(get().to(pages::inbox)))
        .service(at("/inbox/{view:.*}", "GET, HEAD").route(get().to(pages::inbox)))
        .service(at("/chat", "GET, HEAD").route(get().to(pages::chat)))
        .service(at("/setup", "GET, HEAD").route(get().to(pages::setup)))
        .service(at("/favicon.ico", "GET, HEAD").route(get().to(pages::favicon)))
        .service(at("/robots.txt", "GET, HEAD").route(get().to(pages::robots)))
        .service(at("/third-party-notices.txt", "GET, HEAD").route(get().to(pages::notices)))
        .service(at("/widget.js", "GET, HEAD").route(get().to(assets::widget_script)))
        .service(at("/widget.mjs", "GET, HEAD").route(get().to(assets::widget_module)))
        .service(at("/assets/{name}", "GET, HEAD").route(get().to(assets::hashed_file)));
}

/// The routes of search, Q&As and documents.
fn knowledge_routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/v2/search", "GET, HEAD").route(get().to(search::search)))
        .service(
            at("/v2/projects/{projectId}/qnas", "GET, HEAD, POST")
                .route(get().to(qnas::list))
                .route(web::post().to(qnas::create)),
        )
        .service(
            at(
                "/v2/projects/{projectId}/qnas/{qnaId}",
                "GET, HEAD, PUT, DELETE",
            )
            .route(get().to(qnas::read))
            .route(web::put().to(qnas::update))
            .route(web::delete().to(qnas::remove)),
        )
        .service(
            at("/v2/projects/{projectId}/documents", "GET, HEAD, POST")
                .route(get().to(documents::list))
                .route(web::post().to(documents::create)),
        )
        .service(
            at(
                "/v2/projects/{projectId}/documents/{documentId}",
                "GET, HEAD, DELETE",
            )
            .route(get().to(documents::read))
            .route(web::delete().to(documents::remove)),
        );
}

/// The routes of `--metrics-listen`.
pub fn operator_routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/health", "GET, HEAD").route(get().to(health::health)))
        .service(at("/ready", "GET, HEAD").route(get().to(health::ready)))
        .service(at("/metrics", "GET, HEAD").route(get().to(metrics::scrape)));
}

/// A path. Other methods than `methods` return 405 with `Allow: {methods}`.
fn at(path: &'static str, methods: &'static str) -> Resource {
    let route = Rc::new(Route::new(path));
    let resource = web::resource(path).guard(fn_guard(move |request| {
        set_route(&request.req_data(), &route);
        true
    }));
    resource.default_service(web::to(move || async move {
        Err::<&str, _>(ApiError {
            allow: Some(methods),
            ..ApiError::new(ErrorCode::MethodNotAllowed)
        })
    }))
}

/// GET and HEAD. The server omits the body of HEAD.
fn get() -> actix_web::Route {
    web::route().guard(Any(Get()).or(Head()))
}

pub async fn not_found() -> Result<&'static str, ApiError> {
    Err(ApiError::new(ErrorCode::NotFound))
}

/// Allows every website, without cookies: credentials are bearer tokens, and
/// [`super::auth`] checks the websites of a key.
pub fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allow_any_header()
        .allowed_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .expose_headers([
            header::ETAG,
            header::LINK,
            header::RETRY_AFTER,
            middleware::REQUEST_ID,
            response::INCOMPLETE_RESULTS,
            response::TOTAL_COUNT,
        ])
        .max_age(86_400)
}
