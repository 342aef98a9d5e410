//! Notes of agents, which visitors never see, and texts that agents use again.

use super::Label;

/// The maximum length of a note in characters.
pub const MAX_NOTE_CHARS: usize = 10_000;

/// The maximum number of notes of a conversation.
pub const MAX_NOTES: u32 = 500;

/// The maximum length of the name of a saved reply in characters.
pub const MAX_SAVED_REPLY_NAME_CHARS: usize = 100;

/// The maximum length of the text of a saved reply in characters: that of a message.
pub const MAX_SAVED_REPLY_CHARS: usize = super::MessageContent::MAX_CHARS;

/// The maximum number of saved replies of a project.
pub const MAX_SAVED_REPLIES: u32 = 1000;

/// The name of a saved reply.
pub type SavedReplyName = Label<MAX_SAVED_REPLY_NAME_CHARS>;
