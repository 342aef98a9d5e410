//! Progress and interruption of commands that copy files.

use std::sync::Arc;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Builder;

use super::CommandError;
use super::serve::shutdown_signal;
use crate::store::backup::{Cancellation, Monitor};

/// Runs `work` with a progress bar, which is shown only if standard error is a terminal.
/// `work` reports the finished part, the whole and the name of the phase.
pub fn with_progress_bar<T>(work: impl FnOnce(&(dyn Fn(u64, u64, &str) + Sync)) -> T) -> T {
    let style = ProgressStyle::with_template("{msg:>14} {bar:40} {human_pos}/{human_len} {eta}");
    let bar = ProgressBar::new(0);
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let result = work(&|done, total, phase| {
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(phase.to_owned());
    });
    bar.finish_and_clear();
    result
}

/// Runs `work` with a progress bar. SIGINT and SIGTERM cancel it.
pub fn with_monitor<T>(work: impl FnOnce(&Monitor) -> T) -> Result<T, CommandError> {
    let cancellation = Arc::<Cancellation>::default();
    cancel_at_signal(cancellation.clone())?;
    Ok(with_progress_bar(|progress| {
        work(&Monitor::new(&cancellation, progress))
    }))
}

/// Waits for a signal on a thread that ends with the process.
fn cancel_at_signal(cancellation: Arc<Cancellation>) -> Result<(), CommandError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let signal = {
        let _context = runtime.enter();
        shutdown_signal()?
    };
    thread::Builder::new().spawn(move || {
        runtime.block_on(signal);
        cancellation.cancel();
    })?;
    Ok(())
}

/// Runs a use case on this thread.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
