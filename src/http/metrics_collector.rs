//! The metrics of a server in the text format of Prometheus. docs/monitoring.md lists
//! them.

use std::fmt::{self, Debug};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet, prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::app::AppState;
use crate::domain::{NotificationKind, Timestamp};
use crate::metrics::{AnswerMetrics, HistogramSnapshot, ProcessUsage};
use crate::store::with_suffix;

pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The metrics of a server as text.
///
/// # Errors
/// If the text cannot be written, which does not happen in memory.
pub fn encode(app: Arc<AppState>, is_ready: bool) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape { app, is_ready }));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

/// Reads the counters of a server at a scrape.
struct Scrape {
    app: Arc<AppState>,
    is_ready: bool,
}

impl Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        self.server(&mut families)?;
        self.requests(&mut families)?;
        self.store(&mut families)?;
        self.files(&mut families)?;
        self.answers(&mut families)?;
        self.backups(&mut families)?;
        self.notifications(&mut families)?;
        self.limits(&mut families)?;
        self.process(&mut families)
    }
}

impl Scrape {
    fn server(&self, families: &mut Families<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        families.gauges(
            "parlor_build_info",
            "The version of parlor; always 1",
            [(&version[..], 1)],
        )?;
        families.gauge(
            "parlor_ready",
            "1 if reads and writes work, as /ready says, otherwise 0",
            u64::from(self.is_ready),
        )?;
        let services = &self.app.services;
        let sockets =
            services.events.subscriber_count() + services.project_events.subscriber_count();
        families.gauge("parlor_websockets", "Open WebSockets", sockets)?;
        families.gauge(
            "parlor_agents_online",
            "Agents whose inbox is open",
            services.presence.online_count(),
        )?;
        families.counter(
            "parlor_event_resyncs",
            "Times that a client of /v2/events had to read everything again",
            services.project_events.resync_count(),
        )
    }

    fn requests(&self, families: &mut Families<'_>) -> fmt::Result {
        let requests = &self.app.request_metrics;
        let series = requests.series();
        let statuses = series
            .statuses
            .iter()
            .map(|((method, route, status), count)| {
                let labels = [("method", *method), ("route", route), ("status", status)];
                (labels, *count)
            });
        families.counters("parlor_http_requests", "Responses", statuses)?;
        let durations = series.durations.iter().map(|((method, route), durations)| {
            let labels = [("method", *method), ("route", route)];
            (labels, durations)
        });
        families.histograms(
            "parlor_http_request_duration_seconds",
            "The time until a response began",
            durations,
        )?;
        families.gauge(
            "parlor_http_requests_in_flight",
            "Requests whose response has not begun",
            requests.in_flight(),
        )
    }

    fn readers(&self, families: &mut Families<'_>) -> fmt::Result {
        if let Some(waits) = self.app.store.metrics().read_wait_total() {
            let help = "The time that reads waited for a database connection";
            families.histogram("parlor_db_read_wait_seconds", help, &waits)?;
        }
        let readers = self.app.store.reader_state();
        families.gauges(
            "parlor_db_read_connections",
            "Open database connections that read",
            [
                ([("state", "in_use")], readers.in_use),
                ([("state", "idle")], readers.idle),
            ],
        )?;
        families.gauge(
            "parlor_db_reads_waiting",
            "Reads that wait for a database connection",
            readers.waiting,
        )
    }

    fn store(&self, families: &mut Families<'_>) -> fmt::Result {
        self.readers(families)?;
        let metrics = self.app.store.metrics();
        families.gauge(
            "parlor_db_write_queue_length",
            "Writes that wait for the writer",
            metrics.queue_length(),
        )?;
        for (name, help, histogram) in [
            (
                "parlor_db_write_wait_seconds",
                "The time that writes waited for the writer",
                &metrics.write_waits,
            ),
            (
                "parlor_db_commit_writes",
                "The number of writes in a commit",
                &metrics.group_sizes,
            ),
            (
                "parlor_db_commit_duration_seconds",
                "The time of a commit, until it is on the disk",
                &metrics.commit_times,
            ),
        ] {
            families.histogram(name, help, &histogram.snapshot())?;
        }
        families.counter(
            "parlor_db_commit_failures",
            "Commits that failed",
            metrics.failed_commits(),
        )?;
        let cache = &self.app.list_cache_stats;
        let results = [
            ([("result", "hit")], cache.hits()),
            ([("result", "miss")], cache.misses()),
        ];
        let help = "Lists that were found in the cache, or not";
        families.counters("parlor_list_cache_requests", help, results)
    }

    fn files(&self, families: &mut Families<'_>) -> fmt::Result {
        let Some(database) = self.app.store.path() else {
            return Ok(());
        };
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        families.gauge(
            "parlor_db_file_bytes",
            "The size of the database file",
            size(database),
        )?;
        families.gauge(
            "parlor_db_wal_bytes",
            "The size of the write-ahead log",
            size(&with_suffix(database, "-wal")),
        )?;
        let Ok(disk) = rustix::fs::statvfs(database) else {
            return Ok(());
        };
        families.gauge(
            "parlor_disk_free_bytes",
            "The free space of the disk with the database file",
            disk.f_bavail * disk.f_frsize,
        )?;
        families.gauge(
            "parlor_disk_size_bytes",
            "The size of the disk with the database file",
            disk.f_blocks * disk.f_frsize,
        )
    }

    fn answers(&self, families: &mut Families<'_>) -> fmt::Result {
        let services = &self.app.services;
        let metrics = &services.answer_providers.metrics;
        let outcomes = AnswerMetrics::PROVIDERS
            .iter()
            .flat_map(|(kind, provider)| {
                AnswerMetrics::OUTCOMES.map(|(outcome, name)| {
                    let labels = [("provider", *provider), ("outcome", name)];
                    (labels, metrics.provider(*kind).count(outcome))
                })
            });
        families.counters("parlor_answers", "Answers that ended", outcomes)?;
        let providers = AnswerMetrics::PROVIDERS;
        let first_texts = providers.map(|(kind, name)| {
            let first_texts = metrics.provider(kind).first_texts.snapshot();
            ([("provider", name)], first_texts)
        });
        families.histograms(
            "parlor_answer_first_text_seconds",
            "The time until the first text of an answer",
            first_texts.iter().map(|(labels, times)| (*labels, times)),
        )?;
        let durations = providers.map(|(kind, name)| {
            let durations = metrics.provider(kind).durations.snapshot();
            ([("provider", name)], durations)
        });
        families.histograms(
            "parlor_answer_duration_seconds",
            "The time of complete answers",
            durations.iter().map(|(labels, times)| (*labels, times)),
        )?;
        families.gauge(
            "parlor_answers_streaming",
            "Answers that are being streamed",
            services.active_answers.count(),
        )
    }

    fn backups(&self, families: &mut Families<'_>) -> fmt::Result {
        let backups = &self.app.backup_status;
        if !backups.is_scheduled() {
            return Ok(());
        }
        families.gauge(
            "parlor_backup_interval_seconds",
            "The time between two backups (--backup-every)",
            self.app.settings.backup.backup_every.as_secs(),
        )?;
        if let Some(at) = backups.last_success() {
            families.gauge(
                "parlor_backup_last_success_timestamp_seconds",
                "The time of the newest backup, in seconds since 1970",
                at.seconds(),
            )?;
        }
        if let Some(duration) = backups.last_duration() {
            families.gauge(
                "parlor_backup_last_duration_seconds",
                "How long the newest backup took",
                duration.as_secs_f64(),
            )?;
        }
        families.counter(
            "parlor_backup_failures",
            "Backups that failed",
            backups.failures(),
        )
    }

    fn notifications(&self, families: &mut Families<'_>) -> fmt::Result {
        let stats = &self.app.services.notifier.stats;
        let attempts = NotificationKind::NAMES.iter().flat_map(|(name, kind)| {
            [
                ("delivered", stats.delivered(*kind)),
                ("failed", stats.failed(*kind)),
            ]
            .map(|(result, count)| ([("kind", *name), ("result", result)], count))
        });
        let help = "Attempts to send a notification";
        families.counters("parlor_notification_attempts", help, attempts)?;
        families.gauge(
            "parlor_notifications_pending",
            "Notifications that are to be sent",
            stats.pending(),
        )?;
        families.gauge(
            "parlor_notification_oldest_pending_seconds",
            "The age of the oldest notification that is due",
            stats.oldest_pending_seconds(Timestamp::now()),
        )
    }

    fn limits(&self, families: &mut Families<'_>) -> fmt::Result {
        let memory = &self.app.memory;
        families.gauge(
            "parlor_memory_budget_used_bytes",
            "Large requests and responses in flight",
            memory.used(),
        )?;
        families.gauge(
            "parlor_memory_budget_limit_bytes",
            "The memory for large requests and responses in flight (--memory-budget-mb)",
            memory.limit(),
        )?;
        let with_label = |(limit, count)| ([("limit", limit)], count);
        families.counters(
            "parlor_memory_budget_refusals",
            "Bodies that exceeded the memory budget or a share",
            memory.refusals().map(with_label),
        )?;
        families.counters(
            "parlor_rate_limit_refusals",
            "Requests that exceeded a rate limit",
            self.app.auth.rate_limit_refusals().map(with_label),
        )
    }

    /// The names are those of other programs, so that common dashboards show them.
    fn process(&self, families: &mut Families<'_>) -> fmt::Result {
        let usage = ProcessUsage::read();
        let labels: [(&str, &str); 0] = [];
        families.family(
            "process_cpu_seconds",
            "CPU time",
            MetricType::Counter,
            |mut family| {
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, f64>(&usage.cpu_seconds, None)
            },
        )?;
        for (name, help, value) in [
            (
                "process_resident_memory_bytes",
                "Memory in use",
                usage.resident_bytes,
            ),
            (
                "process_virtual_memory_bytes",
                "Address space in use",
                usage.virtual_bytes,
            ),
            ("process_open_fds", "Open file descriptors", usage.open_fds),
            (
                "process_max_fds",
                "The limit of open file descriptors",
                usage.max_fds,
            ),
        ] {
            if let Some(value) = value {
                families.gauge(name, help, value)?;
            }
        }
        families.gauge(
            "process_start_time_seconds",
            "The start of the process, in seconds since 1970",
            self.app.started_at.seconds(),
        )
    }
}

/// Writes metrics with their descriptions.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(self.0.encode_descriptor(name, help, None, kind)?)
    }

    /// The name gets the suffix `_total`.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let labels: [(&str, &str); 0] = [];
        self.counters(name, help, [(labels, value)])
    }

    /// The name gets the suffix `_total`.
    fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (impl AsRef<[(&'l str, &'l str)]>, u64)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, |mut family| {
            for (labels, value) in values {
                family
                    .encode_family(&labels.as_ref())?
                    .encode_counter::<NoLabelSet, _, f64>(&value, None)?;
            }
            Ok(())
        })
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        let labels: [(&str, &str); 0] = [];
        self.gauges(name, help, [(labels, value)])
    }

    fn gauges<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (impl AsRef<[(&'l str, &'l str)]>, impl EncodeGaugeValue)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, |mut family| {
            for (labels, value) in values {
                family
                    .encode_family(&labels.as_ref())?
                    .encode_gauge(&value)?;
            }
            Ok(())
        })
    }

    fn histogram(&mut self, name: &str, help: &str, values: &HistogramSnapshot) -> fmt::Result {
        let labels: [(&str, &str); 0] = [];
        self.histograms(name, help, [(labels, values)])
    }

    fn histograms<'v>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (impl AsRef<[(&'v str, &'v str)]>, &'v HistogramSnapshot)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Histogram, |mut family| {
            for (labels, values) in values {
                let (sum, count) = (values.sum, values.count());
                family
                    .encode_family(&labels.as_ref())?
                    .encode_histogram::<NoLabelSet>(sum, count, &values.buckets, None)?;
            }
            Ok(())
        })
    }
}
