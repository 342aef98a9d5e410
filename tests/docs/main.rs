//! Tests of README.md and docs/*.md: bash runs the examples, tables are compared
//! with the program, and links must lead somewhere.

mod citations;
mod examples;
mod json;
mod links;
mod named_tests;
mod pages;
mod server;
mod tables;

use pages::page;

/// README.md is for newcomers: whatever is longer belongs to a page in docs/.
const MAX_README_WORDS: usize = 1700;

#[test]
fn readme_is_short() {
    let words = page("README.md").text.split_whitespace().count();
    assert!(words <= MAX_README_WORDS, "{words} words");
}
