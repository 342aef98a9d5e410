//! The logger of the program. Lines of successful requests are written together, up to
//! twenty times a second: one system call for each of them would cost more than a request
//! whose response is cached. All other lines are written at once, after the lines that
//! wait.

use std::cell::RefCell;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::log_format::{Fields, LogLines};

/// The log target of requests, as PARLOR_LOG names it.
pub const REQUEST_TARGET: &str = "parlor::access";

/// How long a line waits at most.
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// The size from which the lines are written at once.
const MAX_BUFFER_BYTES: usize = 64 << 10;

/// The log of requests, after [`install`].
static REQUEST_LOG: OnceLock<RequestLog> = OnceLock::new();

thread_local! {
    /// The memory of the line that a thread writes.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes a logger the one of the process. `direct` selects the lines, and writes those
/// that do not wait.
///
/// # Errors
/// The thread that writes the lines cannot be started, or the process has a logger.
pub fn install(direct: env_logger::Logger, lines: LogLines) -> Result<(), String> {
    let buffer = Arc::<LineBuffer>::default();
    let writer = buffer.clone();
    let thread = thread::Builder::new().name("parlor-log".to_owned());
    let thread = thread.spawn(move || writer.run());
    thread.map_err(|error| format!("cannot start the log: {error}"))?;
    let level = direct.filter();
    let requests = RequestLog {
        lines,
        level: request_level(&direct),
        buffer: buffer.clone(),
    };
    let logger = BufferedLogger { direct, buffer };
    log::set_boxed_logger(Box::new(logger)).map_err(|error| error.to_string())?;
    log::set_max_level(level);
    // The logger can be set once only, so nothing else has set this.
    let _ = REQUEST_LOG.set(requests);
    Ok(())
}

/// The lowest level of the lines of requests.
fn request_level(logger: &env_logger::Logger) -> LevelFilter {
    let is_enabled = |level: &Level| {
        let mut metadata = Metadata::builder();
        logger.enabled(&metadata.target(REQUEST_TARGET).level(*level).build())
    };
    let lowest = Level::iter().filter(is_enabled).max();
    lowest.map_or(LevelFilter::Off, |level| level.to_level_filter())
}

/// Writes the lines of requests. The interface of the crate `log` would cost more than
/// the line.
pub struct RequestLog {
    lines: LogLines,
    level: LevelFilter,
    buffer: Arc<LineBuffer>,
}

impl RequestLog {
    /// `None` if the process logs no requests at any level.
    pub fn get() -> Option<&'static Self> {
        REQUEST_LOG.get().filter(|log| log.level > LevelFilter::Off)
    }

    /// Writes a line with fields, if the log has this level.
    pub fn write(&self, level: Level, add_fields: impl FnOnce(&mut Fields<'_>)) {
        if level > self.level {
            return;
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            self.lines
                .write_fields(line, level, REQUEST_TARGET, add_fields);
            self.buffer.push(line);
        });
        if level <= Level::Warn {
            self.buffer.flush();
        }
    }
}

/// Writes lines to standard error.
struct BufferedLogger {
    direct: env_logger::Logger,
    buffer: Arc<LineBuffer>,
}

impl Log for BufferedLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.direct.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.direct.matches(record) {
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
    /// The lines that are being written; empty otherwise. Locked while they are written,
    /// so that lines stay in order. The memory is used again for the next lines.
    output: Mutex<Vec<u8>>,
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
        let mut output = lock(&self.output);
        mem::swap(&mut *output, &mut *lock(&self.lines));
        if !output.is_empty() {
            // There is no place to report that standard error is closed.
            let _ = io::stderr().write_all(&output);
            output.clear();
        }
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
