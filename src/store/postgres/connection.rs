//! A connection to a PostgreSQL server, used by one thread.
//!
//! The driver is asynchronous. A connection has a runtime of its own, which runs on the
//! thread that uses the connection, so no other thread has to wake up for a query.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io::Cursor;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{join, maybe_done};
use futures_util::{FutureExt, SinkExt};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Row, Statement};

use super::block_on::block_on;
use super::error::{ConnectError, Failure, describe};
use super::{PostgresAddress, Purpose, dialect};
use crate::store::error::StoreError;
use crate::store::sql::{ColumnValue, Sql, Value};

/// Stored instead of NUL, which PostgreSQL does not have in texts.
pub(in crate::store) const REPLACEMENT_CHARACTER: &str = "\u{fffd}";

/// The statements that a connection keeps prepared.
const MAX_STATEMENTS: usize = 512;

/// The text of a statement and the types of its parameters.
type StatementKey = (String, Vec<Type>);

pub(in crate::store) struct Connection {
    /// None once the connection is dropped.
    client: Option<Client>,
    statements: RefCell<HashMap<StatementKey, Statement>>,
    /// Whether a failure makes the connection useless, although it may be open.
    is_useless: Cell<bool>,
    purpose: Purpose,
    /// None once the connection is dropped.
    runtime: Option<Runtime>,
}

/// What is sent to the server in one request.
#[derive(Clone, Copy)]
pub(super) enum Request<'r> {
    /// Statements without parameters and results.
    Text(&'r str),
    Statement(&'r Sql, &'r Statement),
}

impl Connection {
    /// Opens a connection for a command of an operator and runs `setup`, statements that
    /// configure it.
    pub fn open(address: &PostgresAddress, setup: &str) -> Result<Self, ConnectError> {
        let connection = Self::open_for(address, Purpose::Maintenance)?;
        let failed = |error: Failure| ConnectError::Failed(address.clone(), error.to_string());
        connection.try_execute(setup).map_err(failed)?;
        Ok(connection)
    }

    /// Opens a connection with the limits of its purpose.
    pub fn open_for(address: &PostgresAddress, purpose: Purpose) -> Result<Self, ConnectError> {
        let failed = |text: String| ConnectError::Failed(address.clone(), text);
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let client = block_on(&runtime, async {
            let (client, connection) = address.connect().await?;
            tokio::spawn(async move {
                // The client reports the error to the statement that runs.
                let _ = connection.await;
            });
            let setup = client.batch_execute(&purpose.setup()).await;
            setup.map_err(|error| describe(&error))?;
            Ok(client)
        });
        let client = client.map_err(|reason| ConnectError::Unreachable(address.clone(), reason))?;
        Ok(Self {
            client: Some(client),
            statements: RefCell::default(),
            is_useless: Cell::new(false),
            purpose,
            runtime: Some(runtime),
        })
    }

    /// Whether the server has not closed the connection. Reads what the server has sent.
    pub fn is_open(&self) -> bool {
        if let Some(runtime) = &self.runtime {
            // The first pause looks for packets, the second one lets the connection read them.
            block_on(runtime, async {
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            });
        }
        !self.is_broken()
    }

    /// Whether a statement has failed because the connection is lost.
    pub fn is_broken(&self) -> bool {
        self.is_useless.get() || self.client.as_ref().is_none_or(Client::is_closed)
    }

    /// Runs statements without parameters and results.
    pub fn execute(&self, statements: &str) -> Result<(), StoreError> {
        Ok(self.try_execute(statements)?)
    }

    /// As [`Self::execute`], with the reason why the connection is lost.
    pub(super) fn try_execute(&self, statements: &str) -> Result<(), Failure> {
        self.wait(self.client()?.batch_execute(statements))
    }

    /// Runs `COPY … FROM STDIN` with rows in its text format.
    pub fn copy_in(&self, copy: &str, rows: Vec<u8>) -> Result<(), StoreError> {
        let client = self.client()?;
        let copy = async {
            let sink = client.copy_in::<_, Cursor<Vec<u8>>>(copy).await?;
            let mut sink = pin!(sink);
            sink.send(Cursor::new(rows)).await?;
            sink.finish().await
        };
        Ok(self.wait(copy).map(drop)?)
    }

    /// Sends statements without waiting for their results.
    pub fn send(&self, statements: &str) {
        let (Some(runtime), Ok(client)) = (&self.runtime, self.client()) else {
            return;
        };
        block_on(runtime, async {
            let execute = client.batch_execute(statements);
            // The first poll queues the statements; the connection sends them then.
            let _ = Box::pin(execute).now_or_never();
            tokio::task::yield_now().await;
        });
    }

    /// Runs a statement and returns its rows.
    pub fn query(&self, sql: &Sql) -> Result<Vec<Row>, StoreError> {
        Ok(self.try_query(sql)?)
    }

    /// As [`Self::query`], with the reason why the connection is lost.
    pub(super) fn try_query(&self, sql: &Sql) -> Result<Vec<Row>, Failure> {
        let statement = self.prepare(sql)?;
        let parameters = parameters(&sql.values);
        self.wait(self.client()?.query(&statement, &parameters))
    }

    /// As [`Self::try_query`], for a statement that is not kept prepared.
    pub(super) fn query_once(&self, sql: &Sql) -> Result<Vec<Row>, Failure> {
        let types = dialect::parameter_types(&sql.values);
        let typed: Vec<_> = parameters(&sql.values).into_iter().zip(types).collect();
        let text = dialect::text(sql);
        self.wait(self.client()?.query_typed(&text, &typed))
    }

    /// As [`Self::query`], with statements that are sent before it in the same round trip.
    pub(super) fn query_after(&self, first: &str, sql: &Sql) -> Result<Vec<Row>, Failure> {
        let statement = self.prepare(sql)?;
        let parameters = parameters(&sql.values);
        let client = self.client()?;
        let first = client.batch_execute(first);
        let rows = client.query(&statement, &parameters);
        self.wait(join(first, rows).map(|(first, rows)| first.and(rows)))
    }

    /// Runs statements in order, sent without waiting for each other. The results are
    /// those of the statements.
    pub fn pipeline(&self, statements: &[&Sql]) -> Result<Vec<PipelineResult>, StoreError> {
        let prepared = statements.iter().map(|sql| self.prepare(sql));
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let requests = statements.iter().zip(&prepared);
        let requests: Vec<_> = requests
            .map(|(sql, statement)| Request::Statement(sql, statement))
            .collect();
        let results = self.run_all(&requests)?.into_iter();
        Ok(results
            .map(|result| result.map_err(StoreError::from))
            .collect())
    }

    /// Sends requests in order, without waiting for the results in between. The results are
    /// those of the requests.
    pub(super) fn run_all(&self, requests: &[Request<'_>]) -> Result<Vec<RequestResult>, Failure> {
        let client = self.client()?;
        let runs = requests.iter().map(|request| run(client, *request));
        let mut runs: Vec<_> = runs.map(|run| Box::pin(maybe_done(run))).collect();
        let results = self.wait(async {
            // The first poll queues a request.
            poll_fn(|context| {
                for run in &mut runs {
                    let _ = run.poll_unpin(context);
                }
                Poll::Ready(())
            })
            .await;
            let mut results = Vec::with_capacity(runs.len());
            for run in &mut runs {
                run.as_mut().await;
                results.extend(run.as_mut().take_output());
            }
            Ok(results)
        })?;
        let results = results.into_iter();
        Ok(results
            .map(|result| result.map_err(|error| self.failure(error)))
            .collect())
    }

    /// Prepares a statement, unless the connection has it prepared.
    pub(super) fn prepare(&self, sql: &Sql) -> Result<Statement, Failure> {
        let key = key(sql);
        if let Some(statement) = self.statements.borrow().get(&key) {
            return Ok(statement.clone());
        }
        let text = dialect::text(sql);
        let statement = self.wait(self.client()?.prepare_typed(&text, &key.1))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= MAX_STATEMENTS {
            statements.clear();
        }
        statements.insert(key, statement.clone());
        Ok(statement)
    }

    /// Runs a future of the driver, for at most the response timeout.
    fn wait<T: Send>(
        &self,
        future: impl Future<Output = Result<T, tokio_postgres::Error>> + Send,
    ) -> Result<T, Failure> {
        let runtime = self.runtime.as_ref().ok_or_else(closed)?;
        let Some(timeout) = self.purpose.response_timeout() else {
            return block_on(runtime, future).map_err(|error| self.failure(error));
        };
        let result = block_on(runtime, async {
            tokio::time::timeout(timeout, future).await
        });
        result
            .map_err(|_| self.no_response(timeout))?
            .map_err(|error| self.failure(error))
    }

    fn failure(&self, error: tokio_postgres::Error) -> Failure {
        let failure = Failure::from(error);
        match failure {
            Failure::Lost(_) => self.is_useless.set(true),
            // Only the text of a search can be shortened to make it faster.
            Failure::Statement(StoreError::TooSlow) if self.purpose != Purpose::Search => {
                return Failure::Statement(StoreError::Busy);
            }
            Failure::Statement(_) => {}
        }
        failure
    }

    fn no_response(&self, timeout: Duration) -> Failure {
        self.is_useless.set(true);
        let seconds = timeout.as_secs();
        Failure::Lost(format!(
            "PostgreSQL has not answered within {seconds} seconds"
        ))
    }

    fn client(&self) -> Result<&Client, Failure> {
        self.client.as_ref().ok_or_else(closed)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        drop(self.client.take());
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        // The connection tells the server that it ends. A thread that runs tasks of another
        // runtime cannot wait for that.
        if Handle::try_current().is_err() {
            runtime.block_on(tokio::task::yield_now());
        }
        runtime.shutdown_background();
    }
}

fn closed() -> Failure {
    Failure::Lost("the connection to PostgreSQL is closed".to_owned())
}

async fn run(
    client: &Client,
    request: Request<'_>,
) -> Result<(Vec<Row>, u64), tokio_postgres::Error> {
    match request {
        Request::Text(statements) => {
            client.batch_execute(statements).await?;
            Ok((Vec::new(), 0))
        }
        Request::Statement(sql, statement) if statement.columns().is_empty() => {
            let changed = client.execute(statement, &parameters(&sql.values)).await?;
            Ok((Vec::new(), changed))
        }
        Request::Statement(sql, statement) => {
            let rows = client.query(statement, &parameters(&sql.values)).await?;
            let count = rows.len() as u64;
            Ok((rows, count))
        }
    }
}

fn key(sql: &Sql) -> StatementKey {
    let types = dialect::parameter_types(&sql.values);
    (sql.postgres_text().to_owned(), types)
}

/// The rows of a request, and how many it changed or returned.
pub(super) type RequestResult = Result<(Vec<Row>, u64), Failure>;

/// The rows of a statement, and how many it changed or returned.
pub(in crate::store) type PipelineResult = Result<(Vec<Row>, u64), StoreError>;

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
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
            Value::Text(text) if text.contains('\0') => text
                .replace('\0', REPLACEMENT_CHARACTER)
                .to_sql(column, out),
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
    row: &Row,
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
