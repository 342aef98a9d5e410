//! The texts of statements.
//!
//! A store is a SQLite file or a PostgreSQL database. Most texts are the same for both.
//! The macro `sql!` makes a text of a constant expression. In unit tests, it also
//! registers the text, so that a test prepares each one on both databases.

/// The text of a statement for each database that has the statement. Only the macro `sql!`
/// makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementText {
    sqlite: Option<&'static str>,
    postgres: Option<&'static str>,
}

impl StatementText {
    /// Use `sql!`, which also registers the text.
    pub(super) const fn new(sqlite: Option<&'static str>, postgres: Option<&'static str>) -> Self {
        Self { sqlite, postgres }
    }

    /// The text for SQLite. SQLite rejects it if the statement belongs to the plumbing of
    /// PostgreSQL.
    pub(super) const fn sqlite(self) -> &'static str {
        match (self.sqlite, self.postgres) {
            (Some(text), _) | (None, Some(text)) => text,
            (None, None) => "",
        }
    }

    /// None: the statement belongs to the plumbing of SQLite.
    pub(super) const fn postgres(self) -> Option<&'static str> {
        self.postgres
    }
}

/// A [`StatementText`]: one text for both databases, one for each, or one for the database
/// that alone has the statement.
macro_rules! sql {
    (sqlite: $sqlite:expr, postgres: $postgres:expr $(,)?) => {
        sql!(@ Some($sqlite), Some($postgres))
    };
    (sqlite: $sqlite:expr $(,)?) => {
        sql!(@ Some($sqlite), None)
    };
    (postgres: $postgres:expr $(,)?) => {
        sql!(@ None, Some($postgres))
    };
    ($text:expr $(,)?) => {
        sql!(@ Some($text), Some($text))
    };
    (@ $sqlite:expr, $postgres:expr) => {{
        #[cfg(test)]
        inventory::submit! {
            $crate::store::statement_text::tests::Registered {
                text: $crate::store::statement_text::StatementText::new($sqlite, $postgres),
                file: file!(),
                line: line!(),
            }
        }
        $crate::store::statement_text::StatementText::new($sqlite, $postgres)
    }};
}

#[cfg(test)]
pub mod tests {
    use rusqlite::Connection;
    use tokio_postgres::types::Type;
    use tokio_postgres::{Client, Error, NoTls, Statement};

    use super::StatementText;
    use crate::store::postgres::number_parameters;

    /// A text and where it is written.
    pub struct Registered {
        pub text: StatementText,
        pub file: &'static str,
        pub line: u32,
    }

    inventory::collect!(Registered);

    /// What is wrong with a text.
    fn fault(registered: &Registered, text: &str, reason: impl std::fmt::Display) -> String {
        let Registered { file, line, .. } = registered;
        format!("{file}:{line}: {reason}: {text}")
    }

    #[test]
    fn every_text_prepares_on_sqlite() {
        let connection = Connection::open_in_memory().expect("a database");
        let schema = include_str!("../../schema.sql");
        connection.execute_batch(schema).expect("the schema");
        let texts: Vec<_> = inventory::iter::<Registered>.into_iter().collect();
        assert!(texts.len() > 300, "{} texts are registered", texts.len());
        let faults = texts.into_iter().filter_map(|registered| {
            let text = registered.text.sqlite?;
            let error = connection.prepare(text).err()?;
            Some(fault(registered, text, error))
        });
        assert_eq!(faults.collect::<Vec<_>>(), Vec::<String>::new());
    }

    /// Needs the address of a PostgreSQL server in `PARLOR_TEST_STORE`.
    #[tokio::test]
    async fn every_text_prepares_on_postgres() {
        let Ok(url) = std::env::var("PARLOR_TEST_STORE") else {
            return;
        };
        let client = connect_with_schema(&url).await.expect("the schema");
        let mut faults = Vec::new();
        for registered in inventory::iter::<Registered> {
            let Some(text) = registered.text.postgres() else {
                continue;
            };
            let numbered = number_parameters(text);
            let statement = prepare(&client, &numbered).await;
            let reason = match statement {
                Ok(statement) => unexpected_type(&statement),
                Err(error) => Some(
                    error
                        .as_db_error()
                        .map_or(error.to_string(), |error| error.message().to_owned()),
                ),
            };
            faults.extend(reason.map(|reason| fault(registered, text, reason)));
        }
        assert_eq!(faults, Vec::<String>::new());
    }

    /// A connection in a transaction that has created the tables, and is never committed.
    async fn connect_with_schema(url: &str) -> Result<Client, Error> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let begin = "BEGIN; CREATE SCHEMA prepare_test; SET LOCAL search_path = prepare_test";
        client.batch_execute(begin).await?;
        let schema = include_str!("../../migrations/postgres/0001_schema.sql");
        client.batch_execute(schema).await?;
        Ok(client)
    }

    /// Prepares a text for nulls, so that PostgreSQL infers the types of all parameters.
    async fn prepare(client: &Client, text: &str) -> Result<Statement, Error> {
        client.batch_execute("SAVEPOINT text").await?;
        let statement = client.prepare(text).await;
        client.batch_execute("ROLLBACK TO text").await?;
        statement
    }

    /// A parameter or column whose type no value of the store has.
    fn unexpected_type(statement: &Statement) -> Option<String> {
        // A number is sent as INT8 even where PostgreSQL infers INT4.
        let values = [
            Type::INT8,
            Type::INT4,
            Type::TEXT,
            Type::BYTEA,
            Type::INT8_ARRAY,
        ];
        let parameters = statement.params().iter();
        let columns = statement.columns().iter().map(|column| column.type_());
        let mut types = parameters.chain(columns);
        let unexpected = types.find(|of| !values.contains(of));
        unexpected.map(|of| format!("a parameter or column has the type {of}"))
    }
}
