//! Hashes of passwords: argon2id with the parameters that OWASP recommends (19 MiB of
//! memory, two passes, one lane), which are the defaults of the crate.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;
use std::{io, thread};

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::password_hash::{self, PasswordHasher};
use argon2::{Algorithm, Argon2, Block, Params, Version};
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

/// How long a sign-in waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Sign-ins that wait, at most.
const MAX_WAITING: usize = 100;

/// Hashes and checks passwords on a thread of its own, one at a time. A password takes
/// 19 MiB and some 20 ms of a core, so sign-ins can use neither the memory nor all cores of
/// the server.
pub struct Passwords {
    running: Semaphore,
    /// Those that run or wait.
    pending: Semaphore,
    /// Started for the first password. None: the system has refused a thread.
    thread: OnceLock<Option<HashThread>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            running: Semaphore::new(1),
            pending: Semaphore::new(1 + MAX_WAITING),
            thread: OnceLock::new(),
        }
    }
}

impl Passwords {
    /// The hash of a new password in PHC string format.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.run(move |_| hash_password(&password)).await?
    }

    /// Whether `password` is the one of `hash`. Without a hash, the work is the same, so
    /// that the time of the response does not tell whether an account exists.
    pub async fn verify(
        &self,
        password: &str,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let password = password.to_owned();
        self.run(move |memory| verify_password(&password, hash.as_deref(), memory))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _pending = self
            .pending
            .try_acquire()
            .map_err(|_| PasswordError::Busy)?;
        let turn = tokio::time::timeout(MAX_WAIT, self.running.acquire()).await;
        let _turn = turn.map_err(|_| PasswordError::Busy)?;
        let thread = self.thread.get_or_init(|| HashThread::start().ok());
        let thread = thread.as_ref().ok_or(PasswordError::Thread)?;
        let (sender, result) = oneshot::channel();
        let job: Job = Box::new(move |memory| drop(sender.send(work(memory))));
        thread.0.send(job).map_err(|_| PasswordError::Thread)?;
        result.await.map_err(|_| PasswordError::Thread)
    }
}

type Job = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// The thread keeps the memory of a hash for so long without a password. The allocator
/// does not reuse memory of this size well, so that many sign-ins would fill the memory.
const MEMORY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The queue of the thread.
struct HashThread(Sender<Job>);

impl HashThread {
    fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let thread = thread::Builder::new().name("parlor-password".to_owned());
        thread.spawn(move || run_jobs(&queue))?;
        Ok(Self(jobs))
    }
}

/// Runs jobs until the sender of the queue is dropped.
fn run_jobs(queue: &Receiver<Job>) {
    let mut memory = Vec::new();
    loop {
        match queue.recv_timeout(MEMORY_IDLE_TIMEOUT) {
            // The caller of a job that panics gets an error. The thread serves the next one.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(|| job(&mut memory)))),
            Err(RecvTimeoutError::Timeout) => memory = Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
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

/// `memory` is the working memory of the hash.
fn verify_password(password: &str, hash: Option<&str>, memory: &mut Vec<Block>) -> bool {
    let mut verify = |hash: &str| is_password(password, hash, memory).unwrap_or(false);
    match (hash, NO_PASSWORD.as_deref()) {
        (Some(hash), _) => verify(hash),
        (None, Some(hash)) => {
            verify(hash);
            false
        }
        (None, None) => false,
    }
}

/// Whether the password is the one of the hash. `None` if the hash is not valid.
fn is_password(password: &str, hash: &str, memory: &mut Vec<Block>) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let algorithm = Algorithm::new(hash.algorithm.as_str()).ok()?;
    let version = Version::try_from(hash.version.unwrap_or(Version::default().into())).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).ok()?);
    memory.resize(argon2.params().block_count(), Block::default());
    let mut output = vec![0; expected.as_bytes().len()];
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)
        .ok()?;
    // The comparison takes the same time for all outputs of the length.
    Some(Output::new(&output).ok()? == *expected)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn hash_is_argon2id_with_the_parameters_of_owasp_and_a_salt() {
        let mut memory = Vec::new();
        let [first, second] = [(); 2].map(|()| hash_password("correct horse").expect("a hash"));
        assert!(
            first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{first}"
        );
        assert_ne!(first, second);
        let mut verify = |password, hash| verify_password(password, hash, &mut memory);
        assert!(verify("correct horse", Some(&first)));
        assert!(!verify("correct horsf", Some(&first)));
        assert!(!verify("correct horse", None));
        assert!(!verify("correct horse", Some("no hash")));
    }

    #[test]
    fn work_for_an_unknown_account_is_that_of_a_known_one() {
        let hash = hash_password("correct horse").expect("a hash");
        let mut memory = Vec::new();
        let mut fastest = |hash: Option<&str>| {
            let times = (0..5).map(|_| {
                let start = Instant::now();
                verify_password("correct horse", hash, &mut memory);
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
        let all = u32::try_from(1 + MAX_WAITING).expect("a small number");
        let permits = passwords.pending.try_acquire_many(all).expect("permits");
        let refused = runtime.block_on(passwords.verify("x", None));
        assert!(matches!(refused, Err(PasswordError::Busy)), "{refused:?}");
        drop(permits);
    }

    #[test]
    fn passwords_are_hashed_in_the_same_memory_also_after_a_panic() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let passwords = Passwords::default();
        let checked = runtime.block_on(passwords.verify("x", None));
        assert!(!checked.expect("a result"));
        let memory = || {
            let work = |memory: &mut Vec<Block>| (memory.as_ptr() as usize, memory.len());
            runtime.block_on(passwords.run(work)).expect("memory")
        };
        let before = memory();
        assert_eq!(before.1, 19 * 1024);
        let panicked = runtime.block_on(passwords.run(|_| panic!("a test")));
        assert!(matches!(panicked, Err::<(), _>(PasswordError::Thread)));
        for _ in 0..3 {
            let checked = runtime.block_on(passwords.verify("x", None));
            assert!(!checked.expect("a result"));
        }
        assert_eq!(memory(), before);
    }

    #[test]
    fn password_of_another_implementation_is_verified() {
        // From the tests of the reference implementation: password "password", salt
        // "somesalt".
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                    $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify_password("password", Some(hash), &mut Vec::new()));
    }
}
