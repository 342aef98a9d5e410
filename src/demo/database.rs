//! Creates the database of the demo: one project with well-known keys, the
//! generated conversations and the help centre.

use std::path::Path;

use uuid::Uuid;

use super::timeline::{DAY, Period};
use super::{DemoPlan, help_center, load};
use crate::domain::{
    AssistantId, Key, KeyId, KeyKind, ProjectChange, ProjectId, ProjectSeq, Timestamp,
    WidgetChange, WidgetSetting, WidgetValue,
};
use crate::store::key::{self, NewKey};
use crate::store::{Batch, OpenError, Options, Store, StoreError, project};

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

/// Why a demo database could not be opened or created.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates the database `path`, which must not exist. A failure leaves an
/// incomplete file.
///
/// `progress` is called with the number of finished rows, the number of all
/// rows and the name of the phase.
///
/// # Errors
/// The file cannot be created or written.
pub fn create_database(
    path: &Path,
    plan: &DemoPlan,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<(), DemoError> {
    let created_at = Timestamp(Period::of(plan).start - PREPARATION);
    let project = create_project(path, created_at)?;
    load::fill(path, project, plan, progress)?;
    let store = Store::open(path, &Options::default())?;
    create_keys(&store, project, created_at)?;
    store_help_center(&store, project, plan)?;
    Ok(())
}

/// Whether the database has the well-known private key, which only a demo
/// database has. `snapshot` copies a file of an earlier version before its upgrade.
/// The caller holds the lock of a server.
///
/// # Errors
/// The file cannot be opened or read.
pub fn is_demo_database(path: &Path, snapshot: bool) -> Result<bool, DemoError> {
    let [_, private_key] = Key::DEMO;
    let hash = Key::from_text(private_key).hash();
    let options = Options {
        snapshot,
        holds_server_lock: true,
        ..Options::default()
    };
    let store = Store::open(path, &options)?;
    let key = store.read_blocking(|snapshot| key::find(snapshot, hash))?;
    Ok(key.is_some())
}

fn create_project(path: &Path, at: Timestamp) -> Result<ProjectSeq, DemoError> {
    let store = Store::open(path, &Options::default())?;
    let project = ProjectSeq::FIRST;
    let batch = project::create(project, PROJECT_ID, ASSISTANT_ID, PROJECT_NAME, at);
    store.write_blocking(batch.then(project::change(project, &widget_settings())))?;
    Ok(project)
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

fn create_keys(store: &Store, project: ProjectSeq, at: Timestamp) -> Result<(), StoreError> {
    let kinds = [KeyKind::Publishable, KeyKind::Private];
    for ((text, kind), id) in Key::DEMO.iter().zip(kinds).zip(KEY_IDS) {
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
        store.write_blocking(new.create())?;
    }
    Ok(())
}

fn store_help_center(
    store: &Store,
    project: ProjectSeq,
    plan: &DemoPlan,
) -> Result<(), StoreError> {
    let batches = help_center::batches(project, FIRST_HELP_ID, plan);
    let batch = batches.into_iter().fold(Batch::default(), Batch::then);
    store.write_blocking(batch)?;
    Ok(())
}
