//! HTTP: the actix server and the route table.
//!
//! A request passes `middleware` (request id, log, error envelope) and then a
//! handler in `routes`. A handler authenticates the caller, parses parameters
//! and body, calls the application and builds the response. It parses after the
//! authentication, so that 401, 403 and 429 precede 400 and 422
//! (docs/api-contract.md, section 2.5).

mod answer_response;
mod assets;
mod auth;
mod base_url;
mod body;
mod charged_body;
mod conversation_export;
mod conversation_feed;
mod deserialize;
pub mod error;
mod error_mapping;
mod etag;
mod field_types;
#[doc(hidden)]
pub mod fuzz_api;
mod idempotency;
mod item_stream;
pub mod json;
mod links;
mod list_cache;
mod list_params;
mod list_response;
mod metrics_collector;
mod middleware;
mod openapi;
mod openapi_errors;
mod openapi_operations;
mod openapi_schemas;
mod params;
mod prefer;
mod project_feed;
mod project_frames;
mod reference;
mod request_context;
mod request_log;
mod response;
mod routes;
mod session_cookie;
mod sse;
mod transfer;
mod watched_answers;
mod websocket;

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::Server;
use actix_web::guard::{Any, Get, Head, fn_guard};
use actix_web::http::{KeepAlive, Method, header};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, Resource, web};

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};
use list_cache::ListCache;
use request_context::{Route, set_route};
use routes::{
    agent, agents, completions, conversations, documents, events, export, health, identity,
    identity_link, keys, messages, metrics, notes, notifications, pages, project_events, projects,
    qnas, saved_replies, search, send, sign_in, sources, statistics, typing, visitors,
};

/// Blocking threads of each worker. They convert documents, which takes CPU time;
/// database reads have threads of their own.
const MAX_BLOCKING_THREADS: usize = 4;

/// After `--shutdown-timeout`, answers are interrupted. Their clients have this time, in
/// seconds, to receive the error.
const INTERRUPT_TIMEOUT_SECS: u64 = 3;

/// Builds the server of `app` on `listener`. It starts when it is polled.
pub fn server(app: Arc<AppState>, listener: TcpListener) -> std::io::Result<Server> {
    let workers = match app.settings.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        workers => workers,
    };
    let shutdown_timeout = app.settings.shutdown_timeout + INTERRUPT_TIMEOUT_SECS;
    set_write_timeout(&listener, app.settings.socket_timeouts.write_timeout)?;
    transfer::limit_socket_buffers(&listener)?;
    let list_cache = web::Data::new(ListCache::new(
        app.settings.list_cache_mb,
        app.list_cache_stats.clone(),
    ));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(app.clone()))
            .app_data(app.request_metrics.worker())
            .app_data(list_cache.clone())
            .configure(routes)
            .default_service(web::to(not_found))
            .wrap(from_fn(middleware::intercept_request))
            .wrap(cors())
            .wrap(from_fn(middleware::log_request))
    });
    Ok(server
        .workers(workers)
        .worker_max_blocking_threads(MAX_BLOCKING_THREADS)
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(75)))
        // A stopping worker checks its connections once a second. WebSockets
        // that received a close frame must be gone at the first check.
        .client_disconnect_timeout(transfer::LINGER_TIMEOUT)
        .shutdown_timeout(shutdown_timeout)
        // The chunks of an answer are small and must be sent at once.
        .tcp_nodelay(true)
        // A client that closes its half of the connection cancels its request.
        .h1_allow_half_closed(false)
        .h1_write_buffer_size(charged_body::WRITE_BUFFER_BYTES)
        .on_connect(transfer::store_socket)
        .disable_signals()
        .listen(listener)?
        .run())
}

/// Builds the server of `--metrics-listen`: metrics and health checks.
pub fn operator_server(app: Arc<AppState>, listener: TcpListener) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(app.clone()))
            .app_data(app.request_metrics.worker())
            .service(at("/health", "GET, HEAD").route(get().to(health::health)))
            .service(at("/ready", "GET, HEAD").route(get().to(health::ready)))
            .service(at("/metrics", "GET, HEAD").route(get().to(metrics::scrape)))
            .default_service(web::to(not_found))
            .wrap(from_fn(middleware::log_request))
    });
    let server = server.workers(1).disable_signals();
    Ok(server.listen(listener)?.run())
}

/// Makes the system close a connection whose client acknowledges no data for
/// `timeout`. Without it a write to such a client would wait forever.
fn set_write_timeout(listener: &TcpListener, timeout: Duration) -> std::io::Result<()> {
    let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    // Connections inherit the option from the listener.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(listener, millis)?;
    #[cfg(not(target_os = "linux"))]
    let _ = (listener, millis);
    Ok(())
}

/// The route table: every path with its methods.
fn routes(config: &mut web::ServiceConfig) {
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

async fn not_found() -> Result<&'static str, ApiError> {
    Err(ApiError::new(ErrorCode::NotFound))
}

/// Allows every website, without cookies: credentials are bearer tokens, and
/// [`auth`] checks the websites of a key.
fn cors() -> Cors {
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
