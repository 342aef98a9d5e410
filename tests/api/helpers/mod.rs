//! Shared by all API tests: a server for each test, HTTP and WebSocket clients,
//! a fake model, and rows for the database.
//!
//! `TestServer::start()` runs the application on a random port with a database
//! in a temporary directory. Dropping the `TestServer` stops the server and
//! removes the directory.

mod agents;
mod answers;
mod client;
mod database;
mod embedding_stub;
mod event_stream;
mod fixtures;
mod list_model;
mod model;
mod nodes;
mod notifications;
mod openapi_document;
mod postgres;
mod process;
mod server;
mod side;
mod websocket;

pub use agents::*;
pub use answers::*;
pub use client::*;
pub use database::*;
pub use embedding_stub::*;
pub use event_stream::*;
pub use fixtures::*;
pub use list_model::*;
pub use model::*;
pub use nodes::*;
pub use notifications::*;
pub use openapi_document::*;
pub use process::*;
pub use server::*;
pub use side::*;
pub use websocket::*;

use std::time::{Duration, Instant};

use serde_json::Value;

/// An UUID that no row has.
pub const UNKNOWN_ID: &str = "123e4567-e89b-12d3-a456-426614174000";

const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// Polls `condition` until it holds. Panics with `what` after 20 seconds.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        std::thread::yield_now();
    }
}

/// Runs `action` on `count` threads at the same time and collects the results.
pub fn run_concurrently<T: Send>(count: usize, action: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&action)).collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results.map(|result| result.expect("a result")).collect()
    })
}

#[track_caller]
pub fn string(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// The ids of a list response, in its order.
pub fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().expect("data");
    data.iter().map(|item| string(&item["id"])).collect()
}

/// Removes what visitors do not see from a conversation and returns it.
pub fn take_inbox_state(conversation: &mut Value) -> Value {
    take_members(
        conversation,
        &["waitingSince", "waitingReason", "isUnread", "agentId"],
    )
}

/// Removes what visitors do not see from a visitor and returns it.
pub fn take_visitor_details(visitor: &mut Value) -> Value {
    let names = [
        "email",
        "phone",
        "isVerified",
        "isEmailVerified",
        "isBlocked",
        "createdAt",
    ];
    take_members(visitor, &names)
}

fn take_members(object: &mut Value, names: &[&str]) -> Value {
    let members = object.as_object_mut().expect("an object");
    let mut take = |name: &str| {
        members
            .shift_remove(name)
            .unwrap_or_else(|| panic!("{name}"))
    };
    let taken = names.iter().map(|name| ((*name).to_owned(), take(name)));
    Value::Object(taken.collect())
}
