//! `/metrics` and the address of `--metrics-listen`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use parlor::answer::AnswerError;
use serde_json::json;
use tempfile::TempDir;

use crate::helpers::{
    Client, ParlorProcess, TestServer, UNKNOWN_ID, WebSocketClient, setup_answers,
    setup_conversation, wait_until,
};
use crate::one_node;
use crate::sqlite_only;

/// The metrics of a server as text.
#[track_caller]
fn metrics(client: Client) -> String {
    let response = client.get("/metrics").send();
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(
        response.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    response.text().to_owned()
}

/// The value of a series, such as `parlor_answers_total{provider="model"}`. 0 if it does
/// not exist.
fn value(text: &str, series: &str) -> f64 {
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let mut values = lines.filter(|(name, _)| *name == series);
    let value = values.next().map_or("0", |(_, value)| value);
    value.parse().expect("a number")
}

/// Asserts the increase of series while `action` runs.
#[track_caller]
fn expect_increase(client: Client, expected: &[(&str, f64)], action: impl FnOnce()) {
    let before = metrics(client);
    action();
    let after = metrics(client);
    for (series, increase) in expected {
        let found = value(&after, series) - value(&before, series);
        assert!((found - increase).abs() < 1e-9, "{series} by {found}");
    }
}

#[test]
fn requests_are_counted_by_route_method_and_status() {
    one_node!("the metrics are those of one process");
    let (server, ann, id) = setup_conversation();
    let list = r#"method="GET",route="/v2/conversations""#;
    let one = r#"method="GET",route="/v2/conversations/{conversationId}""#;
    let none = r#"method="GET",route="none""#;
    let series = |labels: &str, status| {
        format!(r#"parlor_http_requests_total{{{labels},status="{status}"}}"#)
    };
    let histogram =
        |labels: &str| format!("parlor_http_request_duration_seconds_count{{{labels}}}");
    let expected = [
        (series(list, 200), 3.0),
        (series(list, 401), 1.0),
        (series(one, 200), 1.0),
        (series(one, 404), 1.0),
        (series(none, 404), 2.0),
        (histogram(list), 4.0),
        (histogram(one), 2.0),
        (
            r#"parlor_http_requests_total{method="other",route="none",status="404"}"#.to_owned(),
            1.0,
        ),
        (
            r#"parlor_http_requests_total{method="DELETE",route="/v2/conversations",status="405"}"#
                .to_owned(),
            1.0,
        ),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(series, increase)| (series.as_str(), *increase))
        .collect();
    expect_increase(*server, &expected, || {
        for _ in 0..3 {
            server.list(&ann.token, "");
        }
        server.get("/v2/conversations").send().expect(401);
        server.get_conversation(&ann, &id);
        let unknown = format!("/v2/conversations/{UNKNOWN_ID}");
        server.get(unknown).bearer(&ann.token).send().expect(404);
        server.get("/one").send().expect(404);
        server.get("/two?x").send().expect(404);
        server.request("BREW", "/coffee").send().expect(404);
        let delete = server.request("DELETE", "/v2/conversations");
        delete.send().expect(405);
    });
    // The request of the metrics itself.
    let text = metrics(*server);
    assert_eq!(value(&text, "parlor_http_requests_in_flight"), 1.0);
}

#[test]
fn labels_are_bounded_whatever_clients_request() {
    one_node!("the metrics are those of one process");
    let (server, ann, _) = setup_conversation();
    let names = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let names = lines.filter_map(|line| line.split_once(' '));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let request = |number: usize| {
        server.get(format!("/path-{number}")).send().expect(404);
        let id = format!("123e4567-e89b-12d3-a456-{number:012}");
        let conversation = server.get(format!("/v2/conversations/{id}"));
        conversation.bearer(&ann.token).send().expect(404);
    };
    request(0);
    metrics(*server);
    let before = names(&metrics(*server));
    for number in 1..30 {
        request(number);
    }
    assert_eq!(names(&metrics(*server)), before);
}

#[test]
fn store_and_list_cache_are_counted() {
    one_node!("the metrics are those of one process");
    sqlite_only!("the figures of the file");
    let (server, ann, _) = setup_conversation();
    server.list(&ann.token, "limit=7");
    let expected = [
        (r#"parlor_list_cache_requests_total{result="hit"}"#, 0.0),
        (r#"parlor_list_cache_requests_total{result="miss"}"#, 1.0),
        ("parlor_db_commit_writes_sum", 1.0),
        ("parlor_db_commit_writes_count", 1.0),
        ("parlor_db_commit_duration_seconds_count", 1.0),
        ("parlor_db_commit_failures_total", 0.0),
        ("parlor_db_write_queue_length", 0.0),
    ];
    // The write makes the list in the cache invalid.
    expect_increase(*server, &expected, || {
        server.start_conversation(&ann);
        server.list(&ann.token, "limit=7");
    });
    let hit = [(r#"parlor_list_cache_requests_total{result="hit"}"#, 1.0)];
    expect_increase(*server, &hit, || {
        server.list(&ann.token, "limit=7");
    });
    let text = metrics(*server);
    for series in [
        "parlor_db_file_bytes",
        "parlor_db_wal_bytes",
        "parlor_disk_free_bytes",
        "parlor_disk_size_bytes",
        "parlor_db_read_wait_seconds_count",
        "parlor_db_write_wait_seconds_count",
        "parlor_memory_budget_limit_bytes",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        assert!(value(&text, series) > 0.0, "{series}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let info = format!(r#"parlor_build_info{{version="{version}"}}"#);
    assert_eq!(value(&text, &info), 1.0);
    assert_eq!(value(&text, "parlor_ready"), 1.0);
}

#[test]
fn connections_that_read_are_counted_on_every_store() {
    let (server, ann, _) = setup_conversation();
    server.list(&ann.token, "limit=7");
    let text = metrics(*server);
    let connections = |state| {
        let series = format!(r#"parlor_db_read_connections{{state="{state}"}}"#);
        value(&text, &series)
    };
    assert!(connections("idle") + connections("in_use") >= 1.0, "{text}");
    wait_until("no read waits", || {
        value(&metrics(*server), "parlor_db_reads_waiting") == 0.0
    });
}

#[test]
fn lost_file_is_not_ready_and_a_failed_commit() {
    sqlite_only!("the test moves the file");
    let (server, ann, _) = setup_conversation();
    let moved = server.db_path().with_extension("moved");
    fs::rename(server.db_path(), &moved).expect("a move");
    let start = server.post("/v2/conversations").bearer(&ann.token);
    start.send().expect(503);
    let text = metrics(*server);
    assert!(value(&text, "parlor_db_commit_failures_total") >= 1.0);
    assert_eq!(value(&text, "parlor_ready"), 0.0);
    fs::rename(&moved, server.db_path()).expect("a move");
}

#[test]
fn answers_are_counted_by_provider_and_outcome() {
    one_node!("the metrics are those of one process");
    let fixture = setup_answers();
    let client = *fixture.server;
    let expected = [
        (
            r#"parlor_answers_total{provider="model",outcome="complete"}"#,
            1.0,
        ),
        (
            r#"parlor_answers_total{provider="model",outcome="failed"}"#,
            1.0,
        ),
        (
            r#"parlor_answer_first_text_seconds_count{provider="model"}"#,
            2.0,
        ),
        (
            r#"parlor_answer_duration_seconds_count{provider="model"}"#,
            1.0,
        ),
    ];
    // The model fails if its script ends before the client's disconnect is noticed.
    let mut running_script = None;
    expect_increase(client, &expected, || {
        fixture.model.answer_with("Hello");
        fixture.ask_without_stream("One").expect(200);
        let failure = AnswerError::ModelFailed("no".to_owned());
        fixture.model.fail_with(failure);
        fixture.ask_without_stream("Two").expect(502);
        let (script, stream) = fixture.start_answer();
        running_script = Some(script);
        assert_eq!(value(&metrics(client), "parlor_answers_streaming"), 1.0);
        drop(stream);
    });
    let cancelled = r#"parlor_answers_total{provider="model",outcome="cancelled"}"#;
    wait_until("the answer is cancelled", || {
        value(&metrics(client), cancelled) == 1.0
    });
    drop(running_script);
    let (server, ann, id) = setup_conversation();
    let complete = [
        (
            r#"parlor_answers_total{provider="builtin",outcome="complete"}"#,
            1.0,
        ),
        (
            r#"parlor_answer_first_text_seconds_count{provider="builtin"}"#,
            1.0,
        ),
    ];
    expect_increase(*server, &complete, || {
        server.post_message(&ann, &id, "Hello").send().expect(200);
    });
}

#[test]
fn sockets_and_refusals_are_counted() {
    one_node!("the metrics are those of one process");
    let server = TestServer::start_with(|settings| {
        settings.rate_limit = 3;
        settings.memory_budget_mb = 1;
        settings.max_body_bytes = 500_000;
    });
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let key = &server.project.publishable_key;
    let target = format!("/v2/conversations/{id}/ws?apiKey={key}");
    let socket = WebSocketClient::open(*server, &target);
    assert_eq!(value(&metrics(*server), "parlor_websockets"), 1.0);
    drop(socket);
    wait_until("the socket is closed", || {
        value(&metrics(*server), "parlor_websockets") == 0.0
    });
    let expected = [
        (r#"parlor_memory_budget_refusals_total{limit="share"}"#, 1.0),
        (r#"parlor_rate_limit_refusals_total{limit="session"}"#, 1.0),
    ];
    expect_increase(*server, &expected, || {
        let private = &server.project.private_key;
        // Without its last byte, the first body stays in memory.
        let body = "x".repeat(499_999);
        let mut unfinished = TcpStream::connect(server.0).expect("a connection");
        let head = format!(
            "POST /v2/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {private}\r\n\
             Content-Type: application/json\r\nContent-Length: 500000\r\n\r\n{body}"
        );
        unfinished.write_all(head.as_bytes()).expect("sent");
        wait_until("the first body is in memory", || {
            value(&metrics(*server), "parlor_memory_budget_used_bytes") > 499_999.0
        });
        let second = server.post("/v2/conversations").bearer(private);
        second.json(&body).send_and_drain();
        drop(unfinished);
        let list = || server.get_list(&ann.token, "").status;
        assert_eq!([list(), list(), list()], [200, 200, 429]);
    });
}

/// A server that has made a backup.
fn start_with_backup(folder: &TempDir) -> TestServer {
    let server = TestServer::start_with(|settings| {
        settings.backup.backup_dir = Some(folder.path().join("backups"));
    });
    let newest = "parlor_backup_last_success_timestamp_seconds";
    wait_until("a backup is made", || {
        value(&metrics(*server), newest) > 1.6e9
    });
    server
}

#[test]
fn every_metric_is_in_the_documentation() {
    one_node!("the metrics are those of one process");
    sqlite_only!("some metrics are those of the file");
    let folder = TempDir::new().expect("a folder");
    let text = metrics(*start_with_backup(&folder));
    let described = |kind: &str| {
        let prefix = format!("# {kind} ");
        let lines = text.lines().filter_map(move |line| {
            let (name, rest) = line.strip_prefix(&prefix)?.split_once(' ')?;
            Some((name.to_owned(), rest.to_owned()))
        });
        lines.collect::<Vec<_>>()
    };
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md");
    let page = fs::read_to_string(page).expect("a page");
    let (_, table) = page.split_once("| Metric |").expect("a table");
    let rows = table.lines().skip(2).take_while(|line| !line.is_empty());
    let rows: Vec<Vec<_>> = rows
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let column = |index: usize| {
        let cells = rows
            .iter()
            .map(|row| (row[1].trim_matches('`'), row[index]));
        cells
            .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(column(4), described("HELP"));
    assert_eq!(column(2), described("TYPE"));
}

#[test]
fn backups_are_reported() {
    sqlite_only!("backups are copies of a file");
    let folder = TempDir::new().expect("a folder");
    let server = start_with_backup(&folder);
    let text = metrics(*server);
    assert_eq!(value(&text, "parlor_backup_interval_seconds"), 86_400.0);
    assert_eq!(value(&text, "parlor_backup_failures_total"), 0.0);
    let without = TestServer::start();
    assert!(!metrics(*without).contains("parlor_backup"));
}

#[test]
fn request_of_a_proxy_or_a_browser_gets_no_metrics() {
    let server = TestServer::start();
    let get = || server.get("/metrics");
    assert_eq!(get().send().status, 200);
    for request in [
        get().header("X-Forwarded-For", "127.0.0.1"),
        get().header("Forwarded", "for=127.0.0.1"),
        get().header("Origin", "http://127.0.0.1"),
        get().header("Via", "1.1 localhost"),
        get().header("Sec-Fetch-Site", "cross-site"),
        get().hosts(&["chat.example"]),
    ] {
        let error = request.send().expect_error(403, "FORBIDDEN");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("--metrics-listen"), "{message}");
    }
}

/// A server with an address of its own for metrics.
fn start_with_metrics_address(directory: &TempDir) -> (ParlorProcess, Client) {
    let path = directory.path().join("log");
    let log = File::create(&path).expect("a file");
    let arguments = ["serve", "--metrics-listen", "127.0.0.1:0"];
    let process = ParlorProcess::start_with_log(directory.path(), &arguments, log);
    let log = fs::read_to_string(path).expect("UTF-8");
    let (_, address) = log
        .split_once("metrics are on http://")
        .expect("an address");
    let (address, _) = address.split_once('/').expect("a path");
    let address: SocketAddr = address.parse().expect("an address");
    (process, Client(address))
}

#[test]
fn metrics_with_an_address_of_their_own_are_only_there() {
    let directory = TempDir::new().expect("a directory");
    let (process, operator) = start_with_metrics_address(&directory);
    let refused = process.client.get("/metrics").send();
    refused.expect_error(404, "NOT_FOUND");
    let scrape = operator.get("/metrics").header("X-Forwarded-For", "::1");
    assert!(scrape.send().text().contains("parlor_build_info"));
    operator.get("/health").send().expect(200);
    operator.get("/ready").send().expect(200);
    let list = operator.get("/v2/conversations").send();
    list.expect_error(404, "NOT_FOUND");
    process.stop("TERM");
}

#[test]
fn server_that_shuts_down_is_alive_and_not_ready() {
    let directory = TempDir::new().expect("a directory");
    let (mut process, operator) = start_with_metrics_address(&directory);
    let key = process.key("sk_").expect("a key");
    let body = json!({ "visitor": { "saVid": "device" } }).to_string();
    // A request that is being processed delays the end.
    let mut stream = TcpStream::connect(process.client.0).expect("a connection");
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).expect("a limit");
    let head = format!(
        "POST /v2/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the head");
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).expect("100 Continue");
    process.send_signal("TERM");
    wait_until("the server is not ready", || {
        operator.get("/ready").send().status == 503
    });
    let error = operator.get("/ready").send();
    let error = error.expect_error(503, "SERVICE_UNAVAILABLE");
    assert_eq!(error["details"]["reason"], "shutting-down");
    operator.get("/health").send().expect(200);
    assert_eq!(value(&metrics(operator), "parlor_ready"), 0.0);
    stream.write_all(body.as_bytes()).expect("the body");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    assert_eq!(process.child.wait().expect("an end").code(), Some(0));
}
