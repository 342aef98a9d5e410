//! Q&As (docs/api-contract.md, section 5.6).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Author, Qna, QnaId, Timestamp};

/// A question with its answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Qna)]
pub struct QnaJson<'a> {
    object: QnaObject,
    id: QnaId,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The question in the words of a visitor.
    question: &'a str,
    /// The answer in Markdown.
    answer: &'a str,
    created_by: AuthorJson<'a>,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum QnaObject {
    Qna,
}

/// The author of an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Author)]
struct AuthorJson<'a> {
    /// The name that visitors see.
    #[schema(required)]
    name: Option<&'a str>,
    /// The URL of a picture.
    #[schema(required)]
    image: Option<&'a str>,
}

impl<'a> From<&Qna<'a>> for QnaJson<'a> {
    fn from(qna: &Qna<'a>) -> Self {
        let Author { name, image } = qna.created_by;
        Self {
            object: QnaObject::Qna,
            id: qna.id,
            created_at: qna.created_at,
            updated_at: qna.updated_at,
            question: qna.question,
            answer: qna.answer,
            created_by: AuthorJson { name, image },
        }
    }
}
