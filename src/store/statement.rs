//! SQL as data: a text, the values bound to it, and what running it gave.

use std::borrow::Cow;

use rusqlite::types::{FromSqlError, FromSqlResult, ToSql, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, Row};

/// One SQL statement with its values. The text is made of constants alone;
/// whatever came from outside is a bound value.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub(super) sql: Cow<'static, str>,
    pub(super) values: Vec<Value>,
}

impl Statement {
    pub(super) fn new<const N: usize>(sql: &'static str, values: [Value; N]) -> Self {
        Self {
            sql: Cow::Borrowed(sql),
            values: values.into(),
        }
    }

    /// Prepared (or found prepared) and bound, ready to be stepped through.
    pub(super) fn prepare<'c>(
        &self,
        connection: &'c Connection,
    ) -> rusqlite::Result<CachedStatement<'c>> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        for (index, value) in self.values.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value)?;
        }
        Ok(statement)
    }

    pub(super) fn run(&self, connection: &Connection) -> rusqlite::Result<Outcome> {
        let mut statement = self.prepare(connection)?;
        let columns = statement.column_count();
        if columns == 0 {
            let changes = statement.raw_execute()?;
            return Ok(Outcome {
                changes,
                rows: Vec::new(),
            });
        }
        let mut rows = Vec::new();
        let mut cursor = statement.raw_query();
        while let Some(row) = cursor.next()? {
            let values = (0..columns).map(|column| row.get(column));
            rows.push(values.collect::<rusqlite::Result<_>>()?);
        }
        Ok(Outcome {
            changes: rows.len(),
            rows,
        })
    }
}

/// Statements that are run in order, all or none, with no reading in between:
/// whatever one of them depends on stands in its own text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch(pub(super) Vec<Statement>);

impl Batch {
    pub(super) fn of<const N: usize>(statements: [Statement; N]) -> Self {
        Self(statements.into())
    }

    /// How many statements it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This batch and then that one, as one.
    pub fn then(mut self, that: Batch) -> Self {
        self.0.extend(that.0);
        self
    }
}

/// What one statement of a batch did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Rows written, or rows returned by a statement that returns some.
    pub changes: usize,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Outcome {
    /// Whether any row was written or returned.
    pub fn changed(&self) -> bool {
        self.changes > 0
    }
}

/// Whether the statements changed (or returned) any row at all.
pub fn any_change(outcomes: &[Outcome]) -> bool {
    outcomes.iter().any(Outcome::changed)
}

/// A value to bind, from whatever SQLite can hold.
pub(super) fn value(value: impl Into<Value>) -> Value {
    value.into()
}

/// A UUID to bind: its 16 bytes.
pub(super) fn uuid(id: uuid::Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

/// Binds a value in place, for statements that are run once a row.
pub(super) fn bind(
    statement: &mut CachedStatement<'_>,
    index: usize,
    value: impl ToSql,
) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(index, value)
}

/// A column that holds the name of a choice.
pub(super) fn named<T: Copy>(
    row: &Row<'_>,
    column: usize,
    names: &[(&str, T)],
) -> rusqlite::Result<T> {
    Ok(choice(row.get_ref(column)?, names)?)
}

/// The choice that a value names.
pub(super) fn choice<T: Copy>(value: ValueRef<'_>, names: &[(&str, T)]) -> FromSqlResult<T> {
    let text = value.as_str()?;
    let found = names.iter().find(|(name, _)| *name == text);
    Ok(found.ok_or(FromSqlError::InvalidType)?.1)
}
