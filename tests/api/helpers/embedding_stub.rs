//! A stub of a server with an embedding model.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// Words with one meaning have one direction.
const MEANINGS: [&[&str]; 3] = [&["refund", "quux"], &["parcel", "flarn"], &["mug", "zorb"]];

/// A text that the server refuses.
pub const REFUSED: &str = "poison";

/// A server whose vectors follow the meanings of words. It records the texts.
#[derive(Clone)]
pub struct EmbeddingStub {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    texts: Mutex<Vec<String>>,
    is_broken: AtomicBool,
}

impl EmbeddingStub {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<State>::default();
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                thread::spawn(move || respond(&stream, &state));
            }
        });
        Self { address, state }
    }

    /// The value for `--embedding-url`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The texts of all requests.
    pub fn texts(&self) -> Vec<String> {
        self.state.texts.lock().expect("no panic").clone()
    }

    /// Lets all further requests fail.
    pub fn set_broken(&self, is_broken: bool) {
        self.state.is_broken.store(is_broken, Ordering::Relaxed);
    }
}

fn respond(mut stream: &TcpStream, state: &State) {
    let Some(body) = read_body(stream) else {
        return;
    };
    let texts = body["input"].as_array().cloned().unwrap_or_default();
    let texts: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
    let mut log = state.texts.lock().expect("no panic");
    log.extend(texts.iter().map(|text| (*text).to_owned()));
    drop(log);
    let (status, body) = if state.is_broken.load(Ordering::Relaxed) {
        (500, json!({ "error": "broken" }))
    } else if texts.iter().any(|text| text.contains(REFUSED)) {
        (400, json!({ "error": "refused" }))
    } else {
        let items = texts.iter().enumerate();
        let items = items.map(|(index, text)| json!({ "index": index, "embedding": vector(text) }));
        (200, json!({ "data": items.collect::<Vec<_>>() }))
    };
    let body = body.to_string();
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status} S\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let _ = stream.write_all(response.as_bytes());
}

fn read_body(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? <= 2 {
            break;
        }
        let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

fn vector(text: &str) -> Vec<f32> {
    let text = text.to_lowercase();
    let count = |words: &&[&str]| words.iter().filter(|word| text.contains(**word)).count();
    let mut vector: Vec<f32> = MEANINGS.iter().map(|words| count(words) as f32).collect();
    vector.push(0.1);
    vector
}
