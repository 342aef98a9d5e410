//! `parlor learn` next to a running server, and interrupted by Ctrl-C.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;

use crate::fake_website::FakeWebsite;
use crate::setup::{Workspace, output_texts, page};

#[test]
fn running_server_finds_learned_documents() {
    let workspace = Workspace::new();
    workspace.write(
        "help/a.md",
        "# Umbrellas\n\nThey keep the rain off people who walk under them.",
    );
    let (key, _) = workspace.run_ok(&["keys", "create", "--kind", "publishable", "--name", "x"]);
    let mut server = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(workspace.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("spawn server");
    let mut line = String::new();
    let out = server.stdout.take().expect("standard output");
    BufReader::new(out).read_line(&mut line).expect("read line");
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let address = address.expect("address").to_owned();
    workspace.run_ok(&["learn", "help"]);
    let mut stream = TcpStream::connect(&address).expect("connect");
    write!(stream, "GET /v2/search?q=umbrellas&apiKey={key} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("send request");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("read response");
    let _ = server.kill();
    let _ = server.wait();
    assert!(response.contains("keep the rain off"), "{response}");
}

#[test]
fn ctrl_c_keeps_the_documents_learned_so_far() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let robots = "User-agent: parlor\nCrawl-delay: 9\n";
    site.set("/robots.txt", "200 OK", "", robots);
    site.set_sitemap("/sitemap.xml", &["/a", "/b"]);
    site.set_page("/a", &page("A"));
    workspace.write(
        "help/a.md",
        "# A\n\nThe first of the files that are learned here.",
    );
    let mut learn = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .args(["learn", "help", &site.url("/sitemap.xml"), "--private"])
        .current_dir(workspace.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("spawn parlor");
    while !site
        .take_requested_paths()
        .contains(&"/sitemap.xml".to_owned())
    {
        let status = learn.try_wait().expect("wait");
        assert!(status.is_none(), "parlor ended early: {status:?}");
        thread::yield_now();
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &learn.id().to_string()])
        .status();
    assert!(interrupt.expect("kill").success());
    let output = learn.wait_with_output().expect("wait");
    let (stdout, stderr) = output_texts(&output);
    assert!(stdout.starts_with("learned 1 page (1 new"), "{stdout}");
    assert!(
        stderr.contains("stopped; what was learned so far is kept"),
        "{stderr}"
    );
    assert_eq!(workspace.urls(), ["file:a.md"]);
}
