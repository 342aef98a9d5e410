//! An HTTP server whose responses a test defines.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Status, further headers, and body.
type FakeResponse = (&'static str, String, Vec<u8>);

type FirstResponses = HashMap<String, VecDeque<FakeResponse>>;

/// A website on its own port. It answers 404 for paths without a response.
pub struct FakeWebsite {
    pub address: SocketAddr,
    responses: Arc<Mutex<HashMap<String, FakeResponse>>>,
    /// Responses that precede the others, each for one request.
    first_responses: Arc<Mutex<FirstResponses>>,
    requested_paths: Arc<Mutex<Vec<String>>>,
    credentials: Arc<Mutex<HashSet<Option<String>>>>,
}

impl FakeWebsite {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let site = Self {
            address: listener.local_addr().expect("local address"),
            responses: Arc::default(),
            first_responses: Arc::default(),
            requested_paths: Arc::default(),
            credentials: Arc::default(),
        };
        let (responses, paths) = (site.responses.clone(), site.requested_paths.clone());
        let credentials = site.credentials.clone();
        let first_responses = site.first_responses.clone();
        let find = Arc::new(move |path: &str| {
            let mut first = first_responses.lock().expect("lock");
            let first = first.get_mut(path).and_then(VecDeque::pop_front);
            first.or_else(|| responses.lock().expect("lock").get(path).cloned())
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (find, paths) = (find.clone(), paths.clone());
                let credentials = credentials.clone();
                thread::spawn(move || respond(stream, &*find, &paths, &credentials));
            }
        });
        site
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sets the response of a path.
    pub fn set(&self, path: &str, status: &'static str, headers: &str, body: impl Into<Vec<u8>>) {
        let response = (status, headers.to_owned(), body.into());
        self.responses
            .lock()
            .expect("lock")
            .insert(path.to_owned(), response);
    }

    /// Adds a response without a body for one request of a path.
    pub fn add_first(&self, path: &str, status: &'static str, headers: &str) {
        let mut first = self.first_responses.lock().expect("lock");
        let responses = first.entry(path.to_owned()).or_default();
        responses.push_back((status, headers.to_owned(), Vec::new()));
    }

    /// Sets an HTML page as the response of a path.
    pub fn set_page(&self, path: &str, body: &str) {
        self.set(
            path,
            "200 OK",
            "Content-Type: text/html; charset=utf-8\r\n",
            body,
        );
    }

    /// Sets a sitemap as the response of a path; `pages` are paths of this
    /// website or absolute addresses.
    pub fn set_sitemap(&self, path: &str, pages: &[&str]) {
        let entries = pages.iter().map(|page| {
            if page.starts_with('/') {
                format!("<url><loc>{}</loc></url>", self.url(page))
            } else {
                format!("<url><loc>{page}</loc></url>")
            }
        });
        let body = format!("<urlset>{}</urlset>", entries.collect::<String>());
        self.set(path, "200 OK", "Content-Type: application/xml\r\n", body);
    }

    /// Removes the response of a path.
    pub fn remove(&self, path: &str) {
        self.responses.lock().expect("lock").remove(path);
    }

    /// The `Authorization` headers of all requests; `None` for requests without it.
    pub fn credentials(&self) -> HashSet<Option<String>> {
        self.credentials.lock().expect("lock").clone()
    }

    /// The paths requested since the last call.
    pub fn take_requested_paths(&self) -> Vec<String> {
        std::mem::take(&mut *self.requested_paths.lock().expect("lock"))
    }
}

fn respond(
    mut stream: TcpStream,
    find: &dyn Fn(&str) -> Option<FakeResponse>,
    requested_paths: &Mutex<Vec<String>>,
    credentials: &Mutex<HashSet<Option<String>>>,
) {
    let mut lines = BufReader::new(stream.try_clone().expect("clone stream"));
    let mut head = String::new();
    while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let is_parlor = head.to_ascii_lowercase().contains("user-agent: parlor/");
    assert!(is_parlor, "{head}");
    let authorization = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_authorization = name.eq_ignore_ascii_case("authorization");
        is_authorization.then(|| value.trim().to_owned())
    });
    credentials.lock().expect("lock").insert(authorization);
    requested_paths.lock().expect("lock").push(path.clone());
    let (status, headers, body) =
        find(&path).unwrap_or(("404 Not Found", String::new(), Vec::new()));
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
