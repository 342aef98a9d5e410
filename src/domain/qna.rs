//! A question with its answer (section 4.6).

use serde::Serialize;
use utoipa::ToSchema;

use super::validation::{ValidationError, bounded_text};
use super::{QnaId, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QnaObject {
    Qna,
}

/// Who wrote an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Author<'a> {
    #[schema(required)]
    pub name: Option<&'a str>,
    /// The address of a picture.
    #[schema(required)]
    pub image: Option<&'a str>,
}

/// A question that the website has answered once for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Qna<'a> {
    pub object: QnaObject,
    pub id: QnaId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub question: &'a str,
    /// Markdown.
    pub answer: &'a str,
    pub created_by: Author<'a>,
}

impl<'a> Qna<'a> {
    /// `moments`: when it was made and when it was last changed.
    pub fn new(
        id: QnaId,
        moments: [Timestamp; 2],
        question: &'a str,
        answer: &'a str,
        created_by: Author<'a>,
    ) -> Self {
        let [created_at, updated_at] = moments;
        Self {
            object: QnaObject::Qna,
            id,
            created_at,
            updated_at,
            question,
            answer,
            created_by,
        }
    }
}

/// Reads a question: 1 to 1000 characters.
pub fn parse_question(text: &str) -> Result<String, ValidationError> {
    bounded_text("question", text, 1, 1000)
}

/// Reads an answer: 1 to 20,000 characters.
pub fn parse_answer(text: &str) -> Result<String, ValidationError> {
    bounded_text("answer", text, 1, 20_000)
}
