//! Compares composed pages of random rows with a sort of all rows.

use std::cmp::Ordering;

use fastrand::Rng;
use uuid::Uuid;

use super::*;
use crate::domain::{Direction, title_key};
use crate::store::batch::Batch;
use crate::store::postgres::test_database::TestDatabase;
use crate::store::{Snapshot, Store};

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

    fn insert(&self, seq: usize) -> Sql {
        Sql::unregistered(
            "INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
                 updated_at, last_interaction_at, closed_at, is_human_handled, title, title_key) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (1 + seq as i64).into(),
                self.id.into(),
                self.project.into(),
                self.visitor.into(),
                self.status().as_str().into(),
                self.created_at.into(),
                self.updated_at.into(),
                self.last_interaction_at.into(),
                self.closed_at.into(),
                self.is_human_handled.into(),
                self.title.into(),
                self.title.map(title_key).into(),
            ],
        )
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

/// Inserts the rows with their projects and visitors.
fn insert(rows: &[TestRow]) -> Batch {
    let id = || Value::from(Uuid::now_v7());
    let projects = (1..=PROJECTS).map(|seq| {
        let sql = "INSERT INTO project (seq, id, name, created_at) VALUES (?, ?, 'x', 0)";
        Sql::unregistered(sql, [seq.into(), id()])
    });
    let visitors = (1..=VISITORS).map(|seq| {
        let sql = "INSERT INTO visitor (seq, id, project_seq, created_at) VALUES (?, ?, ?, 0)";
        let project = 1 + seq % PROJECTS;
        Sql::unregistered(sql, [seq.into(), id(), project.into()])
    });
    let rows = rows.iter().enumerate().map(|(seq, row)| row.insert(seq));
    let statements = projects.chain(visitors).chain(rows);
    statements.fold(Batch::new(), Batch::run)
}

/// A database with the rows of a test.
enum Database {
    Sqlite(Connection),
    Postgres(
        Box<Store>,
        #[expect(dead_code, reason = "dropped at the end")] TestDatabase,
    ),
}

impl Database {
    fn sqlite(rows: &[TestRow]) -> Self {
        let connection = open_in_memory();
        insert(rows).run_on(&connection).expect("the rows");
        Self::Sqlite(connection)
    }

    /// None if there is no server to test with.
    fn postgres(rows: &[TestRow]) -> Option<Self> {
        let database = TestDatabase::create()?;
        let store = database.store();
        store.write_blocking(insert(rows)).expect("the rows");
        Some(Self::Postgres(Box::new(store), database))
    }

    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(..) => Dialect::Postgres,
        }
    }

    /// Runs a composed page and returns the keys of its rows.
    fn run(&self, page: &ComposedPage, sort: Sort) -> Vec<SortKey> {
        let mut keys = match self {
            Self::Sqlite(connection) => run_on_sqlite(connection, &page.statement, sort),
            Self::Postgres(store, _) => {
                let keys =
                    |snapshot: &Snapshot| snapshot.all(&page.statement, |row| sort_key(row, sort));
                store.read_blocking(keys).expect("a page")
            }
        };
        if page.is_reversed {
            keys.reverse();
        }
        keys
    }
}

fn run_on_sqlite(connection: &Connection, statement: &Sql, sort: Sort) -> Vec<SortKey> {
    let mut statement = statement.prepare(connection).expect("valid SQL");
    let mut rows = statement.raw_query();
    let mut keys = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        keys.push(sort_key(Row::new(row), sort).expect("a key"));
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
    database: &'c Database,
    scope: Scope,
    query: &'c ListQuery,
    keys: Vec<SortKey>,
}

impl<'c> ExpectedList<'c> {
    fn new(database: &'c Database, scope: Scope, query: &'c ListQuery, rows: &[&TestRow]) -> Self {
        let mut keys: Vec<_> = rows.iter().map(|row| row.sort_key(query.sort)).collect();
        keys.sort_by(|a, b| compare(a, b, query.direction));
        Self {
            database,
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
        let page = compose(self.database.dialect(), self.scope, query, counts, seek);
        let page = page.map_or_else(Vec::new, |page| self.database.run(&page, query.sort));
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

fn assert_all_pages(random: &mut Rng, rows: &[TestRow], database: &Database) {
    let projects = (1..=PROJECTS).map(|seq| Scope::Project(ProjectSeq(seq)));
    let visitors = (1..=VISITORS).map(|seq| Scope::Visitor(VisitorSeq(seq)));
    for scope in projects.chain(visitors) {
        for query in all_orders() {
            let limit = Limit::parse(&random.u8(1..=12).to_string()).expect("a limit");
            let query = ListQuery { limit, ..query };
            let in_list = |row: &&TestRow| row.is_in(scope, query.filter);
            let rows: Vec<_> = rows.iter().filter(in_list).collect();
            let list = ExpectedList::new(database, scope, &query, &rows);
            list.assert_pages_behind_keys(random, &rows);
            list.assert_pages_by_offset();
        }
    }
}

fn random_rows(random: &mut Rng, count: usize) -> Vec<TestRow> {
    (0..count).map(|_| random_row(random)).collect()
}

#[test]
fn pages_by_offset_and_behind_keys_agree_with_a_sort_of_all_rows() {
    for (seed, count) in [(1, 0), (2, 3), (3, 30), (4, 120)] {
        let mut random = Rng::with_seed(seed);
        let rows = random_rows(&mut random, count);
        assert_all_pages(&mut random, &rows, &Database::sqlite(&rows));
    }
}

#[test]
fn pages_on_postgres_agree_with_a_sort_of_all_rows() {
    for (seed, count) in [(2, 3), (4, 120)] {
        let mut random = Rng::with_seed(seed);
        let rows = random_rows(&mut random, count);
        let Some(database) = Database::postgres(&rows) else {
            return;
        };
        assert_all_pages(&mut random, &rows, &database);
    }
}
