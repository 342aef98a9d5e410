use super::*;
use crate::domain::{
    AssistantId, DeviceId, ProjectId, ProjectSeq, Timestamp, VisitorId, VisitorSeq,
};
use crate::store::Batch;
use crate::store::conversation::NewConversation;
use crate::store::postgres::test_database::TestDatabase;
use crate::store::project;
use crate::store::visitor::{NewVisitor, VisitorIdentity};

/// A database with some conversations. None if there is no server to test with.
fn database() -> Option<TestDatabase> {
    let database = TestDatabase::create()?;
    let store = database.store();
    let write = |batch| drop(store.write_blocking(batch).expect("a write"));
    let (seq, at) = (ProjectSeq(1), Timestamp(1));
    let id = ProjectId::generate();
    write(project::create(
        seq,
        id,
        AssistantId::generate(),
        "Shop",
        at,
    ));
    let visitor = NewVisitor {
        id: VisitorId::generate(),
        project: seq,
        identity: VisitorIdentity::Device(DeviceId::parse("saVid", "ann").expect("a device")),
        at,
    };
    write(Batch::of([visitor.insert()]));
    for _ in 0..3 {
        let conversation = NewConversation {
            id: crate::domain::ConversationId::generate(),
            project: seq,
            page_url: None,
            at,
        };
        write(conversation.start(VisitorSeq(1)));
    }
    drop(store);
    database.execute(
        "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
         SELECT uuid_send(gen_random_uuid()), seq, 1, 'user', 'complete', 'Hello' \
           FROM conversation; \
         UPDATE conversation SET title = 'Hello', title_key = 'hello', last_message_seq = \
                (SELECT max(m.seq) FROM message AS m WHERE m.conversation_seq = conversation.seq)",
    );
    Some(database)
}

/// All faults of a database after `statements`.
fn faults_after(database: &TestDatabase, statements: &str) -> Vec<String> {
    // Without the triggers that keep the rows in agreement.
    database.execute(&format!(
        "SET session_replication_role = replica; {statements}"
    ));
    let checked = CheckedDatabase::open(database.address()).expect("a connection");
    let faults = [
        checked.tables(),
        checked.references(),
        checked.counts(),
        checked.order(),
        checked.sequences(),
        checked.search_index(),
    ];
    let faults = faults.into_iter().map(|faults| faults.expect("a check"));
    faults.flatten().collect()
}

/// Expects one fault after `statements`, and none after `undo`.
#[track_caller]
fn expect_fault(database: &TestDatabase, statements: &str, undo: &str, text: &str) {
    let faults = faults_after(database, statements);
    assert!(
        faults.len() == 1 && faults[0].contains(text),
        "{statements}: {faults:?}"
    );
    assert_eq!(faults_after(database, undo), [""; 0], "{undo}");
}

#[test]
fn sound_database_has_no_faults_and_is_not_changed() {
    let Some(database) = database() else {
        return;
    };
    let schemas = "SELECT count(*) FROM pg_namespace";
    let before = database.number(schemas);
    assert_eq!(faults_after(&database, ""), [""; 0]);
    assert_eq!(database.number(schemas), before);
}

#[test]
fn changed_tables_are_found() {
    let Some(database) = database() else {
        return;
    };
    for (statements, undo, text) in [
        (
            "DROP INDEX note_by_conversation",
            "CREATE INDEX note_by_conversation ON note (conversation_seq)",
            "index note_by_conversation is missing",
        ),
        (
            "CREATE TABLE other ()",
            "DROP TABLE other",
            "table other is not of parlor",
        ),
        (
            "ALTER TABLE message DISABLE TRIGGER message_after_insert",
            "ALTER TABLE message ENABLE TRIGGER message_after_insert",
            "trigger message.message_after_insert was changed",
        ),
        (
            "ALTER TABLE qna ALTER COLUMN answer DROP NOT NULL",
            "ALTER TABLE qna ALTER COLUMN answer SET NOT NULL",
            "column qna.answer was changed",
        ),
        (
            "ALTER TABLE note DROP CONSTRAINT note_conversation_seq_fkey",
            "ALTER TABLE note ADD FOREIGN KEY (conversation_seq) \
                 REFERENCES conversation (seq) ON DELETE CASCADE",
            "constraint note.note_conversation_seq_fkey is missing",
        ),
        (
            "ALTER FUNCTION index_texts RENAME TO index_some",
            "ALTER FUNCTION index_some RENAME TO index_texts",
            "function index_texts is missing",
        ),
    ] {
        expect_fault(&database, statements, undo, text);
    }
}

#[test]
fn rows_that_contradict_each_other_are_found() {
    let Some(database) = database() else {
        return;
    };
    for (statements, undo, text) in [
        (
            "UPDATE conversation SET visitor_seq = 77 WHERE seq = 1; \
             UPDATE visitor SET open_conversations = 2",
            "UPDATE conversation SET visitor_seq = 1; UPDATE visitor SET open_conversations = 3",
            "1 rows of conversation refer to missing rows of visitor (visitor_seq)",
        ),
        (
            "INSERT INTO answer_refusal VALUES (77, 1, 1, 1, NULL)",
            "DELETE FROM answer_refusal",
            "1 rows of answer_refusal refer to missing rows of message (message_seq)",
        ),
        (
            "UPDATE project SET closed_conversations = 9",
            "UPDATE project SET closed_conversations = 0",
            "project 1 has the count 9 of conversations that are closed, but there are 0",
        ),
        (
            "UPDATE conversation SET last_message_seq = 1 WHERE seq = 2",
            "UPDATE conversation SET last_message_seq = 2 WHERE seq = 2",
            "1 conversations have another last message",
        ),
        (
            "UPDATE conversation SET title_key = 'other' WHERE seq < 3",
            "UPDATE conversation SET title_key = 'hello'",
            "2 conversations have a title_key",
        ),
        (
            "SELECT setval('message_seq_seq', 1)",
            "SELECT setval('message_seq_seq', 3)",
            "SELECT setval('public.message_seq_seq', 3);",
        ),
        (
            "DELETE FROM search_backlog WHERE seq IN (1, -2)",
            "INSERT INTO search_backlog (seq) VALUES (1), (-2)",
            "2 texts cannot be found",
        ),
        (
            "INSERT INTO search_text VALUES (77, 1, '')",
            "DELETE FROM search_text",
            "the index has 1 texts that were deleted",
        ),
    ] {
        expect_fault(&database, statements, undo, text);
    }
}

#[test]
fn messages_of_a_conversation_that_is_being_deleted_are_no_fault() {
    let Some(database) = database() else {
        return;
    };
    let start = "INSERT INTO deleted_conversation VALUES (2); \
                 DELETE FROM conversation WHERE seq = 2; \
                 UPDATE visitor SET open_conversations = 2; \
                 UPDATE project SET open_conversations = 2; \
                 INSERT INTO search_backlog (seq) VALUES (-2)";
    assert_eq!(faults_after(&database, start), [""; 0]);
}
