//! Loads rows into a new file.
//!
//! The load runs without a journal and without the indexes and triggers of the loaded
//! tables. At the end it creates them again from the SQL that the file holds, so
//! `schema.sql` stays the only description. No other connection may use the file. A load
//! that fails leaves a broken file: the caller deletes the file.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql, params_from_iter};

use super::table::Table;
use super::{BulkInserter, BulkLoad, LoadError, RowTarget};
use crate::domain::ProjectSeq;
use crate::store::Store;
use crate::store::batch::Batch;
use crate::store::error::StoreError;
use crate::store::options::Options;
use crate::store::sql::{ColumnValue, Sql};

pub(super) fn load(
    path: &Path,
    load: BulkLoad,
    insert_rows: impl FnOnce(&mut BulkInserter<'_>) -> Result<(), StoreError>,
    index_progress: impl Fn(u64, u64),
) -> Result<(), LoadError> {
    write(path, load.first)?;
    load_rows(path, load.project, insert_rows, index_progress)?;
    write(path, load.last)
}

/// Writes a batch. The file is closed after it.
fn write(path: &Path, batch: Batch) -> Result<(), LoadError> {
    if !batch.is_empty() {
        let store = Store::open(path, &Options::default())?;
        store.write_blocking(batch)?;
    }
    Ok(())
}

fn load_rows(
    path: &Path,
    project: ProjectSeq,
    insert_rows: impl FnOnce(&mut BulkInserter<'_>) -> Result<(), StoreError>,
    index_progress: impl Fn(u64, u64),
) -> Result<(), StoreError> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = OFF;
         PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         PRAGMA cache_size = -262144;
         PRAGMA temp_store = MEMORY;
         PRAGMA threads = 2;",
    )?;
    let dropped = DroppedObjects::drop_from(&connection)?;
    let transaction = connection.transaction()?;
    let mut target = SqliteTarget::new(&transaction)?;
    let mut inserter = BulkInserter::new(&mut target, project);
    insert_rows(&mut inserter)?;
    inserter.finish()?;
    drop(target);
    transaction.commit()?;
    dropped.create_in(&connection, index_progress)
}

/// Inserts rows in the transaction of a load.
pub(super) struct SqliteTarget<'c> {
    connection: &'c Connection,
    /// The statement of each table.
    inserts: Vec<Statement<'c>>,
}

impl<'c> SqliteTarget<'c> {
    fn new(connection: &'c Connection) -> Result<Self, StoreError> {
        let inserts = Table::ALL.iter().map(|table| {
            let parameters = vec!["?"; table.columns().len()].join(", ");
            let (name, columns) = (table.name(), table.columns().join(", "));
            connection.prepare(&format!(
                "INSERT INTO {name} ({columns}) VALUES ({parameters})"
            ))
        });
        let inserts = inserts.collect::<rusqlite::Result<_>>()?;
        Ok(Self {
            connection,
            inserts,
        })
    }
}

impl RowTarget for SqliteTarget<'_> {
    fn insert(&mut self, table: Table, row: &[ColumnValue<'_>]) -> Result<(), StoreError> {
        self.inserts[table as usize].execute(params_from_iter(row))?;
        Ok(())
    }

    fn run(&mut self, sql: Sql) -> Result<(), StoreError> {
        Batch::of([sql]).run_on(self.connection)?;
        Ok(())
    }
}

impl ToSql for ColumnValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            ColumnValue::Null => ValueRef::Null,
            ColumnValue::Integer(number) => ValueRef::Integer(number),
            ColumnValue::Text(bytes) => ValueRef::Text(bytes),
            ColumnValue::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Indexes and triggers whose maintenance row by row would be slow.
struct DroppedObjects {
    sql: Vec<String>,
}

impl DroppedObjects {
    fn drop_from(connection: &Connection) -> Result<Self, StoreError> {
        let mut statement = connection.prepare(
            "SELECT sql, 'DROP ' || type || ' \"' || name || '\"' FROM sqlite_schema \
              WHERE type IN ('index', 'trigger') AND sql IS NOT NULL \
                AND tbl_name IN ('conversation', 'message', 'visitor') \
              ORDER BY rowid",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
        let mut sql = Vec::with_capacity(rows.len());
        for (create, drop) in rows {
            connection.execute_batch(&drop)?;
            sql.push(create);
        }
        Ok(Self { sql })
    }

    fn create_in(
        self,
        connection: &Connection,
        progress: impl Fn(u64, u64),
    ) -> Result<(), StoreError> {
        let total = self.sql.len() as u64;
        for (done, sql) in (0..).zip(&self.sql) {
            progress(done, total);
            connection.execute_batch(sql)?;
        }
        progress(total, total);
        Ok(())
    }
}
