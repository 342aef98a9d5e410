//! Creates and upgrades the tables of a database.
//!
//! Several nodes can start at once. The first one that gets the lock creates or upgrades
//! the tables in one transaction; the others wait and find the tables as they should be.

use super::PostgresAddress;
use super::connection::Connection;
use super::error::ConnectError;
use crate::store::error::StoreError;
use crate::store::sql::Sql;

/// The migrations in the order of their versions, from 1. Each inserts its version into
/// `parlor_migration`.
pub(super) const MIGRATIONS: &[&str] =
    &[include_str!("../../../migrations/postgres/0001_schema.sql")];

/// The schema version that this program reads and writes.
pub(super) const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// The oldest server that is supported, as `server_version_num` writes it.
const MIN_SERVER_VERSION: i64 = 150_000;

/// A node waits longer for the upgrade by another node than for a write.
const SETUP: &str = "SET lock_timeout = '60s'";

/// Held by the node that creates or upgrades the tables. The number is arbitrary.
const BEGIN: &str = "BEGIN; SELECT pg_advisory_xact_lock(5787213827046133842)";

/// Why the tables of a database could not be created or upgraded. Each text names the
/// database, the cause and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error(
        "{0} runs PostgreSQL {1}, and parlor needs version 15 or later; upgrade the server, or use another"
    )]
    OldServer(PostgresAddress, i64),
    #[error(
        "{0} has the encoding {1}, and parlor needs UTF8; create the database with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`"
    )]
    Encoding(PostgresAddress, String),
    #[error(
        "the server of {0} has no ICU collations, which the search for words needs; use a PostgreSQL that was built with ICU"
    )]
    NoIcu(PostgresAddress),
    #[error(
        "{0} has no schema in which this user may create tables; run `GRANT CREATE ON SCHEMA public TO …`, or make the user the owner of the database"
    )]
    NoPermission(PostgresAddress),
    #[error(
        "{0} has tables of another program; create a database for parlor alone, or name an empty schema with ?options=-csearch_path%3DNAME"
    )]
    Foreign(PostgresAddress),
    #[error(
        "{0} was written by a newer parlor (schema {1}, this one knows {SCHEMA_VERSION}); install that version or a later one"
    )]
    Newer(PostgresAddress, i64),
    #[error("the tables of {0} could not be read: {1}")]
    Failed(PostgresAddress, StoreError),
    #[error("the tables of {0} could not be created or upgraded, and were not changed: {1}")]
    Upgrade(PostgresAddress, StoreError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// Creates the tables of an empty database, or upgrades those of an earlier version.
///
/// # Errors
/// Databases of other programs and of newer versions are refused unchanged, and so are
/// servers that do not have what parlor needs.
pub(in crate::store) fn upgrade(address: &PostgresAddress) -> Result<(), SchemaError> {
    let connection = Connection::open(address, SETUP)?;
    if Facts::read(address, &connection)?.check(address)? == SCHEMA_VERSION {
        return Ok(());
    }
    let failed = |error| SchemaError::Upgrade(address.clone(), error);
    // An error ends the connection, which rolls the transaction back.
    connection.execute(BEGIN).map_err(failed)?;
    // Another node may have upgraded the tables meanwhile.
    let version = Facts::read(address, &connection)?.check(address)?;
    let applied = usize::try_from(version).unwrap_or_default();
    for migration in &MIGRATIONS[applied..] {
        connection.execute(migration).map_err(failed)?;
    }
    connection.execute("COMMIT").map_err(failed)
}

/// What parlor must know of a database before it changes the database.
struct Facts {
    server_version: i64,
    encoding: String,
    has_icu: bool,
    /// Whether the database has a current schema in which the user may create tables.
    may_create: bool,
    has_tables: bool,
    /// The schema version. `None` if the tables are not of parlor.
    version: Option<i64>,
}

const FACTS: &str = "\
    SELECT CAST(current_setting('server_version_num') AS BIGINT), \
           current_setting('server_encoding'), \
           EXISTS (SELECT 1 FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu'), \
           coalesce(has_schema_privilege(current_schema(), 'CREATE'), FALSE), \
           EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c \
                     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')), \
           EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c \
                     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                    WHERE n.nspname = current_schema() AND c.relname = 'parlor_migration')";

const VERSION: &str = "SELECT coalesce(max(version), 0) FROM parlor_migration";

impl Facts {
    fn read(address: &PostgresAddress, connection: &Connection) -> Result<Self, SchemaError> {
        let failed = |error| SchemaError::Failed(address.clone(), error);
        let row = one_row(connection, FACTS).map_err(failed)?;
        let version = if row.get(5) {
            Some(one_row(connection, VERSION).map_err(failed)?.get(0))
        } else {
            None
        };
        Ok(Self {
            server_version: row.get(0),
            encoding: row.get(1),
            has_icu: row.get(2),
            may_create: row.get(3),
            has_tables: row.get(4),
            version,
        })
    }

    /// Returns the schema version; 0 if the database is empty.
    fn check(self, address: &PostgresAddress) -> Result<i64, SchemaError> {
        let address = address.clone();
        if self.server_version < MIN_SERVER_VERSION {
            let version = self.server_version / 10_000;
            return Err(SchemaError::OldServer(address, version));
        }
        match self.version {
            Some(version) if version > SCHEMA_VERSION => Err(SchemaError::Newer(address, version)),
            Some(version) if version == SCHEMA_VERSION => Ok(version),
            None if self.has_tables => Err(SchemaError::Foreign(address)),
            _ if self.encoding != "UTF8" => Err(SchemaError::Encoding(address, self.encoding)),
            _ if !self.has_icu => Err(SchemaError::NoIcu(address)),
            _ if !self.may_create => Err(SchemaError::NoPermission(address)),
            version => Ok(version.unwrap_or(0)),
        }
    }
}

/// The row of a query that returns one.
fn one_row(
    connection: &Connection,
    query: &'static str,
) -> Result<tokio_postgres::Row, StoreError> {
    let mut rows = connection.query(&Sql::composed(query.to_owned(), []))?;
    rows.pop()
        .ok_or_else(|| StoreError::Internal(format!("no row: {query}")))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::store::postgres::test_database::TestDatabase;

    fn refusal(database: &TestDatabase) -> String {
        let error = upgrade(database.address()).expect_err("a refusal");
        error.to_string()
    }

    fn facts() -> Facts {
        Facts {
            server_version: 150_018,
            encoding: "UTF8".to_owned(),
            has_icu: true,
            may_create: true,
            has_tables: false,
            version: None,
        }
    }

    fn address() -> PostgresAddress {
        let address = "postgres://db.example/parlor".parse();
        address.expect("an address")
    }

    #[test]
    fn servers_that_lack_something_are_refused_with_a_remedy() {
        let check = |facts: Facts| facts.check(&address()).expect_err("a refusal").to_string();
        let old = Facts {
            server_version: 140_011,
            ..facts()
        };
        assert!(check(old).contains("PostgreSQL 14, and parlor needs version 15"));
        let latin = Facts {
            encoding: "LATIN1".to_owned(),
            ..facts()
        };
        assert!(check(latin).contains("ENCODING 'UTF8'"));
        let no_icu = Facts {
            has_icu: false,
            ..facts()
        };
        assert!(check(no_icu).contains("built with ICU"));
        let no_permission = Facts {
            may_create: false,
            ..facts()
        };
        assert!(check(no_permission).contains("GRANT CREATE ON SCHEMA"));
        assert_eq!(facts().check(&address()).expect("an empty database"), 0);
    }

    #[test]
    fn nodes_that_start_at_once_create_the_tables_once() {
        let Some(database) = TestDatabase::create_empty() else {
            return;
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| upgrade(database.address()).expect("tables"));
            }
        });
        let version = database.number("SELECT max(version) FROM parlor_migration");
        assert_eq!(version, SCHEMA_VERSION);
        assert_eq!(
            database.number("SELECT count(*) FROM parlor_migration"),
            version
        );
        assert_eq!(database.number("SELECT count(*) FROM deleted_seq"), 3);
    }

    #[test]
    fn databases_of_newer_versions_and_of_other_programs_are_refused_unchanged() {
        let Some(newer) = TestDatabase::create() else {
            return;
        };
        upgrade(newer.address()).expect("tables");
        newer.execute("INSERT INTO parlor_migration (version) VALUES (999)");
        assert!(refusal(&newer).contains("written by a newer parlor (schema 999"));
        let other = TestDatabase::create_empty().expect("a database");
        other.execute("CREATE TABLE blog (id INT)");
        assert!(refusal(&other).contains("has tables of another program"));
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(other.number(tables), 1);
    }

    #[test]
    fn each_migration_inserts_its_version() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            let version = index + 1;
            let insert = format!("INSERT INTO parlor_migration (version) VALUES ({version});");
            assert!(migration.contains(&insert), "migration {version}");
        }
    }
}
