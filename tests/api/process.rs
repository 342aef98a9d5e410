//! The binary as somebody runs it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread;

use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::helpers::{Visitor, connect, string};
use crate::wire::Client;

fn parlor(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    // A setting of whoever runs the tests must not lead to a file of theirs.
    let settings = std::env::vars_os().map(|(name, _)| name);
    let settings = settings.filter(|name| name.to_string_lossy().starts_with("PARLOR_"));
    for name in settings {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .env("TMPDIR", folder)
        .env("no_proxy", "*");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    parlor(folder).args(arguments).output().expect("a run")
}

/// What a successful run printed.
#[track_caller]
pub fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What a failed run told whoever typed it.
#[track_caller]
pub fn complaint(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!errors.contains("panicked"), "{errors}");
    errors
}

/// A server in a process of its own, ended with the test.
pub struct Serving {
    pub child: Child,
    out: BufReader<ChildStdout>,
    /// All up to and with the line of the address.
    greeting: String,
    pub client: Client,
}

impl Serving {
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = parlor(folder)
            .args(arguments)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut greeting = String::new();
        let address = loop {
            let mut line = String::new();
            let read = out.read_line(&mut line).expect("a line");
            assert!(read > 0, "it ended after saying {greeting:?}");
            greeting += &line;
            if let Some((_, rest)) = line.split_once("listens on http://") {
                break rest
                    .split_whitespace()
                    .next()
                    .expect("an address")
                    .to_owned();
            }
        };
        let address: SocketAddr = address.parse().expect("an address");
        Self {
            child,
            out,
            greeting,
            client: Client(address),
        }
    }

    /// The key that the greeting shows on the line of that kind.
    pub fn key(&self, prefix: &str) -> Option<String> {
        let mut words = self.greeting.split_whitespace();
        words
            .find(|word| word.starts_with(prefix))
            .map(str::to_owned)
    }

    /// Asks it to end; how it ended and what else it printed.
    fn end(mut self, signal: &str) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill").success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("the rest");
        (self.child.wait().expect("an end"), rest)
    }

    fn visitor(&self, api_key: &str) -> Visitor {
        let body = json!({ "apiKey": api_key, "saVid": "device" });
        Visitor::of(
            &self
                .client
                .post("/v2/identity/init")
                .json(body)
                .send()
                .json(),
        )
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_start_shows_two_keys_that_work_and_the_second_none() {
    let folder = TempDir::new().expect("a folder");
    let first = Serving::start(folder.path(), &["serve"]);
    let publishable = first.key("pk_").expect("a publishable key");
    let private = first.key("sk_").expect("a private key");
    assert_eq!([publishable.len(), private.len()], [35, 35]);
    let visitor = first.visitor(&publishable);
    let list = first.client.get("/v2/conversations").bearer(&private);
    assert_eq!(list.send().expect(200)["total"], 0);
    let (status, rest) = first.end("TERM");
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""));
    assert!(folder.path().join("parlor.db").exists());

    let second = Serving::start(folder.path(), &["serve"]);
    assert_eq!((second.key("pk_"), second.key("sk_")), (None, None));
    let list = second
        .client
        .get("/v2/conversations")
        .bearer(&visitor.token);
    list.send().expect(200);
    assert_eq!(second.end("INT").0.code(), Some(0));
}

#[test]
fn whatever_was_acknowledged_survives_being_killed() {
    let folder = TempDir::new().expect("a folder");
    let mut serving = Serving::start(folder.path(), &["serve"]);
    let visitor = serving.visitor(&serving.key("pk_").expect("a key"));
    let client = serving.client;
    let acknowledged: Vec<String> = thread::scope(|scope| {
        let (answered, answers) = std::sync::mpsc::channel();
        for _ in 0..3 {
            let (answered, token) = (answered.clone(), &visitor.token);
            scope.spawn(move || {
                while let Ok(answer) = client.post("/v2/conversations").bearer(token).try_send() {
                    let _ = answered.send(string(&answer.expect(201)["id"]));
                }
            });
        }
        drop(answered);
        let mut ids: Vec<_> = answers.iter().take(40).collect();
        serving.child.kill().expect("a kill");
        ids.extend(answers.iter());
        ids
    });
    assert!(acknowledged.len() >= 40);
    drop(serving);
    let connection = connect(&folder.path().join("parlor.db"));
    let mut find = connection
        .prepare("SELECT count(*) FROM conversation WHERE id = ?")
        .expect("SQL");
    for id in acknowledged {
        let uuid = uuid::Uuid::parse_str(&id).expect("a UUID");
        let found: i64 = find.query_row([uuid], |row| row.get(0)).expect("a count");
        assert_eq!(found, 1, "{id} was acknowledged and is gone");
    }
}

#[test]
fn a_key_is_printed_once_listed_without_itself_and_revoked_by_id() {
    let folder = TempDir::new().expect("a folder");
    let serving = Serving::start(folder.path(), &["serve"]);
    let at = folder.path();
    let create = ["keys", "create", "--kind", "private", "--name", "till"];
    let output = printed(at, &create);
    let key = output.trim_end();
    assert_eq!(output, format!("{key}\n"));
    assert!(key.starts_with("sk_") && key.len() == 35, "{key}");
    let ask = || serving.client.get("/v2/conversations").bearer(key).send();
    ask().expect(200);

    let listed = printed(at, &["keys", "list"]);
    assert_eq!(listed.lines().count(), 3);
    let shown = [
        key.to_owned(),
        serving.key("pk_").expect("pk"),
        serving.key("sk_").expect("sk"),
    ];
    assert!(
        shown.iter().all(|key| !listed.contains(key.as_str())),
        "{listed}"
    );
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
        printed(at, &["keys", "revoke", id]),
        format!("revoked {id}\n")
    );
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while ask().status != 401 {
        assert!(
            std::time::Instant::now() < until,
            "the key is still believed"
        );
    }
    assert!(printed(at, &["keys", "list"]).contains("revoked"));
}

#[test]
fn what_keys_cannot_do_is_told_plainly() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let list = complaint(at, &["keys", "list", "--db", "absent.db"]);
    assert!(list.contains("absent.db does not exist"), "{list}");
    assert!(!at.join("absent.db").exists());
    drop(Serving::start(at, &["serve"]));
    let id = "123e4567-e89b-12d3-a456-426614174000";
    let revoke = complaint(at, &["keys", "revoke", id]);
    assert_eq!(
        revoke,
        format!("parlor: no key has the id {id}; `parlor keys list` shows them\n")
    );
    complaint(at, &["keys", "revoke", "x"]);
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
    let origin = complaint(at, &origin);
    assert!(origin.contains("https://shop.example"), "{origin}");
}

#[test]
fn a_port_that_is_taken_is_told_before_a_file_is_made() {
    let folder = TempDir::new().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let told = complaint(folder.path(), &["serve", "--listen", &address]);
    assert!(told.contains("--listen"), "{told}");
    assert!(!folder.path().join("parlor.db").exists());
}

/// All rows of all tables.
fn dump(path: &Path) -> Vec<(String, Vec<Vec<Cell>>)> {
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
        let rows = all.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
        rows.expect("rows")
            .collect::<Result<_, _>>()
            .expect("cells")
    };
    names
        .iter()
        .map(|name| (name.clone(), rows(name)))
        .collect()
}

fn demo(folder: &Path, file: &str, seed: &str) -> PathBuf {
    let arguments = [
        "demo",
        "--no-serve",
        "--db",
        file,
        "--conversations",
        "60",
        "--seed",
        seed,
    ];
    printed(folder, &arguments);
    folder.join(file)
}

#[test]
fn the_same_seed_makes_the_same_demo_and_another_makes_another() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let [one, same, other] = [("a.db", "7"), ("b.db", "7"), ("c.db", "8")]
        .map(|(file, seed)| dump(&demo(at, file, seed)));
    let rows = |dump: &[(String, Vec<Vec<Cell>>)], table: &str| {
        dump.iter()
            .find(|(name, _)| name == table)
            .map(|(_, rows)| rows.len())
    };
    assert_eq!(rows(&one, "conversation"), Some(60));
    assert!(rows(&one, "message") > Some(60));
    assert!(one == same, "two demos of one seed differ");
    assert!(one != other, "two seeds made one demo");
    let again = complaint(at, &["demo", "--no-serve", "--db", "a.db"]);
    assert!(again.contains("exists already"), "{again}");
}

#[test]
fn the_demo_does_not_open_a_file_of_somebodys_own() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    assert!(Serving::start(at, &["serve"]).end("TERM").0.success());
    let before = fs::read(at.join("parlor.db")).expect("a file");
    let told = complaint(
        at,
        &["demo", "--db", "parlor.db", "--listen", "127.0.0.1:0"],
    );
    assert!(told.contains("something other than a demo"), "{told}");
    assert!(fs::read(at.join("parlor.db")).expect("a file") == before);
}

#[test]
fn the_demos_keys_do_not_open_a_demo_file_that_is_served_in_earnest() {
    let folder = TempDir::new().expect("a folder");
    demo(folder.path(), "demo.db", "1");
    let serving = Serving::start(folder.path(), &["serve", "--db", "demo.db"]);
    let list = serving.client.get("/v2/conversations").bearer("sk_demo");
    list.send().error(401, "UNAUTHORIZED");
}

#[test]
fn the_two_lines_that_the_demo_prints_work_when_pasted() {
    let folder = TempDir::new().expect("a folder");
    let mut serving = Serving::start(folder.path(), &["demo", "--conversations", "60"]);
    let mut lines = Vec::new();
    while lines.len() < 2 {
        let mut line = String::new();
        assert!(
            serving.out.read_line(&mut line).expect("a line") > 0,
            "{lines:?}"
        );
        if line.contains("curl") {
            lines.push(line);
        }
    }
    let pasted = Command::new("bash")
        .args(["-c", &lines.concat()])
        .env("no_proxy", "*")
        .output()
        .expect("bash");
    let page: Value = serde_json::from_slice(&pasted.stdout).expect("JSON");
    assert_eq!(page["object"], "list", "{page}");
    assert_eq!(page["limit"], 3);
    assert!(
        page["total"].as_u64() > Some(0),
        "the demo's own visitor has nothing to show"
    );
    let data = page["data"].as_array().expect("data");
    assert!(data.iter().all(|one| one["status"] == "open"));
    assert_eq!(serving.end("TERM").0.code(), Some(0));
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "the demo left its file behind");
}
