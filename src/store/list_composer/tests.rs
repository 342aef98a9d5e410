mod pages;

use rusqlite::Connection;

use super::*;
use crate::domain::{ConversationId, Limit, Offset, ProjectSeq, Status, VisitorSeq};
use crate::store::open::in_memory;
use crate::store::test_db::{DIRECTIONS, SORTS, STATUSES};

/// Every filter, sort and direction.
fn orders() -> impl Iterator<Item = ListQuery> {
    STATUSES.into_iter().flat_map(|status| {
        SORTS.into_iter().flat_map(move |sort| {
            DIRECTIONS.into_iter().map(move |direction| ListQuery {
                status,
                sort,
                direction,
                ..ListQuery::default()
            })
        })
    })
}

/// Every order with every way to begin: in the front half, in the back half,
/// at a place and after it, with a field and without one.
fn beginnings() -> impl Iterator<Item = (ListQuery, Option<Seek>)> {
    orders().flat_map(|query| {
        let back = ListQuery {
            offset: Offset::parse("900").expect("an offset"),
            ..query.clone()
        };
        let nothing = has_nulls(query.sort).then_some(SortValue::Null);
        let fields = [Some(some_field(query.sort)), nothing]
            .into_iter()
            .flatten();
        let seeks = fields.flat_map(|field| [false, true].map(|at| seek(field.clone(), at)));
        let sought = seeks.map(|seek| (query.clone(), Some(seek)));
        let counted = [(query.clone(), None), (back, None)];
        counted.into_iter().chain(sought).collect::<Vec<_>>()
    })
}

fn seek(field: SortValue, inclusive: bool) -> Seek {
    let id = ConversationId::generate();
    Seek {
        place: SortKey { value: field, id },
        inclusive,
        skip: 0,
    }
}

fn has_nulls(sort: Sort) -> bool {
    matches!(sort, Sort::ClosedAt | Sort::Title)
}

fn some_field(sort: Sort) -> SortValue {
    match sort {
        Sort::Id => SortValue::Null,
        Sort::Status => SortValue::Text("open".into()),
        Sort::Title => SortValue::Text("straße".into()),
        _ => SortValue::Number(1),
    }
}

fn plan(
    connection: &Connection,
    scope: Scope,
    query: &ListQuery,
    seek: Option<&Seek>,
) -> Vec<String> {
    let Some(page) = compose(scope, query, 1000, seek) else {
        return Vec::new();
    };
    let sql = format!("EXPLAIN QUERY PLAN {}", page.statement.sql);
    let mut statement = connection.prepare(&sql).expect("sql");
    let values = rusqlite::params_from_iter(&page.statement.values);
    let lines = statement.query_map(values, |row| row.get("detail"));
    lines
        .expect("a plan")
        .collect::<rusqlite::Result<_>>()
        .expect("lines")
}

/// No closed conversation lacks its `closedAt`, so this is no statement at all.
fn is_empty(query: &ListQuery, seek: Option<&Seek>) -> bool {
    let nothing = seek.is_some_and(|seek| seek.place.value == SortValue::Null);
    nothing && query.sort == Sort::ClosedAt && query.status == Some(Status::Closed)
}

#[test]
fn every_order_of_a_project_comes_from_an_index_alone_and_is_never_sorted() {
    let connection = in_memory();
    for (query, seek) in beginnings() {
        let plan = plan(
            &connection,
            Scope::Project(ProjectSeq(1)),
            &query,
            seek.as_ref(),
        );
        let reads = plan.iter().filter(|line| line.contains("conversation"));
        for line in reads.clone() {
            assert!(
                line.starts_with("SEARCH conversation USING COVERING INDEX"),
                "{query:?}: {line}"
            );
        }
        let empty = reads.count() == 0;
        assert_eq!(empty, is_empty(&query, seek.as_ref()), "{query:?}");
        assert!(
            !plan.iter().any(|line| line.contains("TEMP B-TREE")),
            "{query:?}: {plan:?}"
        );
    }
}

/// The ranges that are read whole, though the page begins at a place.
fn unbounded(plan: &[String]) -> usize {
    let reads = plan.iter().filter(|line| line.starts_with("SEARCH"));
    let bounds = [",id)>(", ",id)<(", " id>?", " id<?"];
    let whole = |line: &&String| !bounds.iter().any(|bound| line.contains(bound));
    reads.filter(whole).count()
}

#[test]
fn a_page_that_begins_at_a_place_enters_each_range_there() {
    let connection = in_memory();
    for (query, seek) in beginnings() {
        let Some(seek) = seek else { continue };
        let project = Scope::Project(ProjectSeq(1));
        let plan = plan(&connection, project, &query, Some(&seek));
        // Rows without a field follow as a whole on those with one.
        let statuses = if query.status.is_none() { 2 } else { 1 };
        let whole = match (query.sort, &seek.place.value) {
            (_, SortValue::Null) => 0,
            (Sort::Title, _) => statuses,
            (Sort::ClosedAt, _) if query.status != Some(Status::Closed) => 1,
            _ => 0,
        };
        assert_eq!(unbounded(&plan), whole, "{query:?} {seek:?}: {plan:?}");
    }
}

#[test]
fn every_list_of_a_visitor_comes_from_the_visitors_index_and_the_usual_order_is_not_sorted() {
    let connection = in_memory();
    for (query, seek) in beginnings() {
        let visitor = Scope::Visitor(VisitorSeq(1));
        let plan = plan(&connection, visitor, &query, seek.as_ref());
        assert!(
            plan.iter()
                .any(|line| line.contains("INDEX conversation_by_visitor (visitor_seq=?")),
            "{query:?}: {plan:?}"
        );
        let sorted = plan.iter().any(|line| line.contains("TEMP B-TREE"));
        let usual = query.sort == Sort::LastInteractionAt;
        assert!(!(usual && sorted), "{query:?}: {plan:?}");
        if usual && seek.is_some() {
            assert_eq!(unbounded(&plan), 0, "{query:?}: {plan:?}");
        }
    }
}

#[test]
fn a_page_past_the_end_is_no_statement_and_the_last_one_is_walked_from_its_end() {
    let scope = Scope::Project(ProjectSeq(1));
    let at = |offset: &str, total| {
        let offset = Offset::parse(offset).expect("an offset");
        let query = ListQuery {
            offset,
            ..ListQuery::default()
        };
        compose(scope, &query, total, None).map(|page| {
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
    for (query, seek) in beginnings() {
        let project = Scope::Project(ProjectSeq(424_242));
        let Some(page) = compose(project, &query, 1000, seek.as_ref()) else {
            continue;
        };
        assert!(page.statement.sql.ends_with(" LIMIT ? OFFSET ?"));
        let digits = page.statement.sql.bytes().any(|byte| byte.is_ascii_digit());
        assert!(!digits, "{}", page.statement.sql);
        let places = page.statement.sql.matches('?').count();
        assert_eq!(places, page.statement.values.len());
    }
}
