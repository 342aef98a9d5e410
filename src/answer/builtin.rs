//! The built-in answerer: says what the project's documents and Q&As say, in
//! their own tokenize, and where that stands. It is sure of nothing else, so what
//! is not there it does not know, and says so.

mod citation;
mod excerpt;
mod small_talk;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

use super::retrieval::{
    self, IndexCache, Language, PassageHit, PassageSource, RankedPassages, is_stop_word, tokenize,
};
use super::{
    Answer, AnswerError, AnswerProvider, AnswerRequest, ChatRole, CompleteAnswer, FinishDetails,
};
use crate::domain::ProjectSeq;
use crate::store::{Snapshot, Store, StoreError};

use citation::Citations;
use small_talk::SmallTalk;

/// The most passages that one answer is made of, and the share of the first
/// one's score that another must have.
const MOST_PASSAGES: usize = 3;
const NEARLY_AS_GOOD: f64 = 0.9;

/// The most characters that an answer quotes of documents, and of all passages
/// but the first.
const LENGTH: usize = 900;
const FURTHER: usize = 300;

/// A question with at most so many telling words may lean on the one before.
const FEW_WORDS: usize = 2;

/// The most bytes of a selection that are searched for.
const SELECTION: usize = 400;

/// Answers from what the project knows.
#[derive(Debug, Default)]
pub struct Builtin {
    index_cache: Arc<IndexCache>,
}

impl Builtin {
    /// One that shares what is kept in memory with others who search.
    pub fn new(index_cache: Arc<IndexCache>) -> Self {
        Self { index_cache }
    }
}

impl AnswerProvider for Builtin {
    fn answer<'a>(
        &'a self,
        store: &'a Store,
        question: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        let index_cache = Arc::clone(&self.index_cache);
        Box::pin(async move {
            let text = store
                .read(move |snapshot| reply(snapshot, &question, &index_cache))
                .await?;
            Ok(Answer::Complete(CompleteAnswer {
                text,
                finish: FinishDetails::default(),
            }))
        })
    }
}

/// The answer to the last thing that the visitor said.
fn reply(
    snapshot: &Snapshot,
    question: &AnswerRequest,
    index_cache: &IndexCache,
) -> Result<String, StoreError> {
    let said = said(question);
    let last = said.first().copied().unwrap_or_default();
    let language = language(&said);
    let talk = SmallTalk::of(last);
    if let Some(SmallTalk::Greeting | SmallTalk::Thanks) = talk {
        return Ok(small_talk::sentence(talk, language).to_owned());
    }
    let known = known(
        snapshot,
        question.project,
        &attempts(question, &said),
        index_cache,
    )?;
    let answer = known.map(|(text, ranked)| compose(&text, &ranked.hits));
    Ok(match (talk, answer) {
        (Some(_), Some(answer)) => {
            format!("{}\n\n{answer}", small_talk::sentence(talk, language))
        }
        (None, Some(answer)) => answer,
        (Some(_), None) => small_talk::sentence(talk, language).to_owned(),
        (None, None) => match &question.assistant.fallback {
            Some(fallback) => fallback.clone(),
            None => small_talk::sentence(None, language).to_owned(),
        },
    })
}

/// What the visitor said, newest first.
pub(super) fn said(question: &AnswerRequest) -> Vec<&str> {
    let turns = question.messages.iter().rev();
    let visitor = turns.filter(|turn| turn.role == ChatRole::User);
    visitor.map(|turn| turn.content.as_str()).collect()
}

/// The visitor's language: of the newest thing said that tells it.
fn language(said: &[&str]) -> Language {
    let mut told = said
        .iter()
        .filter_map(|text| retrieval::detect_language(text));
    told.next().unwrap_or(Language::English)
}

/// What to search for, in this order, until something is known: a question of few
/// words may be about what was asked before, or about what is marked on the page.
pub(super) fn attempts(question: &AnswerRequest, said: &[&str]) -> Vec<String> {
    let last = said.first().copied().unwrap_or_default();
    let mut attempts = vec![last.to_owned()];
    if telling_words(last) > FEW_WORDS {
        return attempts;
    }
    if let Some(before) = said.get(1) {
        let place = usize::from(!is_follow_up(last));
        attempts.insert(place, format!("{before}\n{last}"));
    }
    let marked = question
        .page
        .as_ref()
        .and_then(|page| page.selection.as_deref());
    if let Some(marked) = marked {
        let end = (0..=SELECTION.min(marked.len()))
            .rev()
            .find(|end| marked.is_char_boundary(*end));
        attempts.push(format!("{last}\n{}", &marked[..end.unwrap_or(0)]));
    }
    attempts
}

fn telling_words(text: &str) -> usize {
    let mut count = 0;
    tokenize(text, |word| count += usize::from(!is_stop_word(word)));
    count
}

/// Whether a text begins like the second half of a question: "and to Norway?"
fn is_follow_up(text: &str) -> bool {
    let mut first = None;
    tokenize(text, |word| {
        first.get_or_insert_with(|| word.to_owned());
    });
    matches!(
        first.as_deref(),
        Some("and" | "or" | "but" | "also" | "und" | "oder" | "aber" | "auch")
    )
}

/// The first of the texts about which something is known, with what was found.
fn known(
    snapshot: &Snapshot,
    project: ProjectSeq,
    texts: &[String],
    index_cache: &IndexCache,
) -> Result<Option<(String, RankedPassages)>, StoreError> {
    for text in texts {
        let ranked = retrieval::search(snapshot, project, text, MOST_PASSAGES, index_cache)?;
        if ranked.is_confident {
            return Ok(Some((text.clone(), ranked)));
        }
    }
    Ok(None)
}

/// What the passages say, with their sources.
fn compose(text: &str, hits: &[PassageHit]) -> String {
    let Some(best) = hits.first() else {
        return String::new();
    };
    // A Q&A was written as an answer: nothing is to be added or taken away.
    if let PassageSource::Qna { .. } = best.source {
        return best.body.clone();
    }
    let mut citations = Citations::default();
    let mut answer = String::new();
    for (place, hit) in hits.iter().enumerate() {
        let PassageSource::Document { url } = &hit.source else {
            continue;
        };
        let room = LENGTH.saturating_sub(answer.chars().count());
        let room = if place == 0 { room } else { room.min(FURTHER) };
        if hit.score < best.score * NEARLY_AS_GOOD {
            break;
        }
        let part = excerpt::excerpt(text, &hit.body, room);
        // One line that is longer than an answer may be: the whole of it, as the
        // best that is known.
        let part = part.or_else(|| (place == 0).then(|| hit.body.trim().to_owned()));
        let Some(part) = part.filter(|part| !part.is_empty()) else {
            continue;
        };
        if !answer.is_empty() {
            answer.push_str("\n\n");
        }
        answer.push_str(&excerpt::closed(part));
        citations.mark(&mut answer, url, &hit.title);
    }
    citations.list(&mut answer);
    answer
}
