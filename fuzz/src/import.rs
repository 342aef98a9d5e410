//! Exports of other servers, which an operator imports: lines of JSON.

use std::fs;
use std::path::{Path, PathBuf};

use parlor::domain::{ListQuery, ProjectSeq, Scope};
use parlor::http::json::ConversationListItemJson;
use parlor::service::export;
use parlor::service::import::{ImportSummary, import};
use parlor::store::backup::{Cancellation, Monitor};
use parlor::store::export::ExportScope;
use parlor::store::{CheckedFile, Options, Snapshot, Store, StoreError, conversation};
use tempfile::TempDir;

use super::Target;

pub struct Import {
    folder: TempDir,
    /// A database file without rows.
    empty: PathBuf,
}

impl Target for Import {
    const NAME: &'static str = "import";
    const DICTIONARY: &'static [&'static str] = &[
        "null",
        "true",
        "0",
        "-1",
        "1e30",
        "9223372036854775807",
        "9223372036854775808",
        "\"\"",
        "\\u0000",
        "\\ud83d",
        "{",
        "}",
        "[",
        "]",
        "\n",
        "\r\n",
        "open",
        "closed",
        "user",
        "assistant",
        "human_agent",
        "streaming",
        "complete",
        "error",
        "private",
        "publishable",
        "2024-01-15T10:30:00.000Z",
        "-262144-01-01T00:00:00.000Z",
        "{\"type\":\"end\",\"counts\":{}}\n",
        "018c0000-0000-7000-8000-000000000001",
        "{\"type\":\"text\",\"text\":\"x\"}",
    ];

    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = folder.path().join("empty.db");
        drop(open(&empty));
        Self { folder, empty }
    }

    fn run(&self, input: &[u8]) {
        let file = self.copy("first.db");
        let store = open(&file);
        let summary = run_import(&store, input);
        let imported = summary
            .as_ref()
            .map_or(0, |summary| summary.imported.total());
        if let Some(summary) = summary {
            let again = run_import(&store, input).expect("the same file can be imported again");
            assert_eq!(
                again.imported.total(),
                0,
                "the second import stores nothing"
            );
            assert_eq!(again.refused, summary.refused);
        }
        check_lists(&store);
        if imported > 0 {
            self.check_export(&store);
        }
        drop(store);
        check_file(&file);
    }
}

impl Import {
    /// A copy of the empty file.
    fn copy(&self, name: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(self.folder.path().join(format!("{name}{suffix}")));
        }
        fs::copy(&self.empty, &file).expect("a copy");
        file
    }

    /// An export can be imported into another file, and is the same there.
    fn check_export(&self, store: &Store) {
        let exported = run_export(store);
        let file = self.copy("second.db");
        let other = open(&file);
        let summary = run_import(&other, &exported).expect("an export can be imported");
        assert_eq!(summary.refused.total(), 0);
        let records = |export: &[u8]| {
            let header = export
                .iter()
                .position(|byte| *byte == b'\n')
                .expect("a header");
            String::from_utf8(export[header..].to_vec()).expect("UTF-8")
        };
        assert_eq!(records(&run_export(&other)), records(&exported));
    }
}

fn open(file: &Path) -> Store {
    let options = Options {
        readers: 1,
        ..Options::default()
    };
    Store::open(file, &options).expect("a database")
}

/// `None` if the import ended before the end of the input.
fn run_import(store: &Store, input: &[u8]) -> Option<ImportSummary> {
    let cancellation = Cancellation::default();
    let monitor = Monitor::silent(&cancellation);
    import(store, input, input.len() as u64, &monitor, &mut |_| ()).ok()
}

fn run_export(store: &Store) -> Vec<u8> {
    let cancellation = Cancellation::default();
    let mut lines = Vec::new();
    let scope = ExportScope { with_secrets: true };
    let written = export::write(store, &mut lines, scope, &Monitor::silent(&cancellation));
    written.expect("an export");
    lines
}

/// The lists of the first projects are valid JSON.
fn check_lists(store: &Store) {
    for seq in 1..=3 {
        let scope = Scope::Project(ProjectSeq(seq));
        let read = |snapshot: &Snapshot| {
            let Ok(totals) = conversation::totals(snapshot, scope) else {
                return Ok(());
            };
            let query = ListQuery::default();
            conversation::page(snapshot, scope, &query, &totals, |item| {
                let mut json = Vec::new();
                ConversationListItemJson::from(item).write(&mut json);
                serde_json::from_slice::<serde_json::Value>(&json).expect("JSON");
                Ok::<_, StoreError>(())
            })
            .map(drop)
        };
        store.read_blocking(read).expect("a page");
    }
}

/// The file has no wrong counts and no reference to a row that does not exist.
fn check_file(path: &Path) {
    let cancellation = Cancellation::default();
    let monitor = Monitor::silent(&cancellation);
    let file = CheckedFile::open(path).expect("a file");
    let faults = [file.references(&monitor), file.counts(&monitor)];
    for faults in faults {
        assert_eq!(faults.expect("a check"), [""; 0]);
    }
}
