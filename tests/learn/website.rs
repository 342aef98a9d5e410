//! A website that says what a test wants it to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a website answers at a path: status, headers after it, body.
type Answer = (&'static str, String, Vec<u8>);

/// A website on a port of its own, until the test ends.
pub struct Website {
    pub address: SocketAddr,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Website {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let site = Self {
            address: listener.local_addr().expect("an address"),
            answers: Arc::default(),
            asked: Arc::default(),
        };
        let (answers, asked) = (site.answers.clone(), site.asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, asked) = (answers.clone(), asked.clone());
                thread::spawn(move || answer(stream, &answers, &asked));
            }
        });
        site
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn says(&self, path: &str, status: &'static str, headers: &str, body: impl Into<Vec<u8>>) {
        let answer = (status, headers.to_owned(), body.into());
        self.answers
            .lock()
            .expect("answers")
            .insert(path.to_owned(), answer);
    }

    pub fn page(&self, path: &str, body: &str) {
        self.says(
            path,
            "200 OK",
            "Content-Type: text/html; charset=utf-8\r\n",
            body,
        );
    }

    pub fn sitemap(&self, path: &str, pages: &[&str]) {
        let pages = pages.iter().map(|page| match page.starts_with('/') {
            true => format!("<url><loc>{}</loc></url>", self.url(page)),
            false => format!("<url><loc>{page}</loc></url>"),
        });
        let body = format!("<urlset>{}</urlset>", pages.collect::<String>());
        self.says(path, "200 OK", "Content-Type: application/xml\r\n", body);
    }

    pub fn gone(&self, path: &str) {
        self.answers.lock().expect("answers").remove(path);
    }

    pub fn was_asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("paths"))
    }
}

fn answer(
    mut stream: TcpStream,
    answers: &Mutex<HashMap<String, Answer>>,
    asked: &Mutex<Vec<String>>,
) {
    let mut lines = BufReader::new(stream.try_clone().expect("a stream"));
    let mut head = String::new();
    while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let agent = head.to_ascii_lowercase().contains("user-agent: parlor/");
    assert!(agent, "{head}");
    asked.lock().expect("paths").push(path.clone());
    let found = answers.lock().expect("answers").get(&path).cloned();
    let (status, headers, body) = found.unwrap_or(("404 Not Found", String::new(), Vec::new()));
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&body));
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read(&mut [0; 1]);
}
