//! Times and speeds that no flag sets; tests change them.

use std::time::Duration;

/// How often the store is checked for `/ready`, however often a client asks.
#[derive(Debug, Clone, Copy)]
pub struct ReadinessIntervals {
    /// A result is returned again for this time.
    pub check: Duration,
    /// A row is written if the last commit is older, at most once in this time.
    pub probe: Duration,
}

impl Default for ReadinessIntervals {
    fn default() -> Self {
        Self {
            check: Duration::from_secs(1),
            probe: Duration::from_secs(10),
        }
    }
}

/// When expired data is deleted.
#[derive(Debug, Clone, Copy)]
pub struct HousekeepingTimes {
    pub interval: Duration,
    /// How long the clock of the machine must run without a jump before data is
    /// deleted.
    pub steady_clock: Duration,
}

impl Default for HousekeepingTimes {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10 * 60),
            steady_clock: Duration::from_secs(60 * 60),
        }
    }
}

/// Timing of the event stream of an answer.
#[derive(Debug, Clone, Copy)]
pub struct StreamTimeouts {
    /// How long the response status waits for the first chunk. After that time
    /// the stream starts with status 200, so that pings can keep the connection
    /// open while the model is slow.
    pub first_chunk: Duration,
    /// The interval of pings. Proxies close silent connections, so
    /// `docs/api-contract.md`, section 7.2, allows at most 15 seconds.
    pub ping_interval: Duration,
    /// A client that reads nothing for this time counts as disconnected.
    pub stalled_client: Duration,
    /// How long a detached answer may continue without clients.
    pub detached: Duration,
}

impl Default for StreamTimeouts {
    fn default() -> Self {
        Self {
            first_chunk: Duration::from_secs(12),
            ping_interval: Duration::from_secs(10),
            stalled_client: Duration::from_secs(60),
            detached: Duration::from_secs(10 * 60),
        }
    }
}

/// The minimum speed of request and response bodies.
#[derive(Debug, Clone, Copy)]
pub struct TransferLimits {
    /// The time over which the speed is averaged.
    pub period: Duration,
    pub min_bytes_per_sec: usize,
}

impl TransferLimits {
    /// The bytes of a response that a client must read in each period.
    pub fn min_bytes_per_period(&self) -> usize {
        (self.period.as_secs_f64() * self.min_bytes_per_sec as f64) as usize
    }

    /// The time that a client may take to send `bytes` of a request body. The first
    /// period has no minimum.
    pub fn upload_time(&self, bytes: usize) -> Duration {
        let time = Duration::from_secs_f64(bytes as f64 / self.min_bytes_per_sec as f64);
        self.period.max(time)
    }
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(20),
            min_bytes_per_sec: 8 << 10,
        }
    }
}

/// When notifications are sent.
#[derive(Debug, Clone, Copy)]
pub struct NotificationTimes {
    /// How often the server looks for notifications to send.
    pub poll_interval: Duration,
    /// How long a visitor has time to see a reply before it is e-mailed.
    pub reply_delay: Duration,
    /// The first retry comes after this time. The later ones are multiples of it.
    pub first_retry: Duration,
    /// How long a receiver of a webhook may take.
    pub webhook_timeout: Duration,
    /// How long an attempt may take. Until then, other nodes do not begin another one.
    pub max_attempt: Duration,
}

impl Default for NotificationTimes {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_millis(500),
            reply_delay: Duration::from_secs(2 * 60),
            first_retry: Duration::from_secs(5),
            webhook_timeout: Duration::from_secs(10),
            max_attempt: Duration::from_secs(2 * 60),
        }
    }
}

/// Timing of WebSocket connections.
#[derive(Debug, Clone, Copy)]
pub struct SocketTimeouts {
    /// How often the server checks that the client is alive and its credentials
    /// are valid.
    pub heartbeat_interval: Duration,
    /// The server pings a client that has sent nothing for this time, and
    /// disconnects it if it sends nothing for another heartbeat interval. Web
    /// clients send a frame every 30 seconds.
    pub idle_timeout: Duration,
    /// The server disconnects a client that acknowledges no data for this time.
    pub write_timeout: Duration,
}

impl Default for SocketTimeouts {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(90),
            write_timeout: Duration::from_secs(30),
        }
    }
}
