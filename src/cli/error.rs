//! Why a command failed.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::health::HealthError;
use super::visible_text::VisibleText;
use crate::access::PasswordError;
use crate::answer::embedding::EmbeddingSetupError;
use crate::app::StartError;
use crate::domain::{AssistantId, KeyId, QnaId};
use crate::service::agent_account::AccountError;
use crate::service::agent_commands::AccountName;
use crate::service::assistant::AssistantError;
use crate::service::backup::{BackupError, BucketError};
use crate::service::export::ExportError;
use crate::service::import::api::ApiImportError;
use crate::service::import::{FileImportError, WriteError};
use crate::service::key::KeyError;
use crate::service::project::{ProjectError, SelectError};
use crate::service::project_removal::RemoveError;
use crate::service::qna::QnaError;
use crate::service::restore::RestoreError;
use crate::service::session::RotateError;
use crate::service::setup::SetupError;
use crate::store::bulk_load::LoadError;
use crate::store::{LockError, OpenError, StoreError, StoreLocation};

/// Why a command failed. The message tells the operator what to do.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Embedding(#[from] EmbeddingSetupError),
    #[error(transparent)]
    Health(#[from] HealthError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error("{0} is not sound: {1} of the checks failed; the lines above name the remedies")]
    NotSound(StoreLocation, usize),
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Export(#[from] ExportError),
    // It may contain a text of the file.
    #[error("{}", VisibleText(&.0.to_string()))]
    Import(#[from] FileImportError),
    #[error(transparent)]
    ImportApi(#[from] ApiImportError),
    #[error(
        "no key: set PARLOR_IMPORT_KEY to a private key or a session token, or name a file with --key-file"
    )]
    NoImportKey,
    #[error("{0} records were not imported; the lines above say why")]
    NotImported(u64),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("the system returned no random bytes: {0}")]
    Random(getrandom::Error),
    #[error(
        "the key could not be shown, so it was not stored: {0}; run the command again with an open standard output"
    )]
    KeyNotShown(std::io::Error),
    #[error("no key has the id {0}; `parlor keys list` shows them")]
    NoSuchKey(KeyId),
    #[error("no account has {}; `parlor agents list` shows them", account_text(.0))]
    NoSuchAgent(AccountName),
    #[error("an account has this e-mail address already; `parlor agents list` shows the accounts")]
    AgentEmailExists,
    #[error(
        "this is the only owner of the project; create another one with `parlor agents add --role owner` first"
    )]
    LastOwner,
    #[error("the two passwords differ; run the command again")]
    PasswordsDiffer,
    #[error("the password {0}; enter it at the prompt, or pass one line on standard input")]
    InvalidPassword(String),
    #[error("a password could not be hashed: {0}")]
    Hash(PasswordError),
    #[error(
        "the link could not be shown: {0}; run `parlor agents link` with an open standard output"
    )]
    LinkNotShown(std::io::Error),
    #[error("no assistant has the id {0}; `parlor assistants list` shows them")]
    NoSuchAssistant(AssistantId),
    #[error("{0} does not exist; `parlor serve` creates it")]
    NoFile(PathBuf),
    #[error("{0} is a PostgreSQL database, and {1}")]
    NotOnPostgres(StoreLocation, &'static str),
    #[error(
        "{0} holds something other than a demo, and `parlor demo` would make it public; name another one with --db or --store"
    )]
    NotADemo(StoreLocation),
    #[error(
        "{0} can be reached from outside, and the demo's keys are public; use --listen 127.0.0.1:PORT"
    )]
    Public(SocketAddr),
    #[error("{0} exists already; remove it or name another one with --db or --store")]
    Exists(StoreLocation),
    #[error(transparent)]
    SelectProject(#[from] SelectError),
    #[error(transparent)]
    RemoveProject(#[from] RemoveError),
    #[error(transparent)]
    RotateSecret(#[from] RotateError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("--set and --unset name {0} more than once; name it once")]
    RepeatedSetting(&'static str),
    #[error(
        "--assistant has no effect on a private key, which no visitor uses; leave it out, and name the assistant in the request: assistantId"
    )]
    AssistantOfPrivateKey,
    #[error("nothing to change; give one or more of {0}")]
    NoChange(&'static str),
    #[error(
        "{0:?} would be removed with all its conversations, keys and documents, which cannot be undone; add --yes"
    )]
    NotConfirmed(String),
    #[error("no Q&A has the id {0}; `parlor qna list` shows them")]
    NoSuchQna(QnaId),
    #[error("the project has no visitor with {0}; `parlor visitors list` shows them")]
    NoSuchVisitor(String),
    #[error("{}", VisibleText(.0))]
    NotLearned(String),
    #[error("{0} sources were not learned; the lines above say why")]
    SourcesNotLearned(usize),
    #[error("stopped before the demo was complete; its data is removed")]
    DemoStopped,
    #[error("stopped; what was learned so far is kept. Run the same command again to continue")]
    Stopped,
    #[error("{0} cannot be read: {1}; check its name")]
    UnreadableFile(PathBuf, std::io::Error),
    #[error("{0} exists already; name another file")]
    ExportFileExists(PathBuf),
    #[error("{path}, line {line}: {reason}; nothing was imported")]
    InvalidLine {
        path: PathBuf,
        line: u64,
        reason: String,
    },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The exit status of a program whose output was closed, as the shell returns it for
/// programs that SIGPIPE ends.
const CLOSED_OUTPUT_STATUS: u8 = 128 + 13;

impl CommandError {
    /// Whether the reader of standard output, such as `head`, has closed its end. This
    /// needs no message.
    pub fn is_closed_output(&self) -> bool {
        match self {
            Self::Io(error) | Self::Export(ExportError::Write(error)) => {
                error.kind() == ErrorKind::BrokenPipe
            }
            _ => false,
        }
    }

    /// Names the database file and the remedy if the file was locked or its disk was full.
    pub fn in_file(self, path: PathBuf) -> Self {
        match self.store_error() {
            Some(StoreError::Busy) => OpenError::Locked(path).into(),
            Some(StoreError::Full) => OpenError::Full(path).into(),
            _ => self,
        }
    }

    /// The error of the database that is the reason.
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error)
            | Self::Setup(
                SetupError::Store(error) | SetupError::Project(ProjectError::Store(error)),
            )
            | Self::Project(ProjectError::Store(error))
            | Self::SelectProject(SelectError::Store(error))
            | Self::RemoveProject(RemoveError::Store(error))
            | Self::RotateSecret(RotateError::Store(error))
            | Self::Export(ExportError::Store(error))
            | Self::Import(FileImportError::Write(WriteError::Store(error)))
            | Self::Start(StartError::Store(error)) => Some(error),
            _ => None,
        }
    }

    /// The exit status: 2 for settings and options that are not valid, as for the arguments.
    pub fn exit_status(&self) -> u8 {
        match self {
            _ if self.is_closed_output() => CLOSED_OUTPUT_STATUS,
            Self::Start(StartError::Settings(_))
            | Self::RepeatedSetting(_)
            | Self::AssistantOfPrivateKey
            | Self::NoChange(_) => 2,
            _ => 1,
        }
    }
}

impl From<LoadError> for CommandError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Open(error) => error.into(),
            LoadError::Store(error) => error.into(),
        }
    }
}

impl From<QnaError> for CommandError {
    fn from(error: QnaError) -> Self {
        match error {
            QnaError::NotFound(id) => Self::NoSuchQna(id),
            QnaError::Store(error) => error.into(),
        }
    }
}

fn account_text(name: &AccountName) -> String {
    match name {
        AccountName::Id(id) => format!("the id {id}"),
        AccountName::Email(email) => format!("the e-mail address {email}"),
    }
}

impl From<AccountError> for CommandError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound(id) => Self::NoSuchAgent(AccountName::Id(id)),
            AccountError::EmailExists => Self::AgentEmailExists,
            AccountError::LastOwner => Self::LastOwner,
            AccountError::Password(error) => Self::Hash(error),
            AccountError::Random(error) => Self::Random(error),
            AccountError::Store(error) => error.into(),
            // These are errors of requests.
            AccountError::SignedOut
            | AccountError::WrongPassword
            | AccountError::NoSuchSession(_) => StoreError::Internal(error.to_string()).into(),
        }
    }
}

impl From<KeyError> for CommandError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NoSuchKey(id) => Self::NoSuchKey(id),
            KeyError::NoSuchAssistant(id) => Self::NoSuchAssistant(id),
            KeyError::Store(error) => error.into(),
            KeyError::Random(error) => Self::Random(error),
            KeyError::Output(error) => Self::KeyNotShown(error),
        }
    }
}

impl From<AssistantError> for CommandError {
    fn from(error: AssistantError) -> Self {
        match error {
            AssistantError::NoSuchAssistant(id) => Self::NoSuchAssistant(id),
            AssistantError::Store(error) => error.into(),
        }
    }
}
