//! Upgrades that fail or are refused change nothing, and others keep a copy.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parlor::store::{OpenError, Options, ServerLock, Store};
use tempfile::TempDir;

use crate::backup::SmallDisk;
use crate::helpers::{
    open_connection, open_store, run_concurrently, run_successfully, run_with_error,
};
use crate::sqlite_only;
use crate::upgrade::{
    assert_same_schema, built_by_fixture, built_by_fixture_as, built_by_migrations, columns,
    created, older_versions, rows, schema, user_version,
};

#[test]
fn file_stays_as_it_was_when_an_upgrade_fails() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    let path = built_by_migrations(&folder, 1);
    // Migration 2 creates a table of this name.
    let conflict = open_connection(&path).execute_batch("CREATE TABLE document (x)");
    conflict.expect("a table");
    let before = schema(&path);
    let error = Store::open(&path, &Options::default())
        .err()
        .expect("a refusal");
    assert!(matches!(error, OpenError::Upgrade(..)), "{error}");
    assert!(error.to_string().contains("was not changed"), "{error}");
    assert_eq!(schema(&path), before);
    assert_eq!(schema(&snapshot_path(&path, 1)), before);
    // The server is started again and again.
    Store::open(&path, &Options::default())
        .err()
        .expect("a refusal");
    assert!(!numbered_snapshot_path(&path, 1).exists(), "a second copy");
}

#[test]
fn failed_upgrade_is_reported_in_one_line_without_its_statements() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    let path = built_by_fixture(&folder, 3);
    let conflict = open_connection(&path).execute_batch("CREATE TABLE deleted_seq (x)");
    conflict.expect("a table");
    let file = path.display().to_string();
    let output = run_with_error(folder.path(), &["keys", "list", "--db", &file]);
    // The lines before the error are those of the log.
    let start = output.find("parlor: ").expect("an error");
    let error = output[start..].trim_end();
    assert!(
        error.contains("table deleted_seq already exists"),
        "{output}"
    );
    assert_eq!(error.lines().count(), 1, "{output}");
    assert!(!output.contains("CREATE"), "{output}");
}

/// The copy that an upgrade keeps.
fn snapshot_path(path: &Path, version: usize) -> PathBuf {
    format!("{}.schema-{version}.bak", path.display()).into()
}

/// The copy, if another file has the name of [`snapshot_path`].
fn numbered_snapshot_path(path: &Path, version: usize) -> PathBuf {
    format!("{}-1", snapshot_path(path, version).display()).into()
}

#[test]
fn upgrade_keeps_a_copy_of_the_file_of_the_earlier_version() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    for version in older_versions(&folder) {
        let path = built_by_fixture(&folder, version);
        let expected = built_by_fixture_as(&folder, version, "expected");
        // A file of this name stays.
        fs::write(snapshot_path(&path, version), "old").expect("a file");
        drop(open_store(&path));
        let old = fs::read_to_string(snapshot_path(&path, version));
        assert_eq!(old.expect("a file"), "old");
        let snapshot = numbered_snapshot_path(&path, version);
        assert_same_schema(&snapshot, &expected);
        let (kept, expected) = (open_connection(&snapshot), open_connection(&expected));
        for (table, columns) in columns(&expected) {
            let same = rows(&kept, &table, &columns) == rows(&expected, &table, &columns);
            assert!(same, "schema {version}: rows of {table}");
        }
        let mode = fs::metadata(&snapshot)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn upgrade_with_no_snapshot_keeps_no_copy() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    let path = built_by_fixture(&folder, 1);
    let file = path.display().to_string();
    run_successfully(
        folder.path(),
        &["keys", "list", "--no-snapshot", "--db", &file],
    );
    assert!(!snapshot_path(&path, 1).exists());
    assert_same_schema(&path, &created(&folder));
}

#[test]
fn upgrade_without_space_for_a_copy_is_refused_unless_no_snapshot_is_set() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path().join("small"), "size=8m") else {
        eprintln!("skipped: only root can mount a small file system");
        return;
    };
    let path = disk.0.join("parlor.db");
    fs::copy(built_by_fixture(&folder, 1), &path).expect("a copy");
    let fill = "CREATE TABLE fill (x); INSERT INTO fill VALUES (zeroblob(5000000)); \
                UPDATE fill SET x = NULL; DROP TABLE fill; PRAGMA journal_mode = DELETE";
    open_connection(&path)
        .execute_batch(fill)
        .expect("a large file");
    let before = fs::read(&path).expect("a file");
    let list = ["keys", "list", "--db", "small/parlor.db"];
    let error = run_with_error(folder.path(), &list);
    assert!(
        error.contains("free some space") && error.contains("--no-snapshot"),
        "{error}"
    );
    assert_eq!(user_version(&open_connection(&path)), 1);
    assert!(fs::read(&path).expect("a file").len() == before.len());
    run_successfully(folder.path(), &[&list[..], &["--no-snapshot"]].concat());
    assert_ne!(user_version(&open_connection(&path)), 1);
}

#[test]
fn concurrent_commands_upgrade_a_file_once() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    let path = built_by_fixture(&folder, 2);
    let file = path.display().to_string();
    let list = ["keys", "list", "--db", &file];
    run_concurrently(4, || run_successfully(folder.path(), &list));
    assert_eq!(user_version(&open_connection(&snapshot_path(&path, 2))), 2);
    assert_same_schema(&path, &created(&folder));
}

#[test]
fn commands_refuse_to_upgrade_a_file_that_an_earlier_server_uses() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    let latest = older_versions(&folder).end - 1;
    let path = built_by_fixture(&folder, latest);
    let before = schema(&path);
    let file = path.display().to_string();
    // This process is the server.
    let lock = ServerLock::acquire(&path, Duration::ZERO).expect("a lock");
    fs::write(folder.path().join("page.md"), "# Page").expect("a page");
    for command in [
        &["keys", "list"][..],
        &["qna", "list"],
        &["assistants", "list"],
        &["learn", "page.md"],
    ] {
        let arguments = [command, &["--db", &file]].concat();
        let error = run_with_error(folder.path(), &arguments);
        let reason = format!(
            "used by a server of an earlier version of parlor (process {})",
            std::process::id()
        );
        assert!(
            error.contains(&reason) && error.contains("stop the server"),
            "{command:?}: {error}"
        );
    }
    // These commands read files of earlier versions.
    run_successfully(folder.path(), &["backup", "b.db", "--db", &file]);
    run_successfully(folder.path(), &["check", "--db", &file]);
    assert_eq!(schema(&path), before);
    drop(lock);
    run_successfully(folder.path(), &["keys", "list", "--db", &file]);
    assert_same_schema(&path, &created(&folder));
}
