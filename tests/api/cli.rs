//! The `parlor` binary: start, signals, keys and the demo.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backup::generated_file;
use crate::helpers::{
    ParlorProcess, UNKNOWN_ID, Visitor, open_connection, parlor_command, run_successfully,
    run_with_error, string, wait_until,
};
use crate::sqlite_only;

fn create_visitor(process: &ParlorProcess, api_key: &str) -> Visitor {
    let body = json!({ "apiKey": api_key, "saVid": "device" });
    let init = process.client.post("/v2/identity/init").json(body);
    Visitor::from_json(&init.send().json())
}

#[test]
fn first_start_prints_two_valid_keys_and_second_start_prints_none() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let first = ParlorProcess::start(directory.path(), &["serve"]);
    let publishable = first.key("pk_").expect("a publishable key");
    let private = first.key("sk_").expect("a private key");
    assert_eq!([publishable.len(), private.len()], [35, 35]);
    let visitor = create_visitor(&first, &publishable);
    let list = first.client.get("/v2/conversations").bearer(&private);
    assert_eq!(list.send().expect(200)["total"], 0);
    let (status, rest) = first.stop("TERM");
    assert_eq!(status.code(), Some(0));
    assert_eq!(rest.matches("/setup#").count(), 1, "{rest}");
    assert!(directory.path().join("parlor.db").exists());

    let second = ParlorProcess::start(directory.path(), &["serve"]);
    assert_eq!((second.key("pk_"), second.key("sk_")), (None, None));
    let list = second
        .client
        .get("/v2/conversations")
        .bearer(&visitor.token);
    list.send().expect(200);
    assert_eq!(second.stop("INT").0.code(), Some(0));
}

#[test]
fn key_is_printed_once_and_listed_without_secret_and_revoked_by_id() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let process = ParlorProcess::start(directory.path(), &["serve"]);
    let directory = directory.path();
    let arguments = ["keys", "create", "--kind", "private", "--name", "till"];
    let output = run_successfully(directory, &arguments);
    let key = output.trim_end();
    assert_eq!(output, format!("{key}\n"));
    assert!(key.starts_with("sk_") && key.len() == 35, "{key}");
    let list = || process.client.get("/v2/conversations").bearer(key).send();
    list().expect(200);

    let listed = run_successfully(directory, &["keys", "list"]);
    assert_eq!(listed.lines().count(), 3);
    let secret = [key.to_owned(), process.key("sk_").expect("sk")];
    assert!(
        secret.iter().all(|key| !listed.contains(key.as_str())),
        "{listed}"
    );
    let publishable = process.key("pk_").expect("pk");
    assert!(listed.contains(&publishable), "{listed}");
    let line = listed
        .lines()
        .find(|line| line.contains("till"))
        .expect("its line");
    assert!(
        line.contains("in force") && line.contains(&key[31..]),
        "{line}"
    );
    let id = line.split_whitespace().next().expect("an id");
    assert_eq!(
        run_successfully(directory, &["keys", "revoke", id]),
        format!("revoked {id}\n")
    );
    wait_until("the revoked key is refused", || list().status == 401);
    assert!(run_successfully(directory, &["keys", "list"]).contains("revoked"));
}

#[test]
fn keys_command_reports_errors() {
    sqlite_only!("the test runs commands on files of its own");
    let temp_dir = TempDir::new().expect("a directory");
    let directory = temp_dir.path();
    let list = run_with_error(directory, &["keys", "list", "--db", "absent.db"]);
    assert!(list.contains("absent.db does not exist"), "{list}");
    assert!(!directory.join("absent.db").exists());
    drop(ParlorProcess::start(directory, &["serve"]));
    let revoke = run_with_error(directory, &["keys", "revoke", UNKNOWN_ID]);
    assert_eq!(
        revoke,
        format!("parlor: no key has the id {UNKNOWN_ID}; `parlor keys list` shows them\n")
    );
    run_with_error(directory, &["keys", "revoke", "x"]);
    let origin = [
        "keys",
        "create",
        "--kind",
        "private",
        "--name",
        "x",
        "--origin",
        "shop.example",
    ];
    let origin = run_with_error(directory, &origin);
    assert!(origin.contains("https://shop.example"), "{origin}");
}

#[test]
fn port_in_use_is_reported_before_database_is_created() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let error = run_with_error(directory.path(), &["serve", "--listen", &address]);
    assert!(error.contains("--listen"), "{error}");
    assert!(!directory.path().join("parlor.db").exists());
}

#[test]
fn renamed_variables_are_read_under_both_names_and_the_new_one_wins() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let used = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = used.local_addr().expect("an address").to_string();
    let serve = |variables: &[(&str, &str)]| {
        let mut command = parlor_command(directory.path());
        command.args(["serve", "--listen", &address]);
        let output = command.envs(variables.iter().copied()).output();
        String::from_utf8(output.expect("a run").stderr).expect("UTF-8")
    };
    for (old, new, flag) in [
        ("PARLOR_KEPT", "PARLOR_LIST_CACHE_MB", "--list-cache-mb"),
        ("PARLOR_PATIENCE", "PARLOR_DB_TIMEOUT_MS", "--db-timeout-ms"),
    ] {
        for variables in [&[(old, "x")][..], &[(new, "x")], &[(old, "1"), (new, "x")]] {
            let error = serve(variables);
            assert!(error.contains(flag), "{variables:?}: {error}");
        }
        // Valid settings lead to the next error: the port is in use.
        let error = serve(&[(old, "x"), (new, "1")]);
        assert!(error.contains("cannot listen"), "{error}");
    }
}

/// The rows of each table.
fn dump(path: &Path) -> Vec<(String, Vec<Vec<SqlValue>>)> {
    let connection = Connection::open(path).expect("a connection");
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .expect("SQL");
    let names = tables.query_map([], |row| row.get(0)).expect("tables");
    let names: Vec<String> = names.collect::<Result<_, _>>().expect("names");
    let rows = |name: &String| {
        let mut all = connection
            .prepare(&format!("SELECT * FROM {name} ORDER BY 1"))
            .expect("SQL");
        let columns = all.column_count();
        let rows = all.query_map([], |row| {
            (0..columns).map(|column| row.get(column)).collect()
        });
        rows.expect("rows")
            .collect::<Result<_, _>>()
            .expect("cells")
    };
    names
        .iter()
        .map(|name| (name.clone(), rows(name)))
        .collect()
}

fn demo(directory: &Path, file: &str, seed: &str) -> PathBuf {
    let arguments = [
        "demo",
        "--no-serve",
        "--db",
        file,
        "--conversations",
        "60",
        "--seed",
        seed,
        "--until",
        "2026-06-30T18:00:00Z",
    ];
    run_successfully(directory, &arguments);
    directory.join(file)
}

#[test]
fn demo_is_deterministic_for_each_seed() {
    sqlite_only!("the test runs commands on files of its own");
    let temp_dir = TempDir::new().expect("a directory");
    let directory = temp_dir.path();
    let [first, same, other] = [("a.db", "7"), ("b.db", "7"), ("c.db", "8")]
        .map(|(file, seed)| dump(&demo(directory, file, seed)));
    let rows = |dump: &[(String, Vec<Vec<SqlValue>>)], table: &str| {
        dump.iter()
            .find(|(name, _)| name == table)
            .map(|(_, rows)| rows.len())
    };
    assert_eq!(rows(&first, "conversation"), Some(60));
    assert!(rows(&first, "message") > Some(60));
    assert!(first == same, "the same seed produced different data");
    assert!(first != other, "two seeds produced the same data");
    let again = run_with_error(directory, &["demo", "--no-serve", "--db", "a.db"]);
    assert!(again.contains("exists already"), "{again}");
}

#[test]
fn demo_refuses_database_of_regular_server() {
    sqlite_only!("the test runs commands on files of its own");
    let temp_dir = TempDir::new().expect("a directory");
    let directory = temp_dir.path();
    assert!(
        ParlorProcess::start(directory, &["serve"])
            .stop("TERM")
            .0
            .success()
    );
    let before = fs::read(directory.join("parlor.db")).expect("a file");
    let error = run_with_error(
        directory,
        &["demo", "--db", "parlor.db", "--listen", "127.0.0.1:0"],
    );
    assert!(error.contains("something other than a demo"), "{error}");
    assert!(fs::read(directory.join("parlor.db")).expect("a file") == before);
}

#[test]
fn demo_keys_are_refused_by_regular_server() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    demo(directory.path(), "demo.db", "1");
    let process = ParlorProcess::start(directory.path(), &["serve", "--db", "demo.db"]);
    let list = process.client.get("/v2/conversations").bearer("sk_demo");
    list.send().expect_error(401, "UNAUTHORIZED");
}

#[test]
fn commands_printed_by_demo_work() {
    sqlite_only!("the test runs commands on files of its own");
    let directory = TempDir::new().expect("a directory");
    let mut process = ParlorProcess::start(directory.path(), &["demo", "--conversations", "60"]);
    let mut lines = Vec::new();
    while lines.len() < 4 {
        let line = process.read_line();
        assert!(!line.is_empty(), "{lines:?}");
        if line.contains("curl") {
            lines.push(line);
        }
    }
    let pasted = Command::new("bash")
        .args(["-c", &lines.concat()])
        .env("no_proxy", "*")
        .output()
        .expect("bash");
    let responses = serde_json::Deserializer::from_slice(&pasted.stdout).into_iter();
    let responses: Vec<Value> = responses.collect::<Result<_, _>>().expect("JSON");
    let [answer, all, own] = responses.as_slice() else {
        panic!("{responses:?}");
    };
    let text = string(&answer["steps"][0]["content"][0]["text"]);
    assert!(
        text.contains("[1]: https://"),
        "an answer with a source: {text}"
    );
    for page in [all, own] {
        assert_eq!(page["object"], "list", "{page}");
        assert_eq!(page["limit"], 3);
        assert!(page["total"].as_u64() > Some(0), "no conversations");
        let data = page["data"].as_array().expect("data");
        assert!(data.iter().all(|item| item["status"] == "open"));
    }
    assert!(own["total"].as_u64() < all["total"].as_u64());
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    let left = fs::read_dir(directory.path()).expect("a directory").count();
    assert_eq!(left, 0, "the demo left its file behind");
}

#[test]
fn demo_that_is_stopped_early_leaves_no_data() {
    sqlite_only!("the test runs commands on files of its own");
    for (signal, options, left) in [
        ("INT", [].as_slice(), [].as_slice()),
        ("TERM", &["--db", "demo.db"], &["demo.db.lock"]),
    ] {
        let temp_dir = TempDir::new().expect("a directory");
        let directory = temp_dir.path();
        let demo = parlor_command(directory)
            .args(["demo", "--conversations", "1000000"])
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let names = || file_names(directory);
        wait_until("the creation begins", || {
            names().iter().any(|name| name.ends_with("demo.db.part"))
        });
        let kill = ["-s", signal, &demo.id().to_string()];
        assert!(
            Command::new("kill")
                .args(kill)
                .status()
                .expect("kill")
                .success()
        );
        let output = demo.wait_with_output().expect("an end");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(
            errors.contains("stopped before the demo was complete"),
            "{errors}"
        );
        let left: Vec<_> = left.iter().map(|name| directory.join(name)).collect();
        assert_eq!(names(), left);
        let folders = fs::read_dir(directory).expect("a directory").count();
        assert_eq!(folders, left.len());
    }
}

/// The paths of the files in `directory` and its folders.
fn file_names(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .flat_map(|path| {
            if path.is_dir() {
                file_names(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn command_on_a_locked_file_names_the_file_and_the_remedy() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, path) = generated_file(1);
    let connection = open_connection(&path);
    connection.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let qna = ["qna", "add", "--question", "Q", "--answer", "A"];
    let commands = [&["projects", "set", "--name", "Outlet"][..], &qna];
    for arguments in commands {
        let error = run_with_error(folder.path(), arguments);
        assert!(
            error.contains("parlor.db is locked by another program"),
            "{error}"
        );
        assert!(error.contains("fuser -v"), "{error}");
    }
}
