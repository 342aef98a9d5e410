//! Hashes of passwords: argon2id with the parameters that OWASP recommends (19 MiB of
//! memory, two passes, one lane), which are the defaults of the crate.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use std::{io, thread};

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use tokio::sync::{Semaphore, oneshot};

/// Why a password could not be hashed or checked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PasswordError {
    /// Too many passwords are being checked.
    #[error("too many sign-ins at the same time")]
    Busy,
    #[error("a password could not be hashed: {0}")]
    Hash(password_hash::Error),
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error("the thread that hashes a password has ended")]
    Thread,
}

/// Passwords that are hashed at the same time. Each takes 19 MiB and some 20 ms of a core,
/// so sign-ins can use neither the memory nor all cores of the server.
const MAX_CONCURRENT: usize = 2;

/// How long a sign-in waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Sign-ins that wait, at most.
const MAX_WAITING: usize = 100;

/// Hashes and checks passwords on threads of its own, a few at the same time.
pub struct Passwords {
    running: Semaphore,
    /// Those that run or wait.
    pending: Semaphore,
    /// Started for the first password. None: the system has refused a thread.
    threads: OnceLock<Option<HashThreads>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            running: Semaphore::new(MAX_CONCURRENT),
            pending: Semaphore::new(MAX_CONCURRENT + MAX_WAITING),
            threads: OnceLock::new(),
        }
    }
}

impl Passwords {
    /// The hash of a new password in PHC string format.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.run(move || hash_password(&password)).await?
    }

    /// Whether `password` is the one of `hash`. Without a hash, the work is the same, so
    /// that the time of the response does not tell whether an account exists.
    pub async fn verify(
        &self,
        password: &str,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let password = password.to_owned();
        self.run(move || verify_password(&password, hash.as_deref()))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _pending = self
            .pending
            .try_acquire()
            .map_err(|_| PasswordError::Busy)?;
        let turn = tokio::time::timeout(MAX_WAIT, self.running.acquire()).await;
        let _turn = turn.map_err(|_| PasswordError::Busy)?;
        let threads = self.threads.get_or_init(|| HashThreads::start().ok());
        let threads = threads.as_ref().ok_or(PasswordError::Thread)?;
        let (sender, result) = oneshot::channel();
        let job: Job = Box::new(move || drop(sender.send(work())));
        threads.0.send(job).map_err(|_| PasswordError::Thread)?;
        result.await.map_err(|_| PasswordError::Thread)
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// The queue of [`MAX_CONCURRENT`] threads. The allocator keeps the memory of a hash for
/// the thread that has used it, so the many threads of the runtime would keep it many times.
struct HashThreads(Sender<Job>);

impl HashThreads {
    fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..MAX_CONCURRENT {
            let queue = queue.clone();
            let thread = thread::Builder::new().name("parlor-password".to_owned());
            thread.spawn(move || run_jobs(&queue))?;
        }
        Ok(Self(jobs))
    }
}

/// Runs jobs until the sender of the queue is dropped.
fn run_jobs(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The caller of a job that panics gets an error. The thread serves the next one.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// The hash of a password in PHC string format.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(PasswordError::Hash)?.to_string())
}

/// The hash that is checked for an account that does not exist or has no password. Nobody
/// knows a password for it.
static NO_PASSWORD: LazyLock<Option<String>> = LazyLock::new(|| {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    hash_password(&u128::from_ne_bytes(random).to_string()).ok()
});

fn verify_password(password: &str, hash: Option<&str>) -> bool {
    let verify = |hash: &str| Argon2::default().verify_password(password.as_bytes(), hash);
    match (hash, NO_PASSWORD.as_deref()) {
        (Some(hash), _) => verify(hash).is_ok(),
        (None, Some(hash)) => {
            let _ = verify(hash);
            false
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Instant;

    use super::*;

    #[test]
    fn hash_is_argon2id_with_the_parameters_of_owasp_and_a_salt() {
        let [first, second] = [(); 2].map(|()| hash_password("correct horse").expect("a hash"));
        assert!(
            first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{first}"
        );
        assert_ne!(first, second);
        assert!(verify_password("correct horse", Some(&first)));
        assert!(!verify_password("correct horsf", Some(&first)));
        assert!(!verify_password("correct horse", None));
        assert!(!verify_password("correct horse", Some("no hash")));
    }

    #[test]
    fn work_for_an_unknown_account_is_that_of_a_known_one() {
        let hash = hash_password("correct horse").expect("a hash");
        let fastest = |hash: Option<&str>| {
            let times = (0..5).map(|_| {
                let start = Instant::now();
                verify_password("correct horse", hash);
                start.elapsed()
            });
            times.min().unwrap_or_default()
        };
        // The first call makes the hash that is checked.
        fastest(None);
        let (known, unknown) = (fastest(Some(&hash)), fastest(None));
        assert!(
            unknown * 3 > known && known * 3 > unknown,
            "{unknown:?} {known:?}"
        );
    }

    #[test]
    fn sign_ins_that_wait_are_bounded() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let passwords = Passwords::default();
        let all = u32::try_from(MAX_CONCURRENT + MAX_WAITING).expect("a small number");
        let permits = passwords.pending.try_acquire_many(all).expect("permits");
        let refused = runtime.block_on(passwords.verify("x", None));
        assert!(matches!(refused, Err(PasswordError::Busy)), "{refused:?}");
        drop(permits);
    }

    #[test]
    fn passwords_are_hashed_on_the_same_few_threads_also_after_a_panic() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let passwords = Passwords::default();
        let thread = || runtime.block_on(passwords.run(|| thread::current().id()));
        for _ in 0..2 * MAX_CONCURRENT {
            let panicked = runtime.block_on(passwords.run(|| panic!("a test")));
            assert!(matches!(panicked, Err::<(), _>(PasswordError::Thread)));
        }
        let threads: HashSet<_> = (0..50).map(|_| thread().expect("a thread")).collect();
        assert!(threads.len() <= MAX_CONCURRENT, "{threads:?}");
    }

    #[test]
    fn password_of_another_implementation_is_verified() {
        // From the tests of the reference implementation: password "password", salt
        // "somesalt".
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                    $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify_password("password", Some(hash)));
    }
}
