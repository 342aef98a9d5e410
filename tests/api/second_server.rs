//! A second server or command on a file that a server uses, also under another name.

use std::fs;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::backup::SmallDisk;
use crate::helpers::{ParlorProcess, open_store, run, run_successfully, run_with_error};
use crate::sqlite_only;

#[test]
fn second_server_exits_with_process_id_of_first_and_commands_still_work() {
    sqlite_only!("several servers may use one PostgreSQL database");
    let directory = TempDir::new().expect("a directory");
    let first = ParlorProcess::start(directory.path(), &["serve"]);
    let pid = format!("(process {})", first.child.id());
    let second = ["serve", "--lock-wait", "0", "--listen", "127.0.0.1:0"];
    let error = run_with_error(directory.path(), &second);
    assert!(error.contains("in use by another parlor"), "{error}");
    assert!(error.contains(&pid), "{error}");
    assert!(error.contains("--db"), "{error}");
    // A symbolic link leads to the same file.
    std::os::unix::fs::symlink("parlor.db", directory.path().join("link.db")).expect("a link");
    let linked = [&second[..], &["--db", "link.db"]].concat();
    assert!(run_with_error(directory.path(), &linked).contains(&pid));
    fs::write(
        directory.path().join("page.md"),
        "# Help\n\nA page with some text.",
    )
    .expect("a file");
    for command in [
        &["keys", "list"][..],
        &["keys", "create", "--kind", "private", "--name", "x"],
        &["assistants", "list"],
        &["qna", "add", "--question", "Q", "--answer", "A"],
        &["qna", "export"],
        &["learn", "page.md"],
    ] {
        run_successfully(directory.path(), command);
    }
    first.client.get("/ready").send().expect(200);
}

#[test]
fn second_hard_link_of_a_file_is_refused_by_servers_and_commands() {
    sqlite_only!("several servers may use one PostgreSQL database");
    let directory = TempDir::new().expect("a directory");
    let server = ParlorProcess::start(directory.path(), &["serve"]);
    let link = directory.path().join("link.db");
    fs::hard_link(directory.path().join("parlor.db"), &link).expect("a link");
    for command in [
        &["serve", "--lock-wait", "0", "--listen", "127.0.0.1:0"][..],
        &["keys", "list"],
        &["qna", "add", "--question", "Q", "--answer", "A"],
    ] {
        let error = run_with_error(directory.path(), &[command, &["--db", "link.db"]].concat());
        assert!(
            error.contains("link.db has 2 names"),
            "{command:?}: {error}"
        );
        assert!(error.contains("-samefile"), "{command:?}: {error}");
    }
    for suffix in [".lock", "-wal"] {
        let side_file = directory.path().join(format!("link.db{suffix}"));
        assert!(!side_file.exists(), "{suffix}");
    }
    // These would read the file without the log of the server.
    for command in [
        &["backup", "backup.db", "--db", "link.db"],
        &["restore", "link.db", "--db", "other.db"],
    ] {
        let error = run_with_error(directory.path(), command);
        assert!(error.contains("link.db has 2 names"), "{error}");
    }
    let check = run(directory.path(), &["check", "--db", "link.db"]);
    let check = String::from_utf8(check.stdout).expect("UTF-8");
    assert!(check.contains("link.db has 2 names"), "{check}");
    fs::remove_file(&link).expect("a removal");
    run_successfully(directory.path(), &["keys", "list"]);
    server.client.get("/ready").send().expect(200);
}

#[test]
fn file_that_is_mounted_under_a_second_path_is_refused_while_it_is_served() {
    sqlite_only!("several servers may use one PostgreSQL database");
    let directory = TempDir::new().expect("a directory");
    let server = ParlorProcess::start(directory.path(), &["serve"]);
    let (file, second) = (
        directory.path().join("parlor.db"),
        directory.path().join("second.db"),
    );
    fs::write(&second, "").expect("a file");
    let mut mount = Command::new("mount");
    let mounted = mount.arg("--bind").args([&file, &second]).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: only root can mount a file");
        return;
    }
    let mount = SmallDisk(second);
    let serve = ["serve", "--lock-wait", "0", "--listen", "127.0.0.1:0"];
    for command in [&serve[..], &["keys", "list"], &["learn", "."]] {
        let error = run_with_error(
            directory.path(),
            &[command, &["--db", "second.db"]].concat(),
        );
        assert!(error.contains("under another name"), "{command:?}: {error}");
        assert!(error.contains("fuser"), "{command:?}: {error}");
    }
    run_successfully(directory.path(), &["keys", "list"]);
    drop(server);
    run_successfully(directory.path(), &["keys", "list", "--db", "second.db"]);
    drop(mount);
}

#[test]
fn server_starts_after_a_restore_was_killed_while_the_file_had_two_names() {
    sqlite_only!("several servers may use one PostgreSQL database");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("parlor.db");
    drop(open_store(&path));
    let kept = directory.path().join("parlor.db.replaced-20260101T000000Z");
    fs::hard_link(&path, kept).expect("a link");
    ParlorProcess::start(directory.path(), &["serve"]);
}

#[test]
fn waiting_server_starts_when_the_first_one_ends() {
    sqlite_only!("several servers may use one PostgreSQL database");
    let directory = TempDir::new().expect("a directory");
    let first = ParlorProcess::start(directory.path(), &["serve"]);
    let second = thread::scope(|scope| {
        let second =
            scope.spawn(|| ParlorProcess::start(directory.path(), &["serve", "--lock-wait", "60"]));
        assert_eq!(first.stop("TERM").0.code(), Some(0));
        second.join().expect("a server")
    });
    assert_eq!(second.key("pk_"), None);
    second.client.get("/ready").send().expect(200);
}

#[test]
fn killed_server_leaves_no_lock() {
    sqlite_only!("several servers may use one PostgreSQL database");
    let directory = TempDir::new().expect("a directory");
    let arguments = ["serve", "--lock-wait", "0"];
    assert!(
        !ParlorProcess::start(directory.path(), &arguments)
            .stop("KILL")
            .0
            .success()
    );
    ParlorProcess::start(directory.path(), &arguments);
}
