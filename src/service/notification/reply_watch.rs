//! Which visitors have read a reply over the API before it is e-mailed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{ConversationId, ProjectSeq};
use crate::events::Topic;
use crate::store::notification::queue::ReplyEmail;

/// For how long a conversation is watched at least after a reply. The e-mail of the reply is
/// stored within this time, so that a list of stored e-mails contains it afterwards.
const MIN_WATCH_TIME: Duration = Duration::from_secs(60);

/// The conversations with replies that are to be e-mailed.
#[derive(Debug, Default)]
pub struct ReplyWatch(Mutex<HashMap<Topic, Watched>>);

/// A conversation that is watched.
#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    /// Whether the visitor has read the messages since the reply.
    is_read: bool,
    /// When this process was about to store the last reply.
    since: Option<Instant>,
    /// The e-mail as it was read last. `None` since a reply of this process.
    email: Option<ReplyEmail>,
}

impl ReplyWatch {
    /// The visitor of a conversation reads its messages.
    pub fn mark_read(&self, project: ProjectSeq, conversation: ConversationId) {
        if let Some(watched) = self.lock().get_mut(&(project, conversation)) {
            watched.is_read = true;
        }
    }

    /// Watches a conversation whose reply is stored next. It counts as unread.
    pub(super) fn watch(&self, project: ProjectSeq, conversation: ConversationId) {
        let watched = Watched {
            is_read: false,
            since: Some(Instant::now()),
            email: None,
        };
        self.lock().insert((project, conversation), watched);
    }

    /// Watches the conversations of these e-mails, those whose reply may not be stored yet, and
    /// no others. If another node has added a reply to an e-mail, the conversation counts as
    /// unread.
    pub(super) fn watch_only(
        &self,
        emails: impl IntoIterator<Item = (Topic, ReplyEmail)>,
        now: Instant,
    ) {
        let mut watched = self.lock();
        let mut previous = std::mem::take(&mut *watched);
        for (topic, email) in emails {
            let mut state = previous.remove(&topic).unwrap_or_default();
            let is_other = state.email.is_some_and(|known| known != email);
            state.is_read &= !is_other;
            state.email = Some(email);
            watched.insert(topic, state);
        }
        previous.retain(|_, state| state.may_be_unstored(now));
        watched.extend(previous);
    }

    /// Ends the watch of conversations whose e-mails were cancelled, unless there is a new reply.
    pub(super) fn remove_read(&self, topics: impl IntoIterator<Item = Topic>) {
        let mut watched = self.lock();
        for topic in topics {
            if watched.get(&topic).is_some_and(|state| state.is_read) {
                watched.remove(&topic);
            }
        }
    }

    pub(super) fn is_read(&self, topic: &Topic) -> bool {
        self.lock()
            .get(topic)
            .is_some_and(|watched| watched.is_read)
    }

    // The data is consistent after every statement, so a panic of another thread does not
    // invalidate it.
    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn may_be_unstored(self, now: Instant) -> bool {
        self.since
            .is_some_and(|since| now.saturating_duration_since(since) < MIN_WATCH_TIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{NotificationSeq, Timestamp};

    fn topic() -> Topic {
        (ProjectSeq(1), ConversationId::generate())
    }

    fn email(due: i64) -> ReplyEmail {
        ReplyEmail {
            seq: NotificationSeq(1),
            due: Timestamp(due),
        }
    }

    #[test]
    fn only_reads_since_the_last_reply_count() {
        let (watch, topic) = (ReplyWatch::default(), topic());
        let mark = || watch.mark_read(topic.0, topic.1);
        mark();
        watch.watch_only([(topic, email(1))], Instant::now());
        assert!(!watch.is_read(&topic), "it was not watched yet");
        mark();
        watch.watch_only([(topic, email(1))], Instant::now());
        assert!(watch.is_read(&topic));
        watch.watch(topic.0, topic.1);
        assert!(!watch.is_read(&topic), "there is a new reply");
        mark();
        watch.watch_only([], Instant::now() + MIN_WATCH_TIME);
        assert!(!watch.is_read(&topic));
    }

    #[test]
    fn reply_that_is_not_stored_yet_stays_watched() {
        let (watch, topic) = (ReplyWatch::default(), topic());
        watch.watch(topic.0, topic.1);
        watch.watch_only([], Instant::now());
        watch.mark_read(topic.0, topic.1);
        watch.watch_only([(topic, email(1))], Instant::now());
        assert!(watch.is_read(&topic));
        watch.remove_read([topic]);
        watch.watch_only([(topic, email(1))], Instant::now());
        assert!(!watch.is_read(&topic), "the next reply of another node");
    }

    #[test]
    fn reply_of_another_node_makes_a_conversation_unread() {
        let (watch, topic) = (ReplyWatch::default(), topic());
        watch.watch_only([(topic, email(1))], Instant::now());
        watch.mark_read(topic.0, topic.1);
        watch.watch_only([(topic, email(2))], Instant::now());
        assert!(!watch.is_read(&topic));
    }
}
