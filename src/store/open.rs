//! Opens the database file: checks whose file it is, creates or upgrades its
//! tables, configures each connection.
//!
//! A new file is created from `schema.sql`, which describes the current tables.
//! An older file is upgraded by `migrations/`. Both happen in one transaction: if
//! it fails, the file stays as it was.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::options::Options;

/// The current tables, for a new file.
const SCHEMA: &str = include_str!("../../schema.sql");

/// Upgrades from an empty file to the current tables. `user_version` is the
/// number of migrations that a file has had.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/0001_initial.sql")),
    M::up(include_str!(
        "../../migrations/0002_assistants_and_knowledge.sql"
    )),
    M::up(include_str!("../../migrations/0003_list_versions.sql")),
    M::up(include_str!(
        "../../migrations/0004_list_versions_and_leases.sql"
    )),
];

/// The schema version that this program reads and writes.
const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// "PARL": the `application_id` that `schema.sql` sets.
const APPLICATION_ID: i64 = 0x5041_524C;

/// Prepared statements that a connection caches. A statement takes about 9 kB;
/// the pages of lists use about 200.
const MAX_CACHED_STATEMENTS: usize = 256;

/// Why a file could not be opened. Each text names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0} is not a parlor file (or not an SQLite file at all); name another with --db")]
    Foreign(PathBuf),
    #[error(
        "{0} was written by a newer parlor (schema {1}, this one knows {SCHEMA_VERSION}); install that version or a later one"
    )]
    Newer(PathBuf, i64),
    #[error("{0} cannot be opened: {1}; check that the folder exists and is writable")]
    Unopened(PathBuf, io::Error),
    #[error(
        "the file could not be upgraded and was not changed: {0}; check the free disk space and that no other program changed its tables, or go back to the version of parlor that wrote it"
    )]
    Upgrade(#[from] rusqlite_migration::Error),
    #[error(
        "the file could not be read or written: {0}; check that the user who runs parlor owns it, that the disk has free space and that no other program has locked the file"
    )]
    Sqlite(#[from] rusqlite::Error),
    #[error(
        "no connection to the file could be opened: {0}; check the limit on open files (ulimit -n)"
    )]
    Pool(#[from] r2d2::Error),
    #[error(
        "a thread for the file could not be started: {0}; check the limit on processes (ulimit -u)"
    )]
    Thread(#[from] io::Error),
}

/// Opens the connection that writes. Creates the file if it does not exist,
/// and creates or upgrades its tables.
///
/// # Errors
/// Files of other programs and of newer versions are refused unchanged.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    create_private_file(path).map_err(|error| OpenError::Unopened(path.to_owned(), error))?;
    check_header(path)?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    configure(&connection)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    create_tables_if_new(&mut connection)?;
    Migrations::from_slice(MIGRATIONS).to_latest(&mut connection)?;
    Ok(connection)
}

/// Creates the pool of connections that read. Except for the first, each
/// connection is opened when it is first needed.
pub(super) fn open_readers(
    path: &Path,
    options: &Options,
) -> Result<Pool<SqliteConnectionManager>, OpenError> {
    let mmap_bytes = i64::from(options.mmap_mb) << 20;
    let manager = SqliteConnectionManager::file(path)
        .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .with_init(move |connection| {
            configure(connection)?;
            connection.pragma_update(None, "mmap_size", mmap_bytes)
        });
    let pool = Pool::builder()
        .max_size(options.readers)
        .min_idle(Some(1))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_on_check_out(false)
        .connection_timeout(options.read_timeout)
        .build(manager)?;
    Ok(pool)
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

/// Creates the current tables in a file that has none, in one transaction.
fn create_tables_if_new(connection: &mut Connection) -> rusqlite::Result<()> {
    if !Header::read(connection)?.is_new() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again in the transaction: another process may have created the tables
    // meanwhile.
    if Header::read(&transaction)?.is_new() {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

/// A database in memory with the current tables.
#[cfg(test)]
pub(super) fn open_in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    configure(&connection).expect("a connection");
    create_tables_if_new(&mut connection).expect("the schema");
    connection
}

/// Creates the file if it does not exist. Only its owner may read it, because it
/// holds the secret that signs session tokens and the visitors' messages.
fn create_private_file(path: &Path) -> io::Result<()> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whether `path` is a file that parlor wrote.
pub fn is_parlor_file(path: &Path) -> bool {
    path.exists()
        && Header::read_file(path).is_ok_and(|header| header.application_id == APPLICATION_ID)
}

/// What identifies a file and its schema.
struct Header {
    application_id: i64,
    schema_version: i64,
    /// Tables, indexes and triggers.
    object_count: i64,
}

impl Header {
    /// Reads the header of a file without changing the file.
    fn read_file(path: &Path) -> rusqlite::Result<Self> {
        Self::read(&Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY,
        )?)
    }

    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |sql| connection.query_row(sql, [], |row| row.get(0));
        Ok(Self {
            application_id: number("PRAGMA application_id")?,
            schema_version: number("PRAGMA user_version")?,
            object_count: number("SELECT count(*) FROM sqlite_schema")?,
        })
    }

    /// Whether the file is empty and belongs to no program.
    fn is_new(&self) -> bool {
        self.application_id == 0 && self.object_count == 0
    }
}

/// Refuses files of other programs and of newer versions.
fn check_header(path: &Path) -> Result<(), OpenError> {
    let foreign = || OpenError::Foreign(path.to_owned());
    let header = Header::read_file(path).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => foreign(),
        _ => OpenError::Sqlite(error),
    })?;
    if !header.is_new() && header.application_id != APPLICATION_ID {
        return Err(foreign());
    }
    if header.schema_version > SCHEMA_VERSION {
        return Err(OpenError::Newer(path.to_owned(), header.schema_version));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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
            let connection = pool.get().expect("a connection");
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
