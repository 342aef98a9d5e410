//! The load of `benches/run` that sends messages.
//!
//! `sending learn FILE`: puts the made-up help centre into a demo's file.
//!
//! `sending load PORT WHOM SECONDS`: 32 visitors at once, each of whom says one
//! thing after the other, 20 of them in a conversation, to the `assistant` or to
//! a `person` of the house. Prints a line of JSON: sends a second, milliseconds to
//! the first byte, how many failed, the bytes of a mean answer, what part of them
//! names a source; and `first`, the milliseconds that the first of all sends took.

mod client;
mod help_centre;

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use client::{Client, Res, percentile, request};
use fastrand::Rng;
use help_centre::{DOCUMENTS, HelpCentre};
use parlor::domain::{DocumentId, ProjectSeq, Timestamp};
use parlor::store::document::NewDocument;
use parlor::store::{Batch, Options, Store};
use serde_json::json;

const CLIENTS: usize = 32;
/// Things said in one conversation.
const LENGTH: usize = 20;
/// Conversations that a visitor gets for each second: as many as are used up at
/// 25,600 sends a second. At more, histories grow beyond that length.
const CONVERSATIONS: usize = 40;

fn main() -> Res<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["learn", file] => learn(Path::new(file)),
        ["load", port, whom @ ("assistant" | "person"), seconds] => load(&Plan {
            port: port.parse()?,
            to_person: whom == "person",
            seconds: seconds.parse()?,
        }),
        _ => Err("usage: sending learn FILE | load PORT assistant|person SECONDS".into()),
    }
}

// ── The help centre ──

fn learn(file: &Path) -> Res<()> {
    let store = Store::open(file, &Options::default())?;
    let help_centre = HelpCentre::new();
    for first in (0..DOCUMENTS).step_by(100) {
        let pages = (first..first + 100).map(|number| page(&help_centre, number));
        let all = pages.fold(Batch::default(), Batch::then);
        store.write_here(all)?;
    }
    Ok(())
}

fn page(help_centre: &HelpCentre, number: usize) -> Batch {
    let new = NewDocument {
        id: DocumentId::generate(),
        project: ProjectSeq::FIRST,
        document: &help_centre.page(number),
        hash: [0; 32],
        source: "bench",
        at: Timestamp::now(),
    };
    new.upsert()
}

// ── The load ──

struct Plan {
    port: u16,
    to_person: bool,
    seconds: usize,
}

/// What came of one visitor's sends.
#[derive(Default)]
struct Sends {
    times: Vec<Duration>,
    failed: usize,
    bytes: usize,
    /// Answers that name a source, so something was known.
    known: usize,
    /// How long they took together.
    took: Duration,
}

fn load(plan: &Plan) -> Res<()> {
    let help_centre = &HelpCentre::new();
    // Whatever the server reads once, it reads for this one.
    let question = help_centre.question(&mut Rng::with_seed(1));
    let first = Visitor::come(plan, CLIENTS, 1)?.say(&mut Sends::default(), &question)?;
    let start = &Barrier::new(CLIENTS);
    let all: Res<Vec<Sends>> = thread::scope(|scope| {
        let visitors: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || visit(plan, number, help_centre, start)))
            .collect();
        let joined = visitors.into_iter().map(|visitor| visitor.join());
        joined
            .map(|sends| sends.unwrap_or(Err("a visitor panicked".into())))
            .collect()
    });
    report(all?, first);
    Ok(())
}

fn visit(plan: &Plan, number: usize, help_centre: &HelpCentre, start: &Barrier) -> Res<Sends> {
    let visitor = Visitor::come(plan, number, plan.seconds * CONVERSATIONS);
    // Also by who failed, else the others would wait for ever.
    start.wait();
    let mut visitor = visitor?;
    let mut random = Rng::with_seed(u64::from(std::process::id()) * 100 + number as u64);
    let mut sends = Sends::default();
    let began = Instant::now();
    let end = Duration::from_secs(plan.seconds as u64);
    while began.elapsed() < end {
        let time = visitor.say(&mut sends, &help_centre.question(&mut random))?;
        sends.times.push(time);
    }
    sends.took = began.elapsed();
    Ok(sends)
}

struct Visitor {
    client: Client,
    token: String,
    /// The paths of their messages.
    conversations: Vec<String>,
    /// What is answered to a message that is stored.
    expected: u16,
    sent: usize,
}

impl Visitor {
    fn come(plan: &Plan, number: usize, conversations: usize) -> Res<Self> {
        let mut client = Client::connect(plan.port)?;
        let token = client.session(&format!("load-{number}"))?;
        let conversations = (0..conversations).map(|_| match plan.to_person {
            true => client.with_person(&token),
            false => client.conversation(&token),
        });
        Ok(Self {
            conversations: conversations.collect::<Res<_>>()?,
            client,
            token,
            expected: if plan.to_person { 202 } else { 200 },
            sent: 0,
        })
    }

    /// Says one thing: the time to the answer's first byte.
    fn say(&mut self, sends: &mut Sends, text: &str) -> Res<Duration> {
        let path = &self.conversations[self.sent / LENGTH % self.conversations.len()];
        self.sent += 1;
        let body = format!(r#"{{"content":"{text}","stream":true}}"#);
        let answer = self
            .client
            .ask(&request("POST", path, &self.token, &body))?;
        let is_whole = self.expected == 202 || answer.body.ends_with("data: [DONE]\n\n");
        sends.failed += usize::from(answer.status != self.expected || !is_whole);
        sends.bytes += answer.body.len();
        sends.known += usize::from(answer.body.contains("https://help."));
        Ok(answer.first)
    }
}

fn report(all: Vec<Sends>, first: Duration) {
    let mut times: Vec<_> = all.iter().flat_map(|one| one.times.clone()).collect();
    times.sort_unstable();
    let rates = all
        .iter()
        .map(|one| one.times.len() as f64 / one.took.as_secs_f64());
    let bytes: usize = all.iter().map(|one| one.bytes).sum();
    println!(
        "{}",
        json!({
            "rate": rates.sum::<f64>(),
            "p50": percentile(&times, 50),
            "p99": percentile(&times, 99),
            "failed": all.iter().map(|one| one.failed).sum::<usize>(),
            "bytes": bytes / times.len().max(1),
            "known": all.iter().map(|one| one.known).sum::<usize>() as f64 / times.len() as f64,
            "first": first.as_secs_f64() * 1000.0,
        })
    );
}
