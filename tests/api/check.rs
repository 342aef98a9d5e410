//! `parlor check`: finds faults and names remedies, without changing the file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::backup::{SmallDisk, generated_file, open_read_only};
use crate::helpers::{ParlorProcess, open_connection, parlor_command, run_successfully};
use crate::sqlite_only;

/// Runs the command. Returns its exit status and its lines.
pub fn check(folder: &Path, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = parlor_command(folder);
    let output = command.arg("check").envs(environment.iter().copied());
    let output = output.output().expect("a run");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code(), text)
}

/// Checks that exactly one line of the report is not sound, and returns it.
#[track_caller]
fn expect_finding(folder: &Path, status: i32, severity: &str, name: &str) -> String {
    let (code, text) = check(folder, &[]);
    assert_eq!(code, Some(status), "{text}");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("ok "))
        .collect();
    let [line] = lines[..] else {
        panic!("{text}");
    };
    assert!(line.starts_with(severity) && line.contains(name), "{line}");
    line.to_owned()
}

fn change(path: &Path, sql: &str) {
    open_connection(path).execute_batch(sql).expect(sql);
}

#[test]
fn sound_file_has_status_0_also_beside_a_running_server() {
    sqlite_only!("the checks are those of a file");
    let folder = TempDir::new().expect("a folder");
    let process = ParlorProcess::start(folder.path(), &["serve"]);
    for _ in 0..2 {
        let (code, text) = check(folder.path(), &[]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.lines().count() >= 8, "{text}");
        assert!(text.lines().all(|line| line.starts_with("ok ")), "{text}");
    }
    assert_eq!(process.stop("TERM").0.code(), Some(0));
}

#[test]
fn wrong_counts_are_found() {
    sqlite_only!("the checks are those of a file");
    let (folder, path) = generated_file(30);
    change(
        &path,
        "UPDATE visitor SET closed_conversations = 77 WHERE seq = 2",
    );
    let line = expect_finding(folder.path(), 1, "FAULT", "counts");
    assert!(line.contains("visitor 2 has the count 77"), "{line}");
    for column in ["open_conversations", "closed_human_handled"] {
        change(
            &path,
            &format!("UPDATE project SET {column} = {column} + 1"),
        );
        let line = expect_finding(folder.path(), 1, "FAULT", "counts");
        assert!(line.contains("project 1 has the count"), "{line}");
        change(
            &path,
            &format!("UPDATE project SET {column} = {column} - 1"),
        );
    }
    let line = expect_finding(folder.path(), 1, "FAULT", "counts");
    assert!(line.contains("parlor restore"), "{line}");
}

#[test]
fn damaged_page_is_found() {
    sqlite_only!("the checks are those of a file");
    let (folder, path) = generated_file(300);
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'message_by_id'";
    let page: i64 = open_read_only(&path)
        .query_row(sql, [], |row| row.get(0))
        .expect("a page");
    let mut bytes = fs::read(&path).expect("a file");
    let start = (page as usize - 1) * 4096;
    bytes[start..start + 4096].fill(0);
    fs::write(&path, bytes).expect("a file");
    let line = expect_finding(folder.path(), 1, "FAULT", "integrity");
    assert!(line.contains("restore a backup"), "{line}");
}

#[test]
fn missing_rows_are_found() {
    sqlite_only!("the checks are those of a file");
    let (folder, path) = generated_file(30);
    change(
        &path,
        "PRAGMA foreign_keys = OFF; DROP TRIGGER conversation_after_delete; \
                   DROP TRIGGER conversation_delete_children; \
                   DELETE FROM conversation WHERE seq = 5",
    );
    let (code, text) = check(folder.path(), &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("of message refers to a missing row of conversation"),
        "{text}"
    );
}

#[test]
fn changed_tables_are_found() {
    sqlite_only!("the checks are those of a file");
    let (folder, path) = generated_file(5);
    change(&path, "DROP INDEX message_by_conversation");
    let line = expect_finding(folder.path(), 1, "FAULT", "tables");
    assert!(
        line.contains("index message_by_conversation is missing"),
        "{line}"
    );
    change(
        &path,
        "CREATE INDEX message_by_conversation ON message (conversation_seq, role)",
    );
    let line = expect_finding(folder.path(), 1, "FAULT", "tables");
    assert!(
        line.contains("message_by_conversation was changed"),
        "{line}"
    );
    change(
        &path,
        "DROP INDEX message_by_conversation; \
                   CREATE INDEX message_by_conversation ON message (conversation_seq); \
                   CREATE TABLE extra (x)",
    );
    let line = expect_finding(folder.path(), 1, "FAULT", "tables");
    assert!(line.contains("table extra is not of parlor"), "{line}");
}

#[test]
fn file_of_an_older_version_is_a_warning_and_stays_as_it_is() {
    sqlite_only!("the checks are those of a file");
    for version in 1..=4 {
        let folder = TempDir::new().expect("a folder");
        let root = env!("CARGO_MANIFEST_DIR");
        let fixture = format!("{root}/tests/fixtures/schema-{version}.sql");
        let sql = fs::read_to_string(fixture).expect("a fixture");
        let path = folder.path().join("parlor.db");
        let connection = Connection::open(&path).expect("a file");
        connection.execute_batch(&sql).expect("the fixture");
        drop(connection);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        let before = fs::read(&path).expect("a file");
        let line = expect_finding(folder.path(), 0, "warning", "version");
        assert!(line.contains(&format!("have version {version}")), "{line}");
        assert!(fs::read(&path).expect("a file") == before);
    }
}

#[test]
fn permissions_that_are_too_wide_are_a_warning_with_the_command() {
    sqlite_only!("the checks are those of a file");
    let (folder, path) = generated_file(5);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    let line = expect_finding(folder.path(), 0, "warning", "permissions");
    assert!(line.contains("chmod 600"), "{line}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("a mode");
    let line = expect_finding(folder.path(), 1, "FAULT", "permissions");
    assert!(line.contains("chmod u+w"), "{line}");
}

#[test]
fn file_system_that_is_mounted_read_only_is_a_fault() {
    sqlite_only!("the checks are those of a file");
    let (folder, path) = generated_file(5);
    let Some(disk) = SmallDisk::mount(folder.path().join("disk"), "mode=700") else {
        eprintln!("skipped: only root can mount a file system");
        return;
    };
    fs::copy(&path, disk.0.join("parlor.db")).expect("a copy");
    let remount = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&disk.0)
        .status();
    assert!(remount.expect("mount").success());
    let (code, text) = check(&disk.0, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("is mounted read-only"), "{text}");
}

#[test]
fn settings_that_contradict_each_other_are_found() {
    sqlite_only!("the checks are those of a file");
    let (folder, _) = generated_file(5);
    for (code, variables, text) in [
        (
            0,
            &[("PARLOR_PUBLIC_URL", "https://chat.example")][..],
            "PARLOR_BEHIND_PROXY=true",
        ),
        (
            0,
            &[("PARLOR_BACKUP_DIR", "/dev/null")],
            "/dev/null is not a folder",
        ),
        (
            0,
            &[("PARLOR_BACKUP_DIR", "absent/backups")],
            "absent is not a folder",
        ),
        (1, &[("PARLOR_RATE_LIMIT", "many")], "--rate-limit"),
        (
            1,
            &[
                ("PARLOR_MAX_BODY_BYTES", "67108864"),
                ("PARLOR_MEMORY_BUDGET_MB", "64"),
            ],
            "--memory-budget-mb to at least 128",
        ),
        (
            1,
            &[("PARLOR_MODEL_URL", "http://127.0.0.1:1/v1")],
            "--model <NAME>",
        ),
        (
            0,
            &[
                ("PARLOR_BEHIND_PROXY", "1"),
                ("PARLOR_LISTEN", "0.0.0.0:80"),
            ],
            "loopback",
        ),
    ] {
        let (status, output) = check(folder.path(), variables);
        assert_eq!(status, Some(code), "{output}");
        let line = output.lines().find(|line| line.contains("settings"));
        let line = line.expect("a line");
        assert!(!line.starts_with("ok") && line.contains(text), "{line}");
    }
}

#[test]
fn file_of_another_program_is_a_fault() {
    sqlite_only!("the checks are those of a file");
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("parlor.db"), "text").expect("a file");
    let (code, text) = check(folder.path(), &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("is not a parlor file"), "{text}");
}

#[test]
fn restored_file_is_sound() {
    sqlite_only!("the checks are those of a file");
    let (folder, path) = generated_file(50);
    run_successfully(folder.path(), &["backup", "backup.db"]);
    fs::remove_file(path).expect("a removal");
    run_successfully(folder.path(), &["restore", "backup.db"]);
    let (code, text) = check(folder.path(), &[]);
    assert_eq!(code, Some(0), "{text}");
}
