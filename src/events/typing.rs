//! Who is typing, in memory only.
//!
//! Of several nodes, each knows what the others publish. The node that has published last
//! about an author publishes the end if the reports cease.

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
    /// Whether this node has published last.
    is_own: bool,
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
                is_own: true,
            };
            authors.insert(key, state);
            return true;
        };
        let age = now.saturating_duration_since(state.published_at);
        let is_published = match (state.typing.is_typing, typing.is_typing) {
            (true, true) if state.is_own => age >= REPEAT_INTERVAL,
            // The other nodes learn that the author has not ceased to report.
            (true, true) => age >= MIN_PAUSE,
            (false, true) => age >= MIN_PAUSE,
            (true, false) => true,
            (false, false) => false,
        };
        state.reported_at = now;
        if is_published {
            state.published_at = now;
            state.typing = typing;
            state.is_own = true;
        }
        is_published
    }

    /// Records what a node has published. What this node has published itself changes
    /// nothing.
    pub fn observe(&self, typing: &Typing, now: Instant) {
        let mut authors = self.lock();
        let key = (typing.project, typing.chat, author_key(&typing.author));
        let known = authors.get(&key);
        let is_own = known.is_some_and(|state| {
            let age = now.saturating_duration_since(state.published_at);
            state.is_own && state.typing.is_typing == typing.is_typing && age < MIN_PAUSE
        });
        if is_own || (known.is_none() && authors.len() >= MAX_AUTHORS) {
            return;
        }
        let state = State {
            typing: typing.clone(),
            reported_at: now,
            published_at: now,
            is_own: false,
        };
        authors.insert(key, state);
    }

    /// Removes the authors who have not reported for [`TYPING_TIMEOUT`]. Returns the ends
    /// of typing to publish.
    pub fn remove_expired(&self, now: Instant) -> Vec<Typing> {
        let mut ended = Vec::new();
        self.lock().retain(|_, state| {
            let is_current = now.saturating_duration_since(state.reported_at) < TYPING_TIMEOUT;
            if !is_current && state.typing.is_typing && state.is_own {
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
    fn typing_that_is_reported_to_two_nodes_in_turn_has_one_end() {
        let (nodes, start) = ([(); 2].map(|()| TypingAuthors::default()), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let remove = |seconds| {
            let ended = nodes.iter().map(|node| node.remove_expired(at(seconds)));
            ended.map(|ended| ended.len()).collect::<Vec<_>>()
        };
        for (index, seconds) in [0, 4, 8, 12].into_iter().enumerate() {
            assert!(
                nodes[index % 2].report(typing(true), at(seconds)),
                "{seconds}"
            );
            for node in &nodes {
                node.observe(&typing(true), at(seconds));
            }
            assert_eq!(remove(seconds + 3), [0, 0]);
        }
        assert_eq!(remove(18), [0, 1], "the second node has published last");
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
