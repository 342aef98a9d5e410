//! Loads rows into a PostgreSQL database, with COPY and in one transaction.

use super::table::Table;
use super::{BulkInserter, BulkLoad, LoadError, RowTarget};
use crate::store::batch::Batch;
use crate::store::error::StoreError;
use crate::store::options::Options;
use crate::store::postgres::{BEGIN_WRITE, Connection, PostgresAddress};
use crate::store::sql::{ColumnValue, Sql};
use crate::store::{ConnectError, OpenError, Store};

/// The size from which the rows of a table are sent.
const BUFFER_BYTES: usize = 1 << 20;

/// The rows come in any order, and a trigger that counts them one by one would change the
/// row of the project each time. The load stores the counts itself.
const BEFORE: &str = "\
    ALTER TABLE conversation DISABLE TRIGGER conversation_after_insert; \
    CREATE TEMPORARY TABLE dropped_key ON COMMIT DROP AS \
        SELECT conrelid::regclass::text AS owner, conname::text AS name, \
               pg_get_constraintdef(oid) AS definition \
          FROM pg_constraint \
         WHERE contype = 'f' AND conrelid IN ('conversation'::regclass, 'note'::regclass); \
    DO $$ DECLARE key RECORD; BEGIN \
        FOR key IN SELECT * FROM dropped_key LOOP \
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', key.owner, key.name); \
        END LOOP; \
    END $$";

/// Restores what [`BEFORE`] has changed, and does the rest of the work of the trigger.
const AFTER: &str = "\
    DO $$ DECLARE key RECORD; BEGIN \
        FOR key IN SELECT * FROM dropped_key LOOP \
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', key.owner, key.name, \
                           key.definition); \
        END LOOP; \
    END $$; \
    ALTER TABLE conversation ENABLE TRIGGER conversation_after_insert; \
    INSERT INTO search_backlog (seq) SELECT -seq FROM conversation WHERE title IS NOT NULL; \
    SELECT setval(pg_get_serial_sequence('message', 'seq'), max(seq)) FROM message";

/// PostgreSQL plans queries by statistics, and reads rows from indexes alone after VACUUM.
const OPTIMIZE: &str = "VACUUM ANALYZE";

pub(super) fn load(
    address: &PostgresAddress,
    load: BulkLoad,
    insert_rows: impl FnOnce(&mut BulkInserter<'_>) -> Result<(), StoreError>,
    index_progress: impl Fn(u64, u64),
) -> Result<(), LoadError> {
    // Creates the tables.
    drop(Store::connect(address, &Options::default())?);
    let connection = Connection::open(address, "");
    let connection = connection.map_err(|error: ConnectError| OpenError::from(error))?;
    connection.execute(BEGIN_WRITE)?;
    run(&connection, &load.first)?;
    connection.execute(BEFORE)?;
    let mut target = CopyTarget::new(&connection);
    let mut inserter = BulkInserter::new(&mut target, load.project);
    insert_rows(&mut inserter)?;
    inserter.finish()?;
    target.flush_all()?;
    index_progress(0, 1);
    connection.execute(AFTER)?;
    run(&connection, &load.last)?;
    connection.execute("COMMIT")?;
    connection.execute(OPTIMIZE)?;
    index_progress(1, 1);
    Ok(())
}

fn run(connection: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let statements: Vec<&Sql> = batch.statements().collect();
    batch.output(connection.pipeline(&statements)?)?;
    Ok(())
}

/// Collects rows and sends them with COPY.
pub(super) struct CopyTarget<'c> {
    connection: &'c Connection,
    /// The rows of each table, in the text format of COPY.
    buffers: [Vec<u8>; Table::ALL.len()],
    /// Statements that run after all rows are sent.
    statements: Vec<Sql>,
}

impl<'c> CopyTarget<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            buffers: Default::default(),
            statements: Vec::new(),
        }
    }

    fn append(&mut self, table: Table, row: &[ColumnValue<'_>]) -> usize {
        let buffer = &mut self.buffers[table as usize];
        for (index, value) in row.iter().enumerate() {
            if index > 0 {
                buffer.push(b'\t');
            }
            append_value(buffer, *value);
        }
        buffer.push(b'\n');
        buffer.len()
    }

    fn flush(&mut self, table: Table) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.buffers[table as usize]);
        if rows.is_empty() {
            return Ok(());
        }
        let (name, columns) = (table.name(), table.columns().join(", "));
        let copy = format!("COPY {name} ({columns}) FROM STDIN");
        self.connection.copy_in(&copy, rows)
    }

    fn flush_all(mut self) -> Result<(), StoreError> {
        for table in Table::ALL {
            self.flush(table)?;
        }
        let statements: Vec<&Sql> = self.statements.iter().collect();
        let results = self.connection.pipeline(&statements)?;
        results.into_iter().try_for_each(|result| result.map(drop))
    }
}

impl RowTarget for CopyTarget<'_> {
    fn insert(&mut self, table: Table, row: &[ColumnValue<'_>]) -> Result<(), StoreError> {
        if self.append(table, row) >= BUFFER_BYTES {
            self.flush(table)?;
        }
        Ok(())
    }

    fn run(&mut self, sql: Sql) -> Result<(), StoreError> {
        self.statements.push(sql);
        Ok(())
    }
}

/// Appends a value in the text format of COPY.
fn append_value(buffer: &mut Vec<u8>, value: ColumnValue<'_>) {
    match value {
        ColumnValue::Null => buffer.extend_from_slice(b"\\N"),
        ColumnValue::Integer(number) => buffer.extend_from_slice(number.to_string().as_bytes()),
        ColumnValue::Text(bytes) => append_text(buffer, bytes),
        ColumnValue::Blob(bytes) => {
            buffer.extend_from_slice(b"\\\\x");
            for byte in bytes {
                buffer.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
        }
    }
}

fn append_text(buffer: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'\\' => buffer.extend_from_slice(b"\\\\"),
            b'\n' => buffer.extend_from_slice(b"\\n"),
            b'\r' => buffer.extend_from_slice(b"\\r"),
            b'\t' => buffer.extend_from_slice(b"\\t"),
            byte => buffer.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_text_format_of_copy() {
        for (value, expected) in [
            (ColumnValue::Null, "\\N"),
            (ColumnValue::Integer(-7), "-7"),
            (
                ColumnValue::Text("a\tb\\c\nd\re ü".as_bytes()),
                "a\\tb\\\\c\\nd\\re ü",
            ),
            (ColumnValue::Text(b""), ""),
            (ColumnValue::Blob(&[0, 0xff]), "\\\\x00ff"),
        ] {
            let mut buffer = Vec::new();
            append_value(&mut buffer, value);
            assert_eq!(String::from_utf8(buffer).as_deref(), Ok(expected));
        }
    }
}
