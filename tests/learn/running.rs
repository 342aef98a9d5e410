//! Learning while a server runs, and breaking off.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;

use crate::stage::{Stage, page, texts};
use crate::website::Website;

#[test]
fn a_server_that_runs_on_the_file_finds_what_is_learned() {
    let stage = Stage::new();
    stage.write(
        "help/a.md",
        "# Umbrellas\n\nThey keep the rain off whoever walks under them.",
    );
    let (key, _) = stage.done(&["keys", "create", "--kind", "publishable", "--name", "x"]);
    let mut server = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(stage.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a server");
    let mut line = String::new();
    let out = server.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let address = address.expect("an address").to_owned();
    stage.done(&["learn", "help"]);
    let mut stream = TcpStream::connect(&address).expect("a connection");
    write!(stream, "GET /v2/search?q=umbrellas&apiKey={key} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let _ = server.kill();
    let _ = server.wait();
    assert!(answer.contains("keep the rain off"), "{answer}");
}

#[test]
fn ctrl_c_keeps_what_was_learned() {
    let (stage, site) = (Stage::new(), Website::new());
    let robots = "User-agent: parlor\nCrawl-delay: 9\n";
    site.says("/robots.txt", "200 OK", "", robots);
    site.sitemap("/sitemap.xml", &["/a", "/b"]);
    site.page("/a", &page("A"));
    stage.write(
        "help/a.md",
        "# A\n\nThe first of the files that are learned here.",
    );
    let learn = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .args(["learn", "help", &site.url("/sitemap.xml"), "--private"])
        .current_dir(stage.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    while !site.was_asked().contains(&"/sitemap.xml".to_owned()) {
        thread::yield_now();
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &learn.id().to_string()])
        .status();
    assert!(interrupt.expect("kill").success());
    let output = learn.wait_with_output().expect("an end");
    let (said, errors) = texts(&output);
    assert!(said.starts_with("learned 1 page (1 new"), "{said}");
    assert!(
        errors.contains("stopped; what was learned so far is kept"),
        "{errors}"
    );
    assert_eq!(stage.urls(), ["file:a.md"]);
}
