//! The outbox: events that every node of a PostgreSQL database reads and publishes.
//!
//! Triggers write the changes of lists and agents to the table `event`, and the program
//! writes what else it publishes ([`append`]). The rows of a transaction become visible
//! with its commit. The groups of all nodes commit one after another, so the order of `seq`
//! is the order of the commits, and a reader that continues after the last `seq` misses no
//! row. SQLite has no such table: its server publishes after the commit.
//!
//! Rows are deleted in the order of `seq` ([`delete_before`]). So a reader has missed rows
//! only if the last row that it has read is deleted.

use super::batch::Batch;
use super::changes::{
    AgentChange, Changes, ContentChange, ConversationUpdate, ListChange, ListedConversation,
    MessageUpdate,
};
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{
    AgentSeq, ConversationId, ConversationSeq, MessageId, MessageSeq, ProjectSeq, Status,
    Timestamp, VisitorSeq,
};

/// How many events one read returns at most.
const MAX_EVENTS: i64 = 1000;

/// An event of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `None`: the message is not about a conversation.
    pub topic: Option<(ProjectSeq, ConversationId)>,
    /// JSON.
    pub payload: String,
}

/// Changes that triggers wrote, and the event of the program that follows them, if there is
/// one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EventBatch {
    pub changes: Changes,
    pub message: Option<Message>,
}

/// Events in the order of their commits.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Events {
    pub batches: Vec<EventBatch>,
    /// The last event, from which the next read continues.
    pub position: i64,
    /// Whether events may have been deleted before this read, or the server has lost
    /// events. There are no events then.
    pub has_gap: bool,
    /// Whether more events follow.
    pub has_more: bool,
}

/// Publishes an event of the program on every node, this one included.
pub fn append(message: Message, at: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!(
            postgres: "INSERT INTO event (created_at, kind, project_seq, conversation_id, payload) \
                       VALUES (?, 'message', ?, ?, ?)"
        ),
        [
            at.into(),
            message.topic.map(|(project, _)| project).into(),
            message.topic.map(|(_, conversation)| conversation).into(),
            message.payload.into(),
        ],
    )])
}

/// The newest event, or 0.
///
/// # Errors
/// Those of the query.
pub fn position(snapshot: &Snapshot) -> Result<i64, StoreError> {
    let sql = Sql::new(
        sql!(postgres: "SELECT coalesce(max(seq), 0) FROM event"),
        [],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// Reads the events after a position, at most 1000.
///
/// # Errors
/// Those of the query.
pub fn read_after(snapshot: &Snapshot, position: i64) -> Result<Events, StoreError> {
    // The first row is the last one of the read before.
    let sql = Sql::new(
        sql!(postgres: SELECT),
        [position.into(), (MAX_EVENTS + 1).into()],
    );
    let mut events = Events {
        position,
        // Without any event, there is no last one.
        has_gap: position > 0,
        ..Events::default()
    };
    let mut count = 0;
    snapshot.for_each(&sql, |row| {
        if row.get::<i64>(0)? == position {
            events.has_gap = false;
        } else if !events.has_gap {
            count += 1;
            events.add(row)?;
        }
        Ok::<_, StoreError>(())
    })?;
    events.has_more = count >= MAX_EVENTS;
    Ok(events)
}

/// Deletes the events before the first one that was written at or after a time, except for
/// the newest of them, which tells readers that they have missed no event.
pub fn delete_before(time: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!(
            postgres: "DELETE FROM event WHERE seq < (SELECT max(seq) FROM event WHERE seq < \
             (SELECT min(seq) FROM event WHERE created_at >= ?))"
        ),
        [time.into()],
    )])
}

const SELECT: &str = "\
    SELECT seq, kind, project_seq, visitor_seq, conversation_seq, conversation_id, \
           old_status, old_created_at, old_updated_at, old_last_interaction_at, old_closed_at, \
           old_is_human_handled, old_title_key, old_last_message_seq, old_waiting_since, \
           new_status, new_created_at, new_updated_at, new_last_interaction_at, new_closed_at, \
           new_is_human_handled, new_title_key, new_last_message_seq, new_waiting_since, \
           message_seq, old_message_id, new_message_id, has_ended, agent_seq, is_away, payload \
      FROM event WHERE seq >= ? ORDER BY seq LIMIT ?";

// The columns of SELECT.
const PROJECT: usize = 2;
const VISITOR: usize = 3;
const CONVERSATION: usize = 4;
const CONVERSATION_ID: usize = 5;
const OLD: usize = 6;
const NEW: usize = 15;
const MESSAGE: usize = 24;
const AGENT: usize = 28;
const PAYLOAD: usize = 30;

impl Events {
    fn add(&mut self, row: Row<'_>) -> Result<(), StoreError> {
        self.position = row.get(0)?;
        let content = |change| {
            let (project, visitor) = (row.get(PROJECT)?, row.get(VISITOR)?);
            Ok::<_, StoreError>(ListChange::ContentChanged(project, visitor, change))
        };
        let change = match row.get::<&str>(1)? {
            "conversation" => conversation_change(row)?,
            "visitor" => content(ContentChange::Visitor)?,
            "message_update" => content(message_update(row)?)?,
            "message_delete" => content(ContentChange::MessageDeleted(
                row.get(CONVERSATION)?,
                row.get(CONVERSATION_ID)?,
                row.get(MESSAGE + 1)?,
            ))?,
            "agent" => {
                self.open_batch().changes.agents.push(AgentChange {
                    project: row.get(PROJECT)?,
                    agent: row.get::<AgentSeq>(AGENT)?,
                    is_away: row.get(AGENT + 1)?,
                });
                return Ok(());
            }
            "message" => {
                let project: Option<ProjectSeq> = row.get(PROJECT)?;
                let conversation: Option<ConversationId> = row.get(CONVERSATION_ID)?;
                self.open_batch().message = Some(Message {
                    topic: project.zip(conversation),
                    payload: row.get(PAYLOAD)?,
                });
                return Ok(());
            }
            // An event of a newer version, while the nodes are upgraded one by one.
            _ => return Ok(()),
        };
        self.open_batch().changes.lists.push(change);
        Ok(())
    }

    /// The batch of the next event.
    fn open_batch(&mut self) -> &mut EventBatch {
        let is_open = |batch: &EventBatch| batch.message.is_none();
        if !self.batches.last().is_some_and(is_open) {
            self.batches.push(EventBatch::default());
        }
        let last = self.batches.len() - 1;
        &mut self.batches[last]
    }
}

fn conversation_change(row: Row<'_>) -> Result<ListChange, StoreError> {
    Ok(match (listed(row, OLD)?, listed(row, NEW)?) {
        (Some(before), Some(after)) => {
            ListChange::Updated(ConversationUpdate { before, after }.into())
        }
        (None, Some(row)) => ListChange::Inserted(row.into()),
        (Some(row), None) => ListChange::Deleted(row.into()),
        (None, None) => {
            let text = "an event of a conversation has no conversation".to_owned();
            return Err(StoreError::Internal(text));
        }
    })
}

/// The conversation whose columns begin at `first`. `None` if it did not exist.
fn listed(row: Row<'_>, first: usize) -> Result<Option<ListedConversation>, StoreError> {
    let Some(status) = row.optional_variant(first, &Status::NAMES)? else {
        return Ok(None);
    };
    Ok(Some(ListedConversation {
        seq: row.get::<ConversationSeq>(CONVERSATION)?,
        project: row.get(PROJECT)?,
        visitor: row.get::<VisitorSeq>(VISITOR)?,
        id: row.get(CONVERSATION_ID)?,
        status,
        created_at: row.get(first + 1)?,
        updated_at: row.get(first + 2)?,
        last_interaction_at: row.get(first + 3)?,
        closed_at: row.get(first + 4)?,
        is_human_handled: row.get(first + 5)?,
        title_key: row.get::<Option<&str>>(first + 6)?.map(Box::from),
        last_message: row.get::<Option<MessageSeq>>(first + 7)?,
        waiting_since: row.get(first + 8)?,
    }))
}

fn message_update(row: Row<'_>) -> Result<ContentChange, StoreError> {
    let update = MessageUpdate {
        conversation: row.get(CONVERSATION)?,
        chat: row.get(CONVERSATION_ID)?,
        seq: row.get(MESSAGE)?,
        old_id: row.get::<MessageId>(MESSAGE + 1)?,
        id: row.get(MESSAGE + 2)?,
        has_ended: row.get(MESSAGE + 3)?,
    };
    Ok(ContentChange::MessageUpdated(update.into()))
}
