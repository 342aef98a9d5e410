//! What a request costs SQLite must not grow with the data.
//!
//! SQLite counts the steps that a statement takes, the rows it looks at in a
//! full scan, and its sorts: counts that no busy machine disturbs. The same
//! requests over 10,000 and over 100,000 conversations may differ by what a
//! logarithm grows, and no more.

use std::cell::RefCell;
use std::collections::BTreeMap;

use fastrand::Rng;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus};

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Batch, Statement, uuid, value};
use super::test_db::{DIRECTIONS, PROJECT, SORTS, STATUSES, TestDb};
use super::{conversation, message, turn};
use crate::domain::{
    ConversationId, ConversationSeq, Direction, Limit, ListQuery, MessageContent, MessageId,
    MessageStatus, Offset, Scope, Sort, SortKey, Status, Timestamp, VisitorSeq,
};

/// log 100,000 / log 10,000.
const MAX_GROWTH: f64 = 1.25;
/// Pages of an order that are read anywhere in it: so many that some begin far
/// from a counted place, in the small file and in the large one.
const PLACES: usize = 150;

/// What SQLite counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub steps: i32,
    scanned: i32,
    sorts: i32,
}

thread_local! {
    /// Of each statement that ran, by its text; its counts go on over its runs.
    static RAN: RefCell<BTreeMap<String, Cost>> = RefCell::default();
}

fn ran(event: TraceEvent<'_>) {
    if let TraceEvent::Profile(statement, _) = event {
        let cost = Cost {
            steps: statement.get_status(StatementStatus::VmStep),
            scanned: statement.get_status(StatementStatus::FullscanStep),
            sorts: statement.get_status(StatementStatus::Sort),
        };
        RAN.with_borrow_mut(|all| all.insert(statement.sql().into_owned(), cost));
    }
}

/// What `work` costs on a connection, all its statements together.
pub(super) fn cost(connection: &Connection, work: impl FnOnce()) -> Cost {
    connection.flush_prepared_statement_cache();
    RAN.with_borrow_mut(BTreeMap::clear);
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(ran));
    work();
    connection.trace_v2(TraceEventCodes::empty(), None);
    RAN.with_borrow(|all| {
        all.values().fold(Cost::default(), |sum, one| Cost {
            steps: sum.steps + one.steps,
            scanned: sum.scanned + one.scanned,
            sorts: sum.sorts + one.sorts,
        })
    })
}

/// The costs of all requests, by name; of one that is made at several places,
/// the highest.
type Costs = BTreeMap<String, Cost>;

fn note(costs: &mut Costs, name: String, cost: Cost) {
    let highest = costs.entry(name).or_default();
    highest.steps = highest.steps.max(cost.steps);
    highest.scanned += cost.scanned;
    highest.sorts += cost.sorts;
}

/// Over a file with so many conversations.
fn costs(rows: usize) -> Costs {
    let db = TestDb::new();
    let mut random = Rng::with_seed(1);
    db.fill(&mut random, rows);
    let mut costs = Costs::new();
    pages(&db, rows as u64, &mut random, &mut costs);
    writes(&db, &mut costs);
    costs
}

fn pages(db: &TestDb, rows: u64, random: &mut Rng, costs: &mut Costs) {
    let readers = &db.store.readers.pool;
    let connection = readers.get().expect("a connection");
    let mut read = |name: String, work: &dyn Fn(&Snapshot) -> Result<(), StoreError>| {
        let cost = cost(&connection, || {
            let snapshot =
                Snapshot::begin(&connection, &db.store.offset_index).expect("a snapshot");
            work(&snapshot).expect("a read");
        });
        note(costs, name, cost);
    };
    for (sort, status, direction) in orders() {
        let list = |offset: u64| ListQuery {
            status,
            sort,
            direction,
            limit: Limit::default(),
            offset: Offset::parse(&offset.to_string()).expect("an offset"),
            after: None,
        };
        let name = format!("{sort:?} {status:?} {direction:?}");
        let first = |snapshot: &Snapshot| page(snapshot, &list(0)).map(drop);
        read(format!("first page, {name}"), &first);
        let all = match status {
            None => rows,
            Some(_) => rows / 2,
        };
        // Whoever goes deep into an order first has it counted.
        for eighth in 1..8 {
            let counting =
                Snapshot::begin(&connection, &db.store.offset_index).expect("a snapshot");
            let after = page(&counting, &list(all * eighth / 8)).expect("a page");
            drop(counting);
            let next = ListQuery { after, ..list(0) };
            let next = |snapshot: &Snapshot| page(snapshot, &next).map(drop);
            read(format!("page after a cursor, {name}"), &next);
        }
        for _ in 0..PLACES {
            let list = list(random.u64(0..all));
            let deep = |snapshot: &Snapshot| page(snapshot, &list).map(drop);
            read(format!("any page, {name}"), &deep);
        }
    }
    read("one conversation".to_owned(), &|snapshot| one(snapshot));
    read("a visitor's own list".to_owned(), &|snapshot| own(snapshot));
}

fn one(snapshot: &Snapshot) -> Result<(), StoreError> {
    let (seq, id) = (ConversationSeq(77), ConversationId::generate());
    conversation::read(snapshot, seq, |_| ())?;
    message::of_conversation(snapshot, seq, id, |_| Ok(()))
}

fn own(snapshot: &Snapshot) -> Result<(), StoreError> {
    let (scope, query) = (Scope::Visitor(VisitorSeq(1)), ListQuery::default());
    let totals = conversation::totals(snapshot, scope)?;
    conversation::page(snapshot, scope, &query, &totals, |_| Ok(())).map(drop)
}

fn orders() -> impl Iterator<Item = (Sort, Option<Status>, Direction)> {
    SORTS.into_iter().flat_map(|sort| {
        STATUSES.into_iter().flat_map(move |status| {
            DIRECTIONS
                .into_iter()
                .map(move |direction| (sort, status, direction))
        })
    })
}

/// Reads a page; gives where the next one begins.
fn page(snapshot: &Snapshot, query: &ListQuery) -> Result<Option<SortKey>, StoreError> {
    let scope = Scope::Project(PROJECT);
    let totals = conversation::totals(snapshot, scope)?;
    conversation::page(snapshot, scope, query, &totals, |_| Ok(()))
}

fn writes(db: &TestDb, costs: &mut Costs) {
    let connection = Connection::open(db.file()).expect("the file");
    let run = |batch: Batch| {
        for statement in &batch.0 {
            statement.run(&connection).expect("a write");
        }
    };
    let at = Timestamp(1000);
    let new = conversation::NewConversation {
        id: ConversationId::generate(),
        project: PROJECT,
        page_url: None,
        at,
    };
    let started = cost(&connection, || run(new.start(VisitorSeq(1))));
    note(costs, "start".to_owned(), started);
    let seq = ConversationSeq(connection.last_insert_rowid());
    let sent = cost(&connection, || run(answered(seq, at)));
    note(costs, "send and answer".to_owned(), sent);
    let closed = cost(&connection, || run(conversation::close(seq, None, at)));
    note(costs, "close".to_owned(), closed);
    let back = Statement::new(
        "DELETE FROM conversation WHERE project_seq = ?1 AND id = ?2",
        [value(PROJECT.0), uuid(new.id.0)],
    );
    let removed = cost(&connection, || run(Batch::of([back])));
    note(costs, "remove".to_owned(), removed);
}

fn answered(conversation: ConversationSeq, at: Timestamp) -> Batch {
    let question = turn::Question {
        id: MessageId::generate(),
        content: MessageContent::parse("Where is my parcel?").expect("a question"),
        page_url: None,
        page_title: None,
        text_selection: None,
    };
    let answer = turn::NewAnswer {
        id: MessageId::generate(),
        status: MessageStatus::Complete,
        text: "On its way.".to_owned(),
        metadata: None,
    };
    let turn = turn::Turn {
        conversation,
        project: PROJECT,
        at,
    };
    turn.answered(&turn::Place::After(Box::new(question)), &answer)
}

#[test]
fn no_request_costs_more_when_there_is_more() {
    let [small, large] = [10_000, 100_000].map(costs);
    let mut grown = Vec::new();
    println!("{:56} {:>8} {:>8}", "steps over", "10,000", "100,000");
    for (name, before) in &small {
        let after = &large[name];
        println!("{name:56} {:>8} {:>8}", before.steps, after.steps);
        let limit = f64::from(before.steps) * MAX_GROWTH;
        // Orders of a visitor's own are sorted in memory; this is the usual one.
        if f64::from(after.steps) > limit || after.scanned + after.sorts > 0 {
            grown.push(format!("{name}: {before:?} became {after:?}"));
        }
    }
    assert!(small.len() > 140, "{}", small.len());
    assert!(grown.is_empty(), "{grown:#?}");
}
