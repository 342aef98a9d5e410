//! `parlor serve --backup-dir`: a server makes backups of its file.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::backup::{expect_complete, names, open_read_only};
use crate::helpers::{ParlorProcess, parlor_command, wait_until};
use crate::sqlite_only;

/// The backups in the folder `backups`, without manifests.
fn scheduled_backups(folder: &Path) -> Vec<String> {
    let Ok(true) = fs::exists(folder.join("backups")) else {
        return Vec::new();
    };
    let mut names = names(&folder.join("backups"));
    names.retain(|name| name.starts_with("parlor-2") && name.ends_with(".db"));
    names
}

#[test]
fn server_makes_backups_at_intervals_and_deletes_only_its_own_old_ones() {
    sqlite_only!("backups are copies of a file");
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let backups = folder.join("backups");
    fs::create_dir(&backups).expect("a folder");
    let others = ["parlor-20200101T000000Z.db.txt", "parlor-x.db", "notes"];
    for name in others {
        fs::write(backups.join(name), "").expect("a file");
    }
    // What a killed backup has left.
    fs::write(backups.join("parlor-20200101T000000Z.db.part"), "").expect("a file");
    let schedule = ["serve", "--backup-dir", "backups", "--backup-keep", "2"];
    let process =
        ParlorProcess::start(folder, &[&schedule[..], &["--backup-every", "1s"]].concat());
    let first = first_backup(folder);
    wait_until("the first backup was deleted", || {
        !backups.join(&first).exists() && !backups.join("parlor-20200101T000000Z.db.part").exists()
    });
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    let left = scheduled_backups(folder);
    assert!((2..=3).contains(&left.len()), "{left:?}");
    for name in &left[..2] {
        expect_complete(&backups.join(name));
    }
    assert!(!backups.join(format!("{first}.json")).exists());
    assert!(others.iter().all(|name| backups.join(name).exists()));

    // A restart makes no backup as long as the newest one is not old enough.
    let daily = [&schedule[..], &["--backup-every", "1d"]].concat();
    let process = ParlorProcess::start(folder, &daily);
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    assert_eq!(scheduled_backups(folder), left);
    for (number, name) in left.iter().enumerate() {
        let old = format!("parlor-20200101T00000{number}Z.db");
        fs::rename(backups.join(name), backups.join(old)).expect("a new name");
        let _ = fs::remove_file(backups.join(format!("{name}.json")));
    }
    let process = ParlorProcess::start(folder, &daily);
    wait_until("there is a backup of today", || {
        let names = scheduled_backups(folder);
        names.iter().any(|name| !name.starts_with("parlor-2020"))
    });
    assert_eq!(process.stop("TERM").0.code(), Some(0));
}

#[test]
fn old_backup_that_cannot_be_deleted_keeps_no_other_one() {
    sqlite_only!("backups are copies of a file");
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let backups = folder.join("backups");
    // Neither is a backup, but each has the name of one. The second cannot be deleted,
    // because its manifest is a folder.
    fs::create_dir_all(backups.join("parlor-20200101T000001Z.db")).expect("a folder");
    fs::create_dir(backups.join("parlor-20200101T000002Z.db.json")).expect("a folder");
    let old = [2, 3, 4].map(|second| format!("parlor-20200101T00000{second}Z.db"));
    for name in &old {
        fs::write(backups.join(name), "").expect("a file");
    }
    let log = fs::File::create(folder.join("log")).expect("a file");
    let process = ParlorProcess::start_with_log(
        folder,
        &["serve", "--backup-dir", "backups", "--backup-keep", "1"],
        log,
    );
    wait_until("the other old backups were deleted", || {
        !backups.join(&old[1]).exists() && !backups.join(&old[2]).exists()
    });
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    assert!(backups.join("parlor-20200101T000001Z.db").is_dir());
    assert!(backups.join(&old[0]).is_file());
    let log = fs::read_to_string(folder.join("log")).expect("a log");
    let lines = log
        .lines()
        .filter(|line| line.contains("an old backup stays"));
    let [line] = lines.collect::<Vec<_>>()[..] else {
        panic!("{log}");
    };
    assert!(
        line.contains("backups/parlor-20200101T000002Z.db.json"),
        "{line}"
    );
}

fn first_backup(folder: &Path) -> String {
    let mut first = None;
    wait_until("there is a backup", || {
        first = scheduled_backups(folder).into_iter().next();
        first.is_some()
    });
    first.expect("a backup")
}

#[test]
fn server_logs_a_backup_that_fails_and_continues_to_serve() {
    sqlite_only!("backups are copies of a file");
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("backups"), "no folder").expect("a file");
    let log = fs::File::create(folder.join("log")).expect("a file");
    let mut child = parlor_command(folder)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(["--backup-dir", "backups", "--backup-every", "1s"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("a process");
    let read_log = || fs::read_to_string(folder.join("log")).expect("a log");
    wait_until("two failures are logged", || {
        read_log().matches("no backup was made in backups").count() >= 2
    });
    let log = read_log();
    assert!(
        log.contains("ERROR") && log.contains("--backup-dir"),
        "{log}"
    );
    // The next attempt finds a folder.
    fs::remove_file(folder.join("backups")).expect("a removal");
    let first = first_backup(folder);
    assert!(child.try_wait().expect("a status").is_none());
    child.kill().expect("a kill");
    child.wait().expect("a status");
    expect_complete_schema(&folder.join("backups").join(first));
}

fn expect_complete_schema(backup: &Path) {
    let check = open_read_only(backup)
        .query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    assert_eq!(check.expect("a check"), "ok");
}
