//! Who is typing, in memory only.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{AgentId, AgentProfile, ConversationId, ProjectSeq};

/// An author counts as typing until this time after the last report.
pub const TYPING_TIMEOUT: Duration = Duration::from_secs(6);
/// The minimum time between an end and the next beginning of the same author.
const MIN_PAUSE: Duration = Duration::from_secs(1);
/// The time after which a repeated report is published again, for subscribers that have
/// come meanwhile.
const REPEAT_INTERVAL: Duration = Duration::from_secs(5);
/// The maximum number of authors. Further ones are not reported.
const MAX_AUTHORS: usize = 10_000;

/// Someone begins or stops typing in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    pub project: ProjectSeq,
    pub chat: ConversationId,
    pub author: TypingAuthor,
    pub is_typing: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypingAuthor {
    Visitor,
    /// An agent. Without an id: the website's server.
    Agent(Option<AgentId>, AgentProfile),
}

/// The authors who are typing.
#[derive(Debug, Default)]
pub struct TypingAuthors(Mutex<HashMap<AuthorKey, State>>);

/// A conversation and its author: the visitor, or an agent.
type AuthorKey = (ProjectSeq, ConversationId, Option<Option<AgentId>>);

#[derive(Debug)]
struct State {
    typing: Typing,
    reported_at: Instant,
    published_at: Instant,
}

impl TypingAuthors {
    /// Records a report. Returns whether it is published.
    pub fn report(&self, typing: Typing, now: Instant) -> bool {
        let mut authors = self.lock();
        let is_full = authors.len() >= MAX_AUTHORS;
        let key = (typing.project, typing.chat, author_key(&typing.author));
        let Some(state) = authors.get_mut(&key) else {
            if !typing.is_typing || is_full {
                return false;
            }
            let state = State {
                typing,
                reported_at: now,
                published_at: now,
            };
            authors.insert(key, state);
            return true;
        };
        let age = now.saturating_duration_since(state.published_at);
        let is_published = match (state.typing.is_typing, typing.is_typing) {
            (true, true) => age >= REPEAT_INTERVAL,
            (false, true) => age >= MIN_PAUSE,
            (true, false) => true,
            (false, false) => false,
        };
        state.reported_at = now;
        if is_published {
            state.published_at = now;
            state.typing = typing;
        }
        is_published
    }

    /// Removes the authors who have not reported for [`TYPING_TIMEOUT`]. Returns the ends
    /// of typing to publish.
    pub fn remove_expired(&self, now: Instant) -> Vec<Typing> {
        let mut ended = Vec::new();
        self.lock().retain(|_, state| {
            let is_current = now.saturating_duration_since(state.reported_at) < TYPING_TIMEOUT;
            if !is_current && state.typing.is_typing {
                ended.push(Typing {
                    is_typing: false,
                    ..state.typing.clone()
                });
            }
            is_current
        });
        ended
    }

    // The data behind the lock is consistent after every statement, so a panic of
    // another thread does not invalidate it.
    fn lock(&self) -> MutexGuard<'_, HashMap<AuthorKey, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn author_key(author: &TypingAuthor) -> Option<Option<AgentId>> {
    match author {
        TypingAuthor::Visitor => None,
        TypingAuthor::Agent(id, _) => Some(*id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typing(is_typing: bool) -> Typing {
        Typing {
            project: ProjectSeq(1),
            chat: ConversationId(uuid::Uuid::nil()),
            author: TypingAuthor::Visitor,
            is_typing,
        }
    }

    #[test]
    fn changes_are_published_and_repetitions_rarely() {
        let (authors, start) = (TypingAuthors::default(), Instant::now());
        let report = |is_typing, millis| {
            authors.report(typing(is_typing), start + Duration::from_millis(millis))
        };
        assert!(!report(false, 0), "nobody was typing");
        assert!(report(true, 0));
        assert!(!report(true, 3000));
        assert!(report(true, 6000), "for new subscribers");
        assert!(report(false, 7000));
        assert!(!report(true, 7100), "too soon");
        assert!(!report(false, 7200));
        assert!(report(true, 8100));
    }

    #[test]
    fn typing_ends_without_reports() {
        let (authors, start) = (TypingAuthors::default(), Instant::now());
        authors.report(typing(true), start);
        assert_eq!(authors.remove_expired(start + TYPING_TIMEOUT / 2), []);
        authors.report(typing(true), start + TYPING_TIMEOUT / 2);
        assert_eq!(authors.remove_expired(start + TYPING_TIMEOUT), []);
        let later = start + TYPING_TIMEOUT * 2;
        assert_eq!(authors.remove_expired(later), [typing(false)]);
        assert_eq!(authors.remove_expired(later), []);
    }
}
