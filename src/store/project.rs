//! Projects: the conversations, keys and knowledge of one website.

use super::assistant::NewAssistant;
use super::batch::Batch;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use super::widget_config;
use crate::domain::{AssistantId, AssistantMode, Project, ProjectId, ProjectSeq, Timestamp};

/// The oldest project. Commands that name no project use it.
pub fn first(snapshot: &Snapshot) -> Result<Option<ProjectSeq>, StoreError> {
    snapshot.one(&Sql::new("SELECT min(seq) FROM project", []), |row| {
        row.get(0)
    })
}

/// Finds a project by its public id.
pub fn find(snapshot: &Snapshot, id: ProjectId) -> Result<Option<ProjectSeq>, StoreError> {
    let sql = Sql::new("SELECT seq FROM project WHERE id = ?", [id.into()]);
    snapshot.optional(&sql, |row| row.get(0))
}

/// Reads a project. Widget settings that are not stored have their defaults.
pub fn read(snapshot: &Snapshot, seq: ProjectSeq) -> Result<Project, StoreError> {
    let sql = Sql::new(
        "SELECT id, name, description, widget_config FROM project WHERE seq = ?",
        [seq.into()],
    );
    snapshot.one(&sql, |row| {
        Ok(Project {
            id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            chat_widget_config: widget_config::parse(row.get(3)?),
        })
    })
}

/// The project's plan. None: the project has every feature.
pub fn plan(snapshot: &Snapshot, seq: ProjectSeq) -> Result<Option<String>, StoreError> {
    let sql = Sql::new("SELECT plan FROM project WHERE seq = ?", [seq.into()]);
    snapshot.one(&sql, |row| row.get(0))
}

/// Stores a project and its default assistant.
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
    Batch::of([Sql::new(
        "INSERT INTO project (seq, id, name, created_at) VALUES (?, ?, ?, ?)",
        [seq.into(), id.into(), name.into(), at.into()],
    )])
    .then(assistant.create())
}
