//! Projects: one website's conversations each.

use rusqlite::OptionalExtension;

use super::assistant::NewAssistant;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Batch, Statement, uuid, value};
use super::widget_config;
use crate::domain::{AssistantId, AssistantMode, Project, ProjectId, ProjectSeq, Timestamp};

/// The first project of the file, to which keys belong unless they say otherwise.
pub fn first(snapshot: &Snapshot) -> Result<Option<ProjectSeq>, StoreError> {
    let mut statement = snapshot.prepare("SELECT min(seq) FROM project")?;
    let seq: Option<i64> = statement.query_row((), |row| row.get(0))?;
    Ok(seq.map(ProjectSeq))
}

/// Finds a project by its public id.
pub fn find(snapshot: &Snapshot, id: ProjectId) -> Result<Option<ProjectSeq>, StoreError> {
    let mut statement = snapshot.prepare("SELECT seq FROM project WHERE id = ?")?;
    let seq = statement.query_row([id.0], |row| row.get(0)).optional()?;
    Ok(seq.map(ProjectSeq))
}

/// Reads a project, its widget's settings completed with the defaults.
pub fn read(snapshot: &Snapshot, seq: ProjectSeq) -> Result<Project, StoreError> {
    let mut statement = snapshot
        .prepare("SELECT id, name, description, widget_config FROM project WHERE seq = ?")?;
    let project = statement.query_row([seq.0], |row| {
        Ok(Project {
            id: ProjectId(row.get(0)?),
            name: row.get(1)?,
            description: row.get(2)?,
            chat_widget_config: widget_config::parse(row.get_ref(3)?.as_str()?),
        })
    })?;
    Ok(project)
}

/// The plan that a project has; none where plans are not sold.
pub fn plan(snapshot: &Snapshot, seq: ProjectSeq) -> Result<Option<String>, StoreError> {
    let mut statement = snapshot.prepare("SELECT plan FROM project WHERE seq = ?")?;
    Ok(statement.query_row([seq.0], |row| row.get(0))?)
}

/// The write that makes a project and its default assistant.
pub fn create(
    seq: ProjectSeq,
    id: ProjectId,
    assistant: AssistantId,
    name: &str,
    at: Timestamp,
) -> Batch {
    let assistant = NewAssistant {
        id: assistant,
        project: seq,
        name: "Assistant",
        mode: AssistantMode::Auto,
        prompt: None,
        fallback: None,
        at,
    };
    Batch::of([Statement::new(
        "INSERT INTO project (seq, id, name, created_at) VALUES (?, ?, ?, ?)",
        [
            value(seq.0),
            uuid(id.0),
            value(name.to_owned()),
            value(at.0),
        ],
    )])
    .then(assistant.create())
}
