//! Reads the rows of a statement in parts, so that a result of any size needs little memory.

use std::vec;

use tokio_postgres::Row;

use super::snapshot::PostgresSnapshot;
use crate::store::error::StoreError;
use crate::store::sql::Sql;

/// The rows that are in memory: about as many as have [`PART_BYTES`].
const MIN_ROWS: usize = 64;
const MAX_ROWS: usize = 1024;
const PART_BYTES: usize = 256 << 10;

/// A cursor of a read transaction. The transaction can run other statements meanwhile.
pub(in crate::store) struct Cursor<'s> {
    snapshot: &'s PostgresSnapshot<'s>,
    name: String,
    rows: vec::IntoIter<Row>,
    /// The number of rows that the next part has.
    part_rows: usize,
    /// Whether the server may have more rows.
    has_more: bool,
}

impl<'s> Cursor<'s> {
    /// # Errors
    /// Those of the statement and of the connection.
    pub fn open(snapshot: &'s PostgresSnapshot<'s>, sql: &Sql) -> Result<Self, StoreError> {
        let name = snapshot.next_cursor_name();
        snapshot.query_once(&sql.in_cursor(&name))?;
        Ok(Self {
            snapshot,
            name,
            rows: Vec::new().into_iter(),
            part_rows: MIN_ROWS,
            has_more: true,
        })
    }

    /// The next row, which stays the next one.
    pub fn peek(&mut self) -> Result<Option<&Row>, StoreError> {
        if self.rows.as_slice().is_empty() && self.has_more {
            let fetch = format!("FETCH {} FROM {}", self.part_rows, self.name);
            let rows = self.snapshot.query_once(&Sql::composed(fetch, []))?;
            self.has_more = rows.len() == self.part_rows;
            let bytes: usize = rows.iter().map(Row::raw_size_bytes).sum();
            let rows_of_part = PART_BYTES * rows.len() / bytes.max(1);
            self.part_rows = rows_of_part.clamp(MIN_ROWS, MAX_ROWS);
            self.rows = rows.into_iter();
        }
        Ok(self.rows.as_slice().first())
    }

    /// # Errors
    /// Those of the connection.
    pub fn next(&mut self) -> Result<Option<Row>, StoreError> {
        self.peek()?;
        Ok(self.rows.next())
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        self.snapshot.send(&format!("CLOSE {}", self.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres::Connection;
    use crate::store::postgres::test_database::TestDatabase;
    use crate::store::snapshot::Snapshot;

    #[test]
    fn rows_of_nested_cursors_come_in_order_and_each_once() {
        let Some(database) = TestDatabase::create() else {
            return;
        };
        let connection = Connection::open(database.address(), "").expect("a connection");
        let snapshot = Snapshot::of_postgres(PostgresSnapshot::new(&connection));
        let numbers = |last: i64| {
            let text = "SELECT CAST(n AS BIGINT) FROM generate_series(1, CAST(? AS BIGINT)) AS n";
            Sql::unregistered(text, [last.into()])
        };
        for last in [0, 1, 63, 64, 65, 64 + 1024, 1200] {
            let mut found = Vec::new();
            let read = snapshot.for_each_in_parts(&numbers(last), |row| {
                let number: i64 = row.get(0)?;
                let mut count = 0;
                snapshot.for_each_in_parts(&numbers(number % 70), |_| {
                    count += 1;
                    Ok::<_, StoreError>(())
                })?;
                assert_eq!(count, number % 70);
                found.push(number);
                Ok::<_, StoreError>(())
            });
            read.expect("rows");
            assert_eq!(found, (1..=last).collect::<Vec<_>>());
        }
        let open = Sql::unregistered("SELECT count(*) FROM pg_cursors WHERE name <> ''", []);
        let open: i64 = snapshot.one(&open, |row| row.get(0)).expect("a count");
        assert_eq!(open, 0, "cursors are closed");
    }
}
