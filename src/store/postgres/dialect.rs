//! Turns the text of a statement into the form of PostgreSQL.

use crate::store::sql::{Sql, Value};
use tokio_postgres::types::Type;

/// Numbers the parameters as PostgreSQL does: `?` and `?2` become `$1` and `$2`. A `?`
/// without a number is the parameter after the highest so far, as in SQLite.
pub(in crate::store) fn number_parameters(text: &str) -> String {
    let mut numbered = String::with_capacity(text.len() + 16);
    let mut highest = 0_usize;
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\'' {
            is_quoted = !is_quoted;
        }
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
        numbered.push('$');
        numbered.push_str(&number.to_string());
    }
    numbered
}

/// The text of a statement for PostgreSQL.
pub(super) fn text(sql: &Sql) -> String {
    number_parameters(sql.postgres_text())
}

/// The types of the parameters. PostgreSQL infers the type of a null.
pub(super) fn parameter_types(values: &[Value]) -> Vec<Type> {
    values.iter().map(parameter_type).collect()
}

fn parameter_type(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Integer(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Blob(_) => Type::BYTEA,
        Value::Integers(_) => Type::INT8_ARRAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_outside_of_literals() {
        let cases = [
            ("SELECT ?, ?", "SELECT $1, $2"),
            ("SELECT ?2, ?1, ?", "SELECT $2, $1, $3"),
            ("SELECT '?', 'it''s ?', ?", "SELECT '?', 'it''s ?', $1"),
            ("SELECT ?12 + 1", "SELECT $12 + 1"),
        ];
        for (text, expected) in cases {
            assert_eq!(number_parameters(text), expected);
        }
    }
}
