//! `parlor import --from-api`: from another parlor with a private key, and from a stub of
//! the hosted service with a session token.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backup::count;
use crate::helpers::{
    ParlorProcess, TestServer, insert_conversations, parlor_command, run_successfully,
    setup_conversation, string, wait_until,
};

/// A folder with a database file, and the private key of its project.
fn target() -> (TempDir, String) {
    let folder = TempDir::new().expect("a folder");
    let process = ParlorProcess::start(folder.path(), &["serve"]);
    let key = process.key("sk_").expect("a key");
    process.stop("TERM");
    (folder, key)
}

/// Runs the import with a key or token.
fn import(at: &Path, url: &str, credential: &str) -> Output {
    let mut command = parlor_command(at);
    let rate = ["--requests-per-second", "1000"];
    let command = command.args(["import", "--from-api", url]).args(rate);
    command
        .env("PARLOR_IMPORT_KEY", credential)
        .output()
        .expect("a run")
}

#[track_caller]
fn expect_success(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[track_caller]
fn expect_failure(output: &Output) -> String {
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

// ── A stub of the hosted service ──

type Handler = dyn Fn(&str, usize) -> (&'static str, String, String) + Send + Sync;

/// A server that answers each request with status, further headers and body.
struct StubApi {
    address: SocketAddr,
    /// The targets of the requests.
    requests: Arc<Mutex<Vec<String>>>,
}

impl StubApi {
    /// `handler` gets the target and the number of earlier requests.
    fn start(
        handler: impl Fn(&str, usize) -> (&'static str, String, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (log, handler): (_, Arc<Handler>) = (requests.clone(), Arc::new(handler));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (log.clone(), handler.clone());
                thread::spawn(move || respond(&stream, &log, &*handler));
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn respond(mut stream: &TcpStream, log: &Mutex<Vec<String>>, handler: &Handler) {
    let mut lines = BufReader::new(stream);
    let mut head = String::new();
    while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let earlier = {
        let mut log = log.lock().expect("no panic");
        log.push(target.clone());
        log.len() - 1
    };
    let (status, headers, body) = handler(&target, earlier);
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
}

const OK: &str = "200 OK";

fn ok(body: &Value) -> (&'static str, String, String) {
    (OK, String::new(), body.to_string())
}

fn me() -> Value {
    json!({"object": "visitor", "id": "5d0c3c56-7a0e-4f7e-9a53-2f6f6a1d9b10", "type": "anonymous",
           "externalId": null, "name": null, "avatarUrl": null})
}

fn id(number: usize) -> String {
    format!("8a1f4f0e-3c55-4f0b-a1de-{number:012}")
}

/// A conversation with the members of the hosted service's documentation alone.
fn conversation(number: usize) -> Value {
    json!({"object": "conversation", "id": id(number), "createdAt": "2025-03-04T09:12:44.120Z",
           "updatedAt": "2025-03-04T09:20:01.004Z", "status": "open", "closedAt": null,
           "closeReason": null, "lastInteractionAt": "2025-03-04T09:20:01.004Z", "title": "Hi",
           "isHumanHandled": false, "humanAgent": null, "lastMessage": null})
}

fn messages() -> Value {
    json!({"object": "list", "data": [
        {"object": "message", "id": "f2b7e0d8-90f0-4d0c-8d41-3f1f5f0f7a21",
         "createdAt": "2025-03-04T09:20:01.004Z", "chatId": id(0), "role": "assistant",
         "parts": [{"type": "text", "text": "Two days."}, {"type": "source-url", "url": "x"}],
         "status": null, "error": null, "feedback": null, "feedbackAt": null,
         "metadata": "a text", "humanAgent": null, "pageUrl": "javascript:x", "pageTitle": null,
         "textSelection": null}]})
}

/// A message with an id of its own.
fn message(number: usize) -> Value {
    let mut message = messages()["data"][0].clone();
    message["id"] = json!(id(number + 1_000_000));
    message
}

/// A line of the export of another parlor.
fn export_line(number: usize, title: &str, messages: &[Value]) -> String {
    let conversation = conversation(number).to_string();
    let head = conversation.replace("\"Hi\"", &json!(title).to_string());
    let head = head.strip_suffix('}').expect("an object");
    format!(
        "{head},\"visitor\":{},\"messages\":{}}}\n",
        me(),
        json!(messages)
    )
}

/// The number of a query parameter.
fn parameter(target: &str, name: &str) -> usize {
    let (_, query) = target.split_once('?').expect("a query");
    let values = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = values.filter(|(other, _)| *other == name);
    values.next().expect(name).1.parse().expect("a number")
}

/// Answers like the hosted service, for a visitor with this number of conversations.
fn hosted(target: &str, conversations: usize) -> (&'static str, String, String) {
    let path = target.split('?').next().expect("a path");
    match path {
        "/v2/identity/me" => ok(&me()),
        "/v2/conversations" => {
            let (limit, offset) = (parameter(target, "limit"), parameter(target, "offset"));
            let page = (offset..conversations.min(offset + limit)).map(conversation);
            ok(
                &json!({"object": "list", "total": conversations, "limit": limit,
                       "offset": offset, "data": page.collect::<Vec<_>>()}),
            )
        }
        path if path == format!("/v2/conversations/{}/messages", id(0)) => ok(&messages()),
        path if path.ends_with("/messages") => ok(&json!({"object": "list", "data": []})),
        _ => ("404 Not Found", String::new(), "{}".to_owned()),
    }
}

const TOKEN: &str = "header.claims.signature";

#[test]
fn hosted_service_is_read_with_offsets_and_without_additions_of_parlor() {
    let stub = StubApi::start(|target, _| hosted(target, 203));
    let (folder, key) = target();
    let at = folder.path();
    let text = expect_success(&import(at, &stub.url(), TOKEN));
    assert!(
        text.starts_with("imported 203 conversations, 1 messages, 1 visitors"),
        "{text}"
    );
    let requests = stub.requests();
    // The only message is not named in the list, so a second page is read.
    assert_eq!(requests.len(), 1 + 3 + 203 + 1);
    for unknown in ["export", "after", "include", "visitorId"] {
        assert!(
            requests.iter().all(|target| !target.contains(unknown)),
            "{unknown}"
        );
    }
    let copy = ParlorProcess::start(at, &["serve"]);
    let target = format!("/v2/conversations/{}", id(0));
    let stored = copy.client.get(target).bearer(&key).send().expect(200);
    let message = &stored["messages"][0];
    assert_eq!(message["parts"], messages()["data"][0]["parts"]);
    assert_eq!(message["status"], "complete");
    assert_eq!(
        (&message["metadata"], &message["pageUrl"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(stored["lastInterationAt"], "2025-03-04T09:20:01.004Z");
    // What is stored is not read again, except where the list does not say so.
    let again = expect_success(&import(at, &stub.url(), TOKEN));
    assert!(
        again.starts_with("imported 0 conversations, 0 messages, 0 visitors"),
        "{again}"
    );
}

#[test]
fn overloaded_server_is_asked_again_after_the_time_that_it_names() {
    let stub = StubApi::start(|target, earlier| match earlier {
        1 => (
            "429 Too Many Requests",
            "Retry-After: 1\r\n".to_owned(),
            "{}".to_owned(),
        ),
        3 => (
            "503 Service Unavailable",
            "Retry-After: 0\r\n".to_owned(),
            "{}".to_owned(),
        ),
        _ => hosted(target, 2),
    });
    let (folder, _) = target();
    let start = Instant::now();
    let text = expect_success(&import(folder.path(), &stub.url(), TOKEN));
    assert!(text.starts_with("imported 2 conversations"), "{text}");
    assert!(start.elapsed() >= Duration::from_secs(1));
    let stub = StubApi::start(|_, _| {
        (
            "429 Too Many Requests",
            "Retry-After: 86400\r\n".to_owned(),
            "{}".to_owned(),
        )
    });
    let errors = expect_failure(&import(folder.path(), &stub.url(), TOKEN));
    assert!(
        errors.contains("demands a wait of 86400 seconds"),
        "{errors}"
    );
}

#[test]
fn import_that_broke_off_continues() {
    let stub = StubApi::start(|target, earlier| {
        if earlier == 60 {
            return ("500 Internal Server Error", String::new(), "{}".to_owned());
        }
        hosted(target, 100)
    });
    let (folder, _) = target();
    let at = folder.path();
    let errors = expect_failure(&import(at, &stub.url(), TOKEN));
    assert!(errors.contains("status 500"), "{errors}");
    let first = count(&at.join("parlor.db"), "conversation");
    assert!((50..100).contains(&first), "{first}");
    expect_success(&import(at, &stub.url(), TOKEN));
    assert_eq!(count(&at.join("parlor.db"), "conversation"), 100);
    run_successfully(at, &["check"]);
}

#[test]
fn lists_without_total_and_with_short_pages_are_read_to_their_end() {
    let stub = StubApi::start(|target, _| {
        if target.contains("/messages") {
            let offset = parameter(target, "offset");
            let page: Vec<_> = (offset..5.min(offset + 2)).map(message).collect();
            return ok(&json!({"object": "list", "data": page}));
        }
        let (status, headers, body) = hosted(target, 1);
        (status, headers, body.replace("total", "unknown"))
    });
    let (folder, _) = target();
    let text = expect_success(&import(folder.path(), &stub.url(), TOKEN));
    assert!(
        text.starts_with("imported 1 conversations, 5 messages"),
        "{text}"
    );
    let stub = StubApi::start(|target, _| {
        let (status, headers, body) = hosted(target, 203);
        (status, headers, body.replace("total", "unknown"))
    });
    let (folder, _) = target();
    let text = expect_success(&import(folder.path(), &stub.url(), TOKEN));
    assert!(text.starts_with("imported 203 conversations"), "{text}");
}

/// Returns the body of the response to a request.
type Body = fn(&str) -> String;

#[test]
fn incomplete_answers_are_reported_and_the_import_fails() {
    let (folder, _) = target();
    let at = folder.path();
    // A list that ends early, and an export with fewer conversations than the list.
    let list = |target: &str| {
        if target.contains("offset=0") || !target.contains("limit=100") {
            hosted(target, 2).2.replace("\"total\":2", "\"total\":3")
        } else {
            json!({"total": 3, "data": []}).to_string()
        }
    };
    let export = |target: &str| {
        if target.contains("export") {
            export_line(0, "Hi", &[])
        } else {
            json!({"total": 2, "data": []}).to_string()
        }
    };
    let cut = |target: &str| {
        if target.contains("export") {
            export_line(0, "Hi", &[]).trim_end().to_owned()
        } else {
            json!({"total": 1, "data": []}).to_string()
        }
    };
    let cases: [(&str, Body, &str); 4] = [
        (TOKEN, list, "counts 3 conversations, but lists 2"),
        ("sk_x", export, "has 2 conversations, but sent 1"),
        ("sk_x", cut, "last line of the response has no end"),
        (
            "sk_x",
            |_| json!({"data": []}).to_string(),
            "the list has no total",
        ),
    ];
    for (credential, body, reason) in cases {
        let stub = StubApi::start(move |target, _| (OK, String::new(), body(target)));
        let errors = expect_failure(&import(at, &stub.url(), credential));
        assert!(errors.contains(reason), "{reason}: {errors}");
    }
    // The last message of the list is not among the messages.
    let stub = StubApi::start(|target, _| {
        let (status, headers, body) = hosted(target, 2);
        let last = json!({"id": id(77)}).to_string();
        let body = body.replace("\"lastMessage\":null", &format!("\"lastMessage\":{last}"));
        (status, headers, body)
    });
    let (folder, _) = target();
    let errors = expect_failure(&import(folder.path(), &stub.url(), TOKEN));
    assert!(
        errors.contains("did not return its last message"),
        "{errors}"
    );
    assert_eq!(count(&folder.path().join("parlor.db"), "conversation"), 2);
}

#[test]
fn messages_of_a_conversation_with_a_long_line_are_read_in_pages() {
    let title = "a \"messages\":[ in a title";
    let long = message(7).to_string().len();
    let lines = [
        export_line(0, title, &vec![message(7); (65 << 20) / long]),
        export_line(1, "Hi", &[message(8)]),
    ];
    let lines = lines.concat();
    let stub = StubApi::start(move |target, _| {
        if target.contains("/messages") {
            // Pages of more than one message are too large.
            let (limit, offset) = (parameter(target, "limit"), parameter(target, "offset"));
            if limit > 1 {
                return (OK, String::new(), " ".repeat(65 << 20));
            }
            let page: Vec<_> = (offset..3.min(offset + limit)).map(message).collect();
            return ok(&json!({"object": "list", "data": page}));
        }
        if target.contains("export") {
            (OK, String::new(), lines.clone())
        } else {
            ok(&json!({"total": 2, "data": []}))
        }
    });
    let (folder, key) = target();
    let at = folder.path();
    let text = expect_success(&import(at, &stub.url(), "sk_x"));
    assert!(
        text.starts_with("imported 2 conversations, 4 messages, 1 visitors"),
        "{text}"
    );
    let copy = ParlorProcess::start(at, &["serve"]);
    let stored = copy.client.get(format!("/v2/conversations/{}", id(0)));
    assert_eq!(stored.bearer(&key).send().expect(200)["title"], title);
}

#[test]
fn interrupted_import_ends_at_once_while_the_server_does_not_respond() {
    let stub = StubApi::start(|_, _| {
        loop {
            thread::park();
        }
    });
    let (folder, _) = target();
    let mut command = parlor_command(folder.path());
    command.args(["import", "--from-api", &stub.url()]);
    command.env("PARLOR_IMPORT_KEY", TOKEN);
    let mut child = command.spawn().expect("a process");
    wait_until("the request is sent", || !stub.requests().is_empty());
    let start = Instant::now();
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status();
    assert!(sent.expect("kill").success());
    let status = child.wait().expect("an exit");
    assert_eq!(status.code(), Some(1));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn hostile_server_is_left_with_a_reason() {
    let page = |numbers: std::ops::Range<usize>| {
        let page: Vec<_> = numbers.map(conversation).collect();
        ok(&json!({"object": "list", "total": 1_000_000_000_u64, "data": page}))
    };
    let is_list = |target: &str| target.starts_with("/v2/conversations?");
    let redirect = |location: &str| {
        (
            "302 Found",
            format!("Location: {location}\r\n"),
            String::new(),
        )
    };
    let attacks: Vec<(&str, Box<Handler>)> = vec![
        // The same page for ever.
        (
            "the list does not end",
            Box::new(move |target, _| {
                if is_list(target) {
                    page(0..100)
                } else {
                    hosted(target, 1)
                }
            }),
        ),
        // Messages that never end.
        (
            "do not end",
            Box::new(|target, _| {
                if !target.contains("/messages") {
                    return hosted(target, 1);
                }
                // The metadata is no object, so it is not stored.
                let metadata = "x".repeat(5 << 20);
                let offset = parameter(target, "offset");
                let page = (offset..offset + 10).map(|number| {
                    let mut message = message(number);
                    message["metadata"] = json!(metadata);
                    message
                });
                ok(&json!({"object": "list", "data": page.collect::<Vec<_>>()}))
            }),
        ),
        (
            "redirects to another address",
            Box::new(move |_, _| redirect("http://127.0.0.1:1/v2")),
        ),
        (
            "redirects to another address",
            Box::new(move |target, _| redirect(target)),
        ),
        (
            "is not what the API returns",
            Box::new(|_, _| (OK, String::new(), "<html>".to_owned())),
        ),
        (
            "is not what the API returns",
            Box::new(|_, _| ok(&json!({"id": 7}))),
        ),
        (
            "data[0].createdAt",
            Box::new(move |target, _| {
                if !is_list(target) {
                    return hosted(target, 1);
                }
                let mut one = conversation(0);
                one["createdAt"] = json!("12025-01-01");
                ok(&json!({"total": 1, "data": [one]}))
            }),
        ),
        (
            "has more than 64 MB",
            Box::new(|_, _| (OK, String::new(), "x".repeat(65 << 20))),
        ),
        (
            "is not what the API returns",
            Box::new(|_, _| {
                (
                    OK,
                    String::new(),
                    format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20)),
                )
            }),
        ),
        (
            "is overloaded",
            Box::new(|_, _| {
                (
                    "503 Service Unavailable",
                    "Retry-After: 0\r\n".to_owned(),
                    String::new(),
                )
            }),
        ),
    ];
    for (reason, attack) in attacks {
        let stub = StubApi::start(attack);
        let (folder, _) = target();
        let at = folder.path();
        let errors = expect_failure(&import(at, &stub.url(), TOKEN));
        assert!(errors.contains(reason), "{reason}: {errors}");
        assert!(errors.len() < 600, "{errors}");
        assert!(stub.requests().len() < 210, "{reason}");
        run_successfully(at, &["check"]);
    }
}

#[test]
fn credential_is_not_sent_to_another_server_and_not_shown() {
    let other = StubApi::start(|target, _| hosted(target, 1));
    let elsewhere = other.url();
    let stub = StubApi::start(move |target, _| {
        (
            "307 Temporary Redirect",
            format!("Location: {elsewhere}{target}\r\n"),
            String::new(),
        )
    });
    let (folder, _) = target();
    let errors = expect_failure(&import(folder.path(), &stub.url(), TOKEN));
    assert!(!errors.contains(TOKEN), "{errors}");
    assert_eq!(other.requests(), Vec::<String>::new());
}
