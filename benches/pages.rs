//! Measures pages at random offsets with one client, for `benches/run`.
//!
//! `pages PORT PATH...`: a path is a list with an order. For each path the program
//! requests the first page and pages at random offsets alternately, in slices of some
//! milliseconds, so that other load on the machine affects both. Prints a line of JSON:
//! for each path the two medians in milliseconds, and the number of failures.

mod arguments;
mod client;

use std::time::{Duration, Instant};

use arguments::arguments;
use client::{Client, Res, percentile, request};
use fastrand::Rng;
use serde_json::json;

const KEY: &str = "sk_demo";
const PAGE_SIZE: u64 = 10;
/// The duration of a slice, and the number of slices of each kind.
const SLICE: Duration = Duration::from_millis(25);
const SLICES: usize = 10;
/// The number of pages at random offsets before the measurement.
const WARM_UP_REQUESTS: usize = 20;

fn main() -> Res<()> {
    let usage = "usage: pages PORT PATH...";
    let Some(arguments) = arguments(usage) else {
        return Ok(());
    };
    let (port, paths) = arguments.split_first().ok_or(usage)?;
    let mut client = Client::connect(port.parse()?)?;
    client.enable_busy_polling()?;
    let mut benchmark = Benchmark {
        client,
        random: Rng::new(),
        failed: 0,
    };
    let medians: Res<Vec<_>> = paths.iter().map(|path| benchmark.medians(path)).collect();
    println!("{}", json!({ "p50": medians?, "failed": benchmark.failed }));
    Ok(())
}

struct Benchmark {
    client: Client,
    random: Rng,
    failed: usize,
}

impl Benchmark {
    /// Returns the medians of the first page and of pages at random offsets.
    fn medians(&mut self, path: &str) -> Res<[f64; 2]> {
        let total = total(self.client.send(&page(path, 0))?.body)?;
        // The first request builds the index of the order.
        for _ in 0..WARM_UP_REQUESTS {
            self.request_page(path, total - PAGE_SIZE)?;
        }
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..SLICES {
            for (times, end) in times.iter_mut().zip([1, total - PAGE_SIZE]) {
                let start = Instant::now();
                while start.elapsed() < SLICE {
                    times.push(self.request_page(path, end)?);
                }
            }
        }
        Ok(times.map(|mut times| {
            times.sort_unstable();
            percentile(&times, 50)
        }))
    }

    /// Requests a page at a random offset below `end`. Returns the latency.
    fn request_page(&mut self, path: &str, end: u64) -> Res<Duration> {
        let request = page(path, self.random.u64(..end));
        let start = Instant::now();
        let status = self.client.send(&request)?.status;
        let latency = start.elapsed();
        self.failed += usize::from(status != 200);
        Ok(latency)
    }
}

fn page(path: &str, offset: u64) -> Vec<u8> {
    let path = format!("{path}&limit={PAGE_SIZE}&offset={offset}");
    request("GET", &path, KEY, "")
}

fn total(body: &str) -> Res<u64> {
    let rest = body.split_once(r#""total":"#);
    let number = rest.and_then(|(_, rest)| rest.split(',').next());
    Ok(number.ok_or("a list without a total")?.parse()?)
}
