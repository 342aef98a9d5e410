//! The index has every text exactly once, whatever is written meanwhile.

use fastrand::Rng;
use rusqlite::Connection;

use super::*;
use crate::store::sql::Value;
use crate::store::test_db::{PROJECT, TestDb};
use crate::store::{Snapshot, conversation};

const WORDS: [&str; 6] = ["refund", "delivery", "Größe", "norway", "shoes", "mug"];

/// Adds texts until nothing remains. Returns the number of steps.
fn index_all(db: &TestDb) -> usize {
    let mut steps = 0;
    while index_step(db) {
        steps += 1;
    }
    steps
}

/// Adds the texts of one step. Returns false if there are none.
fn index_step(db: &TestDb) -> bool {
    let step = db.store.read_blocking(next_step).expect("a step");
    if step.is_empty() {
        assert!(step.is_last);
        return false;
    }
    db.store.write_blocking(step.batch()).expect("a write");
    true
}

fn write(db: &TestDb, sql: &'static str, values: Vec<Value>) {
    let mut statement = Sql::unregistered(sql, []);
    statement.values = values;
    let batch = Batch::new().run(statement);
    db.store.write_blocking(batch).expect(sql);
}

fn connection(db: &TestDb) -> Connection {
    Connection::open(db.file()).expect("the file")
}

/// Each word of an index: the word, the row and the place in the text.
type Instances = Vec<(String, i64, i64)>;

fn instances(connection: &Connection, schema: &str, table: &str) -> Instances {
    let create = format!(
        "CREATE VIRTUAL TABLE temp.words_of_{table} USING fts5vocab ({schema}, {table}, instance)"
    );
    connection.execute(&create, []).expect("a table");
    let select = format!("SELECT term, doc, offset FROM words_of_{table} ORDER BY 1, 2, 3");
    let mut statement = connection.prepare(&select).expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.and_then(Iterator::collect).expect("words")
}

/// Compares the index with one that is made of the texts.
fn assert_index_is_exact(db: &TestDb) {
    let connection = connection(db);
    let create = "CREATE VIRTUAL TABLE temp.expected \
                      USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2'); \
                  INSERT INTO expected (rowid, text) SELECT seq, text FROM searched_text";
    connection.execute_batch(create).expect("an index");
    let found = instances(&connection, "main", "search_text");
    assert_eq!(found, instances(&connection, "temp", "expected"));
}

fn random_text(random: &mut Rng) -> String {
    let count = random.usize(1..5);
    let words = (0..count).map(|_| WORDS[random.usize(..WORDS.len())]);
    words.collect::<Vec<_>>().join(" ")
}

const INSERT_CONVERSATION: &str = "\
    INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, updated_at, \
                              last_interaction_at, title, title_key) \
    VALUES (randomblob(16), 1, 1, 'open', 1, 1, 1, ?1, ?1)";
const INSERT_MESSAGE: &str = "\
    INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
    SELECT randomblob(16), seq, 1, 'assistant', ?2, ?1 FROM conversation ORDER BY seq DESC LIMIT 1";

fn random_change(db: &TestDb, random: &mut Rng) {
    let text = Value::from(random_text(random));
    let seq = Value::from(random.i64(1..60));
    match random.u8(..10) {
        0 => write(db, INSERT_CONVERSATION, vec![Value::Null]),
        1 => write(db, INSERT_CONVERSATION, vec![text]),
        2..=4 => write(db, INSERT_MESSAGE, vec![text, "complete".into()]),
        5 => write(db, INSERT_MESSAGE, vec!["".into(), "streaming".into()]),
        6 => write(
            db,
            "UPDATE message SET text = ?1, status = 'complete' WHERE seq = ?2",
            vec![text, seq],
        ),
        7 => write(
            db,
            "UPDATE message SET text = '', status = 'streaming' WHERE seq = ?1",
            vec![seq],
        ),
        8 => write(
            db,
            "UPDATE conversation SET title = ?1, title_key = ?1 WHERE seq = ?2",
            vec![if random.bool() { text } else { Value::Null }, seq],
        ),
        // The newest rows too: their numbers are used again.
        _ => {
            let newest = random.bool();
            let sql = if newest {
                "DELETE FROM message WHERE seq = (SELECT max(seq) FROM message)"
            } else {
                "DELETE FROM conversation WHERE seq = (SELECT max(seq) FROM conversation)"
            };
            write(db, sql, vec![]);
        }
    }
}

#[test]
fn index_has_every_text_once_after_random_changes() {
    for seed in 0..4 {
        let (db, mut random) = (TestDb::new(), Rng::with_seed(seed));
        write(&db, INSERT_CONVERSATION, vec![Value::Null]);
        for _ in 0..400 {
            random_change(&db, &mut random);
            if random.u8(..6) == 0 {
                index_step(&db);
            }
        }
        write(
            &db,
            "UPDATE message SET status = 'complete', text = 'mug'",
            vec![],
        );
        index_all(&db);
        assert_index_is_exact(&db);
        let backlog: i64 = connection(&db)
            .query_row("SELECT count(*) FROM search_backlog", [], |row| row.get(0))
            .expect("a count");
        assert_eq!(backlog, 0);
    }
}

#[test]
fn changes_between_the_read_and_the_write_of_a_step_are_kept() {
    let (db, mut random) = (TestDb::new(), Rng::with_seed(9));
    write(&db, INSERT_CONVERSATION, vec!["mug".into()]);
    for _ in 0..60 {
        for _ in 0..3 {
            random_change(&db, &mut random);
        }
        let step = db.store.read_blocking(next_step).expect("a step");
        for _ in 0..3 {
            random_change(&db, &mut random);
        }
        if !step.is_empty() {
            db.store.write_blocking(step.batch()).expect("a write");
        }
    }
    write(&db, "UPDATE message SET status = 'complete'", vec![]);
    index_all(&db);
    assert_index_is_exact(&db);
}

#[test]
fn a_file_with_many_texts_is_indexed_in_steps() {
    let db = TestDb::new();
    write(&db, INSERT_CONVERSATION, vec!["mug".into()]);
    let long = Value::from("delivery ".repeat(2000));
    for _ in 0..20 {
        write(&db, INSERT_MESSAGE, vec![long.clone(), "complete".into()]);
    }
    let many = "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
                SELECT randomblob(16), 1, 1, 'user', 'complete', 'shoes' FROM generated";
    let generated = "WITH RECURSIVE generated (n) AS \
                     (SELECT 1 UNION ALL SELECT n + 1 FROM generated WHERE n < 1200) ";
    let inserted = connection(&db).execute(&format!("{generated}{many}"), []);
    assert_eq!(inserted, Ok(1200));
    // 360 kB in steps of 64 kB, and 1200 rows in steps of 500.
    let steps = index_all(&db);
    assert!((6..=12).contains(&steps), "{steps} steps");
    assert_index_is_exact(&db);
}

/// The terms of the index.
fn terms(db: &TestDb) -> Vec<String> {
    let connection = connection(db);
    let create = "CREATE VIRTUAL TABLE temp.terms USING fts5vocab (main, search_text, 'row')";
    connection.execute(create, []).expect("a table");
    let mut statement = connection
        .prepare("SELECT term FROM terms")
        .expect("a statement");
    let rows = statement.query_map([], |row| row.get(0));
    rows.and_then(Iterator::collect).expect("terms")
}

#[test]
fn terms_of_deleted_conversations_and_of_a_cleared_index_are_gone() {
    let db = TestDb::new();
    for [title, text] in [["norway", "shoes"], ["refund", "mug"]] {
        write(&db, INSERT_CONVERSATION, vec![title.into()]);
        write(&db, INSERT_MESSAGE, vec![text.into(), "complete".into()]);
    }
    index_all(&db);
    assert_eq!(terms(&db), ["mug", "norway", "refund", "shoes"]);
    write(&db, "DELETE FROM conversation WHERE seq = 2", vec![]);
    assert_eq!(terms(&db), ["norway", "shoes"]);
    assert!(db.store.read_blocking(has_texts).expect("a read"));
    db.store.write_blocking(clear()).expect("a write");
    assert_eq!(terms(&db), [""; 0]);
    assert!(!db.store.read_blocking(has_texts).expect("a read"));
    index_all(&db);
    assert_eq!(terms(&db), ["norway", "shoes"]);
    assert_index_is_exact(&db);
}

#[test]
fn indexing_does_not_change_lists() {
    let db = TestDb::new();
    write(&db, INSERT_CONVERSATION, vec!["mug".into()]);
    let scope = crate::domain::Scope::Project(PROJECT);
    let version = || {
        let totals = |snapshot: &Snapshot| conversation::totals(snapshot, scope);
        db.store.read_blocking(totals).expect("totals").version
    };
    let before = (version(), db.list_version(scope));
    index_all(&db);
    assert_eq!((version(), db.list_version(scope)), before);
}

/// A conversation gets its title with its first message, often after it was indexed.
#[test]
fn a_changed_title_is_indexed_without_reading_all_conversations() {
    let db = TestDb::new();
    db.insert_conversations(&mut Rng::with_seed(1), 5000);
    index_all(&db);
    let update = "UPDATE conversation SET title = 'norway', title_key = 'norway' WHERE seq < 11";
    write(&db, update, vec![]);
    let step = db.store.read_blocking(next_step).expect("a step");
    let connection = connection(&db);
    let cost = crate::store::query_cost_tests::cost(&connection, || {
        step.batch().run_on(&connection).expect("a step");
    });
    assert!(cost.steps < 5000, "{} steps", cost.steps);
    assert_index_is_exact(&db);
}

/// The rows and pages that a batch changes.
fn changes(db: &TestDb, batch: Batch) -> i64 {
    let total = || Batch::of([Sql::unregistered("SELECT total_changes()", [])]);
    let output = db.store.write_blocking(total().then(batch).then(total()));
    let numbers: Vec<_> = output
        .expect("a write")
        .rows
        .into_iter()
        .flatten()
        .collect();
    match (numbers.first(), numbers.last()) {
        (Some(Value::Integer(before)), Some(Value::Integer(after))) => after - before,
        other => panic!("{other:?}"),
    }
}

/// FTS5 would merge hundreds of pages in the transaction that adds texts.
#[test]
fn no_step_writes_more_than_its_texts_and_some_pages() {
    const PAGES: u32 = 16;
    let db = TestDb::new();
    write(&db, INSERT_CONVERSATION, vec!["mug".into()]);
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
                  INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
                  SELECT randomblob(16), 1, 1, 'user', 'complete', \
                         hex(randomblob(4)) || ' ' || hex(randomblob(8)) || ' ' || (i % 700) FROM n";
    assert_eq!(connection(&db).execute(insert, []), Ok(20_000));
    assert!(!db.store.read_blocking(has_options).expect("a read"));
    db.store.write_blocking(set_options()).expect("a write");
    assert!(db.store.read_blocking(has_options).expect("a read"));
    let (mut max_step, mut max_merge, mut merges) = (0, 0, 0);
    loop {
        let step = db.store.read_blocking(next_step).expect("a step");
        if step.is_empty() {
            break;
        }
        max_step = max_step.max(changes(&db, step.batch()));
        for _ in 0..2 {
            let changed = changes(&db, search_merge::merge_segments(PAGES));
            max_merge = max_merge.max(changed);
            merges += i64::from(changed > 1);
        }
    }
    // A step has 500 texts.
    assert!(max_step < 600, "{max_step} changes");
    // A merge also deletes the pages that it has read.
    assert!(max_merge < 10 * i64::from(PAGES), "{max_merge} changes");
    assert!(merges > 20, "{merges} merges");
    assert_index_is_exact(&db);
}
