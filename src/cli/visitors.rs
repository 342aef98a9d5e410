//! `parlor visitors`: find visitors, erase a visitor.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, value_parser};

use super::CommandError;
use super::database::ProjectArguments;
use super::output::print_line;
use super::progress::{block_on, with_progress_bar};
use super::prune::VACUUM_ON_POSTGRES;
use super::visible_text::VisibleText;
use crate::domain::{ProjectSeq, VisitorId};
use crate::service::erasure;
use crate::store::erasure::vacuum;
use crate::store::visitor::{self, VisitorKey, VisitorRow};
use crate::store::{Batch, Store, StoreLocation, folder_of};

#[derive(Debug, Subcommand)]
pub enum Visitors {
    /// List the newest visitors: id, first visit, number of conversations, external id, saVid, name
    List {
        #[command(flatten)]
        target: ProjectArguments,
        /// Only visitors whose external id, saVid or name contains this text
        #[arg(value_name = "TEXT", default_value = "", hide_default_value = true)]
        text: String,
        /// The maximum number of visitors
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show what is stored about a visitor
    Show {
        #[command(flatten)]
        target: ProjectArguments,
        #[command(flatten)]
        visitor: VisitorArguments,
    },
    /// Delete a visitor with all conversations, messages, sessions and contact details, and
    /// overwrite them in the file; works while a server uses the file
    Erase {
        #[command(flatten)]
        target: ProjectArguments,
        #[command(flatten)]
        visitor: VisitorArguments,
        /// Write the whole file anew. SQLite can leave a copy of a row in an unused part of a
        /// page when it moves the row, and a file of an earlier parlor has what was deleted
        /// and changed. Writes wait meanwhile, and the disk needs twice the space of the file
        #[arg(long)]
        vacuum: bool,
    },
}

/// One of the names of a visitor.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct VisitorArguments {
    /// The id, as `parlor visitors list` and the API show it
    #[arg(value_name = "ID", value_parser = parse_visitor_id)]
    id: Option<VisitorId>,
    /// The id that the website has for the person
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// The id of the browser, as in POST /v2/identity/init
    #[arg(long, value_name = "ID")]
    sa_vid: Option<String>,
}

fn parse_visitor_id(text: &str) -> Result<VisitorId, String> {
    let expected = "must be an id as `parlor visitors list` shows it";
    VisitorId::parse(text).ok_or_else(|| expected.to_owned())
}

impl VisitorArguments {
    fn find(&self, store: &Store, project: ProjectSeq) -> Result<VisitorRow, CommandError> {
        let (key, text) = self.key();
        let found = store.read_blocking(|snapshot| visitor::find_row(snapshot, project, &key))?;
        found.ok_or(CommandError::NoSuchVisitor(text))
    }

    /// The key, and its text for a message.
    fn key(&self) -> (VisitorKey, String) {
        match (self.id, &self.external_id, &self.sa_vid) {
            (_, Some(id), _) => (
                VisitorKey::ExternalId(id.clone()),
                format!("the external id {id}"),
            ),
            (_, _, Some(id)) => (VisitorKey::Device(id.clone()), format!("the saVid {id}")),
            (id, None, None) => {
                // The group of arguments requires one of the three.
                let id = id.unwrap_or(VisitorId(uuid::Uuid::nil()));
                (VisitorKey::Id(id), format!("the id {id}"))
            }
        }
    }
}

impl Visitors {
    pub fn run(self) -> Result<(), CommandError> {
        match self {
            Visitors::List {
                target,
                text,
                limit,
            } => list(&target, &text, limit),
            Visitors::Show { target, visitor } => show(&target, &visitor),
            Visitors::Erase {
                target,
                visitor,
                vacuum,
            } => erase(&target, &visitor, vacuum),
        }
    }
}

fn list(target: &ProjectArguments, text: &str, limit: u32) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    let rows = store.read_blocking(|snapshot| visitor::search(snapshot, project, text, limit))?;
    let mut out = std::io::stdout().lock();
    for row in rows {
        let names = [
            row.visitor.external_id,
            row.sa_vid,
            row.visitor
                .name
                .map(|name| name.replace(char::is_whitespace, " ")),
        ];
        let names = names.map(|name| name.unwrap_or("-".to_owned()));
        let [external_id, sa_vid, name] = names.each_ref().map(|name| VisibleText(name));
        let (id, created_at) = (
            row.visitor.id,
            row.created_at.format_iso8601(&mut [0; 24])[..10].to_owned(),
        );
        let conversations = row.conversations;
        writeln!(
            out,
            "{id}  {created_at}  {conversations:>6}  {external_id}  {sa_vid}  {name}"
        )?;
    }
    Ok(())
}

fn show(target: &ProjectArguments, visitor: &VisitorArguments) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    let row = visitor.find(&store, project)?;
    let [messages, sessions] =
        store.read_blocking(|snapshot| visitor::count_rows(snapshot, row.seq))?;
    let text = |value: Option<String>| value.unwrap_or("-".to_owned());
    let mut out = std::io::stdout().lock();
    for (name, value) in [
        ("id", row.visitor.id.to_string()),
        ("external id", text(row.visitor.external_id)),
        ("saVid", text(row.sa_vid)),
        ("name", text(row.visitor.name)),
        ("picture", text(row.visitor.avatar_url)),
        (
            "first visit",
            row.created_at.format_iso8601(&mut [0; 24]).to_owned(),
        ),
        ("conversations", row.conversations.to_string()),
        ("messages", messages.to_string()),
        ("sessions", sessions.to_string()),
    ] {
        writeln!(out, "{name:<14} {}", VisibleText(&value))?;
    }
    Ok(())
}

fn erase(
    target: &ProjectArguments,
    visitor: &VisitorArguments,
    is_vacuumed: bool,
) -> Result<(), CommandError> {
    if is_vacuumed {
        target.database.arguments.file(VACUUM_ON_POSTGRES)?;
    }
    let location = target.database.location();
    let (store, project) = target.open()?;
    // An interrupted erasure has deleted the names of its visitor.
    let (resumed, is_log_empty) = block_on(erasure::resume(&store, |_| ()))??;
    if resumed > 0 {
        print_line!("completed the interrupted erasure of {resumed} visitors");
    }
    let row = match visitor.find(&store, project) {
        Err(CommandError::NoSuchVisitor(text)) if resumed > 0 => {
            print_line!("the project has no visitor with {text}");
            return end_erasure(location, store, is_log_empty, is_vacuumed);
        }
        found => found?,
    };
    let [messages, _] = store.read_blocking(|snapshot| visitor::count_rows(snapshot, row.seq))?;
    let is_log_empty = with_progress_bar(|progress| {
        let mut done = 0;
        let after_step = |deleted: &[_]| {
            done += deleted.len() as u64;
            progress(done, row.conversations, "erasing");
        };
        let erase = erasure::delete_visitor(&store, row.seq, Batch::default(), after_step);
        block_on(erase)
    })??;
    print_line!(
        "erased the visitor {} with {} conversations and {messages} messages",
        row.visitor.id,
        row.conversations
    );
    end_erasure(location, store, is_log_empty, is_vacuumed)
}

/// Closes the file, writes it anew if `is_vacuumed`, and names what still has the data.
fn end_erasure(
    location: &StoreLocation,
    store: Store,
    mut is_log_empty: bool,
    is_vacuumed: bool,
) -> Result<(), CommandError> {
    drop(store);
    let Some(path) = location.file() else {
        print_line!(
            "PostgreSQL overwrites deleted rows later (autovacuum); backups, exports and logs that \
             were made before still have the data; delete them when you no longer need them"
        );
        return Ok(());
    };
    if is_vacuumed {
        is_log_empty = vacuum(path)?;
    }
    print_remaining_copies(path, is_log_empty)
}

/// Names what still has the data of an erased visitor.
fn print_remaining_copies(path: &Path, is_log_empty: bool) -> Result<(), CommandError> {
    if !is_log_empty {
        print_line!(
            "{}-wal still has the data, because a backup or another program reads the file; \
             restart parlor when it has ended",
            path.display()
        );
    }
    print_line!(
        "backups, exports and logs that were made before still have the data; delete them when \
         you no longer need them"
    );
    for copy in older_copies(path)? {
        print_line!("  {}", copy.display());
    }
    Ok(())
}

/// Copies of the file that an upgrade or a restore left beside it.
fn older_copies(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let Some(name) = path.file_name() else {
        return Ok(Vec::new());
    };
    let prefixes = [".schema-", ".replaced-"].map(|suffix| {
        let mut prefix = OsString::from(name);
        prefix.push(suffix);
        prefix.into_encoded_bytes()
    });
    let mut copies = Vec::new();
    for entry in folder_of(path).read_dir()? {
        let entry = entry?;
        let file = entry.file_name();
        let bytes = file.as_encoded_bytes();
        if prefixes.iter().any(|prefix| bytes.starts_with(prefix)) {
            copies.push(entry.path());
        }
    }
    copies.sort();
    Ok(copies)
}
