//! The texts of statements.
//!
//! A store is a SQLite file or a PostgreSQL database. Most texts are the same for both.
//! The macro `sql!` makes a text of a constant expression. In unit tests, it also
//! registers the text, so that a test prepares each one on both databases.

/// The text of a statement for each database. Only the macro `sql!` makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementText {
    sqlite: &'static str,
    postgres: Option<&'static str>,
}

impl StatementText {
    /// Use `sql!`, which also registers the text.
    pub(super) const fn new(sqlite: &'static str, postgres: Option<&'static str>) -> Self {
        Self { sqlite, postgres }
    }

    pub(super) const fn sqlite(self) -> &'static str {
        self.sqlite
    }

    /// None: the statement belongs to the plumbing of SQLite.
    pub(super) const fn postgres(self) -> Option<&'static str> {
        self.postgres
    }
}

/// A [`StatementText`]: one text for both databases, or one for each. Statements that only
/// a SQLite file needs have no other text.
macro_rules! sql {
    (sqlite: $sqlite:expr, postgres: $postgres:expr $(,)?) => {
        sql!(@ $sqlite, Some($postgres))
    };
    (sqlite: $sqlite:expr $(,)?) => {
        sql!(@ $sqlite, None)
    };
    ($text:expr $(,)?) => {
        sql!(@ $text, Some($text))
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

    use super::StatementText;

    /// A text and where it is written.
    pub struct Registered {
        pub text: StatementText,
        pub file: &'static str,
        pub line: u32,
    }

    inventory::collect!(Registered);

    #[test]
    fn every_text_prepares_on_sqlite() {
        let connection = Connection::open_in_memory().expect("a database");
        let schema = include_str!("../../schema.sql");
        connection.execute_batch(schema).expect("the schema");
        let mut count = 0;
        for Registered { text, file, line } in inventory::iter::<Registered> {
            if let Err(error) = connection.prepare(text.sqlite()) {
                panic!("{file}:{line}: {error}: {}", text.sqlite());
            }
            count += 1;
        }
        assert!(count > 300, "{count} texts are registered");
    }
}
