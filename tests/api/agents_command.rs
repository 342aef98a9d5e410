//! `parlor agents`, and the links that `parlor serve` and `parlor demo` print.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::helpers::{
    Client, ParlorProcess, Response, parlor_command, run_successfully, run_with_error, wait_until,
};

/// A directory with a new `parlor.db`, and a server of it.
fn first_start() -> (TempDir, ParlorProcess) {
    let directory = TempDir::new().expect("a directory");
    let server = ParlorProcess::start(directory.path(), &["serve"]);
    (directory, server)
}

/// The word of an output that contains `part`.
#[track_caller]
fn word_with(output: &str, part: &str) -> String {
    let word = output.split_whitespace().find(|word| word.contains(part));
    word.unwrap_or_else(|| panic!("{part} in {output}"))
        .to_owned()
}

/// The link that the server prints after its address.
fn printed_link(server: &mut ParlorProcess) -> String {
    let mut output = String::new();
    while !output.contains("#") {
        let line = server.read_line();
        assert!(!line.is_empty(), "{output}");
        output += &line;
    }
    word_with(&output, "#")
}

fn set_up(client: Client, token: &str) -> Response {
    let request = client.post("/v2/setup").json(json!({
        "token": token, "name": "Mara", "email": "mara@shop.example",
        "password": "correct horse", "projectName": "Tern & Co.",
    }));
    request.send()
}

fn sign_in_with_link(client: Client, link: &str) -> Response {
    let (_, parameters) = link.split_once("/inbox#link=").expect("a link");
    // The link of the demo has a second parameter.
    let (token, _) = parameters.split_once('&').unwrap_or((parameters, ""));
    let request = client.post("/v2/agents/sign-in-link");
    request.json(json!({ "token": token })).send()
}

fn sign_in(client: Client, password: &str) -> Response {
    let body = json!({ "email": "mara@shop.example", "password": password });
    client.post("/v2/agents/sign-in").json(body).send()
}

fn run_with_input(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = parlor_command(directory)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    child.wait_with_output().expect("an output")
}

fn agents(directory: &Path, arguments: &[&str]) -> String {
    run_successfully(directory, &[&["agents"], arguments].concat())
}

#[test]
fn first_start_prints_a_link_that_creates_the_first_owner_once() {
    let (directory, mut server) = first_start();
    let link = printed_link(&mut server);
    let base = format!("http://{}/setup#", server.client.0);
    let token = link.strip_prefix(&base).expect(&link).to_owned();
    // The next start replaces the link.
    drop(server);
    let mut server = ParlorProcess::start(directory.path(), &["serve"]);
    let link = printed_link(&mut server);
    let (_, new_token) = link.split_once('#').expect("a token");
    assert_ne!(token, new_token);
    set_up(server.client, &token).expect_error(401, "UNAUTHORIZED");
    let response = set_up(server.client, new_token);
    let account = response.expect(201);
    assert_eq!(account["role"], "owner");
    assert_eq!(account["project"]["name"], "Tern & Co.");
    let me = server
        .client
        .get("/v2/agents/me")
        .cookie(&response.cookie());
    assert_eq!(me.send().expect(200)["name"], "Mara");
    sign_in(server.client, "correct horse").expect(200);
    set_up(server.client, new_token).expect_error(401, "UNAUTHORIZED");
    drop(server);
    // A project with an account needs no link.
    let database = crate::helpers::open_connection(&directory.path().join("parlor.db"));
    let count = || -> i64 {
        let sql = "SELECT count(*) FROM sign_in_link";
        database
            .query_row(sql, (), |row| row.get(0))
            .expect("a count")
    };
    let server = ParlorProcess::start(directory.path(), &["serve"]);
    server.client.get("/health").send().expect(200);
    assert_eq!(count(), 0);
}

#[test]
fn setup_link_is_invalid_once_the_project_has_an_account() {
    let (directory, mut server) = first_start();
    let link = printed_link(&mut server);
    let (_, token) = link.split_once('#').expect("a token");
    agents(
        directory.path(),
        &["add", "--name", "Ben", "--email", "ben@shop.example"],
    );
    set_up(server.client, token).expect_error(401, "UNAUTHORIZED");
}

#[test]
fn accounts_are_added_listed_and_removed_while_a_server_runs() {
    let (directory, server) = first_start();
    let at = directory.path();
    let added = agents(
        at,
        &["add", "--name", "Mara", "--email", "Mara@Shop.Example"],
    );
    assert!(
        added.contains("created the owner mara@shop.example"),
        "{added}"
    );
    assert!(added.contains("--public-url"), "{added}");
    let link = word_with(&added, "#link=");
    assert!(
        link.starts_with("http://127.0.0.1:8787/inbox#link="),
        "{link}"
    );
    let session = sign_in_with_link(server.client, &link);
    session.expect(200);
    sign_in_with_link(server.client, &link).expect_error(401, "UNAUTHORIZED");
    let url = ["--public-url", "https://chat.example"];
    let ben = ["add", "--name", "Ben", "--email", "ben@shop.example"];
    let added = agents(at, &[&ben[..], &url].concat());
    assert!(
        added.contains("created the agent ben@shop.example"),
        "{added}"
    );
    word_with(&added, "https://chat.example/inbox#link=");
    let list = agents(at, &["list"]);
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(
        lines[0].ends_with("owner  mara@shop.example  Mara  (no password)"),
        "{list}"
    );
    assert!(
        lines[1].ends_with("agent  ben@shop.example  Ben  (no password)"),
        "{list}"
    );
    let errors = run_with_error(at, &["agents", "remove", "mara@shop.example"]);
    assert!(
        errors.contains("parlor agents add --role owner"),
        "{errors}"
    );
    let errors = run_with_error(at, &[&["agents"], &ben[..]].concat());
    assert!(
        errors.contains("has this e-mail address already"),
        "{errors}"
    );
    let ida = [
        "add",
        "--name",
        "Ida",
        "--email",
        "ida@shop.example",
        "--role",
        "owner",
    ];
    agents(at, &ida);
    let (mara, _) = lines[0].split_once(' ').expect("an id");
    assert_eq!(agents(at, &["remove", mara]), "removed mara@shop.example\n");
    let me = server.client.get("/v2/agents/me").cookie(&session.cookie());
    wait_until("the session has ended", || me.clone().send().status == 401);
    let errors = run_with_error(at, &["agents", "remove", "mara@shop.example"]);
    assert!(errors.contains("parlor agents list"), "{errors}");
}

#[test]
fn password_is_read_from_standard_input_and_ends_the_sessions() {
    let (directory, server) = first_start();
    let at = directory.path();
    let added = agents(
        at,
        &["add", "--name", "Mara", "--email", "mara@shop.example"],
    );
    let session = sign_in_with_link(server.client, &word_with(&added, "#link="));
    let password = ["agents", "password", "mara@shop.example"];
    for (input, reason) in [("short\n", "10 to 200"), ("", "10 to 200")] {
        let output = run_with_input(at, &password, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && errors.contains(reason),
            "{errors}"
        );
    }
    let output = run_with_input(at, &password, "correct horse \u{e9}\nnext line\n");
    assert!(output.status.success(), "{output:?}");
    sign_in(server.client, "correct horse \u{e9}").expect(200);
    let me = server.client.get("/v2/agents/me").cookie(&session.cookie());
    wait_until("the session has ended", || me.clone().send().status == 401);
    assert!(agents(at, &["list"]).contains("(password)"));
}

#[test]
fn new_link_replaces_the_earlier_one() {
    let (directory, server) = first_start();
    let at = directory.path();
    let added = agents(
        at,
        &["add", "--name", "Mara", "--email", "mara@shop.example"],
    );
    let link = agents(at, &["link", "mara@shop.example"]);
    let [first, second] = [&added, &link].map(|output| word_with(output, "#link="));
    sign_in_with_link(server.client, &first).expect_error(401, "UNAUTHORIZED");
    sign_in_with_link(server.client, &second).expect(200);
}

#[test]
fn demo_prints_a_link_that_signs_in_as_an_owner_again_and_again() {
    let directory = TempDir::new().expect("a directory");
    let demo = ["demo", "--conversations", "5", "--db", "demo.db"];
    let mut earlier = None;
    for _ in 0..2 {
        let mut server = ParlorProcess::start(directory.path(), &demo);
        let link = printed_link(&mut server);
        let base = format!("http://{}/inbox#link=", server.client.0);
        assert!(link.starts_with(&base), "{link}");
        let session = sign_in_with_link(server.client, &link);
        let account = session.expect(200);
        assert_eq!(
            (&account["name"], &account["role"]),
            (&json!("Mara"), &json!("owner"))
        );
        sign_in_with_link(server.client, &link).expect(200);
        let body = json!({ "email": "ben@tern.example", "password": "demo-password" });
        let ben = server.client.post("/v2/agents/sign-in").json(body).send();
        assert_eq!(ben.expect(200)["role"], "agent");
        let agents = server.client.get("/v2/agents").cookie(&session.cookie());
        let agents: Value = agents.send().expect(200);
        assert_eq!(agents["data"].as_array().map(Vec::len), Some(3));
        if let Some(earlier) = earlier.replace(link) {
            sign_in_with_link(server.client, &earlier).expect_error(401, "UNAUTHORIZED");
        }
    }
}

#[test]
fn open_starts_the_program_that_opens_the_printed_page() {
    let directory = TempDir::new().expect("a directory");
    let opened = directory.path().join("opened");
    let script = format!(
        "#!/bin/sh\nprintf %s \"$1\" > {0}.part\nmv {0}.part {0}\n",
        opened.display()
    );
    // The names on Linux and on macOS.
    for name in ["xdg-open", "open"] {
        let opener = directory.path().join(name);
        std::fs::write(&opener, &script).expect("a program");
        let mode = Permissions::from_mode(0o755);
        std::fs::set_permissions(&opener, mode).expect("permissions");
    }
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let mut child = parlor_command(directory.path())
        .args(["serve", "--open", "--listen", "127.0.0.1:0"])
        .env("PATH", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process");
    wait_until("the page is opened", || opened.exists());
    let url = std::fs::read_to_string(&opened).expect("a URL");
    child.kill().expect("killed");
    let output = child.wait_with_output().expect("an output");
    let output = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(url, word_with(&output, "/setup#"));
}
