//! Starts with database files that cannot be used: each error names the cause and
//! the remedy.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use parlor::store::{Options, Store};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::helpers::{open_store, run, run_with_error};
use crate::sqlite_only;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn unusable_paths_are_reported_with_cause_and_remedy() {
    sqlite_only!("a database on a server is no file");
    let temp_dir = TempDir::new().expect("a directory");
    let directory = temp_dir.path();
    fs::create_dir(directory.join("folder")).expect("a folder");
    fs::write(
        directory.join("notes.txt"),
        "Remember the milk. ".repeat(99),
    )
    .expect("a file");
    fs::write(directory.join("read-only.db"), "").expect("a file");
    set_mode(&directory.join("read-only.db"), 0o444);
    std::os::unix::fs::symlink("loop.db", directory.join("loop.db")).expect("a link");
    let fifo = Command::new("mkfifo")
        .arg(directory.join("pipe.db"))
        .status();
    assert!(fifo.expect("mkfifo").success());
    assert!(
        fs::metadata(directory.join("pipe.db"))
            .expect("a pipe")
            .file_type()
            .is_fifo()
    );
    // SQLite creates a file `-journal` beside it.
    let nearly_long = "x".repeat(248);
    let long = format!("{}.db", "x".repeat(300));
    for (path, texts) in [
        (":memory:", ["\":memory:\" is not the name", "--db"]),
        (
            "file:parlor.db?mode=memory",
            ["is not the name of a file", "--db"],
        ),
        ("folder", ["folder is a folder", "--db"]),
        (".", ["is a folder", "--db"]),
        ("pipe.db", ["pipe.db is a named pipe", "--db"]),
        ("/dev/null", ["/dev/null is a device", "--db"]),
        (&long, ["too long", "--db"]),
        (
            "absent/parlor.db",
            ["absent does not exist", "create the folder"],
        ),
        ("notes.txt/parlor.db", ["notes.txt", "--db"]),
        ("loop.db", ["loop", "--db"]),
        ("notes.txt", ["is not a parlor file", "--db"]),
        (
            "notes.txt/",
            ["notes.txt/\" is not the name of a file", "--db"],
        ),
        ("absent/", ["absent/\" is not the name of a file", "--db"]),
        (&nearly_long, ["too long", "--db"]),
        ("read-only.db", ["marked as read-only", "chmod u+w"]),
    ] {
        let started = Instant::now();
        let error = run_with_error(
            directory,
            &["serve", "--listen", "127.0.0.1:0", "--db", path],
        );
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "{path} took long"
        );
        for text in texts {
            assert!(error.contains(text), "{path}: {error}");
        }
        assert!(!error.contains("check the owner"), "{path}: {error}");
        assert_eq!(error.lines().count(), 1, "{path}: {error}");
    }
    for path in ["absent", "pipe.db.lock", &nearly_long] {
        assert!(!directory.join(path).exists(), "{path} was left");
    }
    drop(open_store(&directory.join("x".repeat(247))));
}

#[test]
fn commands_name_a_loop_of_links() {
    sqlite_only!("a database on a server is no file");
    let directory = TempDir::new().expect("a directory");
    std::os::unix::fs::symlink("loop.db", directory.path().join("loop.db")).expect("a link");
    for command in [&["check"][..], &["keys", "list"], &["backup", "b.db"]] {
        let error = run_with_error(directory.path(), &[command, &["--db", "loop.db"]].concat());
        assert!(error.contains("form a loop"), "{command:?}: {error}");
    }
}

#[test]
fn start_with_read_only_file_leaves_nothing_that_blocks_a_later_start() {
    sqlite_only!("a database on a server is no file");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("parlor.db");
    drop(open_store(&path));
    // The last connection that closes removes the side files.
    let connection = Connection::open(&path).expect("a connection");
    connection
        .execute_batch("PRAGMA journal_mode = DELETE")
        .expect("no side files");
    drop(connection);
    set_mode(&path, 0o400);
    let error = Store::open(&path, &Options::default())
        .err()
        .expect("a refusal");
    assert!(error.to_string().contains("chmod u+w"), "{error}");
    for suffix in ["-wal", "-shm"] {
        let side_file = directory.path().join(format!("parlor.db{suffix}"));
        assert!(!side_file.exists(), "{suffix}");
    }
    set_mode(&path, 0o600);
    drop(open_store(&path));
}

#[test]
fn check_and_backup_of_a_read_only_file_leave_nothing_that_blocks_a_later_start() {
    sqlite_only!("a database on a server is no file");
    let directory = TempDir::new().expect("a directory");
    // The name has characters with a meaning in a URI.
    let path = directory.path().join("a b%20?#.db");
    drop(open_store(&path));
    set_mode(&path, 0o444);
    let database = path.display().to_string();
    for command in [&["check"][..], &["backup", "backup.db"]] {
        let output = run(directory.path(), &[command, &["--db", &database]].concat());
        // The check reports that no server can use the file.
        let is_sound = command != ["check"];
        assert_eq!(output.status.success(), is_sound, "{command:?}");
        let findings = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(is_sound || findings.contains("chmod u+w"), "{findings}");
        for suffix in ["-wal", "-shm"] {
            let side_file = format!("{database}{suffix}");
            assert!(!Path::new(&side_file).exists(), "{command:?}: {suffix}");
        }
    }
    set_mode(&path, 0o644);
    drop(open_store(&path));
}

#[test]
fn read_only_side_file_is_named() {
    sqlite_only!("a database on a server is no file");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("parlor.db");
    drop(open_store(&path));
    let shm = directory.path().join("parlor.db-shm");
    File::create(&shm).expect("a file");
    set_mode(&shm, 0o444);
    let error = Store::open(&path, &Options::default())
        .err()
        .expect("a refusal");
    assert!(
        error.to_string().contains("parlor.db-shm is marked"),
        "{error}"
    );
}

#[test]
fn missing_permission_names_user_and_path() {
    sqlite_only!("a database on a server is no file");
    if !is_root() {
        return;
    }
    const NOBODY: u32 = 65534;
    let directory = TempDir::new().expect("a directory");
    set_mode(directory.path(), 0o755);
    let path = directory.path().join("parlor.db");
    drop(open_store(&path));
    let programs = TempDir::new().expect("a directory");
    set_mode(programs.path(), 0o755);
    let binary = programs.path().join("parlor");
    fs::copy(env!("CARGO_BIN_EXE_parlor"), &binary).expect("a copy");
    let run_as_nobody = |arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(arguments).arg("--db").arg(&path);
        command.current_dir("/").uid(NOBODY).gid(NOBODY);
        let output = command.output().expect("a run");
        assert!(!output.status.success());
        // `check` prints what it finds on standard output.
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).expect("UTF-8")
    };
    let start = || run_as_nobody(&["serve", "--listen", "127.0.0.1:0"]);
    let folder = directory.path().display();
    let no_files = format!("user 65534 may not create files in {folder};");
    let error = start();
    assert!(error.contains(&no_files), "{error}");
    // The file may be read, but SQLite would create files beside it.
    set_mode(&path, 0o644);
    for command in [
        &["check"][..],
        &["backup", "/tmp/backup-of-another-user.db"],
    ] {
        let error = run_as_nobody(command);
        assert!(error.contains(&no_files), "{command:?}: {error}");
        assert!(!error.contains("rolled back"), "{command:?}: {error}");
    }
    set_mode(&path, 0o600);
    set_mode(directory.path(), 0o777);
    let error = start();
    assert!(error.contains("user 65534 may not read"), "{error}");
    assert!(error.contains("check the owner"), "{error}");
    // The owner of the database file does not own a side file.
    std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).expect("an owner");
    let shm = directory.path().join("parlor.db-shm");
    File::create(&shm).expect("a file");
    set_mode(&shm, 0o444);
    let error = start();
    let not_writable = format!("user 65534 may not write to {folder}/parlor.db-shm;");
    assert!(error.contains(&not_writable), "{error}");
    set_mode(directory.path(), 0o700);
    for command in [&["check"][..], &["keys", "list"]] {
        let error = run_as_nobody(command);
        let closed = format!("user 65534 may not use {folder};");
        assert!(error.contains(&closed), "{command:?}: {error}");
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id");
    output.stdout == b"0\n"
}

#[test]
fn full_disk_is_reported_as_full_disk() {
    sqlite_only!("a database on a server is no file");
    if !is_root() {
        return;
    }
    let directory = TempDir::new().expect("a directory");
    let mount = ["-t", "tmpfs", "-o", "size=600k", "parlor-test"];
    let mounted = Command::new("mount")
        .args(mount)
        .arg(directory.path())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("not run: this system mounts no tmpfs");
        return;
    }
    let fill = |name: &str| {
        // The error of the write is the point.
        let _ = fs::write(directory.path().join(name), vec![1; 1 << 20]);
    };
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    fill("before the first start");
    let first = run_with_error(directory.path(), &serve);
    fs::remove_file(directory.path().join("before the first start")).expect("a removal");
    drop(open_store(&directory.path().join("parlor.db")));
    fill("before the next start");
    let next = run_with_error(directory.path(), &serve);
    let unmounted = Command::new("umount")
        .arg("-l")
        .arg(directory.path())
        .status();
    assert!(unmounted.expect("umount").success());
    for error in [first, next] {
        assert!(error.contains("is full; free some space"), "{error}");
    }
}

#[test]
fn locked_and_damaged_files_are_reported_differently() {
    sqlite_only!("a database on a server is no file");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("parlor.db");
    drop(open_store(&path));
    let other_program = Connection::open(&path).expect("a connection");
    other_program
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .expect("a lock");
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let error = run_with_error(directory.path(), &serve);
    assert!(error.contains("locked by another program"), "{error}");
    drop(other_program);

    let mut bytes = fs::read(&path).expect("a file");
    let length = bytes.len();
    bytes[4096..length / 2].fill(0xAA);
    fs::write(&path, &bytes).expect("a damaged file");
    let error = run_with_error(directory.path(), &serve);
    assert!(error.contains("is damaged"), "{error}");
    assert!(error.contains("restore a backup"), "{error}");
}
