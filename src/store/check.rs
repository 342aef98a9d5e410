//! Compares a database file with what parlor expects: pages, references, counts,
//! tables.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use rusqlite_migration::Migrations;

use super::backup::{Monitor, foreign_key_faults, integrity_faults};
use super::open::{MIGRATIONS, OpenError, SCHEMA, SCHEMA_VERSION, open_read_only};

/// The number of faults that one check reports.
pub(super) const MAX_FAULTS: usize = 10;

/// The faults of one check, in words. Empty if there are none.
pub type Faults = Vec<String>;

/// A file that is being checked. It is read only, and a server may use it meanwhile.
pub struct CheckedFile<'a> {
    connection: Connection,
    path: &'a Path,
}

impl<'a> CheckedFile<'a> {
    /// # Errors
    /// The file cannot be read, is of another program, or of a newer version.
    pub fn open(path: &'a Path) -> Result<Self, OpenError> {
        let connection = open_read_only(path)?;
        Ok(Self { connection, path })
    }

    /// The version of the tables of the file, and of this program.
    pub fn schema_versions(&self) -> Result<(i64, i64), OpenError> {
        Ok((self.run(schema_version)?, SCHEMA_VERSION))
    }

    /// Pages, rows and indexes that SQLite cannot read or that contradict each other.
    pub fn integrity(&self, monitor: &Monitor) -> Result<Faults, OpenError> {
        self.run(|connection| {
            monitor.interruptible(connection, || integrity_faults(connection, MAX_FAULTS))
        })
    }

    /// References to rows that do not exist.
    pub fn references(&self, monitor: &Monitor) -> Result<Faults, OpenError> {
        self.run(|connection| {
            monitor.interruptible(connection, || foreign_key_faults(connection, MAX_FAULTS))
        })
    }

    /// Stored counts of conversations that differ from the rows.
    pub fn counts(&self, monitor: &Monitor) -> Result<Faults, OpenError> {
        self.run(|connection| monitor.interruptible(connection, || all_wrong_counts(connection)))
    }

    /// Tables, indexes and triggers that differ from those of the file's version.
    pub fn schema(&self) -> Result<Faults, OpenError> {
        self.run(changed_objects)
    }

    fn run<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, OpenError> {
        read(&self.connection).map_err(|error| OpenError::from_sqlite(self.path, &error))
    }
}

/// The faults of a file with complete rows: wrong counts, and other tables, indexes or
/// triggers than those of its version.
pub(super) fn content_faults(connection: &Connection) -> rusqlite::Result<Faults> {
    let mut faults = all_wrong_counts(connection)?;
    faults.extend(changed_objects(connection)?);
    Ok(faults)
}

fn all_wrong_counts(connection: &Connection) -> rusqlite::Result<Faults> {
    let mut faults = wrong_counts(connection, "project")?;
    faults.extend(wrong_counts(connection, "visitor")?);
    Ok(faults)
}

fn changed_objects(connection: &Connection) -> rusqlite::Result<Faults> {
    let version = schema_version(connection)?;
    Ok(differences(
        &objects(connection)?,
        &expected_objects(version)?,
    ))
}

fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// A stored count of conversations.
pub(super) struct StoredCount {
    pub column: &'static str,
    name: &'static str,
    /// The condition of the rows that it counts.
    condition: &'static str,
}

pub(super) const STORED_COUNTS: [StoredCount; 5] = [
    StoredCount {
        column: "open_conversations",
        name: "open",
        condition: "status = 'open'",
    },
    StoredCount {
        column: "closed_conversations",
        name: "closed",
        condition: "status = 'closed'",
    },
    StoredCount {
        column: "open_human_handled",
        name: "open and handled by an agent",
        condition: "status = 'open' AND is_human_handled = 1",
    },
    StoredCount {
        column: "closed_human_handled",
        name: "closed and handled by an agent",
        condition: "status = 'closed' AND is_human_handled = 1",
    },
    StoredCount {
        column: "waiting_conversations",
        name: "waiting for an agent",
        condition: "waiting_since IS NOT NULL",
    },
];

/// Compares the stored counts of `table`, project or visitor, with the rows. A file of
/// an earlier version has some of the counts.
fn wrong_counts(connection: &Connection, table: &str) -> rusqlite::Result<Faults> {
    let mut faults = Vec::new();
    for count in STORED_COUNTS {
        if connection.column_exists(None, table, count.column)? {
            faults.extend(wrong_count(connection, table, &count)?);
        }
    }
    Ok(faults)
}

impl StoredCount {
    /// Finds the rows of `table`, project or visitor, whose count is wrong: seq, the count,
    /// and the number of rows.
    pub fn find_wrong(&self, table: &str) -> String {
        let Self {
            column, condition, ..
        } = self;
        format!(
            "SELECT t.seq, t.{column}, coalesce(c.total, 0) \
               FROM {table} AS t LEFT JOIN ( \
                    SELECT {table}_seq AS owner, count(*) AS total \
                      FROM conversation WHERE {condition} GROUP BY 1) AS c ON c.owner = t.seq \
              WHERE t.{column} <> coalesce(c.total, 0) \
              LIMIT {MAX_FAULTS}"
        )
    }

    /// The fault that a row of [`Self::find_wrong`] shows.
    pub fn fault(&self, table: &str, [seq, count, rows]: [i64; 3]) -> String {
        let name = self.name;
        format!(
            "{table} {seq} has the count {count} of conversations that are {name}, but there are \
             {rows}"
        )
    }
}

fn wrong_count(
    connection: &Connection,
    table: &str,
    count: &StoredCount,
) -> rusqlite::Result<Faults> {
    let mut statement = connection.prepare(&count.find_wrong(table))?;
    let rows = statement.query_map([], |row| {
        let row = [row.get(0)?, row.get(1)?, row.get(2)?];
        Ok(count.fault(table, row))
    })?;
    rows.collect()
}

/// Kind and name of each table, index, trigger and so on, with its definition.
pub(super) type Objects = BTreeMap<String, String>;

/// The tables, indexes and triggers of a file, each with its SQL without comments, quotes
/// and differences in white space.
pub fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    let mut statement = connection.prepare(
        "SELECT type || ' ' || name, ifnull(sql, '') FROM sqlite_schema \
          WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\'",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let normalize = |(name, sql): (String, String)| (name, normalized(&sql));
    rows.map(|row| row.map(normalize)).collect()
}

/// What a file of this version has.
fn expected_objects(version: i64) -> rusqlite::Result<Objects> {
    let mut connection = Connection::open_in_memory()?;
    if version == SCHEMA_VERSION {
        connection.execute_batch(SCHEMA)?;
    } else {
        let migrated = Migrations::from_slice(MIGRATIONS)
            .to_version(&mut connection, usize::try_from(version).unwrap_or(0));
        migrated.map_err(|error| match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => err,
            _ => rusqlite::Error::InvalidQuery,
        })?;
    }
    objects(&connection)
}

/// SQL without comments, quotes and differences in white space.
fn normalized(sql: &str) -> String {
    let code = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    let text = code.collect::<Vec<_>>().join(" ").replace('"', "");
    let mut spaced = String::with_capacity(2 * text.len());
    for character in text.chars() {
        if "(),;=".contains(character) {
            spaced.extend([' ', character, ' ']);
        } else {
            spaced.push(character);
        }
    }
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is missing, was changed, or is not of parlor.
pub(super) fn differences(found: &Objects, expected: &Objects) -> Faults {
    let missing = expected
        .keys()
        .filter(|name| !found.contains_key(*name))
        .map(|name| format!("{name} is missing"));
    let other = found
        .iter()
        .filter_map(|(name, sql)| match expected.get(name) {
            None => Some(format!("{name} is not of parlor")),
            Some(expected) if expected != sql => Some(format!("{name} was changed")),
            Some(_) => None,
        });
    missing.chain(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_file_and_migrated_file_have_the_same_objects() {
        let current = expected_objects(SCHEMA_VERSION).expect("the schema");
        let mut migrated = Connection::open_in_memory().expect("memory");
        let latest = Migrations::from_slice(MIGRATIONS).to_latest(&mut migrated);
        latest.expect("the migrations");
        let migrated = objects(&migrated).expect("its objects");
        assert_eq!(differences(&migrated, &current), [""; 0]);
        assert!(current.len() > 30);
    }
}
