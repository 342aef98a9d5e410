//! What a transaction changes of the lists, seen as it happens.
//!
//! Triggers of the writing connection alone (TEMP: the file has none of them)
//! hand every conversation that comes, goes or changes to a function of this
//! process. So whoever keeps something worked out from the lists learns of a
//! change whatever statement made it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use crate::domain::{ConversationId, ProjectSeq, Status, VisitorSeq};

/// A conversation as the orders see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
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

/// One step of a change. A conversation that changes goes as it was and comes
/// as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Gone(Listed),
    Come(Listed),
    /// A message of one of the visitor's conversations changed.
    Said(ProjectSeq, VisitorSeq),
}

impl Change {
    /// Whose lists it changes.
    pub fn owners(&self) -> (ProjectSeq, VisitorSeq) {
        match self {
            Change::Gone(listed) | Change::Come(listed) => (listed.project, listed.visitor),
            Change::Said(project, visitor) => (*project, *visitor),
        }
    }
}

/// The changes of the transaction that is under way, in order.
pub(super) struct Changes(Arc<Mutex<Vec<Change>>>);

impl Changes {
    /// Of what `connection` writes from now on.
    pub fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let seen = Arc::<Mutex<Vec<Change>>>::default();
        for (name, change) in [
            ("parlor_gone", Change::Gone as fn(Listed) -> Change),
            ("parlor_come", Change::Come),
        ] {
            let seen = seen.clone();
            connection.create_scalar_function(name, 10, FLAGS, move |context| {
                lock(&seen).push(change(listed(context)?));
                Ok(0)
            })?;
        }
        let said = seen.clone();
        connection.create_scalar_function("parlor_said", 2, FLAGS, move |context| {
            let owners = (ProjectSeq(context.get(0)?), VisitorSeq(context.get(1)?));
            lock(&said).push(Change::Said(owners.0, owners.1));
            Ok(0)
        })?;
        connection.execute_batch(TRIGGERS)?;
        Ok(Self(seen))
    }

    /// How many there are; what comes later can be forgotten again.
    pub fn mark(&self) -> usize {
        lock(&self.0).len()
    }

    /// Forgets what came after `mark`: it was rolled back.
    pub fn forget_after(&self, mark: usize) {
        lock(&self.0).truncate(mark);
    }

    /// Takes all of them.
    pub fn take(&self) -> Vec<Change> {
        std::mem::take(&mut *lock(&self.0))
    }
}

const FLAGS: FunctionFlags = FunctionFlags::SQLITE_UTF8;

fn lock(changes: &Mutex<Vec<Change>>) -> MutexGuard<'_, Vec<Change>> {
    changes.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listed(context: &Context<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        project: ProjectSeq(context.get(0)?),
        visitor: VisitorSeq(context.get(1)?),
        id: ConversationId(context.get(2)?),
        status: match context.get_raw(3).as_str()? {
            "open" => Status::Open,
            _ => Status::Closed,
        },
        created_at: context.get(4)?,
        updated_at: context.get(5)?,
        last_interaction_at: context.get(6)?,
        closed_at: context.get(7)?,
        is_human_handled: context.get(8)?,
        title_key: context.get_raw(9).as_str_or_null()?.map(Box::from),
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
        SELECT parlor_gone(OLD.project_seq, OLD.visitor_seq, OLD.id, OLD.status, \
            OLD.created_at, OLD.updated_at, OLD.last_interaction_at, OLD.closed_at, \
            OLD.is_human_handled, OLD.title_key), \
            parlor_come(NEW.project_seq, NEW.visitor_seq, NEW.id, NEW.status, \
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

    fn watched() -> (Connection, Changes) {
        let connection = Connection::open_in_memory().expect("memory");
        let schema = include_str!("../../schema.sql");
        connection.execute_batch(schema).expect("the schema");
        connection
            .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF")
            .expect("as the writer is set");
        let changes = Changes::of(&connection).expect("triggers");
        (connection, changes)
    }

    fn listed(id: ConversationId) -> Listed {
        Listed {
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
        assert_eq!(changes.take(), [Change::Come(listed(id))]);
        run(
            "UPDATE conversation SET status = 'closed', closed_at = 9, title = 'Ä', title_key = 'ä'",
        );
        let closed = Listed {
            status: Status::Closed,
            closed_at: Some(9),
            title_key: Some("ä".into()),
            ..listed(id)
        };
        let both = [Change::Gone(listed(id)), Change::Come(closed.clone())];
        assert_eq!(changes.take(), both);
        run(
            "INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text) \
             VALUES (1, randomblob(16), 1, 5, 'user', 'complete', 'Hello')",
        );
        run("INSERT INTO session VALUES (randomblob(16), 4, 1, 1, 1)");
        assert_eq!(changes.take(), []);
        let said = [Change::Said(ProjectSeq(3), VisitorSeq(4))];
        run("UPDATE message SET feedback = 'like'");
        assert_eq!(changes.take(), said);
        run("DELETE FROM message");
        assert_eq!(changes.take(), said);
        run("DELETE FROM conversation");
        assert_eq!(changes.take(), [Change::Gone(closed)]);
    }

    #[test]
    fn what_was_rolled_back_is_forgotten() {
        let (connection, changes) = watched();
        let add = "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, \
                                             updated_at, last_interaction_at) \
                   VALUES (randomblob(16), 3, 4, 'open', 5, 6, 7)";
        connection.execute(add, ()).expect("a conversation");
        let mark = changes.mark();
        connection.execute(add, ()).expect("a conversation");
        changes.forget_after(mark);
        assert_eq!(changes.take().len(), 1);
    }
}
