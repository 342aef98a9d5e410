//! The built-in answerer.

use std::pin::Pin;

use super::{Answer, Answerer, Completion, Ending, Failure, Question};
use crate::db::Db;

#[derive(Debug, Default)]
pub struct Builtin;

impl Answerer for Builtin {
    fn answer<'a>(
        &'a self,
        _: &'a Db,
        question: Question,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send + 'a>> {
        let text = question
            .assistant
            .fallback
            .unwrap_or_else(|| "I do not know that. A person of the team can help.".to_owned());
        let ending = Ending::default();
        Box::pin(async { Ok(Answer::Whole(Completion { text, ending })) })
    }
}
