//! Progress and interruption of commands that copy files.

use std::sync::Arc;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Builder;

use super::CommandError;
use super::serve::shutdown_signal;
use crate::store::backup::{Cancellation, Monitor};

/// A progress bar, shown only if standard error is a terminal.
pub fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>14} {bar:40} {human_pos}/{human_len} {eta}");
    let bar = ProgressBar::new(0);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Runs `work` with a progress bar. SIGINT and SIGTERM cancel it.
pub fn with_monitor<T>(work: impl FnOnce(&Monitor) -> T) -> Result<T, CommandError> {
    let cancellation = Arc::<Cancellation>::default();
    cancel_at_signal(cancellation.clone())?;
    let bar = progress_bar();
    let show_progress = |done, total, phase: &str| {
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(phase.to_owned());
    };
    let result = work(&Monitor::new(&cancellation, &show_progress));
    bar.finish_and_clear();
    Ok(result)
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
