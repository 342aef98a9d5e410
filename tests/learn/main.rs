//! Runs the binary: `parlor learn` with folders and with websites that the
//! tests serve, and `parlor qna`.

mod fake_website;
mod setup;

mod folders;
mod processes;
mod qnas;
mod websites;
