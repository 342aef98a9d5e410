//! Composed pages of random rows against a naive sort of them.

use std::cmp::Ordering;

use fastrand::Rng;
use rusqlite::params;
use uuid::Uuid;

use super::*;
use crate::domain::title_key;

const PROJECTS: i64 = 2;
const VISITORS: i64 = 5;
const TITLES: [&str; 6] = ["", "apple", "Äpfel", "STRASSE", "straße", "日本語"];

/// What orders compare of a conversation.
#[derive(Debug, Clone)]
struct Row {
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

/// Moments so few that every column has many ties, with room between them.
fn row(random: &mut Rng) -> Row {
    let visitor = random.i64(1..=VISITORS);
    let moment = |random: &mut Rng| 2 * random.i64(0..4);
    Row {
        id: uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid(),
        project: 1 + visitor % PROJECTS,
        visitor,
        created_at: moment(random),
        updated_at: moment(random),
        last_interaction_at: moment(random),
        closed_at: random.bool().then(|| moment(random)),
        is_human_handled: random.bool(),
        title: random.bool().then(|| TITLES[random.usize(..TITLES.len())]),
    }
}

impl Row {
    fn status(&self) -> Status {
        match self.closed_at {
            Some(_) => Status::Closed,
            None => Status::Open,
        }
    }

    fn is_in(&self, scope: Scope, status: Option<Status>) -> bool {
        let theirs = match scope {
            Scope::Project(project) => self.project == project.0,
            Scope::Visitor(visitor) => self.visitor == visitor.0,
        };
        theirs && status.is_none_or(|status| self.status() == status)
    }

    fn place(&self, sort: Sort) -> SortKey {
        let maybe = |field: Option<SortValue>| field.unwrap_or(SortValue::Null);
        let field = match sort {
            Sort::Id => SortValue::Null,
            Sort::CreatedAt => SortValue::Number(self.created_at),
            Sort::UpdatedAt => SortValue::Number(self.updated_at),
            Sort::LastInteractionAt => SortValue::Number(self.last_interaction_at),
            Sort::Status => SortValue::Text(self.status().as_str().into()),
            Sort::ClosedAt => maybe(self.closed_at.map(SortValue::Number)),
            Sort::IsHumanHandled => SortValue::Number(self.is_human_handled.into()),
            Sort::Title => maybe(
                self.title
                    .map(|title| SortValue::Text(title_key(title).into())),
            ),
        };
        let id = ConversationId(self.id);
        SortKey { value: field, id }
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

/// The rule of D9: which of two places a walk in this direction comes to first.
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

fn filled(rows: &[Row]) -> Connection {
    let connection = in_memory();
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

/// The places of a page.
fn found(connection: &Connection, page: ComposedPage, sort: Sort) -> Vec<SortKey> {
    let mut statement = page.statement.prepare(connection).expect("sql");
    let mut cursor = statement.raw_query();
    let mut places = Vec::new();
    while let Some(row) = cursor.next().expect("a row") {
        places.push(crate::store::list_composer::place(row, sort).expect("a place"));
    }
    if page.reversed {
        places.reverse();
    }
    places
}

/// A place of a row, of one that is gone, or between two.
fn place(random: &mut Rng, rows: &[&Row], query: &ListQuery) -> SortKey {
    let there = rows.get(random.usize(..rows.len().max(1)));
    let mut place = match there {
        Some(row) if random.u8(..4) > 0 => row.place(query.sort),
        _ => loop {
            let gone = row(random);
            if query.status.is_none_or(|status| gone.status() == status) {
                break gone.place(query.sort);
            }
        },
    };
    match &mut place.value {
        SortValue::Number(number) if random.u8(..4) == 0 => *number += random.i64(-1..=1),
        SortValue::Text(text) if query.sort == Sort::Title && random.u8(..4) == 0 => {
            *text = format!("{text}a").into();
        }
        _ => {}
    }
    place
}

/// What is in a page, composed and then cut out of all places.
fn check(
    connection: &Connection,
    scope: Scope,
    all: &[SortKey],
    query: &ListQuery,
    seek: Option<&Seek>,
) {
    let page = compose(scope, query, all.len() as u64, seek);
    let page = page.map_or_else(Vec::new, |page| found(connection, page, query.sort));
    let past = |one: &&SortKey| {
        let order = seek.map(|seek| compare(one, &seek.place, query.direction));
        match order {
            Some(Ordering::Equal) => seek.is_some_and(|seek| seek.inclusive),
            order => order != Some(Ordering::Less),
        }
    };
    let skip = seek.map_or(query.offset.get(), |seek| seek.skip);
    let limit = query.limit.get() as usize + usize::from(query.after.is_some());
    let cut = all.iter().filter(past).skip(skip as usize).take(limit);
    assert_eq!(
        page,
        cut.cloned().collect::<Vec<_>>(),
        "{scope:?} {query:?} {seek:?}"
    );
}

fn check_order(
    random: &mut Rng,
    connection: &Connection,
    rows: &[Row],
    scope: Scope,
    query: &ListQuery,
) {
    let rows = rows.iter().filter(|row| row.is_in(scope, query.status));
    let rows: Vec<_> = rows.collect();
    let mut all: Vec<_> = rows.iter().map(|row| row.place(query.sort)).collect();
    all.sort_by(|a, b| compare(a, b, query.direction));
    for _ in 0..12 {
        let place = place(random, &rows, query);
        let query = ListQuery {
            after: random.bool().then(|| place.clone()),
            ..query.clone()
        };
        let seek = Seek {
            place,
            inclusive: random.bool(),
            skip: random.u64(0..4),
        };
        check(connection, scope, &all, &query, Some(&seek));
    }
    for offset in [0, all.len() / 2, all.len()] {
        let counted = ListQuery {
            offset: Offset::parse(&offset.to_string()).expect("an offset"),
            ..query.clone()
        };
        check(connection, scope, &all, &counted, None);
    }
}

#[test]
fn a_page_from_any_place_on_is_that_of_a_naive_sort() {
    for (seed, count) in [(1, 0), (2, 3), (3, 30), (4, 120)] {
        let mut random = Rng::with_seed(seed);
        let rows: Vec<_> = (0..count).map(|_| row(&mut random)).collect();
        let connection = filled(&rows);
        let projects = (1..=PROJECTS).map(|seq| Scope::Project(ProjectSeq(seq)));
        let visitors = (1..=VISITORS).map(|seq| Scope::Visitor(VisitorSeq(seq)));
        for scope in projects.chain(visitors) {
            for query in orders() {
                let limit = Limit::parse(&random.u8(1..=12).to_string()).expect("a limit");
                let query = ListQuery { limit, ..query };
                check_order(&mut random, &connection, &rows, scope, &query);
            }
        }
    }
}
