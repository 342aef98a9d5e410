//! A stub of a model's server on a real socket. Each connection runs the next
//! script. The last script serves all further connections.

// Each test binary uses a different part of this module.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// How long a test waits for an event before it fails.
const EVENT_TIMEOUT: Duration = Duration::from_secs(8);

/// What the server does on a connection after it has read the request. The
/// connection is closed after the last step.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes the given number of times, or until the client
    /// disconnects.
    Repeat(Vec<u8>, usize),
    /// Waits for [`StubServer::open_gate`].
    WaitForGate,
    /// Waits until the client disconnects.
    WaitForDisconnect,
}

pub type Script = Vec<Step>;

/// A request that the server received.
#[derive(Debug)]
pub struct ReceivedRequest {
    /// For example `POST /v1/chat/completions HTTP/1.1`.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl ReceivedRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(other, _)| other == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// A running stub server.
pub struct StubServer {
    pub address: SocketAddr,
    requests: Mutex<Receiver<ReceivedRequest>>,
    /// The number of bytes sent before each disconnect.
    disconnects: Mutex<Receiver<usize>>,
    gate: Sender<()>,
}

impl StubServer {
    pub fn start(scripts: Vec<Script>) -> Self {
        let mut scripts = scripts.into_iter();
        let mut script = Script::new();
        Self::run(move || {
            script = scripts.next().unwrap_or_else(|| script.clone());
            Respond::With(script.clone())
        })
    }

    /// Starts a server whose script depends on the request.
    pub fn responding(
        respond: impl Fn(&ReceivedRequest) -> Script + Send + Sync + 'static,
    ) -> Self {
        let respond = Arc::new(respond);
        Self::run(move || Respond::To(respond.clone()))
    }

    fn run(mut next_response: impl FnMut() -> Respond + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (request_sender, requests) = mpsc::channel();
        let (disconnect_sender, disconnects) = mpsc::channel();
        let (gate, gate_receiver) = mpsc::channel();
        let connection = Connection {
            requests: request_sender,
            disconnects: disconnect_sender,
            gate: Arc::new(Mutex::new(gate_receiver)),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (connection, response) = (connection.clone(), next_response());
                thread::spawn(move || connection.run(&stream.expect("a connection"), response));
            }
        });
        Self {
            address,
            requests: Mutex::new(requests),
            disconnects: Mutex::new(disconnects),
            gate,
        }
    }

    /// Starts a server that answers each request with these deltas.
    pub fn answering(deltas: &[&str]) -> Self {
        Self::start(vec![answer_script(deltas)])
    }

    /// Returns the value for `--model-url`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Lets one connection pass one [`Step::WaitForGate`].
    pub fn open_gate(&self) {
        self.gate.send(()).expect("the server runs");
    }

    /// Waits for the next request.
    pub fn next_request(&self) -> ReceivedRequest {
        let requests = self.requests.lock().expect("no panic");
        requests.recv_timeout(EVENT_TIMEOUT).expect("a request")
    }

    /// Takes the requests that [`StubServer::next_request`] has not returned.
    /// Returns their number.
    pub fn take_request_count(&self) -> usize {
        self.requests.lock().expect("no panic").try_iter().count()
    }

    /// Waits until a client disconnects during [`Step::Repeat`] or
    /// [`Step::WaitForDisconnect`]. Returns how many bytes the step had sent.
    pub fn wait_for_disconnect(&self) -> usize {
        let disconnects = self.disconnects.lock().expect("no panic");
        disconnects
            .recv_timeout(EVENT_TIMEOUT)
            .expect("the client disconnects")
    }
}

/// The response to a connection's request.
enum Respond {
    With(Script),
    To(Arc<dyn Fn(&ReceivedRequest) -> Script + Send + Sync>),
}

/// The channels of a connection's thread.
#[derive(Clone)]
struct Connection {
    requests: Sender<ReceivedRequest>,
    disconnects: Sender<usize>,
    gate: Arc<Mutex<Receiver<()>>>,
}

impl Connection {
    fn run(&self, stream: &TcpStream, response: Respond) {
        let Some(request) = read_request(stream) else {
            return;
        };
        let script = match response {
            Respond::With(script) => script,
            Respond::To(respond) => respond(&request),
        };
        let _ = self.requests.send(request);
        for step in script {
            if !self.run_step(stream, step) {
                return;
            }
        }
    }

    /// Returns whether the client is still connected.
    fn run_step(&self, mut stream: &TcpStream, step: Step) -> bool {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).is_ok(),
            Step::WaitForGate => self.gate.lock().is_ok_and(|gate| gate.recv().is_ok()),
            Step::Repeat(bytes, times) => {
                let sent = (0..times).take_while(|_| stream.write_all(&bytes).is_ok());
                let sent = sent.count();
                if sent < times {
                    let _ = self.disconnects.send(sent * bytes.len());
                }
                sent == times
            }
            Step::WaitForDisconnect => {
                let _ = stream.read(&mut [0; 64]);
                let _ = self.disconnects.send(0);
                false
            }
        }
    }
}

fn read_request(stream: &TcpStream) -> Option<ReceivedRequest> {
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
    let mut request = ReceivedRequest {
        line: head[0].clone(),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: Value::Null,
    };
    let length = request
        .header("content-length")
        .and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    request.body = serde_json::from_slice(&body).unwrap_or_default();
    Some(request)
}

// ── Steps and scripts ──

pub fn send(text: impl Into<Vec<u8>>) -> Step {
    Step::Send(text.into())
}

/// The head of a response that ends with the connection. `headers` are lines with
/// CRLF.
pub fn response_head(status: &str, headers: &str) -> Step {
    send(format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n"
    ))
}

/// The head of a stream.
pub fn stream_head() -> Step {
    response_head("200 OK", "Content-Type: text/event-stream\r\n")
}

/// A complete response that is not a stream.
pub fn response(status: &str, headers: &str, body: &str) -> Script {
    vec![response_head(status, headers), send(body)]
}

/// An event with the next part of the text.
pub fn delta(text: &str) -> Step {
    send(event(&json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stub",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]
    })))
}

/// An event with a finish reason.
pub fn finish(reason: &str) -> Step {
    send(event(&json!({
        "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]
    })))
}

/// An event with the usage: 10 input tokens, 4 of them cached, and 3 output
/// tokens, 1 of them for reasoning.
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

/// A complete answer as a stream.
pub fn answer_script(deltas: &[&str]) -> Script {
    let mut script = vec![stream_head()];
    script.extend(deltas.iter().map(|text| delta(text)));
    script.extend([finish("stop"), usage(), done()]);
    script
}
