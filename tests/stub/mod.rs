//! A model's server that does what a script says, over a real socket: each
//! connection gets the next script, and the last script serves all that follow.

// Each test binary that includes this uses another part of it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// How long a test waits for what must happen before it fails.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the stub does on a connection once it has read the request. The
/// connection is closed after the last step.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes as they are.
    Send(Vec<u8>),
    /// Sends these bytes so many times, or until the client hangs up.
    Flood(Vec<u8>, usize),
    /// Waits for [`Stub::go`].
    Gate,
    /// Waits until the client hangs up.
    Hold,
}

pub type Script = Vec<Step>;

/// A request as it came.
#[derive(Debug)]
pub struct Heard {
    /// Such as `POST /v1/chat/completions HTTP/1.1`.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A running stub.
pub struct Stub {
    pub address: SocketAddr,
    heard: Mutex<Receiver<Heard>>,
    hung_up: Mutex<Receiver<usize>>,
    gate: Sender<()>,
}

impl Stub {
    pub fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (heard_here, heard) = mpsc::channel();
        let (hung_up_here, hung_up) = mpsc::channel();
        let (gate, opened) = mpsc::channel();
        let part = Part {
            heard: heard_here,
            hung_up: hung_up_here,
            opened: Arc::new(Mutex::new(opened)),
        };
        thread::spawn(move || {
            let mut scripts = scripts.into_iter();
            let mut script = Script::new();
            for stream in listener.incoming() {
                script = scripts.next().unwrap_or(script);
                let (part, script) = (part.clone(), script.clone());
                thread::spawn(move || part.play(&stream.expect("a connection"), script));
            }
        });
        Self {
            address,
            heard: Mutex::new(heard),
            hung_up: Mutex::new(hung_up),
            gate,
        }
    }

    /// A stub that answers every request with these deltas.
    pub fn saying(deltas: &[&str]) -> Self {
        Self::start(vec![answer(deltas)])
    }

    /// The base URL for `--model-url`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Lets one connection pass one gate.
    pub fn go(&self) {
        self.gate.send(()).expect("the stub runs");
    }

    /// The next request, in the order in which they came.
    pub fn heard(&self) -> Heard {
        let heard = self.heard.lock().expect("no panic");
        heard.recv_timeout(PATIENCE).expect("a request")
    }

    /// How many requests came that [`Stub::heard`] has not given.
    pub fn unheard(&self) -> usize {
        self.heard.lock().expect("no panic").try_iter().count()
    }

    /// Waits until a client has hung up on a step that notices, and tells how
    /// many bytes that step had sent by then.
    pub fn hung_up(&self) -> usize {
        let hung_up = self.hung_up.lock().expect("no panic");
        hung_up.recv_timeout(PATIENCE).expect("the client hangs up")
    }
}

/// What a connection's thread needs.
#[derive(Clone)]
struct Part {
    heard: Sender<Heard>,
    hung_up: Sender<usize>,
    opened: Arc<Mutex<Receiver<()>>>,
}

impl Part {
    fn play(&self, stream: &TcpStream, script: Script) {
        let Some(heard) = read_request(stream) else {
            return;
        };
        let _ = self.heard.send(heard);
        for step in script {
            if !self.take(stream, step) {
                return;
            }
        }
    }

    /// Whether the connection goes on.
    fn take(&self, mut stream: &TcpStream, step: Step) -> bool {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).is_ok(),
            Step::Gate => self.opened.lock().is_ok_and(|gate| gate.recv().is_ok()),
            Step::Flood(bytes, times) => {
                let sent = (0..times).take_while(|_| stream.write_all(&bytes).is_ok());
                let sent = sent.count();
                if sent < times {
                    let _ = self.hung_up.send(sent * bytes.len());
                }
                sent == times
            }
            Step::Hold => {
                let _ = stream.read(&mut [0; 64]);
                let _ = self.hung_up.send(0);
                false
            }
        }
    }
}

fn read_request(stream: &TcpStream) -> Option<Heard> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let headers = head[1..].iter().filter_map(|line| line.split_once(": "));
    let mut heard = Heard {
        line: head[0].clone(),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: Value::Null,
    };
    let length = heard
        .header("content-length")
        .and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    heard.body = serde_json::from_slice(&body).unwrap_or_default();
    Some(heard)
}

// ── What scripts are made of ──

pub fn send(text: impl Into<Vec<u8>>) -> Step {
    Step::Send(text.into())
}

/// The head of a response whose body ends with the connection.
pub fn head(status: &str, more: &str) -> Step {
    send(format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n"
    ))
}

/// The head of a stream.
pub fn stream() -> Step {
    head("200 OK", "Content-Type: text/event-stream\r\n")
}

/// A whole response that is no stream.
pub fn plain(status: &str, more: &str, body: &str) -> Script {
    vec![head(status, more), send(body)]
}

/// An event with some more of the text.
pub fn delta(text: &str) -> Step {
    send(event(&json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stub",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]
    })))
}

pub fn finish(reason: &str) -> Step {
    send(event(&json!({
        "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]
    })))
}

/// An event with what it cost: 10 tokens in, 4 of them cached, 3 out, 1 of them
/// for reasoning.
pub fn usage() -> Step {
    send(event(&json!({"choices": [], "usage": {
        "prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1}
    }})))
}

pub fn done() -> Step {
    send("data: [DONE]\n\n")
}

pub fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A whole answer in good order.
pub fn answer(deltas: &[&str]) -> Script {
    let mut script = vec![stream()];
    script.extend(deltas.iter().map(|text| delta(text)));
    script.extend([finish("stop"), usage(), done()]);
    script
}
