//! Lines on standard output and standard error. `println!` would panic if the reader, such
//! as `head`, has closed its end.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::sync::OnceLock;

/// The first error of [`write_line`].
static FIRST_ERROR: OnceLock<io::Error> = OnceLock::new();

/// Writes a line to standard output. An error does not end the work of the command;
/// [`result`] returns it.
macro_rules! print_line {
    ($($argument:tt)*) => {
        $crate::cli::output::write_line(format_args!($($argument)*))
    };
}

/// Writes a line to standard error. Nothing can report that it is closed.
macro_rules! print_error {
    ($($argument:tt)*) => {
        $crate::cli::output::write_error(format_args!($($argument)*))
    };
}

pub(super) use {print_error, print_line};

pub fn write_line(line: Arguments<'_>) {
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        // Later errors have the same cause.
        let _ = FIRST_ERROR.set(error);
    }
}

pub fn write_error(line: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether all lines were written.
///
/// # Errors
/// The first error.
pub fn result() -> io::Result<()> {
    let Some(error) = FIRST_ERROR.get() else {
        return Ok(());
    };
    Err(io::Error::new(error.kind(), error.to_string()))
}
