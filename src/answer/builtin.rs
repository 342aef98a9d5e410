//! The built-in answer provider. It quotes the project's documents and Q&As and
//! cites them. If the search has no confident result, it says that it does not
//! know the answer.

mod citations;
mod conversation_query;
mod markdown_segments;
mod sentences;
mod small_talk;
mod snippet;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

pub(super) use conversation_query::{conversation_query, visitor_messages};
pub(super) use small_talk::is_small_talk;

use super::embedding::{SemanticQueries, SemanticSearch, semantic_queries};
use super::handover::{self, Availability, HandoverSituation};
use super::handover::{Language, detect_language};
use super::retrieval::{self, IndexCache, PassageHit, PassageSource, RankedPassages};
use super::{Answer, AnswerError, AnswerProvider, AnswerRequest, CompleteAnswer, FinishDetails};
use crate::store::{Snapshot, Store, StoreError};

use citations::CitationWriter;
pub(super) use citations::{citable_url, source_label};
use conversation_query::ConversationQuery;
use small_talk::SmallTalk;

/// The maximum number of pages in an answer, and the minimum score of a further page
/// relative to the first.
const MAX_PAGES: usize = 3;
const MIN_RELATIVE_SCORE: f64 = 0.9;

/// The minimum confidence of a page that a refusal names.
const MIN_SUGGESTION_CONFIDENCE: f64 = 0.15;

/// The maximum length of the quotes in an answer, and of the quote from each
/// passage after the first.
const MAX_ANSWER_CHARS: usize = 900;
const MAX_FURTHER_QUOTE_CHARS: usize = 300;

/// The provider that answers from documents and Q&As.
#[derive(Default)]
pub struct BuiltinProvider {
    index_cache: Arc<IndexCache>,
    semantic: Option<Arc<SemanticSearch>>,
}

impl BuiltinProvider {
    /// Returns a provider. `index_cache` can be shared with other users of the
    /// search.
    pub fn new(index_cache: Arc<IndexCache>) -> Self {
        Self {
            index_cache,
            semantic: None,
        }
    }

    /// Also searches by meaning, if there is an embedding model.
    pub fn with_semantic(self, semantic: Option<Arc<SemanticSearch>>) -> Self {
        Self { semantic, ..self }
    }
}

impl AnswerProvider for BuiltinProvider {
    fn answer<'a>(
        &'a self,
        store: &'a Arc<Store>,
        request: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        let index_cache = Arc::clone(&self.index_cache);
        Box::pin(async move {
            let messages = visitor_messages(&request);
            let query = conversation_query(&request, &messages);
            let (semantic, texts) = (self.semantic.as_ref(), query.semantic_texts());
            let semantic = semantic_queries(semantic, request.project, texts).await;
            let answer = store
                .read(move |snapshot| answer(snapshot, &request, &query, &semantic, &index_cache))
                .await?;
            Ok(Answer::Complete(answer))
        })
    }
}

/// Returns the answer to the newest message of the visitor.
fn answer(
    snapshot: &Snapshot,
    request: &AnswerRequest,
    query: &ConversationQuery,
    semantic: &SemanticQueries,
    index_cache: &IndexCache,
) -> Result<CompleteAnswer, StoreError> {
    let messages = visitor_messages(request);
    let newest = messages.first().copied().unwrap_or_default();
    let mut earlier = messages.iter().skip(1);
    let earlier_language = earlier.find_map(|text| message_language(text));
    if let Some((talk, language)) = SmallTalk::detect(newest, earlier_language) {
        return Ok(known(talk.reply(language).to_owned()));
    }
    if let Some(language) = handover::is_handover_request(newest) {
        return Ok(known(handover::handover_text(language, &NOBODY_IS_THERE)));
    }
    let rankings = semantic.rank(query.semantic_texts());
    let input = query.search_input(&rankings);
    let result =
        retrieval::search_input(snapshot, request.project, &input, MAX_PAGES, index_cache)?;
    if result.is_confident {
        return Ok(known(quote(newest, &result.hits)));
    }
    let fallback = request.assistant.fallback.as_deref();
    let language = message_language(newest).or(earlier_language);
    Ok(refusal(
        fallback,
        language.unwrap_or(Language::English),
        &result,
    ))
}

/// The share of stop words, in percent, from which on they decide the language.
const MIN_STOP_WORD_PERCENT: usize = 40;

/// Returns the language of a message. Questions in English and German have many stop
/// words, which decide it.
fn message_language(text: &str) -> Option<Language> {
    let by_stop_words = retrieval::detect_language(text).map(|language| match language {
        retrieval::Language::English => Language::English,
        retrieval::Language::German => Language::German,
    });
    let (mut words, mut stop_words) = (0, 0);
    retrieval::tokenize(text, |token| {
        words += 1;
        stop_words += usize::from(retrieval::is_stop_word(token));
    });
    let is_decided = stop_words * 100 >= words * MIN_STOP_WORD_PERCENT;
    let decided = by_stop_words.filter(|_| is_decided);
    decided.or_else(|| detect_language(text)).or(by_stop_words)
}

/// Returns the answer to a question that the search has no confident result for. It
/// names the best page in its text. It does not cite the page, because the page may be
/// about something else.
fn refusal(fallback: Option<&str>, language: Language, result: &RankedPassages) -> CompleteAnswer {
    let mut text = fallback
        .unwrap_or(small_talk::unknown_reply(language))
        .to_owned();
    if let Some(link) = suggested_link(result) {
        text.push_str("\n\n");
        text.push_str(&small_talk::page_suggestion(language, &link));
    }
    CompleteAnswer {
        text,
        finish: FinishDetails {
            is_refusal: true,
            ..FinishDetails::default()
        },
    }
}

/// Returns a Markdown link to the best page, if it may be about the question.
fn suggested_link(result: &RankedPassages) -> Option<String> {
    if result.confidence < MIN_SUGGESTION_CONFIDENCE {
        return None;
    }
    let best = result.hits.first()?;
    match &best.source {
        PassageSource::Document { url } => citations::link(url, &best.title),
        PassageSource::Qna { .. } => None,
    }
}

/// An answer with a text that is not the fallback.
fn known(text: String) -> CompleteAnswer {
    CompleteAnswer {
        text,
        finish: FinishDetails::default(),
    }
}

/// The situation outside of a conversation: nobody can be notified. In a conversation, the
/// service answers a request for a person.
const NOBODY_IS_THERE: HandoverSituation<'static> = HandoverSituation {
    availability: Availability::Unavailable,
    contact: None,
    has_left_contact: false,
    away_message: None,
};

/// Returns the answer of the best Q&A, or quotes of the best documents with their
/// sources.
fn quote(query: &str, hits: &[PassageHit]) -> String {
    let Some(best) = hits.first() else {
        return String::new();
    };
    // The answer of a Q&A is returned unchanged.
    if let PassageSource::Qna { .. } = best.source {
        return best.body.clone();
    }
    let mut citations = CitationWriter::default();
    let mut answer = String::new();
    for (position, hit) in hits.iter().enumerate() {
        let PassageSource::Document { url } = &hit.source else {
            continue;
        };
        if hit.score < best.score * MIN_RELATIVE_SCORE {
            break;
        }
        let is_best = position == 0;
        let remaining = MAX_ANSWER_CHARS.saturating_sub(answer.chars().count());
        let Some(quote) = passage_quote(query, hit, is_best, remaining) else {
            continue;
        };
        if !answer.is_empty() {
            answer.push_str("\n\n");
        }
        answer.push_str(&snippet::close_code_block(quote));
        citations.mark(&mut answer, url, &hit.title);
    }
    citations.append_sources(&mut answer);
    answer
}

/// Returns the quote of a passage. If nothing of the best passage fits into
/// `remaining` characters, returns the whole passage.
fn passage_quote(query: &str, hit: &PassageHit, is_best: bool, remaining: usize) -> Option<String> {
    let max_chars = if is_best {
        remaining
    } else {
        remaining.min(MAX_FURTHER_QUOTE_CHARS)
    };
    let quote = snippet::snippet(query, &hit.body, max_chars);
    let quote = quote.or_else(|| is_best.then(|| hit.body.trim().to_owned()));
    let quote = quote.filter(|quote| !quote.is_empty())?;
    Some(snippet::with_heading(query, &hit.heading, quote))
}
