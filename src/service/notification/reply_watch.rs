//! Which visitors have read a reply over the API before it is e-mailed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::{ConversationId, ProjectSeq};
use crate::events::Topic;

/// The conversations with replies that are to be e-mailed, and whether the visitor has read
/// the messages since the reply.
#[derive(Debug, Default)]
pub struct ReplyWatch(Mutex<HashMap<Topic, bool>>);

impl ReplyWatch {
    /// The visitor of a conversation reads its messages.
    pub fn mark_read(&self, project: ProjectSeq, conversation: ConversationId) {
        if let Some(is_read) = self.lock().get_mut(&(project, conversation)) {
            *is_read = true;
        }
    }

    /// Watches a conversation. It counts as unread.
    pub(super) fn watch(&self, project: ProjectSeq, conversation: ConversationId) {
        self.lock().insert((project, conversation), false);
    }

    /// Watches these conversations and no others. Conversations that are watched already
    /// stay as they are.
    pub(super) fn watch_only(&self, topics: impl IntoIterator<Item = Topic>) {
        let mut watched = self.lock();
        let states = topics
            .into_iter()
            .map(|topic| (topic, watched.get(&topic).copied().unwrap_or(false)));
        *watched = states.collect();
    }

    pub(super) fn is_read(&self, topic: &Topic) -> bool {
        self.lock().get(topic).copied().unwrap_or(false)
    }

    // The data is consistent after every statement, so a panic of another thread does not
    // invalidate it.
    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_since_the_last_reply_count() {
        let watch = ReplyWatch::default();
        let topic = (ProjectSeq(1), ConversationId::generate());
        let mark = || watch.mark_read(topic.0, topic.1);
        mark();
        watch.watch_only([topic]);
        assert!(!watch.is_read(&topic), "it was not watched yet");
        mark();
        watch.watch_only([topic]);
        assert!(watch.is_read(&topic));
        watch.watch(topic.0, topic.1);
        assert!(!watch.is_read(&topic), "there is a new reply");
        mark();
        watch.watch_only([]);
        assert!(!watch.is_read(&topic));
    }
}
