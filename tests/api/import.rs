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
        run_successfully(at, &["check", "--db", "copy.db"]);
    }
    run_successfully(at, &["import", "all.ndjson", "--db", "copy.db"]);
    expect_complete(at, "copy.db");
}

#[test]
fn import_beside_a_running_server_with_another_project() {
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

const PROJECT: &str = r#"{"type":"project","data":{"id":"0195aaaa-0000-7000-8000-00000000000a","name":"Shop","widgetConfig":{},"createdAt":"2026-01-01T00:00:00.000Z"}}"#;
const VISITOR: &str = r#"{"type":"visitor","data":{"id":"0195aaaa-0000-7000-8000-00000000000b","projectId":"0195aaaa-0000-7000-8000-00000000000a","saVid":"device","createdAt":"2026-01-01T00:00:00.000Z"}}"#;
const CONVERSATION: &str = r#"{"type":"conversation","data":{"id":"0195aaaa-0000-7000-8000-00000000000c","projectId":"0195aaaa-0000-7000-8000-00000000000a","visitorId":"0195aaaa-0000-7000-8000-00000000000b","status":"open","createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z","lastInteractionAt":"2026-01-01T00:00:00.000Z","isHumanHandled":false}}"#;
const MESSAGE: &str = r#"{"type":"message","data":{"id":"0195aaaa-0000-7000-8000-00000000000d","conversationId":"0195aaaa-0000-7000-8000-00000000000c","createdAt":"2026-01-01T00:00:00.000Z","role":"user","status":"complete","text":"Hello"}}"#;

const QNA: &str = r#"{"type":"qna","data":{"id":"0195aaaa-0000-7000-8000-00000000000f","projectId":"0195aaaa-0000-7000-8000-00000000000a","question":"a question","answer":"an answer","isPublished":true,"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z"}}"#;
const DOCUMENT: &str = r#"{"type":"document","data":{"id":"0195aaaa-0000-7000-8000-00000000000e","projectId":"0195aaaa-0000-7000-8000-00000000000a","url":"https://shop.example/","title":"Help","hash":"HASH","source":"","learnedAt":"2026-01-01T00:00:00.000Z","passages":[{"heading":"","body":"BODY"}]}}"#;

#[test]
fn active_content_of_imported_passages_becomes_text() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let body = "**Yes** <b>bold</b> <img src=x onerror=alert(1)> [x](javascript:alert(1))";
    let document = DOCUMENT
        .replace("HASH", &"0".repeat(64))
        .replace("BODY", body);
    let end = r#"{"type":"end","data":{"counts":{"document":1,"project":1}}}"#;
    write_export(at, &[PROJECT.into(), document.into(), end.into()]);
    run_successfully(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
    let sql = "SELECT body FROM passage";
    let stored = open_connection(&at.join("copy.db")).query_row(sql, [], |row| row.get(0));
    let stored: String = stored.expect("a passage");
    let expected = r"**Yes** <b>bold</b> \<img src=x onerror=alert(1)> \[x](javascript:alert(1))";
    assert_eq!(stored, expected);
    // A second import changes nothing.
    let again = run_successfully(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
    assert!(again.contains("2 records were imported before"), "{again}");
}

/// Writes an export with these lines after the header, without an end record.
fn write_export(at: &Path, lines: &[Vec<u8>]) {
    let header = r#"{"type":"header","data":{"format":"parlor-export","version":1,"parlor":"0.1.0","schema":1,"createdAt":"2026-01-01T00:00:00.000Z","withSecrets":false,"counts":{}}}"#;
    let mut file = header.as_bytes().to_vec();
    for line in lines {
        file.push(b'\n');
        file.extend_from_slice(line);
    }
    file.push(b'\n');
    fs::write(at.join("hostile.ndjson"), file).expect("a file");
}

#[test]
fn invalid_line_is_named_with_a_reason_and_the_lines_before_it_are_imported() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let replaced = |line: &str, from: &str, to: &str| {
        assert!(line.contains(from), "{from}");
        line.replacen(from, to, 1).into_bytes()
    };
    let deep = format!(
        r#""parts":{}{},"text""#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let huge_number = format!(r#""messages":{}"#, "9".repeat(400));
    let usage = r#"{"type":"usage","data":{"projectId":"0195aaaa-0000-7000-8000-00000000000a","month":"2026-01","messages":1}}"#;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "it is not JSON"),
        (b"null".to_vec(), "invalid type"),
        (b"{\"type\":\"visitor\"".to_vec(), "it is not JSON"),
        (b"{\"type\":\"visitor\"}".to_vec(), "missing field `data`"),
        (b"\xff\xfe".to_vec(), "it is not UTF-8"),
        (replaced(VISITOR, "device", "\\ud800"), "saVid"),
        (
            replaced(VISITOR, "visitor", "visitors"),
            "the type \"visitors\" is unknown",
        ),
        (
            replaced(
                VISITOR,
                r#""type":"visitor","#,
                r#""type":"visitor","type":"visitor","#,
            ),
            "duplicate field `type`",
        ),
        (
            replaced(VISITOR, r#""saVid":"device""#, r#""saVid":"a","saVid":"b""#),
            "duplicate field `saVid`",
        ),
        (
            replaced(VISITOR, r#""saVid":"device""#, r#""saVid":7"#),
            "saVid: invalid type: integer `7`",
        ),
        (
            replaced(VISITOR, r#""saVid":"device""#, r#""saVid":"""#),
            "saVid: must have 1 to 100",
        ),
        (
            replaced(VISITOR, r#""saVid":"device""#, r#""sa":"device""#),
            "unknown field `sa`",
        ),
        (
            replaced(VISITOR, "0195aaaa", "x195aaaa"),
            "id: must be a UUID",
        ),
        (
            replaced(VISITOR, "2026-01-01T", "12026-01-01T"),
            "createdAt: must be a time",
        ),
        (
            replaced(VISITOR, "\"2026-01-01T00:00:00.000Z\"", "1"),
            "createdAt: invalid type",
        ),
        (
            replaced(CONVERSATION, "\"open\"", "\"closed\""),
            "closedAt: must be set exactly",
        ),
        (
            replaced(CONVERSATION, "\"open\"", "\"new\""),
            "status: must be one of: open, closed",
        ),
        (
            replaced(CONVERSATION, "false", "1"),
            "isHumanHandled: invalid type",
        ),
        (
            replaced(MESSAGE, "\"complete\"", "\"streaming\""),
            "status: must be complete or error",
        ),
        (
            replaced(MESSAGE, "\"text\"", "\"parts\":{},\"text\""),
            "parts: must be an array",
        ),
        (
            replaced(MESSAGE, "\"text\"", &deep),
            "parts: must be an array",
        ),
        (
            replaced(MESSAGE, "\"text\"", "\"metadata\":[],\"text\""),
            "metadata: must be an object",
        ),
        (
            replaced(MESSAGE, "\"text\"", "\"pageUrl\":\"javascript:x\",\"text\""),
            "pageUrl: must be an http",
        ),
        (
            replaced(usage, "\"messages\":1", "\"messages\":-1"),
            "messages: invalid value",
        ),
        (
            replaced(usage, "\"messages\":1", "\"messages\":9007199254740992"),
            "messages: is too large",
        ),
        (
            replaced(usage, "\"messages\":1", &huge_number),
            "messages: number out of range",
        ),
        (
            replaced(usage, "2026-01", "2026-13"),
            "month: must be a month",
        ),
        (
            replaced(PROJECT, "Shop", &"x".repeat(101)),
            "name: must have 0 to 100 characters",
        ),
        (
            replaced(
                PROJECT,
                "{}",
                &format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 20)),
            ),
            "widgetConfig: is too large",
        ),
        (
            replaced(
                CONVERSATION,
                "\"status\"",
                &format!(r#""title":"{}","status""#, "x".repeat(81)),
            ),
            "title: must have 0 to 80 characters",
        ),
        (
            replaced(CONVERSATION, "\"status\"", r#""title":"a\u0000b","status""#),
            "title: must have 0 to 80 characters, none of them NUL",
        ),
        (
            replaced(
                CONVERSATION,
                "\"status\"",
                &format!(r#""closeReason":"{}","status""#, "x".repeat(257)),
            ),
            "closeReason: must have 0 to 256",
        ),
        (
            replaced(
                CONVERSATION,
                "\"status\"",
                r#""humanAgent":{"image":"no address"},"status""#,
            ),
            "humanAgent.image: must be an absolute URI",
        ),
        (
            replaced(QNA, "an answer", ""),
            "answer: must have 1 to 20000 characters",
        ),
        (
            replaced(QNA, "a question", &"x".repeat(1001)),
            "question: must have 1 to 1000 characters",
        ),
        (
            replaced(PROJECT, "{}", "[]"),
            "widgetConfig: must be an object",
        ),
    ];
    for (line, reason) in cases {
        write_export(at, &[PROJECT.into(), VISITOR.into(), line]);
        let error = run_with_error(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
        assert!(error.contains("line 4: "), "{reason}: {error}");
        assert!(error.contains(reason), "{reason}: {error}");
        assert!(error.len() < 500, "{error}");
    }
    assert_eq!(count(&at.join("copy.db"), "visitor"), 1);
    run_successfully(at, &["check", "--db", "copy.db"]);
}

#[test]
fn line_that_is_too_long_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    write_export(at, &[PROJECT.into(), vec![b'x'; (64 << 20) + 1]]);
    let error = run_with_error(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
    assert!(error.contains("line 3: it is longer than 64 MB"), "{error}");
}

#[test]
fn records_without_the_records_that_they_refer_to_are_reported() {
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let end = r#"{"type":"end","data":{"counts":{"conversation":2,"message":3,"project":1,"visitor":3}}}"#;
    let other = |line: &str, from: &str, to: &str| line.replace(from, to).into_bytes();
    let lines = [
        PROJECT.into(),
        VISITOR.into(),
        // The same saVid, in the same batch.
        other(VISITOR, "0000b\"", "0000e\""),
        other(VISITOR, "0000a\"", "0000f\""),
        CONVERSATION.into(),
        MESSAGE.into(),
        // The same id twice.
        other(MESSAGE, "Hello", "Hello again"),
        other(
            &CONVERSATION.replace("00000c\"", "00000d\""),
            "0b\"",
            "ff\"",
        ),
        other(MESSAGE, "00000d\"", "00000e\""),
        end.into(),
    ];
    write_export(at, &lines);
    let error = run_with_error(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
    for expected in [
        "line 4: visitor 0195aaaa-0000-7000-8000-00000000000e: the project has another visitor with the same saVid",
        "line 5: visitor 0195aaaa-0000-7000-8000-00000000000b: its project 0195aaaa-0000-7000-8000-00000000000f is not stored",
        "line 8: message 0195aaaa-0000-7000-8000-00000000000d: it is stored already, with another value of text",
        "line 9: conversation 0195aaaa-0000-7000-8000-00000000000d: its visitor is not stored",
        "line 10: message 0195aaaa-0000-7000-8000-00000000000e: the conversation of the message is not before it",
        "5 records were not imported",
    ] {
        assert!(error.contains(expected), "{expected}\n{error}");
    }
    let db = at.join("copy.db");
    assert_eq!(
        ["visitor", "conversation", "message"].map(|table| count(&db, table)),
        [1, 1, 1]
    );
    run_successfully(at, &["check", "--db", "copy.db"]);
}

#[test]
fn file_of_a_newer_parlor_or_of_another_program_is_refused() {
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
