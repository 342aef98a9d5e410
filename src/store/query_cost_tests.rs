//! The cost of a request must not grow with the number of conversations.
//!
//! SQLite counts the virtual machine steps of a statement, the rows of full
//! scans and the sorts. These counts do not depend on the load of the machine.
//! The tests compare them for the same requests over 10,000 and over 100,000
//! conversations. Steps may grow as the depth of a B-tree does, and there must
//! be no full scan and no sort.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use fastrand::Rng;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, StatementStatus};

use super::answer::{AnswerTarget, MessageContext, NewAnswer, NewAnswerContent, VisitorMessage};
use super::batch::Batch;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use super::test_db::{DIRECTIONS, PROJECT, TestDb, all_filters, all_sorts};
use super::{conversation, message};
use crate::domain::{
    Audience, ConversationId, ConversationSeq, Direction, Limit, ListFilter, ListQuery,
    MessageContent, MessageId, Offset, Scope, Sort, SortKey, Status, Timestamp, VisitorSeq,
};

/// log 100,000 / log 10,000.
const MAX_GROWTH: f64 = 1.25;
/// Random pages to read of each order: enough that some of them begin at the end
/// of a block of the offset index, in the small and in the large database.
const RANDOM_PAGES: usize = 150;

/// What SQLite counts for a statement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Instructions of the virtual machine.
    pub steps: i32,
    /// Rows read by a full table scan.
    scanned_rows: i32,
    sorts: i32,
}

thread_local! {
    /// The cost of each statement that ran on this thread, by its text. SQLite's
    /// counters add up over the runs of a statement.
    static COSTS: RefCell<BTreeMap<String, Cost>> = RefCell::default();
}

fn record(event: TraceEvent<'_>) {
    if let TraceEvent::Profile(statement, _) = event {
        let cost = Cost {
            steps: statement.get_status(StatementStatus::VmStep),
            scanned_rows: statement.get_status(StatementStatus::FullscanStep),
            sorts: statement.get_status(StatementStatus::Sort),
        };
        COSTS.with_borrow_mut(|costs| costs.insert(statement.sql().into_owned(), cost));
    }
}

/// The cost of all statements that `work` runs on `connection`.
pub(super) fn cost(connection: &Connection, work: impl FnOnce()) -> Cost {
    connection.flush_prepared_statement_cache();
    COSTS.with_borrow_mut(BTreeMap::clear);
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(record));
    work();
    connection.trace_v2(TraceEventCodes::empty(), None);
    COSTS.with_borrow(|costs| {
        costs.values().fold(Cost::default(), |sum, cost| Cost {
            steps: sum.steps + cost.steps,
            scanned_rows: sum.scanned_rows + cost.scanned_rows,
            sorts: sum.sorts + cost.sorts,
        })
    })
}

/// The cost of each request by its name. If a request is made several times, the
/// most steps of one, and the sum of the scanned rows and sorts.
type Costs = BTreeMap<String, Cost>;

fn add_cost(costs: &mut Costs, name: String, cost: Cost) {
    let total = costs.entry(name).or_default();
    total.steps = total.steps.max(cost.steps);
    total.scanned_rows += cost.scanned_rows;
    total.sorts += cost.sorts;
}

/// The costs of all requests in a database of `conversations`.
fn costs_of(conversations: usize) -> Costs {
    let db = TestDb::new();
    let mut random = Rng::with_seed(1);
    db.insert_conversations(&mut random, conversations);
    let mut costs = Costs::new();
    read_costs(&db, conversations as u64, &mut random, &mut costs);
    write_costs(&db, &mut costs);
    costs
}

fn read_costs(db: &TestDb, conversations: u64, random: &mut Rng, costs: &mut Costs) {
    let connection = db.store.readers.connection().expect("a connection");
    let mut reads = Reads {
        connection: &connection,
        db,
        costs,
    };
    for (sort, filter, direction) in all_orders() {
        let order = ListQuery {
            filter,
            sort,
            direction,
            limit: Limit::default(),
            ..ListQuery::default()
        };
        // Half of the conversations are open, and half of each are handled by an agent.
        let halves = [filter.status.is_some(), filter.is_human_handled.is_some()];
        let total = conversations >> halves.map(u32::from).iter().sum::<u32>();
        reads.pages_of_order(&order, total, random);
    }
    reads.read("one conversation".to_owned(), read_conversation);
    reads.read("a visitor's own list".to_owned(), read_visitor_list);
}

/// Measures reads on one connection.
struct Reads<'c> {
    connection: &'c Connection,
    db: &'c TestDb,
    costs: &'c mut Costs,
}

impl Reads<'_> {
    fn snapshot(&self) -> Snapshot<'_> {
        let offset_index = self.db.store.offset_index();
        Snapshot::begin(self.connection, offset_index).expect("a snapshot")
    }

    fn read(&mut self, name: String, work: impl Fn(&Snapshot) -> Result<(), StoreError>) {
        let cost = cost(self.connection, || {
            work(&self.snapshot()).expect("a read");
        });
        add_cost(self.costs, name, cost);
    }

    fn pages_of_order(&mut self, order: &ListQuery, total: u64, random: &mut Rng) {
        let ListFilter {
            status,
            is_human_handled,
        } = order.filter;
        let name = format!(
            "{:?} {status:?} {is_human_handled:?} {:?}",
            order.sort, order.direction
        );
        self.read(format!("first page, {name}"), |snapshot| {
            read_page(snapshot, order).map(drop)
        });
        // The first page deep in an order builds its counts and is not measured.
        for eighth in 1..8 {
            let deep = at_offset(order, total * eighth / 8);
            let after = read_page(&self.snapshot(), &deep).expect("a page");
            let next = ListQuery {
                after,
                ..order.clone()
            };
            self.read(format!("page after a cursor, {name}"), |snapshot| {
                read_page(snapshot, &next).map(drop)
            });
        }
        for _ in 0..RANDOM_PAGES {
            let query = at_offset(order, random.u64(0..total));
            self.read(format!("any page, {name}"), |snapshot| {
                read_page(snapshot, &query).map(drop)
            });
        }
    }
}

fn at_offset(order: &ListQuery, offset: u64) -> ListQuery {
    ListQuery {
        offset: Offset::parse(&offset.to_string()).expect("an offset"),
        ..order.clone()
    }
}

fn read_conversation(snapshot: &Snapshot) -> Result<(), StoreError> {
    let (seq, id) = (ConversationSeq(77), ConversationId::generate());
    conversation::read(snapshot, seq, Audience::Staff, |_| ())?;
    let mut messages = message::MessageCursor::newest(snapshot, seq, id, true)?;
    messages
        .read(snapshot, |_| Ok(ControlFlow::Continue(())))
        .map(drop)
}

fn read_visitor_list(snapshot: &Snapshot) -> Result<(), StoreError> {
    let (scope, query) = (Scope::Visitor(VisitorSeq(1)), ListQuery::default());
    let totals = conversation::totals(snapshot, scope)?;
    conversation::page(snapshot, scope, &query, &totals, |_| Ok(())).map(drop)
}

fn all_orders() -> impl Iterator<Item = (Sort, ListFilter, Direction)> {
    all_sorts().into_iter().flat_map(|sort| {
        all_filters().into_iter().flat_map(move |filter| {
            DIRECTIONS
                .into_iter()
                .map(move |direction| (sort, filter, direction))
        })
    })
}

/// Reads a page and returns the key of its last row if another page follows.
fn read_page(snapshot: &Snapshot, query: &ListQuery) -> Result<Option<SortKey>, StoreError> {
    let scope = Scope::Project(PROJECT);
    let totals = conversation::totals(snapshot, scope)?;
    conversation::page(snapshot, scope, query, &totals, |_| Ok(()))
}

fn write_costs(db: &TestDb, costs: &mut Costs) {
    let connection = Connection::open(db.file()).expect("the file");
    // FTS5 reads its settings once for each connection.
    let first = "SELECT rowid FROM search_text WHERE search_text MATCH 'word'";
    let mut first = connection.prepare(first).expect("a statement");
    assert!(!first.exists([]).expect("a search"));
    let run = |batch: Batch| {
        batch.run_on(&connection).expect("a write");
    };
    let at = Timestamp(1000);
    let new = conversation::NewConversation {
        id: ConversationId::generate(),
        project: PROJECT,
        page_url: None,
        at,
    };
    let started = cost(&connection, || run(new.start(VisitorSeq(1))));
    add_cost(costs, "start".to_owned(), started);
    let seq = ConversationSeq(connection.last_insert_rowid());
    let sent = cost(&connection, || run(answered(seq, at)));
    add_cost(costs, "send and answer".to_owned(), sent);
    let closed = cost(&connection, || run(conversation::close(seq, None, at)));
    add_cost(costs, "close".to_owned(), closed);
    let delete = Sql::unregistered(
        "DELETE FROM conversation WHERE project_seq = ?1 AND id = ?2",
        [PROJECT.into(), new.id.into()],
    );
    let removed = cost(&connection, || run(Batch::of([delete])));
    add_cost(costs, "remove".to_owned(), removed);
}

fn answered(conversation: ConversationSeq, at: Timestamp) -> Batch {
    let question = VisitorMessage {
        id: MessageId::generate(),
        content: MessageContent::parse("Where is my parcel?").expect("a question"),
        page_url: None,
        page_title: None,
        text_selection: None,
    };
    let answer = NewAnswer {
        id: MessageId::generate(),
        content: NewAnswerContent::Complete {
            text: "On its way.".to_owned(),
            metadata: None,
        },
    };
    let context = MessageContext {
        conversation,
        project: PROJECT,
        at,
    };
    context.add_answer(&AnswerTarget::NewQuestion(Box::new(question)), &answer)
}

/// Nine open conversations that no agent handles, among many that an agent handles.
fn costs_of_few_without_an_agent(conversations: usize) -> Costs {
    let db = TestDb::new();
    let mut random = Rng::with_seed(1);
    db.insert_conversations(&mut random, conversations);
    let few = "(SELECT seq FROM conversation WHERE status = 'open' ORDER BY seq LIMIT 9)";
    let update = format!("UPDATE conversation SET is_human_handled = seq NOT IN {few}");
    let connection = Connection::open(db.file()).expect("the file");
    connection.execute(&update, []).expect("an update");
    let mut costs = Costs::new();
    let connection = db.store.readers.connection().expect("a connection");
    let mut reads = Reads {
        connection: &connection,
        db: &db,
        costs: &mut costs,
    };
    let orders = all_orders().filter(|(_, filter, _)| filter.is_human_handled == Some(false));
    for (sort, filter, direction) in orders {
        let order = ListQuery {
            filter,
            sort,
            direction,
            limit: Limit::parse("5").expect("a limit"),
            ..ListQuery::default()
        };
        let expected = u64::from(filter.status != Some(Status::Closed)) * 9;
        let totals = conversation::totals(&reads.snapshot(), Scope::Project(PROJECT));
        assert_eq!(totals.expect("totals").matching(filter), expected);
        reads.pages_of_order(&order, expected.max(1), &mut random);
    }
    costs
}

#[test]
fn few_conversations_without_an_agent_are_found_at_once_among_many_with_one() {
    let [small, large] = [2_000, 20_000].map(costs_of_few_without_an_agent);
    assert!(small.len() > 100, "{}", small.len());
    for (name, before) in &small {
        let after = &large[name];
        let max_steps = f64::from(before.steps) * MAX_GROWTH;
        let is_constant = f64::from(after.steps) <= max_steps && after.scanned_rows == 0;
        assert!(is_constant, "{name}: {before:?} became {after:?}");
    }
}

#[test]
fn no_request_takes_more_steps_in_a_larger_database() {
    let [small, large] = [10_000, 100_000].map(costs_of);
    let mut grown = Vec::new();
    println!("{:64} {:>8} {:>8}", "steps over", "10,000", "100,000");
    for (name, before) in &small {
        let after = &large[name];
        println!("{name:64} {:>8} {:>8}", before.steps, after.steps);
        let max_steps = f64::from(before.steps) * MAX_GROWTH;
        // Of the orders of a visitor's list, only the default one is in the test:
        // the others are sorted in memory.
        if f64::from(after.steps) > max_steps || after.scanned_rows + after.sorts > 0 {
            grown.push(format!("{name}: {before:?} became {after:?}"));
        }
    }
    assert!(small.len() > 430, "{}", small.len());
    assert!(grown.is_empty(), "{grown:#?}");
}
