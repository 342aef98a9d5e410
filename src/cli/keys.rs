//! `parlor keys`: create, list and revoke API keys, and replace the signing secret.

use std::io::Write;

use clap::Subcommand;

use super::CommandError;
use super::database::{Database, ProjectArguments, parse_assistant_id};
use super::output::{print_line, show_secret};
use super::visible_text::VisibleText;
use crate::config::parse_origin;
use crate::domain::{AssistantId, KeyId, KeyKind, KeyName, Origin};
use crate::service::key::{self, KeySpec};
use crate::service::setup::ProjectKeys;
use crate::service::{project, session};
use crate::store::key::StoredKey;

/// The number of characters of a key.
const KEY_CHARS: usize = 35;

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Create a key and print it. It is shown once, because only its hash is stored
    Create {
        #[command(flatten)]
        target: ProjectArguments,
        /// publishable: for web pages; private: for servers
        #[arg(long, value_parser = parse_kind)]
        kind: KeyKind,
        /// A name for the key, 1 to 100 characters
        #[arg(long)]
        name: KeyName,
        /// A website that may use the key; may be repeated; without it, every website may
        #[arg(long = "origin", value_name = "URL", value_parser = parse_origin)]
        origins: Vec<Origin>,
        /// The assistant that answers visitors who use this publishable key, as `parlor assistants list` shows it [default: the first]
        #[arg(long, value_name = "ID", value_parser = parse_assistant_id)]
        assistant: Option<AssistantId>,
    },
    /// List the keys: id, kind, state, key, name, websites; of a private key only the last characters; with several projects also the project
    List {
        #[command(flatten)]
        target: ProjectArguments,
    },
    /// Revoke a key; running servers refuse it within a second
    Revoke {
        #[command(flatten)]
        database: Database,
        /// The key's id, as `parlor keys list` shows it
        #[arg(value_parser = parse_id)]
        id: KeyId,
    },
    /// Replace the secret that signs session tokens, for example after a backup got into other hands; all sessions end, and visitors get new ones
    RotateSecret {
        #[command(flatten)]
        database: Database,
    },
}

fn parse_kind(text: &str) -> Result<KeyKind, String> {
    KeyKind::parse(text).map_err(|invalid| invalid.reason)
}

fn parse_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text).ok_or_else(|| "must be an id as `parlor keys list` shows it".to_owned())
}

impl Keys {
    pub fn run(self) -> Result<(), CommandError> {
        match self {
            Keys::Create {
                target,
                kind,
                name,
                origins,
                assistant,
            } => {
                if kind == KeyKind::Private && assistant.is_some() {
                    return Err(CommandError::AssistantOfPrivateKey);
                }
                let origins = without_repeats(origins);
                let (store, project) = target.open()?;
                let spec = KeySpec {
                    kind,
                    name,
                    origins: &origins,
                    assistant,
                };
                key::create(&store, project, &spec, |key| {
                    show_secret(|out| writeln!(out, "{}", key.reveal()))
                })?;
            }
            Keys::List { target } => print_keys(&target)?,
            Keys::Revoke { database, id } => {
                key::revoke(&database.open()?, id)?;
                print_line!("revoked {id}");
            }
            Keys::RotateSecret { database } => {
                let count = session::rotate_signing_secret(&database.open()?)?;
                print_rotation(count);
            }
        }
        Ok(())
    }
}

fn without_repeats(origins: Vec<Origin>) -> Vec<Origin> {
    let mut unique = Vec::new();
    for origin in origins {
        if !unique.contains(&origin) {
            unique.push(origin);
        }
    }
    unique
}

fn print_rotation(sessions: u64) {
    print_line!(
        "replaced the signing secret; {sessions} sessions have ended\n\
         - Running servers apply the new secret within a second.\n\
         - Chats of visitors get 401, start new sessions with the same saVid, and keep their \
         conversations.\n\
         - Links to further pages of lists are invalid (422); clients begin with the first page.\n\
         - ETags change, so clients read everything once more.\n\
         - API keys stay valid. `parlor keys revoke` revokes them.\n\
         - Backups contain the earlier secret. After a restore of one, rotate the secret again."
    );
}

/// Prints the keys of the project that is named, or of all projects.
fn print_keys(target: &ProjectArguments) -> Result<(), CommandError> {
    let store = target.database.open()?;
    let mut projects = project::list(&store)?;
    let has_several = projects.len() > 1;
    if target.name().is_some() {
        projects = vec![project::select(&store, target.name())?];
    }
    let keys = key::list(&store)?;
    let mut out = std::io::stdout().lock();
    for project in &projects {
        for key in keys.iter().filter(|key| key.project == project.seq) {
            if has_several {
                write!(out, "{}  ", VisibleText(&project.name))?;
            }
            writeln!(out, "{}", row(key))?;
        }
    }
    Ok(())
}

fn row(key: &StoredKey) -> String {
    let state = if key.revoked_at.is_some() {
        "revoked"
    } else {
        "in force"
    };
    let origins = if key.origins.is_empty() {
        "all websites".to_owned()
    } else {
        VisibleText(&key.origins.join(" ")).to_string()
    };
    let (id, kind, name) = (key.id, key.kind.as_str(), VisibleText(&key.name));
    // A publishable key is in every web page, so it may be shown.
    let text = key.publishable_key.clone();
    let text = text.unwrap_or_else(|| format!("…{}", key.hint));
    format!("{id}  {kind:<11}  {state:<8}  {text:<KEY_CHARS$}  {name}  ({origins})")
}

/// Prints the keys of a new project.
pub fn print_project_keys(out: &mut impl Write, keys: &ProjectKeys) -> std::io::Result<()> {
    let (publishable, private) = (keys.publishable.reveal(), keys.private.reveal());
    writeln!(
        out,
        "  publishable  {publishable}   for your web pages\n  \
           private      {private}   for your servers; keep it secret"
    )
}
