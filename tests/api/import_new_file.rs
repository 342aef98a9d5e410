//! `parlor import` into a database file that does not exist: a failed import leaves no file.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::backup::{count, generated_file, names};
use crate::helpers::{TestServer, parlor_command, run_successfully, run_with_error};
use crate::import_rules::{PROJECT, VISITOR, write_export_with_header};
use crate::sqlite_only;

const HEADER: &str = r#"{"type":"header","data":{"format":"parlor-export","version":1,"parlor":"0.1.0","schema":1,"createdAt":"2026-01-01T00:00:00.000Z","withSecrets":false,"counts":{}}}"#;

/// Imports a file, which must fail and leave no other file.
#[track_caller]
fn expect_no_file(at: &Path, arguments: &[&str], reason: &str) {
    let before = names(at);
    let import = [&["import", "--db", "new.db"], arguments].concat();
    let error = run_with_error(at, &import);
    assert!(error.contains(reason), "{arguments:?}: {error}");
    assert_eq!(names(at), before, "{arguments:?}");
}

#[test]
fn source_that_is_no_export_leaves_no_database_file() {
    sqlite_only!("the test creates files");
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    fs::create_dir(at.join("folder")).expect("a folder");
    let end = r#"{"type":"end","data":{"counts":{"visitor":1}}}"#;
    for (name, content, reason) in [
        ("empty", String::new(), "line 1: it is not the first line"),
        ("text", "Hello".to_owned(), "line 1: it has no end"),
        ("csv", "a,b\n1,2\n".to_owned(), "line 1: it is not JSON"),
        ("json", "{\"a\":1}\n".to_owned(), "line 1: "),
        ("header", format!("{HEADER}\n"), "without an end record"),
        (
            "project",
            format!("{HEADER}\n{}\n", PROJECT.replace("Shop", "")),
            "line 2: name: must have 1 to 100",
        ),
        (
            "visitor",
            format!("{HEADER}\n{VISITOR}\n{end}\n"),
            "1 records were not imported",
        ),
    ] {
        fs::write(at.join(name), content).expect("a file");
        expect_no_file(at, &[name], reason);
    }
    expect_no_file(at, &["folder"], "directory");
    expect_no_file(at, &["none"], "none cannot be read");
}

#[test]
fn standard_input_without_an_export_leaves_no_database_file() {
    sqlite_only!("the test creates files");
    let folder = TempDir::new().expect("a folder");
    let mut import = parlor_command(folder.path());
    import
        .args(["import", "-", "--db", "new.db"])
        .stdin(Stdio::piped());
    let mut import = import.stderr(Stdio::null()).spawn().expect("a process");
    let mut input = import.stdin.take().expect("its input");
    input.write_all(b"Hello\n").expect("the process reads");
    drop(input);
    assert_eq!(import.wait().expect("an exit").code(), Some(1));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn file_is_created_for_the_first_record_that_can_be_stored() {
    sqlite_only!("the test creates files");
    let (folder, _) = generated_file(1);
    let at = folder.path();
    // The second line breaks a rule. The project before it is imported.
    write_export_with_header(at, HEADER, &[PROJECT.into(), b"x".to_vec()]);
    run_with_error(at, &["import", "hostile.ndjson", "--db", "new.db"]);
    assert_eq!(count(&at.join("new.db"), "project"), 1);
    // An error does not touch a file that exists.
    expect_no_file(at, &["none.ndjson"], "cannot be read");
    assert_eq!(count(&at.join("new.db"), "project"), 1);
}

#[test]
fn import_from_an_api_needs_a_file_with_a_project_as_its_help_says() {
    sqlite_only!("the test creates files");
    let server = TestServer::start();
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let unused = TcpListener::bind("127.0.0.1:0").expect("a port");
    let unreachable = format!("http://{}", unused.local_addr().expect("an address"));
    drop(unused);
    fs::write(at.join("key"), "sk_unknown\n").expect("a file");
    for url in [unreachable, format!("http://{}", server.0)] {
        let arguments = ["--from-api", &url, "--key-file", "key"];
        expect_no_file(
            at,
            &arguments,
            "new.db does not exist; `parlor serve` creates it",
        );
    }
    let help = run_successfully(at, &["import", "--help"]);
    let words: Vec<_> = help.split_whitespace().collect();
    let expected =
        "a project that exists: a new file and its project are created with `parlor serve`";
    assert!(words.join(" ").contains(expected), "{help}");
}
