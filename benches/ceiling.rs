//! A server that returns a fixed body, with the same web framework and settings as
//! parlor. Its rate is the upper limit for bodies of that size.
//!
//! Usage: `ceiling FILE`, where FILE contains the body. Prints its address.

mod arguments;

use std::io::{Error, Result};
use std::net::TcpListener;
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use arguments::arguments;

async fn fixed_body(body: web::Data<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(body.as_ref().clone())
}

fn main() -> Result<()> {
    let usage = "usage: ceiling FILE";
    let Some(arguments) = arguments(usage) else {
        return Ok(());
    };
    let [file] = &arguments[..] else {
        return Err(Error::other(usage));
    };
    let body = web::Data::new(Bytes::from(std::fs::read(file)?));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("ceiling listens on http://{}", listener.local_addr()?);
    let app = move || {
        App::new()
            .app_data(body.clone())
            .default_service(web::to(fixed_body))
    };
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let server = HttpServer::new(app)
        .workers(workers)
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(75)))
        .disable_signals()
        .listen(listener)?;
    actix_web::rt::System::new().block_on(server.run())
}
