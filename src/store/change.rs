//! What a transaction changes of the lists, seen as it happens.
//!
//! Triggers of the writing connection alone (TEMP: the file has none of them)
//! hand every conversation that comes, goes or changes to a function of this
//! process. So whoever keeps something worked out from the lists learns of a
//! change whatever statement made it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use super::statement::choice;
use crate::domain::{ConversationId, ProjectSeq, Status, VisitorSeq};

/// A conversation as the orders see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedConversation {
    pub project: ProjectSeq,
    pub visitor: VisitorSeq,
    pub id: ConversationId,
    pub status: Status,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_interaction_at: i64,
    pub closed_at: Option<i64>,
    pub is_human_handled: bool,
    pub title_key: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListChange {
    /// A conversation came.
    Inserted(Box<ListedConversation>),
    /// One went.
    Deleted(Box<ListedConversation>),
    /// One was like this and is like that.
    Updated(Box<[ListedConversation; 2]>),
    /// A message of one of the visitor's conversations changed.
    MessageChanged(ProjectSeq, VisitorSeq),
}

impl ListChange {
    /// Whose lists it changes.
    pub fn owners(&self) -> (ProjectSeq, VisitorSeq) {
        match self {
            ListChange::MessageChanged(project, visitor) => (*project, *visitor),
            ListChange::Inserted(one) | ListChange::Deleted(one) => (one.project, one.visitor),
            ListChange::Updated(both) => (both[1].project, both[1].visitor),
        }
    }

    /// The conversation as it was and as it is, where it was and is there; of
    /// a message, neither.
    pub fn sides(&self) -> (Option<&ListedConversation>, Option<&ListedConversation>) {
        match self {
            ListChange::MessageChanged(..) => (None, None),
            ListChange::Inserted(one) => (None, Some(one)),
            ListChange::Deleted(one) => (Some(one), None),
            ListChange::Updated(both) => (Some(&both[0]), Some(&both[1])),
        }
    }
}

/// The changes of the transaction that is under way, in order.
pub(super) struct ChangeCapture(Arc<Mutex<Vec<ListChange>>>);

impl ChangeCapture {
    /// Of what `connection` writes from now on.
    pub fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let seen = Arc::<Mutex<Vec<ListChange>>>::default();
        let functions: [(_, _, Reading); 4] = [
            ("parlor_come", COLUMNS, |row| {
                Ok(ListChange::Inserted(listed(row, 0)?.into()))
            }),
            ("parlor_gone", COLUMNS, |row| {
                Ok(ListChange::Deleted(listed(row, 0)?.into()))
            }),
            ("parlor_moved", 2 * COLUMNS, |rows| {
                let both = [listed(rows, 0)?, listed(rows, COLUMNS)?];
                Ok(ListChange::Updated(both.into()))
            }),
            ("parlor_said", 2, |row| {
                Ok(ListChange::MessageChanged(
                    ProjectSeq(row.get(0)?),
                    VisitorSeq(row.get(1)?),
                ))
            }),
        ];
        for (name, values, change) in functions {
            let seen = seen.clone();
            let flags = FunctionFlags::SQLITE_UTF8;
            connection.create_scalar_function(name, values as i32, flags, move |context| {
                lock(&seen).push(change(context)?);
                Ok(0)
            })?;
        }
        connection.execute_batch(TRIGGERS)?;
        Ok(Self(seen))
    }

    /// How many there are; what comes later can be forgotten again.
    pub fn savepoint(&self) -> usize {
        lock(&self.0).len()
    }

    /// Forgets what came after `savepoint`: it was rolled back.
    pub fn rollback_to(&self, savepoint: usize) {
        lock(&self.0).truncate(savepoint);
    }

    /// Takes all of them.
    pub fn take(&self) -> Vec<ListChange> {
        std::mem::take(&mut *lock(&self.0))
    }
}

fn lock(changes: &Mutex<Vec<ListChange>>) -> MutexGuard<'_, Vec<ListChange>> {
    changes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a change of what a function was handed.
type Reading = fn(&Context<'_>) -> rusqlite::Result<ListChange>;

/// What a function is handed of a conversation.
const COLUMNS: usize = 10;

fn listed(row: &Context<'_>, first: usize) -> rusqlite::Result<ListedConversation> {
    Ok(ListedConversation {
        project: ProjectSeq(row.get(first)?),
        visitor: VisitorSeq(row.get(first + 1)?),
        id: ConversationId(row.get(first + 2)?),
        status: choice(row.get_raw(first + 3), &Status::NAMES)?,
        created_at: row.get(first + 4)?,
        updated_at: row.get(first + 5)?,
        last_interaction_at: row.get(first + 6)?,
        closed_at: row.get(first + 7)?,
        is_human_handled: row.get(first + 8)?,
        title_key: row.get_raw(first + 9).as_str_or_null()?.map(Box::from),
    })
}

/// A message that comes is a change only once its conversation names it as its
/// newest, which changes the conversation.
const TRIGGERS: &str = "\
    CREATE TEMP TRIGGER see_conversation_come AFTER INSERT ON main.conversation BEGIN \
        SELECT parlor_come(NEW.project_seq, NEW.visitor_seq, NEW.id, NEW.status, \
            NEW.created_at, NEW.updated_at, NEW.last_interaction_at, NEW.closed_at, \
            NEW.is_human_handled, NEW.title_key); \
    END; \
    CREATE TEMP TRIGGER see_conversation_gone AFTER DELETE ON main.conversation BEGIN \
        SELECT parlor_gone(OLD.project_seq, OLD.visitor_seq, OLD.id, OLD.status, \
            OLD.created_at, OLD.updated_at, OLD.last_interaction_at, OLD.closed_at, \
            OLD.is_human_handled, OLD.title_key); \
    END; \
    CREATE TEMP TRIGGER see_conversation_change AFTER UPDATE ON main.conversation BEGIN \
        SELECT parlor_moved(OLD.project_seq, OLD.visitor_seq, OLD.id, OLD.status, \
            OLD.created_at, OLD.updated_at, OLD.last_interaction_at, OLD.closed_at, \
            OLD.is_human_handled, OLD.title_key, \
            NEW.project_seq, NEW.visitor_seq, NEW.id, NEW.status, \
            NEW.created_at, NEW.updated_at, NEW.last_interaction_at, NEW.closed_at, \
            NEW.is_human_handled, NEW.title_key); \
    END; \
    CREATE TEMP TRIGGER see_message_change AFTER UPDATE ON main.message BEGIN \
        SELECT parlor_said(project_seq, visitor_seq) \
          FROM conversation WHERE seq = NEW.conversation_seq; \
    END; \
    CREATE TEMP TRIGGER see_message_gone AFTER DELETE ON main.message BEGIN \
        SELECT parlor_said(project_seq, visitor_seq) \
          FROM conversation WHERE seq = OLD.conversation_seq; \
    END;";

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;
    use crate::store::open::in_memory;

    fn watched() -> (Connection, ChangeCapture) {
        let connection = in_memory();
        // Neither the project nor the visitor is there.
        let run = connection.execute_batch("PRAGMA foreign_keys = OFF");
        run.expect("a setting");
        let changes = ChangeCapture::of(&connection).expect("triggers");
        (connection, changes)
    }

    fn listed(id: ConversationId) -> ListedConversation {
        ListedConversation {
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
        }
    }

    #[test]
    fn whatever_changes_a_list_is_seen_and_nothing_else_is() {
        let (connection, changes) = watched();
        let id = ConversationId::generate();
        let run = |sql| connection.execute(sql, ()).expect(sql);
        connection
            .execute(
                "INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
                                           updated_at, last_interaction_at) \
                 VALUES (1, ?, 3, 4, 'open', 5, 6, 7)",
                params![id.0],
            )
            .expect("a conversation");
        assert_eq!(changes.take(), [ListChange::Inserted(listed(id).into())]);
        run(
            "UPDATE conversation SET status = 'closed', closed_at = 9, title = 'Ä', title_key = 'ä'",
        );
        let closed = ListedConversation {
            status: Status::Closed,
            closed_at: Some(9),
            title_key: Some("ä".into()),
            ..listed(id)
        };
        let both = [listed(id), closed.clone()];
        assert_eq!(changes.take(), [ListChange::Updated(both.into())]);
        run(
            "INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text) \
             VALUES (1, randomblob(16), 1, 5, 'user', 'complete', 'Hello')",
        );
        run("INSERT INTO session VALUES (randomblob(16), 4, 1, 1, 1)");
        assert_eq!(changes.take(), []);
        let said = [ListChange::MessageChanged(ProjectSeq(3), VisitorSeq(4))];
        run("UPDATE message SET feedback = 'like'");
        assert_eq!(changes.take(), said);
        run("DELETE FROM message");
        assert_eq!(changes.take(), said);
        run("DELETE FROM conversation");
        assert_eq!(changes.take(), [ListChange::Deleted(closed.into())]);
    }

    #[test]
    fn what_was_rolled_back_is_forgotten() {
        let (connection, changes) = watched();
        let add = "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, \
                                             updated_at, last_interaction_at) \
                   VALUES (randomblob(16), 3, 4, 'open', 5, 6, 7)";
        connection.execute(add, ()).expect("a conversation");
        let savepoint = changes.savepoint();
        connection.execute(add, ()).expect("a conversation");
        changes.rollback_to(savepoint);
        assert_eq!(changes.take().len(), 1);
    }
}
