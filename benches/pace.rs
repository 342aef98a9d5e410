//! Writes at a steady pace, for `benches/run`.
//!
//! `pace PORT RATE SECONDS`: 32 visitors send messages, so many a second in all,
//! each to its conversations in turn, which a person of the house has: a message
//! is stored and its conversation touched. Each send has its moment, whether or
//! not those before it are done. Prints `ready` when the first is due, and at the
//! end a line of JSON: sends a second as they were done, milliseconds from their
//! moment to the answer, how many failed.

mod client;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use client::{Client, Res, percentile, request};
use serde_json::json;

const VISITORS: usize = 32;
const CONVERSATIONS: usize = 20;

struct Pace {
    port: u16,
    rate: f64,
    time: Duration,
}

fn main() -> Res<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [port, rate, seconds] = &arguments[..] else {
        return Err("usage: pace PORT RATE SECONDS".into());
    };
    let pace = &Pace {
        port: port.parse()?,
        rate: rate.parse()?,
        time: Duration::from_secs(seconds.parse()?),
    };
    let start = &Barrier::new(VISITORS);
    let all: Vec<Res<Sends>> = thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS)
            .map(|number| scope.spawn(move || visit(pace, number, start)))
            .collect();
        let joined = visitors.into_iter().map(|visitor| visitor.join());
        joined
            .map(|sends| sends.unwrap_or(Err("a visitor panicked".into())))
            .collect()
    });
    report(all.into_iter().collect::<Res<_>>()?);
    Ok(())
}

#[derive(Default)]
struct Sends {
    times: Vec<Duration>,
    failed: usize,
    took: Duration,
}

fn visit(pace: &Pace, number: usize, start: &Barrier) -> Res<Sends> {
    let visitor = Visitor::come(pace.port, number);
    // Also by who failed, else the others would wait for ever.
    if start.wait().is_leader() {
        println!("ready");
    }
    let mut visitor = visitor?;
    let mut sends = Sends::default();
    let between = Duration::from_secs_f64(VISITORS as f64 / pace.rate);
    let began = Instant::now();
    let mut moment = began + between.mul_f64(number as f64 / VISITORS as f64);
    while moment < began + pace.time {
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        sends.failed += usize::from(visitor.say()? != 202);
        sends.times.push(moment.elapsed());
        moment += between;
    }
    sends.took = began.elapsed();
    Ok(sends)
}

struct Visitor {
    client: Client,
    /// A message to each conversation.
    messages: Vec<Vec<u8>>,
    sent: usize,
}

impl Visitor {
    fn come(port: u16, number: usize) -> Res<Self> {
        let mut client = Client::connect(port)?;
        let token = client.session(&format!("pace-{number}"))?;
        let body = r#"{"content":"Is there any news about my parcel?"}"#;
        let messages = (0..CONVERSATIONS).map(|_| {
            let path = client.with_person(&token)?;
            Ok(request("POST", &path, &token, body))
        });
        Ok(Self {
            messages: messages.collect::<Res<_>>()?,
            client,
            sent: 0,
        })
    }

    /// The status that the next message is answered with.
    fn say(&mut self) -> Res<u16> {
        self.sent += 1;
        let message = &self.messages[self.sent % CONVERSATIONS];
        Ok(self.client.ask(message)?.status)
    }
}

fn report(all: Vec<Sends>) {
    let took = all.iter().map(|one| one.took).max().unwrap_or_default();
    let mut times: Vec<_> = all.iter().flat_map(|one| one.times.clone()).collect();
    times.sort_unstable();
    println!(
        "{}",
        json!({
            "rate": times.len() as f64 / took.as_secs_f64(),
            "p50": percentile(&times, 50),
            "p99": percentile(&times, 99),
            "failed": all.iter().map(|one| one.failed).sum::<usize>(),
        })
    );
}
