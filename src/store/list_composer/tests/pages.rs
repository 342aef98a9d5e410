//! Compares composed pages of random rows with a sort of all rows.

use std::cmp::Ordering;

use fastrand::Rng;
use rusqlite::params;
use uuid::Uuid;

use super::*;
use crate::domain::{Direction, title_key};

const PROJECTS: i64 = 2;
const VISITORS: i64 = 5;
const TITLES: [&str; 6] = ["", "apple", "Äpfel", "STRASSE", "straße", "日本語"];

/// The sort columns of a conversation.
#[derive(Debug, Clone)]
struct TestRow {
    id: Uuid,
    project: i64,
    visitor: i64,
    created_at: i64,
    updated_at: i64,
    last_interaction_at: i64,
    closed_at: Option<i64>,
    is_human_handled: bool,
    title: Option<&'static str>,
}

/// A row whose columns have few different values, so that many rows are equal.
/// All times are even, so that a key can lie between two rows.
fn random_row(random: &mut Rng) -> TestRow {
    let visitor = random.i64(1..=VISITORS);
    let time = |random: &mut Rng| 2 * random.i64(0..4);
    TestRow {
        id: uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid(),
        project: 1 + visitor % PROJECTS,
        visitor,
        created_at: time(random),
        updated_at: time(random),
        last_interaction_at: time(random),
        closed_at: random.bool().then(|| time(random)),
        is_human_handled: random.bool(),
        title: random.bool().then(|| TITLES[random.usize(..TITLES.len())]),
    }
}

impl TestRow {
    fn status(&self) -> Status {
        match self.closed_at {
            Some(_) => Status::Closed,
            None => Status::Open,
        }
    }

    fn is_in(&self, scope: Scope, filter: ListFilter) -> bool {
        let is_in_scope = match scope {
            Scope::Project(project) => self.project == project.0,
            Scope::Visitor(visitor) => self.visitor == visitor.0,
        };
        is_in_scope && self.is_allowed(filter)
    }

    fn is_allowed(&self, filter: ListFilter) -> bool {
        filter.allows(self.status(), self.is_human_handled)
    }

    fn sort_key(&self, sort: Sort) -> SortKey {
        let nullable = |value: Option<SortValue>| value.unwrap_or(SortValue::Null);
        let value = match sort {
            Sort::Id => SortValue::Null,
            Sort::CreatedAt => SortValue::Number(self.created_at),
            Sort::UpdatedAt => SortValue::Number(self.updated_at),
            Sort::LastInteractionAt => SortValue::Number(self.last_interaction_at),
            Sort::Status => SortValue::Text(self.status().as_str().into()),
            Sort::ClosedAt => nullable(self.closed_at.map(SortValue::Number)),
            Sort::IsHumanHandled => SortValue::Number(self.is_human_handled.into()),
            Sort::Title => nullable(
                self.title
                    .map(|title| SortValue::Text(title_key(title).into())),
            ),
        };
        let id = ConversationId(self.id);
        SortKey { value, id }
    }

    fn insert(&self, connection: &Connection) {
        let inserted = connection.execute(
            "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, \
                 updated_at, last_interaction_at, closed_at, is_human_handled, title, title_key) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                self.id,
                self.project,
                self.visitor,
                self.status().as_str(),
                self.created_at,
                self.updated_at,
                self.last_interaction_at,
                self.closed_at,
                self.is_human_handled,
                self.title,
                self.title.map(title_key),
            ],
        );
        assert_eq!(inserted.expect("a row"), 1);
    }
}

/// Compares two keys in the order of a list (docs/api-contract.md, section 6.1):
/// by value and id, with NULL last in both directions.
fn compare(a: &SortKey, b: &SortKey, direction: Direction) -> Ordering {
    match (&a.value, &b.value) {
        (SortValue::Null, SortValue::Null) => {}
        (SortValue::Null, _) => return Ordering::Greater,
        (_, SortValue::Null) => return Ordering::Less,
        _ => {}
    }
    let order = (&a.value, a.id).cmp(&(&b.value, b.id));
    match direction {
        Direction::Ascending => order,
        Direction::Descending => order.reverse(),
    }
}

fn database_of(rows: &[TestRow]) -> Connection {
    let connection = open_in_memory();
    for project in 1..=PROJECTS {
        let sql =
            "INSERT INTO project (seq, id, name, created_at) VALUES (?, randomblob(16), 'x', 0)";
        connection.execute(sql, [project]).expect("a project");
    }
    for visitor in 1..=VISITORS {
        let sql = "INSERT INTO visitor (seq, id, project_seq, created_at) VALUES (?, randomblob(16), ?, 0)";
        let project = 1 + visitor % PROJECTS;
        connection
            .execute(sql, [visitor, project])
            .expect("a visitor");
    }
    rows.iter().for_each(|row| row.insert(&connection));
    connection
}

/// Runs a composed page and returns the keys of its rows.
fn run(connection: &Connection, page: &ComposedPage, sort: Sort) -> Vec<SortKey> {
    let mut statement = page.statement.prepare(connection).expect("valid SQL");
    let mut rows = statement.raw_query();
    let mut keys = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        keys.push(sort_key(Row::new(row), sort).expect("a key"));
    }
    if page.is_reversed {
        keys.reverse();
    }
    keys
}

/// The key of one of the rows, of a row that does not exist, or of a place
/// between two rows.
fn random_key(random: &mut Rng, rows: &[&TestRow], query: &ListQuery) -> SortKey {
    let existing = rows.get(random.usize(..rows.len().max(1)));
    let mut key = match existing {
        Some(row) if random.u8(..4) > 0 => row.sort_key(query.sort),
        _ => loop {
            let deleted = random_row(random);
            if deleted.is_allowed(query.filter) {
                break deleted.sort_key(query.sort);
            }
        },
    };
    let has_one_value =
        query.sort == Sort::IsHumanHandled && query.filter.is_human_handled.is_some();
    match &mut key.value {
        _ if has_one_value => {}
        SortValue::Number(number) if random.u8(..4) == 0 => *number += random.i64(-1..=1),
        SortValue::Text(text) if query.sort == Sort::Title && random.u8(..4) == 0 => {
            *text = format!("{text}a").into();
        }
        _ => {}
    }
    key
}

/// A list with all its keys in the order of `query`.
struct ExpectedList<'c> {
    connection: &'c Connection,
    scope: Scope,
    query: &'c ListQuery,
    keys: Vec<SortKey>,
}

impl<'c> ExpectedList<'c> {
    fn new(
        connection: &'c Connection,
        scope: Scope,
        query: &'c ListQuery,
        rows: &[&TestRow],
    ) -> Self {
        let mut keys: Vec<_> = rows.iter().map(|row| row.sort_key(query.sort)).collect();
        keys.sort_by(|a, b| compare(a, b, query.direction));
        Self {
            connection,
            scope,
            query,
            keys,
        }
    }

    /// Asserts that a composed page has the rows that its query and seek name.
    fn assert_page(&self, query: &ListQuery, seek: Option<&Seek>) {
        // With many rows to skip, the page is sorted.
        for skipped in [0, u64::MAX] {
            let counts = RowCounts {
                matching: self.keys.len() as u64,
                skipped,
            };
            self.assert_page_of(counts, query, seek);
        }
    }

    fn assert_page_of(&self, counts: RowCounts, query: &ListQuery, seek: Option<&Seek>) {
        let page = compose(Dialect::Sqlite, self.scope, query, counts, seek);
        let page = page.map_or_else(Vec::new, |page| run(self.connection, &page, query.sort));
        let is_behind_seek = |key: &&SortKey| {
            seek.is_none_or(|seek| match compare(key, &seek.key, query.direction) {
                Ordering::Less => false,
                Ordering::Equal => seek.inclusive,
                Ordering::Greater => true,
            })
        };
        let skip = seek.map_or(query.offset.get(), |seek| seek.skip) as usize;
        let limit = query.limit.get() as usize + usize::from(query.after.is_some());
        let keys = self.keys.iter().filter(is_behind_seek);
        let expected: Vec<_> = keys.skip(skip).take(limit).cloned().collect();
        assert_eq!(page, expected, "{:?} {query:?} {seek:?}", self.scope);
    }

    fn assert_pages_by_offset(&self) {
        for offset in [0, self.keys.len() / 2, self.keys.len()] {
            let query = ListQuery {
                offset: Offset::parse(&offset.to_string()).expect("an offset"),
                ..self.query.clone()
            };
            self.assert_page(&query, None);
        }
    }

    fn assert_pages_behind_keys(&self, random: &mut Rng, rows: &[&TestRow]) {
        for _ in 0..12 {
            let key = random_key(random, rows, self.query);
            let query = ListQuery {
                after: random.bool().then(|| key.clone()),
                ..self.query.clone()
            };
            let seek = Seek {
                key,
                inclusive: random.bool(),
                skip: random.u64(0..4),
            };
            self.assert_page(&query, Some(&seek));
        }
    }
}

#[test]
fn pages_by_offset_and_behind_keys_agree_with_a_sort_of_all_rows() {
    for (seed, count) in [(1, 0), (2, 3), (3, 30), (4, 120)] {
        let mut random = Rng::with_seed(seed);
        let rows: Vec<_> = (0..count).map(|_| random_row(&mut random)).collect();
        let connection = database_of(&rows);
        let projects = (1..=PROJECTS).map(|seq| Scope::Project(ProjectSeq(seq)));
        let visitors = (1..=VISITORS).map(|seq| Scope::Visitor(VisitorSeq(seq)));
        for scope in projects.chain(visitors) {
            for query in all_orders() {
                let limit = Limit::parse(&random.u8(1..=12).to_string()).expect("a limit");
                let query = ListQuery { limit, ..query };
                let in_list = |row: &&TestRow| row.is_in(scope, query.filter);
                let rows: Vec<_> = rows.iter().filter(in_list).collect();
                let list = ExpectedList::new(&connection, scope, &query, &rows);
                list.assert_pages_behind_keys(&mut random, &rows);
                list.assert_pages_by_offset();
            }
        }
    }
}
