//! The line of each request in the log.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::helpers::{Client, ParlorProcess, string, wait_until};

/// A server that writes its log to a file.
struct LoggingServer {
    process: Option<ParlorProcess>,
    client: Client,
    directory: TempDir,
}

impl LoggingServer {
    fn start(arguments: &[&str]) -> Self {
        let directory = TempDir::new().expect("a directory");
        let log = File::create(directory.path().join("log")).expect("a file");
        let arguments = [&["serve"], arguments].concat();
        let process = ParlorProcess::start_with_log(directory.path(), &arguments, log);
        Self {
            client: process.client,
            process: Some(process),
            directory,
        }
    }

    fn key(&self, prefix: &str) -> String {
        let process = self.process.as_ref().expect("a server");
        process.key(prefix).expect("a key")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("UTF-8")
    }

    /// Stops the server and returns its log.
    fn stop(mut self) -> String {
        let process = self.process.take().expect("a server");
        assert_eq!(process.stop("TERM").0.code(), Some(0));
        self.log()
    }
}

/// The lines of requests in a log of JSON lines, all of which must be objects.
#[track_caller]
fn requests(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let mut lines: Vec<Value> = lines.collect();
    lines.retain(|line| line["target"] == "parlor::access");
    lines
}

const JSON: [&str; 2] = ["--log-format", "json"];

#[test]
fn each_request_has_one_line_with_its_properties_and_without_secrets() {
    let server = LoggingServer::start(&JSON);
    let (client, public, private) = (server.client, server.key("pk_"), server.key("sk_"));
    let body = json!({ "apiKey": public, "saVid": "device-secret" });
    let session = client.post("/v2/identity/init").json(body).send();
    let token = string(&session.expect(201)["sessionToken"]);
    let start = client.post("/v2/conversations").bearer(&token).send();
    let id = string(&start.expect(201)["id"]);
    let messages = format!("/v2/conversations/{id}/messages");
    let message = client.post(&messages).bearer(&token);
    message.json(json!({ "content": "text-secret" })).send();
    let list = client.get("/v2/conversations?limit=3").bearer(&private);
    let list = list.header("X-Request-Id", "from-the-proxy").send();
    list.expect(200);
    let project = format!("/v2/projects/current?apiKey={public}");
    client.get(project).send().expect(200);
    client
        .get("/v2/conversations")
        .bearer("sk_wrong")
        .send()
        .expect(401);
    client.get("/nothing").send().expect(404);
    let log = server.stop();
    let lines = requests(&log);
    let columns: Vec<_> = lines
        .iter()
        .map(|line| {
            ["method", "route", "status", "caller", "level"].map(|name| {
                let value = &line[name];
                value.as_str().map_or(value.to_string(), str::to_owned)
            })
        })
        .collect();
    let list = "/v2/conversations";
    let template = "/v2/conversations/{conversationId}/messages";
    assert_eq!(
        columns,
        [
            [
                "POST",
                "/v2/identity/init",
                "201",
                "publishable_key",
                "info"
            ],
            ["POST", list, "201", "visitor", "info"],
            ["POST", template, "200", "visitor", "info"],
            ["GET", list, "200", "private_key", "info"],
            [
                "GET",
                "/v2/projects/current",
                "200",
                "publishable_key",
                "info"
            ],
            ["GET", list, "401", "none", "info"],
            ["GET", "none", "404", "none", "info"],
        ]
    );
    assert_eq!(
        lines[0]["id"],
        session.header("x-request-id").expect("an id")
    );
    assert_eq!(lines[2]["path"], messages.as_str());
    assert_eq!(lines[3]["id"], "from-the-proxy");
    for line in &lines {
        assert_eq!(line["client"], "127.0.0.1");
        assert!(line["duration_us"].as_u64() > Some(0), "{line}");
        assert!(string(&line["time"]).ends_with('Z'), "{line}");
    }
    for secret in [&public, &private, &token, "secret", "sk_wrong", "limit=3"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn text_line_has_the_same_fields() {
    let server = LoggingServer::start(&[]);
    let list = server
        .client
        .get("/v2/conversations")
        .bearer(&server.key("sk_"));
    list.header("X-Request-Id", "r1").send().expect(200);
    let log = server.stop();
    let line = log.lines().next().expect("a line");
    let (head, rest) = line.split_once("method=").expect("fields");
    assert!(
        head.starts_with('[') && head.ends_with(" INFO ] "),
        "{line}"
    );
    let (start, rest) = rest.split_once(" duration_us=").expect("a duration");
    let (_, end) = rest.split_once(' ').expect("more fields");
    assert_eq!(start, "GET path=/v2/conversations status=200");
    assert_eq!(
        end,
        "route=/v2/conversations caller=private_key client=127.0.0.1 id=r1"
    );
}

#[test]
fn client_cannot_add_lines_or_fields() {
    for format in ["json", "text"] {
        let server = LoggingServer::start(&["--log-format", format]);
        let paths = [
            "/v2/%0a{\"level\":\"error\"}",
            "/v2/\"status\":200,\"path\":\"\\",
            "/v2/a%1b[2Jb\u{7f}",
            "/v2/\u{e9}\u{2028}",
        ];
        for path in paths {
            let request = server.client.get(path);
            let id = "x level=error";
            // The server may refuse the characters itself.
            request.header("X-Request-Id", id).send_and_drain();
        }
        let log = server.stop();
        let is_clean = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n');
        assert!(is_clean(&log), "{log:?}");
        assert!(!log.contains("x level=error"), "{log}");
        if format == "json" {
            let lines = requests(&log);
            assert!(!lines.is_empty());
            for line in lines {
                assert_eq!(
                    (&line["status"], &line["level"]),
                    (&404.into(), &"info".into())
                );
            }
        } else {
            let lines = log.lines().filter(|line| line.contains("method=GET"));
            for line in lines {
                assert!(
                    line.starts_with('[') && line.contains(" status=404 "),
                    "{line}"
                );
            }
        }
    }
}

#[test]
fn long_paths_and_methods_are_cut() {
    let server = LoggingServer::start(&JSON);
    let path = format!("/v2/{}", "a".repeat(60_000));
    server.client.get(path.as_str()).send().expect(404);
    let method: &str = "M".repeat(5000).leak();
    let request = server.client.request(method, "/nothing");
    request.send().expect(404);
    let lines = requests(&server.stop());
    assert_eq!(lines[0]["path"], format!("{}...", &path[..512]));
    assert_eq!(lines[1]["method"], format!("{}...", &method[..512]));
}

#[test]
fn keys_and_tokens_in_paths_methods_and_request_ids_are_masked() {
    for format in ["json", "text"] {
        let server = LoggingServer::start(&["--log-format", format]);
        let (client, private) = (server.client, server.key("sk_"));
        let public = server.key("pk_");
        let body = json!({ "apiKey": public, "saVid": "device" });
        let session = client.post("/v2/identity/init").json(body).send();
        let token = string(&session.expect(201)["sessionToken"]);
        let hex =
            |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
        for secret in [&private, &public, &token] {
            for typed in [secret, &hex(secret), &hex(&hex(secret))] {
                client.get(format!("/v2/{typed}/x")).send().expect(404);
            }
            let list = client.get("/v2/conversations").bearer(secret);
            let list = list.header("X-Request-Id", secret).send();
            let id = list.header("x-request-id").expect("an id");
            assert!(!id.contains(&secret[3..]), "{id}");
            let method: &str = secret.clone().leak();
            client.request(method, "/nothing").send().expect(404);
        }
        let log = server.stop();
        for mask in ["/v2/sk_***/x", "/v2/pk_***/x", "/v2/eyJ***/x"] {
            assert_eq!(log.matches(mask).count(), 3, "{mask} in {log}");
        }
        for secret in [&private, &public, &token] {
            // Not without its prefix, and not encoded.
            for text in [&secret[3..], &hex(&secret[3..]), &hex(&hex(&secret[3..]))] {
                assert!(!log.contains(text), "{text} in {log}");
            }
        }
    }
}

#[test]
fn log_requests_errors_omits_successes() {
    let server = LoggingServer::start(&[&JSON[..], &["--log-requests", "errors"]].concat());
    let key = server.key("sk_");
    server
        .client
        .get("/v2/conversations")
        .bearer(&key)
        .send()
        .expect(200);
    server.client.get("/nothing").send().expect(404);
    let lines = requests(&server.stop());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["path"], "/nothing");
}

#[test]
fn health_checks_have_the_level_debug() {
    for (level, count) in [("info", 0), ("parlor::access=debug", 3)] {
        let server = LoggingServer::start(&[&JSON[..], &["--log", level]].concat());
        server.client.get("/ready").send().expect(200);
        server.client.get("/health").send().expect(200);
        assert_eq!(requests(&server.stop()).len(), count, "{level}");
    }
}

#[test]
fn client_address_is_shortened_or_left_out() {
    for (form, expected) in [
        ("full", json!("2001:db8:1:2::3")),
        ("network", json!("2001:db8:1::")),
        ("none", Value::Null),
    ] {
        let arguments = [&JSON[..], &["--behind-proxy", "--log-addresses", form]].concat();
        let server = LoggingServer::start(&arguments);
        let request = server.client.get("/nothing");
        let request = request.header("X-Forwarded-For", "198.51.100.7, 2001:db8:1:2::3");
        request.send().expect(404);
        let log = server.stop();
        let lines = requests(&log);
        assert_eq!(lines[0]["client"], expected);
        assert_eq!(log.contains("2001:db8:1:2::3"), form == "full");
    }
}

#[test]
fn request_of_a_disconnected_client_has_a_line() {
    let server = LoggingServer::start(&JSON);
    let key = server.key("sk_");
    let mut stream = TcpStream::connect(server.client.0).expect("a connection");
    let head = format!(
        "POST /v2/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).expect("the head");
    drop(stream);
    wait_until("the request is logged", || server.log().contains("POST"));
    let lines = requests(&server.stop());
    let line = &lines[0];
    assert_eq!(line["route"], "/v2/conversations", "{line}");
    assert!(
        [400, 499].contains(&line["status"].as_u64().expect("a status")),
        "{line}"
    );
}
