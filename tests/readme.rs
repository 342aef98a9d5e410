//! Tests of README.md: bash runs the examples, and the tables are compared with
//! the program.
//!
//! Bash runs each fenced block that starts with "```sh run". Its output must equal
//! the following fenced block. In JSON, a line "// …" stands for omitted members or
//! items; an object or an array without such a line must be complete.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use parlor::domain::Sort;
use parlor::http::error::ERROR_CODES;
use serde_json::Value;

const README: &str = include_str!("../README.md");
const PARLOR: &str = env!("CARGO_BIN_EXE_parlor");
/// The address of the server in the examples.
const README_ADDRESS: &str = "127.0.0.1:8787";

// ── Examples ──

#[test]
fn examples_return_what_readme_shows() {
    let directory = TempDirectory::new("examples");
    let demo = Server::start("demo", directory.path());
    // `parlor keys` needs the database that `parlor serve` creates.
    let _serve = Server::start("serve", directory.path());
    let examples = examples();
    assert!(examples.len() >= 5, "examples are missing: {examples:#?}");
    for example in examples {
        let script = example.script.replace(README_ADDRESS, &demo.address);
        let output = bash(&script, directory.path());
        match example.language {
            "jsonc" => assert_json(&example, &output),
            "text" => assert_eq!(masked(example.expected), masked(&output), "{script}"),
            other => panic!("the block after {script:?} is {other:?}"),
        }
    }
}

#[test]
fn demo_prints_commands_of_readme() {
    let directory = TempDirectory::new("lines");
    let mut demo = Server::start("demo", directory.path());
    let printed = demo
        .lines(5)
        .join("\n")
        .replace(&demo.address, README_ADDRESS);
    for line in examples()[0].script.lines() {
        assert!(printed.contains(line), "not printed: {line}\n{printed}");
    }
}

#[derive(Debug)]
struct Example {
    script: &'static str,
    /// The language of the expected output.
    language: &'static str,
    expected: &'static str,
}

fn examples() -> Vec<Example> {
    let blocks = blocks();
    let pairs = blocks
        .windows(2)
        .filter(|pair| pair[0].language == "sh run");
    pairs
        .map(|pair| Example {
            script: pair[0].text,
            language: pair[1].language,
            expected: pair[1].text,
        })
        .collect()
}

struct Block {
    language: &'static str,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    // Opening and closing fences alternate, so every second piece is a block.
    let pieces = README.split("```").skip(1).step_by(2);
    let block = |piece: &'static str| piece.split_once('\n');
    let blocks = pieces.filter_map(block);
    blocks
        .map(|(language, text)| Block { language, text })
        .collect()
}

fn bash(script: &str, directory: &Path) -> String {
    let bin_directory = Path::new(PARLOR).parent().expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = without_settings(Command::new("bash"))
        .args(["-euo", "pipefail", "-c", script])
        .env("PATH", format!("{}:{path}", bin_directory.display()))
        .current_dir(directory)
        .output()
        .expect("bash runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Replaces keys, their last characters and ids, which differ in every run.
fn masked(text: &str) -> Vec<String> {
    let line = |line: &str| line.split(' ').map(mask).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect()
}

fn mask(word: &str) -> &str {
    let is_id = word.len() == 36 && word.matches('-').count() == 4;
    if is_id || word.starts_with('…') || word.starts_with("pk_") {
        "*"
    } else {
        word
    }
}

// ── JSON with omitted parts ──

/// Marks an omitted part in the parsed JSON.
const OMITTED: &str = "…";

fn assert_json(example: &Example, output: &str) {
    let output_json: Value = serde_json::from_str(output)
        .unwrap_or_else(|error| panic!("{}: {error}\n{output}", example.script));
    let expected = mark_omissions(example.expected);
    let expected: Value =
        serde_json::from_str(&expected).unwrap_or_else(|error| panic!("{error} in\n{expected}"));
    if let Err(difference) = compare(&expected, &output_json, "") {
        panic!(
            "README.md differs from the output: {difference}\n{}\n{output_json:#}",
            example.script
        );
    }
}

/// Replaces each line "// …" with a member or an item [`OMITTED`], so that the
/// result is JSON.
fn mark_omissions(expected: &str) -> String {
    let mut json = String::new();
    let mut open = Vec::new();
    for line in expected.lines().map(str::trim) {
        if line != "// …" {
            json.push_str(line);
            let brackets = line.chars().filter(|character| "{}[]".contains(*character));
            brackets.for_each(|bracket| match bracket {
                '{' | '[' => open.push(bracket),
                _ => drop(open.pop()),
            });
            continue;
        }
        if !json.ends_with(['{', '[']) {
            json.push(',');
        }
        json.push_str(match open.last() {
            Some('[') => r#""…""#,
            _ => r#""…":0"#,
        });
    }
    json
}

/// Compares `output` with `expected`, except for omitted parts. The error names the
/// difference at `path`.
fn compare(expected: &Value, output: &Value, path: &str) -> Result<(), String> {
    match (expected, output) {
        (Value::Object(expected), Value::Object(output)) => {
            let is_partial = expected.contains_key(OMITTED);
            let names: Vec<_> = expected.keys().filter(|name| *name != OMITTED).collect();
            let output_names: Vec<_> = output.keys().take(names.len()).collect();
            let is_complete = is_partial || names.len() == output.len();
            if !is_complete || names != output_names {
                return Err(format!("the names in {path:?}"));
            }
            names.iter().try_for_each(|name| {
                compare(&expected[*name], &output[*name], &format!("{path}/{name}"))
            })
        }
        (Value::Array(expected), Value::Array(output)) => {
            let is_partial = expected.iter().any(|item| item == OMITTED);
            let items = expected.len() - usize::from(is_partial);
            let has_length = if is_partial {
                items < output.len()
            } else {
                items == output.len()
            };
            if !has_length {
                return Err(format!("the length of {path:?}"));
            }
            let mut pairs = expected[..items].iter().zip(output).enumerate();
            pairs.try_for_each(|(index, (expected, output))| {
                compare(expected, output, &format!("{path}/{index}"))
            })
        }
        _ if expected == output => Ok(()),
        _ => Err(format!("{path:?} is {output}, README.md has {expected}")),
    }
}

// ── Tables ──

#[test]
fn settings_table_matches_help_of_serve() {
    let help = without_settings(Command::new(PARLOR))
        .args(["serve", "--help"])
        .output()
        .expect("parlor runs");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let settings: Vec<_> = options(&help)
        .iter()
        .filter_map(|option| row(option))
        .collect();
    assert!(settings.len() > 10, "{help}");
    assert_eq!(table("Flag"), settings);
}

/// The options of a help text, each on one line.
fn options(help: &str) -> Vec<String> {
    let (_, listed) = help.split_once("Options:").expect("options");
    let mut options: Vec<String> = Vec::new();
    for line in listed.lines().map(str::trim) {
        match options.last_mut() {
            Some(option) if !line.starts_with('-') => *option += &format!(" {line}"),
            _ => options.push(line.to_owned()),
        }
    }
    options.retain(|option| !option.is_empty());
    options
}

/// The row of an option: flag, variable, default, meaning. None for --help.
fn row(option: &str) -> Option<Vec<String>> {
    let (flag, rest) = option.split_once(' ')?;
    let rest = match rest.split_once('>') {
        Some((_, text)) if rest.starts_with('<') => text,
        _ => rest,
    };
    let (meaning, notes) = rest.split_once(" [env: ")?;
    // The help shows the value of a variable unless it is a secret.
    let variable = notes.split(['=', ']']).next()?;
    let default = notes.split_once("[default: ").map(|(_, text)| text);
    let default = default.and_then(|text| text.split(']').next());
    let cells = [flag, variable, default.unwrap_or("–"), meaning.trim()];
    Some(cells.map(str::to_owned).to_vec())
}

#[test]
fn error_table_matches_error_codes() {
    let expected: Vec<_> = ERROR_CODES
        .iter()
        .map(|entry| {
            let description = entry.description.replace('`', "");
            vec![entry.status.to_string(), entry.name.to_owned(), description]
        })
        .collect();
    assert_eq!(table("Status"), expected);
}

#[test]
fn list_table_names_every_order() {
    let rows = table("Parameter");
    let orders = rows.iter().find(|row| row[0] == "orderBy");
    let names = orders.map(|row| row[2].clone()).unwrap_or_default();
    assert_eq!(names, Sort::NAMES.map(|(name, _)| name).join(", "));
}

/// The rows of the table whose first column has the title `first`, without
/// backticks.
fn table(first: &str) -> Vec<Vec<String>> {
    let head = format!("| {first} |");
    let lines = README.lines().skip_while(|line| !line.starts_with(&head));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('`', "")).collect()
    })
    .collect()
}

// ── Citations ──

#[test]
fn cited_sections_of_the_api_contract_exist() {
    let contract = include_str!("../docs/api-contract.md");
    let headings = contract.lines().filter(|line| line.starts_with("##"));
    let numbers = headings.filter_map(|line| line.split(' ').nth(1));
    let sections: BTreeSet<&str> = numbers.collect();
    let mut count = 0;
    for directory in ["src", "tests", "benches"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        for file in source_files(&root) {
            let source = std::fs::read_to_string(&file).expect("UTF-8");
            for section in cited_sections(&source) {
                assert!(
                    sections.contains(&*section),
                    "{}: {section}",
                    file.display()
                );
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count} citations");
}

fn source_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.flat_map(|path| {
        if path.is_dir() {
            source_files(&path)
        } else {
            vec![path]
        }
    });
    files
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

/// The numbers in citations such as "docs/api-contract.md, sections 5.1 and 5.2",
/// which may continue on the next line of a comment.
fn cited_sections(source: &str) -> Vec<String> {
    let lines = source
        .lines()
        .map(|line| line.trim().trim_start_matches(['/', '!']));
    let text = lines.collect::<Vec<_>>().join(" ").replace('`', "");
    let mut sections = Vec::new();
    for citation in text.split("api-contract.md,").skip(1) {
        for word in citation.split_whitespace() {
            let bare = word.trim_end_matches([',', ';', '.', ')', ':', '"']);
            if is_number(bare) {
                sections.push(bare.to_owned());
            } else if !["section", "sections", "and", "to"].contains(&bare) {
                break;
            }
            if word != bare && !word.ends_with(',') {
                break;
            }
        }
    }
    sections
}

fn is_number(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
}

// ── Servers ──

/// A running parlor. Dropping it kills the process.
struct Server {
    process: Child,
    out: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Server {
    /// Starts a command in `directory` on a free port.
    fn start(command: &str, directory: &Path) -> Self {
        let mut process = without_settings(Command::new(PARLOR))
            .args([command, "--listen", "127.0.0.1:0"])
            .current_dir(directory)
            .env("TMPDIR", directory)
            .env("PARLOR_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("parlor starts");
        let out = process.stdout.take().expect("its output");
        let mut server = Self {
            process,
            out: BufReader::new(out),
            address: String::new(),
        };
        while server.address.is_empty() {
            let line = server.lines(1).remove(0);
            assert!(!line.is_empty(), "parlor {command} did not start");
            let address = line.strip_prefix("parlor listens on http://");
            let address = address.and_then(|rest| rest.split_whitespace().next());
            server.address = address.unwrap_or_default().to_owned();
        }
        server
    }

    /// The next lines that it prints.
    fn lines(&mut self, count: usize) -> Vec<String> {
        let mut line = || {
            let mut line = String::new();
            self.out.read_line(&mut line).expect("a line");
            line
        };
        (0..count).map(|_| line()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Removes the settings that the environment of the test has.
fn without_settings(mut command: Command) -> Command {
    let set = std::env::vars_os().map(|(name, _)| name);
    for name in set.filter(|name| name.to_string_lossy().starts_with("PARLOR_")) {
        command.env_remove(name);
    }
    command
}

/// A directory that is removed at the end.
struct TempDirectory(PathBuf);

impl TempDirectory {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("readme-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
