//! Sends messages as fast as possible, for `benches/run`.
//!
//! `sending learn STORE`: adds the generated help centre to the data of a demo. STORE is
//! the path of a file, or the URL of a database on a PostgreSQL server.
//!
//! `sending load PORT RECIPIENT VISITORS SECONDS`: concurrent visitors send messages, 20 in
//! each conversation. RECIPIENT is `assistant`, or `agent` for conversations that an
//! agent has taken over. Prints a line of JSON: the rate per second, the latency to the
//! first byte in milliseconds, the number of failures, the mean length of a response in
//! bytes, the share of answers with a source (`known`), and the latency of the very
//! first message (`first`).

mod arguments;
mod client;
mod help_centre;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use arguments::arguments;
use client::{Client, Res, percentile, request};
use fastrand::Rng;
use help_centre::{DOCUMENTS, HelpCentre};
use parlor::domain::{DocumentId, ProjectSeq, Timestamp};
use parlor::store::document::NewDocument;
use parlor::store::{Batch, Options, StoreLocation};
use serde_json::json;

/// The number of messages that a visitor sends in a conversation.
const MESSAGES_PER_CONVERSATION: usize = 20;
/// The conversations of a visitor for each second, enough for 25,600 messages per
/// second. At a higher rate conversations get more messages.
const CONVERSATIONS_PER_SECOND: usize = 40;

fn main() -> Res<()> {
    let usage = "usage: sending learn STORE | sending load PORT assistant|agent VISITORS SECONDS";
    let Some(arguments) = arguments(usage) else {
        return Ok(());
    };
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["learn", store] => add_help_centre(store),
        [
            "load",
            port,
            recipient @ ("assistant" | "agent"),
            visitors,
            seconds,
        ] => run_load(&Load {
            port: port.parse()?,
            to_agent: recipient == "agent",
            visitors: visitors.parse()?,
            seconds: seconds.parse()?,
        }),
        _ => Err(usage.into()),
    }
}

// ── The help centre ──

fn add_help_centre(store: &str) -> Res<()> {
    let store = StoreLocation::parse(store.into())?.open(&Options::default())?;
    let help_centre = HelpCentre::new();
    for first in (0..DOCUMENTS).step_by(100) {
        let pages = (first..first + 100).map(|number| page(&help_centre, number));
        let all = pages.fold(Batch::default(), Batch::then);
        store.write_blocking(all)?;
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

struct Load {
    port: u16,
    to_agent: bool,
    visitors: usize,
    seconds: usize,
}

/// The results of one visitor.
#[derive(Default)]
struct SendStats {
    latencies: Vec<Duration>,
    failed: usize,
    response_bytes: usize,
    /// The number of answers with a source.
    answers_with_source: usize,
    duration: Duration,
}

fn run_load(load: &Load) -> Res<()> {
    let help_centre = &HelpCentre::new();
    // The first message fills the caches of the server.
    let question = help_centre.question(&mut Rng::with_seed(1));
    let first =
        Visitor::connect(load, load.visitors, 1)?.send(&mut SendStats::default(), &question)?;
    let start = &Barrier::new(load.visitors);
    let results: Res<Vec<SendStats>> = thread::scope(|scope| {
        let visitors: Vec<_> = (0..load.visitors)
            .map(|number| scope.spawn(move || run_visitor(load, number, help_centre, start)))
            .collect();
        let joined = visitors.into_iter().map(|visitor| visitor.join());
        joined
            .map(|stats| stats.unwrap_or(Err("a visitor panicked".into())))
            .collect()
    });
    report(results?, first);
    Ok(())
}

fn run_visitor(
    load: &Load,
    number: usize,
    help_centre: &HelpCentre,
    start: &Barrier,
) -> Res<SendStats> {
    let visitor = Visitor::connect(load, number, load.seconds * CONVERSATIONS_PER_SECOND);
    // A visitor that failed waits, too. Otherwise the others would wait forever.
    start.wait();
    let mut visitor = visitor?;
    let mut random = Rng::with_seed(u64::from(std::process::id()) * 100 + number as u64);
    let mut stats = SendStats::default();
    let start_time = Instant::now();
    let end = Duration::from_secs(load.seconds as u64);
    while start_time.elapsed() < end {
        let latency = visitor.send(&mut stats, &help_centre.question(&mut random))?;
        stats.latencies.push(latency);
    }
    stats.duration = start_time.elapsed();
    Ok(stats)
}

struct Visitor {
    client: Client,
    token: String,
    /// The message paths of the conversations.
    conversations: Vec<String>,
    expected_status: u16,
    sent_count: usize,
}

impl Visitor {
    fn connect(load: &Load, number: usize, conversations: usize) -> Res<Self> {
        let mut client = Client::connect(load.port)?;
        let token = client.start_session(&format!("load-{number}"))?;
        let conversations = (0..conversations).map(|_| {
            if load.to_agent {
                client.start_agent_conversation(&token)
            } else {
                client.start_conversation(&token)
            }
        });
        Ok(Self {
            conversations: conversations.collect::<Res<_>>()?,
            client,
            token,
            expected_status: if load.to_agent { 202 } else { 200 },
            sent_count: 0,
        })
    }

    /// Sends a message. Returns the latency to the first byte of the response.
    fn send(&mut self, stats: &mut SendStats, text: &str) -> Res<Duration> {
        let path = &self.conversations
            [self.sent_count / MESSAGES_PER_CONVERSATION % self.conversations.len()];
        self.sent_count += 1;
        let body = format!(r#"{{"content":"{text}","stream":true}}"#);
        let response = self
            .client
            .send(&request("POST", path, &self.token, &body))?;
        let is_complete =
            self.expected_status == 202 || response.body.ends_with("data: [DONE]\n\n");
        stats.failed += usize::from(response.status != self.expected_status || !is_complete);
        stats.response_bytes += response.body.len();
        stats.answers_with_source += usize::from(response.body.contains("https://help."));
        Ok(response.first_byte)
    }
}

fn report(all: Vec<SendStats>, first: Duration) {
    let latencies = all.iter().flat_map(|stats| stats.latencies.clone());
    let mut latencies: Vec<_> = latencies.collect();
    latencies.sort_unstable();
    let rates = all
        .iter()
        .map(|stats| stats.latencies.len() as f64 / stats.duration.as_secs_f64());
    let bytes: usize = all.iter().map(|stats| stats.response_bytes).sum();
    println!(
        "{}",
        json!({
            "rate": rates.sum::<f64>(),
            "p50": percentile(&latencies, 50),
            "p99": percentile(&latencies, 99),
            "failed": all.iter().map(|stats| stats.failed).sum::<usize>(),
            "bytes": bytes / latencies.len().max(1),
            "known": all.iter().map(|stats| stats.answers_with_source).sum::<usize>() as f64 / latencies.len() as f64,
            "first": first.as_secs_f64() * 1000.0,
        })
    );
}
