//! Puts a desk into a fresh file, fast.
//!
//! Without a journal, and with indexes and triggers made at the end from the
//! very text that the file holds of them, so that schema.sql stays the one place
//! that says what they are. A thread makes the rows up while this one writes. A
//! load that fails leaves a broken file behind: the caller throws it away.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rusqlite::{Connection, Result, Statement, params};

use super::DemoPlan;
use super::dialogue::DialogueRole;
use super::generator::{GeneratedConversation, GeneratedVisitor, Generator};
use super::message::GeneratedMessage;

/// Conversations that go from thread to thread at a time, and how many such
/// batches may wait.
const BATCH: usize = 500;
const WAITING: usize = 4;

/// Fills the project with what the plan says. The file must be fresh: its
/// schema, the project's row, nothing else of the project.
///
/// `progress` hears how much is done, of how much, and of what.
pub fn fill(
    connection: &mut Connection,
    project_seq: i64,
    plan: &DemoPlan,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<()> {
    let pragmas = Pragmas::set(connection)?;
    let late = Late::drop(connection)?;
    let transaction = connection.transaction()?;
    let generator = insert(&transaction, project_seq, plan, progress)?;
    insert_visitors(&transaction, project_seq, &generator, progress)?;
    transaction.commit()?;
    late.create(connection, progress)?;
    pragmas.restore(connection)
}

/// Settings of the connection, as they were before.
struct Pragmas(Vec<(&'static str, String)>);

impl Pragmas {
    const DURING: [(&'static str, &'static str); 6] = [
        ("foreign_keys", "0"),
        ("journal_mode", "OFF"),
        ("synchronous", "0"),
        ("cache_size", "-262144"),
        ("temp_store", "2"),
        ("threads", "2"),
    ];

    fn set(connection: &Connection) -> Result<Self> {
        let mut before = Vec::new();
        for (name, value) in Self::DURING {
            let was = connection.pragma_query_value(None, name, |row| {
                Ok(match row.get_ref(0)? {
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    text => text.as_str()?.to_owned(),
                })
            })?;
            before.push((name, was));
            connection.pragma_update(None, name, value)?;
        }
        Ok(Self(before))
    }

    fn restore(self, connection: &Connection) -> Result<()> {
        for (name, value) in self.0 {
            connection.pragma_update(None, name, value)?;
        }
        Ok(())
    }
}

/// The indexes and triggers that a load would keep up to date row by row.
struct Late(Vec<String>);

impl Late {
    fn drop(connection: &Connection) -> Result<Self> {
        let mut statement = connection.prepare(
            "SELECT sql, 'DROP ' || type || ' \"' || name || '\"' FROM sqlite_schema
              WHERE type IN ('index', 'trigger') AND sql IS NOT NULL
                AND tbl_name IN ('conversation', 'message', 'visitor')
              ORDER BY rowid",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(String, String)> = rows.collect::<Result<_>>()?;
        for (_, drop) in &rows {
            connection.execute_batch(drop)?;
        }
        Ok(Self(rows.into_iter().map(|(sql, _)| sql).collect()))
    }

    fn create(self, connection: &Connection, progress: &dyn Fn(u64, u64, &str)) -> Result<()> {
        let all = self.0.len() as u64;
        for (done, sql) in (0..).zip(&self.0) {
            progress(done, all, "indexes");
            connection.execute_batch(sql)?;
        }
        progress(all, all, "indexes");
        Ok(())
    }
}

/// Writes the conversations, and gives the desk that has counted them.
fn insert(
    connection: &Connection,
    project_seq: i64,
    plan: &DemoPlan,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<Generator> {
    let (sender, receiver) = sync_channel(WAITING);
    let mut generator = Generator::new(plan);
    thread::scope(|scope| {
        let maker = scope.spawn(move || {
            loop {
                let batch: Vec<_> = generator.by_ref().take(BATCH).collect();
                // The other side hangs up when it cannot write.
                if batch.is_empty() || sender.send(batch).is_err() {
                    return generator;
                }
            }
        });
        let written = receive(connection, project_seq, plan, &receiver, progress);
        drop(receiver);
        let generator = maker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.map(|()| generator)
    })
}

fn receive(
    connection: &Connection,
    project_seq: i64,
    plan: &DemoPlan,
    batches: &Receiver<Vec<GeneratedConversation>>,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<()> {
    let mut conversations = connection.prepare(CONVERSATION)?;
    let mut messages = connection.prepare(MESSAGE)?;
    let mut done = 0;
    for batch in batches {
        for conversation in &batch {
            insert_conversation(&mut conversations, project_seq, conversation)?;
            for message in &conversation.messages {
                insert_message(&mut messages, conversation, message)?;
            }
        }
        done += batch.len() as u64;
        progress(done, plan.conversations.into(), "conversations");
    }
    Ok(())
}

const CONVERSATION: &str = "
    INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, updated_at,
        last_interaction_at, closed_at, close_reason, is_human_handled, has_agent, agent_name,
        agent_image, title, title_key, page_url, last_message_seq)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

fn insert_conversation(
    statement: &mut Statement,
    project_seq: i64,
    conversation: &GeneratedConversation,
) -> Result<()> {
    let closing = conversation.closing.as_ref();
    let title = conversation.title.as_ref();
    statement.execute(params![
        conversation.seq,
        conversation.id,
        project_seq,
        conversation.visitor as i64 + 1,
        if closing.is_some() { "closed" } else { "open" },
        conversation.created_at,
        conversation.updated_at,
        conversation.last_interaction_at,
        closing.map(|closing| closing.at),
        closing.and_then(|closing| closing.reason),
        conversation.agent.is_some(),
        conversation.agent.map(|agent| agent.name),
        conversation.agent.and_then(|agent| agent.image.as_deref()),
        title.map(|(title, _)| title),
        title.map(|(_, key)| key),
        conversation.page_url,
        conversation.messages.last().map(|message| message.seq),
    ])?;
    Ok(())
}

const MESSAGE: &str = "
    INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text, error,
        feedback, feedback_at, has_agent, agent_name, agent_image, page_url, page_title,
        text_selection)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

fn insert_message(
    statement: &mut Statement,
    conversation: &GeneratedConversation,
    message: &GeneratedMessage,
) -> Result<()> {
    let feedback = message.feedback.as_ref();
    let page = message.page.as_ref();
    let agent = conversation
        .agent
        .filter(|_| message.role == DialogueRole::Agent);
    statement.execute(params![
        message.seq,
        message.id,
        conversation.seq,
        message.created_at,
        message.role.column_value(),
        if message.error.is_some() {
            "error"
        } else {
            "complete"
        },
        message.text,
        message.error,
        feedback.map(|feedback| if feedback.is_like { "like" } else { "dislike" }),
        feedback.map(|feedback| feedback.at),
        agent.is_some(),
        agent.map(|agent| agent.name),
        agent.and_then(|agent| agent.image.as_deref()),
        page.map(|page| &page.url),
        page.map(|page| &page.title),
        page.and_then(|page| page.selection),
    ])?;
    Ok(())
}

/// Writes the visitors, and the counts that the triggers would have kept.
fn insert_visitors(
    connection: &Connection,
    project_seq: i64,
    generator: &Generator,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<()> {
    let mut statement = connection.prepare(VISITOR)?;
    let (mut open, mut closed) = (0, 0);
    for visitor in generator.visitors() {
        insert_visitor(&mut statement, project_seq, &visitor)?;
        open += i64::from(visitor.open);
        closed += i64::from(visitor.closed);
    }
    progress(1, 1, "visitors");
    connection.execute(
        "UPDATE project SET open_conversations = ?2, closed_conversations = ?3 WHERE seq = ?1",
        params![project_seq, open, closed],
    )?;
    Ok(())
}

const VISITOR: &str = "
    INSERT INTO visitor (seq, id, project_seq, sa_vid, external_id, name, avatar_url, created_at,
        open_conversations, closed_conversations)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

fn insert_visitor(
    statement: &mut Statement,
    project_seq: i64,
    visitor: &GeneratedVisitor,
) -> Result<()> {
    statement.execute(params![
        visitor.seq,
        visitor.profile.id,
        project_seq,
        visitor.sa_vid,
        visitor.profile.external_id,
        visitor.profile.name,
        visitor.profile.avatar_url,
        visitor.created_at,
        visitor.open,
        visitor.closed,
    ])?;
    Ok(())
}
