//! `parlor import --from-api` from another parlor, with a private key and with a session
//! token.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::backup::count;
use crate::helpers::{
    ParlorProcess, TestServer, insert_conversations, parlor_command, run_successfully,
    setup_conversation, string, take_inbox_state, take_visitor_details,
};

/// A folder with a database file, and the private key of its project.
pub fn target() -> (TempDir, String) {
    let folder = TempDir::new().expect("a folder");
    let process = ParlorProcess::start(folder.path(), &["serve"]);
    let key = process.key("sk_").expect("a key");
    process.stop("TERM");
    (folder, key)
}

/// Runs the import with a key or token.
pub fn import(at: &Path, url: &str, credential: &str) -> Output {
    let mut command = parlor_command(at);
    let rate = ["--requests-per-second", "1000"];
    let command = command.args(["import", "--from-api", url]).args(rate);
    command
        .env("PARLOR_IMPORT_KEY", credential)
        .output()
        .expect("a run")
}

#[track_caller]
pub fn expect_success(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[track_caller]
pub fn expect_failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert!(!errors.contains("panicked"), "{errors}");
    errors
}

fn url(server: &TestServer) -> String {
    format!("http://{}", server.0)
}

/// A server with conversations of two visitors: answered, taken over, closed, empty.
fn source() -> TestServer {
    let (server, ann, first) = setup_conversation();
    server
        .post_message(&ann, &first, "Hello")
        .send()
        .expect(200);
    server.close(&ann.token, &first).send().expect(200);
    let bob = server.create_visitor("bob");
    let second = server.start_conversation(&bob);
    server.post_message(&bob, &second, "Hi").send().expect(200);
    server.take_over(&second).send().expect(200);
    server.reply(&second, "Mara here").send().expect(201);
    insert_conversations(&server, &ann, 230);
    server
}

/// The conversations of the project with their messages, as an export returns them.
fn exported(address: SocketAddr, key: &str) -> Vec<Value> {
    let client = crate::helpers::Client(address);
    let export = client
        .get("/v2/conversations/export?orderBy=id")
        .bearer(key)
        .send();
    assert_eq!(export.status, 200);
    let lines = export.text().lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .map(|mut line: Value| {
            // Not in the API of the hosted service.
            take_inbox_state(&mut line);
            take_visitor_details(&mut line["visitor"]);
            line
        })
        .collect()
}

#[test]
fn project_of_another_parlor_is_imported_and_a_second_run_changes_nothing() {
    let server = source();
    let (folder, key) = target();
    let at = folder.path();
    let output = import(at, &url(&server), &server.project.private_key);
    let text = expect_success(&output);
    assert!(
        text.starts_with("imported 232 conversations, 5 messages, 2 visitors"),
        "{text}"
    );
    let copy = ParlorProcess::start(at, &["serve"]);
    let original = exported(server.0, &server.project.private_key);
    assert_eq!(original.len(), 232);
    assert_eq!(exported(copy.client.0, &key), original);
    // Beside the running server.
    let text = expect_success(&import(at, &url(&server), &server.project.private_key));
    assert!(
        text.starts_with("imported 0 conversations, 0 messages, 0 visitors"),
        "{text}"
    );
    assert_eq!(exported(copy.client.0, &key), original);
    copy.stop("TERM");
    run_successfully(at, &["check"]);
}

#[test]
fn new_conversations_of_the_source_are_added_and_changed_ones_are_reported() {
    let server = source();
    let (folder, _) = target();
    let at = folder.path();
    expect_success(&import(at, &url(&server), &server.project.private_key));
    let eve = server.create_visitor("eve");
    let new = server.start_conversation(&eve);
    server.post_message(&eve, &new, "Hello").send().expect(200);
    let bob = server.create_visitor("bob");
    let list = server.list(&bob.token, "");
    let changed = string(&list["data"][0]["id"]);
    server.reply(&changed, "Mara again").send().expect(201);
    let output = import(at, &url(&server), &server.project.private_key);
    let errors = expect_failure(&output);
    let reason = format!("conversation {changed}: it is stored already, with another value of");
    assert!(errors.contains(&reason), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.starts_with("imported 1 conversations, 2 messages, 1 visitors"),
        "{text}"
    );
    assert_eq!(count(&at.join("parlor.db"), "message"), 7);
}

#[test]
fn visitor_is_imported_with_a_session_token() {
    let server = source();
    let ann = server.create_visitor("ann");
    let (folder, key) = target();
    let at = folder.path();
    let text = expect_success(&import(at, &format!("{}/v2/", url(&server)), &ann.token));
    assert!(
        text.starts_with("imported 231 conversations, 2 messages, 1 visitors"),
        "{text}"
    );
    let copy = ParlorProcess::start(at, &["serve"]);
    let original = exported(server.0, &server.project.private_key);
    let of_ann = original
        .into_iter()
        .filter(|line| line["visitor"]["id"] == ann.id.as_str());
    assert_eq!(exported(copy.client.0, &key), of_ann.collect::<Vec<_>>());
    let again = expect_success(&import(at, &url(&server), &ann.token));
    assert!(
        again.starts_with("imported 0 conversations, 0 messages, 0 visitors"),
        "{again}"
    );
}

#[test]
fn requests_wait_as_long_as_the_server_demands() {
    let server = TestServer::start_with(|settings| settings.rate_limit = 60);
    let ann = server.create_visitor("ann");
    insert_conversations(&server, &ann, 70);
    let (folder, _) = target();
    // 72 requests, of which a session may send 60 in a minute.
    let start = Instant::now();
    let text = expect_success(&import(folder.path(), &url(&server), &ann.token));
    assert!(text.starts_with("imported 70 conversations"), "{text}");
    assert!(
        start.elapsed() >= Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn key_is_needed_and_must_be_valid() {
    let server = TestServer::start();
    let (folder, _) = target();
    let at = folder.path();
    let mut command = parlor_command(at);
    let command = command.args(["import", "--from-api", &url(&server)]);
    let errors = expect_failure(
        &command
            .stdin(std::process::Stdio::null())
            .output()
            .expect("a run"),
    );
    assert!(errors.contains("set PARLOR_IMPORT_KEY"), "{errors}");
    let errors = expect_failure(&import(at, &url(&server), "sk_unknown"));
    assert!(errors.contains("is not valid on this server"), "{errors}");
    let errors = expect_failure(&import(at, &url(&server), "sk_\u{1}"));
    assert!(errors.contains("characters that no key"), "{errors}");
    // From a file.
    std::fs::write(at.join("key"), format!("{}\n", server.project.private_key)).expect("a file");
    let arguments = ["import", "--from-api", &url(&server), "--key-file", "key"];
    let text = run_successfully(at, &arguments);
    assert!(text.starts_with("imported 0 conversations"), "{text}");
    let unused = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let errors = expect_failure(&import(at, &format!("http://{unused}"), "sk_x"));
    assert!(errors.contains("cannot be reached"), "{errors}");
}
