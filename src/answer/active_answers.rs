//! The answers that this process is generating. A takeover or a shutdown uses
//! this registry to stop an answer and to get its text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::draft::{AnswerReader, Draft};
use crate::domain::{ConversationSeq, MessageId};

/// How long a reader waits until the end of an answer is stored.
const MAX_STORE_TIME: Duration = Duration::from_secs(2);

/// The registry of active answers, by conversation.
///
/// A conversation can have several entries for a moment: concurrent requests
/// register their answers before the store accepts one of them.
#[derive(Debug, Default)]
pub struct ActiveAnswers {
    by_conversation: Mutex<HashMap<ConversationSeq, Vec<ActiveAnswer>>>,
    /// Notifies all waiters when an entry was removed.
    removal: Notify,
}

impl ActiveAnswers {
    /// Registers an answer until the handle is dropped. Call it before the answer
    /// is stored, so that a takeover finds each stored answer here.
    pub fn register(
        self: &Arc<Self>,
        conversation: ConversationSeq,
        message: MessageId,
    ) -> AnswerHandle {
        let answer = ActiveAnswer {
            message,
            draft: Arc::default(),
        };
        self.lock()
            .entry(conversation)
            .or_default()
            .push(answer.clone());
        AnswerHandle {
            registry: self.clone(),
            conversation,
            answer,
        }
    }

    /// Stops the answer of a conversation. No text is added to it or sent to the
    /// client afterwards. Returns its message id and its text, all of which may
    /// have been sent. Returns `None` if the conversation has no active answer.
    pub fn stop(&self, conversation: ConversationSeq) -> Option<(MessageId, String)> {
        let answers = self.lock().get(&conversation).cloned()?;
        let stopped = answers
            .iter()
            .map(|answer| (answer.message, answer.draft.stop()));
        // The store accepts only one of several concurrent answers. The others
        // have no text.
        stopped.max_by_key(|(_, text)| text.len())
    }

    /// Stops one answer, if it is active.
    pub fn stop_message(&self, conversation: ConversationSeq, message: MessageId) {
        if let Some(answer) = self.find(conversation, message) {
            answer.draft.stop();
        }
    }

    /// Follows an answer from its start. Returns `None` if the answer has ended. The
    /// end of an answer that has just lost its last reader is waited for, so that the
    /// store has it.
    pub async fn follow(
        &self,
        conversation: ConversationSeq,
        message: MessageId,
    ) -> Option<AnswerReader> {
        let reader = self.find(conversation, message)?.draft.read();
        if !reader.is_abandoned() {
            return Some(reader);
        }
        // If the store does not work, the caller sees a streaming answer.
        let _ = tokio::time::timeout(MAX_STORE_TIME, reader.wait_until_stored()).await;
        None
    }

    /// The text of an answer. The caller does not count as a reader.
    pub fn draft(&self, conversation: ConversationSeq, message: MessageId) -> Option<Arc<Draft>> {
        Some(self.find(conversation, message)?.draft)
    }

    fn find(&self, conversation: ConversationSeq, message: MessageId) -> Option<ActiveAnswer> {
        let registry = self.lock();
        let mut answers = registry.get(&conversation)?.iter();
        answers.find(|answer| answer.message == message).cloned()
    }

    /// The conversations that have active answers.
    pub fn conversations(&self) -> Vec<ConversationSeq> {
        self.lock().keys().copied().collect()
    }

    /// Stops all answers. Returns their conversations, message ids and texts.
    pub fn stop_all(&self) -> Vec<(ConversationSeq, MessageId, String)> {
        let registry = self.lock();
        let answers = registry.iter().flat_map(|(conversation, answers)| {
            answers.iter().map(move |answer| (*conversation, answer))
        });
        answers
            .map(|(conversation, answer)| (conversation, answer.message, answer.draft.stop()))
            .collect()
    }

    /// Returns the texts that have grown since [`ActiveAnswers::mark_saved`].
    pub fn unsaved_texts(&self) -> Vec<(MessageId, String)> {
        let registry = self.lock();
        let answers = registry.values().flatten();
        answers
            .filter_map(|answer| Some((answer.message, answer.draft.unsaved_text()?)))
            .collect()
    }

    /// Records that the store has these texts.
    pub fn mark_saved(&self, texts: &[(MessageId, usize)]) {
        let registry = self.lock();
        for answer in registry.values().flatten() {
            let saved = texts.iter().find(|(message, _)| *message == answer.message);
            if let Some((_, bytes)) = saved {
                answer.draft.mark_saved(*bytes);
            }
        }
    }

    /// Waits until no answer is active.
    pub async fn wait_until_empty(&self) {
        loop {
            // Created before the check, so that no removal is missed.
            let removal = self.removal.notified();
            if self.count() == 0 {
                return;
            }
            removal.await;
        }
    }

    /// The number of readers of all active answers.
    pub fn reader_count(&self) -> usize {
        let registry = self.lock();
        let answers = registry.values().flatten();
        answers.map(|answer| answer.draft.reader_count()).sum()
    }

    /// Returns the number of active answers.
    pub fn count(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }
}

impl ActiveAnswers {
    /// Locks the registry and ignores poisoning. No critical section can leave an
    /// inconsistent state behind.
    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationSeq, Vec<ActiveAnswer>>> {
        let registry = &self.by_conversation;
        registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry of the registry.
#[derive(Debug, Clone)]
struct ActiveAnswer {
    message: MessageId,
    draft: Arc<Draft>,
}

/// The entry of an active answer. Drop it when the end of the answer is stored, which
/// removes the entry.
#[derive(Debug)]
pub struct AnswerHandle {
    registry: Arc<ActiveAnswers>,
    conversation: ConversationSeq,
    answer: ActiveAnswer,
}

impl AnswerHandle {
    pub fn conversation(&self) -> ConversationSeq {
        self.conversation
    }

    pub fn message(&self) -> MessageId {
        self.answer.message
    }

    pub fn draft(&self) -> &Arc<Draft> {
        &self.answer.draft
    }
}

impl Drop for AnswerHandle {
    fn drop(&mut self) {
        self.answer.draft.mark_stored();
        let mut registry = self.registry.lock();
        if let Some(answers) = registry.get_mut(&self.conversation) {
            answers.retain(|answer| !Arc::ptr_eq(&answer.draft, &self.answer.draft));
            if answers.is_empty() {
                registry.remove(&self.conversation);
            }
        }
        drop(registry);
        self.registry.removal.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_returns_the_text_of_the_answer_until_it_is_removed() {
        let registry = Arc::new(ActiveAnswers::default());
        let (seq, id) = (ConversationSeq(1), MessageId::generate());
        let handle = registry.register(seq, id);
        handle.draft().push("so far");
        assert_eq!(registry.stop(seq), Some((id, "so far".to_owned())));
        assert_eq!(registry.count(), 1);
        drop(handle);
        assert_eq!((registry.count(), registry.stop(seq)), (0, None));
    }

    #[test]
    fn unsaved_texts_are_returned_until_they_are_marked_as_saved() {
        let registry = Arc::new(ActiveAnswers::default());
        let id = MessageId::generate();
        let handle = registry.register(ConversationSeq(1), id);
        handle.draft().push("so far");
        assert_eq!(registry.unsaved_texts(), [(id, "so far".to_owned())]);
        registry.mark_saved(&[(id, 6)]);
        assert_eq!(registry.unsaved_texts(), []);
    }
}
