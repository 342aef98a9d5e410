//! Inserts records that are new.

mod conversation;
mod knowledge;
mod project;

pub use conversation::{insert_message, insert_note, insert_refusal, set_last_message};
pub use project::{count_created_secrets, create_webhook_secrets};

use conversation::{insert_conversation, insert_session, insert_visitor};
use knowledge::{insert_document, insert_qna, insert_saved_reply, insert_source};
use project::{
    insert_account, insert_assistant, insert_key, insert_project, insert_secret, insert_usage,
};

use crate::store::batch::Batch;
use crate::store::error::StoreError;
use crate::store::export::Record;
use crate::store::rejection::Rejection;
use crate::store::sql::Sql;

/// Whether a batch of this module failed because a record contradicts another one.
pub fn is_contradiction(error: &StoreError) -> bool {
    match error {
        StoreError::Rejected(_) => true,
        // The words of SQLite and of PostgreSQL.
        StoreError::Internal(text) => {
            text.contains("constraint failed") || text.contains("violates")
        }
        _ => false,
    }
}

/// Inserts a record that is no part of a conversation. Rejected with `NotFound` if a record that it
/// refers to is not stored.
pub fn insert(record: &Record) -> Batch {
    match record {
        Record::Project(record) => insert_project(record),
        Record::Assistant(record) => expecting_references(insert_assistant(record)),
        Record::Key(record) => expecting_references(insert_key(record)),
        Record::Agent(record) => expecting_references(insert_account(record)),
        Record::Secret(record) => insert_secret(record),
        Record::Usage(record) => expecting_references(insert_usage(record)),
        Record::Qna(record) => insert_qna(record),
        Record::Document(record) => insert_document(record),
        Record::Source(record) => expecting_references(insert_source(record)),
        Record::SavedReply(record) => expecting_references(insert_saved_reply(record)),
        Record::Visitor(record) => expecting_references(insert_visitor(record)),
        Record::Session(record) => expecting_references(insert_session(record)),
        Record::Conversation(record) => expecting_references(insert_conversation(record)),
        Record::Message(_) | Record::Note(_) | Record::Refusal(_) => Batch::new(),
    }
}

/// A statement that inserts no row if a reference is missing.
fn expecting_references(sql: Sql) -> Batch {
    Batch::new().run_expecting_change(sql, Rejection::NotFound)
}
