//! Live events of conversations, distributed to their subscribers.
//!
//! Subscribers share the event, and its encoded form once the first of them has
//! encoded it.
//! A subscriber whose queue is full is removed, so that a slow client costs
//! neither memory nor the time of others. Its client reconnects and reads the
//! conversation again.

mod event;
mod hub;
mod presence;
pub mod project;
mod subscription;
#[cfg(test)]
mod tests;
mod typing;

pub use event::{Event, PublishedEvent};
pub use hub::{EventHub, QUEUE_LENGTH, SubscriberKeys, Topic};
pub use presence::{AgentPresence, OFFLINE_DELAY, Presence};
pub use subscription::Subscription;
pub use typing::{TYPING_TIMEOUT, Typing, TypingAuthor, TypingAuthors};
