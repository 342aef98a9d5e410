//! The program, and directories in which it runs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub const PARLOR: &str = env!("CARGO_BIN_EXE_parlor");

/// The pages show the data of this time, so that their numbers do not change.
const END: [&str; 2] = ["--until", "2026-06-30T18:00:00Z"];

/// Before the address of a server, in its output.
const LISTENS: &str = "parlor listens on http://";

/// A running parlor. Dropping it kills the process.
pub struct Server {
    process: Child,
    out: BufReader<std::process::ChildStdout>,
    pub address: String,
}

impl Server {
    /// Starts a command in `directory` on a free port.
    pub fn start(command: &str, directory: &Path) -> Self {
        let mut process = without_settings(Command::new(PARLOR))
            .args([command, "--listen", "127.0.0.1:0"])
            .args(END.iter().filter(|_| command == "demo"))
            .current_dir(directory)
            .env("TMPDIR", directory)
            .env("PARLOR_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("parlor starts");
        let out = process.stdout.take().expect("its output");
        let mut server = Self {
            process,
            out: BufReader::new(out),
            address: String::new(),
        };
        let lines = server.lines_to(LISTENS);
        let address = lines.last().and_then(|line| line.strip_prefix(LISTENS));
        let address = address.and_then(|rest| rest.split_whitespace().next());
        server.address = address.expect("an address").to_owned();
        server
    }

    /// The next lines that it prints, to the first one that contains `text`.
    pub fn lines_to(&mut self, text: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.contains(text)) {
            let mut line = String::new();
            let length = self.out.read_line(&mut line).expect("a line");
            assert!(length > 0, "it ended without {text:?}: {lines:?}");
            lines.push(line);
        }
        lines
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Removes the settings that the environment of the test has.
pub fn without_settings(mut command: Command) -> Command {
    let set = std::env::vars_os().map(|(name, _)| name);
    for name in set.filter(|name| name.to_string_lossy().starts_with("PARLOR_")) {
        command.env_remove(name);
    }
    command
}

/// A directory that is removed at the end.
pub struct TempDirectory(PathBuf);

impl TempDirectory {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("docs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
