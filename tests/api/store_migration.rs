//! Exports and imports between files and PostgreSQL databases, and copies of pg_dump. The
//! tests are skipped without a PostgreSQL server.

mod content;
mod copies;
mod interruption;
mod size;

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::backup::generated_file;
use crate::export::{fail_streaming_answers, unusual_file};
use crate::helpers::{
    ParlorProcess, PostgresDatabase, is_postgres, open_connection, parlor_command, run,
    run_successfully,
};
use content::{commands, responses};

/// A PostgreSQL database without tables. `None` if there is no server to test with.
fn empty_database() -> Option<PostgresDatabase> {
    if !is_postgres() {
        eprintln!("skipped: set PARLOR_TEST_STORE to the URL of a PostgreSQL server");
        return None;
    }
    Some(PostgresDatabase::create_empty())
}

/// The records of an export, without the header, which has the time.
fn records(at: &Path, place: [&str; 2]) -> String {
    let name = at.join("records.ndjson");
    let _ = fs::remove_file(&name);
    let export = ["export", "records.ndjson", "--with-secrets"];
    run_successfully(at, &[&export[..], &place].concat());
    let export = fs::read_to_string(name).expect("an export");
    let (_, records) = export.split_once('\n').expect("a header");
    records.to_owned()
}

/// `parlor export - FROM | parlor import - TO`.
fn migrate(at: &Path, from: [&str; 2], to: [&str; 2]) -> Output {
    let mut export = parlor_command(at);
    let export = export.args(["export", "-", "--with-secrets"]).args(from);
    let mut export = export
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("an export");
    let lines = export.stdout.take().expect("its output");
    let mut import = parlor_command(at);
    let import = import.args(["import", "-"]).args(to).stdin(lines).output();
    assert!(export.wait().expect("an exit").success());
    import.expect("an import")
}

#[track_caller]
fn expect_success(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs `parlor check`, which must find nothing.
#[track_caller]
fn expect_sound(at: &Path, place: [&str; 2]) {
    let output = expect_success(&run(at, &[&["check"], &place[..]].concat()));
    assert!(
        output.lines().all(|line| line.starts_with("ok ")),
        "{output}"
    );
}

/// What clients have written: texts of all lengths and characters, settings, notes.
fn write_over_http(at: &Path, key: &str) {
    let server = ParlorProcess::start(at, &["serve", "--db", "parlor.db"]);
    let send = |method, target: &str, body: serde_json::Value| {
        let request = server.client.request(method, target).bearer(key);
        let response = request.json(body).send();
        assert!(response.status < 300, "{target}: {}", response.text());
        response
    };
    for widget in [
        json!({ "brandColor": "#0a7", "offset": { "x": 1, "y": 2.5 }, "position": "bottom-left" }),
        json!({ "brandColor": null, "displayName": "Tërn & \"Co\" \\ 🦆", "offset": { "x": 3, "y": 0.1 } }),
    ] {
        let change = json!({ "chatWidgetConfig": widget });
        send("PATCH", "/v2/projects/current", change);
    }
    let texts = [
        "\u{1}\u{7f}\u{85}\u{200d}\u{202e}\u{feff}\u{fffe}\u{10ffff} e\u{301} é ß ﬁ 👩‍👩‍👧 \\ \" \t\r\n",
        &"long text ".repeat(1000),
        &"🦆".repeat(10_000),
        " ",
    ];
    for text in texts {
        let start = json!({ "visitor": { "externalId": "customer", "name": "Ann \u{1f600}" } });
        let conversation = send("POST", "/v2/conversations", start).json();
        let id = conversation["id"].as_str().expect("an id");
        let of_conversation = |path: &str| format!("/v2/conversations/{id}/{path}");
        send("PUT", &of_conversation("agent"), json!({ "name": "Mara" }));
        send(
            "POST",
            &of_conversation("replies"),
            json!({ "content": text }),
        );
        let note: String = text.chars().take(1000).collect();
        send(
            "POST",
            &of_conversation("notes"),
            json!({ "text": format!("note {note}") }),
        );
    }
    let source = server
        .client
        .request("DELETE", "/v2/sources/0195aaaa-0000-7000-8000-0000000000aa");
    assert_eq!(source.bearer(key).send().status, 204);
    assert_eq!(server.stop("TERM").0.code(), Some(0));
}

/// A source with a document, which [`write_over_http`] deletes.
const SOURCE: &str = "
    INSERT INTO source (id, project_seq, location, kind, started_at, finished_at, documents)
    VALUES (X'0195aaaa0000700080000000000000aa', 1, 'https://gone.example/', 'website', 1, 2, 1);
    INSERT INTO document (id, project_seq, url, title, hash, source, learned_at)
    VALUES (randomblob(16), 1, 'https://gone.example/', 'Gone', randomblob(32),
            'https://gone.example/', 2);";

#[test]
fn everything_is_the_same_after_a_migration_to_postgresql_and_back() {
    let Some(database) = empty_database() else {
        return;
    };
    let (folder, key) = unusual_file();
    let at = folder.path();
    let change = |sql: &str| {
        let changed = open_connection(&at.join("parlor.db")).execute_batch(sql);
        changed.expect(sql);
    };
    change(SOURCE);
    write_over_http(at, &key);
    // The server has failed the answer that streamed.
    change(
        "UPDATE message SET status = 'streaming', error = NULL, owner = randomblob(16), \
                text = 'so far' \
          WHERE seq = (SELECT max(seq) FROM message WHERE role = 'assistant')",
    );
    let first = ["--db", "parlor.db"];
    let second = ["--store", database.url()];
    let third = ["--db", "last.db"];
    let expected = records(at, first);
    assert!(expected.contains(r#""status":"error","text":"so far""#));
    for (from, to) in [(first, second), (second, third)] {
        expect_success(&migrate(at, from, to));
        expect_sound(at, to);
        let found = records(at, to);
        let difference = expected.lines().zip(found.lines()).find(|(a, b)| a != b);
        assert_eq!(difference, None, "{to:?}");
        assert!(found == expected, "{to:?}: other lengths");
        let again = expect_success(&migrate(at, from, to));
        assert!(again.contains("imported 0 conversations, 0 messages, 0 visitors and 0 other"));
    }
    fail_streaming_answers(&at.join("parlor.db"));
    let expected = (responses(at, first, &key), commands(at, first));
    for place in [second, third] {
        let found = (responses(at, place, &key), commands(at, place));
        for (target, body) in expected.0.iter().chain(&expected.1) {
            let other = found.0.get(target).or(found.1.get(target));
            assert_eq!(other, Some(body), "{place:?} {target}");
        }
        assert_eq!(found.0.len(), expected.0.len());
    }
}

#[test]
fn characters_that_postgresql_does_not_have_are_replaced_and_imported_once() {
    let Some(database) = empty_database() else {
        return;
    };
    let (folder, path) = generated_file(1);
    let at = folder.path();
    // The texts of a model can have every character.
    let change = "UPDATE message SET text = 'a' || char(0) || 'b \\u0000' \
                   WHERE seq = (SELECT min(seq) FROM message WHERE role = 'assistant')";
    let changed = open_connection(&path).execute_batch(change);
    changed.expect("an update");
    let (file, store) = (["--db", "parlor.db"], ["--store", database.url()]);
    let expected = records(at, file);
    assert!(expected.contains(r"a\u0000b \\u0000"), "{expected}");
    let expected = expected.replace(r"a\u0000b", "a\u{fffd}b");
    for conversations in [1, 0] {
        let output = expect_success(&migrate(at, file, store));
        let imported = format!("imported {conversations} conversations");
        assert!(output.contains(&imported), "{output}");
        assert_eq!(records(at, store), expected);
    }
}
