//! `parlor demo`: generates a demo database and serves it on this machine.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::CommandError;
use super::browser::open_in_browser;
use super::database::{OptionalDatabase, SnapshotArgument};
use super::output::print_line;
use super::progress::with_progress_bar;
use super::serve::{announce, lock, prepare, serve, shutdown_signal};
use crate::app::AppState;
use crate::config::Settings;
use crate::demo::{AGENT_PASSWORD, Content, DemoPlan, content, create_database, first_owner};
use crate::domain::Timestamp;
use crate::own_urls::{BaseUrl, OwnUrls};
use crate::service::agent_commands;
use crate::store::{Store, StoreLocation};

#[derive(Debug, Args)]
pub struct Demo {
    #[command(flatten)]
    database: OptionalDatabase,
    /// The number of conversations
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(..=20_000_000))]
    conversations: u32,
    /// The number of visitors [default: a quarter of the conversations]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    visitors: Option<u32>,
    /// The same seed and the same time of --until generate the same data
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// The end of the data in ISO 8601; the newest conversation is some minutes older [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
    /// Create the database that --db or --store names, and do not serve it
    #[arg(long, requires = "database")]
    no_serve: bool,
    /// Open the inbox in the browser, signed in
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    snapshot: SnapshotArgument,
    #[command(flatten)]
    settings: Settings,
}

impl Demo {
    pub fn run(self) -> Result<(), CommandError> {
        if self.no_serve {
            return self.create_only();
        }
        if !self.settings.listen.ip().is_loopback() {
            return Err(CommandError::Public(self.settings.listen));
        }
        // Binds first, so that a used port is reported before the data is
        // generated.
        let listeners = prepare(&self.settings)?;
        let address = listeners.address()?;
        let urls = OwnUrls::new(self.settings.public_url.clone(), address);
        let place = DemoPlace::new(self.database.location.clone())?;
        let location = place.location();
        let lock = lock(location, &self.settings)?;
        self.create_if_missing(location)?;
        let settings = Settings {
            no_snapshot: self.snapshot.no_snapshot,
            ..self.settings
        };
        let mut app = AppState::open(location, settings, true)?;
        if let Some(lock) = &lock {
            lock.lock_created_file()?;
        }
        app.lock = lock.clone();
        let inbox = inbox_url(&app.store, urls.base(|| None))?;
        serve(app, listeners, |out| {
            announce(out, address, &urls)?;
            write!(out, "{}", example_commands(urls.listening(), &inbox))?;
            out.flush()?;
            if self.open {
                open_in_browser(inbox);
            }
            Ok(())
        })
    }

    fn create_only(&self) -> Result<(), CommandError> {
        let place = DemoPlace::new(self.database.location.clone())?;
        let location = place.location();
        let _lock = lock(location, &self.settings)?;
        match self.content(location)? {
            Content::None => self.create(location)?,
            Content::Demo | Content::Other => return Err(CommandError::Exists(location.clone())),
        }
        print_line!("created {location}");
        Ok(())
    }

    fn create_if_missing(&self, location: &StoreLocation) -> Result<(), CommandError> {
        match self.content(location)? {
            Content::None => self.create(location),
            Content::Demo => Ok(()),
            Content::Other => Err(CommandError::NotADemo(location.clone())),
        }
    }

    fn content(&self, location: &StoreLocation) -> Result<Content, CommandError> {
        if location.file().is_some_and(|path| !path.exists()) {
            return Ok(Content::None);
        }
        Ok(content(location, !self.snapshot.no_snapshot)?)
    }

    fn create(&self, location: &StoreLocation) -> Result<(), CommandError> {
        match location {
            StoreLocation::File(path) => self.create_file(path),
            StoreLocation::Postgres(_) => {
                let created = create_until_signal(location.clone(), self.plan());
                // Another node may have created the demo meanwhile.
                if created.is_err() && matches!(self.content(location), Ok(Content::Demo)) {
                    Ok(())
                } else {
                    created
                }
            }
        }
    }

    /// Creates the database under another name and renames it, so that an
    /// interrupted start leaves no incomplete database under `path`.
    fn create_file(&self, path: &Path) -> Result<(), CommandError> {
        let partial = PathBuf::from(format!("{}.part", path.display()));
        remove_database(&partial);
        let created = create_until_signal(StoreLocation::File(partial.clone()), self.plan());
        let renamed = created.and_then(|()| Ok(fs::rename(&partial, path)?));
        remove_database(&partial);
        renamed
    }

    fn plan(&self) -> DemoPlan {
        let default_visitors = || DemoPlan::default_visitors(self.conversations);
        DemoPlan {
            conversations: self.conversations,
            visitors: self.visitors.unwrap_or_else(default_visitors),
            seed: self.seed,
            end: self.until.unwrap_or_else(Timestamp::now),
        }
    }
}

fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse_iso8601(text).ok_or("expected a date or a time, such as 2026-06-30T18:00:00Z")
}

/// Creates a database. SIGINT and SIGTERM end this with an error, so that the caller
/// can remove the files.
fn create_until_signal(location: StoreLocation, plan: DemoPlan) -> Result<(), CommandError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let created = runtime.block_on(async {
        let signal = shutdown_signal()?;
        let creation = spawn_blocking(move || {
            with_progress_bar(|progress| create_database(&location, &plan, progress))
        });
        tokio::select! {
            created = creation => Ok(created.map_err(io::Error::from)??),
            () = signal => Err(CommandError::DemoStopped),
        }
    });
    // The thread of an interrupted creation ends with the process.
    runtime.shutdown_background();
    created
}

/// Removes a database and the files that SQLite creates next to it, if they
/// exist.
fn remove_database(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

/// The place of the demo's data.
enum DemoPlace {
    /// Named by the user; stays.
    Named(StoreLocation),
    /// In a temporary directory, which is removed at the end.
    Temporary {
        directory: PathBuf,
        location: StoreLocation,
    },
}

impl DemoPlace {
    fn new(named: Option<StoreLocation>) -> std::io::Result<Self> {
        if let Some(location) = named {
            return Ok(Self::Named(location));
        }
        let name = format!("parlor-demo-{}", Uuid::new_v4().simple());
        let directory = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&directory)?;
        let location = StoreLocation::File(directory.join("demo.db"));
        Ok(Self::Temporary {
            directory,
            location,
        })
    }

    fn location(&self) -> &StoreLocation {
        match self {
            DemoPlace::Named(location) | DemoPlace::Temporary { location, .. } => location,
        }
    }
}

impl Drop for DemoPlace {
    fn drop(&mut self) {
        if let DemoPlace::Temporary { directory, .. } = self {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

/// The URL that opens the inbox as the first owner. Each start makes a new one.
fn inbox_url(store: &Store, base: BaseUrl<'_>) -> Result<String, CommandError> {
    let Some(owner) = first_owner(store)? else {
        return Ok(format!("{base}/inbox"));
    };
    let link = agent_commands::create_link(store, owner.seq)?;
    // Nobody needs a password for the demo.
    Ok(format!("{base}{}&direct", link.sign_in_path()))
}

/// What the demo prints: its pages and keys, and commands for another terminal.
fn example_commands(base: BaseUrl<'_>, inbox: &str) -> String {
    format!(
        r#"
Generated conversations of an invented shop. Ctrl-C stops the demo.

A page of the shop with its chat, for visitors:  {base}/
The inbox of the shop, signed in as Mara:        {inbox}
Further agents sign in at {base}/inbox: ben@tern.example, yuki@tern.example; password {AGENT_PASSWORD}.

Keys: pk_demo (publishable, for web pages) and sk_demo (private, for servers).

Commands for another terminal. Ask the assistant of the shop a question:

  curl -s {base}/v2/chat/completions -H 'Authorization: Bearer sk_demo' -H 'Content-Type: application/json' -d '{{"messages":[{{"role":"user","content":"How do I reset my password?"}}]}}'

List the open conversations of all visitors:

  curl -s '{base}/v2/conversations?status=open&limit=3' -H 'Authorization: Bearer sk_demo'

Start a session of one visitor, and list the conversations of this visitor:

  TOKEN=$(curl -s {base}/v2/identity/init -H 'Content-Type: application/json' -d '{{"apiKey":"pk_demo","saVid":"demo"}}' | sed 's/.*"sessionToken":"\([^"]*\)".*/\1/')
  curl -s '{base}/v2/conversations?status=open&limit=3' -H "Authorization: Bearer $TOKEN"

"#
    )
}
