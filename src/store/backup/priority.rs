//! Work that gives way to the server.

use std::panic::resume_unwind;
use std::thread;

/// The lowest priority. The system still gives a thread of this priority some processor
/// time.
#[cfg(target_os = "linux")]
const LOWEST_PRIORITY: i32 = 19;

/// Runs `work` on a thread of low priority and waits for it. The thread ends with `work`,
/// because a process without privileges cannot raise a priority again.
///
/// On other systems than Linux, a priority is that of the whole process, so it stays.
pub fn at_low_priority<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let run = || {
        lower_priority();
        work()
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(target_os = "linux")]
fn lower_priority() {
    // Without a process, Linux sets the priority of the calling thread.
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST_PRIORITY) {
        log::debug!("the priority of a thread could not be lowered: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn work_has_a_low_priority_and_its_caller_keeps_its_own() {
        let before = getpriority_process(None).expect("a priority");
        let lowered = at_low_priority(|| getpriority_process(None).expect("a priority"));
        assert_eq!(lowered, LOWEST_PRIORITY);
        assert_eq!(getpriority_process(None).expect("a priority"), before);
    }

    #[test]
    #[should_panic(expected = "the work failed")]
    fn panic_of_the_work_reaches_the_caller() {
        at_low_priority(|| panic!("the work failed"));
    }
}
