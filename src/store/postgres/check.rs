//! Compares a database with what parlor expects: version and counts.

use super::{Connection, PostgresAddress, PostgresSnapshot};
use crate::store::check::{Faults, STORED_COUNTS, StoredCount};
use crate::store::error::StoreError;
use crate::store::snapshot::Snapshot;
use crate::store::sql::Sql;
use crate::store::{ConnectError, OpenError};

/// A database that is being checked. It is read only, and servers may use it meanwhile.
pub struct CheckedDatabase(Connection);

impl CheckedDatabase {
    /// # Errors
    /// The server cannot be reached, or refuses the connection.
    pub fn open(address: &PostgresAddress) -> Result<Self, OpenError> {
        let connection = Connection::open(address, "");
        Ok(Self(
            connection.map_err(|error: ConnectError| OpenError::from(error))?,
        ))
    }

    /// The version of the tables. None: there are no tables of parlor.
    pub fn schema_version(&self) -> Result<Option<i64>, StoreError> {
        let snapshot = self.snapshot();
        let exists = statement("SELECT to_regclass('parlor_migration') IS NOT NULL");
        if !snapshot.one(&exists, |row| row.get(0))? {
            return Ok(None);
        }
        let version = statement("SELECT max(version) FROM parlor_migration");
        snapshot.one(&version, |row| row.get(0))
    }

    /// Stored counts of conversations that differ from the rows.
    pub fn counts(&self) -> Result<Faults, StoreError> {
        let snapshot = self.snapshot();
        let mut faults = Faults::new();
        for count in STORED_COUNTS {
            add_faults(&snapshot, "project", &count, &mut faults)?;
            // Visitors have no count of the conversations that wait.
            if count.column != "waiting_conversations" {
                add_faults(&snapshot, "visitor", &count, &mut faults)?;
            }
        }
        Ok(faults)
    }

    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot::of_postgres(PostgresSnapshot::new(&self.0))
    }
}

/// A statement that only PostgreSQL has.
fn statement(text: &str) -> Sql {
    Sql::composed(text.to_owned(), [])
}

fn add_faults(
    snapshot: &Snapshot,
    table: &str,
    count: &StoredCount,
    faults: &mut Faults,
) -> Result<(), StoreError> {
    let find = statement(&count.find_wrong(table));
    snapshot.for_each(&find, |row| {
        let row = [row.get(0)?, row.get(1)?, row.get(2)?];
        faults.push(count.fault(table, row));
        Ok(())
    })
}
