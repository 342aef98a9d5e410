//! Live events of a project, for its agents and its servers.
//!
//! Each project with subscribers has a channel: a ring of the newest events, with
//! sequence numbers. An event has ids, not bodies: what it reports is read when the event
//! is sent. A subscription is a position in the ring. So a slow subscriber costs no memory,
//! and a subscriber that comes back continues where it was. A subscriber whose position is
//! not in the ring any more is told to read everything again.
//!
//! The writer of the store reports each commit ([`ProjectHub`] is its observer), so no use
//! case can forget an event.

mod channel;
mod event;
mod hub;
mod shared_frames;
mod subscription;
#[cfg(test)]
mod tests;

pub use channel::{MAX_EVENTS, Stream};
pub use event::{MAX_VISITOR_CONVERSATIONS, ProjectEvent, combine};
pub use hub::{
    IDLE_TIMEOUT, MAX_SUBSCRIBERS, MAX_SUBSCRIBERS_OF_CALLER, ProjectHub, SubscriberIdentity,
    TooManySubscribers,
};
pub use shared_frames::{Frames, SharedFrames};
pub use subscription::{NextEvents, ProjectSubscription, RingPosition, SubscriptionEnd};
