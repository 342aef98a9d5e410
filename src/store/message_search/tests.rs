//! Compares pages with a filter and a sort of all conversations in memory.

use std::sync::Arc;

use fastrand::Rng;
use uuid::Uuid;

use super::*;
use crate::domain::{
    AssistantId, ConversationId, Limit, ListFilter, Offset, ProjectId, Timestamp, VisitorSeq,
};
use crate::store::batch::Batch;
use crate::store::postgres::test_database::TestDatabase;
use crate::store::test_db::{DIRECTIONS, PROJECT, TestDb, all_filters, all_sorts};
use crate::store::{Store, project, search_index};

const WORDS: [&str; 5] = ["refund", "delivery", "deliver", "norway", "shoes"];

/// A conversation with its texts.
#[derive(Debug, Clone)]
struct SearchedConversation {
    id: Uuid,
    visitor: i64,
    times: [i64; 3],
    closed_at: Option<i64>,
    is_human_handled: bool,
    is_waiting: bool,
    title: Option<String>,
    messages: Vec<String>,
}

fn random_text(random: &mut Rng) -> String {
    let count = random.usize(1..4);
    let words = (0..count).map(|_| WORDS[random.usize(..WORDS.len())]);
    words.collect::<Vec<_>>().join(" ")
}

fn random_row(random: &mut Rng) -> SearchedConversation {
    let count = random.usize(..4);
    let closed_at = random.bool().then(|| random.i64(0..5));
    let is_human_handled = random.bool();
    SearchedConversation {
        id: Uuid::from_u128(random.u128(..)),
        visitor: random.i64(1..=2),
        times: [(); 3].map(|()| random.i64(0..5)),
        closed_at,
        is_human_handled,
        is_waiting: closed_at.is_none() && !is_human_handled && random.bool(),
        title: random.bool().then(|| random_text(random)),
        messages: (0..count).map(|_| random_text(random)).collect(),
    }
}

impl SearchedConversation {
    fn status(&self) -> Status {
        match self.closed_at {
            Some(_) => Status::Closed,
            None => Status::Open,
        }
    }

    fn insert(&self, seq: i64) -> Batch {
        let [created_at, updated_at, interaction_at] = self.times;
        let title = Value::from(self.title.clone());
        let batch = Batch::of([Sql::unregistered(
            "INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
                 updated_at, last_interaction_at, closed_at, is_human_handled, title, title_key, \
                 waiting_since, waiting_reason) \
             VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12)",
            [
                seq.into(),
                self.id.into(),
                self.visitor.into(),
                self.status().as_str().into(),
                created_at.into(),
                updated_at.into(),
                interaction_at.into(),
                self.closed_at.into(),
                self.is_human_handled.into(),
                title,
                self.is_waiting.then_some(9).into(),
                self.is_waiting.then_some("requested").into(),
            ],
        )]);
        self.messages.iter().fold(batch, |batch, text| {
            batch.run(Sql::unregistered(
                "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
                 VALUES (?1, ?2, 1, 'user', 'complete', ?3)",
                [Uuid::now_v7().into(), seq.into(), text.as_str().into()],
            ))
        })
    }

    fn matches(&self, scope: Scope, filter: ListFilter, search: &SearchFilter) -> bool {
        let is_in_scope = match scope {
            Scope::Project(_) => true,
            Scope::Visitor(VisitorSeq(seq)) => self.visitor == seq,
        };
        let created_at = Timestamp(self.times[0]);
        let texts = self.messages.iter().chain(&self.title);
        let has_words = |query: &String| {
            let words: Vec<_> = query.split(' ').collect();
            let (last, words) = words.split_last().expect("a word");
            texts.clone().any(|text| {
                let found: Vec<_> = text.split(' ').collect();
                words.iter().all(|word| found.contains(word))
                    && found.iter().any(|word| word.starts_with(last))
            })
        };
        is_in_scope
            && filter.allows(self.status(), self.is_human_handled)
            && search.created_after.is_none_or(|time| created_at >= time)
            && search.created_before.is_none_or(|time| created_at < time)
            && search.is_waiting.is_none_or(|only| self.is_waiting == only)
            && search.text.as_ref().is_none_or(has_words)
    }

    fn sort_key(&self, sort: Sort) -> SortKey {
        let number = |number: Option<i64>| number.map_or(SortValue::Null, SortValue::Number);
        let text =
            |text: Option<&str>| text.map_or(SortValue::Null, |text| SortValue::Text(text.into()));
        let value = match sort {
            Sort::Id => SortValue::Null,
            Sort::CreatedAt => number(Some(self.times[0])),
            Sort::UpdatedAt => number(Some(self.times[1])),
            Sort::LastInteractionAt => number(Some(self.times[2])),
            Sort::Status => text(Some(self.status().as_str())),
            Sort::ClosedAt => number(self.closed_at),
            Sort::IsHumanHandled => number(Some(self.is_human_handled.into())),
            Sort::Title => text(self.title.as_deref()),
        };
        let id = ConversationId(self.id);
        SortKey { value, id }
    }
}

/// The keys of a list in its order: nulls last in both directions.
fn sorted_keys(rows: &[&SearchedConversation], query: &ListQuery) -> Vec<SortKey> {
    let mut keys: Vec<_> = rows.iter().map(|row| row.sort_key(query.sort)).collect();
    keys.sort_by(|a, b| {
        let is_null = |key: &SortKey| query.sort != Sort::Id && key.value == SortValue::Null;
        let order = match query.direction {
            Direction::Ascending => (&a.value, a.id).cmp(&(&b.value, b.id)),
            Direction::Descending => (&b.value, b.id).cmp(&(&a.value, a.id)),
        };
        is_null(a).cmp(&is_null(b)).then(order)
    });
    keys
}

/// A file with these rows. The index lacks the texts of the second half.
fn database_of(rows: &[SearchedConversation]) -> TestDb {
    let db = TestDb::new();
    let (first, second) = rows.split_at(rows.len() / 2);
    insert_second_visitor(&db.store);
    insert(&db.store, first, 1);
    let step = db
        .store
        .read_blocking(search_index::next_step)
        .expect("a step");
    assert!(step.is_last);
    db.store.write_blocking(step.batch()).expect("an index");
    insert(&db.store, second, first.len() as i64 + 1);
    db
}

/// The same on PostgreSQL. `None` if there is no server to test with.
fn postgres_of(rows: &[SearchedConversation]) -> Option<(Arc<Store>, TestDatabase)> {
    let database = TestDatabase::create()?;
    let store = Arc::new(database.store());
    let (project, assistant) = (ProjectId::generate(), AssistantId::generate());
    let project = project::create(PROJECT, project, assistant, "x", Timestamp(0));
    store.write_blocking(project).expect("a project");
    database.execute(
        "INSERT INTO visitor (seq, id, project_seq, created_at) \
         VALUES (1, decode(md5('1'), 'hex'), 1, 0)",
    );
    insert_second_visitor(&store);
    let (first, second) = rows.split_at(rows.len() / 2);
    insert(&store, first, 1);
    assert!(database.number("SELECT index_texts(100000)") > 0);
    assert_eq!(database.number("SELECT count(*) FROM search_backlog"), 0);
    insert(&store, second, first.len() as i64 + 1);
    Some((store, database))
}

fn insert_second_visitor(store: &Store) {
    let visitor = Sql::unregistered(
        "INSERT INTO visitor (seq, id, project_seq, created_at) VALUES (2, ?, 1, 0)",
        [Uuid::now_v7().into()],
    );
    let inserted = store.write_blocking(Batch::of([visitor]));
    inserted.expect("a visitor");
}

/// Inserts conversations, the first with the number `seq`.
fn insert(store: &Store, rows: &[SearchedConversation], seq: i64) {
    let batch = rows
        .iter()
        .zip(seq..)
        .fold(Batch::new(), |batch, (row, seq)| {
            batch.then(row.insert(seq))
        });
    store.write_blocking(batch).expect("rows");
}

fn random_search(random: &mut Rng) -> SearchFilter {
    let time = |random: &mut Rng| random.bool().then(|| Timestamp(random.i64(0..6)));
    let text = [
        "refund",
        "deliver",
        "norway del",
        "shoes refund s",
        "x",
        "d",
    ];
    SearchFilter {
        text: (random.u8(..3) > 0).then(|| text[random.usize(..text.len())].to_owned()),
        created_after: time(random),
        created_before: time(random),
        is_waiting: [None, Some(true), Some(false)][random.usize(..3)],
    }
}

/// Reads a page and returns the rows' ids, the total and the key of the last row.
fn read(
    store: &Store,
    scope: Scope,
    query: &ListQuery,
    search: &SearchFilter,
) -> (Vec<ConversationId>, u64, Option<SortKey>) {
    let read = |snapshot: &Snapshot| {
        let mut page = page(snapshot, scope, query, search)?;
        let mut ids = Vec::new();
        page.rows.read(snapshot, |item| {
            ids.push(item.conversation.id);
            Ok::<_, StoreError>(std::ops::ControlFlow::Continue(()))
        })?;
        Ok::<_, StoreError>((ids, page.total, page.last))
    };
    store.read_blocking(read).expect("a page")
}

/// A list with all its rows.
struct ExpectedSearch<'d> {
    store: &'d Store,
    scope: Scope,
    query: ListQuery,
    search: SearchFilter,
    keys: Vec<SortKey>,
}

impl ExpectedSearch<'_> {
    /// Asserts that the page at the offset of the query has the expected rows.
    fn assert_page(&self) {
        let (limit, offset) = (self.query.limit.get(), self.query.offset.get());
        let (limit, offset) = (limit as usize, offset as usize);
        let ids = self.keys.iter().map(|key| key.id);
        let expected: Vec<_> = ids.skip(offset).take(limit).collect();
        let has_more = offset + limit < self.keys.len();
        let last = has_more.then(|| self.keys[offset + limit - 1].clone());
        let page = read(self.store, self.scope, &self.query, &self.search);
        let total = self.keys.len() as u64;
        assert_eq!(page, (expected, total, last), "{}", self.name());
    }

    /// Asserts that the pages from the first to the last have all rows.
    fn assert_walk(&self) {
        let mut query = ListQuery {
            offset: Offset::default(),
            ..self.query.clone()
        };
        let mut walked = Vec::new();
        loop {
            let (page, total, last) = read(self.store, self.scope, &query, &self.search);
            walked.extend(page);
            assert_eq!(total, self.keys.len() as u64, "{}", self.name());
            query.after = last;
            if query.after.is_none() {
                break;
            }
        }
        let ids = self.keys.iter().map(|key| key.id);
        assert!(ids.eq(walked), "{}", self.name());
    }

    fn name(&self) -> String {
        format!("{:?} {:?} {:?}", self.scope, self.query, self.search)
    }
}

/// Every order with every filter.
fn all_lists() -> impl Iterator<Item = ListQuery> {
    all_sorts().into_iter().flat_map(|sort| {
        all_filters().into_iter().flat_map(move |filter| {
            DIRECTIONS.into_iter().map(move |direction| ListQuery {
                filter,
                sort,
                direction,
                ..ListQuery::default()
            })
        })
    })
}

#[test]
fn pages_by_offset_and_after_a_key_agree_with_a_filter_and_a_sort_of_all_rows() {
    let mut random = Rng::with_seed(11);
    let rows: Vec<_> = (0..80).map(|_| random_row(&mut random)).collect();
    assert_pages(&database_of(&rows).store, &rows, &mut random);
    if let Some((store, _database)) = postgres_of(&rows) {
        assert_pages(&store, &rows, &mut random);
    }
}

/// Asserts that lists with random searches have the expected pages.
fn assert_pages(store: &Store, rows: &[SearchedConversation], random: &mut Rng) {
    let mut found = 0;
    for query in all_lists() {
        for scope in [Scope::Project(PROJECT), Scope::Visitor(VisitorSeq(2))] {
            let search = random_search(random);
            let matches = |row: &&SearchedConversation| row.matches(scope, query.filter, &search);
            let matching: Vec<_> = rows.iter().filter(matches).collect();
            found += matching.len();
            let (limit, offset) = (random.usize(1..8), random.usize(..matching.len() + 2));
            let query = ListQuery {
                limit: Limit::parse(&limit.to_string()).expect("a limit"),
                offset: Offset::parse(&offset.to_string()).expect("an offset"),
                ..query.clone()
            };
            let list = ExpectedSearch {
                keys: sorted_keys(&matching, &query),
                store,
                scope,
                query,
                search,
            };
            list.assert_page();
            list.assert_walk();
        }
    }
    assert!(found > 1000, "{found}");
}

#[test]
fn pages_of_conversations_that_do_not_wait_agree_with_a_filter_and_a_sort_of_all_rows() {
    let mut random = Rng::with_seed(12);
    let rows: Vec<_> = (0..80).map(|_| random_row(&mut random)).collect();
    assert!(rows.iter().any(|row| row.is_waiting));
    assert_not_waiting_pages(&database_of(&rows).store, &rows);
    if let Some((store, _database)) = postgres_of(&rows) {
        assert_not_waiting_pages(&store, &rows);
    }
}

/// Asserts that the lists of the conversations that do not wait have the expected pages.
fn assert_not_waiting_pages(store: &Store, rows: &[SearchedConversation]) {
    let scope = Scope::Project(PROJECT);
    let search = not_waiting();
    for query in all_lists() {
        let matches = |row: &&SearchedConversation| row.matches(scope, query.filter, &search);
        let matching: Vec<_> = rows.iter().filter(matches).collect();
        for offset in [
            0,
            matching.len() / 3,
            matching.len() - 3,
            matching.len() + 1,
        ] {
            let query = ListQuery {
                limit: Limit::parse("5").expect("a limit"),
                offset: Offset::parse(&offset.to_string()).expect("an offset"),
                ..query.clone()
            };
            let list = ExpectedSearch {
                keys: sorted_keys(&matching, &query),
                store,
                scope,
                query,
                search: search.clone(),
            };
            list.assert_page();
            list.assert_walk();
        }
    }
}

fn not_waiting() -> SearchFilter {
    SearchFilter {
        is_waiting: Some(false),
        ..SearchFilter::default()
    }
}

/// The list of the conversations that do not wait has nearly all conversations.
#[test]
fn first_and_last_pages_of_conversations_that_do_not_wait_read_no_other_rows() {
    let db = TestDb::new();
    db.insert_conversations(&mut Rng::with_seed(1), 5000);
    let wait = Sql::unregistered(
        "UPDATE conversation SET waiting_since = 5, waiting_reason = 'requested' \
          WHERE seq % 100 = 0 AND status = 'open' AND is_human_handled = 0",
        [],
    );
    db.store.write_blocking(Batch::of([wait])).expect("a write");
    let connection = db.store.readers.connection().expect("a connection");
    let snapshot = Snapshot::begin(&connection, db.store.offset_index()).expect("a snapshot");
    let read = |query: &ListQuery| {
        let page = page(&snapshot, Scope::Project(PROJECT), query, &not_waiting());
        page.expect("a page")
    };
    let total = read(&ListQuery::default()).total;
    assert!((4900..5000).contains(&total), "{total}");
    for query in all_lists() {
        let page = read(&query);
        let last = ListQuery {
            offset: Offset::parse(&page.total.saturating_sub(10).to_string()).expect("an offset"),
            ..query.clone()
        };
        let next = ListQuery {
            after: page.last,
            ..query.clone()
        };
        for query in [query, last, next] {
            let cost = crate::store::query_cost_tests::cost(&connection, || drop(read(&query)));
            assert!(cost.steps < 3000, "{} steps: {query:?}", cost.steps);
        }
    }
}

/// A search for rare words must not read all conversations.
#[test]
fn a_search_reads_its_matches_only() {
    let db = TestDb::new();
    db.insert_conversations(&mut Rng::with_seed(1), 5000);
    let message = Sql::unregistered(
        "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
         VALUES (randomblob(16), 77, 1, 'user', 'complete', 'rareword')",
        [],
    );
    db.store
        .write_blocking(Batch::of([message]))
        .expect("a message");
    loop {
        let step = db
            .store
            .read_blocking(search_index::next_step)
            .expect("a step");
        if step.is_empty() {
            break;
        }
        db.store.write_blocking(step.batch()).expect("an index");
    }
    let search = SearchFilter {
        text: Some("rareword".to_owned()),
        ..SearchFilter::default()
    };
    let connection = db.store.readers.connection().expect("a connection");
    let snapshot = Snapshot::begin(&connection, db.store.offset_index()).expect("a snapshot");
    let cost = crate::store::query_cost_tests::cost(&connection, || {
        let found = page(
            &snapshot,
            Scope::Project(PROJECT),
            &ListQuery::default(),
            &search,
        );
        assert_eq!(found.expect("a page").total, 1);
    });
    assert!(cost.steps < 1000, "{} steps", cost.steps);
}

#[test]
fn hostile_text_is_no_error() {
    let mut random = Rng::with_seed(3);
    let db = database_of(&[(); 8].map(|()| random_row(&mut random)));
    for text in [
        "\"",
        "\"\"",
        "*",
        "-",
        "--",
        "-x",
        "a OR",
        "OR",
        "NEAR(a b)",
        "text:x",
        "{text}",
        "(",
        "'",
        ";--",
        "\\",
        "a*b",
        "^a",
        "\0",
        "日本",
        "🙂",
        "\u{301}",
        "-\"a b\" c",
        "a AND NOT b",
    ] {
        let search = SearchFilter {
            text: Some(text.to_owned()),
            ..SearchFilter::default()
        };
        let (ids, total, last) = read(
            &db.store,
            Scope::Project(PROJECT),
            &ListQuery::default(),
            &search,
        );
        assert_eq!((ids.len(), total, last), (0, 0, None), "{text}");
    }
}
