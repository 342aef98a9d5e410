//! The log on standard error when systemd connects it to the journal.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::helpers::parlor_command;
use crate::sqlite_only;

/// Runs a server whose standard error is the file that `JOURNAL_STREAM` names, until
/// its end or until it is told to stop. Returns what it wrote.
fn run_with_journal(directory: &Path, arguments: &[&str]) -> String {
    let path = directory.join("journal");
    let journal = File::create(&path).expect("a file");
    let metadata = journal.metadata().expect("metadata");
    let mut server = parlor_command(directory)
        .args(arguments)
        .env(
            "JOURNAL_STREAM",
            format!("{}:{}", metadata.dev(), metadata.ino()),
        )
        .stdout(Stdio::piped())
        .stderr(journal)
        .spawn()
        .expect("a process");
    let mut stdout = BufReader::new(server.stdout.take().expect("its output"));
    let mut line = String::new();
    while stdout.read_line(&mut line).expect("a line") > 0 {
        if line.contains("listens on http://") {
            let pid = server.id().to_string();
            let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
            assert!(sent.expect("kill").success());
        }
        line.clear();
    }
    server.wait().expect("an end");
    fs::read_to_string(path).expect("UTF-8")
}

#[test]
fn log_lines_have_priorities_if_standard_error_is_the_journal() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let run = |arguments: &[&str]| run_with_journal(directory.path(), arguments);
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let log = run(&serve);
    assert!(log.starts_with("<6>shutting down"), "{log}");
    let failed_start = run(&[&serve[..], &["--db", "missing/parlor.db"]].concat());
    assert!(failed_start.starts_with("<3>parlor: "), "{failed_start}");
    let usage = run(&["serve", "--workers", "many"]);
    assert!(usage.lines().all(|line| line.starts_with("<3>")), "{usage}");
    assert!(usage.contains("many"), "{usage}");
}

#[test]
fn log_lines_have_times_if_standard_error_is_not_the_journal() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let output = parlor_command(directory.path())
        .args(["serve", "--db", "missing/parlor.db"])
        .env("JOURNAL_STREAM", "1:1")
        .output()
        .expect("an output");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(errors.starts_with("parlor: "), "{errors}");
}
