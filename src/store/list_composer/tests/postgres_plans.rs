//! Query plans of the form for PostgreSQL, in a database with 100,000 conversations and in
//! an empty one: the plan of a statement is made once, perhaps while the table is small.

use super::*;
use crate::store::postgres::number_parameters;
use crate::store::postgres::test_database::TestDatabase;
use crate::store::test_db::project_with_visitor;
use crate::store::{Snapshot, Store, StoreError};

/// Inserts conversations with few equal sort values.
const INSERT_CONVERSATIONS: &str = "\
    ALTER TABLE conversation DISABLE TRIGGER USER; \
    INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, updated_at, \
        last_interaction_at, closed_at, is_human_handled, title, title_key, waiting_since, waiting_reason) \
    SELECT s, decode(md5(CAST(s AS TEXT)), 'hex'), 1, 1, CASE WHEN s % 3 = 0 THEN 'open' ELSE 'closed' END, \
           s, s * 7919 % 100003, s * 104729 % 100003, CASE WHEN s % 3 <> 0 THEN s * 611953 % 100003 END, \
           CASE WHEN s % 7 = 0 THEN 1 ELSE 0 END, title, title, \
           CASE WHEN s % 300 = 3 AND s % 7 <> 0 THEN s END, CASE WHEN s % 300 = 3 AND s % 7 <> 0 THEN 'requested' END \
      FROM (SELECT s, CASE WHEN s % 5 < 3 THEN md5('title ' || s / 2) END AS title \
              FROM generate_series(CAST(1 AS BIGINT), 100000) AS s) AS numbers; \
    ALTER TABLE conversation ENABLE TRIGGER USER";

/// The lines of the plan that is used for all values, with the rows that each step returned.
fn query_plan(snapshot: &Snapshot, statement: &Sql) -> Result<Vec<String>, StoreError> {
    let types: Vec<_> = statement.values.iter().map(type_name).collect();
    let values: Vec<_> = statement.values.iter().map(literal).collect();
    let (types, values) = (types.join(", "), values.join(", "));
    let text = number_parameters(&statement.text);
    let run = |text: String| snapshot.all(&Sql::composed(text, []), |row| row.get::<String>(0));
    run(format!("PREPARE page ({types}) AS {text}"))?;
    let plan = run(format!(
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE page ({values})"
    ))?;
    run("DEALLOCATE page".to_owned())?;
    Ok(plan
        .iter()
        .map(|line| {
            line.trim_start()
                .trim_start_matches("->")
                .trim_start()
                .to_owned()
        })
        .collect())
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "BIGINT",
        Value::Text(_) => "TEXT",
        Value::Blob(_) => "BYTEA",
        other => panic!("{other:?}"),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("'\\x{digits}'")
        }
        other => panic!("{other:?}"),
    }
}

/// The step of a line, without what the step returned. None for its properties.
fn step(line: &str) -> Option<&str> {
    line.split_once(" (actual").map(|(step, _)| step)
}

fn assert_reads_indexes_in_order(plan: &[String], context: &str) {
    for step in plan.iter().filter_map(|line| step(line)) {
        let is_index_only = step.starts_with("Index Only Scan");
        let reads_table = step.contains(" on conversation");
        let sorts = step == "Sort" || step == "Incremental Sort";
        assert!(
            !sorts && reads_table == is_index_only,
            "{context}: {step} in {plan:#?}"
        );
    }
}

/// The rows that the scans of a plan returned.
fn rows_read(plan: &[String]) -> u64 {
    let scans = plan
        .iter()
        .filter(|line| line.starts_with("Index Only Scan"));
    let rows = scans.filter_map(|line| {
        let rows = line.split_once("rows=")?.1;
        rows.split_once(' ')?.0.parse::<u64>().ok()
    });
    rows.sum()
}

fn for_each_store(check: impl Fn(&Store, &str)) {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    check(&database.store(), "empty");
    let store = database.store();
    store
        .write_blocking(project_with_visitor())
        .expect("a project");
    database.execute(INSERT_CONVERSATIONS);
    check(&store, "without statistics");
    database.execute("VACUUM ANALYZE conversation");
    check(&store, "with statistics");
}

/// Calls `each` with the pages and their plans.
fn for_each_plan(
    store: &Store,
    compose: impl Fn(&ListQuery, Option<&Seek>) -> Option<ComposedPage>,
    mut each: impl FnMut(&ListQuery, Option<&Seek>, Vec<String>),
) {
    let plans = |snapshot: &Snapshot| {
        snapshot.avoid_sorts();
        for (query, seek) in all_pages() {
            let Some(page) = compose(&query, seek.as_ref()) else {
                continue;
            };
            let plan = query_plan(snapshot, &page.statement)?;
            each(&query, seek.as_ref(), plan);
        }
        Ok::<_, StoreError>(())
    };
    store.read_blocking(plans).expect("plans");
}

#[test]
fn every_page_of_a_project_on_postgres_reads_only_indexes_without_a_sort() {
    for_each_store(|store, name| {
        let compose = |query: &ListQuery, seek: Option<&Seek>| {
            compose(Dialect::Postgres, PROJECT, query, TOTAL, seek)
        };
        for_each_plan(store, compose, |query, seek, plan| {
            let context = format!("{name}: {query:?} {seek:?}");
            assert_reads_indexes_in_order(&plan, &context);
            let has_filter = plan.iter().any(|line| line.starts_with("Filter"));
            assert!(!has_filter, "{context}: {plan:#?}");
            // Each of up to four ranges returns one row more than it contributes.
            let max_rows = if seek.is_none() && query.offset.get() > 0 {
                100
            } else {
                10
            };
            assert!(rows_read(&plan) <= max_rows + 3, "{context}: {plan:#?}");
        });
    });
}

#[test]
fn every_page_of_conversations_that_do_not_wait_on_postgres_reads_only_indexes_without_a_sort() {
    for_each_store(|store, name| {
        let compose = |query: &ListQuery, seek: Option<&Seek>| {
            compose_not_waiting(Dialect::Postgres, ProjectSeq(1), query, TOTAL, seek)
        };
        for_each_plan(store, compose, |query, seek, plan| {
            // The conversations that wait are few, in whatever order they are read.
            if name != "without statistics" {
                assert_reads_indexes_in_order(&plan, &format!("{name}: {query:?} {seek:?}"));
            }
        });
    });
}

#[test]
fn the_default_order_of_a_visitor_on_postgres_is_not_sorted() {
    for_each_store(|store, name| {
        let compose = |query: &ListQuery, seek: Option<&Seek>| {
            (query.sort == Sort::default())
                .then(|| compose(Dialect::Postgres, VISITOR, query, TOTAL, seek))?
        };
        for_each_plan(store, compose, |query, seek, plan| {
            assert_reads_indexes_in_order(&plan, &format!("{name}: {query:?} {seek:?}"));
        });
    });
}
