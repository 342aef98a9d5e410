//! The records of an export: the rows of all tables that belong to the operator, as
//! plain values. A record refers to other records by their public ids, so it can be
//! stored in any database. `docs/export-format.md` describes the JSON form.

use serde::{Deserialize, Serialize};

use super::json::{Hex, JsonText, Month};
use crate::domain::{
    AgentId, AgentRole, AssistantId, AssistantMode, ConversationId, DocumentId, Feedback, KeyId,
    KeyKind, MessageId, MessageStatus, NoteId, ProjectId, QnaId, Role, SavedReplyId, SessionId,
    SourceId, SourceKind, Status, Timestamp, VisitorId, WaitingReason,
};

/// Declares the kinds of records, in the order in which a file has them.
macro_rules! records {
    ($($kind:ident($record:ident) $name:literal;)*) => {
        /// A row of a table.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Record {
            $($kind($record),)*
        }

        /// The kind of a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum RecordKind {
            $($kind,)*
        }

        impl RecordKind {
            /// All kinds with their names, in the order in which a file has them: a
            /// record comes after the records that it refers to.
            pub const NAMES: &[(&'static str, RecordKind)] = &[$(($name, RecordKind::$kind),)*];
        }

        impl Record {
            pub fn kind(&self) -> RecordKind {
                match self {
                    $(Self::$kind(_) => RecordKind::$kind,)*
                }
            }

            /// Appends the members of the record as a JSON object.
            pub fn write_json(&self, line: &mut Vec<u8>) -> serde_json::Result<()> {
                match self {
                    $(Self::$kind(record) => serde_json::to_writer(line, record),)*
                }
            }

            /// Parses the JSON object of a record.
            ///
            /// # Errors
            /// The error names the member.
            pub fn parse_json(kind: RecordKind, json: &str) -> Result<Self, InvalidRecord> {
                match kind {
                    $(RecordKind::$kind => super::json::parse(json).map(Self::$kind),)*
                }
            }
        }

        $(impl From<$record> for Record {
            fn from(record: $record) -> Self {
                Self::$kind(record)
            }
        })*
    };
}

records! {
    Project(ProjectRecord) "project";
    Assistant(AssistantRecord) "assistant";
    Key(KeyRecord) "key";
    Agent(AccountRecord) "agent";
    Secret(SecretRecord) "secret";
    Usage(UsageRecord) "usage";
    Qna(QnaRecord) "qna";
    Document(DocumentRecord) "document";
    Source(SourceRecord) "source";
    SavedReply(SavedReplyRecord) "savedReply";
    Visitor(VisitorRecord) "visitor";
    Session(SessionRecord) "session";
    Conversation(ConversationRecord) "conversation";
    Message(MessageRecord) "message";
    Note(NoteRecord) "note";
    Refusal(RefusalRecord) "refusal";
}

impl RecordKind {
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }
}

/// Why a line is no valid record, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRecord(pub String);

/// The number of records of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordCounts([u64; RecordKind::NAMES.len()]);

impl RecordCounts {
    pub const NONE: Self = Self([0; RecordKind::NAMES.len()]);

    pub fn add(&mut self, kind: RecordKind, count: u64) {
        self.0[kind as usize] += count;
    }

    pub fn of(&self, kind: RecordKind) -> u64 {
        self.0[kind as usize]
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Declares the struct of a record. Members that are null are left out in JSON.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    };
}

record! {
    /// A project. Its counts are not part of an export: they follow from the
    /// conversations.
    ProjectRecord {
        id: ProjectId,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The widget settings that differ from the defaults.
        widget_config: JsonText,
        #[serde(skip_serializing_if = "Option::is_none")]
        plan: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message_quota: Option<u32>,
        /// The weekly hours in which agents answer, with their time zone.
        #[serde(skip_serializing_if = "Option::is_none")]
        business_hours: Option<JsonText>,
        #[serde(skip_serializing_if = "Option::is_none")]
        away_message: Option<String>,
        /// Receives notifications. The secret that signs them is a record of its own.
        #[serde(skip_serializing_if = "Option::is_none")]
        webhook_url: Option<String>,
        /// The addresses that receive notifications.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notification_emails: Vec<String>,
        created_at: Timestamp,
    }
}

record! {
    /// An assistant. The first one of a project is the project's default.
    AssistantRecord {
        id: AssistantId,
        project_id: ProjectId,
        name: String,
        mode: AssistantMode,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        fallback: Option<String>,
        created_at: Timestamp,
    }
}

record! {
    /// A key. The text of a private key is not stored anywhere.
    KeyRecord {
        id: KeyId,
        project_id: ProjectId,
        kind: KeyKind,
        name: String,
        /// SHA-256 of the key.
        hash: Hex<32>,
        /// The last characters of the key.
        hint: String,
        /// The websites that may use the key. Empty: all websites.
        origins: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        assistant_id: Option<AssistantId>,
        /// The text of a publishable key.
        #[serde(skip_serializing_if = "Option::is_none")]
        publishable_key: Option<String>,
        created_at: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        revoked_at: Option<Timestamp>,
    }
}

record! {
    /// The account of an agent.
    AccountRecord {
        id: AgentId,
        project_id: ProjectId,
        name: String,
        email: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        avatar_url: Option<String>,
        role: AgentRole,
        /// argon2id, in PHC string format.
        #[serde(skip_serializing_if = "Option::is_none")]
        password_hash: Option<String>,
        #[serde(default, skip_serializing_if = "is_false")]
        is_away: bool,
        created_at: Timestamp,
    }
}

record! {
    /// A secret of the server, of a project or of a key.
    SecretRecord {
        name: String,
        /// The project whose notifications the secret signs.
        #[serde(skip_serializing_if = "Option::is_none")]
        project_id: Option<ProjectId>,
        /// The key whose visitors the secret identifies.
        #[serde(skip_serializing_if = "Option::is_none")]
        key_id: Option<KeyId>,
        value: Hex<32>,
    }
}

record! {
    /// The number of messages that a project's visitors sent in a month.
    UsageRecord {
        project_id: ProjectId,
        month: Month,
        messages: u64,
    }
}

record! {
    /// A question with its answer.
    QnaRecord {
        id: QnaId,
        project_id: ProjectId,
        question: String,
        /// Markdown.
        answer: String,
        is_published: bool,
        created_at: Timestamp,
        updated_at: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        creator_name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        creator_image: Option<String>,
    }
}

record! {
    /// A learned page or file with its passages.
    DocumentRecord {
        id: DocumentId,
        project_id: ProjectId,
        url: String,
        title: String,
        /// SHA-256 of the page or file.
        hash: Hex<32>,
        /// The folder or website that was learned; empty for the API.
        source: String,
        learned_at: Timestamp,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        description: String,
        passages: Vec<PassageRecord>,
    }
}

record! {
    /// A section of a document.
    PassageRecord {
        heading: String,
        /// Markdown.
        body: String,
    }
}

record! {
    /// A website or folder that was learned, with its last run.
    SourceRecord {
        id: SourceId,
        project_id: ProjectId,
        location: String,
        kind: SourceKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        started_at: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        finished_at: Option<Timestamp>,
        documents: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// What the last run skipped or warned about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        problems: Vec<ProblemRecord>,
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u64,
        #[serde(default, skip_serializing_if = "is_zero")]
        removed: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        interval_seconds: Option<u32>,
    }
}

record! {
    /// A page or file that a run of a source skipped or warned about.
    ProblemRecord {
        item: String,
        reason: String,
    }
}

record! {
    /// A text that agents use again.
    SavedReplyRecord {
        id: SavedReplyId,
        project_id: ProjectId,
        name: String,
        text: String,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

record! {
    /// A visitor of a project.
    VisitorRecord {
        id: VisitorId,
        project_id: ProjectId,
        #[serde(skip_serializing_if = "Option::is_none")]
        sa_vid: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        external_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        avatar_url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        phone: Option<String>,
        /// Whether the website's server has set external id and name. None: exactly if
        /// there is an external id.
        #[serde(skip_serializing_if = "Option::is_none")]
        is_verified: Option<bool>,
        /// Whether the website's server has set the e-mail address.
        #[serde(default, skip_serializing_if = "is_false")]
        is_email_verified: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        blocked_at: Option<Timestamp>,
        created_at: Timestamp,
    }
}

record! {
    /// A visitor's session. Its token is valid with the secret that signed it.
    SessionRecord {
        id: SessionId,
        project_id: ProjectId,
        visitor_id: VisitorId,
        key_id: KeyId,
        created_at: Timestamp,
        last_used_at: Timestamp,
    }
}

record! {
    /// A conversation. Its messages follow it, oldest first.
    ConversationRecord {
        id: ConversationId,
        project_id: ProjectId,
        visitor_id: VisitorId,
        status: Status,
        created_at: Timestamp,
        updated_at: Timestamp,
        last_interaction_at: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        closed_at: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        close_reason: Option<String>,
        is_human_handled: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        human_agent: Option<AgentRecord>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        page_url: Option<String>,
        /// The account of the agent who has taken over.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_id: Option<AgentId>,
        /// Since when the conversation waits for an agent.
        #[serde(skip_serializing_if = "Option::is_none")]
        waiting_since: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        waiting_reason: Option<WaitingReason>,
        /// How long the visitor waited for an agent, last time, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        waited_ms: Option<u64>,
        /// Whether an agent has read all messages.
        #[serde(default, skip_serializing_if = "is_false")]
        is_read: bool,
    }
}

record! {
    /// The agent of a conversation or message.
    AgentRecord {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<String>,
    }
}

record! {
    /// A message of the conversation whose record precedes it.
    MessageRecord {
        id: MessageId,
        conversation_id: ConversationId,
        created_at: Timestamp,
        role: Role,
        status: MessageStatus,
        text: String,
        /// A JSON array. None: one part with the text.
        #[serde(skip_serializing_if = "Option::is_none")]
        parts: Option<JsonText>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        feedback: Option<Feedback>,
        #[serde(skip_serializing_if = "Option::is_none")]
        feedback_at: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<JsonText>,
        #[serde(skip_serializing_if = "Option::is_none")]
        human_agent: Option<AgentRecord>,
        #[serde(skip_serializing_if = "Option::is_none")]
        page_url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        page_title: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        text_selection: Option<String>,
    }
}

record! {
    /// A note of an agent in the conversation whose record precedes it.
    NoteRecord {
        id: NoteId,
        conversation_id: ConversationId,
        /// The account of the author, which may be deleted. None: a private key.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_id: Option<AgentId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_name: Option<String>,
        text: String,
        created_at: Timestamp,
    }
}

record! {
    /// An answer of the assistant that found nothing, in the conversation whose record
    /// precedes it.
    RefusalRecord {
        conversation_id: ConversationId,
        /// The answer.
        message_id: MessageId,
        /// The message of the visitor.
        question_id: MessageId,
        created_at: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        resolved_at: Option<Timestamp>,
    }
}
