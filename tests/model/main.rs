//! The model's client against a server that does what servers do on bad days,
//! over real sockets.

#[path = "../stub/mod.rs"]
mod stub;

mod helpers;

mod answers;
mod asking;
mod failures;
mod limits;
mod retries;
