//! Generated demo data for `parlor demo`: visitors, conversations and a help
//! centre of an invented shop. The same [`DemoPlan`] gives the same data on
//! every machine.
//!
//! `generator` makes the rows; `scenes` has the newest conversations, which a person
//! wrote; `load` hands them to the store's bulk loader; `database` creates the whole demo
//! database; `agents` has the accounts of the inbox. The texts are in `phrases/`, one
//! file per language, and `help/`, one file per page.

mod agents;
mod database;
mod dialogue;
mod generator;
mod help_center;
mod load;
mod message;
mod phrases;
mod profile;
mod random;
mod scenes;
mod templates;
#[cfg(test)]
mod tests;
mod timeline;
mod visitors;

pub use agents::{AGENT_PASSWORD, first_owner};
pub use database::{Content, content, create_database};
pub use load::fill;

use crate::domain::Timestamp;

/// The size, the seed and the time of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPlan {
    pub conversations: u32,
    /// At least one visitor is generated: the demo's own, with the `saVid`
    /// "demo".
    pub visitors: u32,
    pub seed: u64,
    /// The newest conversations are some minutes older. Nothing is later.
    pub end: Timestamp,
}

impl DemoPlan {
    /// The default number of visitors for a number of conversations.
    pub fn default_visitors(conversations: u32) -> u32 {
        (conversations / 4).max(1)
    }
}
