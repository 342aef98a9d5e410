//! `parlor assistants`: who answers, and how.

use std::io::Write;

use clap::{Args, Subcommand};

use super::CommandError;
use super::keys::{File, first_project};
use crate::domain::{AssistantId, AssistantMode, Timestamp, bounded_text};
use crate::store::assistant::{self, Change, NewAssistant};
use crate::store::{Store, any_change};

#[derive(Debug, Subcommand)]
pub enum Assistants {
    /// List the assistants, the default one first: id, answerer, name
    List {
        #[command(flatten)]
        file: File,
    },
    /// Make an assistant; `parlor keys create --assistant` binds a key to it
    Create {
        #[command(flatten)]
        file: File,
        /// What it is called
        #[arg(long, value_parser = name)]
        name: String,
        #[command(flatten)]
        manner: Manner,
    },
    /// Change an assistant; what is left out stays
    Set {
        #[command(flatten)]
        file: File,
        /// The assistant's id, as `parlor assistants list` shows it
        #[arg(value_parser = assistant_id)]
        id: AssistantId,
        /// What it is called
        #[arg(long, value_parser = name)]
        name: Option<String>,
        #[command(flatten)]
        manner: Manner,
    },
}

/// How an assistant answers.
#[derive(Debug, Args)]
pub struct Manner {
    /// builtin: from what was learned; model: the model of the server's settings; auto: the model if there is one
    #[arg(long, value_parser = answerer)]
    answerer: Option<AssistantMode>,
    /// What the model is told first; an empty text takes it away
    #[arg(long, value_parser = long_text)]
    prompt: Option<String>,
    /// What is said where nothing is known; an empty text takes it away
    #[arg(long, value_parser = long_text)]
    fallback: Option<String>,
}

fn name(text: &str) -> Result<String, String> {
    bounded_text("name", text, 1, 100).map_err(|invalid| invalid.reason)
}

fn long_text(text: &str) -> Result<String, String> {
    bounded_text("text", text, 0, 20_000).map_err(|invalid| invalid.reason)
}

fn answerer(text: &str) -> Result<AssistantMode, String> {
    AssistantMode::parse(text).map_err(|invalid| invalid.reason)
}

/// An assistant's id as somebody types it.
pub fn assistant_id(text: &str) -> Result<AssistantId, String> {
    let expected = || "must be an id as `parlor assistants list` shows it".to_owned();
    AssistantId::parse(text).ok_or_else(expected)
}

impl Assistants {
    pub fn run(self) -> Result<(), CommandError> {
        match self {
            Assistants::List { file } => list(&file.open()?),
            Assistants::Create { file, name, manner } => create(&file.open()?, &name, &manner),
            Assistants::Set {
                file,
                id,
                name,
                manner,
            } => {
                let store = file.open()?;
                let change = Change {
                    name,
                    mode: manner.answerer,
                    prompt: manner.prompt,
                    fallback: manner.fallback,
                };
                let batch = assistant::change(first_project(&store)?, id, change);
                if !any_change(&store.write_here(batch)?) {
                    return Err(CommandError::NoSuchAssistant(id));
                }
                println!("changed {id}");
                Ok(())
            }
        }
    }
}

fn create(store: &Store, name: &str, manner: &Manner) -> Result<(), CommandError> {
    let new = NewAssistant {
        id: AssistantId::generate(),
        project: first_project(store)?,
        name,
        mode: manner.answerer.unwrap_or(AssistantMode::Auto),
        prompt: given(manner.prompt.as_deref()),
        fallback: given(manner.fallback.as_deref()),
        at: Timestamp::now(),
    };
    store.write_here(new.create())?;
    println!("{}", new.id);
    Ok(())
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn list(store: &Store) -> Result<(), CommandError> {
    let project = first_project(store)?;
    let mut out = std::io::stdout().lock();
    for one in store.read_here(|snapshot| assistant::all(snapshot, project))? {
        let (id, kind, name) = (one.id, one.mode.as_str(), one.name);
        writeln!(out, "{id}  {kind:<7}  {name}")?;
    }
    Ok(())
}
