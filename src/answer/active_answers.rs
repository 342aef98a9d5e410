//! The answers that are being written in this process, so that somebody else
//! can end one: a person of the house who takes its conversation over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::{ConversationSeq, MessageId};

/// Every answer that is being written.
#[derive(Debug, Default)]
pub struct ActiveAnswers(Mutex<HashMap<ConversationSeq, Vec<Arc<Draft>>>>);

impl ActiveAnswers {
    /// Enters an answer, before the file knows of it, so that whoever takes its
    /// conversation over finds it at every moment.
    pub fn register(
        self: &Arc<Self>,
        conversation: ConversationSeq,
        answer: MessageId,
    ) -> AnswerHandle {
        let draft = Arc::new(Draft {
            answer,
            state: Mutex::default(),
            stop: Notify::new(),
        });
        let mut running = locked(&self.0);
        running.entry(conversation).or_default().push(draft.clone());
        drop(running);
        AnswerHandle {
            running: self.clone(),
            conversation,
            draft,
        }
    }

    /// Ends the answer of a conversation: nothing more is added to it or shown
    /// of it. Gives the text that it has, of which every word may have been
    /// shown.
    pub fn stop(&self, conversation: ConversationSeq) -> Option<(MessageId, String)> {
        let drafts = locked(&self.0).get(&conversation).cloned()?;
        let texts = drafts.iter().map(|draft| (draft.answer, draft.stop()));
        // Of two that began at once the file lets only one begin: the other has
        // no text yet.
        texts.max_by_key(|(_, text)| text.len())
    }

    /// Ends all of them. Gives what is to be stored of each.
    pub fn stop_all(&self) -> Vec<(ConversationSeq, MessageId, String)> {
        let running = locked(&self.0);
        let drafts = running
            .iter()
            .flat_map(|(seq, drafts)| drafts.iter().map(move |draft| (*seq, draft)));
        drafts
            .map(|(seq, draft)| (seq, draft.answer, draft.stop()))
            .collect()
    }

    /// How many answers are being written.
    pub fn count(&self) -> usize {
        locked(&self.0).values().map(Vec::len).sum()
    }
}

/// The text of an answer so far.
#[derive(Debug)]
struct Draft {
    answer: MessageId,
    state: Mutex<State>,
    stop: Notify,
}

#[derive(Debug, Default)]
struct State {
    text: String,
    stopped: bool,
}

impl Draft {
    fn stop(&self) -> String {
        let mut state = locked(&self.state);
        state.stopped = true;
        let text = state.text.clone();
        drop(state);
        self.stop.notify_one();
        text
    }
}

/// An answer's place among those that are being written, given up on drop.
#[derive(Debug)]
pub struct AnswerHandle {
    running: Arc<ActiveAnswers>,
    conversation: ConversationSeq,
    draft: Arc<Draft>,
}

impl AnswerHandle {
    pub fn conversation(&self) -> ConversationSeq {
        self.conversation
    }

    pub fn answer(&self) -> MessageId {
        self.draft.answer
    }

    /// Adds to the text, unless the answer was stopped.
    pub fn push(&self, text: &str) -> bool {
        let mut state = locked(&self.draft.state);
        if !state.stopped {
            state.text.push_str(text);
        }
        !state.stopped
    }

    /// Returns once somebody has stopped the answer.
    pub async fn stopped(&self) {
        // A permit is kept, so a stop before this wait is not missed.
        while !locked(&self.draft.state).stopped {
            self.draft.stop.notified().await;
        }
    }

    /// The text so far. It stays, so that whoever stops the answer has it too.
    pub fn text(&self) -> String {
        locked(&self.draft.state).text.clone()
    }
}

impl Drop for AnswerHandle {
    fn drop(&mut self) {
        let mut running = locked(&self.running.0);
        if let Some(drafts) = running.get_mut(&self.conversation) {
            drafts.retain(|draft| !Arc::ptr_eq(draft, &self.draft));
            if drafts.is_empty() {
                running.remove(&self.conversation);
            }
        }
    }
}

/// A panic while it was held leaves nothing half done here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stopped_keeps_its_text_and_takes_no_more() {
        let running = Arc::new(ActiveAnswers::default());
        let (seq, id) = (ConversationSeq(1), MessageId::generate());
        let entry = running.register(seq, id);
        assert!(entry.push("so far"));
        assert_eq!(running.stop(seq), Some((id, "so far".to_owned())));
        assert!(!entry.push(" and on"));
        assert_eq!(entry.text(), "so far");
        assert_eq!(running.count(), 1);
        drop(entry);
        assert_eq!((running.count(), running.stop(seq)), (0, None));
    }
}
