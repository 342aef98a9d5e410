//! Derives what to search for from a conversation.

use crate::answer::retrieval::{
    SearchInput, SemanticRanking, is_follow_up, is_stop_word, tokenize,
};
use crate::answer::{AnswerRequest, ChatRole};

/// The maximum length of the selected text in a query.
const MAX_SELECTION_BYTES: usize = 400;

/// A message with at most this many content words can refer to the text that is selected
/// on the page.
const MAX_SHORT_QUESTION_WORDS: usize = 2;

/// How many earlier messages of the visitor a message can refer to.
const MAX_EARLIER_MESSAGES: usize = 2;

/// What to search for, with the earlier turns.
#[derive(Debug, Default)]
pub struct ConversationQuery {
    text: String,
    /// The messages of the visitor before the newest, newest first, and the selection.
    earlier: Vec<String>,
    /// The page that was cited last.
    cited_url: Option<String>,
    /// The texts whose meaning is compared with the passages: the question, and the
    /// question with the message that it may refer to.
    semantic_texts: Vec<String>,
}

impl ConversationQuery {
    /// Searches for `question`, which is the newest message with what it refers to. The
    /// message stays a part of the search.
    pub fn rewritten(mut self, question: String) -> Self {
        self.semantic_texts = vec![question.clone()];
        let newest = std::mem::replace(&mut self.text, question);
        self.earlier.insert(0, newest);
        self
    }

    /// Returns the texts whose meaning is compared with the passages.
    pub fn semantic_texts(&self) -> &[String] {
        &self.semantic_texts
    }

    /// Returns the input of the search. `semantic` has the rankings of the
    /// [`semantic_texts`](Self::semantic_texts).
    pub fn search_input<'a>(&'a self, semantic: &'a [SemanticRanking]) -> SearchInput<'a> {
        SearchInput {
            text: &self.text,
            earlier: &self.earlier,
            cited_url: self.cited_url.as_deref(),
            semantic,
        }
    }
}

/// Returns the texts of the visitor's messages, newest first.
pub fn visitor_messages(request: &AnswerRequest) -> Vec<&str> {
    let newest_first = request.messages.iter().rev();
    let by_visitor = newest_first.filter(|message| message.role == ChatRole::User);
    by_visitor.map(|message| message.content.as_str()).collect()
}

/// Returns what to search for. `visitor_messages` is the result of [`visitor_messages`].
pub fn conversation_query(request: &AnswerRequest, visitor_messages: &[&str]) -> ConversationQuery {
    let newest = visitor_messages.first().copied().unwrap_or_default();
    let earlier = visitor_messages.iter().skip(1).take(MAX_EARLIER_MESSAGES);
    let mut earlier: Vec<_> = earlier.map(|text| (*text).to_owned()).collect();
    let page = request.page.as_ref();
    let selection = page.and_then(|page| page.selection.as_deref());
    if let Some(selection) = selection.filter(|_| is_short(newest)) {
        let end = selection.floor_char_boundary(MAX_SELECTION_BYTES);
        earlier.push(selection[..end].to_owned());
    }
    let mut semantic_texts = vec![newest.to_owned()];
    if let Some(previous) = earlier.first().filter(|_| is_follow_up(newest)) {
        semantic_texts.push(format!("{previous}\n{newest}"));
    }
    ConversationQuery {
        semantic_texts,
        text: newest.to_owned(),
        earlier,
        cited_url: last_cited_url(request),
    }
}

/// Whether a text has few words that are not stop words.
fn is_short(text: &str) -> bool {
    let mut count = 0;
    tokenize(text, |token| count += usize::from(!is_stop_word(token)));
    count <= MAX_SHORT_QUESTION_WORDS
}

/// Returns the first source of the last answer that has sources.
fn last_cited_url(request: &AnswerRequest) -> Option<String> {
    let answers = request.messages.iter().rev();
    let mut answers = answers.filter(|message| message.role == ChatRole::Assistant);
    answers.find_map(|answer| {
        let mut lines = answer.content.lines();
        lines.find_map(|line| {
            let (_, source) = line.strip_prefix('[')?.split_once("]: ")?;
            source.split(' ').next().map(str::to_owned)
        })
    })
}
