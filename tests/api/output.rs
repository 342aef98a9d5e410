//! Commands whose standard output or standard error is closed, as by `| head`.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::backup::{count, generated_file};
use crate::helpers::{parlor_command, run_successfully};
use crate::sqlite_only;

/// The exit status of a program that SIGPIPE ends, as a shell returns it.
const CLOSED_OUTPUT: i32 = 141;

fn start(at: &Path, arguments: &[&str]) -> Child {
    let mut command = parlor_command(at);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("a process")
}

/// Runs a command whose output is closed from its start.
#[track_caller]
fn expect_quiet_end(at: &Path, arguments: &[&str]) {
    let mut child = start(at, arguments);
    drop(child.stdout.take());
    let mut errors = String::new();
    let mut stderr = child.stderr.take().expect("its errors");
    stderr.read_to_string(&mut errors).expect("errors");
    let status = child.wait().expect("an exit");
    assert_eq!(
        status.code(),
        Some(CLOSED_OUTPUT),
        "{arguments:?}: {errors}"
    );
    assert_eq!(errors, "", "{arguments:?}");
}

#[test]
fn command_whose_output_is_closed_ends_without_an_error_text() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, path) = generated_file(30);
    let at = folder.path();
    run_successfully(at, &["export", "all.ndjson"]);
    for arguments in [
        &["projects", "list"][..],
        &["projects", "show"],
        &["keys", "list"],
        &["assistants", "list"],
        &["visitors", "list"],
        &["qna", "list"],
        &["qna", "export"],
        &["check"],
        &["prune", "--closed-before", "2000-01-01", "--dry-run"],
        &["export", "-"],
        &["export", "again.ndjson"],
        &["backup", "copy.db"],
        &["import", "all.ndjson"],
    ] {
        expect_quiet_end(at, arguments);
    }
    // The work of the command is done nevertheless.
    assert!(at.join("again.ndjson").exists() && at.join("copy.db").exists());
    let assistants = count(&path, "assistant");
    expect_quiet_end(at, &["assistants", "create", "--name", "Second"]);
    assert_eq!(count(&path, "assistant"), assistants + 1);
}

#[test]
fn key_that_cannot_be_shown_is_not_stored() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, path) = generated_file(1);
    let (keys, projects) = (count(&path, "api_key"), count(&path, "project"));
    let key = ["keys", "create", "--kind", "private", "--name", "backend"];
    let project = ["projects", "create", "--name", "Outlet"];
    for arguments in [&key[..], &project] {
        let (reader, pipe) = std::io::pipe().expect("a pipe");
        drop(reader);
        let full = fs::File::options().write(true).open("/dev/full");
        let outputs: [Stdio; 3] = [pipe.into(), full.expect("a device").into(), Stdio::null()];
        for output in outputs {
            let mut command = parlor_command(folder.path());
            let run = command
                .args(arguments)
                .stdout(output)
                .stderr(Stdio::piped());
            let end = run.spawn().expect("a process").wait_with_output();
            let end = end.expect("an end");
            let error = String::from_utf8_lossy(&end.stderr);
            assert_eq!(end.status.code(), Some(1), "{arguments:?}: {error}");
            assert!(error.contains("not stored"), "{arguments:?}: {error}");
            assert_eq!(count(&path, "api_key"), keys, "{arguments:?}");
            assert_eq!(count(&path, "project"), projects, "{arguments:?}");
        }
    }
    run_successfully(folder.path(), &key);
    assert_eq!(count(&path, "api_key"), keys + 1);
}

#[test]
fn closed_standard_error_does_not_end_a_command() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = generated_file(1);
    let mut child = start(folder.path(), &["import", "none.ndjson"]);
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("an exit").code(), Some(1));
}

#[test]
fn help_can_be_cut_off() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = generated_file(1);
    let mut child = start(folder.path(), &["import", "--help"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an exit");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
