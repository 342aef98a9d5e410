//! The JSON that clients receive, one file per noun.
//!
//! Each `…Json` type borrows from a domain type and is the response schema of
//! the OpenAPI document. `values` gives ids, timestamps and enums of the
//! domain their JSON form and schema. [`write`] writes conversations and
//! messages of lists without serde.

mod agent;
mod agent_account;
mod business_hours;
mod chunk;
mod conversation;
mod document;
mod event;
mod key;
mod message;
mod note;
mod notification;
mod project;
mod project_event;
mod qna;
mod source;
mod statistics;
mod values;
mod visitor;
mod widget_config;
mod write;

pub use agent_account::{AgentJson, AgentSessionJson, SignedInAgentJson};
pub use business_hours::BusinessHoursJson;
pub use chunk::ChunkJson;
pub use conversation::{ConversationJson, ConversationListItemJson};
pub use document::{DocumentJson, SectionJson};
pub use event::{EventJson, encode_event, encode_new_message};
pub use key::{KeyJson, NewKeyJson};
pub use message::MessageJson;
pub use note::{NoteJson, SavedReplyJson};
pub use notification::{
    NotificationSettingsJson, WebhookEventJson, encode_waiting, encode_webhook_test,
};
pub use project::ProjectJson;
pub use project_event::{AgentPresenceJson, ProjectEventJson, TypingAgentJson, TypingAuthorJson};
pub use qna::QnaJson;
pub use source::SourceJson;
pub use statistics::{StatisticsJson, UnansweredQuestionJson};
pub use visitor::VisitorJson;
pub use widget_config::WidgetChangeJson;
pub(in crate::http) use write::write_string;
