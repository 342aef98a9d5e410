//! The API over a real port, each test with a file and a server of its own.
//! One module for each topic.

mod helpers;
#[path = "../stub/mod.rs"]
mod stub;
mod wire;
mod ws;

mod assistants;
mod auth;
mod bodies;
mod completions;
mod documents;
mod errors;
mod headers;
mod isolation;
mod kept;
mod list_cursors;
mod list_order;
mod list_parameters;
mod list_walks;
mod live;
mod messages;
mod once;
mod operators;
mod origins;
mod process;
mod qnas;
mod rates;
mod reference;
mod scripted;
mod search;
mod shape;
mod shutdown;
mod store;
mod streams;
mod upgrade;
