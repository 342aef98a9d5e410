//! Questions with their answers (docs/api-contract.md, section 5.6).

use super::validation::{ValidationError, bounded_text};
use super::{ConversationId, MessageId, QnaId, Timestamp};

/// A question to which the assistant found no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredQuestion {
    /// The message of the assistant.
    pub id: MessageId,
    /// What the visitor wrote.
    pub question: String,
    pub conversation: ConversationId,
    pub created_at: Timestamp,
}

/// The author of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author<'a> {
    pub name: Option<&'a str>,
    /// The URL of a picture.
    pub image: Option<&'a str>,
}

/// A question with its answer. Texts borrow from the row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qna<'a> {
    pub id: QnaId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub question: &'a str,
    /// Markdown.
    pub answer: &'a str,
    pub created_by: Author<'a>,
}

pub const MAX_QUESTION_CHARS: usize = 1000;
pub const MAX_ANSWER_CHARS: usize = 20_000;

/// The maximum length of the name of an author in characters.
pub const MAX_AUTHOR_NAME_CHARS: usize = 200;

/// Returns `text` if it is a valid question: 1 to 1000 characters.
pub fn parse_question(text: &str) -> Result<String, ValidationError> {
    bounded_text("question", text, 1, MAX_QUESTION_CHARS)
}

/// Returns `text` if it is a valid answer: 1 to 20,000 characters.
pub fn parse_answer(text: &str) -> Result<String, ValidationError> {
    bounded_text("answer", text, 1, MAX_ANSWER_CHARS)
}
