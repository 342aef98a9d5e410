//! The store on a PostgreSQL server, for several nodes on one database.
//!
//! Reads and writes are the same as on SQLite: a read is a function of a
//! [`Snapshot`](super::Snapshot), a write is a [`Batch`](super::Batch). The statements of
//! both engines have one text, in the form that both accept; [`dialect`] numbers the
//! parameters. Where there is no such form, a [`StatementText`](super::statement_text::StatementText) has two.

mod address;
mod advisory_lock;
mod block_on;
mod check;
mod connection;
mod cursor;
mod dialect;
mod error;
mod group;
mod listener;
mod password_file;
mod purpose;
mod read_pool;
mod schema;
mod snapshot;
mod text_indexer;
mod tls;
mod version_reader;
mod writer;

pub use address::{AddressError, PostgresAddress};
pub(super) use advisory_lock::AdvisoryLock;
pub use check::CheckedDatabase;
pub(super) use connection::{Connection, PipelineResult, REPLACEMENT_CHARACTER, column_value};
pub(super) use cursor::Cursor;
#[cfg(test)]
pub(super) use dialect::number_parameters;
pub use error::ConnectError;
pub(super) use group::BEGIN_WRITE;
pub(super) use listener::start as start_listener;
pub(super) use purpose::Purpose;
pub(super) use read_pool::PostgresPool;
pub use schema::SchemaError;
pub(super) use schema::upgrade;
pub(super) use snapshot::PostgresSnapshot;
pub(super) use text_indexer::TextIndexer;
pub(super) use version_reader::VersionReader;
pub(super) use writer::start_writer;

#[cfg(test)]
mod list_tests;
#[cfg(test)]
pub(super) mod test_database;
#[cfg(test)]
mod tests;
