//! Sends messages at a constant rate, for `benches/run`.
//!
//! `pace PORT RATE SECONDS`: 32 visitors together send RATE messages per second.
//! Each visitor sends to its conversations in turn. An agent has taken the
//! conversations over, so a request only stores a message and updates the
//! conversation. Each message has a scheduled time, which does not depend on the
//! responses to earlier messages.
//!
//! Prints `ready` at the start, and at the end a line of JSON: the achieved rate per
//! second, the latency from the scheduled time to the response in milliseconds, and
//! the number of failures.

mod arguments;
mod client;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use arguments::arguments;
use client::{Client, Res, percentile, request};
use serde_json::json;

const VISITORS: usize = 32;
/// The conversations of each visitor.
const CONVERSATIONS: usize = 20;

struct Load {
    port: u16,
    /// Messages per second of all visitors.
    rate: f64,
    duration: Duration,
}

fn main() -> Res<()> {
    let usage = "usage: pace PORT RATE SECONDS";
    let Some(arguments) = arguments(usage) else {
        return Ok(());
    };
    let [port, rate, seconds] = &arguments[..] else {
        return Err(usage.into());
    };
    let load = &Load {
        port: port.parse()?,
        rate: rate.parse()?,
        duration: Duration::from_secs(seconds.parse()?),
    };
    let start = &Barrier::new(VISITORS);
    let results: Vec<Res<SendStats>> = thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS)
            .map(|number| scope.spawn(move || run_visitor(load, number, start)))
            .collect();
        let joined = visitors.into_iter().map(|visitor| visitor.join());
        joined
            .map(|sends| sends.unwrap_or(Err("a visitor panicked".into())))
            .collect()
    });
    report(results.into_iter().collect::<Res<_>>()?);
    Ok(())
}

#[derive(Default)]
struct SendStats {
    latencies: Vec<Duration>,
    failed: usize,
    duration: Duration,
}

fn run_visitor(load: &Load, number: usize, start: &Barrier) -> Res<SendStats> {
    let visitor = Visitor::connect(load.port, number);
    // A visitor that failed waits, too. Otherwise the others would wait forever.
    if start.wait().is_leader() {
        println!("ready");
    }
    let mut visitor = visitor?;
    let mut stats = SendStats::default();
    let interval = Duration::from_secs_f64(VISITORS as f64 / load.rate);
    let start = Instant::now();
    let mut scheduled = start + interval.mul_f64(number as f64 / VISITORS as f64);
    while scheduled < start + load.duration {
        thread::sleep(scheduled.saturating_duration_since(Instant::now()));
        stats.failed += usize::from(visitor.send()? != 202);
        stats.latencies.push(scheduled.elapsed());
        scheduled += interval;
    }
    stats.duration = start.elapsed();
    Ok(stats)
}

struct Visitor {
    client: Client,
    /// A request for each conversation.
    requests: Vec<Vec<u8>>,
    sent_count: usize,
}

impl Visitor {
    fn connect(port: u16, number: usize) -> Res<Self> {
        let mut client = Client::connect(port)?;
        let token = client.start_session(&format!("pace-{number}"))?;
        let body = r#"{"content":"Is there any news about my parcel?"}"#;
        let requests = (0..CONVERSATIONS).map(|_| {
            let path = client.start_agent_conversation(&token)?;
            Ok(request("POST", &path, &token, body))
        });
        Ok(Self {
            requests: requests.collect::<Res<_>>()?,
            client,
            sent_count: 0,
        })
    }

    /// Sends the next message. Returns the status of the response.
    fn send(&mut self) -> Res<u16> {
        self.sent_count += 1;
        let request = &self.requests[self.sent_count % CONVERSATIONS];
        Ok(self.client.send(request)?.status)
    }
}

fn report(all: Vec<SendStats>) {
    let duration = all.iter().map(|stats| stats.duration).max();
    let duration = duration.unwrap_or_default();
    let latencies = all.iter().flat_map(|stats| stats.latencies.clone());
    let mut latencies: Vec<_> = latencies.collect();
    latencies.sort_unstable();
    println!(
        "{}",
        json!({
            "rate": latencies.len() as f64 / duration.as_secs_f64(),
            "p50": percentile(&latencies, 50),
            "p99": percentile(&latencies, 99),
            "failed": all.iter().map(|stats| stats.failed).sum::<usize>(),
        })
    );
}
