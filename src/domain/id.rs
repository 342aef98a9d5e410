//! Identifiers: public ones are UUIDs, private ones the numbers of rows.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A UUID in its hyphenated form of 36 characters, and in no other.
fn parse_hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok())?
}

macro_rules! public_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one; the time comes first in it, so that rows made one
            /// after the other lie side by side in every index.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Reads the hyphenated form, upper or lower case.
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
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// An API key; not the key itself.
    KeyId
    /// A session of a visitor; what a session token carries.
    SessionId
    /// Who answers a project's visitors.
    AssistantId
    /// A question with its answer.
    QnaId
    /// A page that was learned.
    DocumentId
}

impl ProjectSeq {
    /// Of the project that a new file gets.
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
    /// The row of a passage; never given twice.
    PassageSeq
}
