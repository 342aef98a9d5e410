//! A connection of a test to a PostgreSQL server.

use rusqlite::Error;
use rusqlite::types::Value;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls};

type BoxError = Box<dyn std::error::Error + Sync + Send>;

pub struct PostgresClient {
    // Dropped before the runtime that runs the connection.
    client: Client,
    runtime: Runtime,
}

impl PostgresClient {
    pub fn connect(url: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(async move {
                // The client reports the error.
                let _ = connection.await;
            });
            Ok::<_, tokio_postgres::Error>(client)
        });
        let client = client.unwrap_or_else(|error| panic!("{url}: {error}"));
        Self { client, runtime }
    }

    /// Runs statements that must succeed.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        let result = self.execute_batch(sql);
        result.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub fn execute_batch(&self, sql: &str) -> rusqlite::Result<()> {
        let run = self.client.batch_execute(sql);
        self.runtime
            .block_on(run)
            .map_err(|error| to_error(sql, &error))
    }

    pub fn execute(&self, sql: &str, values: &[Value]) -> rusqlite::Result<usize> {
        let result = self.runtime.block_on(async {
            let statement = prepare(&self.client, sql, values).await?;
            self.client
                .execute_raw(&statement, parameters(values))
                .await
        });
        let changed = result.map_err(|error| to_error(sql, &error))?;
        Ok(usize::try_from(changed).expect("a number of rows"))
    }

    pub fn query(&self, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
        let parameters: Vec<_> = parameters(values).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|value| value as _).collect();
        let result = self.runtime.block_on(async {
            let statement = prepare(&self.client, sql, values).await?;
            self.client.query(&statement, &parameters).await
        });
        let rows = result.map_err(|error| to_error(sql, &error))?;
        let read = |row: &tokio_postgres::Row| {
            let columns = 0..row.len();
            columns
                .map(|column| row.get::<_, Column>(column).0)
                .collect()
        };
        Ok(rows.iter().map(read).collect())
    }
}

fn to_error(sql: &str, error: &tokio_postgres::Error) -> Error {
    let text = match error.as_db_error() {
        Some(error) => error.to_string(),
        None => error.to_string(),
    };
    Error::ToSqlConversionFailure(format!("{text}: {sql}").into())
}

async fn prepare(
    client: &Client,
    sql: &str,
    values: &[Value],
) -> Result<tokio_postgres::Statement, tokio_postgres::Error> {
    let types: Vec<_> = values.iter().map(parameter_type).collect();
    client.prepare_typed(&number_parameters(sql), &types).await
}

fn parameter_type(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Integer(_) => Type::INT8,
        Value::Real(_) => Type::FLOAT8,
        Value::Text(_) => Type::TEXT,
        Value::Blob(_) => Type::BYTEA,
    }
}

/// Turns the parameters of SQLite, `?` and `?2`, into those of PostgreSQL, `$1` and `$2`.
fn number_parameters(sql: &str) -> String {
    let mut numbered = String::new();
    let (mut highest, mut is_quoted) = (0, false);
    let mut characters = sql.chars().peekable();
    while let Some(character) = characters.next() {
        is_quoted ^= character == '\'';
        if character != '?' || is_quoted {
            numbered.push(character);
            continue;
        }
        let mut digits = String::new();
        while let Some(digit) = characters.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let number = digits.parse().unwrap_or(highest + 1);
        highest = highest.max(number);
        numbered.push_str(&format!("${number}"));
    }
    numbered
}

fn parameters(values: &[Value]) -> impl ExactSizeIterator<Item = Parameter<'_>> {
    values.iter().map(Parameter)
}

#[derive(Debug)]
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => number.to_sql(column, out),
            Value::Real(number) => number.to_sql(column, out),
            Value::Text(text) => text.to_sql(column, out),
            Value::Blob(bytes) => bytes.to_sql(column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

struct Column(Value);

impl<'r> FromSql<'r> for Column {
    fn from_sql(column: &Type, raw: &'r [u8]) -> Result<Self, BoxError> {
        Ok(Self(match *column {
            Type::INT8 => Value::Integer(i64::from_sql(column, raw)?),
            Type::INT4 => Value::Integer(i32::from_sql(column, raw)?.into()),
            Type::BOOL => Value::Integer(bool::from_sql(column, raw)?.into()),
            Type::NUMERIC => Value::Integer(whole_number(raw)),
            Type::BYTEA => Value::Blob(raw.to_vec()),
            _ => Value::Text(String::from_utf8(raw.to_vec())?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxError> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The value of a sum: the number of digits to the base 10,000, the weight of the first
/// digit, sign, scale, and the digits, each with 16 bits.
fn whole_number(raw: &[u8]) -> i64 {
    let words: Vec<_> = raw
        .chunks(2)
        .map(|word| i16::from_be_bytes([word[0], word[1]]))
        .collect();
    let (weight, sign) = (words[1], words[2]);
    let digits = (0..=weight).map(|place| words.get(4 + place as usize).copied().unwrap_or(0));
    let number = digits.fold(0, |number, digit| number * 10_000 + i64::from(digit));
    if sign == 0 { number } else { -number }
}
