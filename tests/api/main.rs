//! The API over a real port, each test with a file and a server of its own.
//! One module for each topic.

mod helpers;
mod wire;

mod auth;
mod bodies;
mod documents;
mod errors;
mod headers;
mod isolation;
mod list_order;
mod list_parameters;
mod origins;
mod process;
mod qnas;
mod rates;
mod reference;
mod search;
mod shape;
mod shutdown;
mod store;
