//! `parlor demo`: a file full of believable conversations, the same for the same
//! plan.
//!
//! `desk` makes them up and knows no SQL; `load` puts them into a file. What is
//! said stands in `phrases/`, one text file per language.

mod dialogue;
mod generator;
mod help_center;
mod load;
mod message;
mod phrases;
mod profile;
mod random;
mod templates;
#[cfg(test)]
mod tests;
mod timeline;
mod visitors;

pub use help_center::help_center;
pub use load::fill;

/// How much to make up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPlan {
    pub conversations: u32,
    /// At least one is made: the demo's own, `saVid` "demo".
    pub visitors: u32,
    pub seed: u64,
}

impl DemoPlan {
    /// How many visitors there are to so many conversations, unless told.
    pub fn visitors_for(conversations: u32) -> u32 {
        (conversations / 4).max(1)
    }
}
