//! The logger of the program. Lines of successful requests are written together, up to
//! twenty times a second: one system call for each of them would cost more than a request
//! whose response is cached. All other lines are written at once, after the lines that
//! wait.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use log::{Level, Log, Metadata, Record};

use crate::log_format::LogLines;

/// The log target of requests, as PARLOR_LOG names it.
pub const REQUEST_TARGET: &str = "parlor::access";

/// How long a line waits at most.
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// The size from which the lines are written at once.
const MAX_BUFFER_BYTES: usize = 64 << 10;

/// Writes lines to standard error.
pub struct BufferedLogger {
    /// Selects the lines, and writes those that do not wait.
    direct: env_logger::Logger,
    lines: LogLines,
    buffer: Arc<LineBuffer>,
}

impl BufferedLogger {
    /// # Errors
    /// If the thread that writes the lines cannot be started.
    pub fn start(direct: env_logger::Logger, lines: LogLines) -> io::Result<Self> {
        let buffer = Arc::<LineBuffer>::default();
        let writer = buffer.clone();
        let thread = thread::Builder::new().name("parlor-log".to_owned());
        thread.spawn(move || writer.run())?;
        Ok(Self {
            direct,
            lines,
            buffer,
        })
    }
}

impl Log for BufferedLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.direct.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.direct.matches(record) {
            return;
        }
        if record.target() == REQUEST_TARGET && record.level() > Level::Warn {
            self.buffer.push(&self.lines.request_line(record));
        } else {
            self.buffer.flush();
            self.direct.log(record);
        }
    }

    fn flush(&self) {
        self.buffer.flush();
    }
}

/// Lines that wait to be written.
#[derive(Default)]
struct LineBuffer {
    lines: Mutex<Vec<u8>>,
    is_filled: Condvar,
    /// Held while lines are written, so that they stay in order.
    output: Mutex<()>,
}

impl LineBuffer {
    fn push(&self, line: &[u8]) {
        let mut lines = lock(&self.lines);
        let was_empty = lines.is_empty();
        lines.extend_from_slice(line);
        let is_full = lines.len() >= MAX_BUFFER_BYTES;
        drop(lines);
        if is_full {
            self.flush();
        } else if was_empty {
            self.is_filled.notify_one();
        }
    }

    fn flush(&self) {
        let output = lock(&self.output);
        let lines = std::mem::take(&mut *lock(&self.lines));
        if !lines.is_empty() {
            // There is no place to report that standard error is closed.
            let _ = io::stderr().write_all(&lines);
        }
        drop(output);
    }

    /// Writes the lines until the process ends.
    fn run(&self) {
        loop {
            let lines = lock(&self.lines);
            let filled = self.is_filled.wait_while(lines, |lines| lines.is_empty());
            drop(filled.unwrap_or_else(PoisonError::into_inner));
            thread::sleep(FLUSH_INTERVAL);
            self.flush();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
