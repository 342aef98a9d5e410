//! An HTTP client that sends exactly the given bytes, one connection for each
//! request, so that tests can send requests that a regular client refuses.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::{EventStream, connect};

/// Makes requests to one server.
#[derive(Debug, Clone, Copy)]
pub struct Client(pub SocketAddr);

impl Client {
    /// `target` is a path, or a URL of this server as in its responses.
    pub fn request(self, method: &'static str, target: impl Into<String>) -> Request {
        let target = target.into();
        let path = target.strip_prefix(&format!("http://{}", self.0));
        Request {
            address: self.0,
            method,
            target: path.map_or(target.clone(), str::to_owned),
            version: "1.1",
            hosts: vec![self.0.to_string()],
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

/// A request under construction. Only `Host`, `Connection` and `Content-Length`
/// are added to the given headers.
#[derive(Debug, Clone)]
#[must_use]
pub struct Request {
    address: SocketAddr,
    method: &'static str,
    target: String,
    version: &'static str,
    hosts: Vec<String>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Replaces the `Host` header by one for each of `hosts`.
    pub fn hosts(mut self, hosts: &[&str]) -> Self {
        self.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        self
    }

    /// Sends the request as HTTP/1.0.
    pub fn http_1_0(mut self) -> Self {
        self.version = "1.0";
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends the origin of the server, as its pages do.
    pub fn own_origin(self) -> Self {
        let origin = format!("http://{}", self.address);
        self.header("Origin", origin)
    }

    pub fn bearer(self, credential: &str) -> Self {
        self.header("Authorization", format!("Bearer {credential}"))
    }

    /// Sets a body without a Content-Type.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a body with the Content-Type of JSON. The body need not be valid JSON.
    pub fn json(self, body: impl ToString) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    pub fn send(self) -> Response {
        self.try_send().expect("a response")
    }

    /// Fails if the connection closes before the response is complete.
    pub fn try_send(self) -> std::io::Result<Response> {
        let mut stream = connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&self.to_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Response::parse(&bytes, self.method == "HEAD")
            .ok_or_else(|| std::io::Error::other("incomplete response"))
    }

    /// Sends the request and reads nothing. Dropping the result closes the
    /// connection.
    pub fn send_unread(self) -> TcpStream {
        let mut stream = connect(self.address).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream.write_all(&self.to_bytes()).expect("sent");
        stream
    }

    /// Sends the request and reads until the connection closes. The response may
    /// be incomplete.
    pub fn send_and_drain(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.send_unread().read_to_end(&mut bytes);
        bytes
    }

    /// Sends the request and reads the head of the response; the body is read
    /// while it arrives.
    pub fn open_stream(self) -> EventStream {
        EventStream::new(self.send_unread())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/{}\r\nConnection: close\r\n",
            self.method, self.target, self.version
        );
        for host in &self.hosts {
            head += &format!("Host: {host}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        [(head + "\r\n").as_bytes(), &self.body].concat()
    }
}

/// The body that the chunks of a complete chunked body contain.
fn join_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line_end]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        let (start, end) = (line_end + 2, line_end + 2 + size);
        body.extend_from_slice(rest.get(start..end)?);
        rest = rest.get(end..)?.strip_prefix(b"\r\n")?;
        if size == 0 {
            return rest.is_empty().then_some(body);
        }
    }
}

/// A complete response.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// `None` if the bytes are not one complete response.
    fn parse(bytes: &[u8], is_head: bool) -> Option<Self> {
        let split = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..split]).ok()?;
        let body = bytes[split + 4..].to_vec();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.map(|line| line.split_once(": "));
        let headers = headers.map(|pair| pair.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())));
        let mut response = Self {
            status,
            headers: headers.collect::<Option<_>>()?,
            body,
        };
        if !is_head && response.header("transfer-encoding") == Some("chunked") {
            response.body = join_chunks(&response.body)?;
            return Some(response);
        }
        let length = response.header("content-length").map(str::parse::<usize>);
        let is_complete =
            is_head || matches!(status, 204 | 304) || length? == Ok(response.body.len());
        is_complete.then_some(response)
    }

    /// The value of a header. Panics if the header occurs twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} occurs twice");
        value
    }

    /// The names of the headers in lower case.
    pub fn header_names(&self) -> BTreeSet<String> {
        self.headers.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The relations and targets of the Link header.
    pub fn links(&self) -> Vec<(String, String)> {
        let header = self.header("link").expect("links");
        let links = header.split(", ").map(|link| {
            let (target, relation) = link.split_once(">; rel=\"").expect("a link");
            let relation = relation.strip_suffix('"').expect("a relation");
            let target = target.strip_prefix('<').expect("a target");
            (relation.to_owned(), target.to_owned())
        });
        links.collect()
    }

    /// The target of the link with this relation.
    pub fn link(&self, relation: &str) -> Option<String> {
        let mut links = self.links().into_iter();
        let link = links.find(|(name, _)| name == relation);
        link.map(|(_, target)| target)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// Asserts the status and returns the JSON body.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// Asserts an error response with this status and code and with nothing
    /// beside the error envelope. Returns the `error` object.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) -> Value {
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

    /// Asserts a 422 about `field` whose reason contains `allowed`.
    #[track_caller]
    pub fn expect_validation_error(&self, field: &str, allowed: &str) {
        let details = self.expect_error(422, "VALIDATION_ERROR")["details"].clone();
        assert_eq!(details["field"], field, "{details}");
        let reason = details["reason"].as_str().expect("a reason");
        assert!(reason.contains(allowed), "{reason:?} lacks {allowed:?}");
    }

    /// Asserts a 400 about `field`.
    #[track_caller]
    pub fn expect_body_error(&self, field: &str) {
        let error = self.expect_error(400, "INVALID_REQUEST_BODY");
        assert_eq!(
            error["details"],
            serde_json::json!({ "field": field }),
            "{error}"
        );
    }
}
