//! Notes and saved replies (docs/api-contract.md, sections 4.21 and 4.22).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{AgentId, Note, NoteId, SavedReply, SavedReplyId, Timestamp};

/// A note of an agent about a conversation. Visitors never see notes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Note)]
pub struct NoteJson<'a> {
    object: NoteObject,
    id: NoteId,
    text: &'a str,
    created_at: Timestamp,
    /// The author; null: a private key.
    #[schema(required)]
    agent: Option<NoteAuthorJson<'a>>,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum NoteObject {
    Note,
}

/// The agent who wrote a note. The account may be deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = NoteAuthor)]
struct NoteAuthorJson<'a> {
    id: AgentId,
    /// The name when the note was written.
    #[schema(required)]
    name: Option<&'a str>,
}

impl<'a> From<&'a Note> for NoteJson<'a> {
    fn from(note: &'a Note) -> Self {
        Self {
            object: NoteObject::Note,
            id: note.id,
            text: &note.text,
            created_at: note.created_at,
            agent: note.author.as_ref().map(|author| NoteAuthorJson {
                id: author.id,
                name: author.name.as_deref(),
            }),
        }
    }
}

/// A text that agents use again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SavedReply)]
pub struct SavedReplyJson<'a> {
    object: SavedReplyObject,
    id: SavedReplyId,
    name: &'a str,
    /// Markdown.
    text: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SavedReplyObject {
    SavedReply,
}

impl<'a> From<&'a SavedReply> for SavedReplyJson<'a> {
    fn from(reply: &'a SavedReply) -> Self {
        Self {
            object: SavedReplyObject::SavedReply,
            id: reply.id,
            name: &reply.name,
            text: &reply.text,
            created_at: reply.created_at,
            updated_at: reply.updated_at,
        }
    }
}
