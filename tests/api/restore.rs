//! `parlor restore`: verifies the backup first, and keeps the file that it replaces.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backup::{count, create_visitor, generated_file, names, open_read_only};
use crate::helpers::{
    ParlorProcess, open_connection, parlor_command, run_successfully, run_with_error, wait_until,
};
use crate::sqlite_only;

/// A file with 30 conversations, and a backup of it named `backup.db`.
fn file_with_backup() -> (TempDir, PathBuf) {
    let (folder, path) = generated_file(30);
    run_successfully(folder.path(), &["backup", "backup.db"]);
    (folder, path)
}

/// The only file whose name begins with the text.
#[track_caller]
fn only_file(folder: &Path, prefix: &str) -> PathBuf {
    let names = names(folder);
    let found: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with(prefix))
        .collect();
    assert_eq!(found.len(), 1, "{names:?}");
    folder.join(found[0])
}

fn delete_conversations(path: &Path) {
    let deleted = open_connection(path).execute_batch("DELETE FROM conversation WHERE seq > 10");
    deleted.expect("a write");
}

#[test]
fn restored_server_has_the_rows_of_the_backup_and_the_old_file_has_the_later_ones() {
    sqlite_only!("a backup replaces a file");
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let process = ParlorProcess::start(folder, &["serve"]);
    let visitor = create_visitor(&process);
    let start = || {
        let start = process.client.post("/v2/conversations");
        start.bearer(&visitor.token).send().expect(201)
    };
    start();
    run_successfully(folder, &["backup", "backup.db"]);
    start();
    let private_key = process.key("sk_").expect("a key");
    process.stop("KILL");
    // The second conversation is only in the write-ahead log.
    assert!(
        fs::metadata(folder.join("parlor.db-wal"))
            .expect("a log")
            .len()
            > 0
    );

    let error = run_with_error(folder, &["restore", "backup.db"]);
    assert!(error.contains("exists already; --force"), "{error}");
    let output = run_successfully(folder, &["restore", "backup.db", "--force"]);
    assert!(output.contains("1 conversations"), "{output}");
    for suffix in ["-wal", "-shm", "-journal", ".part"] {
        assert!(
            !folder.join(format!("parlor.db{suffix}")).exists(),
            "{suffix}"
        );
    }
    let kept = only_file(folder, "parlor.db.replaced-");
    assert!(output.contains(&kept.display().to_string()), "{output}");
    assert_eq!(count(&kept, "conversation"), 2);
    let process = ParlorProcess::start(folder, &["serve"]);
    let list = process.client.get("/v2/conversations").bearer(&private_key);
    assert_eq!(list.send().expect(200)["total"], 1);
}

#[test]
fn restore_of_an_absent_file_needs_no_force() {
    sqlite_only!("a backup replaces a file");
    let (folder, path) = file_with_backup();
    fs::remove_file(&path).expect("a removal");
    run_successfully(folder.path(), &["restore", "backup.db"]);
    assert_eq!(count(&path, "conversation"), 30);
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn restore_is_refused_while_a_server_or_another_program_uses_the_file() {
    sqlite_only!("a backup replaces a file");
    let (folder, path) = file_with_backup();
    let folder = folder.path();
    let restore = ["restore", "backup.db", "--force"];
    let process = ParlorProcess::start(folder, &["serve"]);
    let error = run_with_error(folder, &restore);
    let pid = format!("(process {})", process.child.id());
    assert!(error.contains(&pid), "{error}");
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    let connection = open_connection(&path);
    let rows = connection.query_row("SELECT count(*) FROM project", [], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(rows.expect("a count"), 1);
    let error = run_with_error(folder, &restore);
    assert!(error.contains("in use by another program"), "{error}");
    let write = connection.execute_batch("DELETE FROM conversation WHERE seq > 10");
    write.expect("a usable file");
    drop(connection);
    assert_eq!(count(&path, "conversation"), 10);
    run_successfully(folder, &restore);
    assert_eq!(count(&path, "conversation"), 30);
}

/// Restores with `--force`, which must be refused and change nothing.
#[track_caller]
fn expect_refusal(folder: &Path, backup: &str, reason: &str) {
    let path = folder.join("parlor.db");
    let before = fs::read(&path).expect("a file");
    let error = run_with_error(folder, &["restore", backup, "--force"]);
    assert!(error.contains(reason), "{error}");
    // The remedy is for the backup, not for the database file or the temporary file.
    for wrong in ["--db", ".part", "Counts {"] {
        assert!(!error.contains(wrong), "{error}");
    }
    assert!(fs::read(&path).expect("a file") == before, "{reason}");
    let names = names(folder);
    let is_left = |name: &String| name.contains(".replaced-") || name.ends_with(".part");
    assert!(!names.iter().any(is_left), "{names:?}");
}

#[test]
fn backup_that_is_damaged_or_of_another_program_is_refused() {
    sqlite_only!("a backup replaces a file");
    let (folder, _) = file_with_backup();
    let folder = folder.path();
    expect_refusal(folder, "absent.db", "does not exist");
    expect_refusal(folder, "parlor.db", "is the database file itself");
    let connection = open_read_only(&folder.join("backup.db"));
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'message_by_id'";
    let page: i64 = connection
        .query_row(sql, [], |row| row.get(0))
        .expect("a page");
    let mut bytes = fs::read(folder.join("backup.db")).expect("a file");
    let start = (page as usize - 1) * 4096;
    bytes[start + 2000..start + 4096].fill(7);
    fs::write(folder.join("backup.db"), &bytes).expect("a file");
    expect_refusal(folder, "backup.db", "is not the file that");
    fs::remove_file(folder.join("backup.db.json")).expect("a removal");
    expect_refusal(folder, "backup.db", "backup.db has faults");
    fs::write(folder.join("backup.db"), &bytes[..bytes.len() / 2]).expect("a file");
    expect_refusal(folder, "backup.db", "backup.db is damaged");
    for (name, content) in [("text", "no database"), ("empty", "")] {
        fs::write(folder.join(name), content).expect("a file");
        expect_refusal(folder, name, "is not a parlor file");
        expect_refusal(
            folder,
            name,
            "unpack it before (`gunzip`, `age -d`, `gpg -d`)",
        );
    }
    fs::create_dir(folder.join("folder")).expect("a folder");
    expect_refusal(folder, "folder", "folder is a folder, not a backup");
    std::os::unix::fs::symlink("loop", folder.join("loop")).expect("a link");
    expect_refusal(folder, "loop", "check the name of the backup");
    let foreign = Connection::open(folder.join("foreign.db")).expect("a file");
    foreign
        .execute_batch("CREATE TABLE t (x)")
        .expect("a table");
    expect_refusal(folder, "foreign.db", "is not a parlor file");
}

#[test]
fn backup_of_a_newer_version_is_refused() {
    sqlite_only!("a backup replaces a file");
    let (folder, _) = file_with_backup();
    fs::remove_file(folder.path().join("backup.db.json")).expect("a removal");
    let connection = open_connection(&folder.path().join("backup.db"));
    connection
        .pragma_update(None, "user_version", 999)
        .expect("a version");
    drop(connection);
    expect_refusal(folder.path(), "backup.db", "written by a newer parlor");
}

#[test]
fn backup_with_a_wrong_manifest_is_refused() {
    sqlite_only!("a backup replaces a file");
    let (folder, path) = file_with_backup();
    let folder = folder.path();
    let manifest_path = folder.join("backup.db.json");
    let text = fs::read_to_string(&manifest_path).expect("a manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    let mut other_counts = manifest["counts"].clone();
    other_counts["messages"] = json!(1);
    for (name, value) in [
        ("sha256", json!("00")),
        ("bytes", json!(4096)),
        ("schema", json!(1)),
        ("counts", other_counts),
    ] {
        let mut wrong = manifest.clone();
        wrong[name] = value;
        fs::write(&manifest_path, wrong.to_string()).expect("a manifest");
        expect_refusal(folder, "backup.db", &format!("describes: {name} is"));
    }
    fs::write(&manifest_path, "{").expect("a manifest");
    expect_refusal(folder, "backup.db", "backup.db.json cannot be read");
    fs::remove_file(&manifest_path).expect("a removal");
    delete_conversations(&path);
    run_successfully(folder, &["restore", "backup.db", "--force"]);
    assert_eq!(count(&path, "conversation"), 30);
}

#[test]
fn damaged_file_is_replaced_and_kept_with_its_log() {
    sqlite_only!("a backup replaces a file");
    let (folder, path) = file_with_backup();
    let folder = folder.path();
    fs::write(&path, "damaged".repeat(2000)).expect("a file");
    fs::write(folder.join("parlor.db-wal"), "old log").expect("a file");
    fs::write(folder.join("parlor.db-shm"), "old index").expect("a file");
    run_successfully(folder, &["restore", "backup.db", "--force"]);
    assert_eq!(count(&path, "conversation"), 30);
    for suffix in ["-wal", "-shm"] {
        assert!(
            !folder.join(format!("parlor.db{suffix}")).exists(),
            "{suffix}"
        );
    }
    let names = names(folder);
    let kept: Vec<_> = names
        .iter()
        .filter(|name| name.contains(".replaced-"))
        .collect();
    let [file, log] = &kept[..] else {
        panic!("{names:?}");
    };
    assert_eq!(**log, format!("{file}-wal"));
    assert_eq!(fs::read(folder.join(log)).expect("a log"), b"old log");
    let bytes = fs::read(folder.join(file)).expect("a file");
    assert!(bytes.starts_with(b"damaged"));
}

#[test]
fn interrupted_restore_leaves_a_complete_file() {
    sqlite_only!("a backup replaces a file");
    let (folder, path) = generated_file(3000);
    let folder = folder.path();
    run_successfully(folder, &["backup", "backup.db"]);
    delete_conversations(&path);
    let mut unchanged = 0;
    for round in 0..9 {
        let mut child = parlor_command(folder)
            .args(["restore", "backup.db", "--force"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        wait_until("the restore writes or has ended", || {
            folder.join("parlor.db.part").exists() || child.try_wait().expect("a status").is_some()
        });
        let id = child.id().to_string();
        let signal = ["KILL", "INT", "TERM"][round % 3];
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        sent.expect("kill");
        child.wait().expect("a status");
        let _ = fs::remove_file(folder.join("parlor.db.part"));
        match count(&path, "conversation") {
            10 => unchanged += 1,
            3000 => delete_conversations(&path),
            other => panic!("{other} conversations"),
        }
    }
    assert!(unchanged > 0, "no restore was interrupted");
    run_successfully(folder, &["restore", "backup.db", "--force"]);
    assert_eq!(count(&path, "conversation"), 3000);
}

/// A user of the service, which is not root.
const SERVICE_USER: u32 = 65_534;

#[test]
fn root_restores_the_file_of_a_service_for_the_user_of_the_service() {
    sqlite_only!("a backup replaces a file");
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can change owners");
        return;
    }
    let (folder, path) = file_with_backup();
    let folder = folder.path();
    let owner = |path: &Path| {
        let metadata = fs::metadata(path).expect("a file");
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o777)
    };
    fs::remove_file(folder.join("parlor.db.lock")).expect("a removal");
    chown(&path, Some(SERVICE_USER), Some(SERVICE_USER)).expect("an owner");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
    run_successfully(folder, &["restore", "backup.db", "--force"]);
    assert_eq!(owner(&path), (SERVICE_USER, SERVICE_USER, 0o640));
    let lock = folder.join("parlor.db.lock");
    assert_eq!(owner(&lock), (SERVICE_USER, SERVICE_USER, 0o600));
    let kept = only_file(folder, "parlor.db.replaced-");
    assert_eq!(owner(&kept), (SERVICE_USER, SERVICE_USER, 0o640));

    // A new file gets the owner of its folder.
    let service = folder.join("service");
    fs::create_dir(&service).expect("a folder");
    chown(&service, Some(SERVICE_USER), Some(SERVICE_USER)).expect("an owner");
    run_successfully(
        folder,
        &["restore", "backup.db", "--db", "service/parlor.db"],
    );
    for name in ["parlor.db", "parlor.db.lock"] {
        let found = owner(&service.join(name));
        assert_eq!(found, (SERVICE_USER, SERVICE_USER, 0o600), "{name}");
    }
}
