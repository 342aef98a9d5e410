//! Compares a database with what parlor expects: tables, references, counts, order, search
//! index.

mod objects;
mod rows;
#[cfg(test)]
mod tests;

use super::schema::{MIGRATIONS, SCHEMA_VERSION};
use super::{Connection, PostgresAddress, PostgresSnapshot};
use crate::store::check::{Faults, MAX_FAULTS, STORED_COUNTS, StoredCount, differences};
use crate::store::error::StoreError;
use crate::store::snapshot::Snapshot;
use crate::store::sql::Sql;
use crate::store::{ConnectError, OpenError};

/// A database that is being checked. It is not changed, and servers may use it meanwhile.
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

    /// The version of the tables of the database, and of this program. None: there are no
    /// tables of parlor.
    pub fn schema_versions(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let snapshot = self.snapshot();
        let exists = statement("SELECT to_regclass('parlor_migration') IS NOT NULL");
        if !snapshot.one(&exists, |row| row.get(0))? {
            return Ok(None);
        }
        let version = statement("SELECT coalesce(max(version), 0) FROM parlor_migration");
        let version = snapshot.one(&version, |row| row.get(0))?;
        Ok(Some((version, SCHEMA_VERSION)))
    }

    /// Tables, columns, constraints, indexes, triggers and functions that differ from those
    /// of the database's version. They are compared with those of a schema that is created
    /// for the comparison and rolled back.
    ///
    /// # Errors
    /// The user may not create a schema.
    pub fn tables(&self) -> Result<Faults, StoreError> {
        let found = objects::read(&self.0)?;
        let version = self
            .schema_versions()?
            .map_or(SCHEMA_VERSION, |(found, _)| found);
        let migrations = usize::try_from(version).unwrap_or(0).min(MIGRATIONS.len());
        let expected = objects::expected(&self.0, &MIGRATIONS[..migrations])?;
        let mut faults = differences(&found, &expected);
        // What an operator has added for other programs.
        faults.retain(|fault| !fault.starts_with("function ") || !fault.ends_with("not of parlor"));
        Ok(faults)
    }

    /// References to rows that do not exist.
    pub fn references(&self) -> Result<Faults, StoreError> {
        rows::missing_rows(&self.snapshot())
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

    /// Columns that order lists, and differ from what they are made of.
    pub fn order(&self) -> Result<Faults, StoreError> {
        rows::wrong_order(&self.snapshot())
    }

    /// Sequences that would return the number of a row that exists, each with the statement
    /// that corrects it.
    pub fn sequences(&self) -> Result<Faults, StoreError> {
        rows::late_sequences(&self.snapshot())
    }

    /// Texts that are missing in the search index, and texts that it should not have.
    pub fn search_index(&self) -> Result<Faults, StoreError> {
        rows::search_faults(&self.snapshot())
    }

    /// The number of changed texts that a server has not added to the search index yet.
    pub fn search_backlog(&self) -> Result<u64, StoreError> {
        let count = statement("SELECT count(*) FROM search_backlog");
        self.snapshot().one(&count, |row| row.get(0))
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

/// At most [`MAX_FAULTS`].
fn limited(mut faults: Faults) -> Faults {
    faults.truncate(MAX_FAULTS);
    faults
}
