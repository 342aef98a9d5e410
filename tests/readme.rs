//! README.md, held against the program: its examples are run, its tables
//! compared with what they describe.
//!
//! A fenced block that begins "```sh run" is run by bash, and the fenced block
//! after it is what must come back. In a shown JSON, a line "// …" stands for
//! whatever was left out there; an object or a list without one is shown whole.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use parlor::domain::Sort;
use parlor::http::error::ERROR_CODES;
use serde_json::Value;

const README: &str = include_str!("../README.md");
const PARLOR: &str = env!("CARGO_BIN_EXE_parlor");
/// Where the README's examples expect the server.
const USUAL: &str = "127.0.0.1:8787";

// ── Examples ──

#[test]
fn examples_return_what_readme_shows() {
    let folder = Folder::new("examples");
    let demo = Server::start("demo", folder.path());
    // `parlor keys` needs the file that `parlor serve` makes.
    let _serve = Server::start("serve", folder.path());
    let examples = examples();
    assert!(examples.len() >= 5, "examples are missing: {examples:#?}");
    for example in examples {
        let script = example.script.replace(USUAL, &demo.address);
        let came = bash(&script, folder.path());
        match example.language {
            "jsonc" => assert_json(&example, &came),
            "text" => assert_eq!(masked(example.shown), masked(&came), "{script}"),
            other => panic!("what is shown after {script:?} is {other:?}"),
        }
    }
}

#[test]
fn demo_prints_commands_of_readme() {
    let folder = Folder::new("lines");
    let mut demo = Server::start("demo", folder.path());
    let printed = demo.lines(5).join("\n").replace(&demo.address, USUAL);
    for line in examples()[0].script.lines() {
        assert!(printed.contains(line), "not printed: {line}\n{printed}");
    }
}

#[derive(Debug)]
struct Example {
    script: &'static str,
    /// Of the block that shows what comes back.
    language: &'static str,
    shown: &'static str,
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
            shown: pair[1].text,
        })
        .collect()
}

struct Block {
    language: &'static str,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    // Fences alternate: every second piece lies inside one.
    let pieces = README.split("```").skip(1).step_by(2);
    let block = |piece: &'static str| piece.split_once('\n');
    let blocks = pieces.filter_map(block);
    blocks
        .map(|(language, text)| Block { language, text })
        .collect()
}

fn bash(script: &str, folder: &Path) -> String {
    let beside = Path::new(PARLOR).parent().expect("the binary's folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = without_settings(Command::new("bash"))
        .args(["-euo", "pipefail", "-c", script])
        .env("PATH", format!("{}:{path}", beside.display()))
        .current_dir(folder)
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{script}\n{said}");
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// Keys, their last characters and ids differ at every run.
fn masked(text: &str) -> Vec<String> {
    let line = |line: &str| line.split(' ').map(mask).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect()
}

fn mask(word: &str) -> &str {
    let id = word.len() == 36 && word.matches('-').count() == 4;
    match id || word.starts_with('…') || word.starts_with("pk_") {
        true => "*",
        false => word,
    }
}

// ── JSON with parts left out ──

/// What stands for "and more" once a shown JSON is read.
const MORE: &str = "…";

fn assert_json(example: &Example, came: &str) {
    let answer: Value = serde_json::from_str(came)
        .unwrap_or_else(|error| panic!("{}: {error}\n{came}", example.script));
    let shown = with_marks(example.shown);
    let shown: Value =
        serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{error} in\n{shown}"));
    if let Err(difference) = shows(&shown, &answer, "") {
        panic!(
            "README.md is not what comes back: {difference}\n{}\n{answer:#}",
            example.script
        );
    }
}

/// Puts an entry named [`MORE`] where a line "// …" stands, so that the rest
/// reads as JSON.
fn with_marks(shown: &str) -> String {
    let mut json = String::new();
    let mut open = Vec::new();
    for line in shown.lines().map(str::trim) {
        if line != "// …" {
            json.push_str(line);
            let brackets = line.chars().filter(|one| "{}[]".contains(*one));
            brackets.for_each(|one| match one {
                '{' | '[' => open.push(one),
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

/// Whether `shown` is `answer`, as far as it is shown.
fn shows(shown: &Value, answer: &Value, at: &str) -> Result<(), String> {
    match (shown, answer) {
        (Value::Object(shown), Value::Object(answer)) => {
            let more = shown.contains_key(MORE);
            let names: Vec<_> = shown.keys().filter(|name| *name != MORE).collect();
            let first: Vec<_> = answer.keys().take(names.len()).collect();
            let all = more || names.len() == answer.len();
            (all && names == first)
                .then_some(())
                .ok_or_else(|| format!("the names in {at:?}"))?;
            let mut names = names.iter();
            names.try_for_each(|name| shows(&shown[*name], &answer[*name], &format!("{at}/{name}")))
        }
        (Value::Array(shown), Value::Array(answer)) => {
            let more = shown.iter().any(|item| item == MORE);
            let items = shown.len() - usize::from(more);
            let fits = match more {
                true => items < answer.len(),
                false => items == answer.len(),
            };
            fits.then_some(())
                .ok_or_else(|| format!("the length of {at:?}"))?;
            let mut pairs = shown[..items].iter().zip(answer).enumerate();
            pairs.try_for_each(|(index, (one, other))| shows(one, other, &format!("{at}/{index}")))
        }
        _ if shown == answer => Ok(()),
        _ => Err(format!("{at:?} is {answer}, shown as {shown}")),
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
    let settings: Vec<_> = options(&help).iter().filter_map(|one| row(one)).collect();
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
    // A secret's variable is shown without its value.
    let variable = notes.split(['=', ']']).next()?;
    let default = notes.split_once("[default: ").map(|(_, text)| text);
    let default = default.and_then(|text| text.split(']').next());
    let cells = [flag, variable, default.unwrap_or("–"), meaning.trim()];
    Some(cells.map(str::to_owned).to_vec())
}

#[test]
fn error_table_matches_error_codes() {
    let catalogue: Vec<_> = ERROR_CODES
        .iter()
        .map(|entry| {
            let when = entry.description.replace('`', "");
            vec![entry.status.to_string(), entry.name.to_owned(), when]
        })
        .collect();
    assert_eq!(table("Status"), catalogue);
}

#[test]
fn list_table_names_every_order() {
    let rows = table("Parameter");
    let orders = rows.iter().find(|row| row[0] == "orderBy");
    let named = orders.map(|row| row[2].clone()).unwrap_or_default();
    assert_eq!(named, Sort::NAMES.map(|(name, _)| name).join(", "));
}

/// The rows of the README's table whose first column is called `first`, without
/// the backticks.
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

/// A running parlor, ended with the test.
struct Server {
    process: Child,
    out: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Server {
    /// Starts a command in `folder`, on a free port.
    fn start(command: &str, folder: &Path) -> Self {
        let mut process = without_settings(Command::new(PARLOR))
            .args([command, "--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .env("TMPDIR", folder)
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

/// The environment of whoever runs the test sets nothing.
fn without_settings(mut command: Command) -> Command {
    let set = std::env::vars_os().map(|(name, _)| name);
    for name in set.filter(|name| name.to_string_lossy().starts_with("PARLOR_")) {
        command.env_remove(name);
    }
    command
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("readme-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
