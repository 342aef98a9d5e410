//! Opens a page in the browser of the user: `--open`.

use std::process::{Command, Stdio};
use std::thread;

/// The program that opens a URL with the application that the user has chosen for it.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

/// Opens a URL. The program runs beside the server. If it fails, the log tells so.
pub fn open_in_browser(url: String) {
    thread::spawn(move || {
        let opener = Command::new(OPENER)
            .arg(&url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match opener {
            Ok(status) if status.success() => {}
            Ok(status) => {
                log::warn!(
                    "--open: {OPENER} ended with {status}; open the printed URL in a browser"
                );
            }
            Err(error) => {
                log::warn!(
                    "--open: {OPENER} cannot be started: {error}; open the printed URL in a browser"
                );
            }
        }
    });
}
