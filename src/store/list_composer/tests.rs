//! Query plans of composed statements: which index they read, and whether they
//! sort.

mod pages;
mod postgres_plans;

use rusqlite::Connection;

use super::*;
use crate::domain::{
    ConversationId, Direction, Limit, ListFilter, Offset, ProjectSeq, Status, VisitorSeq,
};
use crate::store::open::open_in_memory;
use crate::store::sql::Value;
use crate::store::test_db::{DIRECTIONS, all_filters, all_sorts};

const PROJECT: Scope = Scope::Project(ProjectSeq(1));
const VISITOR: Scope = Scope::Visitor(VisitorSeq(1));
/// Matching rows in the list that the tests compose pages of.
const TOTAL: RowCounts = RowCounts {
    matching: 1000,
    skipped: 0,
};

/// Every combination of filter, sort and direction.
fn all_orders() -> impl Iterator<Item = ListQuery> {
    all_filters().into_iter().flat_map(|filter| {
        all_sorts().into_iter().flat_map(move |sort| {
            DIRECTIONS.into_iter().map(move |direction| ListQuery {
                filter,
                sort,
                direction,
                ..ListQuery::default()
            })
        })
    })
}

/// Every order with every kind of page: in the first half, in the second half,
/// and behind a key with a value or with NULL, with and without the key's row.
fn all_pages() -> impl Iterator<Item = (ListQuery, Option<Seek>)> {
    all_orders().flat_map(|query| {
        let second_half = ListQuery {
            offset: Offset::parse("900").expect("an offset"),
            ..query.clone()
        };
        let null = is_nullable(query.sort).then_some(SortValue::Null);
        let values = [Some(example_value(query.sort)), null];
        let seeks = values
            .into_iter()
            .flatten()
            .flat_map(|value| [false, true].map(|inclusive| Some(seek(value.clone(), inclusive))));
        let with_seek = seeks.map(|seek| (query.clone(), seek));
        let by_offset = [(query.clone(), None), (second_half, None)];
        by_offset.into_iter().chain(with_seek).collect::<Vec<_>>()
    })
}

fn seek(value: SortValue, inclusive: bool) -> Seek {
    let id = ConversationId::generate();
    Seek {
        key: SortKey { value, id },
        inclusive,
        skip: 0,
    }
}

fn is_nullable(sort: Sort) -> bool {
    matches!(sort, Sort::ClosedAt | Sort::Title)
}

fn example_value(sort: Sort) -> SortValue {
    match sort {
        Sort::Id => SortValue::Null,
        Sort::Status => SortValue::Text("open".into()),
        Sort::Title => SortValue::Text("straße".into()),
        _ => SortValue::Number(1),
    }
}

/// The lines of EXPLAIN QUERY PLAN. None if no row can be on the page.
fn query_plan(
    connection: &Connection,
    scope: Scope,
    query: &ListQuery,
    seek: Option<&Seek>,
) -> Vec<String> {
    let Some(page) = compose(Dialect::Sqlite, scope, query, TOTAL, seek) else {
        return Vec::new();
    };
    let sql = format!("EXPLAIN QUERY PLAN {}", page.statement.text);
    let mut statement = connection.prepare(&sql).expect("valid SQL");
    let values = rusqlite::params_from_iter(&page.statement.values);
    let lines = statement.query_map(values, |row| row.get("detail"));
    let lines = lines.expect("a plan").collect::<rusqlite::Result<_>>();
    lines.expect("lines of text")
}

fn sorts_rows(plan: &[String]) -> bool {
    plan.iter().any(|line| line.contains("TEMP B-TREE"))
}

/// Whether the page has no statement: no closed conversation has a NULL in
/// `closed_at`.
fn is_empty(query: &ListQuery, seek: Option<&Seek>) -> bool {
    let is_null = seek.is_some_and(|seek| seek.key.value == SortValue::Null);
    is_null && query.sort == Sort::ClosedAt && query.filter.status == Some(Status::Closed)
}

#[test]
fn every_page_of_a_project_is_read_from_covering_indexes_without_a_sort() {
    let connection = open_in_memory();
    for (query, seek) in all_pages() {
        let plan = query_plan(&connection, PROJECT, &query, seek.as_ref());
        let reads = plan.iter().filter(|line| line.contains("conversation"));
        for line in reads.clone() {
            assert!(
                line.starts_with("SEARCH conversation USING COVERING INDEX"),
                "{query:?}: {line}"
            );
        }
        let has_no_reads = reads.count() == 0;
        assert_eq!(has_no_reads, is_empty(&query, seek.as_ref()), "{query:?}");
        assert!(!sorts_rows(&plan), "{query:?}: {plan:?}");
    }
}

/// The number of ranges that are read from their beginning.
fn count_unbounded_ranges(plan: &[String]) -> usize {
    let bounds = [",id)>(", ",id)<(", " id>?", " id<?"];
    let is_unbounded = |line: &&String| {
        line.starts_with("SEARCH") && !bounds.iter().any(|bound| line.contains(bound))
    };
    plan.iter().filter(is_unbounded).count()
}

#[test]
fn a_page_behind_a_key_seeks_to_the_key_in_each_index_range() {
    let connection = open_in_memory();
    for (query, seek) in all_pages() {
        let Some(seek) = seek else { continue };
        let plan = query_plan(&connection, PROJECT, &query, Some(&seek));
        // All rows with NULL come after a key with a value.
        let ListFilter {
            status,
            is_human_handled,
        } = query.filter;
        let statuses = if status.is_none() { 2 } else { 1 };
        let null_ranges = match (query.sort, &seek.key.value) {
            (_, SortValue::Null) => 0,
            (Sort::Title, _) => statuses,
            (Sort::ClosedAt, _) if status != Some(Status::Closed) => 1,
            // All closed conversations come after a key of an open one, descending.
            (Sort::Status, _) if status.is_none() && is_human_handled.is_some() => {
                usize::from(query.direction == Direction::Descending)
            }
            _ => 0,
        };
        let unbounded = count_unbounded_ranges(&plan);
        assert_eq!(unbounded, null_ranges, "{query:?} {seek:?}: {plan:?}");
    }
}

#[test]
fn every_page_of_a_visitor_uses_the_visitors_index_and_the_default_order_is_not_sorted() {
    let connection = open_in_memory();
    for (query, seek) in all_pages() {
        let plan = query_plan(&connection, VISITOR, &query, seek.as_ref());
        let index = "INDEX conversation_by_visitor (visitor_seq=?";
        assert!(
            plan.iter().any(|line| line.contains(index)),
            "{query:?}: {plan:?}"
        );
        if query.sort == Sort::default() {
            assert!(!sorts_rows(&plan), "{query:?}: {plan:?}");
            if seek.is_some() {
                assert_eq!(count_unbounded_ranges(&plan), 0, "{query:?}: {plan:?}");
            }
        }
    }
}

#[test]
fn a_page_past_the_end_has_no_statement_and_one_in_the_second_half_is_reversed() {
    let at = |offset: &str, total| {
        let query = ListQuery {
            offset: Offset::parse(offset).expect("an offset"),
            ..ListQuery::default()
        };
        let counts = RowCounts {
            matching: total,
            skipped: 0,
        };
        compose(Dialect::Sqlite, PROJECT, &query, counts, None).map(|page| {
            let limit_offset = &page.statement.values[page.statement.values.len() - 2..];
            (limit_offset.to_vec(), page.is_reversed)
        })
    };
    let page = |limit: i64, offset: i64, is_reversed| {
        Some((vec![Value::from(limit), Value::from(offset)], is_reversed))
    };
    assert_eq!(at("0", 0), None);
    assert_eq!(at("5", 5), None);
    assert_eq!(at("9007199254740991", 5), None);
    assert_eq!(at("0", 5), page(5, 0, false));
    assert_eq!(at("3", 5), page(2, 0, true));
    assert_eq!(at("60", 100), page(10, 30, true));
}

#[test]
fn all_values_of_a_query_are_bound() {
    for (query, seek) in all_pages() {
        let scope = Scope::Project(ProjectSeq(424_242));
        let Some(page) = compose(Dialect::Sqlite, scope, &query, TOTAL, seek.as_ref()) else {
            continue;
        };
        let sql = &page.statement.text;
        assert!(sql.ends_with(" LIMIT ? OFFSET ?"));
        let flag = |value| format!("is_human_handled = {value}");
        let variable = sql.replace(&flag(0), "").replace(&flag(1), "");
        assert!(!variable.bytes().any(|byte| byte.is_ascii_digit()), "{sql}");
        assert_eq!(sql.matches('?').count(), page.statement.values.len());
    }
}
