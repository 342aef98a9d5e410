//! JSON form and schema of the domain's ids, timestamps and enums: strings.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::{
    AgentId, AgentRole, AgentSessionId, AssistantId, ConversationId, DocumentId, Feedback, KeyId,
    KeyKind, MessageId, MessageStatus, NoteId, NotificationId, NotificationKind, ProjectId, QnaId,
    Role, SavedReplyId, SourceId, SourceKind, SourceStatus, Status, TimeOfDay, Timestamp,
    VisitorId, WaitingReason, WidgetPosition,
};

/// Ids are hyphenated lower-case UUIDs.
macro_rules! id_json {
    ($($id:ident: $description:literal,)*) => {$(
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl PartialSchema for $id {
            fn schema() -> RefOr<Schema> {
                let format = SchemaFormat::Custom("uuid".to_owned());
                string_schema().format(Some(format)).description(Some($description)).into()
            }
        }

        impl ToSchema for $id {}
    )*};
}

/// Enums are their names. Their schema may have a longer name. The values are in
/// the order in which the schema lists them.
macro_rules! enum_json {
    ($($name:ident$( as $schema:literal)?: $description:expr, $values:expr;)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let names = $values.map($name::as_str);
                string_schema().description($description).enum_values(Some(names)).into()
            }
        }

        impl ToSchema for $name {
            $(fn name() -> Cow<'static, str> {
                $schema.into()
            })?
        }
    )*};
}

fn string_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

id_json! {
    AgentId: "The id of an agent's account.",
    AgentSessionId: "The id of a session of an agent. It is not a secret.",
    AssistantId: "The id of an assistant.",
    ConversationId: "The id of a conversation, unique within the project.",
    DocumentId: "The id of a learned document.",
    KeyId: "The id of an API key, which is not secret.",
    MessageId: "The id of a message.",
    NoteId: "The id of a note.",
    NotificationId: "The id of a notification.",
    ProjectId: "The id of a project.",
    QnaId: "The id of a Q&A.",
    SavedReplyId: "The id of a saved reply.",
    SourceId: "The id of a source.",
    VisitorId: "The id of a visitor.",
}

enum_json! {
    SourceKind: Some("What a source is: a `website`, or a `folder` of the server's machine."),
        [SourceKind::Website, SourceKind::Folder];
    SourceStatus: Some("The state of the last run of a source."),
        SourceStatus::ALL;
    AgentRole: Some("What an account may do. An `owner` may do what a private key may do. An `agent` may not change keys, agents and settings, and not erase or export."),
        [AgentRole::Owner, AgentRole::Agent];
    KeyKind: Some("The kind of a key: `publishable` for web pages, `private` for servers."),
        [KeyKind::Publishable, KeyKind::Private];
    Status as "ConversationStatus": Some("Whether a conversation accepts messages. `closed` sorts before `open`."),
        [Status::Closed, Status::Open];
    Role as "MessageRole": Some("The author of a message."),
        [Role::User, Role::Assistant, Role::HumanAgent];
    MessageStatus: Some("The state of a message. Only answers can be other than `complete`."),
        [MessageStatus::Streaming, MessageStatus::Complete, MessageStatus::Error];
    Feedback: Some("A visitor's rating of an answer."),
        [Feedback::Like, Feedback::Dislike];
    NotificationKind: Some("How a notification is sent: `webhook` and `email` to agents, `reply_email` to a visitor."),
        [NotificationKind::Webhook, NotificationKind::Email, NotificationKind::ReplyEmail];
    WaitingReason: Some("Why a conversation waits for a person."),
        [WaitingReason::Requested, WaitingReason::Contact, WaitingReason::Unanswered];
    WidgetPosition: Some("The corner of the window in which the chat opens."),
        [WidgetPosition::BottomLeft, WidgetPosition::BottomRight];
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.format_iso8601(&mut [0; 24]))
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        string_schema()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some(
                "A timestamp in UTC with milliseconds, in the form of ISO 8601.",
            ))
            .examples(["2024-01-15T10:30:00.000Z"])
            .into()
    }
}

impl ToSchema for Timestamp {}
