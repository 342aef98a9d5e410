//! Notes of agents, which visitors never see, and texts that agents use again.

use super::{AgentId, Label, NoteId, SavedReplyId, Timestamp};

/// The maximum length of a note in characters.
pub const MAX_NOTE_CHARS: usize = 5000;

/// The maximum number of notes of a conversation.
pub const MAX_NOTES: u32 = 200;

/// A note about a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub id: NoteId,
    pub text: String,
    pub created_at: Timestamp,
    /// `None`: a private key.
    pub author: Option<NoteAuthor>,
}

/// The agent who wrote a note. The account may be deleted by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteAuthor {
    pub id: AgentId,
    pub name: Option<String>,
}

/// A text that agents use again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedReply {
    pub id: SavedReplyId,
    pub name: String,
    /// Markdown.
    pub text: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The maximum length of the name of a saved reply in characters.
pub const MAX_SAVED_REPLY_NAME_CHARS: usize = 100;

/// The maximum length of the text of a saved reply in characters: that of a message.
pub const MAX_SAVED_REPLY_CHARS: usize = super::MessageContent::MAX_CHARS;

/// The maximum number of saved replies of a project.
pub const MAX_SAVED_REPLIES: u32 = 200;

/// The name of a saved reply.
pub type SavedReplyName = Label<MAX_SAVED_REPLY_NAME_CHARS>;
