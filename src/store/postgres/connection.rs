//! A connection to a PostgreSQL server, used by one thread.
//!
//! The driver is asynchronous. A connection has a runtime of its own, which runs on the
//! thread that uses the connection, so no other thread has to wake up for a query.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Cursor;
use std::pin::pin;

use futures_util::future::join;
use futures_util::{FutureExt, SinkExt};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls, Statement};

use super::error::{ConnectError, store_error};
use super::{PostgresAddress, dialect};
use crate::store::error::StoreError;
use crate::store::sql::{ColumnValue, Sql, Value};

/// The statements that a connection keeps prepared.
const MAX_STATEMENTS: usize = 512;

/// The text of a statement and the types of its parameters.
type StatementKey = (String, Vec<Type>);

pub(in crate::store) struct Connection {
    // The client is dropped before the runtime that runs the connection.
    client: Client,
    statements: RefCell<HashMap<StatementKey, Statement>>,
    runtime: Runtime,
}

impl Connection {
    /// Opens a connection and runs `setup`, statements that configure it.
    pub fn open(address: &PostgresAddress, setup: &str) -> Result<Self, ConnectError> {
        let failed = |text: String| ConnectError::Failed(address.clone(), text);
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let client = runtime.block_on(async {
            let (client, connection) = address.config().connect(NoTls).await?;
            tokio::spawn(async move {
                // The client reports the error to the statement that runs.
                let _ = connection.await;
            });
            client.batch_execute(setup).await?;
            Ok(client)
        });
        let client = client.map_err(|error: tokio_postgres::Error| {
            ConnectError::Unreachable(address.clone(), describe(&error))
        })?;
        Ok(Self {
            client,
            statements: RefCell::default(),
            runtime,
        })
    }

    /// Whether the server has not closed the connection, as far as this process knows.
    pub fn is_open(&self) -> bool {
        // Lets the connection read what the server has sent.
        self.runtime.block_on(tokio::task::yield_now());
        !self.client.is_closed()
    }

    /// Runs statements without parameters and results.
    pub fn execute(&self, statements: &str) -> Result<(), StoreError> {
        let result = self.runtime.block_on(self.client.batch_execute(statements));
        result.map_err(|error| store_error(&error))
    }

    /// Runs `COPY … FROM STDIN` with rows in its text format.
    pub fn copy_in(&self, copy: &str, rows: Vec<u8>) -> Result<(), StoreError> {
        let result = self.runtime.block_on(async {
            let sink = self.client.copy_in::<_, Cursor<Vec<u8>>>(copy).await?;
            let mut sink = pin!(sink);
            sink.send(Cursor::new(rows)).await?;
            sink.finish().await
        });
        result.map(drop).map_err(|error| store_error(&error))
    }

    /// Sends statements without waiting for their results.
    pub fn send(&self, statements: &str) {
        self.runtime.block_on(async {
            let execute = self.client.batch_execute(statements);
            // The first poll queues the statements; the connection sends them then.
            let _ = Box::pin(execute).now_or_never();
            tokio::task::yield_now().await;
        });
    }

    /// Runs a statement and returns its rows.
    pub fn query(&self, sql: &Sql) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let statement = self.prepare(sql)?;
        let parameters = parameters(&sql.values);
        let rows = self.client.query(&statement, &parameters);
        self.runtime
            .block_on(rows)
            .map_err(|error| store_error(&error))
    }

    /// As [`Self::query`], with statements that are sent before it in the same round trip.
    pub fn query_after(
        &self,
        first: &str,
        sql: &Sql,
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let statement = self.prepare(sql)?;
        let parameters = parameters(&sql.values);
        let first = self.client.batch_execute(first);
        let rows = self.client.query(&statement, &parameters);
        let (first, rows) = self.runtime.block_on(join(first, rows));
        first.and(rows).map_err(|error| store_error(&error))
    }

    /// Runs statements in order, sent without waiting for each other. The results are
    /// those of the statements.
    pub fn pipeline(&self, statements: &[&Sql]) -> Result<Vec<PipelineResult>, StoreError> {
        let prepared = statements.iter().map(|sql| self.prepare(sql));
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let runs = statements.iter().zip(&prepared).map(|(sql, statement)| {
            let parameters = parameters(&sql.values);
            async move {
                if statement.columns().is_empty() {
                    let changed = self.client.execute(statement, &parameters).await?;
                    return Ok((Vec::new(), changed));
                }
                let rows = self.client.query(statement, &parameters).await?;
                let count = rows.len() as u64;
                Ok((rows, count))
            }
        });
        let results = self.runtime.block_on(futures_util::future::join_all(runs));
        Ok(results
            .into_iter()
            .map(|result| result.map_err(|error: tokio_postgres::Error| store_error(&error)))
            .collect())
    }

    fn prepare(&self, sql: &Sql) -> Result<Statement, StoreError> {
        let key = (
            sql.postgres_text().to_owned(),
            dialect::parameter_types(&sql.values),
        );
        if let Some(statement) = self.statements.borrow().get(&key) {
            return Ok(statement.clone());
        }
        let text = dialect::text(sql);
        let prepare = self.client.prepare_typed(&text, &key.1);
        let statement = self.runtime.block_on(prepare);
        let statement = statement.map_err(|error| store_error(&error))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= MAX_STATEMENTS {
            statements.clear();
        }
        statements.insert(key, statement.clone());
        Ok(statement)
    }
}

/// The rows of a statement, and how many it changed or returned.
pub(in crate::store) type PipelineResult = Result<(Vec<tokio_postgres::Row>, u64), StoreError>;

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}

/// The error with its cause, which the driver leaves out of its own text.
fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        column: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => number.to_sql(column, out),
            // PostgreSQL has no NUL in texts.
            Value::Text(text) if text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(column, out)
            }
            Value::Text(text) => text.to_sql(column, out),
            Value::Blob(bytes) => bytes.to_sql(column, out),
            Value::Integers(numbers) => numbers.to_sql(column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The value of a column, counted from 0.
///
/// # Errors
/// [`StoreError::Internal`] if the column has a type that the store does not use.
pub(in crate::store) fn column_value(
    row: &tokio_postgres::Row,
    column: usize,
) -> Result<ColumnValue<'_>, StoreError> {
    let value = row.try_get::<_, RawColumn>(column);
    value
        .map(|RawColumn(value)| value)
        .map_err(|error| StoreError::Internal(format!("a column has an unexpected value: {error}")))
}

struct RawColumn<'r>(ColumnValue<'r>);

impl<'r> FromSql<'r> for RawColumn<'r> {
    fn from_sql(
        column: &Type,
        raw: &'r [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *column {
            Type::INT8 => ColumnValue::Integer(i64::from_sql(column, raw)?),
            Type::INT4 => ColumnValue::Integer(i32::from_sql(column, raw)?.into()),
            Type::BOOL => ColumnValue::Integer(bool::from_sql(column, raw)?.into()),
            Type::BYTEA => ColumnValue::Blob(raw),
            _ => ColumnValue::Text(raw),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(ColumnValue::Null))
    }

    fn accepts(column: &Type) -> bool {
        [
            Type::INT8,
            Type::INT4,
            Type::BOOL,
            Type::BYTEA,
            Type::TEXT,
            Type::VARCHAR,
            Type::UNKNOWN,
        ]
        .contains(column)
    }
}
