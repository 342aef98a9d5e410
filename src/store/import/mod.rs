//! Writes the records of another database.
//!
//! A record is compared with what is stored, and inserted if its id is new. The public
//! ids of the records that it refers to become row numbers inside the statements. Counts,
//! list versions and search indexes follow by the triggers of the file, as for every
//! other write.

mod compare;
mod insert;

pub use compare::{Comparison, compare, is_conversation_stored, is_visitor_stored, last_message};
pub use insert::{
    count_created_secrets, create_webhook_secrets, insert, insert_message, insert_note,
    insert_refusal, is_contradiction, set_last_message,
};
