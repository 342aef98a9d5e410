//! A question with its answer (section 4.6).

use serde::Serialize;
use utoipa::ToSchema;

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
