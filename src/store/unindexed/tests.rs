//! Searches find texts that the index lacks, and say when they may miss some.

use super::*;
use crate::domain::{ListQuery, ProjectSeq, SearchFilter};
use crate::store::message_search;
use crate::store::open::SCHEMA;
use crate::store::search_index::next_step;
use crate::store::test_db::{PROJECT, TestDb};

const OTHER_PROJECT: Scope = Scope::Project(ProjectSeq(2));

/// A file with an empty conversation of each of two projects.
fn database() -> TestDb {
    let db = TestDb::new();
    execute(
        &db,
        "INSERT INTO project (seq, id, name, created_at) VALUES (2, randomblob(16), 'y', 0);
         INSERT INTO visitor (seq, id, project_seq, created_at) VALUES (2, randomblob(16), 2, 0);",
    );
    insert_conversations(&db, 1, 1);
    insert_conversations(&db, 2, 1);
    db
}

fn execute(db: &TestDb, sql: &str) {
    let connection = rusqlite::Connection::open(db.file()).expect("the file");
    connection.execute_batch(sql).expect(sql);
}

/// Inserts conversations of a project, each after the last.
fn insert_conversations(db: &TestDb, project: i64, count: i64) {
    execute(
        db,
        &format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at,
                                       updated_at, last_interaction_at)
             SELECT randomblob(16), {project}, {project}, 'open', 1, 1, 1 FROM n"
        ),
    );
}

/// Inserts messages into the newest conversation of a project.
fn insert_messages(db: &TestDb, project: i64, count: i64, text: &str) {
    execute(
        db,
        &format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO message (id, conversation_seq, created_at, role, status, text)
             SELECT randomblob(16), (SELECT max(seq) FROM conversation WHERE project_seq = {project}),
                    1, 'user', 'complete', '{text}' FROM n"
        ),
    );
}

/// Indexes the next texts. Returns false if there are none.
fn index_step(db: &TestDb) -> bool {
    let step = db.store.read_blocking(next_step).expect("a step");
    let is_empty = step.is_empty();
    db.store.write_blocking(step.batch()).expect("a write");
    !is_empty
}

fn index_all(db: &TestDb) {
    while index_step(db) {}
}

/// The number of conversations with a word, and whether some may be missing.
fn find(db: &TestDb, scope: Scope, word: &str) -> Result<(u64, bool), StoreError> {
    let search = SearchFilter {
        text: Some(word.to_owned()),
        ..SearchFilter::default()
    };
    db.store.read_blocking(|snapshot| {
        let page = message_search::page(snapshot, scope, &ListQuery::default(), &search)?;
        Ok((page.total, page.is_partial))
    })
}

fn assert_found(db: &TestDb, scope: Scope, word: &str, expected: (u64, bool)) {
    let found = find(db, scope, word);
    let Ok(found) = found else {
        panic!("{word}: {found:?}");
    };
    assert_eq!(found, expected, "{word}");
}

#[test]
fn the_index_in_memory_has_the_tokenizer_of_the_file() {
    let tokenizer = CREATE_INDEX.split_once("tokenize = ").expect("a tokenizer");
    let (tokenizer, _) = tokenizer.1.split_once(')').expect("an end");
    let table = SCHEMA
        .split_once("VIRTUAL TABLE search_text")
        .expect("a table");
    let (table, _) = table.1.split_once(';').expect("an end");
    assert!(
        table.contains(&format!("tokenize = {tokenizer}")),
        "{table}"
    );
}

#[test]
fn a_text_is_found_before_it_is_indexed_and_once() {
    let db = database();
    let own = Scope::Project(PROJECT);
    insert_messages(&db, 1, 3, "Größe");
    assert_found(&db, own, "grosse", (0, false));
    assert_found(&db, own, "große", (1, false));
    assert_found(&db, OTHER_PROJECT, "große", (0, false));
    index_all(&db);
    assert_found(&db, own, "große", (1, false));
    execute(&db, "UPDATE message SET text = 'mug' WHERE seq = 2");
    execute(
        &db,
        "UPDATE conversation SET title = 'Norway', title_key = 'norway' WHERE project_seq = 1",
    );
    for word in ["große", "mug", "norway"] {
        assert_found(&db, own, word, (1, false));
        assert_found(&db, OTHER_PROJECT, word, (0, false));
    }
    execute(
        &db,
        "UPDATE message SET status = 'streaming', text = 'shoes' WHERE seq = 3",
    );
    assert_found(&db, own, "shoes", (0, false));
    index_all(&db);
    execute(&db, "UPDATE message SET status = 'complete' WHERE seq = 3");
    assert_found(&db, own, "shoes", (1, false));
}

#[test]
fn many_missing_texts_of_one_project_hide_nothing_of_another() {
    let db = database();
    insert_messages(&db, 2, 1, "refund");
    index_all(&db);
    insert_conversations(&db, 1, 2 * MAX_CONVERSATIONS);
    insert_messages(&db, 1, MAX_FILE_TEXTS as i64 + 1, "delivery");
    insert_messages(&db, 2, 1, "shoes");
    for word in ["refund", "shoes"] {
        assert_found(&db, OTHER_PROJECT, word, (1, false));
    }
    assert_found(
        &db,
        Scope::Visitor(crate::domain::VisitorSeq(2)),
        "shoes",
        (1, false),
    );
    // The project itself learns that texts are missing, but not those of conversations
    // that changed last.
    let own = Scope::Project(PROJECT);
    execute(
        &db,
        "UPDATE conversation SET updated_at = 0
          WHERE seq = (SELECT max(seq) FROM conversation WHERE project_seq = 1);
         UPDATE conversation SET updated_at = 2 WHERE seq = (SELECT min(seq) FROM conversation);
         INSERT INTO message (id, conversation_seq, created_at, role, status, text)
         SELECT randomblob(16), min(seq), 2, 'user', 'complete', 'mug' FROM conversation",
    );
    assert_found(&db, own, "mug", (1, true));
    assert_found(&db, own, "delivery", (0, true));
    index_all(&db);
    for (word, count) in [("mug", 1), ("delivery", 1), ("shoes", 0)] {
        assert_found(&db, own, word, (count, false));
    }
}

#[test]
fn only_a_project_whose_first_build_is_not_complete_is_refused() {
    let db = database();
    insert_messages(&db, 2, 1, "refund");
    insert_conversations(&db, 1, 2 * MAX_CONVERSATIONS);
    insert_messages(&db, 1, MAX_FILE_TEXTS as i64 + 1000, "delivery");
    let own = Scope::Project(PROJECT);
    for _ in 0..2 {
        let refused = find(&db, own, "delivery");
        let is_refused = matches!(refused, Err(StoreError::IndexIncomplete));
        assert!(is_refused, "{refused:?}");
        assert_found(&db, OTHER_PROJECT, "refund", (1, false));
        assert!(index_step(&db));
    }
    index_all(&db);
    assert_found(&db, own, "delivery", (1, false));
    // After the first build, nothing is refused.
    insert_messages(&db, 1, MAX_FILE_TEXTS as i64 + 1000, "mug");
    assert!(index_step(&db));
    assert_found(&db, own, "delivery", (1, true));
}

#[test]
fn large_missing_texts_are_searched_up_to_a_limit() {
    let db = database();
    index_all(&db);
    let large = "delivery ".repeat(20_000);
    insert_messages(&db, 1, 1, "refund");
    insert_messages(&db, 1, 20, &large);
    insert_messages(&db, 1, 1, "mug");
    let own = Scope::Project(PROJECT);
    assert_found(&db, own, "mug", (1, true));
    assert_found(&db, own, "refund", (0, true));
    assert_found(&db, OTHER_PROJECT, "mug", (0, false));
    index_all(&db);
    assert_found(&db, own, "refund", (1, false));
}
