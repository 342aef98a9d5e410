//! Assistants: create, list, change.

use crate::domain::{Assistant, AssistantId, AssistantMode, AssistantName, ProjectSeq, Timestamp};
use crate::store::assistant::{self, AssistantChange, NewAssistant};
use crate::store::{Rejection, Store, StoreError};

/// Why an assistant could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum AssistantError {
    #[error("no assistant has the id {0}")]
    NoSuchAssistant(AssistantId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How an assistant answers. `None` means the default when an assistant is
/// created, and no change when it is changed. An empty text removes the text.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct AssistantOptions {
    pub mode: Option<AssistantMode>,
    /// Instructions for the model.
    pub prompt: Option<String>,
    /// The answer to a question that the project's documents do not answer.
    pub fallback: Option<String>,
}

/// Creates an assistant and returns its id.
pub fn create(
    store: &Store,
    project: ProjectSeq,
    name: &AssistantName,
    options: &AssistantOptions,
) -> Result<AssistantId, StoreError> {
    let non_empty = |text: &str| !text.is_empty();
    let new = NewAssistant {
        id: AssistantId::generate(),
        project,
        name: name.as_str(),
        mode: options.mode.unwrap_or(AssistantMode::Auto),
        prompt: options.prompt.as_deref().filter(|text| non_empty(text)),
        fallback: options.fallback.as_deref().filter(|text| non_empty(text)),
        at: Timestamp::now(),
    };
    store.write_blocking(new.create())?;
    Ok(new.id)
}

/// The assistants of a project, the default one first.
pub fn list(store: &Store, project: ProjectSeq) -> Result<Vec<Assistant>, StoreError> {
    store.read_blocking(|snapshot| assistant::all(snapshot, project))
}

/// Changes the name and options that are given.
pub fn change(
    store: &Store,
    project: ProjectSeq,
    id: AssistantId,
    name: Option<AssistantName>,
    options: AssistantOptions,
) -> Result<(), AssistantError> {
    let change = AssistantChange {
        name: name.map(AssistantName::into_string),
        mode: options.mode,
        prompt: options.prompt,
        fallback: options.fallback,
    };
    match store.write_blocking(assistant::change(project, id, change)) {
        Ok(_) => Ok(()),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(AssistantError::NoSuchAssistant(id)),
        Err(error) => Err(error.into()),
    }
}
