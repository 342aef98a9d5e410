//! Reads a secret from the terminal without showing it.

use std::io::{self, IsTerminal, Write, stdin};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Prints `prompt` and reads a line that the terminal does not show. None: standard input
/// is not a terminal.
pub fn read_secret(prompt: &str) -> io::Result<Option<String>> {
    let input = stdin();
    if !input.is_terminal() {
        return Ok(None);
    }
    let shown = tcgetattr(&input)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    let _ = write!(io::stderr(), "{prompt}");
    tcsetattr(&input, OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let read = input.read_line(&mut line);
    tcsetattr(&input, OptionalActions::Flush, &shown)?;
    let _ = writeln!(io::stderr());
    read.map(|_| Some(line))
}
