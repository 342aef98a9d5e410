//! `parlor keys`: make, list and revoke API keys.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommandError;
use super::assistants::assistant_id;
use crate::app::StartError;
use crate::config::website;
use crate::domain::{
    AssistantId, AssistantSeq, Key, KeyId, KeyKind, Origin, ProjectId, ProjectSeq, Timestamp,
    bounded_text,
};
use crate::store::key::NewKey;
use crate::store::{Batch, Options, Store, StoreError, any_change, assistant, key, project};

#[derive(Debug, Args)]
pub struct File {
    /// The database file
    #[arg(
        long,
        env = "PARLOR_DB",
        default_value = "parlor.db",
        value_name = "FILE"
    )]
    pub db: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key and print it, once: only its hash is kept
    Create {
        #[command(flatten)]
        file: File,
        /// publishable: for web pages; private: for servers
        #[arg(long, value_parser = key_kind)]
        kind: KeyKind,
        /// What you call it
        #[arg(long, value_parser = key_name)]
        name: String,
        /// A website that may use the key; may be given again; none: all
        #[arg(long = "origin", value_name = "URL", value_parser = website)]
        origins: Vec<Origin>,
        /// The assistant that answers whoever comes with this key, as `parlor assistants list` shows it [default: the first]
        #[arg(long, value_name = "ID", value_parser = assistant_id)]
        assistant: Option<AssistantId>,
    },
    /// List the keys: id, kind, name, last characters, state
    List {
        #[command(flatten)]
        file: File,
    },
    /// End a key; running servers refuse it within a second
    Revoke {
        #[command(flatten)]
        file: File,
        /// The key's id, as `parlor keys list` shows it
        #[arg(value_parser = key_id)]
        id: KeyId,
    },
}

fn key_kind(text: &str) -> Result<KeyKind, String> {
    KeyKind::parse(text).map_err(|invalid| invalid.reason)
}

fn key_name(text: &str) -> Result<String, String> {
    let name = bounded_text("name", text, 1, 100);
    name.map_err(|invalid| invalid.reason)
}

fn key_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text).ok_or_else(|| "must be an id as `parlor keys list` shows it".to_owned())
}

impl Keys {
    pub fn run(self) -> Result<(), CommandError> {
        match self {
            Keys::Create {
                file,
                kind,
                name,
                origins,
                assistant,
            } => {
                let store = file.open()?;
                let project = first_project(&store)?;
                let bound = assistant.map(|id| bound(&store, project, id)).transpose()?;
                let new = With {
                    kind,
                    name: &name,
                    origins: &origins,
                    assistant: bound,
                };
                let (key, batch) = with_key(Batch::default(), project, &new)?;
                store.write_here(batch)?;
                println!("{}", key.reveal());
            }
            Keys::List { file } => list_keys(&file.open()?)?,
            Keys::Revoke { file, id } => {
                let outcome = file.open()?.write_here(key::revoke(id, Timestamp::now()))?;
                if !any_change(&outcome) {
                    return Err(CommandError::NoSuchKey(id));
                }
                println!("revoked {id}");
            }
        }
        Ok(())
    }
}

impl File {
    /// Opens a file that must be there: a key for a mistyped name helps nobody.
    pub fn open(&self) -> Result<Store, CommandError> {
        match self.db.exists() {
            true => Ok(Store::open(&self.db, &Options::default())?),
            false => Err(CommandError::NoFile(self.db.clone())),
        }
    }
}

/// A project and a key of each kind, in a file that has no project yet. One
/// write makes all three: a project without keys would be of no use.
pub fn first_keys(store: &Store) -> Result<Option<[Key; 2]>, CommandError> {
    if store.read_here(project::first)?.is_some() {
        return Ok(None);
    }
    let at = Timestamp::now();
    let project = ProjectSeq::FIRST;
    let made = project::create(
        project,
        ProjectId::generate(),
        AssistantId::generate(),
        "My website",
        at,
    );
    let first = |kind, name| With {
        kind,
        name,
        origins: &[],
        assistant: None,
    };
    let publishable = first(KeyKind::Publishable, "first publishable key");
    let (publishable, made) = with_key(made, project, &publishable)?;
    let private = first(KeyKind::Private, "first private key");
    let (private, made) = with_key(made, project, &private)?;
    store.write_here(made)?;
    Ok(Some([publishable, private]))
}

/// What a new key is made with.
struct With<'a> {
    kind: KeyKind,
    name: &'a str,
    origins: &'a [Origin],
    assistant: Option<AssistantSeq>,
}

/// A new key, and the write that stores it after `batch`.
fn with_key(batch: Batch, project: ProjectSeq, with: &With) -> Result<(Key, Batch), CommandError> {
    let key = Key::generate(with.kind).map_err(StartError::from)?;
    let new = NewKey {
        id: KeyId::generate(),
        project,
        key: &key,
        kind: with.kind,
        name: with.name,
        origins: with.origins,
        assistant: with.assistant,
        at: Timestamp::now(),
    };
    let batch = batch.then(new.create());
    Ok((key, batch))
}

/// The assistant that a key is to be bound to.
fn bound(
    store: &Store,
    project: ProjectSeq,
    id: AssistantId,
) -> Result<AssistantSeq, CommandError> {
    let found = store.read_here(|snapshot| assistant::find(snapshot, project, id))?;
    Ok(found.ok_or(CommandError::NoSuchAssistant(id))?.seq)
}

pub fn first_project(store: &Store) -> Result<ProjectSeq, StoreError> {
    let project = store.read_here(project::first)?;
    project.ok_or_else(|| StoreError::Internal("the file has no project".to_owned()))
}

fn list_keys(store: &Store) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    for key in store.read_here(key::all)? {
        let kind = key.kind.as_str();
        let state = if key.revoked_at.is_some() {
            "revoked"
        } else {
            "in force"
        };
        let origins = match key.origins.is_empty() {
            true => "all websites".to_owned(),
            false => key.origins.join(" "),
        };
        let (id, hint, name) = (key.id, key.hint, key.name);
        writeln!(
            out,
            "{id}  {kind:<11}  …{hint}  {state:<8}  {name}  ({origins})"
        )?;
    }
    Ok(())
}
