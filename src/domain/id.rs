//! Identifiers: UUIDs in the API, row numbers inside.

use std::fmt;

use uuid::Uuid;

/// Parses a UUID in the hyphenated form of 36 characters and in no other form.
fn parse_hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok())?
}

macro_rules! public_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Returns a new version 7 UUID. The time comes first, so that rows
            /// inserted one after the other are neighbours in every index.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Parses the hyphenated form in upper or lower case.
            pub fn parse(text: &str) -> Option<Self> {
                parse_hyphenated(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )*};
}

macro_rules! row_number {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);
    )*};
}

public_id! {
    /// A conversation; unique within its project.
    ConversationId
    /// A message.
    MessageId
    /// A visitor of a project.
    VisitorId
    /// A project.
    ProjectId
    /// An API key. This id is not a secret.
    KeyId
    /// A session of a visitor. Session tokens contain it.
    SessionId
    /// An assistant of a project.
    AssistantId
    /// A question with its answer.
    QnaId
    /// A learned document.
    DocumentId
    /// An account of an agent.
    AgentId
    /// A note of an agent.
    NoteId
    /// A text that agents use again.
    SavedReplyId
    /// A website or folder that was learned.
    SourceId
    /// A session of an agent. This id is not a secret.
    AgentSessionId
    /// A notification.
    NotificationId
}

impl ProjectSeq {
    /// The project that a new file contains.
    pub const FIRST: Self = Self(1);
}

row_number! {
    /// The row of a conversation.
    ConversationSeq
    /// The row of a visitor.
    VisitorSeq
    /// The row of a project.
    ProjectSeq
    /// The row of an API key.
    KeySeq
    /// The row of a message.
    MessageSeq
    /// The row of an assistant.
    AssistantSeq
    /// The row of an agent's account. A number is never used again.
    AgentSeq
    /// The row of an agent's session. A number is never used again.
    AgentSessionSeq
    /// The row of a notification.
    NotificationSeq
    /// The row of a passage. A number is never used again.
    PassageSeq
}
