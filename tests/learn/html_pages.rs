//! What `parlor learn` stores of HTML pages. `cases/html` has the pages; beside each one is
//! a text with all that is stored of the page.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::setup::Workspace;

/// Set to write the texts beside the pages, to be read before they are committed.
const UPDATE_VARIABLE: &str = "UPDATE_HTML_CASES";

#[test]
fn all_that_a_reader_sees_of_a_page_is_learned() {
    let workspace = Workspace::new();
    let cases = cases();
    assert!(!cases.is_empty());
    for case in &cases {
        let page = fs::read(case).expect("read page");
        workspace.write(&format!("pages/{}", name(case)), page);
    }
    workspace.run_ok(&["learn", "pages", "--base-url", "https://shop.example/"]);
    let database = Connection::open(workspace.path().join("parlor.db")).expect("open database");
    let mut failures = String::new();
    for case in &cases {
        let stored = stored_text(&database, &name(case));
        let expected_path = case.with_extension("txt");
        if std::env::var_os(UPDATE_VARIABLE).is_some() {
            fs::write(&expected_path, &stored).expect("write expected text");
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if stored != expected {
            let _ = writeln!(
                failures,
                "{}:\n{stored}\ninstead of:\n{expected}",
                name(case)
            );
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The pages in `cases/html`.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/learn/cases/html");
    let entries = fs::read_dir(folder).expect("read cases");
    let paths = entries.map(|entry| entry.expect("read entry").path());
    let mut pages: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "html")
        })
        .collect();
    pages.sort();
    pages
}

fn name(case: &Path) -> String {
    let name = case.file_name().expect("file name");
    name.to_string_lossy().into_owned()
}

/// The title, the description and the passages of a document, as lines.
fn stored_text(database: &Connection, name: &str) -> String {
    let sql = "SELECT seq, title, description FROM document WHERE instr(url, ?)";
    let path = format!("/{}", name.trim_end_matches(".html"));
    let row = database.query_row(sql, [&path], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
        ))
    });
    let (seq, title, description) = row.expect("read document");
    let mut text = format!("title: {title}\n");
    if !description.is_empty() {
        let _ = writeln!(text, "description: {description}");
    }
    let sql = "SELECT heading, body FROM passage WHERE document_seq = ? ORDER BY seq";
    let mut statement = database.prepare(sql).expect("prepare");
    let passages = statement.query_map([seq], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    });
    for passage in passages.expect("query passages") {
        let (heading, body) = passage.expect("read passage");
        let _ = writeln!(text, "\n=== {heading}\n\n{body}");
    }
    text
}
