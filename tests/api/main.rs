//! The API over a real port, each test with a file and a server of its own.
//! One module for each topic.

mod helpers;
mod wire;
mod ws;

mod auth;
mod bodies;
mod errors;
mod headers;
mod isolation;
mod list_order;
mod list_parameters;
mod live;
mod origins;
mod process;
mod rates;
mod reference;
mod shape;
mod shutdown;
mod store;
