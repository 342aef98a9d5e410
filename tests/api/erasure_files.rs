//! Deletion in the database file: by other programs, by `parlor visitors erase`, and what
//! remains in the files.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::check::check;
use crate::database_file::check_counts;
use crate::erasure::{count, erase, expect_no_content};
use crate::helpers::{
    AnswerFixture, ParlorProcess, Request, TestServer, Visitor, WebSocketClient, ids,
    open_connection, open_store, run_successfully, run_with_error, setup_answers, string,
    wait_for_cancellation, wait_until,
};
use crate::sqlite_only;

// ── Other programs ──

/// A connection as the sqlite3 shell opens it.
fn shell(server: &TestServer) -> Connection {
    let connection = server.sqlite_connection();
    let off = connection.execute_batch("PRAGMA foreign_keys = OFF");
    off.expect("a pragma");
    connection
}

/// The rows of every table that refer to rows that do not exist.
fn orphans(connection: &Connection) -> Vec<String> {
    let sql = "SELECT \"table\" || ' -> ' || parent FROM pragma_foreign_key_check";
    let mut statement = connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

#[test]
fn plain_delete_of_another_program_leaves_no_orphans() {
    sqlite_only!("the test reads the bytes of the file");
    for (sql, conversations, messages) in [
        ("DELETE FROM conversation WHERE seq = 1", 3, 6),
        ("DELETE FROM visitor WHERE seq = 1", 2, 4),
        ("DELETE FROM project WHERE seq = 1", 0, 0),
        ("DELETE FROM message WHERE seq = 2", 4, 7),
    ] {
        let server = TestServer::start();
        let visitors = ["ann", "ben"].map(|device| server.create_visitor(device));
        for visitor in &visitors {
            for _ in 0..2 {
                let id = server.start_conversation(visitor);
                let post = server.post_message(visitor, &id, "Hello");
                post.header("Idempotency-Key", id.clone())
                    .send()
                    .expect(200);
                server.list(&visitor.token, "");
            }
        }
        let connection = shell(&server);
        connection.execute(sql, []).expect(sql);
        assert_eq!(orphans(&connection), [""; 0], "{sql}");
        assert_eq!(count(&server, "conversation", "true"), conversations);
        assert_eq!(count(&server, "message", "true"), messages, "{sql}");
        check_counts(&server.db_connection());
        if conversations > 0 {
            wait_until("the server notices", || {
                let list = server.list(&server.project.private_key, "");
                list["total"] == conversations && ids(&list).len() == conversations as usize
            });
        }
    }
}

#[test]
fn plain_delete_of_knowledge_leaves_no_passages() {
    sqlite_only!("the test reads the bytes of the file");
    let server = TestServer::start();
    let project = format!("/v2/projects/{}", server.project.id);
    let key = &server.project.private_key;
    let post = |path: &str, body| {
        let post = server.post(format!("{project}/{path}"));
        post.bearer(key).json(body).send().expect(201)
    };
    post(
        "documents",
        json!({ "url": "https://shop.example/a", "content": "# A\n\nText." }),
    );
    post("qnas", json!({ "question": "Why?", "answer": "Because." }));
    assert_eq!(count(&server, "passage", "true"), 2);
    let connection = shell(&server);
    for table in ["document", "qna"] {
        let sql = format!("DELETE FROM {table}");
        connection.execute(&sql, []).expect("a deletion");
    }
    assert_eq!(count(&server, "passage", "true"), 0);
    assert_eq!(orphans(&connection), [""; 0]);
}

#[test]
fn sockets_and_answers_of_a_conversation_that_another_program_deletes_end() {
    sqlite_only!("the test reads the bytes of the file");
    let fixture = setup_answers();
    let (script, mut stream) = fixture.start_answer();
    let AnswerFixture { server, id, .. } = &fixture;
    let key = &server.project.publishable_key;
    let target = format!("/v2/conversations/{id}/ws?apiKey={key}");
    let mut socket = WebSocketClient::open(**server, &target);
    let deleted = shell(server).execute("DELETE FROM visitor", []);
    assert_eq!(deleted.expect("a deletion"), 1);
    assert_eq!(socket.read_until_close(), Some(1008));
    assert_eq!(stream.events().last().expect("an event")["type"], "abort");
    wait_for_cancellation(&script);
    server.wait_for_answers();
    assert_eq!(count(server, "message", "true"), 0);
}

#[test]
fn upgrade_deletes_rows_that_other_programs_left_behind() {
    sqlite_only!("the test reads the bytes of the file");
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("parlor.db");
    let root = env!("CARGO_MANIFEST_DIR");
    let fixture = fs::read_to_string(format!("{root}/tests/fixtures/schema-5.sql"));
    let connection = open_connection(&path);
    let orphaning = [
        &fixture.expect("a fixture"),
        "PRAGMA foreign_keys = OFF; DELETE FROM conversation WHERE seq = 1; \
         DELETE FROM visitor WHERE seq = 2; DELETE FROM document; DELETE FROM qna;",
    ];
    let rows = |connection: &Connection| -> [i64; 3] {
        ["message", "session", "passage"].map(|table| {
            let sql = format!("SELECT count(*) FROM {table}");
            let count = connection.query_row(&sql, [], |row| row.get(0));
            count.expect("a count")
        })
    };
    connection.execute_batch(orphaning[0]).expect("the fixture");
    let before = rows(&connection);
    connection.execute_batch(orphaning[1]).expect("orphans");
    assert!(!orphans(&connection).is_empty());
    drop(connection);
    let (status, report) = check(folder.path(), &[]);
    assert_eq!(status, Some(1), "{report}");
    assert!(report.contains("refers to a missing row of"), "{report}");
    drop(open_store(&path));
    let connection = open_connection(&path);
    assert_eq!(orphans(&connection), [""; 0]);
    check_counts(&crate::helpers::Connection::Sqlite(open_connection(&path)));
    let after = rows(&connection);
    for (before, after) in before.into_iter().zip(after) {
        assert!(after < before);
    }
    let (status, report) = check(folder.path(), &[]);
    assert_eq!(status, Some(0), "{report}");
}

// ── The command line ──

/// Starts a server process with two visitors, and returns its folder and the ids of the
/// visitors.
fn process_with_visitors(folder: &Path) -> (ParlorProcess, [Visitor; 2]) {
    let process = ParlorProcess::start(folder, &["serve"]);
    let key = process.key("pk_").expect("a key");
    let visitors = ["ann", "ben"].map(|device| {
        let init = process.client.post("/v2/identity/init");
        let init = init.json(json!({ "apiKey": key, "saVid": device }));
        let visitor = Visitor::from_json(&init.send().expect(201));
        let start = process.client.post("/v2/conversations");
        start.bearer(&visitor.token).send().expect(201);
        visitor
    });
    (process, visitors)
}

#[test]
fn command_finds_and_erases_a_visitor_beside_a_running_server() {
    sqlite_only!("the test reads the bytes of the file");
    let folder = TempDir::new().expect("a folder");
    let (process, [ann, ben]) = process_with_visitors(folder.path());
    let list = run_successfully(folder.path(), &["visitors", "list"]);
    let first_words: Vec<_> = list.lines().map(|line| &line[..36]).collect();
    assert_eq!(first_words, [&ben.id, &ann.id]);
    let list = run_successfully(folder.path(), &["visitors", "list", "AN"]);
    assert!(
        list.starts_with(&ann.id) && list.lines().count() == 1,
        "{list}"
    );
    let show = run_successfully(folder.path(), &["visitors", "show", "--sa-vid", "ann"]);
    assert!(show.contains(&ann.id), "{show}");
    assert!(show.contains("conversations  1"), "{show}");
    fs::write(folder.path().join("parlor.db.schema-5.bak"), "").expect("a file");
    let erase = ["visitors", "erase", "--sa-vid", "ann"];
    let text = run_successfully(folder.path(), &erase);
    let line = format!(
        "erased the visitor {} with 1 conversations and 0 messages\n",
        ann.id
    );
    assert!(text.starts_with(&line), "{text}");
    assert!(text.contains("backups, exports and logs"), "{text}");
    assert!(text.ends_with("parlor.db.schema-5.bak\n"), "{text}");
    wait_until("the session has ended", || {
        let list = process.client.get("/v2/conversations").bearer(&ann.token);
        list.send().status == 401
    });
    let list = process.client.get("/v2/conversations").bearer(&ben.token);
    assert_eq!(list.send().expect(200)["total"], 1);
    let error = run_with_error(folder.path(), &erase);
    assert!(error.contains("no visitor with the saVid ann"), "{error}");
    assert!(error.contains("parlor visitors list"), "{error}");
    let error = run_with_error(folder.path(), &["visitors", "erase"]);
    assert!(error.contains("--external-id"), "{error}");
}

#[test]
fn commands_escape_control_characters_in_names_of_visitors() {
    sqlite_only!("the test reads the bytes of the file");
    let folder = TempDir::new().expect("a folder");
    let process = ParlorProcess::start(folder.path(), &["serve"]);
    let key = process.key("pk_").expect("a key");
    let device = "one\ntwo\u{1b}[2J\u{202e}";
    let init = process.client.post("/v2/identity/init");
    let init = init.json(json!({ "apiKey": key, "saVid": device }));
    let visitor = Visitor::from_json(&init.send().expect(201));
    let list = run_successfully(folder.path(), &["visitors", "list"]);
    let show = run_successfully(folder.path(), &["visitors", "show", &visitor.id]);
    assert_eq!(list.lines().count(), 1, "{list:?}");
    for text in [list, show] {
        assert!(text.contains(r"one\ntwo\u{1b}[2J\u{202e}"), "{text:?}");
    }
}

// ── Nothing remains in the file ──

/// The part of each text of the erased visitor.
pub const MARKER: &str = "Zqxwvkj";

/// Reads a file in another process, or nothing if the file does not exist. This process
/// would release the locks of its server when it closes the file (POSIX), and a command
/// could remove the log that the server uses.
fn read_apart(file: &str) -> Vec<u8> {
    let output = std::process::Command::new("cat").arg(file).output();
    output.expect("cat").stdout
}

/// How often the marker is in the database file and the files beside it.
pub fn marker_counts(path: &Path) -> Vec<(String, usize)> {
    let marker = MARKER.to_lowercase();
    let files = ["", "-wal", "-shm"].map(|suffix| format!("{}{suffix}", path.display()));
    let count = |file: String| {
        let bytes = read_apart(&file).to_ascii_lowercase();
        let windows = bytes.windows(marker.len());
        let count = windows
            .filter(|window| *window == marker.as_bytes())
            .count();
        (file, count)
    };
    files.map(count).to_vec()
}

#[track_caller]
fn expect_no_marker(path: &Path) {
    let counts = marker_counts(path);
    assert!(counts.iter().all(|(_, count)| *count == 0), "{counts:?}");
}

/// A visitor whose texts all have the marker: contact details, title, a page, a long
/// message, an answer that was stored many times while it was streamed, saved responses.
fn visitor_with_markers(fixture: &AnswerFixture) -> Visitor {
    let AnswerFixture { model, server, .. } = fixture;
    let init = server.post("/v2/identity/init").json(
        json!({ "apiKey": server.project.publishable_key, "saVid": format!("device-{MARKER}") }),
    );
    let with_key = |request: Request| request.header("Idempotency-Key", format!("key-{MARKER}"));
    let visitor = Visitor::from_json(&with_key(init).send().expect(201));
    let connection = server.db_connection();
    let details = "UPDATE visitor SET name = 'Ann ' || ?2, external_id = ?2, \
                   avatar_url = 'https://shop.example/' || ?2 WHERE seq = ?1";
    let seq = visitor.seq(&connection);
    let updated = connection.execute(details, rusqlite::params![seq, MARKER]);
    updated.expect("contact details");
    let start = server.post("/v2/conversations").bearer(&visitor.token);
    let start =
        start.json(json!({ "context": { "pageUrl": format!("https://shop.example/{MARKER}") } }));
    let id = string(&with_key(start).send().expect(201)["id"]);
    model.answer_with(&format!("{MARKER} is here. ").repeat(700));
    let question = json!({
        "content": format!("Where is {MARKER}? ").repeat(400),
        "pageContext": {
            "url": format!("https://shop.example/{MARKER}"),
            "title": format!("Title {MARKER}"),
            "textSelection": format!("Selection {MARKER}"),
        },
    });
    let post = server.post(format!("/v2/conversations/{id}/messages"));
    post.bearer(&visitor.token)
        .json(question)
        .send()
        .expect(200);
    let script = model.script_answer();
    let mut stream = server
        .post_streaming_message(&visitor, &id, &format!("And {MARKER}?"))
        .open_stream();
    for round in 0..6 {
        script.send_text(&format!("{MARKER}-{round} ").repeat(60));
        stream.next_event();
        let pattern = format!("text LIKE '%{MARKER}-{round} %'");
        wait_until("the partial answer is stored", || {
            count(server, "message", &pattern) == 1
        });
    }
    script.finish();
    stream.events();
    with_key(server.take_over(&id)).send().expect(200);
    let reply = server.reply(&id, &format!("Agent about {MARKER}"));
    with_key(reply)
        .header("X-Other", "1")
        .send()
        .expect_error(409, "CONFLICT");
    let reply = server.reply(&id, &format!("Agent about {MARKER}"));
    reply.header("Idempotency-Key", "reply").send().expect(201);
    visitor
}

/// Adds all texts to the search index, as the server does in the background.
fn index_texts(server: &TestServer) {
    let index = "
        BEGIN IMMEDIATE;
        INSERT INTO search_text (rowid, text) SELECT seq, text FROM message
         WHERE seq > (SELECT message_seq FROM search_progress);
        INSERT INTO search_text (rowid, text) SELECT -seq, title FROM conversation
         WHERE seq > (SELECT conversation_seq FROM search_progress) AND title IS NOT NULL;
        UPDATE search_progress SET message_seq = (SELECT max(seq) FROM message),
                                   conversation_seq = (SELECT max(seq) FROM conversation);
        COMMIT;";
    let indexed = server.db_connection().execute_batch(index);
    indexed.expect("an index");
}

#[test]
fn nothing_of_an_erased_visitor_remains_in_the_files() {
    sqlite_only!("the test reads the bytes of the file");
    let fixture = setup_answers();
    let AnswerFixture { model, server, .. } = &fixture;
    // Rows of others surround the rows of the visitor.
    let others: Vec<_> = (0..20)
        .map(|number| {
            let visitor = server.create_visitor(&format!("other-{number}"));
            (server.start_conversation(&visitor), visitor)
        })
        .collect();
    let chat = |text: &str| {
        for (id, visitor) in &others {
            model.answer_with("An answer.");
            server.post_message(visitor, id, text).send().expect(200);
        }
    };
    chat("Hello");
    index_texts(server);
    let visitor = visitor_with_markers(&fixture);
    index_texts(server);
    chat("Hello again");
    index_texts(server);
    assert!(
        marker_counts(&server.db_path())[..2]
            .iter()
            .any(|(_, count)| *count > 0)
    );
    expect_no_content(erase(server, &visitor));
    expect_no_marker(&server.db_path());
    chat("Bye");
    index_texts(server);
    expect_no_marker(&server.db_path());
    let check = "INSERT INTO search_text (search_text) VALUES ('integrity-check')";
    let checked = server.db_connection().execute(check, ());
    checked.expect("a sound search index");
}

#[test]
fn nothing_of_an_erased_visitor_remains_while_a_reader_uses_the_log() {
    sqlite_only!("the test reads the bytes of the file");
    let fixture = setup_answers();
    let server = &fixture.server;
    let visitor = visitor_with_markers(&fixture);
    let reader = server.db_connection();
    reader.execute_batch("BEGIN").expect("a transaction");
    let read = reader.query_row("SELECT count(*) FROM message", (), |row| {
        row.get::<_, i64>(0)
    });
    assert!(read.expect("a count") > 0);
    expect_no_content(erase(server, &visitor));
    assert!(
        marker_counts(&server.db_path())
            .iter()
            .any(|(_, count)| *count > 0)
    );
    drop(reader);
    wait_until("the log is empty", || {
        marker_counts(&server.db_path())
            .iter()
            .all(|(_, count)| *count == 0)
    });
}

#[test]
fn vacuum_removes_what_was_deleted_without_overwriting() {
    sqlite_only!("the test reads the bytes of the file");
    let fixture = setup_answers();
    let visitor = visitor_with_markers(&fixture);
    let AnswerFixture { mut server, .. } = fixture;
    // As by an earlier version of parlor: what is deleted and changed stays in the file.
    let connection = server.db_connection();
    connection
        .execute_batch(
            "PRAGMA secure_delete = OFF; UPDATE message SET text = '' || seq; \
             UPDATE conversation SET title = NULL, title_key = NULL",
        )
        .expect("changes");
    drop(connection);
    server.stop();
    let folder = server.db_path();
    let folder = folder.parent().expect("a folder");
    let erase = ["visitors", "erase", &visitor.id];
    run_successfully(folder, &[&erase[..], &["--vacuum"]].concat());
    expect_no_marker(&server.db_path());
    let (status, report) = check(folder, &[]);
    assert_eq!(status, Some(0), "{report}");
}
