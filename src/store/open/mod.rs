//! Opens the database file: checks whose file it is, creates its tables, configures
//! each connection.
//!
//! A new file is created from `schema.sql`, which describes the current tables, in one
//! transaction. `store/upgrade.rs` upgrades an older file by `migrations/`.

mod create;
mod error;
mod header;
mod new_file;
mod owner;
mod path;
mod read_only;

use std::path::Path;

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::M;

pub(super) use create::lock_folder_of;
pub use error::OpenError;
pub(super) use error::process;
pub(super) use header::Header;
pub use header::is_parlor_file;
pub use new_file::NewFile;
pub(super) use new_file::rename_new;
pub use owner::adopt_owner;
pub(super) use path::check_name;
pub use path::{folder_of, resolve, with_suffix};

use super::options::Options;
use super::reader_pool::ReaderPool;
use read_only::connect_read_only;

/// The current tables, for a new file.
pub(super) const SCHEMA: &str = include_str!("../../../schema.sql");

/// Upgrades from an empty file to the current tables. `user_version` is the
/// number of migrations that a file has had.
pub(super) const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../../migrations/0001_initial.sql")),
    M::up(include_str!(
        "../../../migrations/0002_assistants_and_knowledge.sql"
    )),
    M::up(include_str!("../../../migrations/0003_list_versions.sql")),
    M::up(include_str!(
        "../../../migrations/0004_list_versions_and_leases.sql"
    )),
    M::up(include_str!("../../../migrations/0005_partial_answers.sql")),
    M::up(include_str!(
        "../../../migrations/0006_filters_and_erasure.sql"
    )),
    M::up(include_str!(
        "../../../migrations/0007_agents_and_handover.sql"
    )),
    M::up(include_str!("../../../migrations/0008_knowledge.sql")),
];

/// The schema version that this program reads and writes.
pub(super) const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// "PARL": the `application_id` that `schema.sql` sets.
const APPLICATION_ID: i64 = 0x5041_524C;

/// Prepared statements that a connection caches. A statement takes about 9 kB;
/// the pages of lists use about 200.
const MAX_CACHED_STATEMENTS: usize = 256;

/// Opens the connection that writes. Creates the file and its tables if they do not
/// exist. The tables of an older file stay as they are.
///
/// `secure_delete` overwrites what a statement deletes or replaces. It is always on:
/// earlier versions of a row, such as the text of an answer that grew while it was
/// streamed, cannot be found any more when the row is deleted.
///
/// # Errors
/// Files of other programs and of newer versions are refused unchanged.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    path::check(path)?;
    create::create_if_absent(path)?;
    header::check(path)?;
    let connect = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        configure(&connection)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA secure_delete = ON;
             PRAGMA wal_autocheckpoint = 4000;
             PRAGMA journal_size_limit = 67108864;",
        )?;
        create::create_tables_if_new(&mut connection)?;
        Ok(connection)
    };
    connect().map_err(|error| OpenError::from_sqlite(path, &error))
}

/// Opens a connection that reads a file of this or an earlier schema. The file is not
/// upgraded.
///
/// # Errors
/// Files of other programs and of newer versions are refused. So is a file in use that
/// has another name: its log may be named after that one.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, OpenError> {
    path::check_readable(path)?;
    header::check(path)?;
    let connect = || {
        let connection = connect_read_only(path)?;
        configure(&connection)?;
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        Ok((Header::read(&connection)?, mode, connection))
    };
    let (header, journal_mode, connection) =
        connect().map_err(|error| OpenError::from_reading(path, &error))?;
    if journal_mode == "wal" {
        path::check_name(path)?;
    }
    if header.is_new() {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    Ok(connection)
}

/// Creates the pool of connections that read. Except for the first, each
/// connection is opened when it is first needed.
pub(super) fn open_readers(path: &Path, options: &Options) -> Result<ReaderPool, OpenError> {
    let mmap_bytes = i64::from(options.mmap_mb) << 20;
    let manager = SqliteConnectionManager::file(path)
        .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .with_init(move |connection| {
            configure(connection)?;
            connection.pragma_update(None, "mmap_size", mmap_bytes)
        });
    let pool = ReaderPool::build(manager, options);
    pool.map_err(|error| OpenError::Pool(path.to_owned(), error))
}

/// Sets what every connection needs. `busy_timeout` comes first, because the
/// other pragmas may find the file locked.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(MAX_CACHED_STATEMENTS);
    // Without QPSG the query planner depends on the bound LIMIT, and SQLite
    // prepares a cached statement again when the LIMIT changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -4000;
         PRAGMA temp_store = MEMORY;",
    )
}

/// A database in memory with the current tables.
#[cfg(test)]
pub(super) fn open_in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    configure(&connection).expect("a connection");
    create::create_tables_if_new(&mut connection).expect("the schema");
    connection
}

/// An error without the text of its statement, which may be a whole schema.
pub(super) fn without_sql(error: rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            rusqlite::Error::SqliteFailure(error, Some(msg))
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::create::create_tables_if_new;
    use super::*;

    /// A project with two visitors, conversation 1 of visitor 1 and two messages
    /// in it.
    fn database() -> Connection {
        let connection = open_in_memory();
        let rows = "
            INSERT INTO project (seq, id, name, created_at) VALUES (1, randomblob(16), 'x', 0);
            INSERT INTO visitor (seq, id, project_seq, created_at)
            VALUES (1, randomblob(16), 1, 0), (2, randomblob(16), 1, 0);
            INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at,
                                      updated_at, last_interaction_at)
            VALUES (1, randomblob(16), 1, 1, 'open', 0, 0, 0);
            INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text)
            VALUES (1, randomblob(16), 1, 0, 'user', 'complete', 'Hello'),
                   (2, randomblob(16), 1, 0, 'assistant', 'streaming', '');";
        connection.execute_batch(rows).expect("rows");
        connection
    }

    /// The list versions of the project, visitor 1 and visitor 2.
    fn list_versions(connection: &Connection) -> [i64; 3] {
        let sql = "SELECT (SELECT list_version FROM project), \
                          (SELECT list_version FROM visitor WHERE seq = 1), \
                          (SELECT list_version FROM visitor WHERE seq = 2)";
        connection
            .query_row(sql, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
            .expect("versions")
    }

    #[test]
    fn each_changed_row_adds_one_to_the_list_versions_of_its_owners() {
        let connection = database();
        for (sql, added) in [
            ("UPDATE message SET feedback = 'like'", 2),
            ("UPDATE message SET status = 'complete' WHERE seq = 2", 1),
            ("DELETE FROM message WHERE seq = 2", 1),
            ("UPDATE conversation SET updated_at = 1", 1),
            (
                "UPDATE conversation SET status = 'closed', closed_at = 2",
                1,
            ),
            (
                "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
                 VALUES (randomblob(16), 1, 0, 'user', 'complete', 'Hello')",
                0,
            ),
            ("DELETE FROM conversation", 1),
        ] {
            let [project, first, second] = list_versions(&connection);
            connection.execute(sql, []).expect(sql);
            let expected = [project + added, first + added, second];
            assert_eq!(list_versions(&connection), expected, "{sql}");
        }
    }

    #[test]
    fn readers_map_the_configured_size_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parlor.db");
        open_writer(&path).expect("a file");
        for mmap_mb in [0, 3, 2047] {
            let options = Options {
                mmap_mb,
                ..Options::default()
            };
            let pool = open_readers(&path, &options).expect("a pool");
            let connection = pool.pool.get().expect("a connection");
            let size: i64 = connection
                .pragma_query_value(None, "mmap_size", |row| row.get(0))
                .expect("the pragma");
            assert_eq!(size, i64::from(mmap_mb) << 20);
        }
    }

    #[test]
    fn failed_creation_of_tables_leaves_the_file_empty() {
        let mut connection = Connection::open_in_memory().expect("memory");
        // The schema has more pages than this.
        let limit = connection.execute_batch("PRAGMA max_page_count = 8");
        limit.expect("a limit");
        create_tables_if_new(&mut connection).expect_err("a full file");
        assert!(Header::read(&connection).expect("a header").is_new());
        let unlimited = connection.execute_batch("PRAGMA max_page_count = 1000");
        unlimited.expect("no limit");
        create_tables_if_new(&mut connection).expect("the tables");
    }
}
