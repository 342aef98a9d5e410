//! A folder with a database, and commands that are run in it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use parlor::domain::{AssistantId, ProjectId, ProjectSeq, Timestamp};
use parlor::store::{Options, Store, project};
use rusqlite::Connection;
use tempfile::TempDir;

/// A folder with a database of two projects, to run commands in.
pub struct Stage {
    folder: TempDir,
    /// The id of the second project.
    pub second: String,
}

impl Stage {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("parlor.db");
        let store = Store::open(&file, &Options::default()).expect("a file");
        let ids = [1, 2].map(|seq| {
            let (seq, id) = (ProjectSeq(seq), ProjectId::generate());
            let assistant = AssistantId::generate();
            let made = project::create(seq, id, assistant, "Shop", Timestamp(0));
            store.write_here(made).expect("a project");
            id.to_string()
        });
        let [_, second] = ids;
        Self { folder, second }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        let settings = std::env::vars_os().map(|(name, _)| name);
        for name in settings.filter(|name| name.to_string_lossy().starts_with("PARLOR_")) {
            command.env_remove(name);
        }
        command.current_dir(self.path()).args(arguments);
        command.stdin(Stdio::null()).output().expect("a run")
    }

    /// What a successful run printed, and what it warned of.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let (out, errors) = texts(&output);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        (out.trim_end().to_owned(), errors)
    }

    /// What a failed run told whoever typed it.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        texts(&output).1
    }

    /// Addresses and titles of a project's documents.
    pub fn documents(&self, project: i64) -> Vec<(String, String)> {
        let file = Connection::open(self.path().join("parlor.db")).expect("a file");
        let sql = "SELECT url, title FROM document WHERE project_seq = ? ORDER BY url";
        let mut statement = file.prepare(sql).expect("SQL");
        let rows = statement.query_map([project], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows = rows.expect("rows").collect::<rusqlite::Result<_>>();
        rows.expect("texts")
    }

    pub fn urls(&self) -> Vec<String> {
        self.documents(1).into_iter().map(|(url, _)| url).collect()
    }
}

pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let errors = text(&output.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    (text(&output.stdout), errors)
}

/// A page with a title and enough text.
pub fn page(title: &str) -> String {
    format!(
        "<title>{title} | Shop</title><main><h1>{title}</h1><p>All that there is to say about {title} is said here.</p></main>"
    )
}
