//! A minimal HTTP client with one keep-alive connection for the load generators. It
//! reports when the first byte of a response arrived.

// Each program uses a different part of this module.
#![allow(dead_code)]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub type Res<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The maximum time without data. The program then fails.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the bytes of a request. `bearer` is a session token or a key.
pub fn request(method: &str, path: &str, bearer: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {bearer}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub struct Client {
    stream: TcpStream,
    /// Whether reads spin instead of blocking.
    is_busy_polling: bool,
    /// The received bytes of the current response.
    received: Vec<u8>,
}

pub struct Response<'a> {
    pub status: u16,
    pub body: &'a str,
    /// The time from the request to the first byte of the response.
    pub first_byte: Duration,
}

impl Client {
    pub fn connect(port: u16) -> Res<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(Self {
            stream,
            is_busy_polling: false,
            received: Vec::new(),
        })
    }

    /// Makes all further reads spin instead of blocking. Waking a blocked thread takes
    /// as long as a page, and sometimes twice as long.
    pub fn enable_busy_polling(&mut self) -> Res<()> {
        self.is_busy_polling = true;
        Ok(self.stream.set_nonblocking(true)?)
    }

    /// Sends a request and reads its response, which must have a Content-Length.
    pub fn send(&mut self, request: &[u8]) -> Res<Response<'_>> {
        self.received.clear();
        let start = Instant::now();
        self.stream.write_all(request)?;
        self.receive()?;
        let first_byte = start.elapsed();
        let head = loop {
            match end_of_head(&self.received) {
                Some(head) => break head,
                None => self.receive()?,
            }
        };
        let (status, length) = parse_head(std::str::from_utf8(&self.received[..head])?)?;
        while self.received.len() < head + length {
            self.receive()?;
        }
        let body = std::str::from_utf8(&self.received[head..])?;
        Ok(Response {
            status,
            body,
            first_byte,
        })
    }

    /// Sends a request with a chunked response. Calls `visit` with the bytes of each
    /// read, including the head and the chunk headers.
    pub fn stream(&mut self, request: &[u8], mut visit: impl FnMut(&[u8])) -> Res<()> {
        self.stream.write_all(request)?;
        self.received.clear();
        while !self.received.ends_with(b"\r\n0\r\n\r\n") {
            let before = self.received.len();
            self.receive()?;
            visit(&self.received[before..]);
        }
        if self.received.starts_with(b"HTTP/1.1 200") {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&self.received).into())
        }
    }

    fn receive(&mut self) -> Res<()> {
        let mut bytes = [0; 8192];
        match self.read(&mut bytes)? {
            0 => Err("the server closed the connection".into()),
            count => {
                self.received.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let start = Instant::now();
        loop {
            match self.stream.read(bytes) {
                Err(error)
                    if self.is_busy_polling
                        && error.kind() == ErrorKind::WouldBlock
                        && start.elapsed() < READ_TIMEOUT =>
                {
                    std::hint::spin_loop();
                }
                result => return result,
            }
        }
    }

    /// Sends a request. Returns a string field of the JSON response. The string must not
    /// contain escapes.
    pub fn send_for_field(&mut self, request: &[u8], name: &str) -> Res<String> {
        let response = self.send(request)?;
        let prefix = format!("\"{name}\":\"");
        let rest = response.body.split_once(&prefix);
        match rest.and_then(|(_, rest)| rest.split_once('"')) {
            Some((text, _)) => Ok(text.to_owned()),
            None => Err(format!("no {name} in {}: {}", response.status, response.body).into()),
        }
    }

    // ── Set-up of a load ──

    /// Starts the session of a visitor. Returns the session token.
    pub fn start_session(&mut self, visitor: &str) -> Res<String> {
        let body = format!(r#"{{"apiKey":"pk_demo","saVid":"{visitor}"}}"#);
        self.send_for_field(
            &request("POST", "/v2/identity/init", "", &body),
            "sessionToken",
        )
    }

    /// Starts a conversation. Returns the path of its messages.
    pub fn start_conversation(&mut self, token: &str) -> Res<String> {
        let id = self.send_for_field(&request("POST", "/v2/conversations", token, "{}"), "id")?;
        Ok(format!("/v2/conversations/{id}/messages"))
    }

    /// Starts a conversation that an agent takes over. Returns the path of its messages.
    pub fn start_agent_conversation(&mut self, token: &str) -> Res<String> {
        let messages_path = self.start_conversation(token)?;
        let agent_path = messages_path.replace("/messages", "/agent");
        let take_over = request("PUT", &agent_path, "sk_demo", r#"{"name":"Mo"}"#);
        match self.send(&take_over)?.status {
            200 => Ok(messages_path),
            status => Err(format!("taking a conversation over returned {status}").into()),
        }
    }
}

/// Returns the index of the body of a response.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let index = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    index.map(|index| index + 4)
}

/// Returns the Content-Length of a head. Returns 0 if there is none.
pub fn content_length(head: &str) -> usize {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths
        .next()
        .and_then(|(_, value)| value.trim().parse().ok());
    length.unwrap_or(0)
}

/// Returns the status and the Content-Length.
fn parse_head(head: &str) -> Res<(u16, usize)> {
    let status = head.split(' ').nth(1).ok_or("no status")?;
    Ok((status.parse()?, content_length(head)))
}

/// Returns a percentile of sorted durations in milliseconds.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(index)
        .map_or(f64::NAN, |duration| duration.as_secs_f64() * 1000.0)
}
