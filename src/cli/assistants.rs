//! `parlor assistants`: list, create and change assistants.

use std::io::Write;

use clap::{Args, Subcommand};

use super::CommandError;
use super::database::{ProjectArguments, parse_assistant_id};
use super::output::print_line;
use super::visible_text::VisibleText;
use crate::domain::{AssistantId, AssistantMode, AssistantName, bounded_text};
use crate::service::assistant::{self, AssistantOptions};

#[derive(Debug, Subcommand)]
pub enum Assistants {
    /// List the assistants, the default one first: id, answerer, name
    List {
        #[command(flatten)]
        target: ProjectArguments,
    },
    /// Create an assistant; `parlor keys create --assistant` binds a key to it
    Create {
        #[command(flatten)]
        target: ProjectArguments,
        /// The name of the assistant, 1 to 100 characters
        #[arg(long)]
        name: AssistantName,
        #[command(flatten)]
        options: OptionArgs,
    },
    /// Change an assistant; options that are not given stay unchanged
    Set {
        #[command(flatten)]
        target: ProjectArguments,
        /// The assistant's id, as `parlor assistants list` shows it
        #[arg(value_parser = parse_assistant_id)]
        id: AssistantId,
        /// The name of the assistant, 1 to 100 characters
        #[arg(long)]
        name: Option<AssistantName>,
        #[command(flatten)]
        options: OptionArgs,
    },
}

/// How an assistant answers.
#[derive(Debug, Args)]
pub struct OptionArgs {
    /// builtin: answer from the learned documents; model: use the model of the server's settings; auto: the model if one is configured
    #[arg(long, value_parser = parse_mode)]
    answerer: Option<AssistantMode>,
    /// Instructions for the model; an empty text removes them
    #[arg(long, value_parser = parse_text)]
    prompt: Option<String>,
    /// The answer when the documents contain none; an empty text restores the default
    #[arg(long, value_parser = parse_text)]
    fallback: Option<String>,
}

impl From<OptionArgs> for AssistantOptions {
    fn from(options: OptionArgs) -> Self {
        Self {
            mode: options.answerer,
            prompt: options.prompt,
            fallback: options.fallback,
        }
    }
}

/// Spaces alone are no text: a fallback of spaces would be an empty answer.
fn parse_text(text: &str) -> Result<String, String> {
    let text = if text.trim().is_empty() { "" } else { text };
    bounded_text("text", text, 0, 20_000).map_err(|invalid| invalid.reason)
}

fn parse_mode(text: &str) -> Result<AssistantMode, String> {
    AssistantMode::parse(text).map_err(|invalid| invalid.reason)
}

impl Assistants {
    pub fn run(self) -> Result<(), CommandError> {
        match self {
            Assistants::List { target } => print_assistants(&target)?,
            Assistants::Create {
                target,
                name,
                options,
            } => {
                let (store, project) = target.open()?;
                let id = assistant::create(&store, project, &name, &options.into())?;
                print_line!("{id}");
            }
            Assistants::Set {
                target,
                id,
                name,
                options,
            } => {
                let options = AssistantOptions::from(options);
                if name.is_none() && options == AssistantOptions::default() {
                    let options = "--name, --answerer, --prompt or --fallback";
                    return Err(CommandError::NoChange(options));
                }
                let (store, project) = target.open()?;
                assistant::change(&store, project, id, name, options)?;
                print_line!("changed {id}");
            }
        }
        Ok(())
    }
}

fn print_assistants(target: &ProjectArguments) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    let mut out = std::io::stdout().lock();
    for one in assistant::list(&store, project)? {
        let (id, mode, name) = (one.id, one.mode.as_str(), VisibleText(&one.name));
        writeln!(out, "{id}  {mode:<7}  {name}")?;
    }
    Ok(())
}
