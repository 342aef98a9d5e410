//! Every column is exported, or is known not to be.

use crate::store::open::open_in_memory;

use super::StoredRecord;
use super::record::{
    AccountRecord, AssistantRecord, ConversationRecord, DocumentRecord, KeyRecord, MessageRecord,
    NoteRecord, ProjectRecord, QnaRecord, RefusalRecord, SavedReplyRecord, SecretRecord,
    SessionRecord, SourceRecord, UsageRecord, VisitorRecord,
};

/// The SELECTs of the tables that an export has.
const EXPORTED_TABLES: [(&str, &str); 16] = [
    ("project", ProjectRecord::ALL.sqlite()),
    ("assistant", AssistantRecord::ALL.sqlite()),
    ("api_key", KeyRecord::ALL.sqlite()),
    ("agent", AccountRecord::ALL.sqlite()),
    ("secret", SecretRecord::ALL.sqlite()),
    ("usage", UsageRecord::ALL.sqlite()),
    ("qna", QnaRecord::ALL.sqlite()),
    ("document", DocumentRecord::ALL.sqlite()),
    ("source", SourceRecord::ALL.sqlite()),
    ("saved_reply", SavedReplyRecord::ALL.sqlite()),
    ("visitor", VisitorRecord::ALL.sqlite()),
    ("session", SessionRecord::ALL.sqlite()),
    ("conversation", ConversationRecord::ALL.sqlite()),
    ("message", MessageRecord::ALL.sqlite()),
    ("note", NoteRecord::ALL.sqlite()),
    ("answer_refusal", RefusalRecord::ALL.sqlite()),
];

/// Tables that an export does not have: passages are part of documents and follow from
/// Q&As; processes, idempotency keys, sessions of agents, links for signing in and
/// notifications are valid for a short time and one server; the search index follows from
/// the texts, and so do embeddings; deleted rows are not exported.
const OTHER_TABLES: [&str; 12] = [
    "passage",
    "embedding",
    "process",
    "idempotency_key",
    "agent_session",
    "sign_in_link",
    "notification",
    "search_progress",
    "search_backlog",
    "deleted_conversation",
    "deleted_visitor",
    "deleted_seq",
];

/// Columns that an export does not have: row numbers, which the importing database
/// chooses, and what follows from other columns.
const OTHER_COLUMNS: [&str; 19] = [
    "seq",
    "project_seq",
    "visitor_seq",
    "conversation_seq",
    "assistant_seq",
    "key_seq",
    "last_message_seq",
    "waiting_conversations",
    // The ids of the messages are exported.
    "message_seq",
    "question_seq",
    // Records of the kind secret.
    "webhook_secret",
    "identity_secret",
    "open_conversations",
    "closed_conversations",
    "open_human_handled",
    "closed_human_handled",
    "list_version",
    "title_key",
    // The process that writes an answer.
    "owner",
];

#[test]
fn every_column_is_exported_or_follows_from_others() {
    let connection = open_in_memory();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).expect(sql);
        let rows = statement.query_map([], |row| row.get(0)).expect(sql);
        rows.collect::<Result<_, _>>().expect(sql)
    };
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' \
                     AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%\\_text%' ESCAPE '\\' \
                     AND name NOT LIKE '%\\_version' ESCAPE '\\'";
    for table in texts(tables) {
        if OTHER_TABLES.contains(&table.as_str()) {
            continue;
        }
        let exported = EXPORTED_TABLES.iter().find(|(name, _)| *name == table);
        let (_, select) = exported.unwrap_or_else(|| panic!("{table} is not exported"));
        let list = select.split_once(" FROM ").expect("a SELECT").0;
        let list = list.strip_prefix("SELECT ").expect("a SELECT");
        let columns: Vec<_> = list.split(',').map(str::trim).collect();
        for column in texts(&format!("SELECT name FROM pragma_table_info('{table}')")) {
            let is_exported = columns
                .iter()
                .any(|name| name.rsplit('.').next() == Some(&column));
            let is_known = OTHER_COLUMNS.contains(&column.as_str());
            assert!(is_exported || is_known, "{table}.{column} is not exported");
        }
    }
}
