//! The Markdown pages of the repository, and what is in them.

use std::fs;
use std::path::{Path, PathBuf};

/// A Markdown file.
pub struct Page {
    /// The path from the root of the repository, such as `docs/api.md`.
    pub name: String,
    pub text: String,
}

/// A fenced block.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    pub language: &'a str,
    pub text: &'a str,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The page with this path from the root of the repository.
pub fn page(name: &str) -> Page {
    let text = fs::read_to_string(root().join(name));
    Page {
        name: name.to_owned(),
        text: text.unwrap_or_else(|error| panic!("{name}: {error}")),
    }
}

/// README.md and the Markdown files in docs/.
pub fn pages() -> Vec<Page> {
    let mut names: Vec<String> = files(&root().join("docs"))
        .iter()
        .map(|path| relative(path))
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.sort();
    names.insert(0, "README.md".to_owned());
    names.iter().map(|name| page(name)).collect()
}

/// The files in a directory and its subdirectories.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    files.collect()
}

/// The path from the root of the repository.
pub fn relative(path: &Path) -> String {
    let relative = path.strip_prefix(root()).expect("a path in the repository");
    relative.to_string_lossy().into_owned()
}

impl Page {
    pub fn blocks(&self) -> Vec<Block<'_>> {
        // Opening and closing fences alternate, so every second piece is a block.
        let pieces = self.text.split("```").skip(1).step_by(2);
        let blocks = pieces.filter_map(|piece| piece.split_once('\n'));
        blocks
            .map(|(language, text)| Block { language, text })
            .collect()
    }

    /// The text without its fenced blocks.
    pub fn prose(&self) -> String {
        self.text.split("```").step_by(2).collect()
    }

    /// The rows of all tables whose first column has the title `first`, without
    /// backticks.
    pub fn table(&self, first: &str) -> Vec<Vec<String>> {
        let head = format!("| {first} |");
        let mut rows = Vec::new();
        let mut lines = self.text.lines();
        while lines.any(|line| line.starts_with(&head)) {
            let table = lines.by_ref().skip(1);
            rows.extend(table.take_while(|line| line.starts_with('|')).map(cells));
        }
        rows
    }
}

fn cells(row: &str) -> Vec<String> {
    let cells = row.trim_matches('|').split('|');
    cells.map(|cell| cell.trim().replace('`', "")).collect()
}
