//! HTTP: the route table, and what stands around every request.
//!
//! A request passes `frame` (request id, log, envelope), then a handler, which
//! in this order asks the guard who is calling, reads parameters and body,
//! makes one call, and wraps the result. The order is the handler's own text:
//! 401, 403 and 429 come before anything is said of the content.

mod answer_response;
mod auth;
mod body;
mod deserialize;
pub mod error;
mod etag;
mod field_types;
mod idempotency;
pub mod json;
mod links;
mod list_cache;
mod list_response;
mod middleware;
mod openapi;
mod params;
mod prefer;
mod response;
mod routes;
mod service_errors;
mod sse;
mod surrogates;
mod websocket;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::Server;
use actix_web::guard::{Any, Get, Head};
use actix_web::http::{KeepAlive, Method, header};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, Resource, web};

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};
use list_cache::ListCache;
use routes::{
    agent, completions, conversations, documents, events, health, identity, messages, projects,
    qnas, search, send,
};

/// The server over `listener`, with `app` behind every route. It does nothing
/// until it is polled.
pub fn server(app: Arc<AppState>, listener: TcpListener) -> std::io::Result<Server> {
    let workers = match app.settings.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        workers => workers,
    };
    let grace = app.settings.shutdown_timeout;
    let readers = app.settings.db_readers as usize;
    cut_off_who_does_not_read(&listener, app.settings.socket_timeouts.write_timeout)?;
    let list_cache = web::Data::new(ListCache::new(app.settings.list_cache_mb));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(app.clone()))
            .app_data(list_cache.clone())
            .configure(routes)
            .default_service(web::to(nothing_here))
            .wrap(from_fn(middleware::before_routes))
            .wrap(cors())
            .wrap(from_fn(middleware::around))
    });
    Ok(server
        .workers(workers)
        // One blocking thread for each reading connection, whichever worker has
        // need of it: more would only wait for one.
        .worker_max_blocking_threads(readers)
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(75)))
        // Under the second that a worker waits between two looks at what is
        // still open when it is to stop: WebSockets that were said goodbye to
        // must be gone by the first.
        .client_disconnect_timeout(Duration::from_millis(800))
        .shutdown_timeout(grace)
        // Pieces of an answer are small and must not wait for one another.
        .tcp_nodelay(true)
        // A client that closes its half is gone: what runs for it is ended at once.
        .h1_allow_half_closed(false)
        .disable_signals()
        .listen(listener)?
        .run())
}

/// Has the system end a connection whose client takes nothing for so long. A
/// server that waits for room to write cannot tell, and would wait for ever.
fn cut_off_who_does_not_read(listener: &TcpListener, patience: Duration) -> std::io::Result<()> {
    let patience = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    // Connections inherit it from the listener.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(listener, patience)?;
    #[cfg(not(target_os = "linux"))]
    let _ = (listener, patience);
    Ok(())
}

/// The route table: every path, and the methods it has.
fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/health", "GET, HEAD").route(get().to(health::health)))
        .service(at("/v2", "GET, HEAD").route(get().to(openapi::page)))
        .service(at("/v2/reference.css", "GET, HEAD").route(get().to(openapi::style)))
        .service(at("/v2/reference.js", "GET, HEAD").route(get().to(openapi::script)))
        .service(at("/v2/reference-parts.js", "GET, HEAD").route(get().to(openapi::script_parts)))
        .service(at("/v2/openapi", "GET, HEAD").route(get().to(openapi::document)))
        .service(at("/v2/identity/init", "POST").route(web::post().to(identity::init)))
        .service(at("/v2/identity/me", "GET, HEAD").route(get().to(identity::me)))
        .service(at("/v2/projects/current", "GET, HEAD").route(get().to(projects::current)))
        .service(
            at("/v2/conversations", "GET, HEAD, POST")
                .route(get().to(conversations::list))
                .route(web::post().to(conversations::start)),
        )
        .service(
            at("/v2/conversations/{conversationId}", "GET, HEAD")
                .route(get().to(conversations::read)),
        )
        .service(
            at("/v2/conversations/{conversationId}/close", "POST")
                .route(web::post().to(conversations::close)),
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
            at("/v2/conversations/{conversationId}/replies", "POST")
                .route(web::post().to(agent::reply)),
        )
        .service(
            at("/v2/messages/{messageId}/feedback", "POST").route(web::post().to(messages::rate)),
        )
        .service(at("/v2/chat/completions", "POST").route(web::post().to(completions::create)))
        .service(
            at("/v2/conversations/{conversationId}/ws", "GET").route(web::get().to(events::listen)),
        )
        .configure(knowledge);
}

/// What a project knows.
fn knowledge(config: &mut web::ServiceConfig) {
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

/// A path; other methods than `methods` are answered 405 and these names.
fn at(path: &'static str, methods: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<&str, _>(ApiError {
            allow: Some(methods),
            ..ApiError::new(ErrorCode::MethodNotAllowed)
        })
    }))
}

/// GET, and HEAD, whose body the server leaves out.
fn get() -> actix_web::Route {
    web::route().guard(Any(Get()).or(Head()))
}

async fn nothing_here() -> Result<&'static str, ApiError> {
    Err(ApiError::new(ErrorCode::NotFound))
}

/// Any website may call, none with cookies: credentials are bearer tokens, and
/// the websites of a key are judged by the guard.
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
            Method::DELETE,
        ])
        .expose_headers([
            header::ETAG,
            header::LINK,
            header::RETRY_AFTER,
            middleware::REQUEST_ID,
            response::TOTAL_COUNT,
        ])
        .max_age(86_400)
}
