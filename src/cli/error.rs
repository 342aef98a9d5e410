//! Why a command failed.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::app::StartError;
use crate::domain::{AssistantId, KeyId, ProjectId, QnaId};
use crate::store::{OpenError, StoreError};

/// Why a command failed, in words for whoever typed it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("cannot listen on {0}: {1}; choose another address with --listen")]
    Listen(SocketAddr, std::io::Error),
    #[error("no key has the id {0}; `parlor keys list` shows them")]
    NoSuchKey(KeyId),
    #[error("no assistant has the id {0}; `parlor assistants list` shows them")]
    NoSuchAssistant(AssistantId),
    #[error("{0} does not exist; `parlor serve` makes it")]
    NoFile(PathBuf),
    #[error(
        "{0} holds something other than a demo, which this would open to anyone; name another file with --db"
    )]
    NotADemo(PathBuf),
    #[error(
        "{0} can be reached from outside, and the demo's keys are known to all; use --listen 127.0.0.1:PORT"
    )]
    Public(SocketAddr),
    #[error("{0} exists already; remove it or name another file with --db")]
    Exists(PathBuf),
    #[error("no project has the id {0}; leave --project out to use the first one")]
    NoSuchProject(ProjectId),
    #[error("no Q&A has the id {0}; `parlor qna list` shows them")]
    NoSuchQna(QnaId),
    #[error("nothing could be learned; the lines above say why")]
    NothingLearned,
    #[error(
        "stopped; what was learned so far is kept, and the same command again goes on from there"
    )]
    Stopped,
    #[error("{0} cannot be read: {1}; check its name")]
    Unreadable(PathBuf, std::io::Error),
    #[error("{0} exists already; name another file")]
    Present(PathBuf),
    #[error("{0}, line {1}: {2}; nothing was imported")]
    Row(PathBuf, u64, String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<rusqlite::Error> for CommandError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        Self::Start(error.into())
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}
