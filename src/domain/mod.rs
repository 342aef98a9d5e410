//! Domain types and their validation rules. No HTTP, SQL or JSON.
//!
//! A value is parsed once, where it enters the process. Types with a `parse`
//! function cannot hold an invalid value. Types that the store reads for lists
//! borrow their texts from the row.

mod agent;
mod assistant;
mod bucket_url;
mod business_hours;
mod color;
mod conversation;
mod document;
mod email;
mod id;
mod key;
mod label;
mod list_filter;
mod list_query;
mod message;
mod note;
mod notification;
mod password;
mod phone;
mod project;
mod qna;
mod secret_token;
mod source;
mod statistics;
mod timestamp;
mod validation;
mod visitor;
mod web_url;
mod widget_config;

pub use agent::{AgentAccount, AgentProfile, AgentRole, Assignee, HumanAgent};
pub use assistant::{Assistant, AssistantMode, MAX_ASSISTANT_TEXT_CHARS};
pub use bucket_url::BucketUrl;
pub use business_hours::{
    Availability, BusinessHours, DAY_NAMES, HourRange, MAX_RANGES_PER_DAY, TimeOfDay,
};
pub use conversation::{
    CloseReason, Conversation, ConversationListItem, InboxState, Status, Waiting, WaitingReason,
    title_key,
};
pub use document::{
    Document, LearnedDocument, MAX_DOCUMENT_DESCRIPTION_CHARS, MAX_DOCUMENT_URL_BYTES,
    MAX_HEADING_CHARS, MAX_SECTION_BYTES, Section,
};
pub use email::{EmailAddress, MAX_EMAIL_BYTES};
pub use id::{
    AgentId, AgentSeq, AgentSessionId, AgentSessionSeq, AssistantId, AssistantSeq, ConversationId,
    ConversationSeq, DocumentId, KeyId, KeySeq, MessageId, MessageSeq, NoteId, NotificationId,
    NotificationSeq, PassageSeq, ProjectId, ProjectSeq, QnaId, SavedReplyId, SessionId, SourceId,
    VisitorId, VisitorSeq,
};
pub use key::{Key, KeyHash, KeyKind, MAX_KEYS, MAX_ORIGINS, Origin};
pub use label::{
    AgentName, AssistantName, CONTROL_CHARS, INVISIBLE_CHARS, KeyName, Label,
    MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, MAX_PLAN_CHARS, MAX_PROJECT_NAME_CHARS, PlanName,
    ProjectDescription, ProjectName,
};
pub use list_filter::{ListFilter, ListRequest, SearchFilter, VisitorFilter};
pub use list_query::{
    Audience, Direction, Limit, ListQuery, Offset, Scope, SearchLimit, Sort, SortKey, SortValue,
};
pub use message::{
    Feedback, MAX_ANSWER_TEXT_BYTES, MAX_MESSAGE_ERROR_CHARS, MAX_MESSAGE_JSON_BYTES,
    MAX_PAGE_TITLE_CHARS, MAX_TEXT_SELECTION_CHARS, MAX_TITLE_CHARS, Message, MessageContent,
    MessageParts, MessageStatus, Role, SentMessage,
};
pub use note::{
    MAX_NOTE_CHARS, MAX_NOTES, MAX_SAVED_REPLIES, MAX_SAVED_REPLY_CHARS,
    MAX_SAVED_REPLY_NAME_CHARS, Note, NoteAuthor, SavedReply, SavedReplyName,
};
pub use notification::{
    MAX_NOTIFICATION_EMAILS, Notification, NotificationKind, NotificationTargets, ReplyLink,
    TargetsChange, WebhookSecret,
};
pub use password::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Password};
pub use phone::PhoneNumber;
pub use project::{
    MAX_AWAY_MESSAGE_CHARS, MAX_MESSAGE_QUOTA, Project, ProjectChange, ProjectStatistics,
    ProjectSummary,
};
pub use qna::{
    Author, MAX_ANSWER_CHARS, MAX_AUTHOR_NAME_CHARS, MAX_QUESTION_CHARS, Qna, UnansweredQuestion,
    parse_answer, parse_question,
};
pub use secret_token::{SecretToken, TokenHash};
pub use source::{
    DEFAULT_MAX_PAGES, MAX_SOURCE_ERROR_CHARS, MAX_SOURCE_PROBLEMS, MAX_SOURCES, RunReport, Source,
    SourceKind, SourceProblem, SourceStatus,
};
pub use statistics::{DAY_MS, DayStatistics, Statistics};
pub use timestamp::{Timestamp, month_name};
pub use validation::{
    MAX_URI_BYTES, ValidationError, bounded_bytes, bounded_text, parse_enum, parse_uri, text_prefix,
};
pub use visitor::{
    DeviceId, ExternalId, MAX_VISITOR_NAME_CHARS, Person, Visitor, VisitorChange, VisitorDetails,
    VisitorName,
};
pub use web_url::{bounded_web_url, page_address, parse_web_url, without_userinfo};
pub use widget_config::{
    ChatWidgetConfig, RawWidgetValue, WIDGET_SETTINGS, WidgetChange, WidgetOffset, WidgetPosition,
    WidgetSetting, WidgetType, WidgetValue,
};
