//! What parlor adds to the answer of a model: a stub of a model's server tells
//! in each piece of its answers when it was sent; visitors read them from the stub
//! and through parlor, one at a time and 16 at once.
//!
//! Usage: `upstream PARLOR FOLDER`, the binary and where its file is made, a demo
//! of 500 conversations. Prints a line of JSON, in milliseconds, medians:
//!
//! - `first`: from the request to the answer's first piece
//! - `piece`: from sending to receiving each of the other pieces
//! - `stored`: what the same request takes that goes to a person of the house,
//!   which is stored and nothing else
//! - `write`: what that storing takes without a server, by one caller

mod client;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use client::{Client, Res, length, percentile, request};
use parlor::domain::{ConversationId, MessageContent, MessageId, ProjectSeq, Timestamp};
use parlor::store::turn::{self, Question, Turn};
use parlor::store::{Options, Outcome, Store};
use serde_json::{Value, json};

/// Between two pieces of an answer.
const PAUSE: Duration = Duration::from_millis(2);
/// Pieces of an answer, and of the further ones that make first pieces more.
const LONG: usize = 200;
const SHORT: usize = 20;
/// Short answers that a visitor gets in a round, before the long one.
const SHORTS: usize = 8;
const ROUNDS: usize = 4;

fn main() -> Res<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: upstream PARLOR FOLDER";
    let (binary, folder) = (
        arguments.next().ok_or(usage)?,
        arguments.next().ok_or(usage)?,
    );
    let file = Path::new(&folder).join("upstream.db");
    let stub = start_stub()?;
    let server = Server::start(&binary, &file, stub)?;
    let one = compare(1, stub, server.port)?;
    let many = compare(16, stub, server.port)?;
    let mut client = Client::connect(server.port)?;
    let token = client.session("visitor")?;
    let person = client.with_person(&token)?;
    drop(server);
    let write = write(&file, &person)?;
    println!("{}", json!({"1": one, "16": many, "write": write}));
    Ok(())
}

/// Both ways in turn, so that what else the machine does falls on both.
fn compare(visitors: usize, stub: u16, parlor: u16) -> Res<Value> {
    let (mut direct, mut through) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        direct.add(together(visitors, |_| ask_stub(stub))?);
        through.add(together(visitors, |number| ask_parlor(parlor, number))?);
    }
    Ok(json!({"direct": direct.report(), "parlor": through.report()}))
}

// ── Times ──

/// The one clock of stub and visitors.
fn now() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}

#[derive(Default)]
struct Times {
    first: Vec<Duration>,
    piece: Vec<Duration>,
    stored: Vec<Duration>,
}

impl Times {
    fn add(&mut self, more: Times) {
        self.first.extend(more.first);
        self.piece.extend(more.piece);
        self.stored.extend(more.stored);
    }

    /// Takes the times of one answer, asked for at `began`.
    fn answer(&mut self, began: Duration, pieces: &[(Duration, Duration)]) {
        let mut pieces = pieces.iter();
        self.first
            .extend(pieces.next().map(|(_, received)| *received - began));
        self.piece
            .extend(pieces.map(|(sent, received)| *received - *sent));
    }

    fn report(self) -> Value {
        let sorted = |mut times: Vec<Duration>| {
            times.sort_unstable();
            times
        };
        let (first, piece) = (sorted(self.first), sorted(self.piece));
        json!({
            "first": percentile(&first, 50),
            "piece": percentile(&piece, 50),
            "piece99": percentile(&piece, 99),
            "pieces": piece.len(),
            "stored": percentile(&sorted(self.stored), 50),
        })
    }
}

/// How long it takes to store a message that goes to a person, one after the
/// other, where no server has the file.
fn write(file: &Path, messages: &str) -> Res<f64> {
    let id = messages.split('/').nth(3).and_then(ConversationId::parse);
    let (id, project) = (id.ok_or("no conversation")?, ProjectSeq::FIRST);
    let store = Store::open(file, &Options::default())?;
    let standing = store.read_here(|snapshot| turn::standing(snapshot, project, id))?;
    let conversation = standing.ok_or("the conversation is not there")?.seq;
    let mut times = Vec::new();
    for _ in 0..200 {
        let turn = Turn {
            conversation,
            project,
            at: Timestamp::now(),
        };
        let question = Question {
            id: MessageId::generate(),
            content: MessageContent::parse("say 20 words").map_err(|_| "no content")?,
            page_url: None,
            page_title: None,
            text_selection: None,
        };
        let began = Instant::now();
        let outcomes = store.write_here(turn.to_human(&question))?;
        times.push(began.elapsed());
        if !outcomes.last().is_some_and(Outcome::changed) {
            return Err("a message was not stored".into());
        }
    }
    times.sort_unstable();
    Ok(percentile(&times, 50))
}

// ── Visitors ──

/// What asks for one answer of so many pieces and reads it.
type Ask = Box<dyn FnMut(&mut Times, usize) -> Res<()>>;

/// So many visitors at once, each of whom gets ready and asks for answers.
fn together(visitors: usize, ready: impl Fn(usize) -> Res<Ask> + Sync) -> Res<Times> {
    let start = Barrier::new(visitors);
    let visit = |number: usize| -> Res<Times> {
        let ask = ready(number);
        // Also by who failed, else the others would wait for ever.
        start.wait();
        let (mut ask, mut times) = (ask?, Times::default());
        // Not in step with each other.
        thread::sleep(PAUSE * number as u32 / visitors as u32);
        for _ in 0..SHORTS {
            ask(&mut times, SHORT)?;
        }
        ask(&mut times, LONG)?;
        Ok(times)
    };
    let visit = &visit;
    thread::scope(|scope| {
        let all: Vec<_> = (0..visitors)
            .map(|number| scope.spawn(move || visit(number)))
            .collect();
        let mut times = Times::default();
        for one in all {
            times.add(
                one.join()
                    .unwrap_or_else(|_| Err("a visitor panicked".into()))?,
            );
        }
        Ok(times)
    })
}

fn ask_stub(port: u16) -> Res<Ask> {
    let mut client = Client::connect(port)?;
    Ok(Box::new(move |times, pieces| {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"say {pieces} words"}}]}}"#);
        read_answer(
            &mut client,
            &request("POST", "/v1/chat/completions", "", &body),
            times,
        )
    }))
}

fn ask_parlor(port: u16, number: usize) -> Res<Ask> {
    let mut client = Client::connect(port)?;
    let token = client.session(&format!("visitor-{number}"))?;
    let person = client.with_person(&token)?;
    let fresh = (0..=SHORTS).map(|_| client.conversation(&token));
    let mut fresh = fresh.collect::<Res<Vec<_>>>()?;
    Ok(Box::new(move |times, pieces| {
        let body = format!(r#"{{"content":"say {pieces} words","stream":true}}"#);
        let conversation = fresh.pop().ok_or("no conversation is left")?;
        read_answer(
            &mut client,
            &request("POST", &conversation, &token, &body),
            times,
        )?;
        let stored = client.ask(&request("POST", &person, &token, &body))?;
        if stored.status != 202 {
            return Err(format!("a message to a person gave {}", stored.status).into());
        }
        times.stored.push(stored.first);
        Ok(())
    }))
}

fn read_answer(client: &mut Client, request: &[u8], times: &mut Times) -> Res<()> {
    let mut marks = Marks::default();
    let began = now();
    client.stream(request, |bytes| marks.read(bytes, now()))?;
    times.answer(began, &marks.pieces);
    Ok(())
}

/// Finds the times that the stub told, `@` nanoseconds `;`, in what comes.
#[derive(Default)]
struct Marks {
    open: Option<u64>,
    /// When each was sent, and received.
    pieces: Vec<(Duration, Duration)>,
}

impl Marks {
    fn read(&mut self, bytes: &[u8], received: Duration) {
        for byte in bytes {
            self.open = match (byte, self.open) {
                (b'@', _) => Some(0),
                (b'0'..=b'9', Some(sent)) => Some(sent * 10 + u64::from(byte - b'0')),
                (b';', Some(sent)) => {
                    self.pieces.push((Duration::from_nanos(sent), received));
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
            // A connection ends with an error once the client is gone.
            thread::spawn(move || answer_all(&stream));
        }
    });
    Ok(port)
}

fn answer_all(mut stream: &TcpStream) -> Res<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let pieces = asked_for(&read_body(&mut reader)?)?;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        let began = now();
        for number in 0..pieces as u32 {
            thread::sleep((began + PAUSE * number).saturating_sub(now()));
            let event = json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stub",
                "choices": [{"index": 0, "delta": {"content": "@word;"}, "finish_reason": null}]
            });
            let (before, after) = cut(&event);
            let sent = now().as_nanos();
            stream.write_all(chunk(&format!("{before}@{sent};{after}")).as_bytes())?;
        }
        let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        let end = chunk(&format!("data: {end}\n\n")) + &chunk("data: [DONE]\n\n") + "0\r\n\r\n";
        stream.write_all(end.as_bytes())?;
    }
}

/// An event before and after the place of its time, so that as little as
/// possible is done once the time was taken.
fn cut(event: &Value) -> (String, String) {
    let text = format!("data: {event}\n\n");
    let (before, after) = text.split_once("@word;").unwrap_or((&text, ""));
    (before.to_owned(), after.to_owned())
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn read_body(reader: &mut impl BufRead) -> Res<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err("the client hung up".into());
        }
    }
    let mut body = vec![0; length(&head)];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

/// The number in the newest `say NUMBER words`.
fn asked_for(body: &str) -> Res<usize> {
    let (_, rest) = body.rsplit_once("say ").ok_or("nothing is asked for")?;
    let (number, _) = rest.split_once(' ').ok_or("no number")?;
    Ok(number.parse()?)
}

// ── parlor ──

struct Server {
    child: Child,
    port: u16,
    /// Kept, as a server that cannot print ends.
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
        let digits = digits.and_then(|(_, rest)| rest.split(|one: char| !one.is_numeric()).next());
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
        // Its file is thrown away with the folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
