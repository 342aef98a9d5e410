//! HTTP: the actix server.
//!
//! A request passes `middleware` (request id, log, error envelope) and then a
//! handler in `routes`, which `routing` chooses. A handler authenticates the caller, parses parameters
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
mod routing;
mod session_cookie;
mod sse;
mod transfer;
mod watched_answers;
mod websocket;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use crate::app::AppState;
use list_cache::ListCache;

/// Blocking threads of each worker. They convert documents, which takes CPU time;
/// database reads have threads of their own.
const MAX_BLOCKING_THREADS: usize = 4;

/// After `--shutdown-timeout`, answers are interrupted. Their clients have this time, in
/// seconds, to receive the error.
pub const INTERRUPT_TIMEOUT_SECS: u64 = 3;

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
            .configure(routing::routes)
            .default_service(web::to(routing::not_found))
            .wrap(from_fn(middleware::intercept_request))
            .wrap(routing::cors())
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
            .configure(routing::operator_routes)
            .default_service(web::to(routing::not_found))
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
