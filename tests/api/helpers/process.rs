//! Runs the `parlor` binary.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use super::Client;

/// A command that runs in `directory`, without the settings of the environment:
/// these could name a database outside of the test. The variable PARLOR names another
/// build of the program.
pub fn parlor_command(directory: &Path) -> Command {
    let program = std::env::var_os("PARLOR");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_parlor").into());
    let mut command = Command::new(program);
    let names = std::env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.to_string_lossy().starts_with("PARLOR_")) {
        command.env_remove(name);
    }
    command
        .current_dir(directory)
        .env("TMPDIR", directory)
        .env("no_proxy", "*");
    command
}

/// Runs a command to its end.
pub fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = parlor_command(directory);
    command.args(arguments).output().expect("a run")
}

/// Runs a command that must succeed. Returns its standard output.
#[track_caller]
pub fn run_successfully(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs a command that must fail. Returns its standard error.
#[track_caller]
pub fn run_with_error(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!errors.contains("panicked"), "{errors}");
    errors
}

/// A server in a process of its own. Dropping it kills the process.
pub struct ParlorProcess {
    pub child: Child,
    stdout: BufReader<ChildStdout>,
    /// The output up to and with the line that names the address.
    startup_output: String,
    pub client: Client,
}

impl ParlorProcess {
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_with_log(directory, arguments, Stdio::null())
    }

    /// Starts a server that writes its log to `log`.
    pub fn start_with_log(directory: &Path, arguments: &[&str], log: impl Into<Stdio>) -> Self {
        let mut child = parlor_command(directory)
            .args(arguments)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("a process");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut startup_output = String::new();
        let address: SocketAddr = loop {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).expect("a line");
            assert!(read > 0, "the process ended after {startup_output:?}");
            startup_output += &line;
            if let Some((_, rest)) = line.split_once("listens on http://") {
                let address = rest.split_whitespace().next().expect("an address");
                break address.parse().expect("an address");
            }
        };
        let client = Client(address);
        client.get("/health").send().expect(200);
        Self {
            child,
            stdout,
            startup_output,
            client,
        }
    }

    /// The key with this prefix in the output of the start.
    pub fn key(&self, prefix: &str) -> Option<String> {
        let mut words = self.startup_output.split_whitespace();
        let key = words.find(|word| word.starts_with(prefix));
        key.map(str::to_owned)
    }

    /// Reads the next line of standard output; empty at the end.
    pub fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line
    }

    pub fn send_signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill").success());
    }

    /// Sends a signal and waits for the end. Returns the exit status and the
    /// remaining output.
    pub fn stop(mut self, signal: &str) -> (ExitStatus, String) {
        self.send_signal(signal);
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("the rest");
        (self.child.wait().expect("an exit status"), rest)
    }
}

impl Drop for ParlorProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
