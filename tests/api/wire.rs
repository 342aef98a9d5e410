//! A client that sends exactly what it is told: one connection a request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

/// Where requests go.
#[derive(Debug, Clone, Copy)]
pub struct Client(pub SocketAddr);

impl Client {
    pub fn request(self, method: &'static str, target: impl Into<String>) -> Request {
        Request {
            to: self.0,
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn get(self, target: impl Into<String>) -> Request {
        self.request("GET", target)
    }

    pub fn post(self, target: impl Into<String>) -> Request {
        self.request("POST", target)
    }
}

/// A request that is being put together; nothing is added that was not asked for.
#[derive(Debug, Clone)]
#[must_use]
pub struct Request {
    to: SocketAddr,
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn bearer(self, credential: &str) -> Self {
        self.header("Authorization", format!("Bearer {credential}"))
    }

    /// A body without a Content-Type.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A body announced as JSON, whatever it is.
    pub fn json(self, body: impl ToString) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    pub fn send(self) -> Answer {
        self.try_send().expect("an answer")
    }

    /// The answer, unless the connection breaks before it is whole.
    pub fn try_send(self) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(self.to)?;
        stream.set_nodelay(true)?;
        stream.write_all(&self.bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Answer::read(&bytes, self.method == "HEAD")
            .ok_or_else(|| std::io::Error::other("half an answer"))
    }

    /// Sends it and reads nothing. To drop what comes back is to hang up.
    pub fn start(self) -> TcpStream {
        let mut stream = TcpStream::connect(self.to).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream.write_all(&self.bytes()).expect("sent");
        stream
    }

    /// Sends it and reads whatever comes back to its end.
    pub fn try_any(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.start().read_to_end(&mut bytes);
        bytes
    }

    /// Sends it and reads the head of the answer; the body is read as it comes.
    pub fn open(self) -> Stream {
        Stream::of(BufReader::new(self.start()))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.method, self.target, self.to
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        [(head + "\r\n").as_bytes(), &self.body].concat()
    }
}

/// An answer that comes in chunks. To drop it is to hang up.
pub struct Stream {
    pub head: String,
    reader: BufReader<TcpStream>,
    /// What was read and not yet taken.
    text: String,
}

impl Stream {
    fn of(mut reader: BufReader<TcpStream>) -> Self {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = reader.read_line(&mut head).expect("a line");
            assert!(read > 0, "the answer broke off in its head: {head}");
        }
        let text = String::new();
        Self { head, reader, text }
    }

    pub fn status(&self) -> u16 {
        self.head[9..12].parse().expect("a status")
    }

    /// The next event as JSON; none after `[DONE]`. Comments are passed over.
    pub fn event(&mut self) -> Option<Value> {
        loop {
            let block = self.block()?;
            let Some(data) = block.strip_prefix("data: ") else {
                assert!(block.starts_with(':'), "{block:?}");
                continue;
            };
            if data == "[DONE]" {
                return None;
            }
            return Some(serde_json::from_str(data).expect("JSON"));
        }
    }

    /// The next block, which must begin like this.
    #[track_caller]
    pub fn event_or_comment(&mut self, beginning: &str) {
        let block = self.block().expect("a block");
        assert!(block.starts_with(beginning), "{block:?}");
    }

    /// All events to the end.
    pub fn events(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.event()).collect()
    }

    /// What stands before the next blank line; none at the end.
    pub fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            if !self.chunk() {
                return None;
            }
        }
    }

    fn chunk(&mut self) -> bool {
        let mut size = String::new();
        if self.reader.read_line(&mut size).unwrap_or(0) == 0 {
            return false;
        }
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let mut bytes = vec![0; size + 2];
        self.reader.read_exact(&mut bytes).expect("a chunk");
        bytes.truncate(size);
        self.text += &String::from_utf8(bytes).expect("UTF-8");
        size > 0
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8], headless: bool) -> Option<Self> {
        let split = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..split]).ok()?;
        let body = bytes[split + 4..].to_vec();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.map(|line| line.split_once(": "));
        let headers = headers.map(|pair| pair.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())));
        let answer = Self {
            status,
            headers: headers.collect::<Option<_>>()?,
            body,
        };
        let length = answer.header("content-length").map(str::parse::<usize>);
        let whole = headless || status == 304 || length? == Ok(answer.body.len());
        whole.then_some(answer)
    }

    /// A header, which may be there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(one, _)| one == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The JSON body of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The `error` of an answer that must be this one, in the envelope of
    /// section 2 and nothing beside it.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        let fields = body.as_object().expect("an envelope");
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["error"]);
        let error = &body["error"];
        assert_eq!(error["code"], code, "{body}");
        let message = error["message"].as_str().expect("a message");
        assert!(!message.is_empty());
        assert_eq!(self.header("content-type"), Some("application/json"));
        if status == 401 {
            assert_eq!(self.header("www-authenticate"), Some("Bearer"));
        }
        error.clone()
    }

    /// 422 about `field`; the reason names what is allowed.
    #[track_caller]
    pub fn invalid(&self, field: &str, allowed: &str) {
        let details = self.error(422, "VALIDATION_ERROR")["details"].clone();
        assert_eq!(details["field"], field, "{details}");
        let reason = details["reason"].as_str().expect("a reason");
        assert!(reason.contains(allowed), "{reason:?} lacks {allowed:?}");
    }

    /// 400 about `field`.
    #[track_caller]
    pub fn malformed(&self, field: &str) {
        let error = self.error(400, "INVALID_REQUEST_BODY");
        assert_eq!(
            error["details"],
            serde_json::json!({ "field": field }),
            "{error}"
        );
    }
}
