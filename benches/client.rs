//! A client of one kept connection, for the loads: it costs little, and it tells
//! when the first byte of an answer came.

// Each program that includes this uses another part of it.
#![allow(dead_code)]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub type Res<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long an answer may take before the load is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bytes of a request. `bearer` is a token or a key.
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
    is_awake: bool,
    /// What was read of the answer so far.
    read: Vec<u8>,
}

pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a str,
    /// From the request to the answer's first byte.
    pub first: Duration,
}

impl Client {
    pub fn connect(port: u16) -> Res<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            is_awake: false,
            read: Vec::new(),
        })
    }

    /// From now on it waits for answers without sleeping: to be woken takes as
    /// long as a page, and now and then twice as long.
    pub fn stay_awake(&mut self) -> Res<()> {
        self.is_awake = true;
        Ok(self.stream.set_nonblocking(true)?)
    }

    /// Sends a request and reads its answer, whose length is told.
    pub fn ask(&mut self, request: &[u8]) -> Res<Answer<'_>> {
        self.read.clear();
        let began = Instant::now();
        self.stream.write_all(request)?;
        self.more()?;
        let first = began.elapsed();
        let head = loop {
            match end_of_head(&self.read) {
                Some(head) => break head,
                None => self.more()?,
            }
        };
        let (status, length) = told(std::str::from_utf8(&self.read[..head])?)?;
        while self.read.len() < head + length {
            self.more()?;
        }
        let body = std::str::from_utf8(&self.read[head..])?;
        Ok(Answer {
            status,
            body,
            first,
        })
    }

    /// Sends a request whose answer comes bit by bit. `visit` gets each bit as
    /// it came, with the head and what HTTP puts between.
    pub fn stream(&mut self, request: &[u8], mut visit: impl FnMut(&[u8])) -> Res<()> {
        self.stream.write_all(request)?;
        self.read.clear();
        while !self.read.ends_with(b"\r\n0\r\n\r\n") {
            let before = self.read.len();
            self.more()?;
            visit(&self.read[before..]);
        }
        match self.read.starts_with(b"HTTP/1.1 200") {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&self.read).into()),
        }
    }

    fn more(&mut self) -> Res<()> {
        let mut bytes = [0; 8192];
        match self.arrived(&mut bytes)? {
            0 => Err("the server hung up".into()),
            count => {
                self.read.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }

    fn arrived(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let began = Instant::now();
        loop {
            match self.stream.read(bytes) {
                Err(error)
                    if self.is_awake
                        && error.kind() == ErrorKind::WouldBlock
                        && began.elapsed() < PATIENCE =>
                {
                    std::hint::spin_loop();
                }
                arrived => return arrived,
            }
        }
    }

    /// Sends a request whose answer is JSON; the text of one of its fields,
    /// which has no escapes.
    pub fn field(&mut self, request: &[u8], name: &str) -> Res<String> {
        let answer = self.ask(request)?;
        let begin = format!("\"{name}\":\"");
        let found = answer.body.split_once(&begin);
        match found.and_then(|(_, rest)| rest.split_once('"')) {
            Some((text, _)) => Ok(text.to_owned()),
            None => Err(format!("no {name} in {}: {}", answer.status, answer.body).into()),
        }
    }

    // ── What every load begins with ──

    /// Begins a visitor's session: its token.
    pub fn session(&mut self, visitor: &str) -> Res<String> {
        let body = format!(r#"{{"apiKey":"pk_demo","saVid":"{visitor}"}}"#);
        self.field(
            &request("POST", "/v2/identity/init", "", &body),
            "sessionToken",
        )
    }

    /// Starts a conversation: the path of its messages.
    pub fn conversation(&mut self, token: &str) -> Res<String> {
        let id = self.field(&request("POST", "/v2/conversations", token, "{}"), "id")?;
        Ok(format!("/v2/conversations/{id}/messages"))
    }

    /// Starts a conversation that a person of the house has.
    pub fn with_person(&mut self, token: &str) -> Res<String> {
        let messages = self.conversation(token)?;
        let agent = messages.replace("/messages", "/agent");
        let take = request("PUT", &agent, "sk_demo", r#"{"name":"Mo"}"#);
        match self.ask(&take)?.status {
            200 => Ok(messages),
            status => Err(format!("taking a conversation over gave {status}").into()),
        }
    }
}

pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let found = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    found.map(|place| place + 4)
}

/// The length that a head tells; none told is none.
pub fn length(head: &str) -> usize {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths
        .next()
        .and_then(|(_, value)| value.trim().parse().ok());
    length.unwrap_or(0)
}

fn told(head: &str) -> Res<(u16, usize)> {
    let status = head.split(' ').nth(1).ok_or("no status")?;
    Ok((status.parse()?, length(head)))
}

/// The value below which so many of a hundred lie, in milliseconds.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(place)
        .map_or(f64::NAN, |one| one.as_secs_f64() * 1000.0)
}
