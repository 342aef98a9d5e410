//! Waits for the driver on a thread that may run tasks of another runtime.

use std::panic::resume_unwind;
use std::thread;

use tokio::runtime::{Handle, Runtime};

/// Runs a future to its end. Commands of the command line read and write between
/// asynchronous calls, and a runtime cannot run within another one: the future runs on a
/// thread of its own then.
pub(super) fn block_on<T: Send>(runtime: &Runtime, future: impl Future<Output = T> + Send) -> T {
    if Handle::try_current().is_err() {
        return runtime.block_on(future);
    }
    thread::scope(|scope| {
        let thread = scope.spawn(|| runtime.block_on(future));
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn future_runs_within_another_runtime() {
        let runtime = || Builder::new_current_thread().build().expect("a runtime");
        let inner = runtime();
        let result = runtime().block_on(async { block_on(&inner, async { 1 }) });
        assert_eq!((result, block_on(&inner, async { 2 })), (1, 2));
        inner.shutdown_background();
    }
}
