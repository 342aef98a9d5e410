//! Creates the database of the demo: one project with well-known keys, the
//! generated conversations and the help centre.

use uuid::Uuid;

use super::timeline::{DAY, Period};
use super::{DemoPlan, help_center, load};
use crate::domain::{
    AssistantId, Key, KeyId, KeyKind, ProjectChange, ProjectId, ProjectSeq, Timestamp,
    WidgetChange, WidgetSetting, WidgetValue,
};
use crate::store::bulk_load::{BulkLoad, LoadError};
use crate::store::key::{self, NewKey};
use crate::store::{Batch, Options, Snapshot, StoreError, StoreLocation, project};

/// How long before the first conversation the project and its keys were created.
const PREPARATION: i64 = 30 * DAY;

/// The ids are the same in every demo database.
const PROJECT_ID: ProjectId = ProjectId(demo_uuid(1));
const KEY_IDS: [KeyId; 2] = [KeyId(demo_uuid(2)), KeyId(demo_uuid(3))];
const ASSISTANT_ID: AssistantId = AssistantId(demo_uuid(4));
/// The first id of the help centre's documents and Q&As.
const FIRST_HELP_ID: u128 = demo_uuid(1000).as_u128();

const PROJECT_NAME: &str = "Tern & Co.";

/// The questions that the chat of the shop offers.
const STARTER_QUESTIONS: &str = "How long does delivery take?\n\
                                 How do I send something back?\n\
                                 How do I wash merino wool?";

pub const fn demo_uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0191_ab43_fc00_7000_8000_0000_0000_0000 + number)
}

/// Creates the data of the demo: a file, which must not exist, or the rows of a PostgreSQL
/// database without a project. A failure leaves an incomplete file, but no rows in
/// PostgreSQL.
///
/// `progress` is called with the number of finished rows, the number of all
/// rows and the name of the phase.
///
/// # Errors
/// The file cannot be created or written.
pub fn create_database(
    location: &StoreLocation,
    plan: &DemoPlan,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<(), LoadError> {
    let project = ProjectSeq::FIRST;
    let created_at = Timestamp(Period::of(plan).start - PREPARATION);
    let load = BulkLoad {
        project,
        first: create_project(project, created_at),
        last: create_keys(project, created_at).then(help_center_batch(project, plan)),
    };
    load::load(location, load, plan, progress)
}

/// What a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// No project.
    None,
    /// The well-known private key, which only a demo has.
    Demo,
    Other,
}

/// What the database has. `snapshot` copies a file of an earlier version before its upgrade.
/// The caller holds the lock of a server.
///
/// # Errors
/// The database cannot be opened or read.
pub fn content(location: &StoreLocation, snapshot: bool) -> Result<Content, LoadError> {
    let [_, private_key] = Key::DEMO;
    let hash = Key::from_text(private_key).hash();
    let options = Options {
        snapshot,
        holds_server_lock: true,
        ..Options::default()
    };
    let store = location.open(&options)?;
    let read = |snapshot: &Snapshot| {
        let key = key::find(snapshot, hash)?;
        Ok::<_, StoreError>((key.is_some(), project::first(snapshot)?.is_some()))
    };
    Ok(match store.read_blocking(read)? {
        (true, _) => Content::Demo,
        (false, true) => Content::Other,
        // A file without a project is not of the demo either.
        (false, false) if location.file().is_some() => Content::Other,
        (false, false) => Content::None,
    })
}

fn create_project(project: ProjectSeq, at: Timestamp) -> Batch {
    let batch = project::create(project, PROJECT_ID, ASSISTANT_ID, PROJECT_NAME, at);
    batch.then(project::change(project, &widget_settings()))
}

fn widget_settings() -> ProjectChange {
    let questions = WidgetValue::Text(STARTER_QUESTIONS.into());
    let setting = WidgetSetting::find("starterQuestions");
    let settings = setting.map(|setting| (setting, Some(questions)));
    ProjectChange {
        widget: WidgetChange(settings.into_iter().collect()),
        ..ProjectChange::default()
    }
}

fn create_keys(project: ProjectSeq, at: Timestamp) -> Batch {
    let kinds = [KeyKind::Publishable, KeyKind::Private];
    let keys = Key::DEMO.iter().zip(kinds).zip(KEY_IDS);
    let batches = keys.map(|((text, kind), id)| {
        let new = NewKey {
            id,
            project,
            key: &Key::from_text(text),
            kind,
            name: "demo",
            origins: &[],
            assistant: None,
            at,
        };
        new.create()
    });
    batches.fold(Batch::default(), Batch::then)
}

fn help_center_batch(project: ProjectSeq, plan: &DemoPlan) -> Batch {
    let batches = help_center::batches(project, FIRST_HELP_ID, plan);
    batches.into_iter().fold(Batch::default(), Batch::then)
}
