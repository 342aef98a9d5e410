//! Counters of a running server. `http::metrics_collector` returns them for Prometheus.
//!
//! Recording takes no lock: a value is an atomic counter. What each request changes has
//! one counter for each worker thread, so that the threads do not share cache lines; a
//! scrape adds them up.

mod answers;
mod histogram;
mod process;
mod requests;
mod store;

pub use answers::{AnswerMetrics, AnswerOutcome, ProviderKind};
pub use histogram::{Histogram, HistogramSnapshot};
pub use process::ProcessUsage;
pub use requests::{NO_ROUTE, RequestMetrics, RequestSeries, RouteMetrics, WorkerMetrics};
pub use store::StoreMetrics;
