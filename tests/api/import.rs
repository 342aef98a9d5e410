//! `parlor import`: repeated, interrupted, conflicting and hostile imports.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backup::{count, generated_file};
use crate::export::records;
use crate::helpers::{
    ParlorProcess, TestServer, open_connection, parlor_command, run_successfully, run_with_error,
    wait_until,
};
use crate::sqlite_only;

/// A folder with a file of some conversations, and its export.
fn exported(conversations: u32) -> (TempDir, String) {
    let (folder, _) = generated_file(conversations);
    run_successfully(folder.path(), &["export", "all.ndjson"]);
    let text = fs::read_to_string(folder.path().join("all.ndjson")).expect("an export");
    (folder, text)
}

/// Checks that a database has the records of the export, and no faults.
#[track_caller]
fn expect_complete(at: &Path, db: &str) {
    let target = at.join("again.ndjson");
    run_successfully(at, &["export", "again.ndjson", "--db", db]);
    assert_eq!(records(&target), records(&at.join("all.ndjson")));
    fs::remove_file(target).expect("a file");
    run_successfully(at, &["check", "--db", db]);
}

#[test]
fn repeated_import_changes_nothing() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = exported(50);
    let at = folder.path();
    run_successfully(at, &["import", "all.ndjson", "--db", "copy.db"]);
    let again = run_successfully(at, &["import", "all.ndjson", "--db", "copy.db"]);
    assert!(
        again.starts_with("imported 0 conversations, 0 messages"),
        "{again}"
    );
    assert!(again.contains("records were imported before"), "{again}");
    expect_complete(at, "copy.db");
    // Also into the file that it is from.
    run_successfully(at, &["import", "all.ndjson"]);
    expect_complete(at, "parlor.db");
}

#[test]
fn killed_import_continues_when_it_is_run_again() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = exported(3000);
    let at = folder.path();
    let db = at.join("copy.db");
    for minimum in [1, 1000, 2000] {
        let mut import = parlor_command(at);
        import.args(["import", "all.ndjson", "--db", "copy.db"]);
        import.stdout(Stdio::null()).stderr(Stdio::null());
        let mut import = import.spawn().expect("a process");
        wait_until("some conversations are imported", || {
            let is_open = db.exists() && fs::metadata(&db).is_ok_and(|db| db.len() > 0);
            import.try_wait().expect("a status").is_some()
                || is_open && conversations(&db) >= minimum
        });
        let _ = import.kill();
        import.wait().expect("an exit");
    }
    run_successfully(at, &["import", "all.ndjson", "--db", "copy.db"]);
    expect_complete(at, "copy.db");
}

/// The number of conversations of a file that is being created.
fn conversations(db: &Path) -> i64 {
    let sql = "SELECT count(*) FROM conversation";
    let count = open_connection(db).query_row(sql, [], |row| row.get(0));
    count.unwrap_or(0)
}

#[test]
fn truncated_file_is_recognised_and_the_whole_file_continues() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, text) = exported(40);
    let at = folder.path();
    let middle = text.len() / 2;
    let last_line = text.trim_end().rfind('\n').expect("lines") + 1;
    for (length, reason) in [
        (0, "it is not the first line of an export"),
        (middle, "so the file is incomplete"),
        (last_line, "ends without an end record"),
        (text.len() - 1, "so the file is incomplete"),
    ] {
        fs::write(at.join("part.ndjson"), &text.as_bytes()[..length]).expect("a file");
        let error = run_with_error(at, &["import", "part.ndjson", "--db", "copy.db"]);
        assert!(
            error.contains("line ") && error.contains(reason),
            "{length}: {error}"
        );
        if length == 0 {
            assert!(!at.join("copy.db").exists());
        } else {
            run_successfully(at, &["check", "--db", "copy.db"]);
        }
    }
    run_successfully(at, &["import", "all.ndjson", "--db", "copy.db"]);
    expect_complete(at, "copy.db");
}

#[test]
fn import_beside_a_running_server_with_another_project() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = exported(2000);
    let at = folder.path();
    let server = ParlorProcess::start(at, &["serve", "--db", "shop.db"]);
    let [publishable, private] = ["pk_", "sk_"].map(|prefix| server.key(prefix).expect("a key"));
    let key = [
        "keys",
        "create",
        "--kind",
        "private",
        "--name",
        "imported",
        "--db",
        "parlor.db",
    ];
    let imported_key = run_successfully(at, &key).trim_end().to_owned();
    run_successfully(at, &["export", "with-key.ndjson"]);

    let mut import = parlor_command(at);
    import.args(["import", "with-key.ndjson", "--db", "shop.db"]);
    let mut import = import.stdout(Stdio::null()).spawn().expect("a process");
    let mut written = 0;
    let list = |key: &str| {
        server
            .client
            .get("/v2/conversations?limit=1")
            .bearer(key)
            .send()
    };
    let status = loop {
        let body = json!({ "apiKey": publishable, "saVid": format!("device {written}") });
        let session = server
            .client
            .post("/v2/identity/init")
            .json(body)
            .send()
            .expect(201);
        let token = session["sessionToken"].as_str().expect("a token");
        server
            .client
            .post("/v2/conversations")
            .bearer(token)
            .send()
            .expect(201);
        written += 1;
        assert_eq!(list(&private).expect(200)["total"], written);
        if let Some(status) = import.try_wait().expect("a status") {
            break status;
        }
    };
    assert!(status.success());
    assert!(written >= 3, "{written}");
    // The server notices changes of other processes within a second.
    wait_until("the imported project is complete", || {
        let response = list(&imported_key);
        response.status == 200 && response.json()["total"] == 2000
    });
    let page = "/v2/conversations?limit=5&offset=1500&orderBy=createdAt";
    let page = server
        .client
        .get(page)
        .bearer(&imported_key)
        .send()
        .expect(200);
    assert_eq!(page["data"].as_array().expect("rows").len(), 5);
    assert_eq!(list(&private).expect(200)["total"], written);
    server.stop("TERM");
    run_successfully(at, &["check", "--db", "shop.db"]);
}

#[test]
fn conversation_that_changed_after_its_import_is_reported_and_stays() {
    sqlite_only!("the test runs commands on files of its own");
    let server = TestServer::start();
    let at = server.db_path();
    let at = at.parent().expect("a folder");
    let ann = server.create_visitor("ann");
    let [first, second] = [(), ()].map(|()| server.start_conversation(&ann));
    for id in [&first, &second] {
        server.post_message(&ann, id, "Hello").send().expect(200);
    }
    run_successfully(at, &["export", "all.ndjson"]);
    server
        .post_message(&ann, &first, "Again")
        .send()
        .expect(200);
    let changed = server.get_conversation(&ann, &first);
    let error = run_with_error(at, &["import", "all.ndjson"]);
    assert!(
        error.contains(&format!(
            "conversation {first}: it is stored already, with another value"
        )),
        "{error}"
    );
    assert!(
        error.contains("line ") && error.contains("lastInteractionAt"),
        "{error}"
    );
    assert!(error.contains("1 records were not imported"), "{error}");
    assert_eq!(server.get_conversation(&ann, &first), changed);
}

#[test]
fn records_that_contradict_what_is_stored_are_reported_and_others_are_imported() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, text) = exported(30);
    let at = folder.path();
    // The file has the same keys, saVids and addresses under other ids, and a visitor and
    // a message with other values.
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let other_id = "0195aaaa-0000-7000-8000-000000000001";
    let find = |lines: &[Value], kind: &str, member: &str| {
        let position = lines
            .iter()
            .position(|line| line["type"] == kind && !line["data"][member].is_null());
        position.expect(kind)
    };
    let key = find(&lines, "key", "hash");
    lines[key]["data"]["id"] = json!(other_id);
    let visitor = find(&lines, "visitor", "saVid");
    let visitor_id = lines[visitor]["data"]["id"].clone();
    lines[visitor]["data"]["id"] = json!(other_id);
    let document = find(&lines, "document", "url");
    lines[document]["data"]["id"] = json!(other_id);
    let message = find(&lines, "message", "text");
    lines[message]["data"]["text"] = json!("other text");
    let new = json!({"type": "visitor", "data": {
        "id": "0195aaaa-0000-7000-8000-000000000002", "projectId": lines[visitor]["data"]["projectId"],
        "createdAt": "2026-01-01T00:00:00.000Z"}});
    lines.insert(visitor + 1, new);
    let end = lines.len() - 1;
    let visitors = lines[end]["data"]["counts"]["visitor"]
        .as_u64()
        .expect("a count");
    lines[end]["data"]["counts"]["visitor"] = json!(visitors + 1);
    let changed: Vec<_> = lines.iter().map(Value::to_string).collect();
    fs::write(at.join("changed.ndjson"), changed.join("\n") + "\n").expect("a file");

    let before = count(&at.join("parlor.db"), "visitor");
    let error = run_with_error(at, &["import", "changed.ndjson"]);
    for (line, reason) in [
        (key, "the same key is stored under another id"),
        (
            visitor,
            "the project has another visitor with the same saVid",
        ),
        (
            document,
            "the project has another document with the same url",
        ),
        (
            message + 1,
            "it is stored already, with another value of text; the stored one stays",
        ),
    ] {
        let number = format!("line {}: ", line + 1);
        let printed = error.lines().find(|printed| printed.contains(&number));
        assert!(
            printed.is_some_and(|line| line.ends_with(reason)),
            "{number}{reason}\n{error}"
        );
    }
    assert!(error.contains("4 records were not imported"), "{error}");
    assert!(visitor_id.is_string());
    assert_eq!(count(&at.join("parlor.db"), "visitor"), before + 1);
    run_successfully(at, &["check"]);
}

#[test]
fn file_of_a_newer_parlor_or_of_another_program_is_refused() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, text) = exported(1);
    let at = folder.path();
    for (from, to, reason) in [
        (
            "\"version\":1",
            "\"version\":2",
            "was exported by a newer parlor",
        ),
        (
            "\"schema\":",
            "\"schema\":9",
            "was exported by a newer parlor",
        ),
        ("parlor-export", "other", "its format is not parlor-export"),
        ("\"type\":\"header\"", "\"type\":\"end\"", "line 1: "),
    ] {
        fs::write(at.join("other.ndjson"), text.replacen(from, to, 1)).expect("a file");
        let error = run_with_error(at, &["import", "other.ndjson", "--db", "copy.db"]);
        assert!(error.contains(reason), "{error}");
    }
    let error = run_with_error(at, &["import", "parlor.db", "--db", "copy.db"]);
    assert!(error.contains("line 1: "), "{error}");
    let error = run_with_error(at, &["import", "none.ndjson", "--db", "none.db"]);
    assert!(
        error.contains("none.ndjson") && !at.join("none.db").exists(),
        "{error}"
    );
}
