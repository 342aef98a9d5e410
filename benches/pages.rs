//! What pages at a random offset cost one caller, for `benches/run`.
//!
//! `pages PORT PATH...`: each path, a list in some order, is asked for its first
//! page and for pages anywhere in turns of some milliseconds, so that what else
//! the machine does falls on both alike. Prints a line of JSON: for each path
//! the two medians in milliseconds, and how many requests failed.

mod client;

use std::time::{Duration, Instant};

use client::{Client, Res, percentile, request};
use fastrand::Rng;
use serde_json::json;

const KEY: &str = "sk_demo";
const LIMIT: u64 = 10;
/// How long the one kind is asked for before it is the other's turn.
const TURN: Duration = Duration::from_millis(25);
const TURNS: usize = 10;
/// Pages anywhere that are asked for before any is measured.
const WARM_UP: usize = 20;

fn main() -> Res<()> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().ok_or("usage: pages PORT PATH...")?;
    let mut client = Client::connect(port.parse()?)?;
    client.stay_awake()?;
    let mut caller = Caller {
        client,
        random: Rng::new(),
        failed: 0,
    };
    let medians: Res<Vec<_>> = arguments.map(|path| caller.medians(&path)).collect();
    println!("{}", json!({ "p50": medians?, "failed": caller.failed }));
    Ok(())
}

struct Caller {
    client: Client,
    random: Rng,
    failed: usize,
}

impl Caller {
    /// Of the first page, and of those anywhere.
    fn medians(&mut self, path: &str) -> Res<[f64; 2]> {
        let total = total(self.client.ask(&page(path, 0))?.body)?;
        // An order is counted when it is first asked for.
        for _ in 0..WARM_UP {
            self.ask(path, total - LIMIT)?;
        }
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            for (times, end) in times.iter_mut().zip([1, total - LIMIT]) {
                let began = Instant::now();
                while began.elapsed() < TURN {
                    times.push(self.ask(path, end)?);
                }
            }
        }
        Ok(times.map(|mut times| {
            times.sort_unstable();
            percentile(&times, 50)
        }))
    }

    /// The time of a page at an offset below `end`.
    fn ask(&mut self, path: &str, end: u64) -> Res<Duration> {
        let request = page(path, self.random.u64(..end));
        let began = Instant::now();
        let status = self.client.ask(&request)?.status;
        let took = began.elapsed();
        self.failed += usize::from(status != 200);
        Ok(took)
    }
}

fn page(path: &str, offset: u64) -> Vec<u8> {
    let path = format!("{path}&limit={LIMIT}&offset={offset}");
    request("GET", &path, KEY, "")
}

fn total(body: &str) -> Res<u64> {
    let found = body.split_once(r#""total":"#);
    let number = found.and_then(|(_, rest)| rest.split(',').next());
    Ok(number.ok_or("a list without a total")?.parse()?)
}
