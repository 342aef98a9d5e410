//! Measures the latency that parlor adds to the answer of a model. A stub of a
//! model's server puts the send time into each chunk. Visitors read the chunks from
//! the stub directly and through parlor, one visitor and 16 concurrent visitors.
//!
//! Usage: `upstream PARLOR DIRECTORY`: the binary, and where to create the database,
//! a demo of 500 conversations. Prints a line of JSON with medians in milliseconds:
//!
//! - `first`: from the request to the first chunk
//! - `piece`: from sending to receiving each further chunk
//! - `stored`: the same request in a conversation that an agent has taken over, which
//!   only stores the message
//! - `write`: storing the message without a server, by one thread

mod arguments;
mod client;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use arguments::arguments;
use client::{Client, Res, content_length, percentile, request};
use parlor::domain::{ConversationId, MessageContent, MessageId, ProjectSeq, Timestamp};
use parlor::store::answer::{MessageContext, VisitorMessage};
use parlor::store::{Options, Store, conversation_state};
use serde_json::{Value, json};

/// The interval between two chunks of an answer.
const CHUNK_INTERVAL: Duration = Duration::from_millis(2);
/// The number of chunks of a long and of a short answer. Short answers provide more
/// samples of the first chunk.
const LONG_ANSWER_CHUNKS: usize = 200;
const SHORT_ANSWER_CHUNKS: usize = 20;
/// The number of short answers in a round, before the long one.
const SHORT_ANSWERS: usize = 8;
const ROUNDS: usize = 4;

fn main() -> Res<()> {
    let usage = "usage: upstream PARLOR DIRECTORY";
    let Some(arguments) = arguments(usage) else {
        return Ok(());
    };
    let [binary, directory] = &arguments[..] else {
        return Err(usage.into());
    };
    let file = Path::new(directory).join("upstream.db");
    let stub = start_stub()?;
    let server = Server::start(binary, &file, stub)?;
    let single = compare(1, stub, server.port)?;
    let concurrent = compare(16, stub, server.port)?;
    let mut client = Client::connect(server.port)?;
    let token = client.start_session("visitor")?;
    let messages_path = client.start_agent_conversation(&token)?;
    drop(server);
    let write = measure_write(&file, &messages_path)?;
    println!("{}", json!({"1": single, "16": concurrent, "write": write}));
    Ok(())
}

/// Measures both ways alternately, so that other load on the machine affects both.
fn compare(visitors: usize, stub_port: u16, parlor_port: u16) -> Res<Value> {
    let (mut direct, mut through) = (Latencies::default(), Latencies::default());
    for _ in 0..ROUNDS {
        direct.add(run_visitors(visitors, |_| ask_stub(stub_port))?);
        through.add(run_visitors(visitors, |number| {
            ask_parlor(parlor_port, number)
        })?);
    }
    Ok(json!({"direct": direct.report(), "parlor": through.report()}))
}

// ── Latencies ──

/// The clock that the stub and the visitors share.
fn now() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[derive(Default)]
struct Latencies {
    first_chunk: Vec<Duration>,
    further_chunks: Vec<Duration>,
    stored: Vec<Duration>,
}

impl Latencies {
    fn add(&mut self, other: Latencies) {
        self.first_chunk.extend(other.first_chunk);
        self.further_chunks.extend(other.further_chunks);
        self.stored.extend(other.stored);
    }

    /// Adds the latencies of an answer that was requested at `start`.
    fn add_answer(&mut self, start: Duration, chunks: &[(Duration, Duration)]) {
        let mut chunks = chunks.iter();
        self.first_chunk
            .extend(chunks.next().map(|(_, received)| *received - start));
        self.further_chunks
            .extend(chunks.map(|(sent, received)| *received - *sent));
    }

    fn report(self) -> Value {
        let sorted = |mut latencies: Vec<Duration>| {
            latencies.sort_unstable();
            latencies
        };
        let (first, further) = (sorted(self.first_chunk), sorted(self.further_chunks));
        json!({
            "first": percentile(&first, 50),
            "piece": percentile(&further, 50),
            "piece99": percentile(&further, 99),
            "pieces": further.len(),
            "stored": percentile(&sorted(self.stored), 50),
        })
    }
}

/// Measures storing a message in a conversation that an agent has taken over, without
/// a server.
fn measure_write(file: &Path, messages_path: &str) -> Res<f64> {
    let id = messages_path
        .split('/')
        .nth(3)
        .and_then(ConversationId::parse);
    let (id, project) = (id.ok_or("no conversation")?, ProjectSeq::FIRST);
    let store = Store::open(file, &Options::default())?;
    let state = store.read_blocking(|snapshot| conversation_state::read(snapshot, project, id))?;
    let conversation = state.ok_or("the conversation does not exist")?.seq;
    let mut latencies = Vec::new();
    for _ in 0..200 {
        let context = MessageContext {
            conversation,
            project,
            at: Timestamp::now(),
        };
        let message = VisitorMessage {
            id: MessageId::generate(),
            content: MessageContent::parse("say 20 words").map_err(|_| "no content")?,
            page_url: None,
            page_title: None,
            text_selection: None,
        };
        let start = Instant::now();
        store.write_blocking(context.add_message_to_agent(&message))?;
        latencies.push(start.elapsed());
    }
    latencies.sort_unstable();
    Ok(percentile(&latencies, 50))
}

// ── Visitors ──

/// Requests an answer with the given number of chunks and reads it.
type Ask = Box<dyn FnMut(&mut Latencies, usize) -> Res<()>>;

/// Runs concurrent visitors. `connect` prepares a visitor.
fn run_visitors(visitors: usize, connect: impl Fn(usize) -> Res<Ask> + Sync) -> Res<Latencies> {
    let start = Barrier::new(visitors);
    let visit = |number: usize| -> Res<Latencies> {
        let ask = connect(number);
        // A visitor that failed waits, too. Otherwise the others would wait forever.
        start.wait();
        let (mut ask, mut latencies) = (ask?, Latencies::default());
        // The visitors are not synchronized.
        thread::sleep(CHUNK_INTERVAL * number as u32 / visitors as u32);
        for _ in 0..SHORT_ANSWERS {
            ask(&mut latencies, SHORT_ANSWER_CHUNKS)?;
        }
        ask(&mut latencies, LONG_ANSWER_CHUNKS)?;
        Ok(latencies)
    };
    let visit = &visit;
    thread::scope(|scope| {
        let all: Vec<_> = (0..visitors)
            .map(|number| scope.spawn(move || visit(number)))
            .collect();
        let mut latencies = Latencies::default();
        for thread in all {
            latencies.add(
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a visitor panicked".into()))?,
            );
        }
        Ok(latencies)
    })
}

fn ask_stub(port: u16) -> Res<Ask> {
    let mut client = Client::connect(port)?;
    Ok(Box::new(move |latencies, chunks| {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"say {chunks} words"}}]}}"#);
        read_answer(
            &mut client,
            &request("POST", "/v1/chat/completions", "", &body),
            latencies,
        )
    }))
}

fn ask_parlor(port: u16, number: usize) -> Res<Ask> {
    let mut client = Client::connect(port)?;
    let token = client.start_session(&format!("visitor-{number}"))?;
    let agent_path = client.start_agent_conversation(&token)?;
    let new_conversations = (0..=SHORT_ANSWERS).map(|_| client.start_conversation(&token));
    let mut new_conversations = new_conversations.collect::<Res<Vec<_>>>()?;
    Ok(Box::new(move |latencies, chunks| {
        let body = format!(r#"{{"content":"say {chunks} words","stream":true}}"#);
        let conversation = new_conversations.pop().ok_or("no conversation is left")?;
        read_answer(
            &mut client,
            &request("POST", &conversation, &token, &body),
            latencies,
        )?;
        let stored = client.send(&request("POST", &agent_path, &token, &body))?;
        if stored.status != 202 {
            return Err(format!("a message to an agent returned {}", stored.status).into());
        }
        latencies.stored.push(stored.first_byte);
        Ok(())
    }))
}

fn read_answer(client: &mut Client, request: &[u8], latencies: &mut Latencies) -> Res<()> {
    let mut timestamps = TimestampParser::default();
    let start = now();
    client.stream(request, |bytes| timestamps.parse(bytes, now()))?;
    latencies.add_answer(start, &timestamps.chunks);
    Ok(())
}

/// Finds the send times of the stub, `@` nanoseconds `;`, in a response.
#[derive(Default)]
struct TimestampParser {
    /// The number after an `@`.
    number: Option<u64>,
    /// The times when each chunk was sent and received.
    chunks: Vec<(Duration, Duration)>,
}

impl TimestampParser {
    fn parse(&mut self, bytes: &[u8], received: Duration) {
        for byte in bytes {
            self.number = match (byte, self.number) {
                (b'@', _) => Some(0),
                (b'0'..=b'9', Some(sent)) => Some(sent * 10 + u64::from(byte - b'0')),
                (b';', Some(sent)) => {
                    self.chunks.push((Duration::from_nanos(sent), received));
                    None
                }
                _ => None,
            };
        }
    }
}

// ── The stub of a model's server ──

fn start_stub() -> Res<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Returns an error when the client disconnects.
            thread::spawn(move || serve_connection(&stream));
        }
    });
    Ok(port)
}

fn serve_connection(mut stream: &TcpStream) -> Res<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let chunks = requested_chunks(&read_body(&mut reader)?)?;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        let start = now();
        for number in 0..chunks as u32 {
            thread::sleep((start + CHUNK_INTERVAL * number).saturating_sub(now()));
            let event = json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stub",
                "choices": [{"index": 0, "delta": {"content": "@word;"}, "finish_reason": null}]
            });
            let (before, after) = split_at_timestamp(&event);
            let sent = now().as_nanos();
            stream.write_all(http_chunk(&format!("{before}@{sent};{after}")).as_bytes())?;
        }
        let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        let end =
            http_chunk(&format!("data: {end}\n\n")) + &http_chunk("data: [DONE]\n\n") + "0\r\n\r\n";
        stream.write_all(end.as_bytes())?;
    }
}

/// Returns the text of an event before and after its send time, so that little work
/// remains after the time is read.
fn split_at_timestamp(event: &Value) -> (String, String) {
    let text = format!("data: {event}\n\n");
    let (before, after) = text.split_once("@word;").unwrap_or((&text, ""));
    (before.to_owned(), after.to_owned())
}

fn http_chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn read_body(reader: &mut impl BufRead) -> Res<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err("the client disconnected".into());
        }
    }
    let mut body = vec![0; content_length(&head)];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

/// Returns the number in the last `say NUMBER words`.
fn requested_chunks(body: &str) -> Res<usize> {
    let (_, rest) = body.rsplit_once("say ").ok_or("no request for words")?;
    let (number, _) = rest.split_once(' ').ok_or("no number")?;
    Ok(number.parse()?)
}

// ── parlor ──

struct Server {
    child: Child,
    port: u16,
    /// Keeps the pipe open. A server that cannot print exits.
    _output: BufReader<ChildStdout>,
}

impl Server {
    fn start(binary: &str, file: &Path, stub: u16) -> Res<Self> {
        let mut child = Command::new(binary)
            .args(["demo", "--listen", "127.0.0.1:0", "--model", "stub"])
            .args([
                "--model-private-network",
                "--model-url",
                &format!("http://127.0.0.1:{stub}/v1"),
            ])
            .args(["--rate-limit", "0", "--db"])
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut output = BufReader::new(out);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let digits = line.rsplit_once("listens on http://127.0.0.1:");
        let digits = digits.and_then(|(_, rest)| rest.split(|c: char| !c.is_numeric()).next());
        let port = digits.and_then(|digits| digits.parse().ok());
        let server = Self {
            child,
            port: port.unwrap_or(0),
            _output: output,
        };
        match server.port {
            0 => Err("parlor did not start".into()),
            _ => Ok(server),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The database is deleted with the directory.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
