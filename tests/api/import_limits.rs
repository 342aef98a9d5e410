//! `parlor import` refuses each value that the API, the commands and the converters refuse.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::helpers::{run_successfully, run_with_error};
use crate::import_rules::{PROJECT, write_export_with_header};
use crate::sqlite_only;

const ID: &str = "0195aaaa-0000-7000-8000-00000000000e";
const PROJECT_ID: &str = "0195aaaa-0000-7000-8000-00000000000a";
const TIME: &str = "2026-01-01T00:00:00.000Z";

/// A valid record with the members of its type that are required.
fn record(kind: &str) -> Value {
    let hash = "0".repeat(64);
    let data = match kind {
        "header" => json!({"format": "parlor-export", "version": 1, "parlor": "0.1.0",
            "schema": 1, "createdAt": TIME, "withSecrets": true, "counts": {}}),
        "project" => json!({"id": ID, "name": "Shop", "widgetConfig": {}, "createdAt": TIME}),
        "assistant" => json!({"id": ID, "projectId": PROJECT_ID, "name": "A", "mode": "auto",
            "createdAt": TIME}),
        "key" => json!({"id": ID, "projectId": PROJECT_ID, "kind": "private", "name": "K",
            "hash": hash, "hint": "abcd", "origins": [], "createdAt": TIME}),
        "secret" => json!({"name": "session", "value": hash}),
        "usage" => json!({"projectId": PROJECT_ID, "month": "2026-01", "messages": 1}),
        "qna" => json!({"id": ID, "projectId": PROJECT_ID, "question": "Q", "answer": "A",
            "isPublished": true, "createdAt": TIME, "updatedAt": TIME}),
        "document" => json!({"id": ID, "projectId": PROJECT_ID, "url": "file:a.md", "title": "T",
            "hash": hash, "source": "", "learnedAt": TIME,
            "passages": [{"heading": "", "body": "B"}]}),
        "visitor" => json!({"id": ID, "projectId": PROJECT_ID, "createdAt": TIME}),
        "conversation" => json!({"id": ID, "projectId": PROJECT_ID, "visitorId": ID,
            "status": "open", "createdAt": TIME, "updatedAt": TIME, "lastInteractionAt": TIME,
            "isHumanHandled": false}),
        "user" => message("user"),
        "assistant message" => message("assistant"),
        "agent" => message("human_agent"),
        kind => panic!("{kind}"),
    };
    let kind = match kind {
        "user" | "assistant message" | "agent" => "message",
        kind => kind,
    };
    json!({"type": kind, "data": data})
}

fn message(role: &str) -> Value {
    json!({"id": ID, "conversationId": ID, "createdAt": TIME, "role": role,
        "status": "complete", "text": "Hello"})
}

fn text(length: usize) -> Value {
    json!("x".repeat(length))
}

fn url(length: usize) -> Value {
    let start = "https://shop.example/";
    json!(format!("{start}{}", "x".repeat(length - start.len())))
}

/// A record, one of its members, a value that breaks a rule, and the rule.
type Case = (&'static str, &'static str, Value, &'static str);

fn cases_of_projects() -> Vec<Case> {
    let javascript = json!({"assistantAvatar": "javascript:alert(1)"});
    vec![
        ("project", "name", text(0), "1 to 100 characters"),
        ("project", "name", text(101), "1 to 100 characters"),
        ("project", "name", json!("a\nb"), "no control characters"),
        ("project", "name", json!("a "), "begins or ends with spaces"),
        ("project", "description", text(501), "1 to 500 characters"),
        ("project", "plan", text(0), "1 to 50 characters"),
        ("project", "plan", text(51), "1 to 50 characters"),
        ("project", "messageQuota", json!(-1), "invalid value"),
        (
            "project",
            "messageQuota",
            json!(1_000_000_001),
            "at most 1000000000",
        ),
        ("project", "widgetConfig", json!({"a": 1}), "is no setting"),
        (
            "project",
            "widgetConfig",
            json!({"width": 1}),
            "a number from 200",
        ),
        (
            "project",
            "widgetConfig",
            json!({"width": null}),
            "the wrong type",
        ),
        (
            "project",
            "widgetConfig",
            json!({"brandColor": "red"}),
            "a colour as",
        ),
        (
            "project",
            "widgetConfig",
            javascript,
            "an http or https URL",
        ),
        ("assistant", "name", text(0), "1 to 100 characters"),
        ("assistant", "name", text(101), "1 to 100 characters"),
        ("assistant", "mode", text(1), "one of: auto"),
        ("assistant", "prompt", text(20_001), "0 to 20000 characters"),
        (
            "assistant",
            "fallback",
            text(20_001),
            "0 to 20000 characters",
        ),
        ("key", "name", text(0), "1 to 100 characters"),
        ("key", "name", text(101), "1 to 100 characters"),
        ("key", "hint", text(0), "1 to 4 characters"),
        ("key", "hint", text(5), "1 to 4 characters"),
        ("key", "hash", text(64), "64 hexadecimal digits"),
        (
            "key",
            "origins",
            json!(["shop.example"]),
            "websites such as",
        ),
        (
            "key",
            "origins",
            json!(["https://shop.example/path"]),
            "websites such as",
        ),
        (
            "secret",
            "name",
            text(3),
            "must be one of: session, webhook, identity",
        ),
        ("secret", "value", json!("00"), "64 hexadecimal digits"),
        ("usage", "messages", json!(-1), "invalid value"),
    ]
}

fn cases_of_knowledge_and_visitors() -> Vec<Case> {
    let passage =
        |heading: usize, body: usize| json!([{"heading": text(heading), "body": text(body)}]);
    vec![
        ("qna", "question", text(1001), "1 to 1000 characters"),
        ("qna", "answer", text(20_001), "1 to 20000 characters"),
        ("qna", "creatorName", text(201), "0 to 200 characters"),
        ("qna", "creatorImage", text(9), "absolute URI"),
        ("document", "url", text(9), "an absolute URI or file:PATH"),
        ("document", "url", url(8193), "at most 8192 bytes"),
        ("document", "title", text(302), "at most 301 characters"),
        ("document", "source", text(8193), "at most 8192 bytes"),
        (
            "document",
            "description",
            text(1001),
            "at most 1000 characters",
        ),
        (
            "document",
            "passages",
            passage(302, 1),
            "at most 301 characters",
        ),
        (
            "document",
            "passages",
            passage(1, (1 << 20) + 1),
            "at most 1048576 bytes",
        ),
        ("visitor", "saVid", text(101), "1 to 100 characters"),
        ("visitor", "externalId", text(0), "1 to 200 characters"),
        ("visitor", "externalId", text(201), "1 to 200 characters"),
        ("visitor", "name", text(1_000_000), "0 to 200 characters"),
        (
            "visitor",
            "avatarUrl",
            json!("javascript:alert(1)"),
            "an http or https URL",
        ),
        (
            "visitor",
            "avatarUrl",
            json!("data:text/html,x"),
            "an http or https URL",
        ),
        ("visitor", "avatarUrl", url(2049), "at most 2048 characters"),
    ]
}

fn cases_of_conversations() -> Vec<Case> {
    let large = json!([{"type": "text", "text": text(1 << 20)}]);
    vec![
        (
            "conversation",
            "closedAt",
            json!(TIME),
            "must be set exactly",
        ),
        (
            "conversation",
            "closeReason",
            text(257),
            "0 to 256 characters",
        ),
        ("conversation", "title", text(81), "0 to 80 characters"),
        (
            "conversation",
            "humanAgent",
            json!({"name": ""}),
            "1 to 100 characters",
        ),
        (
            "conversation",
            "humanAgent",
            json!({"name": text(101)}),
            "1 to 100 characters",
        ),
        (
            "conversation",
            "pageUrl",
            json!("https://ann:pw@shop.example/"),
            "without user name",
        ),
        (
            "conversation",
            "pageUrl",
            url(2049),
            "at most 2048 characters",
        ),
        ("user", "text", text(0), "1 to 10000 characters"),
        ("user", "text", text(10_001), "1 to 10000 characters"),
        ("agent", "text", text(10_001), "1 to 10000 characters"),
        (
            "assistant message",
            "text",
            text((512 << 10) + 1),
            "at most 524288 bytes",
        ),
        ("user", "status", json!("error"), "answers alone"),
        ("user", "parts", large, "at most 1048576 bytes"),
        (
            "assistant message",
            "error",
            text(1001),
            "0 to 1000 characters",
        ),
        (
            "assistant message",
            "feedback",
            json!("like"),
            "must be set exactly if",
        ),
        (
            "assistant message",
            "feedbackAt",
            json!(TIME),
            "must be set exactly if",
        ),
        (
            "assistant message",
            "metadata",
            json!({"a": text(1 << 20)}),
            "at most 1048576 bytes",
        ),
        ("user", "pageUrl", json!("ftp://a.example/"), "an http or"),
        ("user", "pageTitle", text(1001), "0 to 1000 characters"),
        (
            "user",
            "textSelection",
            text(10_001),
            "0 to 10000 characters",
        ),
    ]
}

#[test]
fn value_that_breaks_a_rule_is_named_with_its_line_member_and_rule() {
    sqlite_only!("the test runs commands on files of its own");
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let cases = [
        cases_of_projects(),
        cases_of_knowledge_and_visitors(),
        cases_of_conversations(),
    ];
    let header = record("header").to_string();
    for (kind, member, value, rule) in cases.concat() {
        let mut line = record(kind);
        line["data"][member] = value;
        let lines = [PROJECT.into(), line.to_string().into_bytes()];
        write_export_with_header(at, &header, &lines);
        let error = run_with_error(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
        assert!(
            error.contains("line 3: ") && error.contains(member) && error.contains(rule),
            "{kind} {member} {rule}: {error}"
        );
        assert!(error.len() < 500, "{error}");
    }
    run_successfully(at, &["check", "--db", "copy.db"]);
}

#[test]
fn record_without_optional_values_is_accepted() {
    sqlite_only!("the test runs commands on files of its own");
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    let kinds = [
        "project",
        "assistant",
        "key",
        "secret",
        "usage",
        "qna",
        "document",
        "visitor",
        "conversation",
        "user",
    ];
    let lines = kinds.map(|kind| {
        record(kind)
            .to_string()
            .replace(PROJECT_ID, ID)
            .into_bytes()
    });
    let counts = json!({"project": 1, "assistant": 1, "key": 1, "secret": 1, "usage": 1, "qna": 1,
        "document": 1, "visitor": 1, "conversation": 1, "message": 1});
    let end = json!({"type": "end", "data": {"counts": counts}}).to_string();
    let lines = [&lines[..], &[end.into_bytes()]].concat();
    write_export_with_header(at, &record("header").to_string(), &lines);
    let text = run_successfully(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
    assert!(
        text.starts_with("imported 1 conversations, 1 messages"),
        "{text}"
    );
}

#[test]
fn header_with_impossible_values_is_refused_and_leaves_no_file() {
    sqlite_only!("the test runs commands on files of its own");
    let folder = TempDir::new().expect("a folder");
    let at = folder.path();
    for (member, value, rule) in [
        ("version", json!(0), "must be at least 1"),
        ("version", json!(-1), "version: invalid value"),
        ("version", json!(2), "newer parlor"),
        ("schema", json!(0), "must be at least 1"),
        ("schema", json!(-7), "must be at least 1"),
        ("schema", json!(i64::MAX), "newer parlor"),
        ("format", json!("other"), "its format is not parlor-export"),
        ("counts", json!({"project": -1}), "invalid value"),
        (
            "withSecrets",
            json!(false),
            "says that the file has no secrets",
        ),
    ] {
        let mut header = record("header");
        header["data"][member] = value;
        let secret = record("secret").to_string().into_bytes();
        write_export_with_header(at, &header.to_string(), &[secret]);
        let error = run_with_error(at, &["import", "hostile.ndjson", "--db", "copy.db"]);
        assert!(error.contains(rule), "{member}: {error}");
        assert!(!at.join("copy.db").exists(), "{member}");
    }
}
