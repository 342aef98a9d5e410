//! Copies of a database with pg_dump (docs/scaling.md).

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{empty_database, expect_sound, records};
use crate::helpers::{run_successfully, run_with_error};

/// A program of PostgreSQL.
fn program(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<_> = versions
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop()
}

fn run_program(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.expect("a run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}: {errors}");
}

#[test]
fn copy_of_pg_dump_is_restored_into_a_new_database_and_is_sound() {
    let Some(database) = empty_database() else {
        return;
    };
    let (Some(dump), Some(restore)) = (program("pg_dump"), program("pg_restore")) else {
        eprintln!("skipped: pg_dump is not installed");
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let store = ["--store", database.url()];
    let create = ["demo", "--no-serve", "--conversations", "50"];
    run_successfully(at, &[&create[..], &store].concat());
    let file = at.join("parlor.dump");
    let file = file.to_str().expect("UTF-8");
    let to_file = format!("--file={file}");
    run_program(&dump, &["--format=custom", &to_file, database.url()]);
    let copy = empty_database().expect("a server");
    let into = format!("--dbname={}", copy.url());
    let options = ["--no-owner", "--exit-on-error", "--single-transaction"];
    run_program(&restore, &[&options[..], &[&into, file]].concat());
    let place = ["--store", copy.url()];
    expect_sound(at, place);
    assert_eq!(records(at, place), records(at, store));
}

#[test]
fn commands_for_files_name_the_programs_of_postgresql() {
    let Some(database) = empty_database() else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    for (command, names) in [
        ("backup", ["pg_dump", "parlor export"]),
        ("restore", ["pg_restore", "parlor import"]),
    ] {
        let arguments = [command, "copy.db", "--store", database.url()];
        let error = run_with_error(folder.path(), &arguments);
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
    }
}
