//! Questions with their answers.

use super::statement::{Batch, Statement, uuid, value};
use crate::domain::{ProjectSeq, QnaId, Timestamp};

/// A Q&A to be stored.
#[derive(Debug, Clone)]
pub struct NewQna {
    pub id: QnaId,
    pub project: ProjectSeq,
    pub question: String,
    pub answer: String,
    pub is_published: bool,
    pub creator_name: Option<String>,
    pub at: Timestamp,
}

impl NewQna {
    /// The write that stores it and, where it is published, has it found.
    pub fn create(&self) -> Batch {
        Batch::of([
            Statement::new(
                "INSERT INTO qna (id, project_seq, question, answer, is_published, created_at, \
                                  updated_at, creator_name) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
                [
                    uuid(self.id.0),
                    value(self.project.0),
                    value(self.question.clone()),
                    value(self.answer.clone()),
                    value(self.is_published),
                    value(self.at.0),
                    value(self.creator_name.clone()),
                ],
            ),
            passage(self.id),
        ])
    }
}

/// Has a published Q&A found by search.
fn passage(id: QnaId) -> Statement {
    Statement::new(
        "INSERT INTO passage (project_seq, qna_seq, title, heading, body) \
         SELECT project_seq, seq, question, '', answer FROM qna WHERE id = ? AND is_published",
        [uuid(id.0)],
    )
}
