//! Imports that do not come to their end.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;

use super::{empty_database, expect_sound, expect_success, records};
use crate::helpers::{
    ParlorProcess, PostgresDatabase, parlor_command, run, run_successfully, wait_until,
};

const FILE: [&str; 2] = ["--db", "demo.db"];

/// The export of a demo, and its records.
fn export_of_a_demo(at: &Path, conversations: &str) -> (String, String) {
    let create = ["demo", "--no-serve", "--conversations", conversations];
    run_successfully(at, &[&create[..], &FILE].concat());
    let expected = records(at, FILE);
    let export = at.join("records.ndjson");
    let text = fs::read_to_string(&export).expect("an export");
    fs::rename(export, at.join("all.ndjson")).expect("another name");
    (text, expected)
}

fn count(database: &PostgresDatabase, table: &str) -> i64 {
    let rows = database
        .connect()
        .query(&format!("SELECT count(*) FROM {table}"), &[]);
    match rows {
        // The first command has not created the tables yet.
        Err(_) => 0,
        Ok(rows) => match &rows[0][0] {
            rusqlite::types::Value::Integer(count) => *count,
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn import_that_is_killed_is_completed_by_the_same_command() {
    let Some(database) = empty_database() else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let (text, expected) = export_of_a_demo(at, "1000");
    let store = ["--store", database.url()];
    for part in [4, 6, 8] {
        let mut import = parlor_command(at);
        let import = import.args(["import", "-"]).args(store);
        let import = import.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut import = import.spawn().expect("an import");
        let before = count(&database, "message");
        // The import waits for the rest of the file.
        let end = text.len() * part / 10;
        let mut input = import.stdin.take().expect("an input");
        input.write_all(&text.as_bytes()[..end]).expect("a part");
        input.flush().expect("a part");
        wait_until("a part is stored", || count(&database, "message") > before);
        import.kill().expect("a kill");
        import.wait().expect("an exit");
        expect_sound(at, store);
    }
    let import = [&["import", "all.ndjson"], &store[..]].concat();
    expect_success(&run(at, &import));
    expect_sound(at, store);
    assert!(records(at, store) == expected, "the records differ");
}

#[test]
fn import_goes_on_after_lost_connections_and_rows_can_be_added_after_it() {
    let Some(database) = empty_database() else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let (_, expected) = export_of_a_demo(at, "600");
    let store = ["--store", database.url()];
    let mut import = parlor_command(at);
    let import = import.args(["import", "all.ndjson"]).args(store);
    let import = import.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut import = import.spawn().expect("an import");
    let mut stored = 0;
    let mut lost = 0;
    while import.try_wait().expect("a status").is_none() {
        let now = count(&database, "message");
        if now > stored {
            stored = now;
            lost += 1;
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                        WHERE datname = current_database() AND pid <> pg_backend_pid()";
            database.connect().run(end);
        }
    }
    assert!(lost > 2, "the import ended after {lost} losses");
    expect_success(&import.wait_with_output().expect("an exit"));
    expect_sound(at, store);
    assert!(records(at, store) == expected, "the records differ");
    add_rows(at, store);
    expect_sound(at, store);
}

/// Adds a row of each kind over the API.
fn add_rows(at: &Path, store: [&str; 2]) {
    let create = ["keys", "create", "--kind", "private", "--name", "test"];
    let key = run_successfully(at, &[&create[..], &store].concat());
    let key = key.trim_end();
    let server = ParlorProcess::start(at, &[&["serve"], &store[..]].concat());
    let project = server.client.get("/v2/projects/current").bearer(key).send();
    let project = project.expect(200)["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let send = |method, target: String, body: serde_json::Value| {
        let request = server.client.request(method, target.as_str());
        let response = request.bearer(key).json(body).send();
        assert!(response.status < 300, "{target}: {}", response.text());
        response.json()
    };
    let post = |target, body| send("POST", target, body);
    let start = json!({ "visitor": { "externalId": "new" } });
    let conversation = post("/v2/conversations".to_owned(), start);
    let id = conversation["id"].as_str().expect("an id");
    let of_conversation = |path: &str| format!("/v2/conversations/{id}/{path}");
    send("PUT", of_conversation("agent"), json!({ "name": "Mara" }));
    post(of_conversation("replies"), json!({ "content": "Hello" }));
    post(of_conversation("notes"), json!({ "text": "new" }));
    post(
        "/v2/saved-replies".to_owned(),
        json!({ "name": "new", "text": "new" }),
    );
    post(
        "/v2/keys".to_owned(),
        json!({ "kind": "publishable", "name": "new" }),
    );
    let document =
        json!({ "url": "https://new.example/", "format": "text", "content": "new text" });
    post(format!("/v2/projects/{project}/documents"), document);
    let qna = json!({ "question": "New?", "answer": "Yes" });
    post(format!("/v2/projects/{project}/qnas"), qna);
    assert_eq!(server.stop("TERM").0.code(), Some(0));
}
