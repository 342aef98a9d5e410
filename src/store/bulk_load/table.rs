//! The tables that a load fills, and the columns of their rows.

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Visitor,
    Conversation,
    Message,
    Refusal,
    Note,
    SavedReply,
    Source,
}

impl Table {
    pub const ALL: [Self; 7] = [
        Self::Visitor,
        Self::Conversation,
        Self::Message,
        Self::Refusal,
        Self::Note,
        Self::SavedReply,
        Self::Source,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Conversation => "conversation",
            Self::Message => "message",
            Self::Refusal => "answer_refusal",
            Self::Note => "note",
            Self::SavedReply => "saved_reply",
            Self::Source => "source",
        }
    }

    /// The columns of a row, in order.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Visitor => VISITOR,
            Self::Conversation => CONVERSATION,
            Self::Message => MESSAGE,
            Self::Refusal => REFUSAL,
            Self::Note => NOTE,
            Self::SavedReply => SAVED_REPLY,
            Self::Source => SOURCE,
        }
    }
}

const VISITOR: &[&str] = &[
    "seq",
    "id",
    "project_seq",
    "sa_vid",
    "external_id",
    "name",
    "email",
    "phone",
    "is_verified",
    "created_at",
    "open_conversations",
    "closed_conversations",
    "open_human_handled",
    "closed_human_handled",
];

const CONVERSATION: &[&str] = &[
    "seq",
    "id",
    "project_seq",
    "visitor_seq",
    "status",
    "created_at",
    "updated_at",
    "last_interaction_at",
    "closed_at",
    "close_reason",
    "is_human_handled",
    "has_agent",
    "agent_name",
    "agent_id",
    "title",
    "title_key",
    "page_url",
    "last_message_seq",
    "waiting_since",
    "waiting_reason",
    "waited_ms",
    "read_message_seq",
];

const MESSAGE: &[&str] = &[
    "seq",
    "id",
    "conversation_seq",
    "created_at",
    "role",
    "status",
    "text",
    "error",
    "feedback",
    "feedback_at",
    "has_agent",
    "agent_name",
    "page_url",
    "page_title",
    "text_selection",
];

const REFUSAL: &[&str] = &["message_seq", "question_seq", "project_seq", "created_at"];

const NOTE: &[&str] = &[
    "id",
    "conversation_seq",
    "agent_id",
    "agent_name",
    "text",
    "created_at",
];

const SAVED_REPLY: &[&str] = &[
    "id",
    "project_seq",
    "name",
    "text",
    "created_at",
    "updated_at",
];

const SOURCE: &[&str] = &[
    "id",
    "project_seq",
    "location",
    "kind",
    "started_at",
    "finished_at",
    "documents",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_the_position_of_its_number() {
        for (index, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table as usize, index);
        }
    }
}
