//! Assistants: who answers a project's visitors.

use rusqlite::Row;

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Batch, Statement, named, uuid, value};
use crate::domain::{
    Assistant, AssistantId, AssistantMode, AssistantSeq, KeySeq, ProjectSeq, Timestamp,
};

/// What [`from_row`] reads.
const SELECT: &str = "SELECT seq, id, name, mode, prompt, fallback FROM assistant";

/// The assistant that a key is bound to, else the project's default.
pub fn of_key(
    snapshot: &Snapshot,
    project: ProjectSeq,
    key: KeySeq,
) -> Result<Assistant, StoreError> {
    let found = snapshot
        .prepare(&format!(
            "{SELECT} WHERE seq = coalesce((SELECT assistant_seq FROM api_key WHERE seq = ?2), \
                                           (SELECT min(seq) FROM assistant WHERE project_seq = ?1))"
        ))?
        .query_row([project.0, key.0], from_row)?;
    Ok(found)
}

/// The project's default assistant: its first.
pub fn default(snapshot: &Snapshot, project: ProjectSeq) -> Result<Assistant, StoreError> {
    let found = snapshot
        .prepare(&format!(
            "{SELECT} WHERE seq = (SELECT min(seq) FROM assistant WHERE project_seq = ?)"
        ))?
        .query_row([project.0], from_row)?;
    Ok(found)
}

/// Finds an assistant of a project by its id.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: AssistantId,
) -> Result<Option<Assistant>, StoreError> {
    let mut statement = snapshot.prepare(&format!("{SELECT} WHERE project_seq = ? AND id = ?"))?;
    let mut rows = statement.query((project.0, id.0))?;
    Ok(match rows.next()? {
        Some(row) => Some(from_row(row)?),
        None => None,
    })
}

/// A project's assistants, its default first.
pub fn all(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<Assistant>, StoreError> {
    let mut statement =
        snapshot.prepare(&format!("{SELECT} WHERE project_seq = ? ORDER BY seq"))?;
    let assistants = statement.query_map([project.0], from_row)?;
    Ok(assistants.collect::<rusqlite::Result<_>>()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Assistant> {
    Ok(Assistant {
        seq: AssistantSeq(row.get(0)?),
        id: AssistantId(row.get(1)?),
        name: row.get(2)?,
        mode: named(row, 3, &AssistantMode::NAMES)?,
        prompt: row.get(4)?,
        fallback: row.get(5)?,
    })
}

/// An assistant to be stored.
#[derive(Debug, Clone)]
pub struct NewAssistant<'a> {
    pub id: AssistantId,
    pub project: ProjectSeq,
    pub name: &'a str,
    pub mode: AssistantMode,
    pub prompt: Option<&'a str>,
    pub fallback: Option<&'a str>,
    pub at: Timestamp,
}

impl NewAssistant<'_> {
    /// The write that stores it.
    pub fn create(&self) -> Batch {
        Batch::of([Statement::new(
            "INSERT INTO assistant (id, project_seq, name, mode, prompt, fallback, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                uuid(self.id.0),
                value(self.project.0),
                value(self.name.to_owned()),
                value(self.mode.as_str().to_owned()),
                value(self.prompt.map(str::to_owned)),
                value(self.fallback.map(str::to_owned)),
                value(self.at.0),
            ],
        )])
    }
}

/// What of an assistant shall be otherwise; none: stays. An empty prompt or
/// fallback is taken away.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub name: Option<String>,
    pub mode: Option<AssistantMode>,
    pub prompt: Option<String>,
    pub fallback: Option<String>,
}

/// The write that changes an assistant. It changes a row where there is one.
pub fn change(project: ProjectSeq, id: AssistantId, change: Change) -> Batch {
    Batch::of([Statement::new(
        "UPDATE assistant SET name = coalesce(?3, name), mode = coalesce(?4, mode), \
                prompt = nullif(coalesce(?5, prompt), ''), \
                fallback = nullif(coalesce(?6, fallback), '') \
          WHERE project_seq = ?1 AND id = ?2",
        [
            value(project.0),
            uuid(id.0),
            value(change.name),
            value(change.mode.map(|mode| mode.as_str().to_owned())),
            value(change.prompt),
            value(change.fallback),
        ],
    )])
}
