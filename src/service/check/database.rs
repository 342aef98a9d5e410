//! Checks a database on a PostgreSQL server.

use super::{Finding, VERSION, version_finding};
use crate::store::backup::Monitor;
use crate::store::{CheckedDatabase, PostgresAddress, StoreError};

/// The remedy for rows that contradict each other.
const RESTORE: &str = "another program changed rows or turned off triggers; restore a copy of \
                       pg_dump, or import an export into a new database";

const TABLES: &str = "another program changed them, or a restore was not complete; undo the \
                      change, or restore a copy of pg_dump into a new database";

const SEARCH: &str = "run in psql: INSERT INTO search_backlog (seq) SELECT seq FROM message \
                      UNION SELECT -seq FROM conversation UNION SELECT seq FROM search_text; \
                      then a server indexes all texts again";

/// The number of texts that a server adds to the search index within some seconds.
const MAX_SEARCH_BACKLOG: u64 = 10_000;

/// The checks of rows, in order.
const CHECKS: [fn(&CheckedDatabase) -> Finding; 6] =
    [tables, references, counts, order, sequences, search];

/// Runs all checks. PostgreSQL itself finds damaged pages (checksums, pg_amcheck).
pub(super) fn check(address: &PostgresAddress, monitor: &Monitor, report: &mut dyn FnMut(Finding)) {
    let database = match CheckedDatabase::open(address) {
        Ok(database) => database,
        Err(error) => return report(Finding::fault("connection", error.to_string())),
    };
    let versions = match database.schema_versions() {
        Ok(Some(versions)) => versions,
        Ok(None) => {
            let text = "the database has no tables of parlor; `parlor serve` creates them";
            return report(Finding::fault(VERSION, text));
        }
        Err(error) => return report(Finding::fault(VERSION, error.to_string())),
    };
    let (found, current) = versions;
    if found > current {
        let text = format!(
            "the database was written by a newer parlor (schema {found}, this one knows \
             {current}); install that version or a later one"
        );
        return report(Finding::fault(VERSION, text));
    }
    report(version_finding(versions));
    for run in CHECKS {
        if monitor.is_cancelled() {
            return;
        }
        report(run(&database));
    }
}

fn tables(database: &CheckedDatabase) -> Finding {
    const NAME: &str = "tables";
    match database.tables() {
        Err(StoreError::Internal(error)) if error.contains("permission denied") => {
            let text = "not checked: the user may not create a schema, which the comparison \
                        needs; run the check as the owner of the database";
            Finding::warning(NAME, text)
        }
        faults => {
            let sound = "as this version of parlor creates them";
            Finding::of_faults(NAME, sound, faults, TABLES)
        }
    }
}

fn references(database: &CheckedDatabase) -> Finding {
    let faults = database.references();
    Finding::of_faults("references", "all rows exist", faults, RESTORE)
}

fn counts(database: &CheckedDatabase) -> Finding {
    let remedy = format!("lists show wrong totals: {RESTORE}");
    let faults = database.counts();
    Finding::of_faults("counts", "as many as there are rows", faults, &remedy)
}

fn order(database: &CheckedDatabase) -> Finding {
    let remedy = format!("lists have a wrong order: {RESTORE}");
    let sound = "lists have the order of their rows";
    Finding::of_faults("order", sound, database.order(), &remedy)
}

fn sequences(database: &CheckedDatabase) -> Finding {
    let remedy = "otherwise writes fail";
    let sound = "new rows get new numbers";
    Finding::of_faults("sequences", sound, database.sequences(), remedy)
}

fn search(database: &CheckedDatabase) -> Finding {
    const NAME: &str = "search";
    let backlog = match database.search_backlog() {
        Ok(backlog) => backlog,
        Err(error) => return Finding::fault(NAME, error.to_string()),
    };
    let sound = "the index has all texts";
    let finding = Finding::of_faults(NAME, sound, database.search_index(), SEARCH);
    if finding.severity == super::Severity::Sound && backlog > MAX_SEARCH_BACKLOG {
        let text = format!(
            "{backlog} changed texts are not in the index yet, so searches are slow and may \
             miss some; a running server adds them. Start one, or wait"
        );
        return Finding::warning(NAME, text);
    }
    finding
}
