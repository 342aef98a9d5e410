//! Change capture: the changes of list content that a transaction makes.
//!
//! The offset index and the list versions are kept in memory and must learn of
//! every change, whichever statement makes it. So the writer's connection has
//! TEMP triggers, which exist for this connection only and are not stored in the
//! file. They call functions of this process with the old and the new row.
//!
//! Triggers that are stored in the file (schema.sql) increment
//! `project.list_version` and `visitor.list_version` by one for exactly the same
//! changes. The offset index depends on that: it computes the version before a
//! transaction from the version after it and the number of changes. A test in
//! `list_version.rs` compares the two.
//!
//! An inserted message is not captured. It appears in a list when the
//! conversation names it as its last message, which is an update of the
//! conversation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use super::changes::{
    AgentChange, Changes, ContentChange, ConversationUpdate, ListChange, ListedConversation,
    MessageUpdate,
};
use super::sql::find_variant;
use crate::domain::{
    AgentSeq, ConversationId, ConversationSeq, MessageId, MessageSeq, ProjectSeq, Status,
    VisitorSeq,
};

/// The changes of the current transaction of a connection, in order.
pub(super) struct ChangeCapture(Arc<Mutex<Changes>>);

/// A place in the changes of a transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Savepoint {
    lists: usize,
    agents: usize,
}

impl ChangeCapture {
    /// Starts to capture what `connection` writes: creates the functions and the
    /// TEMP triggers that call them.
    pub fn start(connection: &Connection) -> rusqlite::Result<Self> {
        let changes = Arc::<Mutex<Changes>>::default();
        for (name, argument_count, read) in FUNCTIONS {
            let changes = changes.clone();
            let flags = FunctionFlags::SQLITE_UTF8;
            connection.create_scalar_function(name, argument_count, flags, move |arguments| {
                read(arguments, &mut lock(&changes))?;
                Ok(0)
            })?;
        }
        connection.execute_batch(&triggers())?;
        Ok(Self(changes))
    }

    /// Returns a mark for [`Self::rollback_to`].
    pub fn savepoint(&self) -> Savepoint {
        let changes = lock(&self.0);
        Savepoint {
            lists: changes.lists.len(),
            agents: changes.agents.len(),
        }
    }

    /// Discards the changes after a savepoint, because the database discarded
    /// them.
    pub fn rollback_to(&self, savepoint: Savepoint) {
        let mut changes = lock(&self.0);
        changes.lists.truncate(savepoint.lists);
        changes.agents.truncate(savepoint.agents);
    }

    /// Returns all changes and starts anew.
    pub fn take(&self) -> Changes {
        std::mem::take(&mut *lock(&self.0))
    }
}

fn lock(changes: &Mutex<Changes>) -> MutexGuard<'_, Changes> {
    changes.lock().unwrap_or_else(PoisonError::into_inner)
}

type ReadChange = fn(&Context<'_>, &mut Changes) -> rusqlite::Result<()>;

/// The functions that the triggers call: name, number of arguments, and how
/// to read a change from the arguments.
const FUNCTIONS: [(&str, i32, ReadChange); 7] = [
    (
        "capture_insert",
        COLUMNS.len() as i32,
        |arguments, changes| {
            let row = read_conversation(arguments, 0)?;
            changes.lists.push(ListChange::Inserted(row.into()));
            Ok(())
        },
    ),
    (
        "capture_delete",
        COLUMNS.len() as i32,
        |arguments, changes| {
            let row = read_conversation(arguments, 0)?;
            changes.lists.push(ListChange::Deleted(row.into()));
            Ok(())
        },
    ),
    (
        "capture_update",
        2 * COLUMNS.len() as i32,
        |arguments, changes| {
            let update = ConversationUpdate {
                before: read_conversation(arguments, 0)?,
                after: read_conversation(arguments, COLUMNS.len())?,
            };
            changes.lists.push(ListChange::Updated(update.into()));
            Ok(())
        },
    ),
    ("capture_message_update", 8, |arguments, changes| {
        let update = MessageUpdate {
            conversation: ConversationSeq(arguments.get(2)?),
            chat: ConversationId(arguments.get(3)?),
            seq: MessageSeq(arguments.get(4)?),
            old_id: MessageId(arguments.get(5)?),
            id: MessageId(arguments.get(6)?),
            has_ended: arguments.get(7)?,
        };
        push_content_change(
            arguments,
            changes,
            ContentChange::MessageUpdated(update.into()),
        )
    }),
    ("capture_message_delete", 5, |arguments, changes| {
        let (seq, id) = (
            ConversationSeq(arguments.get(2)?),
            ConversationId(arguments.get(3)?),
        );
        let change = ContentChange::MessageDeleted(seq, id, MessageId(arguments.get(4)?));
        push_content_change(arguments, changes, change)
    }),
    ("capture_visitor_update", 2, |arguments, changes| {
        push_content_change(arguments, changes, ContentChange::Visitor)
    }),
    ("capture_agent", 3, |arguments, changes| {
        changes.agents.push(AgentChange {
            project: ProjectSeq(arguments.get(0)?),
            agent: AgentSeq(arguments.get(1)?),
            is_away: arguments.get(2)?,
        });
        Ok(())
    }),
];

/// Adds a change whose first two arguments are the project and the visitor.
fn push_content_change(
    arguments: &Context<'_>,
    changes: &mut Changes,
    change: ContentChange,
) -> rusqlite::Result<()> {
    let project = ProjectSeq(arguments.get(0)?);
    let visitor = VisitorSeq(arguments.get(1)?);
    let change = ListChange::ContentChanged(project, visitor, change);
    changes.lists.push(change);
    Ok(())
}

/// The columns that the triggers pass to a function, in the order in which
/// [`read_conversation`] reads them.
const COLUMNS: [&str; 13] = [
    "project_seq",
    "visitor_seq",
    "id",
    "status",
    "created_at",
    "updated_at",
    "last_interaction_at",
    "closed_at",
    "is_human_handled",
    "title_key",
    "seq",
    "last_message_seq",
    "waiting_since",
];

/// Reads a conversation from the arguments of a function, from the index `first`
/// on.
fn read_conversation(
    arguments: &Context<'_>,
    first: usize,
) -> rusqlite::Result<ListedConversation> {
    let title_key = arguments.get_raw(first + 9).as_str_or_null()?;
    Ok(ListedConversation {
        project: ProjectSeq(arguments.get(first)?),
        visitor: VisitorSeq(arguments.get(first + 1)?),
        id: ConversationId(arguments.get(first + 2)?),
        status: status(arguments, first + 3)?,
        created_at: arguments.get(first + 4)?,
        updated_at: arguments.get(first + 5)?,
        last_interaction_at: arguments.get(first + 6)?,
        closed_at: arguments.get(first + 7)?,
        is_human_handled: arguments.get(first + 8)?,
        title_key: title_key.map(Box::from),
        seq: ConversationSeq(arguments.get(first + 10)?),
        last_message: arguments.get::<Option<i64>>(first + 11)?.map(MessageSeq),
        waiting_since: arguments.get(first + 12)?,
    })
}

/// Whether an update of a message changes lists: not the growing text of an answer that
/// is being streamed. The trigger `message_after_update` of `schema.sql` has the same
/// condition.
const LIST_CHANGE: &str = "OLD.status <> 'streaming' OR NEW.status <> 'streaming' \
     OR OLD.feedback IS NOT NEW.feedback";

/// Whether an update of a visitor changes lists that contain visitors. The trigger
/// `visitor_after_update` of `schema.sql` has the same condition.
const VISITOR_CHANGE: &str = "OLD.external_id IS NOT NEW.external_id \
     OR OLD.name IS NOT NEW.name OR OLD.avatar_url IS NOT NEW.avatar_url \
     OR OLD.email IS NOT NEW.email OR OLD.phone IS NOT NEW.phone \
     OR OLD.is_verified IS NOT NEW.is_verified OR OLD.blocked_at IS NOT NEW.blocked_at \
     OR OLD.is_email_verified IS NOT NEW.is_email_verified";

fn triggers() -> String {
    let columns_of = |row: &str| COLUMNS.map(|column| format!("{row}.{column}")).join(", ");
    let (old, new) = (columns_of("OLD"), columns_of("NEW"));
    format!(
        "CREATE TEMP TRIGGER capture_conversation_insert AFTER INSERT ON main.conversation BEGIN
            SELECT capture_insert({new});
        END;
        CREATE TEMP TRIGGER capture_conversation_update AFTER UPDATE ON main.conversation BEGIN
            SELECT capture_update({old}, {new});
        END;
        CREATE TEMP TRIGGER capture_conversation_delete AFTER DELETE ON main.conversation BEGIN
            SELECT capture_delete({old});
        END;
        CREATE TEMP TRIGGER capture_message_update AFTER UPDATE ON main.message
        WHEN {LIST_CHANGE} BEGIN
            SELECT capture_message_update(project_seq, visitor_seq, seq, id, NEW.seq, OLD.id, NEW.id,
                                          OLD.status = 'streaming' AND NEW.status <> 'streaming')
              FROM conversation WHERE seq = NEW.conversation_seq;
        END;
        CREATE TEMP TRIGGER capture_message_delete AFTER DELETE ON main.message BEGIN
            SELECT capture_message_delete(project_seq, visitor_seq, seq, id, OLD.id)
              FROM conversation WHERE seq = OLD.conversation_seq;
        END;
        CREATE TEMP TRIGGER capture_visitor_update
        AFTER UPDATE OF external_id, name, avatar_url, email, phone, is_verified, blocked_at,
                        is_email_verified
        ON main.visitor WHEN {VISITOR_CHANGE} BEGIN
            SELECT capture_visitor_update(NEW.project_seq, NEW.seq);
        END;
        CREATE TEMP TRIGGER capture_agent_insert AFTER INSERT ON main.agent BEGIN
            SELECT capture_agent(NEW.project_seq, NEW.seq, NEW.is_away);
        END;
        CREATE TEMP TRIGGER capture_agent_update AFTER UPDATE ON main.agent BEGIN
            SELECT capture_agent(NEW.project_seq, NEW.seq, NEW.is_away);
        END;
        CREATE TEMP TRIGGER capture_agent_delete AFTER DELETE ON main.agent BEGIN
            SELECT capture_agent(OLD.project_seq, OLD.seq, NULL);
        END;"
    )
}

/// Reads an argument with the name of a status.
fn status(arguments: &Context<'_>, argument: usize) -> rusqlite::Result<Status> {
    let name = arguments.get_raw(argument).as_str()?;
    find_variant(name, &Status::NAMES)
        .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;
    use crate::store::open::open_in_memory;

    const INSERT: &str = "\
        INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, updated_at, \
                                  last_interaction_at) \
        VALUES (?, ?, 3, 4, 'open', 5, 6, 7)";

    fn captured_connection() -> (Connection, ChangeCapture) {
        let connection = open_in_memory();
        // The tests insert conversations without a project and a visitor.
        let off = connection.execute_batch("PRAGMA foreign_keys = OFF");
        off.expect("a pragma");
        let capture = ChangeCapture::start(&connection).expect("triggers");
        (connection, capture)
    }

    /// Inserts a conversation and returns its id.
    fn insert(connection: &Connection, seq: i64) -> ConversationId {
        let id = ConversationId::generate();
        let inserted = connection.execute(INSERT, params![seq, id.0]);
        inserted.expect("a conversation");
        id
    }

    /// The conversation that [`insert`] inserts.
    fn inserted(id: ConversationId) -> ListedConversation {
        ListedConversation {
            seq: ConversationSeq(1),
            project: ProjectSeq(3),
            visitor: VisitorSeq(4),
            id,
            status: Status::Open,
            created_at: 5,
            updated_at: 6,
            last_interaction_at: 7,
            closed_at: None,
            is_human_handled: false,
            title_key: None,
            last_message: None,
            waiting_since: None,
        }
    }

    #[test]
    fn every_change_of_a_conversation_is_captured() {
        let (connection, capture) = captured_connection();
        let execute = |sql| connection.execute(sql, ()).expect(sql);
        let before = inserted(insert(&connection, 1));
        assert_eq!(
            capture.take().lists,
            [ListChange::Inserted(before.clone().into())]
        );
        execute(
            "UPDATE conversation SET status = 'closed', closed_at = 9, title = 'Ä', title_key = 'ä'",
        );
        let after = ListedConversation {
            status: Status::Closed,
            closed_at: Some(9),
            title_key: Some("ä".into()),
            ..before.clone()
        };
        let update = ConversationUpdate {
            before,
            after: after.clone(),
        };
        assert_eq!(capture.take().lists, [ListChange::Updated(update.into())]);
        execute("DELETE FROM conversation");
        assert_eq!(capture.take().lists, [ListChange::Deleted(after.into())]);
    }

    /// A captured change of the conversation that [`insert`] inserts.
    fn content_change(change: ContentChange) -> ListChange {
        ListChange::ContentChanged(ProjectSeq(3), VisitorSeq(4), change)
    }

    #[test]
    fn updated_and_deleted_messages_are_captured_and_other_tables_are_not() {
        let (connection, capture) = captured_connection();
        let execute = |sql| connection.execute(sql, ()).expect(sql);
        let chat = insert(&connection, 1);
        capture.take();
        let id = MessageId::generate();
        let inserted = connection.execute(
            "INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text) \
             VALUES (1, ?, 1, 5, 'assistant', 'streaming', '')",
            params![id.0],
        );
        inserted.expect("a message");
        execute("INSERT INTO session VALUES (randomblob(16), 4, 1, 1, 1)");
        execute("UPDATE message SET text = 'Hel'");
        assert_eq!(capture.take(), Changes::default());
        let updated = |has_ended| {
            content_change(ContentChange::MessageUpdated(Box::new(MessageUpdate {
                conversation: ConversationSeq(1),
                chat,
                seq: MessageSeq(1),
                old_id: id,
                id,
                has_ended,
            })))
        };
        execute("UPDATE message SET text = 'Hello', status = 'complete'");
        assert_eq!(capture.take().lists, [updated(true)]);
        execute("UPDATE message SET feedback = 'like'");
        assert_eq!(capture.take().lists, [updated(false)]);
        execute("DELETE FROM message");
        let deleted = ContentChange::MessageDeleted(ConversationSeq(1), chat, id);
        assert_eq!(capture.take().lists, [content_change(deleted)]);
    }

    #[test]
    fn changes_of_agents_are_captured() {
        let (connection, capture) = captured_connection();
        let execute = |sql| connection.execute(sql, ()).expect(sql);
        execute(
            "INSERT INTO agent (seq, id, project_seq, name, email, role, created_at) \
             VALUES (7, randomblob(16), 3, 'Mara', 'mara@shop.example', 'agent', 0)",
        );
        execute("UPDATE agent SET is_away = 1");
        execute("DELETE FROM agent");
        let change = |is_away| AgentChange {
            project: ProjectSeq(3),
            agent: AgentSeq(7),
            is_away,
        };
        let changes = [change(Some(false)), change(Some(true)), change(None)];
        assert_eq!(capture.take().agents, changes);
    }

    #[test]
    fn rollback_to_discards_the_changes_after_the_savepoint() {
        let (connection, capture) = captured_connection();
        let first = insert(&connection, 1);
        let savepoint = capture.savepoint();
        insert(&connection, 2);
        capture.rollback_to(savepoint);
        let first = ListChange::Inserted(inserted(first).into());
        assert_eq!(capture.take().lists, [first]);
    }
}
