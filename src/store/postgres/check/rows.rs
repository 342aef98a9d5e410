//! Finds rows that contradict each other.

use super::{limited, statement};
use crate::domain::title_key;
use crate::store::check::Faults;
use crate::store::error::StoreError;
use crate::store::snapshot::Snapshot;

/// References without a foreign key: table, column, table that is referred to, and a condition.
const REFERENCES: [[&str; 4]; 5] = [
    // The messages of a deleted conversation are deleted in steps.
    [
        "message",
        "conversation_seq",
        "conversation",
        "conversation_seq NOT IN (SELECT seq FROM deleted_conversation)",
    ],
    ["conversation", "last_message_seq", "message", "TRUE"],
    ["answer_refusal", "message_seq", "message", "TRUE"],
    ["answer_refusal", "question_seq", "message", "TRUE"],
    ["notification", "conversation_seq", "conversation", "TRUE"],
];

/// The foreign keys, each of one column.
const FOREIGN_KEYS: &str = "\
    SELECT CAST(k.conrelid::regclass AS TEXT), CAST(a.attname AS TEXT), \
           CAST(k.confrelid::regclass AS TEXT) \
      FROM pg_constraint AS k JOIN pg_attribute AS a \
             ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] \
     WHERE k.contype = 'f' AND k.connamespace = CAST(current_schema() AS regnamespace) \
     ORDER BY 1, 2";

/// References to rows that do not exist. PostgreSQL checks foreign keys at every write, but
/// not while a program has turned off triggers, as some restores do.
pub fn missing_rows(snapshot: &Snapshot) -> Result<Faults, StoreError> {
    let always = "TRUE".to_owned();
    let mut references: Vec<[String; 4]> = snapshot.all(&statement(FOREIGN_KEYS), |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, always.clone()])
    })?;
    references.extend(REFERENCES.map(|reference| reference.map(str::to_owned)));
    let mut faults = Faults::new();
    for [table, column, target, condition] in references {
        let count = statement(&format!(
            "SELECT count(*) FROM {table} AS r \
              WHERE r.{column} IS NOT NULL AND {condition} \
                AND NOT EXISTS (SELECT 1 FROM {target} AS t WHERE t.seq = r.{column})"
        ));
        let count: u64 = snapshot.one(&count, |row| row.get(0))?;
        if count > 0 {
            faults.push(format!(
                "{count} rows of {table} refer to missing rows of {target} ({column})"
            ));
        }
    }
    Ok(limited(faults))
}

/// Conversations whose last message is not their newest one.
const WRONG_LAST_MESSAGES: &str = "\
    SELECT count(*) FROM conversation AS c \
     WHERE c.last_message_seq IS DISTINCT FROM \
           (SELECT max(m.seq) FROM message AS m WHERE m.conversation_seq = c.seq)";

const TITLES: &str = "SELECT title, title_key FROM conversation WHERE title IS NOT NULL";

/// Columns that order lists, and differ from what they are made of.
pub fn wrong_order(snapshot: &Snapshot) -> Result<Faults, StoreError> {
    let mut faults = Faults::new();
    let last: u64 = snapshot.one(&statement(WRONG_LAST_MESSAGES), |row| row.get(0))?;
    if last > 0 {
        faults.push(format!(
            "{last} conversations have another last message than their newest one"
        ));
    }
    let mut titles = 0;
    snapshot.for_each_in_parts(&statement(TITLES), |row| {
        let (title, key): (&str, &str) = (row.get(0)?, row.get(1)?);
        titles += u64::from(title_key(title) != key);
        Ok::<_, StoreError>(())
    })?;
    if titles > 0 {
        faults.push(format!(
            "{titles} conversations have a title_key that is not made of their title"
        ));
    }
    Ok(faults)
}

/// The columns whose numbers PostgreSQL chooses, with their sequences.
const IDENTITY_COLUMNS: &str = "\
    SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), \
           pg_get_serial_sequence(quote_ident(c.relname), a.attname) \
      FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid \
     WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind = 'r' \
       AND a.attidentity <> '' \
     ORDER BY 1";

/// Sequences whose next number is not above all numbers of their column.
pub fn late_sequences(snapshot: &Snapshot) -> Result<Faults, StoreError> {
    let columns: Vec<[String; 3]> = snapshot.all(&statement(IDENTITY_COLUMNS), |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?])
    })?;
    let mut faults = Faults::new();
    for [table, column, sequence] in columns {
        let numbers = statement(&format!(
            "SELECT (SELECT coalesce(max({column}), 0) FROM {table}), \
                    (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END \
                       FROM {sequence})"
        ));
        let (max, last): (i64, i64) =
            snapshot.one(&numbers, |row| Ok((row.get(0)?, row.get(1)?)))?;
        if max > last {
            faults.push(format!(
                "the next row of {table} gets a number that another row has; run in psql: \
                 SELECT setval('{sequence}', {max});"
            ));
        }
    }
    Ok(limited(faults))
}

/// Texts that are neither in the search index nor in the backlog: messages and titles.
const MISSING_TEXTS: &str = "\
    SELECT (SELECT count(*) FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq \
             WHERE m.status <> 'streaming' AND m.text <> '' \
               AND NOT EXISTS (SELECT 1 FROM search_text AS t WHERE t.seq = m.seq) \
               AND NOT EXISTS (SELECT 1 FROM search_backlog AS b WHERE b.seq = m.seq)) \
         + (SELECT count(*) FROM conversation AS c \
             WHERE c.title <> '' \
               AND NOT EXISTS (SELECT 1 FROM search_text AS t WHERE t.seq = -c.seq) \
               AND NOT EXISTS (SELECT 1 FROM search_backlog AS b WHERE b.seq = -c.seq))";

/// Entries of the search index whose text does not exist.
const STALE_TEXTS: &str = "\
    SELECT count(*) FROM search_text AS t \
     WHERE NOT EXISTS (SELECT 1 FROM message AS m WHERE m.seq = t.seq) \
       AND NOT EXISTS (SELECT 1 FROM conversation AS c WHERE c.seq = -t.seq) \
       AND NOT EXISTS (SELECT 1 FROM search_backlog AS b WHERE b.seq = t.seq)";

/// Texts that are missing in the search index, and texts that it should not have.
pub fn search_faults(snapshot: &Snapshot) -> Result<Faults, StoreError> {
    let mut faults = Faults::new();
    let missing: u64 = snapshot.one(&statement(MISSING_TEXTS), |row| row.get(0))?;
    if missing > 0 {
        faults.push(format!("{missing} texts cannot be found by a search"));
    }
    let stale: u64 = snapshot.one(&statement(STALE_TEXTS), |row| row.get(0))?;
    if stale > 0 {
        faults.push(format!(
            "the index has {stale} texts that were deleted or changed"
        ));
    }
    Ok(faults)
}
