//! A working directory with a database, and helpers that run commands in it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use parlor::domain::{AssistantId, ProjectId, ProjectSeq, Timestamp};
use parlor::store::{Options, Store, project};
use rusqlite::Connection;
use tempfile::TempDir;

/// A temporary directory with `parlor.db`, which has one project.
pub struct Workspace {
    directory: TempDir,
    /// The id of the project.
    pub project: String,
}

impl Workspace {
    pub fn new() -> Self {
        let directory = TempDir::new().expect("create directory");
        let database = directory.path().join("parlor.db");
        let project = create_project(&database, ProjectSeq(1));
        Self { directory, project }
    }

    /// Creates a second project, and returns its id. Commands need `--project` then.
    pub fn add_project(&self) -> String {
        create_project(&self.path().join("parlor.db"), ProjectSeq(2))
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file and creates its parent directories.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("parent")).expect("create directory");
        fs::write(path, text).expect("write file");
    }

    /// Runs the binary without the settings of the environment.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        let variables = std::env::vars_os().map(|(name, _)| name);
        for name in variables.filter(|name| name.to_string_lossy().starts_with("PARLOR_")) {
            command.env_remove(name);
        }
        command.current_dir(self.path()).args(arguments);
        command.stdin(Stdio::null()).output().expect("run parlor")
    }

    /// Runs a command that must succeed. Returns its trimmed standard output
    /// and its standard error.
    #[track_caller]
    pub fn run_ok(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let (stdout, stderr) = output_texts(&output);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        (stdout.trim_end().to_owned(), stderr)
    }

    /// Runs a command that must exit with status 1. Returns its standard error.
    #[track_caller]
    pub fn run_err(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        output_texts(&output).1
    }

    /// The addresses and titles of a project's documents.
    pub fn documents(&self, project: i64) -> Vec<(String, String)> {
        let database = Connection::open(self.path().join("parlor.db")).expect("open database");
        let sql = "SELECT url, title FROM document WHERE project_seq = ? ORDER BY url";
        let mut statement = database.prepare(sql).expect("prepare");
        let rows = statement.query_map([project], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows = rows.expect("query").collect::<rusqlite::Result<_>>();
        rows.expect("read rows")
    }

    /// The addresses of the first project's documents.
    pub fn urls(&self) -> Vec<String> {
        self.documents(1).into_iter().map(|(url, _)| url).collect()
    }
}

/// Creates a project without keys, and returns its id.
fn create_project(database: &Path, seq: ProjectSeq) -> String {
    let store = Store::open(database, &Options::default()).expect("open database");
    let (id, assistant) = (ProjectId::generate(), AssistantId::generate());
    let batch = project::create(seq, id, assistant, "Shop", Timestamp(0));
    store.write_blocking(batch).expect("create project");
    id.to_string()
}

/// Standard output and standard error; fails if the process panicked.
pub fn output_texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let stderr = text(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    (text(&output.stdout), stderr)
}

/// An HTML page with a title and enough text for one section.
pub fn page(title: &str) -> String {
    format!(
        "<title>{title} | Shop</title><main><h1>{title}</h1><p>All that there is to say about {title} is said here.</p></main>"
    )
}
