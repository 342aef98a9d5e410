//! Runs the binary: `parlor learn` with folders and with websites that the
//! tests serve, and `parlor qna`.

#![expect(
    clippy::too_many_lines,
    reason = "a test of many requests is easier to read in one function"
)]

mod fake_website;
mod setup;

mod folders;
mod html_pages;
mod markdown;
mod processes;
mod qnas;
mod removals;
mod retries;
mod sitemaps;
mod websites;
