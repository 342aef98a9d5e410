//! Assistants, which answer a project's visitors.

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{Assistant, AssistantId, AssistantMode, KeySeq, ProjectSeq, Timestamp};

/// A SELECT of the columns that [`from_row`] reads.
macro_rules! select_assistants {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, name, mode, prompt, fallback FROM assistant ",
            $rest
        )
    };
}

/// The assistant of a key: the key's own, or the project's default.
pub fn of_key(
    snapshot: &Snapshot,
    project: ProjectSeq,
    key: KeySeq,
) -> Result<Assistant, StoreError> {
    let sql = Sql::new(
        sql!(select_assistants!(
            "WHERE seq = coalesce((SELECT assistant_seq FROM api_key WHERE seq = ?2), \
                                  (SELECT min(seq) FROM assistant WHERE project_seq = ?1))"
        )),
        [project.into(), key.into()],
    );
    snapshot.one(&sql, from_row)
}

/// The project's default assistant: its oldest.
pub fn default(snapshot: &Snapshot, project: ProjectSeq) -> Result<Assistant, StoreError> {
    let sql = Sql::new(
        sql!(select_assistants!(
            "WHERE seq = (SELECT min(seq) FROM assistant WHERE project_seq = ?)"
        )),
        [project.into()],
    );
    snapshot.one(&sql, from_row)
}

/// Finds an assistant of a project by its id.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: AssistantId,
) -> Result<Option<Assistant>, StoreError> {
    let sql = Sql::new(
        sql!(select_assistants!("WHERE project_seq = ? AND id = ?")),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, from_row)
}

/// A project's assistants, the default first.
pub fn all(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<Assistant>, StoreError> {
    let sql = Sql::new(
        sql!(select_assistants!("WHERE project_seq = ? ORDER BY seq")),
        [project.into()],
    );
    snapshot.all(&sql, from_row)
}

fn from_row(row: Row<'_>) -> Result<Assistant, StoreError> {
    Ok(Assistant {
        seq: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        mode: row.variant(3, &AssistantMode::NAMES)?,
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
    /// Stores the assistant.
    pub fn create(&self) -> Batch {
        Batch::of([Sql::new(
            sql!(
                "INSERT INTO assistant (id, project_seq, name, mode, prompt, fallback, created_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)"
            ),
            [
                self.id.into(),
                self.project.into(),
                self.name.into(),
                self.mode.as_str().into(),
                self.prompt.into(),
                self.fallback.into(),
                self.at.into(),
            ],
        )])
    }
}

/// A change of an assistant. None: the field stays. An empty prompt or fallback
/// removes the stored one.
#[derive(Debug, Clone, Default)]
pub struct AssistantChange {
    pub name: Option<String>,
    pub mode: Option<AssistantMode>,
    pub prompt: Option<String>,
    pub fallback: Option<String>,
}

/// Changes an assistant.
///
/// Rejected with `NotFound`.
pub fn change(project: ProjectSeq, id: AssistantId, change: AssistantChange) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE assistant SET name = coalesce(?3, name), mode = coalesce(?4, mode), \
                        prompt = nullif(coalesce(?5, prompt), ''), \
                        fallback = nullif(coalesce(?6, fallback), '') \
                  WHERE project_seq = ?1 AND id = ?2"
            ),
            [
                project.into(),
                id.into(),
                change.name.into(),
                change.mode.map(AssistantMode::as_str).into(),
                change.prompt.into(),
                change.fallback.into(),
            ],
        ),
        Rejection::NotFound,
    )
}
