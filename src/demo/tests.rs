//! Properties of the generated data for plans of several sizes.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{DemoPlan, fill};
use crate::domain::{ProjectSeq, Timestamp};

/// The end of the data, 2026-06-30T18:00:00Z.
const END: i64 = 1_782_842_400_000;

fn generate(conversations: u32, visitors: u32, seed: u64) -> Connection {
    let folder = tempfile::tempdir().expect("create folder");
    let path = folder.path().join("demo.db");
    Connection::open(&path)
        .expect("open")
        .execute_batch(concat!(
            "PRAGMA synchronous = OFF;",
            include_str!("../../schema.sql"),
            "INSERT INTO project (seq, id, name, created_at) VALUES (7, zeroblob(16), 'Demo', 0);"
        ))
        .expect("create schema and project");
    let plan = DemoPlan {
        conversations,
        visitors,
        seed,
        end: Timestamp(END),
    };
    fill(&path, ProjectSeq(7), &plan, &|_, _, _| {}).expect("fill");
    // The connection keeps the file open after its folder is removed.
    Connection::open(&path).expect("open")
}

/// The schema and all rows of the database.
fn dump(connection: &Connection) -> Vec<Vec<Value>> {
    [
        "sqlite_schema",
        "project",
        "visitor",
        "conversation",
        "message",
        "note",
        "saved_reply",
        "source",
    ]
    .iter()
    .flat_map(|table| {
        let sql = match *table {
            "sqlite_schema" => "SELECT type, name, sql FROM sqlite_schema ORDER BY name".into(),
            table => format!("SELECT * FROM {table} ORDER BY seq"),
        };
        let mut statement = connection.prepare(&sql).expect("prepare");
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
        let rows = rows.expect("query").collect::<Result<Vec<_>, _>>();
        rows.expect("read rows")
    })
    .collect()
}

fn number(connection: &Connection, sql: &str) -> f64 {
    let value: Option<f64> = connection
        .query_row(&format!("SELECT CAST(({sql}) AS REAL)"), [], |row| {
            row.get(0)
        })
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    value.unwrap_or_else(|| panic!("{sql}: null"))
}

/// Queries that count inconsistent rows.
const INCONSISTENCIES: [&str; 15] = [
    "SELECT count(*) FROM conversation
      WHERE last_interaction_at < created_at OR updated_at < last_interaction_at
         OR closed_at < last_interaction_at OR closed_at > updated_at
         OR updated_at > 1782842400000",
    "SELECT count(*) FROM conversation WHERE close_reason IS NOT NULL AND status = 'open'",
    "SELECT count(*) FROM conversation c WHERE last_message_seq IS NOT
        (SELECT max(seq) FROM message m WHERE m.conversation_seq = c.seq)",
    "SELECT count(*) FROM conversation c WHERE last_interaction_at <> ifnull(
        (SELECT max(created_at) FROM message m WHERE m.conversation_seq = c.seq), created_at)",
    "SELECT count(*) FROM conversation c WHERE is_human_handled <> has_agent
         OR has_agent <> (agent_name IS NOT NULL) OR has_agent <> EXISTS
        (SELECT 1 FROM message m WHERE m.conversation_seq = c.seq AND role = 'human_agent')",
    "SELECT count(*) FROM conversation c WHERE title IS NULL
        AND (SELECT count(*) FROM message m WHERE m.conversation_seq = c.seq) > 1",
    "SELECT count(*) FROM conversation WHERE length(title) NOT BETWEEN 1 AND 80
         OR title <> trim(title)",
    "SELECT count(*) FROM message m JOIN message n
         ON n.seq = m.seq + 1 AND n.conversation_seq = m.conversation_seq
      WHERE n.created_at <= m.created_at",
    "SELECT count(*) FROM message WHERE (error IS NULL) <> (status = 'complete')
         OR (feedback IS NULL) <> (feedback_at IS NULL) OR feedback_at <= created_at
         OR (role = 'user' AND feedback IS NOT NULL)
         OR (role = 'human_agent') <> (agent_name IS NOT NULL)
         OR (role <> 'user' AND page_url IS NOT NULL)
         OR text LIKE '%{%' OR (text = '' AND error IS NULL)",
    "SELECT count(*) FROM visitor v WHERE
        open_conversations <> (SELECT count(*) FROM conversation c
            WHERE c.visitor_seq = v.seq AND status = 'open')
     OR closed_conversations <> (SELECT count(*) FROM conversation c
            WHERE c.visitor_seq = v.seq AND status = 'closed')
     OR open_human_handled <> (SELECT count(*) FROM conversation c
            WHERE c.visitor_seq = v.seq AND status = 'open' AND is_human_handled)
     OR closed_human_handled <> (SELECT count(*) FROM conversation c
            WHERE c.visitor_seq = v.seq AND status = 'closed' AND is_human_handled)
     OR created_at > (SELECT min(created_at) FROM conversation c WHERE c.visitor_seq = v.seq)",
    "SELECT count(*) FROM project WHERE
        open_conversations <> (SELECT count(*) FROM conversation WHERE status = 'open')
     OR closed_conversations <> (SELECT count(*) FROM conversation WHERE status = 'closed')
     OR open_human_handled <> (SELECT count(*) FROM conversation
            WHERE status = 'open' AND is_human_handled)
     OR closed_human_handled <> (SELECT count(*) FROM conversation
            WHERE status = 'closed' AND is_human_handled)
     OR waiting_conversations <> (SELECT count(*) FROM conversation
            WHERE waiting_since IS NOT NULL)",
    "SELECT count(*) FROM conversation c WHERE (read_message_seq IS NOT NULL AND read_message_seq NOT IN
        (SELECT seq FROM message m WHERE m.conversation_seq = c.seq))
     OR waited_ms <= 0 OR (waited_ms IS NOT NULL AND NOT is_human_handled)
     OR waiting_since > last_interaction_at",
    "SELECT count(*) FROM answer_refusal r WHERE NOT EXISTS
        (SELECT 1 FROM message a JOIN message q ON q.conversation_seq = a.conversation_seq
          WHERE a.seq = r.message_seq AND a.role = 'assistant' AND a.created_at = r.created_at
            AND q.seq = r.question_seq AND q.role = 'user' AND q.seq < a.seq)",
    "SELECT count(*) FROM note n JOIN conversation c ON c.seq = n.conversation_seq
      WHERE n.created_at NOT BETWEEN c.created_at AND 1782842400000 OR n.agent_id IS NULL",
    "SELECT (SELECT count(*) FROM visitor WHERE avatar_url IS NOT NULL)
          + (SELECT count(*) FROM conversation WHERE agent_image IS NOT NULL)
          + (SELECT count(*) FROM message WHERE agent_image IS NOT NULL)",
];

fn assert_consistent(connection: &Connection, conversations: u32, visitors: u32) {
    for sql in INCONSISTENCIES {
        assert_eq!(number(connection, sql), 0.0, "{sql}");
    }
    let rows = |table| number(connection, &format!("SELECT count(*) FROM {table}"));
    assert_eq!(rows("conversation"), f64::from(conversations));
    assert_eq!(rows("visitor"), f64::from(visitors.max(1)));
    assert_eq!(rows("pragma_foreign_key_check"), 0.0);
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("integrity check");
    assert_eq!(check, "ok");
}

#[test]
fn database_depends_on_plan_and_seed_only() {
    assert!(dump(&generate(300, 75, 1)) == dump(&generate(300, 75, 1)));
    assert!(dump(&generate(300, 75, 1)) != dump(&generate(300, 75, 2)));
}

#[test]
fn data_of_any_size_is_consistent() {
    for (conversations, visitors) in [
        (0, 0),
        (0, 3),
        (1, 1),
        (12, 1),
        (12, 3),
        (12, 40),
        (500, 1),
        (500, 2),
        (500, 125),
        (500, 800),
    ] {
        for seed in [1, 2, 3] {
            assert_consistent(
                &generate(conversations, visitors, seed),
                conversations,
                visitors,
            );
        }
    }
}

#[test]
fn some_conversations_of_the_last_hours_wait_whatever_the_size() {
    for (conversations, visitors) in [(100, 25), (500, 125), (5000, 1250)] {
        let connection = generate(conversations, visitors, 5);
        let waiting = format!(
            "SELECT count(*) FROM conversation
              WHERE waiting_since BETWEEN {END} - 6 * 3600000 AND {END} - 60000"
        );
        assert!((3.0..=6.0).contains(&number(&connection, &waiting)));
        let reasons = "SELECT count(DISTINCT waiting_reason) FROM conversation";
        assert_eq!(number(&connection, reasons), 3.0);
    }
}

#[test]
fn agents_have_read_most_conversations_and_left_notes() {
    let connection = generate(500, 125, 5);
    let unread = "SELECT count(*) FROM conversation
                   WHERE last_message_seq > ifnull(read_message_seq, 0)";
    assert!((5.0..40.0).contains(&number(&connection, unread)));
    let rows = |table| number(&connection, &format!("SELECT count(*) FROM {table}"));
    assert!(rows("note") >= 3.0);
    assert!(rows("answer_refusal WHERE resolved_at IS NULL") >= 5.0);
    assert!(rows("saved_reply") >= 3.0);
    assert_eq!(rows("source"), 1.0);
    assert!(rows("visitor WHERE email IS NOT NULL") > 5.0);
    assert!(rows("conversation WHERE waited_ms IS NOT NULL") > 20.0);
}

#[test]
fn demo_visitor_has_open_and_closed_conversations() {
    for (conversations, visitors, least) in [(12, 3, 12), (500, 125, 25), (5000, 1250, 250)] {
        let connection = generate(conversations, visitors, 5);
        let counts = "FROM visitor WHERE sa_vid = 'demo'";
        let open = number(&connection, &format!("SELECT open_conversations {counts}"));
        let closed = number(
            &connection,
            &format!("SELECT closed_conversations {counts}"),
        );
        assert_eq!(open + closed, f64::from(least));
        assert!(open > 0.0 && closed > 0.0);
    }
}

#[test]
fn indexes_and_triggers_equal_those_of_the_schema() {
    let connection = generate(12, 3, 1);
    let empty = Connection::open_in_memory().expect("open");
    empty
        .execute_batch(include_str!("../../schema.sql"))
        .expect("create schema");
    let schema_sql = |connection: &Connection| {
        let mut statement = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .expect("prepare");
        let rows = statement
            .query_map([], |row| row.get::<_, String>(0))
            .expect("query");
        rows.collect::<Result<Vec<_>, _>>().expect("read rows")
    };
    assert_eq!(schema_sql(&connection), schema_sql(&empty));
    assert_eq!(
        number(&connection, "SELECT foreign_keys FROM pragma_foreign_keys"),
        1.0
    );
}

#[test]
fn shares_of_states_and_feedback_are_as_designed() {
    let connection = generate(5000, 1250, 9);
    let near = |sql: &str, expected: f64, tolerance: f64| {
        let share = number(&connection, sql);
        assert!((share - expected).abs() < tolerance, "{share}: {sql}");
    };
    near(
        "SELECT avg(status = 'closed') FROM conversation",
        0.71,
        0.04,
    );
    near("SELECT avg(is_human_handled) FROM conversation", 0.15, 0.03);
    near("SELECT avg(title IS NULL) FROM conversation", 0.08, 0.02);
    near(
        "SELECT avg(last_message_seq IS NULL) FROM conversation",
        0.03,
        0.015,
    );
    near("SELECT count(*) / 5000.0 FROM message", 3.5, 0.3);
    near(
        "SELECT avg(feedback IS NOT NULL) FROM message WHERE role <> 'user'",
        0.09,
        0.02,
    );
    near(
        "SELECT avg(open_conversations + closed_conversations <= 2) FROM visitor",
        0.75,
        0.2,
    );
    let ties = "SELECT count(*) - count(DISTINCT created_at) FROM conversation";
    assert!(number(&connection, ties) > 20.0);
    let titles = "SELECT count(DISTINCT title) FROM conversation";
    assert!(number(&connection, titles) > 2000.0);
}
