//! A stub of the hosted service, for imports from its API.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

pub type Handler = dyn Fn(&str, usize) -> (&'static str, String, String) + Send + Sync;

/// A server that answers each request with status, further headers and body.
pub struct StubApi {
    address: SocketAddr,
    /// The targets of the requests.
    requests: Arc<Mutex<Vec<String>>>,
}

impl StubApi {
    /// `handler` gets the target and the number of earlier requests.
    pub fn start(
        handler: impl Fn(&str, usize) -> (&'static str, String, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (log, handler): (_, Arc<Handler>) = (requests.clone(), Arc::new(handler));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (log.clone(), handler.clone());
                thread::spawn(move || respond(&stream, &log, &*handler));
            }
        });
        Self { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn respond(mut stream: &TcpStream, log: &Mutex<Vec<String>>, handler: &Handler) {
    let mut lines = BufReader::new(stream);
    let mut head = String::new();
    while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let earlier = {
        let mut log = log.lock().expect("no panic");
        log.push(target.clone());
        log.len() - 1
    };
    let (status, headers, body) = handler(&target, earlier);
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
}

pub const OK: &str = "200 OK";

pub fn ok(body: &Value) -> (&'static str, String, String) {
    (OK, String::new(), body.to_string())
}

pub fn me() -> Value {
    json!({"object": "visitor", "id": "5d0c3c56-7a0e-4f7e-9a53-2f6f6a1d9b10", "type": "anonymous",
           "externalId": null, "name": null, "avatarUrl": null})
}

pub fn id(number: usize) -> String {
    format!("8a1f4f0e-3c55-4f0b-a1de-{number:012}")
}

/// A conversation with the members of the hosted service's documentation alone.
pub fn conversation(number: usize) -> Value {
    json!({"object": "conversation", "id": id(number), "createdAt": "2025-03-04T09:12:44.120Z",
           "updatedAt": "2025-03-04T09:20:01.004Z", "status": "open", "closedAt": null,
           "closeReason": null, "lastInteractionAt": "2025-03-04T09:20:01.004Z", "title": "Hi",
           "isHumanHandled": false, "humanAgent": null, "lastMessage": null})
}

pub fn messages() -> Value {
    json!({"object": "list", "data": [
        {"object": "message", "id": "f2b7e0d8-90f0-4d0c-8d41-3f1f5f0f7a21",
         "createdAt": "2025-03-04T09:20:01.004Z", "chatId": id(0), "role": "assistant",
         "parts": [{"type": "text", "text": "Two days."}, {"type": "source-url", "url": "x"}],
         "status": null, "error": null, "feedback": null, "feedbackAt": null,
         "metadata": "a text", "humanAgent": null, "pageUrl": "javascript:x", "pageTitle": null,
         "textSelection": null}]})
}

/// A message with an id of its own.
pub fn message(number: usize) -> Value {
    let mut message = messages()["data"][0].clone();
    message["id"] = json!(id(number + 1_000_000));
    message
}

/// A line of the export of another parlor.
pub fn export_line(number: usize, title: &str, messages: &[Value]) -> String {
    let conversation = conversation(number).to_string();
    let head = conversation.replace("\"Hi\"", &json!(title).to_string());
    let head = head.strip_suffix('}').expect("an object");
    format!(
        "{head},\"visitor\":{},\"messages\":{}}}\n",
        me(),
        json!(messages)
    )
}

/// The number of a query parameter.
pub fn parameter(target: &str, name: &str) -> usize {
    let (_, query) = target.split_once('?').expect("a query");
    let values = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = values.filter(|(other, _)| *other == name);
    values.next().expect(name).1.parse().expect("a number")
}

/// Answers like the hosted service, for a visitor with this number of conversations.
pub fn hosted(target: &str, conversations: usize) -> (&'static str, String, String) {
    let path = target.split('?').next().expect("a path");
    match path {
        "/v2/identity/me" => ok(&me()),
        "/v2/conversations" => {
            let (limit, offset) = (parameter(target, "limit"), parameter(target, "offset"));
            let page = (offset..conversations.min(offset + limit)).map(conversation);
            ok(
                &json!({"object": "list", "total": conversations, "limit": limit,
                       "offset": offset, "data": page.collect::<Vec<_>>()}),
            )
        }
        path if path == format!("/v2/conversations/{}/messages", id(0)) => ok(&messages()),
        path if path.ends_with("/messages") => ok(&json!({"object": "list", "data": []})),
        _ => ("404 Not Found", String::new(), "{}".to_owned()),
    }
}

pub const TOKEN: &str = "header.claims.signature";
