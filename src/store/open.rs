//! Opening the file: what it must be, how each connection is set, upgrades.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::options::Options;

/// Every schema the file has had, in order; `user_version` counts them.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../schema.sql")),
    M::up(include_str!("../../migrations/2.sql")),
    M::up(include_str!("../../migrations/3.sql")),
];

/// "PARL", as schema.sql writes it into the file.
const APPLICATION_ID: i64 = 0x5041_524C;

/// Statements that a connection keeps prepared, some 9 kB each: the pages of the
/// list alone have about two hundred.
const STATEMENTS: usize = 256;

/// Why a file could not be opened; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0} is not a parlor file (or not an SQLite file at all); name another with --db")]
    Foreign(PathBuf),
    #[error(
        "{0} was written by a newer parlor (schema {1}, this one knows {known}); install that version or a later one",
        known = MIGRATIONS.len()
    )]
    Newer(PathBuf, i64),
    #[error("{0} cannot be opened: {1}; check that the folder exists and is writable")]
    Unopened(PathBuf, io::Error),
    #[error("the file could not be upgraded, nothing of it was changed: {0}")]
    Upgrade(#[from] rusqlite_migration::Error),
    #[error("the file could not be read: {0}; check that its owner is who runs parlor")]
    Sqlite(#[from] rusqlite::Error),
    #[error("no connections to the file: {0}")]
    Pool(#[from] r2d2::Error),
    #[error("the writer could not be started: {0}")]
    Thread(#[from] io::Error),
}

/// The connection that writes, over a file that has today's tables.
pub(super) fn writer(path: &Path) -> Result<Connection, OpenError> {
    make_private(path).map_err(|error| OpenError::Unopened(path.to_owned(), error))?;
    check(path)?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    set_up(&connection)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Migrations::from_slice(MIGRATIONS).to_latest(&mut connection)?;
    Ok(connection)
}

/// The pool of connections that read; each is opened when first needed.
pub(super) fn readers(
    path: &Path,
    options: &Options,
) -> Result<Pool<SqliteConnectionManager>, OpenError> {
    let manager = SqliteConnectionManager::file(path)
        .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .with_init(|connection| set_up(connection));
    let pool = Pool::builder()
        .max_size(options.readers)
        .min_idle(Some(1))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_on_check_out(false)
        .connection_timeout(options.patience)
        .build(manager)?;
    Ok(pool)
}

/// What every connection needs; the patience first, as the rest may meet a lock.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else the planner looks at the bound LIMIT, and SQLite prepares a kept
    // statement again whenever another one is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -4000;
         PRAGMA temp_store = MEMORY;",
    )
}

/// Today's tables, in memory.
#[cfg(test)]
pub(super) fn in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    set_up(&connection).expect("a connection");
    let migrations = Migrations::from_slice(MIGRATIONS);
    migrations.to_latest(&mut connection).expect("the schema");
    connection
}

/// Makes an absent file, readable by its owner alone: it holds the secret that
/// signs session tokens, and what visitors wrote.
fn make_private(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whether `path` is a file that parlor wrote.
pub fn is_parlor_file(path: &Path) -> bool {
    path.exists()
        && matches!(marks(path), Ok(Marks { application, .. }) if application == APPLICATION_ID)
}

struct Marks {
    application: i64,
    version: i64,
    tables: i64,
}

/// Reads who wrote the file and which schema it has, changing nothing.
fn marks(path: &Path) -> rusqlite::Result<Marks> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let number = |sql| connection.query_row(sql, [], |row| row.get(0));
    Ok(Marks {
        application: number("PRAGMA application_id")?,
        version: number("PRAGMA user_version")?,
        tables: number("SELECT count(*) FROM sqlite_schema")?,
    })
}

/// Refuses what is not ours to write to.
fn check(path: &Path) -> Result<(), OpenError> {
    let foreign = || OpenError::Foreign(path.to_owned());
    let marks = marks(path).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => foreign(),
        _ => OpenError::Sqlite(error),
    })?;
    let fresh = marks.application == 0 && marks.tables == 0;
    if !fresh && marks.application != APPLICATION_ID {
        return Err(foreign());
    }
    if marks.version > MIGRATIONS.len() as i64 {
        return Err(OpenError::Newer(path.to_owned(), marks.version));
    }
    Ok(())
}
