//! The same writes and reads on a SQLite file and on a PostgreSQL database, whose results
//! must be equal. The tests need a server (`PARLOR_TEST_STORE`).

#![expect(
    clippy::too_many_lines,
    reason = "a test is one story, and each step depends on those before"
)]

mod conversations;
mod knowledge;
mod pair;
mod settings;
mod visitors;

use pair::Pair;
