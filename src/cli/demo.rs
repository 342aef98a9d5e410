//! `parlor demo`: believable made-up data, served.

use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use uuid::Uuid;

use super::CommandError;
use super::serve::{announce, listen, serve};
use crate::app::AppState;
use crate::config::Settings;
use crate::demo::{DemoPlan, fill, help_center};
use crate::domain::{AssistantId, Key, KeyId, KeyKind, ProjectId, ProjectSeq, Timestamp};
use crate::store::key::{self, NewKey};
use crate::store::{Batch, Options, Store, project};

/// When the demo's project was made: before its first conversation.
const BEGINNING: Timestamp = Timestamp(1_725_148_800_000);

/// The ids of the demo's project, assistant and keys, the same in every file.
const DEMO_PROJECT: ProjectId = ProjectId(demo_uuid(1));
const DEMO_ASSISTANT: AssistantId = AssistantId(demo_uuid(4));
const DEMO_KEYS: [KeyId; 2] = [KeyId(demo_uuid(2)), KeyId(demo_uuid(3))];

/// The ids of the help centre count on from here.
const FIRST_OF_HELP: u128 = demo_uuid(1000).as_u128();

const fn demo_uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0191_ab43_fc00_7000_8000_0000_0000_0000 + number)
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Keep the data in this file, and serve what is in it if it is there; without it, each start makes a new file and removes it at the end
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// How many conversations to make up
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(..=20_000_000))]
    conversations: u32,
    /// How many visitors have them [default: a quarter as many]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    visitors: Option<u32>,
    /// The same seed makes the same data
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Only make the file, which --db names
    #[arg(long, requires = "db")]
    no_serve: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Demo {
    pub fn run(self) -> Result<(), CommandError> {
        if self.no_serve {
            return self.make_only();
        }
        if !self.settings.listen.ip().is_loopback() {
            return Err(CommandError::Public(self.settings.listen));
        }
        // First of all, so that a taken port is told before anything is made.
        let listener = listen(self.settings.listen)?;
        let place = Place::of(self.db.as_deref())?;
        self.make_if_absent(place.file())?;
        let app = AppState::open(place.file(), self.settings, true)?;
        let mut out = std::io::stdout().lock();
        announce(&mut out, &listener)?;
        write!(out, "{}", curl_lines(listener.local_addr()?.port()))?;
        out.flush()?;
        drop(out);
        serve(app, listener)
    }

    fn make_only(&self) -> Result<(), CommandError> {
        let path = self.db.clone().unwrap_or_default();
        if path.exists() {
            return Err(CommandError::Exists(path));
        }
        self.make(&path)?;
        println!("made {}", path.display());
        Ok(())
    }

    fn make_if_absent(&self, path: &Path) -> Result<(), CommandError> {
        if !path.exists() {
            return self.make(path);
        }
        let demo_key = Key::from_text(Key::DEMO[1]).hash();
        let store = Store::open(path, &Options::default())?;
        match store.read_here(|snapshot| key::find(snapshot, demo_key))? {
            Some(_) => Ok(()),
            None => Err(CommandError::NotADemo(path.to_owned())),
        }
    }

    /// Makes the file beside its place first, so that a start that was broken
    /// off leaves nothing that could be taken for a whole demo.
    fn make(&self, path: &Path) -> Result<(), CommandError> {
        let part = PathBuf::from(format!("{}.part", path.display()));
        remove(&part);
        let made = self.fill(&part).and_then(|()| Ok(fs::rename(&part, path)?));
        remove(&part);
        made
    }

    fn fill(&self, path: &Path) -> Result<(), CommandError> {
        let project = make_project(path)?;
        let plan = DemoPlan {
            conversations: self.conversations,
            visitors: self
                .visitors
                .unwrap_or_else(|| DemoPlan::default_visitors(self.conversations)),
            seed: self.seed,
        };
        let bar = progress_bar();
        let show = |done, of, phase: &str| {
            bar.set_length(of);
            bar.set_position(done);
            bar.set_message(phase.to_owned());
        };
        fill(path, project, &plan, &show)?;
        bar.finish_and_clear();
        open_shop(path, project)
    }
}

/// Removes a file of ours with what SQLite keeps beside it, if it is there.
fn remove(path: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
}

fn make_project(path: &Path) -> Result<ProjectSeq, CommandError> {
    let store = Store::open(path, &Options::default())?;
    let project = ProjectSeq::FIRST;
    store.write_here(project::create(
        project,
        DEMO_PROJECT,
        DEMO_ASSISTANT,
        "Tern & Co.",
        BEGINNING,
    ))?;
    Ok(project)
}

/// Hands out the keys and teaches the assistant the shop's help centre.
fn open_shop(path: &Path, project: ProjectSeq) -> Result<(), CommandError> {
    let store = Store::open(path, &Options::default())?;
    let kinds = [KeyKind::Publishable, KeyKind::Private];
    for ((text, kind), id) in Key::DEMO.iter().zip(kinds).zip(DEMO_KEYS) {
        let new = NewKey {
            id,
            project,
            key: &Key::from_text(text),
            kind,
            name: "demo",
            origins: &[],
            assistant: None,
            at: BEGINNING,
        };
        store.write_here(new.create())?;
    }
    let help = help_center(project, FIRST_OF_HELP, BEGINNING);
    store.write_here(help.into_iter().fold(Batch::default(), Batch::then))?;
    Ok(())
}

/// Shown on a terminal alone.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>14} {bar:40} {human_pos}/{human_len} {eta}");
    let bar = ProgressBar::new(0);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Where the data lies: a file that the user named, or a folder of this
/// process's own, removed at the end.
enum Place {
    Named(PathBuf),
    Own(PathBuf, PathBuf),
}

impl Place {
    fn of(named: Option<&Path>) -> std::io::Result<Self> {
        if let Some(path) = named {
            return Ok(Self::Named(path.to_owned()));
        }
        let folder = std::env::temp_dir().join(format!("parlor-demo-{}", Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let file = folder.join("demo.db");
        Ok(Self::Own(folder, file))
    }

    fn file(&self) -> &Path {
        match self {
            Place::Named(file) | Place::Own(_, file) => file,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Own(folder, _) = self {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn curl_lines(port: u16) -> String {
    format!(
        r#"
Keys of the demo: pk_demo (publishable) and sk_demo (private). Two lines to paste:

  TOKEN=$(curl -s http://127.0.0.1:{port}/v2/identity/init -H 'Content-Type: application/json' -d '{{"apiKey":"pk_demo","saVid":"demo"}}' | sed 's/.*"sessionToken":"\([^"]*\)".*/\1/')
  curl -s "http://127.0.0.1:{port}/v2/conversations?status=open&limit=3" -H "Authorization: Bearer $TOKEN"

"#
    )
}
