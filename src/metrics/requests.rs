//! Requests by route, method and status.
//!
//! The number of series is bounded: a route is a template of the route table or "none", a
//! method or status that is not listed here counts as "other".

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::histogram::{Histogram, HistogramSnapshot};

/// The label of a method or status that is not listed.
const OTHER: &str = "other";

const METHODS: [&str; 7] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"];

const STATUSES: [u16; 23] = [
    200, 201, 304, 202, 204, 206, 101, 401, 404, 429, 422, 400, 402, 403, 405, 409, 413, 415, 499,
    500, 502, 503, 504,
];

/// The name of the route of requests that no route serves.
pub const NO_ROUTE: &str = "none";

/// The requests of all worker threads.
#[derive(Debug, Default)]
pub struct RequestMetrics {
    workers: Mutex<Vec<Arc<WorkerMetrics>>>,
}

/// The requests of a worker thread.
#[derive(Debug)]
pub struct WorkerMetrics {
    in_flight: AtomicI64,
    routes: Mutex<Vec<Arc<RouteMetrics>>>,
    /// The requests that no route serves.
    pub no_route: Arc<RouteMetrics>,
}

/// The requests of a route on one worker thread.
#[derive(Debug)]
pub struct RouteMetrics {
    route: &'static str,
    methods: [OnceLock<MethodMetrics>; METHODS.len() + 1],
}

#[derive(Debug)]
struct MethodMetrics {
    statuses: [AtomicU64; STATUSES.len() + 1],
    durations: Histogram,
}

impl RequestMetrics {
    /// Counters for a new worker thread.
    pub fn worker(&self) -> Arc<WorkerMetrics> {
        let no_route = Arc::new(RouteMetrics::new(NO_ROUTE));
        let worker = Arc::new(WorkerMetrics {
            in_flight: AtomicI64::new(0),
            routes: Mutex::new(vec![no_route.clone()]),
            no_route,
        });
        lock(&self.workers).push(worker.clone());
        worker
    }

    /// The requests whose response has not begun.
    pub fn in_flight(&self) -> i64 {
        let workers = lock(&self.workers);
        let counts = workers
            .iter()
            .map(|worker| worker.in_flight.load(Ordering::Relaxed));
        counts.sum()
    }

    /// The sums of all worker threads.
    pub fn series(&self) -> RequestSeries {
        let mut series = RequestSeries::default();
        for worker in &*lock(&self.workers) {
            for route in &*lock(&worker.routes) {
                series.add(route);
            }
        }
        series
    }
}

impl WorkerMetrics {
    /// Counters for a route on this thread.
    pub fn route(&self, route: &'static str) -> Arc<RouteMetrics> {
        let metrics = Arc::new(RouteMetrics::new(route));
        lock(&self.routes).push(metrics.clone());
        metrics
    }

    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RouteMetrics {
    fn new(route: &'static str) -> Self {
        Self {
            route,
            methods: Default::default(),
        }
    }

    /// Counts a request.
    pub fn record(&self, method: &str, status: u16, duration: Duration) {
        let method = METHODS.iter().position(|name| *name == method);
        let method = self.methods[method.unwrap_or(METHODS.len())].get_or_init(MethodMetrics::new);
        let status = STATUSES.iter().position(|code| *code == status);
        method.statuses[status.unwrap_or(STATUSES.len())].fetch_add(1, Ordering::Relaxed);
        method.durations.observe_duration(duration);
    }
}

impl MethodMetrics {
    fn new() -> Self {
        Self {
            statuses: [const { AtomicU64::new(0) }; STATUSES.len() + 1],
            durations: Histogram::of_durations(),
        }
    }
}

/// The requests by method and route, each with its durations and the number of requests
/// of each status.
#[derive(Debug, Default)]
pub struct RequestSeries {
    pub durations: BTreeMap<(&'static str, &'static str), HistogramSnapshot>,
    /// By method, route and status.
    pub statuses: BTreeMap<(&'static str, &'static str, String), u64>,
}

impl RequestSeries {
    fn add(&mut self, metrics: &RouteMetrics) {
        let names = METHODS.into_iter().chain([OTHER]);
        for (name, method) in names.zip(&metrics.methods) {
            let Some(method) = method.get() else { continue };
            let durations = method.durations.snapshot();
            self.durations
                .entry((name, metrics.route))
                .and_modify(|sum| sum.add(&durations))
                .or_insert(durations);
            let labels = STATUSES.iter().map(ToString::to_string);
            for (label, count) in labels.chain([OTHER.to_owned()]).zip(&method.statuses) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    *self
                        .statuses
                        .entry((name, metrics.route, label))
                        .or_default() += count;
                }
            }
        }
    }
}

fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_all_threads_are_added_and_labels_are_bounded() {
        let requests = RequestMetrics::default();
        let workers = [requests.worker(), requests.worker()];
        for worker in &workers {
            let route = worker.route("/v2/conversations");
            route.record("GET", 200, Duration::from_millis(1));
            route.record("BREW", 418, Duration::from_millis(1));
            worker.no_route.record("GET", 404, Duration::ZERO);
        }
        let series = requests.series();
        let list = "/v2/conversations";
        let expected = [
            (("GET", list, "200".to_owned()), 2),
            (("GET", "none", "404".to_owned()), 2),
            (("other", list, "other".to_owned()), 2),
        ];
        assert_eq!(series.statuses, BTreeMap::from(expected));
        assert_eq!(series.durations[&("GET", list)].count(), 2);
    }

    #[test]
    fn requests_in_flight_are_those_that_have_not_ended() {
        let requests = RequestMetrics::default();
        let workers = [requests.worker(), requests.worker()];
        workers[0].begin();
        workers[1].begin();
        assert_eq!(requests.in_flight(), 2);
        workers[0].end();
        assert_eq!(requests.in_flight(), 1);
    }
}
