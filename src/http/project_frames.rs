//! The frames of project events. What the events report is read here
//! (docs/api-contract.md, section 8.5).

use bytes::Bytes;

use crate::domain::{
    ConversationId, ConversationSeq, Message, MessageSeq, MessageStatus, ProjectSeq, VisitorSeq,
};
use crate::events::project::{Frames, MAX_VISITOR_CONVERSATIONS, ProjectEvent, Stream};
use crate::events::{Presence, TYPING_TIMEOUT, Typing, TypingAuthor};
use crate::http::json::{
    AgentPresenceJson, ConversationListItemJson, MessageJson, ProjectEventJson, TypingAgentJson,
    TypingAuthorJson,
};
use crate::store::{Snapshot, StoreError, agent_account, live_event};

/// After this many bytes, the rest of the events is read when these are sent.
const MAX_BATCH_BYTES: usize = 64 << 10;

/// What the frames of a project need besides the events.
pub struct FrameWriter<'a, 's> {
    pub snapshot: &'a Snapshot<'s>,
    pub project: ProjectSeq,
    pub stream: Stream,
    pub presence: &'a Presence,
    /// The frames up to this sequence number have been sent.
    pub after: u64,
    pub output: Frames,
}

impl FrameWriter<'_, '_> {
    /// Writes the frames of the first events, about [`MAX_BATCH_BYTES`].
    pub fn write_all(mut self, events: &[(u64, ProjectEvent)]) -> Result<Frames, StoreError> {
        let mut bytes = 0;
        for (sequence, event) in events {
            if bytes > MAX_BATCH_BYTES {
                break;
            }
            let first = self.output.frames.len();
            self.write(*sequence, event)?;
            self.output.last = Some(*sequence);
            bytes += self.output.frames[first..]
                .iter()
                .map(Bytes::len)
                .sum::<usize>();
        }
        Ok(self.output)
    }

    fn write(&mut self, sequence: u64, event: &ProjectEvent) -> Result<(), StoreError> {
        match event {
            ProjectEvent::ConversationCreated(seq) => self.created(sequence, *seq),
            ProjectEvent::ConversationUpdated(seq) => self.updated(sequence, *seq),
            ProjectEvent::VisitorUpdated(visitor) => self.visitor_updated(sequence, *visitor),
            ProjectEvent::NewMessages(conversation, after, last) => {
                let limit = event.max_frames();
                self.new_messages(sequence, limit, *conversation, (*after, *last))
            }
            ProjectEvent::MessageDone(conversation, message) => {
                self.message_done(sequence, *conversation, *message)
            }
            ProjectEvent::MessageUpdated(conversation, message) => {
                self.message_updated(sequence, *conversation, *message)
            }
            ProjectEvent::WaitingChanged(seq) => self.waiting(sequence, *seq),
            ProjectEvent::PresenceChanged => self.presence(sequence),
            ProjectEvent::ConversationDeleted(_)
            | ProjectEvent::MessageDeleted(..)
            | ProjectEvent::Typing(..)
            | ProjectEvent::Resync => {
                self.write_without_read(sequence, event);
                Ok(())
            }
        }
    }

    /// Writes the frame of an event that has all that the frame needs.
    fn write_without_read(&mut self, sequence: u64, event: &ProjectEvent) {
        match event {
            ProjectEvent::ConversationDeleted(chat_id) => {
                self.push(&ProjectEventJson::ConversationDeleted {
                    sequence,
                    chat_id: *chat_id,
                });
            }
            ProjectEvent::MessageDeleted(chat_id, message_id) => {
                self.push(&ProjectEventJson::MessageDeleted {
                    sequence,
                    chat_id: *chat_id,
                    message_id: *message_id,
                });
            }
            // A resumed client does not receive what is long over.
            ProjectEvent::Typing(typing, at) if at.elapsed() < TYPING_TIMEOUT => {
                self.typing(sequence, typing);
            }
            ProjectEvent::Resync => self.push(&ProjectEventJson::Resync {
                sequence,
                stream: self.stream.to_string(),
            }),
            _ => {}
        }
    }

    fn created(&mut self, sequence: u64, seq: ConversationSeq) -> Result<(), StoreError> {
        self.conversation(seq, |conversation| ProjectEventJson::ConversationCreated {
            sequence,
            conversation,
        })
    }

    /// The last conversation has the sequence number of the event.
    fn visitor_updated(&mut self, sequence: u64, visitor: VisitorSeq) -> Result<(), StoreError> {
        let limit = MAX_VISITOR_CONVERSATIONS;
        let seqs = live_event::conversations_of(self.snapshot, visitor, limit)?;
        let first = sequence + 1 - seqs.len() as u64;
        for (sequence, seq) in (first..).zip(seqs) {
            if sequence > self.after {
                self.updated(sequence, seq)?;
            }
        }
        Ok(())
    }

    fn message_done(
        &mut self,
        sequence: u64,
        conversation: ConversationSeq,
        message: MessageSeq,
    ) -> Result<(), StoreError> {
        self.message(conversation, message, |chat_id, message| {
            ProjectEventJson::MessageDone {
                sequence,
                chat_id,
                message,
            }
        })
    }

    fn message_updated(
        &mut self,
        sequence: u64,
        conversation: ConversationSeq,
        message: MessageSeq,
    ) -> Result<(), StoreError> {
        self.message(conversation, message, |chat_id, message| {
            ProjectEventJson::MessageUpdated {
                sequence,
                chat_id,
                message,
            }
        })
    }

    fn updated(&mut self, sequence: u64, seq: ConversationSeq) -> Result<(), StoreError> {
        self.conversation(seq, |conversation| ProjectEventJson::ConversationUpdated {
            sequence,
            conversation,
        })
    }

    fn conversation(
        &mut self,
        seq: ConversationSeq,
        event: impl for<'a> Fn(ConversationListItemJson<'a>) -> ProjectEventJson<'a>,
    ) -> Result<(), StoreError> {
        let frames = &mut self.output.frames;
        live_event::conversation(self.snapshot, seq, |item| {
            frames.push(event(ConversationListItemJson::from(item)).encode());
        })
    }

    fn waiting(&mut self, sequence: u64, seq: ConversationSeq) -> Result<(), StoreError> {
        let frames = &mut self.output.frames;
        live_event::conversation(self.snapshot, seq, |item| {
            let waiting = item.conversation.inbox.and_then(|inbox| inbox.waiting);
            let event = ProjectEventJson::Waiting {
                sequence,
                chat_id: item.conversation.id,
                waiting_since: waiting.map(|waiting| waiting.since),
                reason: waiting.map(|waiting| waiting.reason),
            };
            frames.push(event.encode());
        })
    }

    /// The newest messages of a range. The last one has the sequence number of the event.
    fn new_messages(
        &mut self,
        sequence: u64,
        limit: u64,
        conversation: ConversationSeq,
        range: (MessageSeq, MessageSeq),
    ) -> Result<(), StoreError> {
        let (output, after) = (&mut self.output, self.after);
        let write = |remaining, message: &Message<'_>| {
            let sequence = sequence - remaining;
            if sequence <= after {
                return;
            }
            if message.status == MessageStatus::Streaming {
                output.streaming.push((conversation, message.id));
            }
            let event = ProjectEventJson::NewMessage {
                sequence,
                chat_id: message.conversation_id,
                message: message.into(),
            };
            output.frames.push(event.encode());
        };
        live_event::messages(self.snapshot, conversation, range, limit, write)
    }

    fn message(
        &mut self,
        conversation: ConversationSeq,
        message: MessageSeq,
        event: impl for<'a> Fn(ConversationId, MessageJson<'a>) -> ProjectEventJson<'a>,
    ) -> Result<(), StoreError> {
        let output = &mut self.output;
        let range = (MessageSeq(message.0 - 1), message);
        live_event::messages(self.snapshot, conversation, range, 1, |_, message| {
            if message.status != MessageStatus::Streaming {
                output.ended.push(message.id);
            }
            output
                .frames
                .push(event(message.conversation_id, message.into()).encode());
        })
    }

    fn typing(&mut self, sequence: u64, typing: &Typing) {
        let (from, agent) = match &typing.author {
            TypingAuthor::Visitor => (TypingAuthorJson::Visitor, None),
            TypingAuthor::Agent(id, profile) => {
                let name = profile.name.as_deref();
                let agent = id.map(|id| TypingAgentJson { id, name });
                (TypingAuthorJson::Agent, agent)
            }
        };
        self.push(&ProjectEventJson::Typing {
            sequence,
            chat_id: typing.chat,
            is_typing: typing.is_typing,
            from,
            agent,
        });
    }

    fn presence(&mut self, sequence: u64) -> Result<(), StoreError> {
        let agents = agent_account::all(self.snapshot, self.project)?;
        let agents = agents.iter().map(|agent| AgentPresenceJson {
            id: agent.id,
            name: &agent.name,
            avatar_url: agent.avatar_url.as_deref(),
            is_online: self.presence.is_online(self.project, agent.seq),
            is_away: agent.is_away,
        });
        let agents = agents.collect();
        self.push(&ProjectEventJson::Presence { sequence, agents });
        Ok(())
    }

    fn push(&mut self, event: &ProjectEventJson<'_>) {
        self.output.frames.push(event.encode());
    }
}
