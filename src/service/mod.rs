//! Use cases. Each function takes a store and typed input and returns typed
//! results and errors. It knows neither HTTP nor the command line.

pub mod assistant;
pub mod key;
pub mod qna_import;
pub mod setup;
