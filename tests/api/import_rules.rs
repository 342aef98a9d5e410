//! `parlor import` of hostile and of unusual files: the rules of every value.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::backup::count;
use crate::helpers::{open_connection, run_successfully, run_with_error};
use crate::sqlite_only;

pub const PROJECT: &str = r#"{"type":"project","data":{"id":"0195aaaa-0000-7000-8000-00000000000a","name":"Shop","widgetConfig":{},"createdAt":"2026-01-01T00:00:00.000Z"}}"#;
pub const VISITOR: &str = r#"{"type":"visitor","data":{"id":"0195aaaa-0000-7000-8000-00000000000b","projectId":"0195aaaa-0000-7000-8000-00000000000a","saVid":"device","createdAt":"2026-01-01T00:00:00.000Z"}}"#;
const CONVERSATION: &str = r#"{"type":"conversation","data":{"id":"0195aaaa-0000-7000-8000-00000000000c","projectId":"0195aaaa-0000-7000-8000-00000000000a","visitorId":"0195aaaa-0000-7000-8000-00000000000b","status":"open","createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z","lastInteractionAt":"2026-01-01T00:00:00.000Z","isHumanHandled":false}}"#;
const MESSAGE: &str = r#"{"type":"message","data":{"id":"0195aaaa-0000-7000-8000-00000000000d","conversationId":"0195aaaa-0000-7000-8000-00000000000c","createdAt":"2026-01-01T00:00:00.000Z","role":"user","status":"complete","text":"Hello"}}"#;

const QNA: &str = r#"{"type":"qna","data":{"id":"0195aaaa-0000-7000-8000-00000000000f","projectId":"0195aaaa-0000-7000-8000-00000000000a","question":"a question","answer":"an answer","isPublished":true,"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z"}}"#;
const DOCUMENT: &str = r#"{"type":"document","data":{"id":"0195aaaa-0000-7000-8000-00000000000e","projectId":"0195aaaa-0000-7000-8000-00000000000a","url":"https://shop.example/","title":"Help","hash":"HASH","source":"","learnedAt":"2026-01-01T00:00:00.000Z","passages":[{"heading":"","body":"BODY"}]}}"#;

#[test]
fn active_content_of_imported_passages_becomes_text() {
    sqlite_only!("the test runs commands on files of its own");
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
    write_export_with_header(at, HEADER, lines);
}

const HEADER: &str = r#"{"type":"header","data":{"format":"parlor-export","version":1,"parlor":"0.1.0","schema":1,"createdAt":"2026-01-01T00:00:00.000Z","withSecrets":false,"counts":{}}}"#;

pub fn write_export_with_header(at: &Path, header: &str, lines: &[Vec<u8>]) {
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
    sqlite_only!("the test runs commands on files of its own");
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
            "name: must have 1 to 100 characters",
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
    let cases = cases.into_iter().chain(staff_cases());
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

const AGENT: &str = r#"{"type":"agent","data":{"id":"0195aaaa-0000-7000-8000-000000000010","projectId":"0195aaaa-0000-7000-8000-00000000000a","name":"Mara","email":"mara@shop.example","role":"owner","createdAt":"2026-01-01T00:00:00.000Z"}}"#;
const SOURCE: &str = r#"{"type":"source","data":{"id":"0195aaaa-0000-7000-8000-000000000011","projectId":"0195aaaa-0000-7000-8000-00000000000a","location":"https://shop.example/","kind":"website","documents":1}}"#;
const PROBLEM: &str = r#"{"item":"/a","reason":"status 404"}"#;
const SAVED_REPLY: &str = r#"{"type":"savedReply","data":{"id":"0195aaaa-0000-7000-8000-000000000012","projectId":"0195aaaa-0000-7000-8000-00000000000a","name":"Thanks","text":"a text","createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-01T00:00:00.000Z"}}"#;
const NOTE: &str = r#"{"type":"note","data":{"id":"0195aaaa-0000-7000-8000-000000000013","conversationId":"0195aaaa-0000-7000-8000-00000000000c","text":"a note","createdAt":"2026-01-01T00:00:00.000Z"}}"#;
const REFUSAL: &str = r#"{"type":"refusal","data":{"conversationId":"0195aaaa-0000-7000-8000-00000000000c","messageId":"0195aaaa-0000-7000-8000-00000000000d","questionId":"0195aaaa-0000-7000-8000-00000000000d","createdAt":"2026-01-01T00:00:00.000Z"}}"#;

/// Invalid records of agents and of what they use.
fn staff_cases() -> Vec<(Vec<u8>, &'static str)> {
    let insert = |line: &str, member: &str| {
        let data = format!(r#""data":{{{member},"#);
        line.replacen(r#""data":{"#, &data, 1).into_bytes()
    };
    let replaced = |line: &str, from: &str, to: &str| {
        assert!(line.contains(from), "{from}");
        line.replacen(from, to, 1).into_bytes()
    };
    let waiting = r#""waitingSince":"2026-01-01T00:00:00.000Z""#;
    let reason = r#""waitingReason":"contact""#;
    let both = format!("{waiting},{reason}");
    vec![
        (
            insert(AGENT, r#""passwordHash":"secret""#),
            "passwordHash: must be a hash of argon2id",
        ),
        (
            replaced(AGENT, "mara@", "Mara@"),
            "email: must be in lower case",
        ),
        (
            replaced(AGENT, "mara@", "mara "),
            "email: must be an e-mail address",
        ),
        (
            replaced(AGENT, "owner", "admin"),
            "role: must be one of: owner, agent",
        ),
        (
            insert(AGENT, r#""avatarUrl":"javascript:alert(1)""#),
            "avatarUrl: must be an http or https URL",
        ),
        (
            replaced(SOURCE, "https", "file"),
            "location: must be an http or https URL",
        ),
        (
            replaced(SOURCE, "website", "mail"),
            "kind: must be one of: website, folder",
        ),
        (
            insert(SOURCE, r#""finishedAt":"2026-01-01T00:00:00.000Z""#),
            "finishedAt: must not be set",
        ),
        (
            insert(SOURCE, r#""intervalSeconds":0"#),
            "intervalSeconds: must not be 0",
        ),
        (
            insert(
                SOURCE,
                &format!(r#""problems":[{}]"#, [PROBLEM; 101].join(",")),
            ),
            "problems: must have at most 100 items",
        ),
        (
            replaced(SAVED_REPLY, "a text", ""),
            "text: must have 1 to 10000",
        ),
        (
            replaced(SAVED_REPLY, "Thanks", " Thanks"),
            "name: begins or ends with spaces",
        ),
        (
            replaced(NOTE, "a note", &"x".repeat(5_001)),
            "text: must have 1 to 5000",
        ),
        (
            insert(PROJECT, r#""businessHours":[]"#),
            "businessHours: must be an object",
        ),
        (
            insert(PROJECT, r#""webhookUrl":"file:///etc/passwd""#),
            "webhookUrl: must be an http",
        ),
        (
            insert(PROJECT, r#""notificationEmails":["x"]"#),
            "notificationEmails: must have 3 to",
        ),
        (
            insert(PROJECT, r#""awayMessage":"""#),
            "awayMessage: must have 1 to",
        ),
        (
            insert(VISITOR, r#""email":"x\ny@z""#),
            "email: must be an e-mail address",
        ),
        (
            insert(VISITOR, r#""phone":"""#),
            "phone: must have 1 to 100",
        ),
        (
            insert(CONVERSATION, waiting),
            "waitingReason: must be set exactly",
        ),
        (
            insert(CONVERSATION, reason),
            "waitingReason: must be set exactly",
        ),
        (
            insert(CONVERSATION, &both.replace("contact", "bored")),
            "waitingReason: must be one of",
        ),
        (
            insert(
                &CONVERSATION.replace("\"isHumanHandled\":false", "\"isHumanHandled\":true"),
                &both,
            ),
            "waitingSince: must not be set",
        ),
        (
            br#"{"type":"secret","data":{"name":"webhook","value":"00"}}"#.to_vec(),
            "value: must be 64 hexadecimal digits",
        ),
        (
            insert(
                &SECRET.replace("session", "identity"),
                r#""projectId":"0195aaaa-0000-7000-8000-00000000000a""#,
            ),
            "projectId: must be set exactly if the name is webhook",
        ),
        (
            SECRET.replace("session", "identity").into_bytes(),
            "keyId: must be set exactly",
        ),
        (
            SECRET.replace("session", "other").into_bytes(),
            "name: must be one of",
        ),
    ]
}

const SECRET: &str = r#"{"type":"secret","data":{"name":"session","value":"0000000000000000000000000000000000000000000000000000000000000000"}}"#;

#[test]
fn records_of_agents_that_contradict_others_are_reported() {
    sqlite_only!("the test runs commands on files of its own");
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let other = |line: &str, from: &str, to: &str| line.replace(from, to).into_bytes();
    let end = r#"{"type":"end","data":{"counts":{"agent":2,"conversation":1,"message":1,"note":2,"project":1,"refusal":2,"savedReply":2,"source":2,"visitor":1}}}"#;
    let lines = [
        PROJECT.into(),
        AGENT.into(),
        other(AGENT, "000010\"", "000020\""),
        SOURCE.into(),
        other(SOURCE, "000011\"", "000021\""),
        SAVED_REPLY.into(),
        other(SAVED_REPLY, "000012\"", "000022\""),
        VISITOR.into(),
        CONVERSATION.into(),
        MESSAGE.into(),
        NOTE.into(),
        other(NOTE, "00000c\"", "00000f\""),
        REFUSAL.into(),
        // The answer is not stored.
        other(REFUSAL, "\"messageId\":\"0195", "\"messageId\":\"1195"),
        end.into(),
    ];
    write_export(at, &lines);
    let error = run_with_error(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
    for expected in [
        "line 4: agent 0195aaaa-0000-7000-8000-000000000020: another agent has the same email",
        "line 6: source 0195aaaa-0000-7000-8000-000000000021: the project has another source with the same location",
        "line 8: savedReply 0195aaaa-0000-7000-8000-000000000022: the project has another saved reply with the same name",
        "line 13: note 0195aaaa-0000-7000-8000-000000000013: its conversation is not before it",
        "line 15: refusal 1195aaaa-0000-7000-8000-00000000000d: it contradicts another record, or a record that it refers to is gone",
        "5 records were not imported",
    ] {
        assert!(error.contains(expected), "{expected}\n{error}");
    }
    let db = at.join("copy.db");
    let tables = ["agent", "source", "saved_reply", "note", "answer_refusal"];
    assert_eq!(tables.map(|table| count(&db, table)), [1; 5]);
    run_successfully(at, &["check", "--db", "copy.db"]);
}

#[test]
fn line_that_is_too_long_is_refused() {
    sqlite_only!("the test runs commands on files of its own");
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    write_export(at, &[PROJECT.into(), vec![b'x'; (64 << 20) + 1]]);
    let error = run_with_error(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
    assert!(error.contains("line 3: it is longer than 64 MB"), "{error}");
}

#[test]
fn records_without_the_records_that_they_refer_to_are_reported() {
    sqlite_only!("the test runs commands on files of its own");
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
