//! Tests of the model provider against a stub of a model's server on real
//! sockets, including failures.

#[path = "../stub_server/mod.rs"]
mod stub_server;

mod dialects;
mod embeddings;
mod failures;
mod helpers;
mod limits;
mod odd_servers;
mod requests;
mod responses;
mod retries;
mod rewrites;
mod server_faults;
