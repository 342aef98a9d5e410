//! Lines on standard output and standard error. `println!` would panic if the reader, such
//! as `head`, has closed its end.

use std::fmt::Arguments;
use std::io::{self, StdoutLock, Write};
use std::os::fd::AsFd;
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

/// Writes a secret that is shown only once to standard output. The caller stores the secret
/// only if this succeeds.
///
/// # Errors
/// Standard output is closed, discarded, or cannot be written to.
pub fn show_secret(write: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>) -> io::Result<()> {
    if is_discarded(io::stdout()) {
        return Err(io::Error::other("standard output is closed or discarded"));
    }
    let mut out = io::stdout().lock();
    write(&mut out)?;
    out.flush()
}

/// Whether a stream is closed or the null device. At the start of a program, Rust
/// opens the null device for standard streams that are closed.
pub fn is_discarded(stream: impl AsFd) -> bool {
    let (Ok(stream), Ok(null)) = (rustix::fs::fstat(stream), rustix::fs::stat("/dev/null")) else {
        return true;
    };
    (stream.st_dev, stream.st_ino) == (null.st_dev, null.st_ino)
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
