//! Use cases: what a caller can do, without HTTP, the command line or SQL.
//!
//! A use case reads and writes the store, starts and stops answers and
//! publishes events. Each function has its own error type, which the callers
//! (http, cli) turn into a response or a message.

pub mod agent;
pub mod agent_account;
pub mod agent_commands;
mod answer_context;
pub mod assistant;
pub mod availability;
pub mod backup;
mod broadcast;
pub mod caller;
pub mod check;
pub mod completion;
pub mod conversation;
mod deletion_steps;
pub mod document;
pub mod embedder;
pub mod erasure;
pub mod event_reader;
pub mod export;
pub mod feedback;
mod handover;
pub mod idempotency;
pub mod import;
pub mod key;
pub mod learn;
pub mod learn_schedule;
pub mod message_indexer;
mod node_presence;
pub mod note;
pub mod notification;
pub mod plan;
pub mod project;
pub mod project_removal;
mod publish;
pub mod qna;
pub mod qna_import;
pub mod quota;
pub mod readiness;
pub mod replay;
pub mod restore;
pub mod retention;
pub mod saved_reply;
pub mod search_merge;
pub mod send_message;
pub mod session;
pub mod setup;
pub mod sign_in;
pub mod source;
mod source_error;
pub mod source_runs;
pub mod statistics;
pub mod stop_answer;
pub mod typing;
pub mod unanswered;
pub mod visitor;
pub mod visitor_profile;

use std::sync::Arc;

use tokio::sync::watch;

use crate::answer::AnswerProviders;
use crate::answer::active_answers::ActiveAnswers;
use crate::answer::detached::DetachedAnswers;
use crate::answer::generation::GenerationLimits;
use crate::events::project::ProjectHub;
use crate::events::{EventHub, Presence, TypingAuthors};
use crate::store::Store;
use crate::store::lease::Lease;
use notification::Notifier;
use source_runs::SourceRuns;

/// What the use cases of a running server share.
pub struct Services {
    pub store: Arc<Store>,
    pub answer_providers: AnswerProviders,
    /// The answers that this process streams.
    pub active_answers: Arc<ActiveAnswers>,
    /// The detached answers of each visitor.
    pub detached_answers: Arc<DetachedAnswers>,
    /// This process's lease on the answers that it streams.
    pub lease: Lease,
    pub events: EventHub,
    /// The live events of projects.
    pub project_events: ProjectHub,
    /// The agents who are online.
    pub presence: Presence,
    /// The position in the outbox up to which this node has published the events.
    pub published_events: watch::Sender<i64>,
    pub typing: TypingAuthors,
    /// Messages that a project's visitors may send in a month. 0: no limit.
    pub monthly_messages: u64,
    pub generation_limits: GenerationLimits,
    /// The websites that this process learns.
    pub source_runs: Arc<SourceRuns>,
    /// Whether the server can send e-mails.
    pub is_email_configured: bool,
    pub notifier: Arc<Notifier>,
}
