//! What a connection is used for, and the limits that follow from it.
//!
//! The limits of the server end what a node has begun that hangs or has lost its network.
//! The limit of the client ends what a server does not answer, although its machine
//! accepts packets.

use std::time::Duration;

use crate::store::search_queue::SEARCH_TIMEOUT;

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Purpose {
    /// Commits groups of batches, under the writer lock.
    Write,
    Read,
    Search,
    /// Reads of a command that take long, such as an export.
    LongRead,
    /// Commands of an operator, such as an upgrade. They may take any time.
    Maintenance,
}

/// The server notices within seconds that a client is gone: while the client is silent,
/// while the server sends to the client, and while a statement runs.
const LIVENESS: &str = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; \
     SET tcp_keepalives_count = 3; SET tcp_user_timeout = '10s'; \
     SET client_connection_check_interval = '2s'";

/// The texts of the store are made for a planner that does not know the values: SQLite's.
/// With one plan for all values, a statement is planned once for each connection, not at
/// every execution. A small table is not read as a whole, because the plan is used for
/// longer than the table stays small. Parallel queries and JIT compilation cost more than
/// they gain in queries of a millisecond.
const PLANNER: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
     SET max_parallel_workers_per_gather = 0; SET jit = off";

impl Purpose {
    /// The statements that configure a new connection.
    pub fn setup(self) -> String {
        let limits = match self {
            // A node that dies in a transaction holds the writer lock for 5 seconds. The
            // other nodes wait longer, so that their writes succeed.
            Self::Write => "SET lock_timeout = '10s'; SET statement_timeout = '15s'; \
                 SET idle_in_transaction_session_timeout = '5s'; SET jit = off"
                .to_owned(),
            Self::Read => format!(
                "SET statement_timeout = '30s'; \
                 SET idle_in_transaction_session_timeout = '10min'; {PLANNER}"
            ),
            Self::Search => format!(
                "SET statement_timeout = {}; SET jit = off",
                SEARCH_TIMEOUT.as_millis()
            ),
            Self::LongRead => PLANNER.to_owned(),
            Self::Maintenance => String::new(),
        };
        format!("{LIVENESS}; {limits}")
    }

    /// How long the client waits for the result of statements that it sends together.
    pub fn response_timeout(self) -> Option<Duration> {
        match self {
            Self::Write => Some(Duration::from_secs(20)),
            Self::Read => Some(Duration::from_secs(35)),
            Self::Search => Some(SEARCH_TIMEOUT * 2),
            Self::LongRead | Self::Maintenance => None,
        }
    }
}
