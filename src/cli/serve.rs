//! `parlor serve`: serves a database.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use clap::Args;
use futures_util::{Stream, StreamExt, stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::CommandError;
use super::browser::open_in_browser;
use super::database::Database;
use super::keys::print_project_keys;
use super::output::is_discarded;
use crate::app::{AppState, StartError};
use crate::config::Settings;
use crate::listeners::Listeners;
use crate::log_format::LogLines;
use crate::own_urls::OwnUrls;
use crate::server::{self, StopSignal};
use crate::service::agent_account::Link;
use crate::service::agent_commands;
use crate::service::setup::{self, ProjectKeys};
use crate::store::{ServerLock, Store, StoreLocation};

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    database: Database,
    /// Open the inbox in the browser, at the first start the page that sets it up
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub fn run(self, lines: LogLines) -> Result<(), CommandError> {
        let listeners = prepare(&self.settings)?;
        let address = listeners.address()?;
        let urls = OwnUrls::new(self.settings.public_url.clone(), address);
        let location = self.database.location();
        let lock = lock(location, &self.settings)?;
        let settings = Settings {
            no_snapshot: self.database.snapshot.no_snapshot,
            ..self.settings
        };
        let mut app = AppState::open(location, settings, false)?;
        if let Some(lock) = &lock {
            lock.lock_created_file()?;
        }
        app.lock = lock.clone();
        setup::create_first_project(&app.store, |keys| {
            show_first_keys(location, &urls, keys, lines)
        })?;
        let link = setup_link(&app.store);
        serve(app, listeners, |out| {
            announce(out, address, &urls)?;
            let path = link.map(|link| link.setup_path());
            if let Some(path) = &path {
                show_setup_link(&format!("{}{path}", urls.base(|| None)), lines)?;
            }
            if self.open {
                let path = path.as_deref().unwrap_or("/inbox");
                open_in_browser(format!("{}{path}", urls.base(|| None)));
            }
            Ok(())
        })
    }
}

/// A new link that sets the first project up, as long as it has no account. A file that
/// cannot be written to does not prevent the start.
fn setup_link(store: &Store) -> Option<Link> {
    agent_commands::create_setup_link(store).unwrap_or_else(|error| {
        log::warn!("no link to set the inbox up could be stored: {error}");
        None
    })
}

/// Checks the settings and binds the addresses, before a file is created.
pub fn prepare(settings: &Settings) -> Result<Listeners, StartError> {
    settings.check()?;
    Listeners::bind(settings)
}

/// Locks the database file for this server. A database on a PostgreSQL server needs no lock,
/// because several servers may use it.
pub fn lock(
    location: &StoreLocation,
    settings: &Settings,
) -> Result<Option<Arc<ServerLock>>, CommandError> {
    let wait = Duration::from_secs(settings.lock_wait);
    let lock = location.file().map(|path| ServerLock::acquire(path, wait));
    Ok(lock.transpose()?.map(Arc::new))
}

/// Shows the keys.
fn show_first_keys(
    location: &StoreLocation,
    urls: &OwnUrls,
    keys: &ProjectKeys,
    lines: LogLines,
) -> io::Result<()> {
    let mut text = Vec::new();
    print_first_keys(&mut text, location, urls, keys)?;
    show(&String::from_utf8_lossy(&text), lines)
}

/// Shows the link that sets the inbox up.
fn show_setup_link(url: &str, lines: LogLines) -> io::Result<()> {
    let text = format!(
        "The inbox has no account yet. Open this link once, within 7 days, to create the first \
         one:\n  {url}\n"
    );
    show(&text, lines)
}

/// Shows a text on standard output, or on standard error, in the form of the log, if
/// standard output is closed or discarded.
fn show(text: &str, lines: LogLines) -> io::Result<()> {
    if !is_discarded(io::stdout()) {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    } else if !is_discarded(io::stderr()) {
        writeln!(io::stderr(), "{}", lines.notice(text.trim_end()))
    } else {
        Err(io::Error::other(
            "standard output and standard error are closed or discarded",
        ))
    }
}

fn print_first_keys(
    out: &mut impl Write,
    location: &StoreLocation,
    urls: &OwnUrls,
    keys: &ProjectKeys,
) -> io::Result<()> {
    let (verb, flag) = match location {
        StoreLocation::File(_) => ("created", "--db"),
        StoreLocation::Postgres(_) => ("set up", "--store"),
    };
    writeln!(
        out,
        "{verb} {location} with one project and two keys, which are shown only now:"
    )?;
    print_project_keys(out, keys)?;
    let (base, key) = (urls.base(|| None), keys.publishable.reveal());
    writeln!(
        out,
        "This tag puts the chat on your pages:\n  \
           <script src=\"{base}/widget.js\" data-key=\"{key}\" async></script>"
    )?;
    writeln!(
        out,
        "`parlor learn FOLDER|URL {flag} {location}` stores the pages that the assistant answers from."
    )
}

/// Prints the address that the server listens on, and the URL of the reference.
pub fn announce(out: &mut impl Write, address: SocketAddr, urls: &OwnUrls) -> io::Result<()> {
    let base = urls.base(|| None);
    writeln!(
        out,
        "parlor listens on http://{address}  (API reference: {base}/v2)"
    )?;
    out.flush()
}

/// Serves until SIGTERM or SIGINT. `announce` prints the addresses once the server
/// accepts connections and the signals are handled.
pub fn serve(
    app: AppState,
    listeners: Listeners,
    announce: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>,
) -> Result<(), CommandError> {
    raise_open_file_limit();
    let system = actix_web::rt::System::new();
    let served = system.block_on(async {
        let signals = stop_signals()?;
        let announce = || {
            // A closed standard output does not stop a server.
            if let Err(error) = announce(&mut io::stdout().lock()) {
                log::warn!("the addresses could not be printed: {error}");
            }
        };
        server::run(app, listeners, signals, announce).await
    });
    Ok(served?)
}

/// Raises the soft limit of open files to the hard limit. The usual soft limit
/// of 1024 would allow about a thousand live connections.
fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        log::warn!(
            "the limit of open files cannot be raised: {error}; set a higher one with `ulimit -n`"
        );
    }
}

/// Completes at SIGTERM or SIGINT.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut signals = stop_signals()?;
    Ok(async move {
        signals.next().await;
    })
}

/// SIGTERM and SIGINT, in the order of their arrival.
fn stop_signals() -> io::Result<impl Stream<Item = StopSignal> + Unpin> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(stream::poll_fn(move |context| {
        if terminate.poll_recv(context).is_ready() {
            Poll::Ready(Some(StopSignal::Terminate))
        } else {
            let interrupted = interrupt.poll_recv(context);
            interrupted.map(|_| Some(StopSignal::Interrupt))
        }
    }))
}
