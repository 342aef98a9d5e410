//! Plain types and their rules.
//!
//! A value is parsed once, at the edge; past it, an invalid one cannot exist.
//! Nothing here knows of SQL or of HTTP. The types that leave the process
//! serialise to the wire's own form (sections 4.1 to 4.6 of the contract) and
//! borrow their text from the row they were read from.

mod assistant;
mod conversation;
mod document;
mod id;
mod json;
mod key;
mod list_query;
mod message;
mod project;
mod qna;
mod timestamp;
mod validation;
mod visitor;

pub use assistant::{Assistant, AssistantMode};
pub use conversation::{
    CloseReason, Conversation, ConversationListItem, HumanAgent, Status, title_key,
};
pub use document::{Document, LearnedDocument, Section};
pub use id::{
    AssistantId, AssistantSeq, ConversationId, ConversationSeq, DocumentId, KeyId, KeySeq,
    MessageId, MessageSeq, PassageSeq, ProjectId, ProjectSeq, QnaId, SessionId, VisitorId,
    VisitorSeq,
};
pub use key::{Key, KeyHash, KeyKind, Origin};
pub use list_query::{
    Direction, Limit, ListQuery, Offset, Scope, SearchLimit, Sort, SortKey, SortValue,
};
pub use message::{
    Feedback, Message, MessageContent, MessageObject, MessageParts, MessageStatus, Role,
};
pub use project::{ChatWidgetConfig, Project};
pub use qna::{Author, Qna, parse_answer, parse_question};
pub use timestamp::Timestamp;
pub use validation::{ValidationError, bounded_text, parse_enum, parse_uri};
pub use visitor::{DeviceId, ExternalId, Visitor, VisitorType};
