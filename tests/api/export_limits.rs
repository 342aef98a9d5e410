//! An export can always be imported: values of the maximum length that the API and the
//! commands accept, and values that only earlier versions stored.

use std::path::Path;

use parlor::domain::MAX_ANSWER_TEXT_BYTES;
use serde_json::{Value, json};

use crate::backup::generated_file;
use crate::export::records;
use crate::helpers::{TestServer, open_connection, run_successfully, setup_model, string};
use crate::sqlite_only;

/// A text of this many characters, each with four bytes.
fn text(characters: usize) -> String {
    "🙂".repeat(characters)
}

/// A URL of 2048 bytes, which is three times as long in the form of the `url` crate.
fn url() -> String {
    let start = "https://shop.example/";
    let rest = 2048 - start.len();
    format!("{start}{}{}", "é".repeat(rest / 2), "x".repeat(rest % 2))
}

/// Exports the file, imports the export into a new file, and compares the exports of both.
#[track_caller]
fn expect_same_after_import(at: &Path) {
    run_successfully(at, &["export", "first.ndjson"]);
    run_successfully(at, &["import", "first.ndjson", "--db", "copy.db"]);
    run_successfully(at, &["export", "second.ndjson", "--db", "copy.db"]);
    let first = records(&at.join("first.ndjson"));
    assert!(first == records(&at.join("second.ndjson")));
    run_successfully(at, &["check", "--db", "copy.db"]);
    // Into the file that it is from.
    let again = run_successfully(at, &["import", "first.ndjson"]);
    assert!(again.starts_with("imported 0 conversations"), "{again}");
}

fn set_project(server: &TestServer) {
    let widget = json!({
        "welcomeMessage": text(500), "inputPlaceholder": text(100), "displayName": text(100),
        "customCSSStyles": text(20_000), "userMessageBubbleColor": "#abcdef", "brandColor": "#abc",
        "assistantAvatar": url(), "chatButtonIcon": url(), "width": 2000, "maxHeight": 200.5,
        "offset": {"x": 1000, "y": 0}, "position": "bottom-left", "openDelay": 3_600_000});
    let body = json!({"name": text(100), "description": text(500), "chatWidgetConfig": widget});
    let change = server.request("PATCH", "/v2/projects/current").json(body);
    change
        .bearer(&server.project.private_key)
        .send()
        .expect(200);
    let project = server.project.id;
    let qna = json!({"question": text(1000), "answer": text(20_000),
        "createdBy": {"name": text(200), "image": "urn:isbn:0451450523"}});
    let document = json!({"url": url(), "title": text(300), "format": "markdown",
        "content": format!("# {}\n\n{}\n\n## {}\n\n{}", text(400), text(3000), text(400), "<b[".repeat(2000))});
    for (path, body) in [("qnas", qna), ("documents", document)] {
        let request = server
            .post(format!("/v2/projects/{project}/{path}"))
            .json(body);
        request
            .bearer(&server.project.private_key)
            .send()
            .expect(201);
    }
}

fn add_conversations(server: &TestServer, answer: &str) {
    let visitor = server.create_visitor(&text(100));
    let conversation = server.start_conversation(&visitor);
    let page = json!({"url": url(), "title": text(5000), "textSelection": text(20_000)});
    let message = json!({"content": text(10_000), "pageContext": page});
    let path = format!("/v2/conversations/{conversation}/messages");
    let send = server.post(path).bearer(&visitor.token).json(message);
    send.send().expect(200);
    let stored = server.get_conversation(&visitor, &conversation);
    let stored = &stored["messages"][1];
    assert!(stored["parts"][0]["text"] == answer);
    let feedback = server.post(format!("/v2/messages/{}/feedback", string(&stored["id"])));
    let feedback = feedback
        .bearer(&visitor.token)
        .json(json!({"feedback": "like"}));
    feedback.send().expect(200);
    let agent = json!({"name": text(100), "image": url()});
    server
        .take_over(&conversation)
        .json(agent)
        .send()
        .expect(200);
    server
        .reply(&conversation, &text(10_000))
        .send()
        .expect(201);
    let reason = json!({"closeReason": text(256)});
    server
        .close(&visitor.token, &conversation)
        .json(reason)
        .send()
        .expect(200);
    let key = &server.project.private_key;
    let external = json!({"visitor": {"externalId": text(200)}, "context": {"pageUrl": url()}});
    server
        .post("/v2/conversations")
        .bearer(key)
        .json(external)
        .send()
        .expect(201);
}

fn run_commands(at: &Path) {
    let (name, long) = (text(100), text(5000));
    run_successfully(
        at,
        &[
            "projects",
            "set",
            "--plan",
            &text(50),
            "--monthly-messages",
            "1000000000",
        ],
    );
    let assistant = [
        "assistants",
        "create",
        "--name",
        &name,
        "--prompt",
        &long,
        "--fallback",
        &long,
    ];
    run_successfully(at, &assistant);
    let key = ["keys", "create", "--kind", "private", "--name", &name];
    run_successfully(
        at,
        &[&key[..], &["--origin", "HTTPS://Shop.Example:8443/a"]].concat(),
    );
}

#[test]
fn values_of_the_maximum_length_are_the_same_after_an_import() {
    sqlite_only!("the test runs commands on files of its own");
    let (model, server) = setup_model();
    let answer = format!("x{}", text(MAX_ANSWER_TEXT_BYTES / 4 - 1));
    model.answer_with(&answer);
    set_project(&server);
    add_conversations(&server, &answer);
    let file = server.db_path();
    let at = file.parent().expect("a folder");
    run_commands(at);
    expect_same_after_import(at);
}

/// Values that earlier versions accepted.
const EARLIER_ROWS: &str = r##"
    UPDATE project SET widget_config = '{"brandColor":"red","width":300,"later":[1],"offset":null}';
    UPDATE conversation SET page_url = 'javascript:alert(1)' WHERE seq % 4 = 0;
    UPDATE conversation SET page_url = 'https://ann:pw@shop.example/a' WHERE seq % 4 = 1;
    UPDATE message SET page_url = 'file:///etc/passwd' WHERE seq % 5 = 0;
    UPDATE message SET page_url = 'https://shop.example/' || hex(zeroblob(2000)) WHERE seq % 5 = 1;
    UPDATE message SET page_title = hex(zeroblob(800)), text_selection = hex(zeroblob(6000))
     WHERE seq % 5 = 2;
    UPDATE project SET name = ' a' || char(10) || 'b ', plan = ' ', description = char(27) || 'x';
    UPDATE api_key SET name = '' WHERE seq = 1;
    UPDATE conversation SET has_agent = 1, agent_name = char(9) || 'Mara' WHERE seq % 4 = 2;
    UPDATE document SET source = 'https://ann:pw@shop.example/sitemap.xml';
"##;

#[test]
fn values_of_earlier_versions_are_exported_as_the_api_stores_them_today() {
    sqlite_only!("the test runs commands on files of its own");
    let (folder, path) = generated_file(40);
    let at = folder.path();
    open_connection(&path)
        .execute_batch(EARLIER_ROWS)
        .expect("rows");
    expect_same_after_import(at);
    let records = records(&at.join("first.ndjson"));
    let records: Vec<Value> = records
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let values = |kind: &str, member: &str| -> Vec<Value> {
        let records = records.iter().filter(|record| record["type"] == kind);
        let values = records.map(|record| record["data"][member].clone());
        values.filter(|value| !value.is_null()).collect()
    };
    assert_eq!(values("project", "widgetConfig"), [json!({"width": 300})]);
    assert_eq!(values("project", "name"), ["a b"]);
    assert_eq!(values("project", "plan"), [json!(null); 0]);
    assert_eq!(values("key", "name")[0], "unnamed");
    let agents = values("conversation", "humanAgent");
    assert!(agents.contains(&json!({"name": "Mara"})), "{agents:?}");
    let urls = values("conversation", "pageUrl");
    assert!(urls.contains(&json!("https://shop.example/a")), "{urls:?}");
    let length = |value: &Value| value.as_str().expect("a text").chars().count();
    for (kind, member, max) in [
        ("conversation", "pageUrl", 2048),
        ("message", "pageUrl", 2048),
        ("message", "pageTitle", 1000),
        ("message", "textSelection", 10_000),
    ] {
        let values = values(kind, member);
        assert!(values.iter().all(|value| length(value) <= max), "{member}");
        let is_hostile = |value: &Value| {
            let value = value.as_str().expect("a text");
            value.starts_with("javascript:") || value.starts_with("file:") || value.contains("pw@")
        };
        assert!(!values.iter().any(is_hostile), "{member}");
    }
}
