//! `parlor backup`: the copy is complete, whatever happens meanwhile.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::helpers::{
    ParlorProcess, Visitor, open_connection, parlor_command, run_successfully, run_with_error,
    string, wait_until,
};
use crate::sqlite_only;

/// A file with generated conversations in a folder of its own.
pub fn generated_file(conversations: u32) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let count = conversations.to_string();
    let create = ["demo", "--no-serve", "--db", "parlor.db", "--conversations"];
    run_successfully(folder.path(), &[&create[..], &[&count]].concat());
    let path = folder.path().join("parlor.db");
    (folder, path)
}

/// Opens a file without changing the file or its folder.
pub fn open_read_only(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a connection")
}

pub fn count(path: &Path, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let count = open_read_only(path).query_row(&sql, [], |row| row.get(0));
    count.expect("a count")
}

/// The names of the files in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// Checks that a backup is complete, private, and described by its manifest.
#[track_caller]
pub fn expect_complete(backup: &Path) -> Value {
    let connection = open_read_only(backup);
    let text = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(text("PRAGMA integrity_check").expect("a check"), "ok");
    // A file in WAL mode could not be read from a folder without write access.
    assert_eq!(text("PRAGMA journal_mode").expect("a mode"), "delete");
    let mode = fs::metadata(backup).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = fs::read(backup).expect("a file");
    let text = fs::read_to_string(format!("{}.json", backup.display())).expect("a manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    let hash = Sha256::digest(&bytes);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(manifest["sha256"], hash);
    assert_eq!(manifest["bytes"], bytes.len());
    assert_eq!(manifest["parlor"], env!("CARGO_PKG_VERSION"));
    for (name, table) in [
        ("projects", "project"),
        ("conversations", "conversation"),
        ("messages", "message"),
    ] {
        assert_eq!(manifest["counts"][name], count(backup, table), "{name}");
    }
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .expect("a version");
    assert_eq!(manifest["schema"], version);
    manifest
}

pub fn create_visitor(process: &ParlorProcess) -> Visitor {
    let key = process.key("pk_").expect("a key");
    let body = json!({ "apiKey": key, "saVid": "device" });
    let init = process.client.post("/v2/identity/init").json(body);
    Visitor::from_json(&init.send().json())
}

#[test]
fn backup_of_a_busy_server_has_every_write_acknowledged_before_it_began() {
    sqlite_only!("backups are copies of a file");
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let process = ParlorProcess::start(folder, &["serve", "--rate-limit", "0"]);
    let token = create_visitor(&process).token;
    let (client, is_over) = (process.client, AtomicBool::new(false));
    let acknowledged = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let response = client.post("/v2/conversations").bearer(&token).send();
                    let id = string(&response.expect(201)["id"]);
                    acknowledged.lock().expect("a list").push(id);
                }
            });
        }
        let mut checked = 0;
        for round in 0..5 {
            let enough = checked + 20;
            wait_until("there are more conversations", || {
                acknowledged.lock().expect("a list").len() > enough
            });
            let before = acknowledged.lock().expect("a list").clone();
            let name = format!("backup-{round}.db");
            let output = run_successfully(folder, &["backup", &name]);
            assert!(output.contains("created "), "{output}");
            expect_complete(&folder.join(&name));
            let connection = open_read_only(&folder.join(&name));
            let mut find = connection
                .prepare("SELECT count(*) FROM conversation WHERE id = ?")
                .expect("SQL");
            for id in &before {
                let uuid = uuid::Uuid::parse_str(id).expect("a UUID");
                let found: i64 = find.query_row([uuid], |row| row.get(0)).expect("a count");
                assert_eq!(found, 1, "{id} is not in {name}");
            }
            checked = before.len();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(process.stop("TERM").0.code(), Some(0));
}

#[test]
fn backup_into_a_folder_has_the_time_as_its_name() {
    sqlite_only!("backups are copies of a file");
    let (folder, _) = generated_file(20);
    fs::create_dir(folder.path().join("backups")).expect("a folder");
    run_successfully(folder.path(), &["backup", "backups"]);
    let names = names(&folder.path().join("backups"));
    let [backup, manifest] = &names[..] else {
        panic!("{names:?}");
    };
    let digits = backup.replace(|character: char| character.is_ascii_digit(), "0");
    assert_eq!(digits, "parlor-00000000T000000Z.db");
    assert_eq!(*manifest, format!("{backup}.json"));
    let manifest = expect_complete(&folder.path().join("backups").join(backup));
    assert_eq!(manifest["counts"]["conversations"], 20);
    let created_at = string(&manifest["createdAt"]).replace(['-', ':'], "");
    assert_eq!(backup[7..22], created_at[..15]);
}

#[test]
fn backup_replaces_no_file_and_not_the_database() {
    sqlite_only!("backups are copies of a file");
    let (folder, database) = generated_file(5);
    let folder = folder.path();
    let before = fs::read(&database).expect("the database");
    fs::write(folder.join("other"), "text").expect("a file");
    fs::write(folder.join("b.db.json"), "text").expect("a file");
    std::os::unix::fs::symlink("parlor.db", folder.join("link.db")).expect("a link");
    std::os::unix::fs::symlink("absent/x", folder.join("dangling")).expect("a link");
    for (target, reason) in [
        ("parlor.db", "belongs to the database"),
        ("link.db", "belongs to the database"),
        ("parlor.db-wal", "belongs to the database"),
        ("parlor.db-journal", "belongs to the database"),
        ("other", "exists already"),
        ("b.db", "b.db.json exists already"),
        ("absent/b.db", "create the folder"),
        ("absent/", "create the folder"),
        ("-", "is not the name of a file"),
        ("/dev/null", "is not the name of a file"),
        ("/dev/stdout", "is not the name of a file"),
        (":memory:", "is not the name of a file"),
        ("dangling", "does not exist"),
    ] {
        let error = run_with_error(folder, &["backup", target]);
        assert!(error.contains(reason), "{target}: {error}");
        assert!(!error.contains("--db"), "{target}: {error}");
    }
    assert!(!folder.join("absent").exists() && !folder.join("-").exists());
    let error = run_with_error(folder, &["backup", "b", "--db", "absent.db"]);
    assert!(error.contains("absent.db does not exist"), "{error}");
    let error = run_with_error(folder, &["backup", "b", "--db", "other"]);
    assert!(error.contains("is not a parlor file"), "{error}");
    assert!(fs::read(&database).expect("the database") == before);
    assert_eq!(fs::read(folder.join("other")).expect("a file"), b"text");
    let left = names(folder);
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
}

#[test]
fn backups_of_the_same_second_get_different_names() {
    sqlite_only!("backups are copies of a file");
    let (folder, _) = generated_file(5);
    let backups = folder.path().join("backups");
    fs::create_dir(&backups).expect("a folder");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    run_successfully(folder.path(), &["backup", "backups"]);
                }
            });
        }
    });
    let names = names(&backups);
    assert_eq!(names.len(), 2 * 12, "{names:?}");
    for backup in names.iter().filter(|name| name.ends_with(".db")) {
        expect_complete(&backups.join(backup));
    }
}

/// Starts a backup and sends a signal as soon as the backup writes.
fn interrupt_backup(folder: &Path, signal: &str) -> Option<i32> {
    let mut child = parlor_command(folder)
        .args(["backup", "backup.db"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process");
    wait_until("the backup writes or has ended", || {
        folder.join("backup.db.part").exists() || child.try_wait().expect("a status").is_some()
    });
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    sent.expect("kill");
    child.wait().expect("a status").code()
}

#[test]
fn interrupted_backup_leaves_nothing_under_its_name() {
    sqlite_only!("backups are copies of a file");
    let (folder, _) = generated_file(4000);
    let folder = folder.path();
    let backup = folder.join("backup.db");
    let (mut incomplete, mut interrupted) = (0, 0);
    for round in 0..12 {
        let signal = ["KILL", "INT", "TERM"][round % 3];
        let code = interrupt_backup(folder, signal);
        if backup.exists() {
            expect_complete_file(&backup);
        } else {
            incomplete += 1;
            interrupted += usize::from(code == Some(1));
            let is_left = folder.join("backup.db.part").exists();
            assert_eq!(is_left, signal == "KILL", "{signal}");
        }
        for name in ["backup.db", "backup.db.json", "backup.db.part"] {
            let _ = fs::remove_file(folder.join(name));
        }
    }
    assert!(
        incomplete > 0 && interrupted > 0,
        "{incomplete}, {interrupted}"
    );
    interrupt_backup(folder, "KILL");
    for name in ["backup.db", "backup.db.json"] {
        let _ = fs::remove_file(folder.join(name));
    }
    // What a killed backup left does not disturb the next one.
    run_successfully(folder, &["backup", "backup.db"]);
    expect_complete(&backup);
    assert!(!folder.join("backup.db.part").exists());
}

/// A backup that was interrupted before its manifest was written.
fn expect_complete_file(backup: &Path) {
    let check = open_read_only(backup)
        .query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    assert_eq!(check.expect("a check"), "ok");
    assert_eq!(count(backup, "conversation"), 4000);
}

/// A small file system, which only root can mount.
pub struct SmallDisk(pub PathBuf);

impl SmallDisk {
    pub fn mount(path: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir(&path).expect("a folder");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(&path);
        let mounted = mount.stderr(Stdio::null()).status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn backup_on_a_full_disk_leaves_nothing_and_names_the_disk() {
    sqlite_only!("backups are copies of a file");
    let (folder, _) = generated_file(1000);
    let Some(disk) = SmallDisk::mount(folder.path().join("small"), "size=256k") else {
        eprintln!("skipped: only root can mount a small file system");
        return;
    };
    let error = run_with_error(folder.path(), &["backup", "small/backup.db"]);
    assert!(error.contains("is full; free some space"), "{error}");
    assert_eq!(names(&disk.0), [""; 0]);
}

#[test]
fn damaged_database_gives_no_backup() {
    sqlite_only!("backups are copies of a file");
    let (folder, database) = generated_file(300);
    // An index page in the middle is cleared.
    let connection = open_read_only(&database);
    let page: i64 = connection
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'message_by_id'",
            [],
            |row| row.get(0),
        )
        .expect("a page");
    drop(connection);
    let mut bytes = fs::read(&database).expect("a file");
    let start = (page as usize - 1) * 4096;
    bytes[start..start + 4096].fill(0);
    fs::write(&database, bytes).expect("a file");
    let error = run_with_error(folder.path(), &["backup", "backup.db"]);
    assert!(error.contains("parlor.db has faults"), "{error}");
    // SQLite cannot even read the file to its end.
    let half = fs::read(&database).expect("a file");
    fs::write(&database, &half[..half.len() / 2]).expect("a file");
    let error = run_with_error(folder.path(), &["backup", "backup.db"]);
    let remedy = format!("restore BACKUP --db {} --force", database.display());
    assert!(
        error.contains("parlor.db is damaged") && error.contains(&remedy),
        "{error}"
    );
    let left = names(folder.path());
    assert!(!left.iter().any(|name| name.contains("backup")), "{left:?}");
}

#[test]
fn backup_of_a_file_with_wrong_counts_or_tables_warns_of_them() {
    sqlite_only!("backups are copies of a file");
    let (folder, database) = generated_file(30);
    let change = "UPDATE visitor SET closed_conversations = 77 WHERE seq = 2; \
                  DROP TRIGGER conversation_after_delete;";
    let changed = open_connection(&database).execute_batch(change);
    changed.expect("a change");
    for arguments in [&["backup", "b.db"][..], &["restore", "b.db", "--force"]] {
        let output = parlor_command(folder.path()).args(arguments).output();
        let output = output.expect("a run");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        for text in [
            "visitor 2 has the count 77",
            "trigger conversation_after_delete is missing",
            "`parlor check`",
        ] {
            assert!(log.contains(text), "{arguments:?}: {log}");
        }
    }
    expect_complete(&folder.path().join("b.db"));
}

#[test]
fn backup_of_an_older_file_does_not_upgrade_the_file() {
    sqlite_only!("backups are copies of a file");
    let folder = TempDir::new().expect("a folder");
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema-1.sql");
    let sql = fs::read_to_string(fixture).expect("a fixture");
    let connection = Connection::open(folder.path().join("parlor.db")).expect("a file");
    connection.execute_batch(&sql).expect("the fixture");
    drop(connection);
    run_successfully(folder.path(), &["backup", "backup.db"]);
    let manifest = expect_complete(&folder.path().join("backup.db"));
    assert_eq!(manifest["schema"], 1);
    assert_eq!(manifest["counts"]["conversations"], 4);
    let version: i64 = open_read_only(&folder.path().join("parlor.db"))
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .expect("a version");
    assert_eq!(version, 1);
}
