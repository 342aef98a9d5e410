//! A demo database in a temporary folder.

use std::sync::Arc;

use parlor::demo::{DemoPlan, create_database};
use parlor::domain::{ListFilter, ProjectSeq, Scope, Timestamp};
use parlor::store::{Options, Store, StoreError, StoreLocation, conversation};
use tempfile::TempDir;

pub const PROJECT: ProjectSeq = ProjectSeq::FIRST;
pub const SCOPE: Scope = Scope::Project(PROJECT);

pub struct DemoDatabase {
    pub store: Arc<Store>,
    _folder: TempDir,
}

impl DemoDatabase {
    /// More conversations than a block of the offset index has rows.
    pub fn create() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("parlor.db");
        let plan = DemoPlan {
            conversations: 1500,
            visitors: 100,
            seed: 1,
            end: Timestamp::now(),
        };
        let location = StoreLocation::File(file);
        create_database(&location, &plan, &|_, _, _| {}).expect("a demo database");
        let store = location.open(&Options::default()).expect("a database");
        let totals = store.read_blocking(|snapshot| conversation::totals(snapshot, SCOPE));
        let totals: Result<_, StoreError> = totals;
        assert_eq!(
            totals.expect("totals").matching(ListFilter::default()),
            1500
        );
        Self {
            store: Arc::new(store),
            _folder: folder,
        }
    }
}
