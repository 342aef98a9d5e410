//! Decides what a batch does with each of its records.

use std::collections::HashSet;

use crate::domain::{ConversationId, MessageId, ProjectId};
use crate::store::export::{ConversationRecord, MessageRecord, Record};
use crate::store::import::{self, Comparison};
use crate::store::{Batch, Snapshot, StoreError};

/// A conversation whose messages are being read.
#[derive(Debug, Clone)]
pub struct ImportedConversation {
    project: ProjectId,
    id: ConversationId,
    /// Whether the conversation is stored, or is in the batch.
    is_stored: bool,
    /// Whether this batch inserts the conversation.
    is_new: bool,
    /// Whether messages may be appended: not if the stored conversation has other values,
    /// because they belong to its messages.
    accepts_messages: bool,
    /// The newest message in the store.
    last: Option<MessageId>,
    /// The message before the next one.
    previous: Option<MessageId>,
    /// Whether the batch appends messages.
    has_new_messages: bool,
}

/// What happens to a record.
pub enum Decision {
    Import,
    Unchanged,
    Refuse(String),
    /// The conversation of a message was refused.
    Skip,
}

impl ImportedConversation {
    pub fn new(record: &ConversationRecord) -> Self {
        Self {
            project: record.project_id,
            id: record.id,
            is_stored: true,
            is_new: true,
            accepts_messages: true,
            last: None,
            previous: None,
            has_new_messages: false,
        }
    }

    pub fn refused(record: &ConversationRecord) -> Self {
        Self {
            is_stored: false,
            is_new: false,
            ..Self::new(record)
        }
    }
}

/// Decides about the records of a batch.
pub struct Plan<'s> {
    snapshot: &'s Snapshot<'s>,
    batch: Batch,
    decisions: Vec<Decision>,
    conversation: Option<ImportedConversation>,
    /// Projects that this import has created, so that their records are new.
    new_projects: &'s HashSet<ProjectId>,
}

impl<'s> Plan<'s> {
    pub fn new(
        snapshot: &'s Snapshot<'s>,
        conversation: Option<ImportedConversation>,
        new_projects: &'s HashSet<ProjectId>,
    ) -> Self {
        Self {
            snapshot,
            new_projects,
            batch: Batch::default(),
            decisions: Vec::new(),
            conversation,
        }
    }

    pub fn add(&mut self, record: &Record) -> Result<(), StoreError> {
        let decision = match record {
            Record::Message(message) => self.add_message(message)?,
            Record::Note(note) => {
                let insert = |project| import::insert_note(project, note);
                self.add_part(note.conversation_id, record, insert)?
            }
            Record::Refusal(refusal) => {
                let insert = |project| import::insert_refusal(project, refusal);
                self.add_part(refusal.conversation_id, record, insert)?
            }
            record => {
                self.end_conversation();
                let decision = match self.compare(record)? {
                    Comparison::New => Decision::Import,
                    Comparison::Stored => Decision::Unchanged,
                    Comparison::Conflict(reason) => Decision::Refuse(reason),
                };
                if let Record::Conversation(conversation) = record {
                    self.conversation = Some(self.open(conversation, &decision)?);
                }
                if matches!(decision, Decision::Import) {
                    self.append(import::insert(record));
                }
                decision
            }
        };
        self.decisions.push(decision);
        Ok(())
    }

    /// Compares a record with what is stored, unless its project is new: each comparison is
    /// a query to the server. If the file has a record twice, the batch fails, and is
    /// planned again without this exception.
    fn compare(&self, record: &Record) -> Result<Comparison, StoreError> {
        let project = match record {
            Record::Visitor(visitor) => Some(visitor.project_id),
            Record::Conversation(conversation) => Some(conversation.project_id),
            _ => None,
        };
        if project.is_some_and(|project| self.new_projects.contains(&project)) {
            return Ok(Comparison::New);
        }
        import::compare(self.snapshot, record)
    }

    /// The state of a conversation for its messages. The messages of a conversation that
    /// is stored with other values are compared too.
    fn open(
        &self,
        record: &ConversationRecord,
        decision: &Decision,
    ) -> Result<ImportedConversation, StoreError> {
        if matches!(decision, Decision::Import) {
            return Ok(ImportedConversation::new(record));
        }
        let (project, id) = (record.project_id, record.id);
        let is_stored = import::is_conversation_stored(self.snapshot, project, id)?;
        Ok(ImportedConversation {
            is_stored,
            accepts_messages: matches!(decision, Decision::Unchanged),
            last: import::last_message(self.snapshot, project, id)?,
            ..ImportedConversation::refused(record)
        })
    }

    fn add_message(&mut self, message: &MessageRecord) -> Result<Decision, StoreError> {
        let open = self.conversation.as_mut();
        let Some(open) = open.filter(|open| open.id == message.conversation_id) else {
            let reason = "the conversation of the message is not before it".to_owned();
            return Ok(Decision::Refuse(reason));
        };
        if !open.is_stored {
            return Ok(Decision::Skip);
        }
        let previous = open.previous.replace(message.id);
        if !open.is_new {
            match import::compare(self.snapshot, &Record::from(message.clone()))? {
                Comparison::New => {}
                Comparison::Stored => return Ok(Decision::Unchanged),
                Comparison::Conflict(reason) => return Ok(Decision::Refuse(reason)),
            }
        }
        if !open.accepts_messages {
            return Ok(Decision::Skip);
        }
        // Messages are ordered by the time at which they are stored.
        if open.last != previous {
            let reason = "the stored conversation has other messages since";
            return Ok(Decision::Refuse(reason.to_owned()));
        }
        open.last = Some(message.id);
        open.has_new_messages = true;
        let insert = import::insert_message(open.project, message);
        self.append(insert);
        Ok(Decision::Import)
    }

    /// Adds a record of a conversation that is no message.
    fn add_part(
        &mut self,
        conversation: ConversationId,
        record: &Record,
        insert: impl FnOnce(ProjectId) -> Batch,
    ) -> Result<Decision, StoreError> {
        let open = self.conversation.as_ref();
        let Some(open) = open.filter(|open| open.id == conversation) else {
            let reason = "its conversation is not before it".to_owned();
            return Ok(Decision::Refuse(reason));
        };
        let (project, is_stored) = (open.project, open.is_stored);
        let accepts_new = is_stored && open.accepts_messages;
        let comparison = if open.is_new {
            Comparison::New
        } else {
            import::compare(self.snapshot, record)?
        };
        match comparison {
            _ if !is_stored => Ok(Decision::Skip),
            Comparison::Stored => Ok(Decision::Unchanged),
            Comparison::Conflict(reason) => Ok(Decision::Refuse(reason)),
            Comparison::New if !accepts_new => Ok(Decision::Skip),
            Comparison::New => {
                self.append(insert(project));
                Ok(Decision::Import)
            }
        }
    }

    fn append(&mut self, batch: Batch) {
        self.batch = std::mem::take(&mut self.batch).then(batch);
    }

    /// Completes the conversation before the next record.
    fn end_conversation(&mut self) {
        if let Some(open) = self
            .conversation
            .take()
            .filter(|open| open.has_new_messages)
        {
            self.append(import::set_last_message(open.project, open.id));
        }
    }

    /// The batch, the decisions, and the conversation for the messages that follow.
    pub fn finish(mut self) -> (Batch, Vec<Decision>, Option<ImportedConversation>) {
        let mut next = self.conversation.clone();
        self.end_conversation();
        if let Some(open) = &mut next {
            open.is_new = false;
            open.has_new_messages = false;
        }
        (self.batch, self.decisions, next)
    }
}
