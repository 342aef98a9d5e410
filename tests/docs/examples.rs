//! Bash runs the examples of the pages.
//!
//! A fenced block that starts with "```sh run" runs, and its output must equal the
//! following fenced block. All blocks of a page run in one shell, in one directory.
//! Port 8787 is `parlor demo`, or `parlor serve` in a block that starts with
//! "```sh run serve". The commands of parlor use the file of `parlor serve`.

use std::path::Path;
use std::process::Command;

use crate::json::assert_json;
use crate::pages::{Block, Page, page, pages};
use crate::server::{PARLOR, Server, TempDirectory, without_settings};

/// The address of the server in the examples.
const DOCUMENTED_ADDRESS: &str = "127.0.0.1:8787";
/// A line between the outputs of two examples.
const END_OF_EXAMPLE: &str = "=== end of example ===";

#[test]
fn examples_return_what_the_pages_show() {
    let mut count = 0;
    for page in pages() {
        let examples = examples(&page);
        if !examples.is_empty() {
            check_page(&page.name, &examples);
        }
        count += examples.len();
    }
    assert!(count >= 15, "{count} examples");
}

#[test]
fn demo_prints_the_commands_of_the_readme() {
    let directory = TempDirectory::new("lines");
    let mut demo = Server::start("demo", directory.path());
    let printed = demo.lines_to("Bearer $TOKEN").join("");
    let printed = printed.replace(&demo.address, DOCUMENTED_ADDRESS);
    let (readme, api) = (page("README.md"), page("docs/api.md"));
    let commands = [&examples(&readme)[..2], &examples(&api)[..2]].concat();
    let is_curl = |line: &&str| line.contains("curl") && !line.contains("/identity/me");
    let lines = commands.iter().flat_map(|example| example.script.lines());
    for line in lines.filter(is_curl) {
        assert!(printed.contains(line), "not printed: {line}\n{printed}");
    }
}

/// A script and its expected output.
#[derive(Clone)]
struct Example<'a> {
    script: &'a str,
    uses_serve: bool,
    expected: Block<'a>,
}

fn examples(page: &Page) -> Vec<Example<'_>> {
    let blocks = page.blocks();
    let pairs = blocks
        .windows(2)
        .filter(|pair| pair[0].language.starts_with("sh run"));
    pairs
        .map(|pair| Example {
            script: pair[0].text,
            uses_serve: pair[0].language == "sh run serve",
            expected: pair[1],
        })
        .collect()
}

fn check_page(name: &str, examples: &[Example]) {
    let directory = TempDirectory::new("examples");
    let demo = Server::start("demo", directory.path());
    let serve = Server::start("serve", directory.path());
    let script: String = examples
        .iter()
        .map(|example| {
            let server = if example.uses_serve { &serve } else { &demo };
            let script = example.script.replace(DOCUMENTED_ADDRESS, &server.address);
            format!("{script}\necho; echo '{END_OF_EXAMPLE}'\n")
        })
        .collect();
    let output = bash(name, &script, directory.path());
    let addresses = [&demo.address, &serve.address];
    let output = addresses.iter().fold(output, |output, address| {
        output.replace(*address, DOCUMENTED_ADDRESS)
    });
    let separator = format!("\n{END_OF_EXAMPLE}\n");
    for (example, output) in examples.iter().zip(output.split(&separator)) {
        check_output(name, example, output);
    }
}

fn check_output(name: &str, example: &Example, output: &str) {
    let (script, expected) = (example.script, example.expected.text);
    match example.expected.language {
        "jsonc" => assert_json(name, script, expected, output),
        "text" => assert_eq!(masked(expected), masked(output), "{name}: {script}"),
        other => panic!("{name}: the block after {script:?} is {other:?}"),
    }
}

fn bash(name: &str, script: &str, directory: &Path) -> String {
    let bin_directory = Path::new(PARLOR).parent().expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = without_settings(Command::new("bash"))
        .args(["-euo", "pipefail", "-c", script])
        .env("PATH", format!("{}:{path}", bin_directory.display()))
        .current_dir(directory)
        .output()
        .expect("bash runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{name}: {script}\n{out}\n{errors}");
    out
}

/// Replaces keys, their last characters and ids, which differ in every run.
fn masked(text: &str) -> Vec<String> {
    let line = |line: &str| line.split(' ').map(mask).collect::<Vec<_>>().join(" ");
    text.trim().lines().map(line).collect()
}

fn mask(word: &str) -> &str {
    let is_id = word.len() == 36 && word.matches('-').count() == 4;
    if is_id || word.starts_with('…') || word.starts_with("pk_") || word.starts_with("sk_") {
        "*"
    } else {
        word
    }
}
