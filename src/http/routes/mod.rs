//! The endpoints, one file per noun: parameters, bodies, responses, handlers.

pub(super) mod agent;
pub(super) mod agents;
pub(super) mod completions;
pub(super) mod conversations;
pub(super) mod documents;
pub(super) mod events;
pub(super) mod export;
pub(super) mod health;
pub(super) mod identity;
pub(super) mod identity_link;
pub(super) mod keys;
pub(super) mod messages;
pub(super) mod metrics;
pub(super) mod notes;
pub(super) mod notifications;
pub(super) mod pages;
pub(super) mod project_events;
pub(super) mod projects;
pub(super) mod qnas;
pub(super) mod saved_replies;
pub(super) mod search;
pub(super) mod send;
pub(super) mod sign_in;
pub(super) mod statistics;
pub(super) mod typing;
pub(super) mod visitors;
