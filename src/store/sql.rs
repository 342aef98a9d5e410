//! SQL text with its bound values, and the rows that it returns.
//!
//! These thin types are what the other files of the store are written against.
//! The types of the database driver appear in the store's own plumbing only:
//! here, in the reader and writer threads, and where the file is opened.

use std::borrow::Cow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};
use uuid::Uuid;

use super::error::StoreError;
use super::postgres::column_value;
use super::statement_text::StatementText;
use crate::domain::{
    AgentId, AgentSeq, AgentSessionId, AgentSessionSeq, AssistantId, AssistantSeq, ConversationId,
    ConversationSeq, DocumentId, KeyId, KeySeq, Label, MessageId, MessageSeq, NoteId,
    NotificationId, NotificationSeq, PassageSeq, ProjectId, ProjectSeq, QnaId, SavedReplyId,
    SessionId, SourceId, Timestamp, VisitorId, VisitorSeq,
};

/// A value that is bound to a parameter or was read from a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
    /// Only PostgreSQL has arrays.
    Integers(Vec<i64>),
}

/// The text and the values of a statement under construction. The text consists of
/// constant fragments.
#[derive(Default)]
pub(super) struct SqlText {
    text: String,
    values: Vec<Value>,
}

impl SqlText {
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Appends a fragment without values.
    pub fn push(&mut self, fragment: &'static str) {
        self.text.push_str(fragment);
    }

    /// Appends a fragment that binds a value.
    pub fn bind(&mut self, fragment: &'static str, value: Value) {
        self.push(fragment);
        self.values.push(value);
    }

    pub fn finish(self) -> Sql {
        Sql {
            text: Cow::Owned(self.text),
            postgres: None,
            values: self.values,
        }
    }
}

/// A statement: its text, made of constants alone, and the values of its
/// parameters in order. Text that comes from outside is always a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sql {
    pub(super) text: Cow<'static, str>,
    /// The text for PostgreSQL, if it can be another one.
    postgres: Option<&'static str>,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn new<const N: usize>(text: StatementText, values: [Value; N]) -> Self {
        Self {
            text: Cow::Borrowed(text.sqlite()),
            postgres: text.postgres(),
            values: values.into(),
        }
    }

    /// The text for PostgreSQL, with the parameters of SQLite.
    pub(super) fn postgres_text(&self) -> &str {
        self.postgres.unwrap_or(&self.text)
    }

    /// The statement of PostgreSQL that opens a cursor for the rows of this one.
    pub(super) fn in_cursor(&self, name: &str) -> Self {
        let text = self.postgres_text();
        Self {
            text: Cow::Owned(format!("DECLARE {name} NO SCROLL CURSOR FOR {text}")),
            postgres: None,
            values: self.values.clone(),
        }
    }

    /// A statement of a test.
    #[cfg(test)]
    pub(super) fn unregistered<const N: usize>(text: &'static str, values: [Value; N]) -> Self {
        Self::composed(text.to_owned(), values)
    }

    /// A statement whose text was put together from constants.
    pub(super) fn composed<const N: usize>(text: String, values: [Value; N]) -> Self {
        Self {
            text: Cow::Owned(text),
            postgres: None,
            values: values.into(),
        }
    }

    /// The prepared statement with its values bound. SQLite keeps prepared
    /// statements per connection, so the text is compiled once.
    pub(super) fn prepare<'c>(
        &self,
        connection: &'c Connection,
    ) -> rusqlite::Result<CachedStatement<'c>> {
        let mut statement = connection.prepare_cached(&self.text)?;
        for (index, value) in self.values.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value)?;
        }
        Ok(statement)
    }
}

/// The value of a column, borrowed from its row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ColumnValue<'r> {
    Null,
    Integer(i64),
    /// UTF-8 that is checked when the text is read.
    Text(&'r [u8]),
    Blob(&'r [u8]),
}

impl<'r> ColumnValue<'r> {
    #[inline]
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    #[inline]
    fn integer(self) -> Result<i64, StoreError> {
        match self {
            Self::Integer(number) => Ok(number),
            other => Err(other.unexpected("an integer")),
        }
    }

    /// The text.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if the value is no text.
    #[inline]
    pub fn text(self) -> Result<&'r str, StoreError> {
        match self {
            Self::Text(bytes) => str::from_utf8(bytes).map_err(|_| self.unexpected("UTF-8")),
            other => Err(other.unexpected("a text")),
        }
    }

    #[inline]
    fn blob(self) -> Result<&'r [u8], StoreError> {
        match self {
            Self::Blob(bytes) => Ok(bytes),
            other => Err(other.unexpected("a blob")),
        }
    }

    /// The error of a value that is not of the type that the caller reads.
    #[cold]
    fn unexpected(self, expected: &str) -> StoreError {
        let found = match self {
            Self::Null => "null",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "a text",
            Self::Blob(_) => "a blob",
        };
        StoreError::Internal(format!(
            "a column has an unexpected value: {found} instead of {expected}"
        ))
    }
}

impl From<i64> for ColumnValue<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for ColumnValue<'_> {
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl<'r> From<&'r str> for ColumnValue<'r> {
    fn from(text: &'r str) -> Self {
        Self::Text(text.as_bytes())
    }
}

impl<'r> From<&'r Uuid> for ColumnValue<'r> {
    fn from(id: &'r Uuid) -> Self {
        Self::Blob(id.as_bytes())
    }
}

impl<'r, T: Into<ColumnValue<'r>>> From<Option<T>> for ColumnValue<'r> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of a result. Text is borrowed from the row.
#[derive(Clone, Copy)]
pub(super) struct Row<'r>(DriverRow<'r>);

#[derive(Clone, Copy)]
enum DriverRow<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> From<&'r tokio_postgres::Row> for Row<'r> {
    fn from(row: &'r tokio_postgres::Row) -> Self {
        Self(DriverRow::Postgres(row))
    }
}

impl<'r> Row<'r> {
    /// A row of SQLite.
    pub fn new(row: &'r rusqlite::Row<'r>) -> Self {
        Self(DriverRow::Sqlite(row))
    }

    /// The value of a column, counted from 0, without a type. A page reads hundreds of
    /// columns, so this is inlined.
    #[inline]
    pub fn value(self, column: usize) -> Result<ColumnValue<'r>, StoreError> {
        let row = match self.0 {
            DriverRow::Sqlite(row) => row,
            DriverRow::Postgres(row) => return column_value(row, column),
        };
        Ok(match row.get_ref(column)? {
            ValueRef::Null => ColumnValue::Null,
            ValueRef::Integer(number) => ColumnValue::Integer(number),
            ValueRef::Text(bytes) => ColumnValue::Text(bytes),
            ValueRef::Blob(bytes) => ColumnValue::Blob(bytes),
            ValueRef::Real(_) => {
                let text = format!("column {column} has a floating-point number");
                return Err(StoreError::Internal(text));
            }
        })
    }

    /// The value of a column, counted from 0.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if the column has another type.
    pub fn get<T: Column<'r>>(self, column: usize) -> Result<T, StoreError> {
        T::read(self.value(column)?)
    }

    pub fn is_null(self, column: usize) -> Result<bool, StoreError> {
        Ok(self.value(column)?.is_null())
    }

    /// The enum variant that a text column names.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if `names` does not have the text.
    pub fn variant<T: Copy>(self, column: usize, names: &[(&str, T)]) -> Result<T, StoreError> {
        let text: &str = self.get(column)?;
        find_variant(text, names)
    }

    /// The same for a column that may be null.
    pub fn optional_variant<T: Copy>(
        self,
        column: usize,
        names: &[(&str, T)],
    ) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.get(column)?;
        text.map(|text| find_variant(text, names)).transpose()
    }
}

/// The enum variant of a stored name.
///
/// # Errors
/// [`StoreError::Internal`] if `names` does not have the text.
pub(super) fn find_variant<T: Copy>(text: &str, names: &[(&str, T)]) -> Result<T, StoreError> {
    let found = names.iter().find(|(name, _)| *name == text);
    found
        .map(|(_, variant)| *variant)
        .ok_or_else(|| StoreError::Internal(format!("{text:?} is not a known name")))
}

/// A type that can be read from a column.
pub(super) trait Column<'r>: Sized {
    /// # Errors
    /// [`StoreError::Internal`] if the value has another type.
    fn read(value: ColumnValue<'r>) -> Result<Self, StoreError>;
}

impl Column<'_> for i64 {
    fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
        value.integer()
    }
}

impl Column<'_> for u64 {
    /// Counts are stored as integers that are never negative.
    fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
        Ok(value.integer()?.unsigned_abs())
    }
}

/// Integers that are stored as wider ones.
macro_rules! narrow_integers {
    ($($type:ty),*) => {$(
        impl Column<'_> for $type {
            fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
                let number = value.integer()?;
                number.try_into().map_err(|_| value.unexpected(stringify!($type)))
            }
        }
    )*};
}

narrow_integers!(u16, u32);

impl Column<'_> for bool {
    fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
        Ok(value.integer()? != 0)
    }
}

impl<'r> Column<'r> for &'r str {
    fn read(value: ColumnValue<'r>) -> Result<Self, StoreError> {
        value.text()
    }
}

impl Column<'_> for String {
    fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
        value.text().map(str::to_owned)
    }
}

impl Column<'_> for Vec<u8> {
    fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
        value.blob().map(<[u8]>::to_vec)
    }
}

impl<const N: usize> Column<'_> for [u8; N] {
    fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
        let bytes = value.blob()?;
        bytes
            .try_into()
            .map_err(|_| value.unexpected("a blob of another length"))
    }
}

impl Column<'_> for Uuid {
    fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
        <[u8; 16]>::read(value).map(Uuid::from_bytes)
    }
}

impl Column<'_> for Value {
    fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
        Ok(match value {
            ColumnValue::Null => Value::Null,
            ColumnValue::Integer(number) => Value::Integer(number),
            ColumnValue::Text(_) => Value::Text(value.text()?.to_owned()),
            ColumnValue::Blob(bytes) => Value::Blob(bytes.to_vec()),
        })
    }
}

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    fn read(value: ColumnValue<'r>) -> Result<Self, StoreError> {
        if value.is_null() {
            return Ok(None);
        }
        T::read(value).map(Some)
    }
}

/// Domain types with one field: bound as that field and read as that field.
macro_rules! newtypes {
    ($inner:ty: $($type:ident),*) => {$(
        impl Column<'_> for $type {
            fn read(value: ColumnValue<'_>) -> Result<Self, StoreError> {
                <$inner as Column>::read(value).map($type)
            }
        }

        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                value.0.into()
            }
        }
    )*};
}

newtypes!(i64: AgentSeq, AgentSessionSeq, AssistantSeq, ConversationSeq, KeySeq, MessageSeq, NotificationSeq, PassageSeq,
    ProjectSeq, Timestamp, VisitorSeq);
newtypes!(Uuid: AgentId, AgentSessionId, AssistantId, ConversationId, DocumentId, KeyId, MessageId, NoteId,
    NotificationId, ProjectId, QnaId, SavedReplyId, SessionId, SourceId, VisitorId);

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Integer(flag.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl<const MAX: usize> From<&Label<MAX>> for Value {
    fn from(label: &Label<MAX>) -> Self {
        label.as_str().into()
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Value::Blob(bytes)
    }
}

impl From<[u8; 32]> for Value {
    fn from(bytes: [u8; 32]) -> Self {
        Value::Blob(bytes.into())
    }
}

impl From<Uuid> for Value {
    /// UUIDs are stored as 16 bytes.
    fn from(id: Uuid) -> Self {
        Value::Blob(id.as_bytes().to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
            Value::Integers(_) => {
                let error = "SQLite has no arrays".into();
                return Err(rusqlite::Error::ToSqlConversionFailure(error));
            }
        }))
    }
}
