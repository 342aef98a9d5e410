//! The answers whose text a client receives while they are generated.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::answer::draft::Draft;
use crate::app::AppState;
use crate::domain::{ConversationId, ConversationSeq, MessageId};
use crate::http::json::ProjectEventJson;
use crate::store::live_event::WatchedConversation;

/// The number of conversations that a client can watch.
const MAX_WATCHED: usize = 8;
/// The text that an event has at most.
const MAX_DELTA_BYTES: usize = 16 << 10;

/// The conversations that a client watches, the oldest first.
#[derive(Default)]
pub struct WatchedAnswers(VecDeque<Watched>);

struct Watched {
    chat: ConversationId,
    conversation: ConversationSeq,
    answer: Option<FollowedAnswer>,
}

/// An answer that is being generated.
struct FollowedAnswer {
    message: MessageId,
    draft: Arc<Draft>,
    /// How much of the text was sent.
    bytes: usize,
    /// The same in code units of UTF-16, in which browsers count.
    units: usize,
}

impl WatchedAnswers {
    /// Watches a conversation.
    pub fn watch(&mut self, app: &AppState, chat: ConversationId, found: &WatchedConversation) {
        self.unwatch(chat);
        if self.0.len() == MAX_WATCHED {
            self.0.pop_front();
        }
        self.0.push_back(Watched {
            chat,
            conversation: found.seq,
            answer: None,
        });
        if let Some(message) = found.answer {
            self.follow(app, found.seq, message);
        }
    }

    pub fn unwatch(&mut self, chat: ConversationId) {
        self.0.retain(|watched| watched.chat != chat);
    }

    /// Follows an answer from its start if its conversation is watched.
    pub fn follow(&mut self, app: &AppState, conversation: ConversationSeq, message: MessageId) {
        let mut all = self.0.iter_mut();
        let Some(watched) = all.find(|watched| watched.conversation == conversation) else {
            return;
        };
        let draft = app.services.active_answers.draft(conversation, message);
        watched.answer = draft.map(|draft| FollowedAnswer {
            message,
            draft,
            bytes: 0,
            units: 0,
        });
    }

    /// Follows answers that have ended no more.
    pub fn forget(&mut self, ended: &[MessageId]) {
        for watched in &mut self.0 {
            let answer = watched.answer.as_ref();
            if answer.is_some_and(|answer| ended.contains(&answer.message)) {
                watched.answer = None;
            }
        }
    }

    /// Whether an answer is followed.
    pub fn is_active(&self) -> bool {
        self.0.iter().any(|watched| watched.answer.is_some())
    }

    /// Appends events with the text that is new.
    pub fn push_deltas(&mut self, sequence: u64, frames: &mut VecDeque<Bytes>) {
        for watched in &mut self.0 {
            let Some(answer) = &mut watched.answer else {
                continue;
            };
            // Before the text is read, so that no text is added afterwards.
            let has_ended = answer.draft.has_ended();
            loop {
                let delta = answer.draft.text_after(answer.bytes, MAX_DELTA_BYTES);
                if delta.is_empty() {
                    break;
                }
                let event = ProjectEventJson::MessageDelta {
                    sequence,
                    chat_id: watched.chat,
                    message_id: answer.message,
                    offset: answer.units,
                    delta: &delta,
                };
                frames.push_back(event.encode());
                answer.bytes += delta.len();
                answer.units += delta.encode_utf16().count();
            }
            if has_ended {
                watched.answer = None;
            }
        }
    }
}
