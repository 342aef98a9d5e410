//! The answers that this process is generating. A takeover or a shutdown uses
//! this registry to stop an answer and to get its text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::{ConversationSeq, MessageId};

/// The registry of active answers, by conversation.
///
/// A conversation can have several entries for a moment: concurrent requests
/// register their answers before the store accepts one of them.
#[derive(Debug, Default)]
pub struct ActiveAnswers(Mutex<HashMap<ConversationSeq, Vec<Arc<Draft>>>>);

impl ActiveAnswers {
    /// Registers an answer until the handle is dropped. Call it before the answer
    /// is stored, so that a takeover finds each stored answer here.
    pub fn register(
        self: &Arc<Self>,
        conversation: ConversationSeq,
        message: MessageId,
    ) -> AnswerHandle {
        let draft = Arc::new(Draft {
            message,
            state: Mutex::default(),
            stop_signal: Notify::new(),
        });
        lock(&self.0)
            .entry(conversation)
            .or_default()
            .push(draft.clone());
        AnswerHandle {
            registry: self.clone(),
            conversation,
            draft,
        }
    }

    /// Stops the answer of a conversation. No text is added to it or sent to the
    /// client afterwards. Returns its message id and its text, all of which may
    /// have been sent. Returns `None` if the conversation has no active answer.
    pub fn stop(&self, conversation: ConversationSeq) -> Option<(MessageId, String)> {
        let drafts = lock(&self.0).get(&conversation).cloned()?;
        let stopped = drafts.iter().map(|draft| (draft.message, draft.stop()));
        // The store accepts only one of several concurrent answers. The others
        // have no text.
        stopped.max_by_key(|(_, text)| text.len())
    }

    /// The conversations that have active answers.
    pub fn conversations(&self) -> Vec<ConversationSeq> {
        lock(&self.0).keys().copied().collect()
    }

    /// Stops all answers. Returns their conversations, message ids and texts.
    pub fn stop_all(&self) -> Vec<(ConversationSeq, MessageId, String)> {
        let registry = lock(&self.0);
        let drafts = registry.iter().flat_map(|(conversation, drafts)| {
            drafts.iter().map(move |draft| (*conversation, draft))
        });
        drafts
            .map(|(conversation, draft)| (conversation, draft.message, draft.stop()))
            .collect()
    }

    /// Returns the texts that have grown since [`ActiveAnswers::mark_saved`].
    pub fn unsaved_texts(&self) -> Vec<(MessageId, String)> {
        let registry = lock(&self.0);
        let drafts = registry.values().flatten();
        drafts
            .filter_map(|draft| Some((draft.message, draft.unsaved_text()?)))
            .collect()
    }

    /// Records that the store has these texts.
    pub fn mark_saved(&self, texts: &[(MessageId, usize)]) {
        let registry = lock(&self.0);
        for draft in registry.values().flatten() {
            let saved = texts.iter().find(|(message, _)| *message == draft.message);
            if let Some((_, bytes)) = saved {
                lock(&draft.state).saved_bytes = *bytes;
            }
        }
    }

    /// Returns the number of active answers.
    pub fn count(&self) -> usize {
        lock(&self.0).values().map(Vec::len).sum()
    }
}

/// The text of an active answer.
#[derive(Debug)]
struct Draft {
    message: MessageId,
    state: Mutex<DraftState>,
    stop_signal: Notify,
}

#[derive(Debug, Default)]
struct DraftState {
    text: String,
    /// How much of the text the store has.
    saved_bytes: usize,
    is_stopped: bool,
}

impl Draft {
    fn unsaved_text(&self) -> Option<String> {
        let state = lock(&self.state);
        let is_unsaved = !state.is_stopped && state.text.len() > state.saved_bytes;
        is_unsaved.then(|| state.text.clone())
    }

    /// Stops the answer and returns its text.
    fn stop(&self) -> String {
        let mut state = lock(&self.state);
        state.is_stopped = true;
        let text = state.text.clone();
        drop(state);
        self.stop_signal.notify_one();
        text
    }
}

/// The entry of an active answer. Dropping it removes the entry.
#[derive(Debug)]
pub struct AnswerHandle {
    registry: Arc<ActiveAnswers>,
    conversation: ConversationSeq,
    draft: Arc<Draft>,
}

impl AnswerHandle {
    pub fn conversation(&self) -> ConversationSeq {
        self.conversation
    }

    pub fn message(&self) -> MessageId {
        self.draft.message
    }

    /// Appends to the text. Returns false, without an effect, if the answer was
    /// stopped.
    pub fn push(&self, text: &str) -> bool {
        let mut state = lock(&self.draft.state);
        if !state.is_stopped {
            state.text.push_str(text);
        }
        !state.is_stopped
    }

    /// Waits until the answer is stopped.
    pub async fn wait_for_stop(&self) {
        // `Notify` stores a permit, so a stop before this call is not missed.
        while !lock(&self.draft.state).is_stopped {
            self.draft.stop_signal.notified().await;
        }
    }

    /// Returns a copy of the text. A later `ActiveAnswers::stop` returns the same
    /// text.
    pub fn text(&self) -> String {
        lock(&self.draft.state).text.clone()
    }
}

impl Drop for AnswerHandle {
    fn drop(&mut self) {
        let mut registry = lock(&self.registry.0);
        if let Some(drafts) = registry.get_mut(&self.conversation) {
            drafts.retain(|draft| !Arc::ptr_eq(draft, &self.draft));
            if drafts.is_empty() {
                registry.remove(&self.conversation);
            }
        }
    }
}

/// Locks a mutex and ignores poisoning. No critical section of this module can
/// leave an inconsistent state behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stopped_answer_keeps_its_text_and_accepts_no_more() {
        let registry = Arc::new(ActiveAnswers::default());
        let (seq, id) = (ConversationSeq(1), MessageId::generate());
        let handle = registry.register(seq, id);
        assert!(handle.push("so far"));
        assert_eq!(registry.stop(seq), Some((id, "so far".to_owned())));
        assert!(!handle.push(" and on"));
        assert_eq!(handle.text(), "so far");
        assert_eq!(registry.count(), 1);
        drop(handle);
        assert_eq!((registry.count(), registry.stop(seq)), (0, None));
    }

    #[test]
    fn text_is_unsaved_until_its_length_is_marked_as_saved() {
        let registry = Arc::new(ActiveAnswers::default());
        let id = MessageId::generate();
        let handle = registry.register(ConversationSeq(1), id);
        assert_eq!(registry.unsaved_texts(), []);
        handle.push("so");
        assert_eq!(registry.unsaved_texts(), [(id, "so".to_owned())]);
        handle.push(" far");
        registry.mark_saved(&[(id, 2)]);
        assert_eq!(registry.unsaved_texts(), [(id, "so far".to_owned())]);
        registry.mark_saved(&[(id, 6)]);
        assert_eq!(registry.unsaved_texts(), []);
    }
}
