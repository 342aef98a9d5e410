use rusqlite::Connection;

use super::*;
use crate::domain::{Limit, Offset, ProjectSeq, VisitorSeq};

const SORTS: [Sort; 8] = [
    Sort::Id,
    Sort::CreatedAt,
    Sort::UpdatedAt,
    Sort::LastInteractionAt,
    Sort::Status,
    Sort::ClosedAt,
    Sort::IsHumanHandled,
    Sort::Title,
];

/// Every filter, sort and direction, in the front and in the back half.
fn queries() -> impl Iterator<Item = PageQuery> {
    let statuses = [None, Some(Status::Open), Some(Status::Closed)];
    let directions = [Direction::Ascending, Direction::Descending];
    let offsets = ["0", "900"].map(|text| Offset::parse(text).expect("an offset"));
    statuses.into_iter().flat_map(move |status| {
        SORTS.into_iter().flat_map(move |sort| {
            directions.into_iter().flat_map(move |direction| {
                offsets.into_iter().map(move |offset| PageQuery {
                    status,
                    sort,
                    direction,
                    limit: Limit::default(),
                    offset,
                })
            })
        })
    })
}

fn plan(connection: &Connection, scope: Scope, query: &PageQuery) -> Vec<String> {
    let page = compose(scope, query, 1000).expect("a page");
    let sql = format!("EXPLAIN QUERY PLAN {}", page.statement.sql);
    let mut statement = connection.prepare(&sql).expect("sql");
    let values = rusqlite::params_from_iter(&page.statement.values);
    let lines = statement.query_map(values, |row| row.get("detail"));
    lines
        .expect("a plan")
        .collect::<rusqlite::Result<_>>()
        .expect("lines")
}

fn tables() -> Connection {
    let connection = Connection::open_in_memory().expect("memory");
    connection
        .execute_batch(include_str!("../../../schema.sql"))
        .expect("the schema");
    connection
}

#[test]
fn every_order_of_a_project_comes_from_an_index_alone_and_is_never_sorted() {
    let connection = tables();
    for query in queries() {
        let plan = plan(&connection, Scope::Project(ProjectSeq(1)), &query);
        let reads: Vec<_> = plan
            .iter()
            .filter(|line| line.contains("conversation"))
            .collect();
        assert!(!reads.is_empty(), "{query:?}: {plan:?}");
        for line in reads {
            assert!(
                line.starts_with("SEARCH conversation USING COVERING INDEX"),
                "{query:?}: {line}"
            );
        }
        assert!(
            !plan.iter().any(|line| line.contains("TEMP B-TREE")),
            "{query:?}: {plan:?}"
        );
    }
}

#[test]
fn every_list_of_a_visitor_comes_from_the_visitors_index_and_the_usual_order_is_not_sorted() {
    let connection = tables();
    for query in queries() {
        let plan = plan(&connection, Scope::Visitor(VisitorSeq(1)), &query);
        assert!(
            plan.iter()
                .any(|line| line.contains("INDEX conversation_by_visitor (visitor_seq=?")),
            "{query:?}: {plan:?}"
        );
        let sorted = plan.iter().any(|line| line.contains("TEMP B-TREE"));
        let usual = query.sort == Sort::LastInteractionAt;
        assert!(!(usual && sorted), "{query:?}: {plan:?}");
    }
}

#[test]
fn a_page_past_the_end_is_no_statement_and_the_last_one_is_walked_from_its_end() {
    let scope = Scope::Project(ProjectSeq(1));
    let at = |offset: &str, total| {
        let offset = Offset::parse(offset).expect("an offset");
        let query = PageQuery {
            offset,
            ..PageQuery::default()
        };
        compose(scope, &query, total).map(|page| {
            let window = &page.statement.values[page.statement.values.len() - 2..];
            (window.to_vec(), page.reversed)
        })
    };
    assert_eq!(at("0", 0), None);
    assert_eq!(at("5", 5), None);
    assert_eq!(at("9007199254740991", 5), None);
    assert_eq!(at("0", 5), Some((vec![value(5_i64), value(0_i64)], false)));
    assert_eq!(at("3", 5), Some((vec![value(2_i64), value(0_i64)], true)));
    assert_eq!(
        at("60", 100),
        Some((vec![value(10_i64), value(30_i64)], true))
    );
}

#[test]
fn nothing_of_a_query_stands_in_the_text() {
    for query in queries() {
        let page = compose(Scope::Project(ProjectSeq(424_242)), &query, 1000).expect("a page");
        assert!(page.statement.sql.ends_with(" LIMIT ? OFFSET ?"));
        let digits = page.statement.sql.bytes().any(|byte| byte.is_ascii_digit());
        assert!(!digits, "{}", page.statement.sql);
        let places = page.statement.sql.matches('?').count();
        assert_eq!(places, page.statement.values.len());
    }
}
