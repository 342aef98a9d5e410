//! Runs the fuzz targets of `fuzz/` with stable Rust: first each input of the corpus, then
//! changed inputs for `PARLOR_FUZZ_SECONDS` seconds. `tests/run fuzz` uses 5 seconds, with
//! `--long` 60. The inputs are the same in each run, as far as the time suffices;
//! `PARLOR_FUZZ_SEED=N` selects others.
//!
//! A target fails if it panics (its invariants are assertions) or if one input takes longer
//! than [`runner::MAX_INPUT_TIME`].

mod layout;
mod mutator;
mod runner;
#[path = "../../fuzz/src/lib.rs"]
mod targets;

macro_rules! tests {
    ($($name:ident: $target:ty,)*) => {
        $(
            #[test]
            fn $name() {
                runner::run::<$target>();
            }
        )*

        /// The names of the targets.
        const NAMES: &[&str] = &[$(<$target as targets::Target>::NAME),*];
    };
}

tests! {
    any_cursor_is_handled: targets::cursor::Cursor,
    any_document_is_handled: targets::document::Document,
    any_import_is_handled: targets::import::Import,
    any_json_string_is_handled: targets::json_string::JsonString,
    any_list_query_is_handled: targets::list_query::ListQueryTarget,
    any_model_response_is_handled: targets::model_response::ModelResponse,
    any_request_body_is_handled: targets::request_body::RequestBody,
    any_search_text_is_handled: targets::search_text::SearchText,
    any_session_token_is_handled: targets::session_token::SessionToken,
    any_sitemap_is_handled: targets::sitemap::Sitemap,
    any_web_address_is_handled: targets::web_address::WebAddress,
}
