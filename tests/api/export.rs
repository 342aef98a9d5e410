//! `parlor export`, and an import of its file into an empty database.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::backup::generated_file;
use crate::helpers::{
    ParlorProcess, SORTS, ids, open_connection, open_store, parlor_command, run_successfully,
    run_with_error,
};
use crate::sqlite_only;

/// Values that the demo has none of: a second project, revoked and restricted keys, a
/// model's parts and metadata, failed answers, a plan, unusual texts, agents with their
/// notes and settings, conversations that wait.
const UNUSUAL_ROWS: &str = r##"
    UPDATE project SET plan = 'pro', message_quota = 500, description = 'a "quote"',
           widget_config = '{"brandColor": "#123456"}';
    UPDATE api_key SET origins = '["https://shop.example"]', assistant_seq = 1 WHERE seq = 1;
    INSERT INTO api_key (id, project_seq, kind, name, hash, hint, created_at, revoked_at)
    VALUES (randomblob(16), 1, 'private', 'old', randomblob(32), 'abcd', 5, 6);
    UPDATE message SET parts = '[{"type": "text",  "text":"x"},{"type":"file","url":"u"}]'
     WHERE seq % 7 = 0;
    UPDATE message SET metadata = '{"usage": {"inputTokens": 1.50, "n":null}}' WHERE seq % 5 = 0;
    UPDATE message SET status = 'error', error = 'broken', text = ''
     WHERE seq % 11 = 0 AND role = 'assistant';
    UPDATE message SET text = char(1, 10, 13, 9, 34, 92, 8232, 128512), text_selection = ''
     WHERE seq % 13 = 0;
    UPDATE message SET status = 'streaming', owner = randomblob(16), text = 'so far'
     WHERE seq = (SELECT last_message_seq FROM conversation WHERE status = 'open' LIMIT 1);
    UPDATE conversation SET page_url = 'https://shop.example/?a="b"' WHERE seq % 3 = 0;
    UPDATE conversation SET has_agent = 1, agent_name = NULL WHERE seq % 17 = 0;
    UPDATE qna SET is_published = 0, creator_name = 'Ann', creator_image = 'https://a.example/i'
     WHERE seq % 2 = 0;
    INSERT INTO usage VALUES (1, 680, 12), (1, 681, 3);
    INSERT INTO visitor (id, project_seq, created_at) VALUES (randomblob(16), 1, 7);
    INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, updated_at,
                              last_interaction_at)
    SELECT randomblob(16), 1, max(seq), 'open', 8, 9, 10 FROM visitor;
    UPDATE project SET business_hours = '{"timeZone": "Europe/Berlin", "days": {}}',
           away_message = 'later', webhook_url = 'https://shop.example/hook',
           webhook_secret = randomblob(32), notification_emails = '["a@shop.example"]';
    UPDATE api_key SET identity_secret = randomblob(32) WHERE kind = 'publishable';
    INSERT INTO agent (id, project_seq, name, email, avatar_url, role, password_hash, is_away,
                       created_at)
    VALUES (X'0195aaaa000070008000000000000001', 1, 'Mara', 'mara@shop.example',
            'https://shop.example/mara.png', 'owner', '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA', 1, 3),
           (randomblob(16), 1, 'Tom', 'tom@shop.example', NULL, 'agent', NULL, 0, 4);
    UPDATE visitor SET email = 'ann@mail.example', phone = '+491234', blocked_at = 9,
           is_verified = NOT is_verified, is_email_verified = 1 WHERE seq % 5 = 0;
    UPDATE conversation SET waiting_since = 5, waiting_reason = 'contact', waited_ms = 70
     WHERE status = 'open' AND is_human_handled = 0 AND seq % 4 = 0;
    UPDATE conversation SET agent_id = X'0195aaaa000070008000000000000001'
     WHERE is_human_handled = 1;
    UPDATE conversation SET read_message_seq = last_message_seq WHERE seq % 2 = 0;
    INSERT INTO note (id, conversation_seq, agent_id, agent_name, text, created_at)
    SELECT randomblob(16), seq, iif(seq % 2, X'0195aaaa000070008000000000000001', NULL),
           iif(seq % 2, 'Mara', NULL), 'call "back"', 6 FROM conversation WHERE seq % 9 = 0;
    INSERT INTO answer_refusal (message_seq, question_seq, project_seq, created_at, resolved_at)
    SELECT m.seq, (SELECT max(q.seq) FROM message AS q WHERE q.conversation_seq = c.seq
                      AND q.role = 'user'), c.project_seq, m.created_at, iif(m.seq % 2, 7, NULL)
      FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq
     WHERE m.role = 'assistant' AND c.seq % 10 = 0;
    INSERT INTO saved_reply (id, project_seq, name, text, created_at, updated_at)
    VALUES (randomblob(16), 1, 'Thanks', 'You are **welcome**', 1, 2);
    INSERT INTO source (id, project_seq, location, kind, started_at, finished_at, documents, error)
    VALUES (randomblob(16), 1, 'https://shop.example/sitemap.xml', 'website', 1, 2, 3, NULL),
           (randomblob(16), 1, '/srv/help', 'folder', 1, NULL, 0, 'cannot be read');
    UPDATE source SET problems = '[{"item":"https://shop.example/a","reason":"status 404"}]',
           skipped = 4, removed = 5, interval_s = 86400 WHERE kind = 'website';
    UPDATE document SET description = 'a "summary"' WHERE seq % 2 = 0;
"##;

/// A file with all kinds of rows, and a private key of its first project.
pub fn unusual_file() -> (TempDir, String) {
    let (folder, path) = generated_file(300);
    open_connection(&path)
        .execute_batch(UNUSUAL_ROWS)
        .expect("rows");
    let key = private_key(folder.path(), "parlor.db");
    let store = open_store(&path);
    crate::helpers::ProjectFixture::create(&store);
    drop(store);
    (folder, key)
}

/// Creates a private key of the first project.
fn private_key(folder: &Path, db: &str) -> String {
    let create = [
        "keys", "create", "--kind", "private", "--name", "test", "--db", db,
    ];
    run_successfully(folder, &create).trim_end().to_owned()
}

/// The lines of a file after the header, which has the time of the export.
pub fn records(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("an export");
    text.lines().skip(1).map(str::to_owned).collect()
}

fn header(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("an export");
    serde_json::from_str(text.lines().next().expect("a header")).expect("JSON")
}

/// Makes unfinished answers what they are in an export.
pub fn fail_streaming_answers(path: &Path) {
    let fail_interrupted = "UPDATE message SET status = 'error', owner = NULL, \
                                   error = 'The answer was interrupted' \
                             WHERE status = 'streaming'";
    let update = open_connection(path).execute_batch(fail_interrupted);
    update.expect("an update");
}

#[test]
fn imported_file_has_the_same_lists_messages_and_export() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, key) = unusual_file();
    let at = folder.path();
    let output = run_successfully(at, &["export", "first.ndjson"]);
    assert!(output.contains("301 conversations"), "{output}");
    run_successfully(at, &["import", "first.ndjson", "--db", "copy.db"]);
    run_successfully(at, &["export", "second.ndjson", "--db", "copy.db"]);
    assert_eq!(
        records(&at.join("first.ndjson")),
        records(&at.join("second.ndjson"))
    );
    assert!(run_successfully(at, &["check", "--db", "copy.db"]).contains("ok"));

    // Lists of a running server are built in the same way before and after.
    fs::copy(at.join("parlor.db"), at.join("original.db")).expect("a copy");
    fail_streaming_answers(&at.join("original.db"));
    let original = ParlorProcess::start(at, &["serve", "--db", "original.db"]);
    let copy = ParlorProcess::start(at, &["serve", "--db", "copy.db"]);
    let body = |process: &ParlorProcess, target: &str| {
        let response = process.client.get(target).bearer(&key).send();
        assert_eq!(response.status, 200, "{target}: {}", response.text());
        response.body
    };
    let mut pages = 0;
    for sort in SORTS {
        for direction in ["asc", "desc"] {
            for filter in ["", "&status=open", "&status=closed"] {
                for page in [
                    "limit=100",
                    "limit=7&offset=50",
                    "limit=20&offset=290",
                    "offset=400",
                ] {
                    let query = format!("{page}{filter}&orderBy={sort}&orderDir={direction}");
                    let target = format!("/v2/conversations?{query}");
                    assert_eq!(body(&original, &target), body(&copy, &target), "{target}");
                    pages += 1;
                }
            }
        }
    }
    assert_eq!(pages, 192);
    for offset in [0, 100, 200, 300] {
        let list = body(
            &original,
            &format!("/v2/conversations?limit=100&offset={offset}"),
        );
        for id in ids(&serde_json::from_slice(&list).expect("JSON")) {
            let target = format!("/v2/conversations/{id}");
            assert_eq!(body(&original, &target), body(&copy, &target), "{target}");
        }
    }
}

#[test]
fn secrets_of_projects_and_keys_are_exported_only_with_secrets() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = unusual_file();
    let at = folder.path();
    let secrets = "SELECT count(webhook_secret) + (SELECT count(identity_secret) FROM api_key) \
                     FROM project";
    let count = |db: &str| -> i64 {
        let connection = open_connection(&at.join(db));
        let row = connection.query_row(secrets, [], |row| row.get(0));
        row.expect("a count")
    };
    assert_eq!(count("parlor.db"), 2);
    let arguments = ["export", "all.ndjson", "--with-secrets"];
    let output = parlor_command(at).args(arguments).output().expect("a run");
    assert!(output.status.success());
    run_successfully(at, &["export", "others.ndjson"]);
    let webhook = |db: &str| -> Vec<u8> {
        let connection = open_connection(&at.join(db));
        let sql = "SELECT webhook_secret FROM project";
        connection
            .query_row(sql, [], |row| row.get(0))
            .expect("a secret")
    };
    // A webhook needs a secret. An import that has none makes a new one.
    for (name, expected) in [("all", 2), ("others", 1)] {
        let (export, db) = (format!("{name}.ndjson"), format!("{name}.db"));
        let import = ["import", &export, "--db", &db];
        let output = parlor_command(at).args(import).output().expect("a run");
        assert!(output.status.success());
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        let is_new = webhook(&db) != webhook("parlor.db");
        assert_eq!(is_new, name == "others");
        assert_eq!(
            errors.contains("1 webhooks have a new secret"),
            is_new,
            "{errors}"
        );
        assert_eq!(count(&db), expected, "{name}");
        // A second import changes nothing.
        let secret = webhook(&db);
        let again = run_successfully(at, &import);
        assert!(again.contains("imported before"), "{again}");
        assert_eq!(webhook(&db), secret);
    }
}

#[test]
fn export_has_counts_and_only_hashes_of_keys_and_no_secrets() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, key) = unusual_file();
    let at = folder.path();
    ParlorProcess::start(at, &["serve"]).stop("TERM");
    run_successfully(at, &["export", "all.ndjson"]);
    let text = fs::read_to_string(at.join("all.ndjson")).expect("an export");
    assert!(!text.contains(&key));
    assert!(!text.contains(r#""type":"secret""#) && !text.contains(r#""type":"session""#));
    let header = header(&at.join("all.ndjson"));
    assert_eq!(header["type"], "header");
    let header = &header["data"];
    assert_eq!(
        (&header["format"], &header["version"]),
        (&"parlor-export".into(), &1.into())
    );
    assert_eq!(header["withSecrets"], false);
    let end: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(end["type"], "end");
    assert_eq!(header["counts"], end["data"]["counts"]);
    assert_eq!(header["counts"]["conversation"], 301);
    let lines = header["counts"].as_object().expect("counts").values();
    let lines: u64 = lines.map(|count| count.as_u64().expect("a count")).sum();
    assert_eq!(text.lines().count() as u64, lines + 2);
    let mode = fs::metadata(at.join("all.ndjson"))
        .expect("a file")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn documentation_of_the_format_has_each_type_and_member() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = unusual_file();
    let at = folder.path();
    let mut export = parlor_command(at);
    let output = export.args(["export", "-", "--with-secrets"]).output();
    let exported = String::from_utf8(output.expect("a run").stdout).expect("UTF-8");
    let page = fs::read_to_string("docs/export-format.md").expect("a page");
    let mut members = 0;
    for line in exported.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let kind = line["type"].as_str().expect("a type");
        let section = page
            .split("\n## ")
            .find(|section| section.starts_with(&format!("`{kind}`")));
        let section = section.unwrap_or_else(|| panic!("{kind} has no section"));
        for member in line["data"].as_object().expect("members").keys() {
            let row = format!("| `{member}` | ");
            assert!(section.contains(&row), "{kind}: {member}");
            members += 1;
        }
    }
    assert!(members > 10_000, "{members}");
}

#[test]
fn sessions_stay_valid_if_the_secrets_are_exported() {
    sqlite_only!("the test runs commands on files of its own");
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let server = ParlorProcess::start(at, &["serve"]);
    let key = server.key("pk_").expect("a key");
    let init = server.client.post("/v2/identity/init");
    let body = serde_json::json!({ "apiKey": key, "saVid": "device" });
    let session = init.json(body).send().expect(201);
    let token = session["sessionToken"]
        .as_str()
        .expect("a token")
        .to_owned();
    let mut export = parlor_command(at);
    let output = export
        .args(["export", "all.ndjson", "--with-secrets"])
        .output();
    let output = output.expect("a run");
    assert!(output.status.success());
    let warning = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        warning.contains("protect the export like a password"),
        "{warning}"
    );
    run_successfully(at, &["export", "others.ndjson"]);
    server.stop("TERM");
    for (export, status) in [("all", 200), ("others", 401)] {
        let db = format!("{export}.db");
        let export = format!("{export}.ndjson");
        run_successfully(at, &["import", &export, "--db", &db]);
        let copy = ParlorProcess::start(at, &["serve", "--db", &db]);
        let me = copy.client.get("/v2/identity/me").bearer(&token).send();
        assert_eq!(me.status, status, "{export}");
    }
}

#[test]
fn export_is_what_was_stored_at_its_begin_while_a_server_writes() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, path) = generated_file(2000);
    let at = folder.path();
    let key = private_key(at, "parlor.db");
    let server = ParlorProcess::start(at, &["serve"]);
    let mut export = start(at, &["export", "-"]);
    let mut out = BufReader::new(export.stdout.take().expect("its output"));
    let mut first = String::new();
    out.read_line(&mut first).expect("the header");
    // The pipe is full, and the export waits with its snapshot.
    for index in 0..20 {
        let visitor = serde_json::json!({ "visitor": { "externalId": format!("late-{index}") } });
        let start = server.client.post("/v2/conversations").bearer(&key);
        start.json(visitor).send().expect(201);
    }
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the export");
    assert!(export.wait().expect("an exit").success());
    assert!(!rest.contains("late-"));
    let counts = |line: &str| -> Value {
        serde_json::from_str::<Value>(line).expect("JSON")["data"]["counts"].clone()
    };
    assert_eq!(counts(&first)["conversation"], 2000);
    assert_eq!(
        counts(&first),
        counts(rest.lines().last().expect("the end"))
    );
    assert_eq!(crate::backup::count(&path, "conversation"), 2020);
}

#[test]
fn existing_file_and_files_of_the_database_are_not_replaced() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = generated_file(1);
    let at = folder.path();
    fs::write(at.join("old.ndjson"), "old").expect("a file");
    let refused = run_with_error(at, &["export", "old.ndjson"]);
    assert!(refused.contains("exists already"), "{refused}");
    assert_eq!(
        fs::read_to_string(at.join("old.ndjson")).expect("a file"),
        "old"
    );
    let refused = run_with_error(at, &["export", "parlor.db-wal"]);
    assert!(refused.contains("belongs to the database"), "{refused}");
    let refused = run_with_error(at, &["export", "none/all.ndjson"]);
    assert!(refused.contains("none"), "{refused}");
}

/// Starts a command whose output is read.
pub fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = parlor_command(folder);
    let command = command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("a process")
}

/// Adds conversations with 10 messages of 20 kB.
pub fn add_large_conversations(path: &Path, count: u32) {
    let rows = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at,
                                   updated_at, last_interaction_at)
         SELECT 100000 + i, randomblob(16), 1, 1, 'open', i, i, i FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
         INSERT INTO message (id, conversation_seq, created_at, role, status, text)
         SELECT randomblob(16), seq, i, 'assistant', 'complete', hex(randomblob(10000))
           FROM conversation, n WHERE seq > 100000;
         UPDATE conversation SET last_message_seq =
                (SELECT max(seq) FROM message WHERE conversation_seq = conversation.seq);"
    );
    open_connection(path).execute_batch(&rows).expect("rows");
}

/// Waits for the end of a process. Returns the most memory that it used, in MB.
pub fn peak_memory(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) / 1024);
        if let Some(status) = child.try_wait().expect("a status") {
            assert!(status.success());
            return peak;
        }
        std::thread::yield_now();
    }
}

#[test]
fn memory_of_export_and_import_does_not_grow_with_the_file() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, path) = generated_file(1);
    let at = folder.path();
    add_large_conversations(&path, 600);
    let exported = peak_memory(&mut start(at, &["export", "all.ndjson"]));
    let size = fs::metadata(at.join("all.ndjson")).expect("a file").len();
    assert!(size > 120_000_000, "{size}");
    let imported = peak_memory(&mut start(at, &["import", "all.ndjson", "--db", "copy.db"]));
    assert!(exported > 0 && exported < 60, "{exported} MB");
    assert!(imported > 0 && imported < 80, "{imported} MB");
}

#[test]
fn standard_input_and_output_can_be_piped() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, _) = generated_file(20);
    let at = folder.path();
    run_successfully(at, &["export", "all.ndjson"]);
    let exported = run_successfully(at, &["export", "-"]);
    let lines: Vec<_> = exported.lines().skip(1).map(str::to_owned).collect();
    assert_eq!(lines, records(&at.join("all.ndjson")));
    let mut import = parlor_command(at);
    let input = File::open(at.join("all.ndjson")).expect("an export");
    let import = import.args(["import", "-", "--db", "copy.db"]).stdin(input);
    let output = import.output().expect("a run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("imported 20 conversations"));
}
