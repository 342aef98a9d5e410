//! The level and the form of the log, and what no line has.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::helpers::{ParlorProcess, parlor_command, run_with_error};
use crate::sqlite_only;

/// Runs a command that must fail, with its log as JSON. Returns its output.
#[track_caller]
fn failure_in_json(directory: &Path, arguments: &[&str], stdout: impl Into<Stdio>) -> Output {
    let mut command = parlor_command(directory);
    let command = command.args(arguments).env("PARLOR_LOG_FORMAT", "json");
    let output = command.stdout(stdout).stderr(Stdio::piped()).output();
    let output = output.expect("a run");
    assert!(!output.status.success(), "{arguments:?} succeeded");
    output
}

/// Asserts that each line is a JSON object. Returns their messages.
#[track_caller]
fn messages(log: &[u8]) -> String {
    let log = String::from_utf8_lossy(log);
    let messages = log.lines().map(|line| {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        line["message"].as_str().unwrap_or_default().to_owned()
    });
    messages.collect::<Vec<_>>().join("\n")
}

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--lock-wait", "1"];

#[test]
fn invalid_log_levels_stop_the_start_and_are_named() {
    sqlite_only!("the test runs commands on files of its own");
    let expected = "invalid value 'info,inof' for '--log <LEVELS>': \"inof\" must be off, error, \
                    warn, info, debug or trace, or TARGET=LEVEL such as parlor::access=debug";
    let directory = TempDir::new().expect("a directory");
    let mut command = parlor_command(directory.path());
    let output = command.args(SERVE).env("PARLOR_LOG", "info,inof").output();
    let output = output.expect("a run");
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains(expected), "{error}");
    let arguments = [&SERVE[..], &["--log", "info,inof"]].concat();
    let output = failure_in_json(directory.path(), &arguments, Stdio::null());
    assert_eq!(output.status.code(), Some(2));
    let message = messages(&output.stderr);
    assert!(message.contains(expected), "{message}");
    let files = fs::read_dir(directory.path()).expect("a directory");
    assert_eq!(files.count(), 0);
}

#[test]
fn every_line_on_standard_error_is_json() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("log");
    let log = File::create(&path).expect("a file");
    let serve = ["serve", "--log-format", "json"];
    let server = ParlorProcess::start_with_log(directory.path(), &serve, log);
    let full_disk = || OpenOptions::new().write(true).open("/dev/full");
    for (arguments, text) in [
        // A warning, and the reason why the start failed.
        (&SERVE[..], "in use by another parlor"),
        (&["serve", "--nothing"], "--nothing"),
        // An error, or a panic, because the disk is full.
        (&["keys", "list"], "No space left on device"),
        (
            &[
                "demo",
                "--no-serve",
                "--db",
                "demo.db",
                "--conversations",
                "1",
            ],
            "No space left on device",
        ),
    ] {
        let stdout = full_disk().expect("a device");
        let output = failure_in_json(directory.path(), arguments, stdout);
        let messages = messages(&output.stderr);
        assert!(messages.contains(text), "{messages}");
    }
    server.stop("TERM");
    let messages = messages(&fs::read(&path).expect("a log"));
    assert!(messages.contains("shutting down"), "{messages}");
}

#[test]
fn first_keys_on_standard_error_are_one_line_of_json() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let mut command = parlor_command(directory.path());
    let command = command.args(SERVE).args(["--log-format", "json"]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a process");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    child.kill().expect("a kill");
    child.wait().expect("an end");
    let message = messages(line.as_bytes());
    assert!(
        message.contains("pk_") && message.contains("sk_"),
        "{message}"
    );
    assert!(!message.contains("***"), "{message}");
}

#[test]
fn password_in_a_url_is_not_printed() {
    sqlite_only!("the test runs commands on files of its own");
    let serve = |flag, url| [&SERVE[..], &[flag, url]].concat();
    for arguments in [
        serve("--model-url", "http://ann:hush@model.example/v1"),
        serve("--public-url", "https://ann:hush@chat.example"),
        serve("--backup-url", "s3://ann:hush@backups"),
        vec!["import", "--from-api", "ftp://ann:hush@chat.example"],
        vec!["learn", "ftp://ann:hush@shop.example"],
        vec!["learn", "http://ann:hush@127.0.0.1:9/"],
    ] {
        let directory = TempDir::new().expect("a directory");
        let error = run_with_error(directory.path(), &arguments);
        assert!(!error.contains("hush"), "{error}");
        let output = failure_in_json(directory.path(), &arguments, Stdio::null());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!error.contains("hush"), "{error}");
    }
}
