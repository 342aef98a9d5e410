//! Derives search queries from a conversation.

use crate::answer::retrieval::{is_stop_word, tokenize};
use crate::answer::{AnswerRequest, ChatRole};

/// A message with at most this many content words can refer to the previous
/// message or to the page.
const MAX_SHORT_QUESTION_WORDS: usize = 2;

/// The maximum length of the selected text in a query.
const MAX_SELECTION_BYTES: usize = 400;

/// Returns the texts of the visitor's messages, newest first.
pub fn visitor_messages(request: &AnswerRequest) -> Vec<&str> {
    let newest_first = request.messages.iter().rev();
    let by_visitor = newest_first.filter(|message| message.role == ChatRole::User);
    by_visitor.map(|message| message.content.as_str()).collect()
}

/// Returns the queries to try, in this order, until one has a confident result.
/// `visitor_messages` is the result of [`visitor_messages`].
///
/// The first query is the newest message, unless it is a follow-up. For a short
/// message there are also queries with the previous message and with the text that
/// is selected on the page.
pub fn search_queries(request: &AnswerRequest, visitor_messages: &[&str]) -> Vec<String> {
    let newest = visitor_messages.first().copied().unwrap_or_default();
    let mut queries = vec![newest.to_owned()];
    if content_word_count(newest) > MAX_SHORT_QUESTION_WORDS {
        return queries;
    }
    if let Some(previous) = visitor_messages.get(1) {
        let position = usize::from(!is_follow_up(newest));
        queries.insert(position, format!("{previous}\n{newest}"));
    }
    let page = request.page.as_ref();
    if let Some(selection) = page.and_then(|page| page.selection.as_deref()) {
        let end = selection.floor_char_boundary(MAX_SELECTION_BYTES);
        queries.push(format!("{newest}\n{}", &selection[..end]));
    }
    queries
}

/// Counts the words that are not stop words.
fn content_word_count(text: &str) -> usize {
    let mut count = 0;
    tokenize(text, |token| count += usize::from(!is_stop_word(token)));
    count
}

/// Whether a message begins with a conjunction, as in "and to Norway?".
fn is_follow_up(text: &str) -> bool {
    let mut first = None;
    tokenize(text, |token| {
        first.get_or_insert_with(|| token.to_owned());
    });
    matches!(
        first.as_deref(),
        Some("and" | "or" | "but" | "also" | "und" | "oder" | "aber" | "auch")
    )
}
