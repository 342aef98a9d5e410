//! `parlor health`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output;

use tempfile::TempDir;

use crate::helpers::{
    ParlorProcess, TestServer, parlor_command, run, run_successfully, run_with_error, wait_until,
};
use crate::sqlite_only;
use crate::stub_server::{StubServer, response};

/// Asks the server at an address. Returns standard error, which has one line.
#[track_caller]
fn refusal(options: &[&str]) -> String {
    let folder = TempDir::new().expect("a folder");
    let output = run(folder.path(), &[&["health"], options].concat());
    expect_one_line(&output, 1)
}

#[track_caller]
fn expect_one_line(output: &Output, status: i32) -> String {
    let [out, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert_eq!(output.status.code(), Some(status), "{out}{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(out.is_empty(), "{out}");
    errors.into_owned()
}

/// An address on which nothing listens.
fn unused_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

#[test]
fn running_server_is_healthy_and_ready() {
    sqlite_only!("the test runs commands on files of its own");
    let server = TestServer::start();
    let folder = TempDir::new().expect("a folder");
    let (address, port) = (server.0.to_string(), server.0.port());
    let url = format!("http://{address}");
    for options in [
        &["--listen", &address][..],
        &["--listen", &format!("0.0.0.0:{port}")],
        &["--url", &url],
        &["--url", &format!("{url}/"), "--listen", "127.0.0.1:1"],
    ] {
        let line = run_successfully(folder.path(), &[&["health"], options].concat());
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(line, format!("ok: {url}/health, parlor {version}\n"));
        let ready = [&["health", "--ready"], options].concat();
        let line = run_successfully(folder.path(), &ready);
        assert_eq!(line, format!("ready: {url}/ready\n"));
    }
}

#[test]
fn address_is_that_of_the_server_in_the_environment() {
    sqlite_only!("the test runs commands on files of its own");
    let server = TestServer::start();
    let folder = TempDir::new().expect("a folder");
    let listen = format!("0.0.0.0:{}", server.0.port());
    let mut command = parlor_command(folder.path());
    command.env("PARLOR_LISTEN", &listen);
    // A proxy and the public URL are not on the way to the server.
    for (name, value) in [
        ("http_proxy", "http://127.0.0.1:1"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("PARLOR_PUBLIC_URL", "https://chat.example"),
    ] {
        command.env(name, value);
    }
    let output = command.env_remove("no_proxy").arg("health").output();
    assert!(output.expect("a run").status.success());
}

#[test]
fn health_check_of_the_image_asks_the_server_of_the_image() {
    sqlite_only!("the test runs commands on files of its own");
    let server = TestServer::start();
    let folder = TempDir::new().expect("a folder");
    let dockerfile = concat!(env!("CARGO_MANIFEST_DIR"), "/Dockerfile");
    let dockerfile = std::fs::read_to_string(dockerfile).expect("a file");
    let (_, check) = dockerfile.split_once("\nHEALTHCHECK ").expect("a check");
    let (_, command) = check.split_once("CMD ").expect("a command");
    let command = command.lines().next().expect("a line");
    let command: Vec<String> = serde_json::from_str(command).expect("an array");
    let (program, arguments) = command.split_first().expect("a program");
    assert_eq!(program, "/usr/local/bin/parlor");
    let (_, listen) = dockerfile.split_once("PARLOR_LISTEN=").expect("an address");
    let listen = listen.split_whitespace().next().expect("an address");
    let mut listen: SocketAddr = listen.parse().expect("an address");
    listen.set_port(server.0.port());
    let mut health = parlor_command(folder.path());
    let health = health
        .args(arguments)
        .env("PARLOR_LISTEN", listen.to_string());
    assert!(health.output().expect("a run").status.success());
}

#[test]
fn server_on_ipv6_is_healthy() {
    sqlite_only!("the test runs commands on files of its own");
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let stub = TcpListener::bind("[::1]:0").expect("a port");
    let port = stub.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || {
        for stream in stub.incoming().take(2) {
            answer_health(stream.expect("a connection"));
        }
    });
    for listen in [format!("[::]:{port}"), format!("[::1]:{port}")] {
        let line = run_successfully(folder.path(), &["health", "--listen", &listen]);
        assert!(line.starts_with(&format!("ok: http://[::1]:{port}/health")));
    }
    server.join().expect("two requests");
}

fn answer_health(mut stream: TcpStream) {
    let request = BufReader::new(&stream).lines();
    let head = request.map_while(Result::ok);
    head.take_while(|line| !line.is_empty()).for_each(drop);
    let body = r#"{"status":"ok"}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let length = body.len();
    write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").expect("a response");
}

#[test]
fn server_that_drains_is_not_healthy_and_names_the_reason() {
    sqlite_only!("the test runs commands on files of its own");
    let folder = TempDir::new().expect("a folder");
    let metrics = unused_address().to_string();
    let arguments = ["serve", "--metrics-listen", &metrics];
    let mut process = ParlorProcess::start(folder.path(), &arguments);
    let address = process.client.0.to_string();
    let url = format!("http://{metrics}");
    run_successfully(folder.path(), &["health", "--ready", "--url", &url]);
    // A request without its body keeps the server from ending.
    let mut unfinished = TcpStream::connect(&address).expect("a connection");
    let key = process.key("sk_").expect("a key");
    write!(
        unfinished,
        "POST /v2/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    .expect("a head");
    let mut begun = [0; 25];
    unfinished.read_exact(&mut begun).expect("100 Continue");
    process.send_signal("TERM");
    wait_until("the server does not listen", || {
        TcpStream::connect(&address).is_err()
    });
    let error = refusal(&["--listen", &address]);
    assert!(error.contains("no connection to"), "{error}");
    let error = refusal(&["--ready", "--url", &url]);
    assert!(error.contains("not ready: shutting-down"), "{error}");
    drop(unfinished);
    process.child.wait().expect("an exit status");
}

#[test]
fn address_without_a_server_is_not_healthy() {
    sqlite_only!("the test runs commands on files of its own");
    let address = unused_address().to_string();
    let error = refusal(&["--listen", &address]);
    assert!(
        error.contains(&format!("no connection to http://{address}/health"))
            && error.contains("Connection refused"),
        "{error}"
    );
    let error = refusal(&["--listen", "127.0.0.1:0"]);
    assert!(error.contains("--listen or --url"), "{error}");
}

#[test]
fn port_of_another_program_is_not_healthy() {
    sqlite_only!("the test runs commands on files of its own");
    for (status, body) in [
        ("200 OK", "<h1>Welcome</h1>"),
        ("200 OK", r#"{"status":"ready"}"#),
        ("404 Not Found", r#"{"status":"ok"}"#),
        ("302 Found", ""),
    ] {
        let stub = StubServer::start(vec![response(status, "", body)]);
        let error = refusal(&["--url", &format!("http://{}", stub.address)]);
        assert!(
            error.contains("is not a parlor server"),
            "{status}: {error}"
        );
    }
}

#[test]
fn server_that_does_not_respond_is_not_healthy() {
    sqlite_only!("the test runs commands on files of its own");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let error = refusal(&["--listen", &address, "--timeout", "1"]);
    assert!(
        error.contains("did not respond within 1 seconds"),
        "{error}"
    );
}

#[test]
fn https_url_of_a_server_without_tls_is_not_healthy() {
    sqlite_only!("the test runs commands on files of its own");
    let server = TestServer::start();
    let url = format!("https://{}", server.0);
    let error = refusal(&["--url", &url]);
    assert!(
        error.contains(&format!("no connection to {url}/health")),
        "{error}"
    );
}

#[test]
fn invalid_url_is_a_usage_error() {
    sqlite_only!("the test runs commands on files of its own");
    let folder = TempDir::new().expect("a folder");
    for url in ["chat.example", "http://chat.example/health"] {
        let error = run_with_error(folder.path(), &["health", "--url", url]);
        assert!(error.contains("such as https://"), "{error}");
    }
}
