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
mod message;
mod page;
mod project;
mod qna;
mod rule;
mod timestamp;
mod visitor;

pub use assistant::{AnswererKind, Assistant};
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
pub use message::{Content, Feedback, Message, MessageObject, MessageStatus, Parts, Role};
pub use page::{Direction, Field, Limit, Offset, PageQuery, Place, Scope, Size, Sort};
pub use project::{ChatWidgetConfig, Project};
pub use qna::{Author, Qna, answer, question};
pub use rule::{Invalid, choose, text_within, uri};
pub use timestamp::Timestamp;
pub use visitor::{DeviceId, ExternalId, Visitor, VisitorType};
