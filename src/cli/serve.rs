//! `parlor serve`: serves a database file.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::CommandError;
use super::database::DatabaseFile;
use crate::app::AppState;
use crate::config::Settings;
use crate::own_urls::OwnUrls;
use crate::server;
use crate::service::setup::{self, FirstKeys};

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    file: DatabaseFile,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub fn run(self) -> Result<(), CommandError> {
        let listener = listen(self.settings.listen)?;
        let urls = OwnUrls::new(self.settings.public_url.clone(), listener.local_addr()?);
        let app = AppState::open(&self.file.db, self.settings, false)?;
        let keys = setup::create_first_project(&app.store)?;
        let mut out = std::io::stdout().lock();
        if let Some(keys) = keys {
            print_first_keys(&mut out, &self.file.db, &keys)?;
        }
        announce(&mut out, &listener, &urls)?;
        drop(out);
        serve(app, listener)
    }
}

fn print_first_keys(out: &mut impl Write, file: &Path, keys: &FirstKeys) -> std::io::Result<()> {
    let (publishable, private) = (keys.publishable.reveal(), keys.private.reveal());
    writeln!(
        out,
        "made {}, with one project and two keys, shown this once:",
        file.display()
    )?;
    writeln!(out, "  publishable  {publishable}   for your web pages")?;
    writeln!(
        out,
        "  private      {private}   for your servers; keep it secret"
    )
}

/// Prints the address that the server listens on, and the URL of the reference.
pub fn announce(
    out: &mut impl Write,
    listener: &TcpListener,
    urls: &OwnUrls,
) -> std::io::Result<()> {
    let (address, base) = (listener.local_addr()?, urls.base(|| None));
    writeln!(
        out,
        "parlor listens on http://{address}  (API reference: {base}/v2)"
    )?;
    out.flush()
}

pub fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).map_err(|error| CommandError::Listen(address, error))
}

/// Serves until SIGTERM or SIGINT.
pub fn serve(app: AppState, listener: TcpListener) -> Result<(), CommandError> {
    raise_open_file_limit();
    let system = actix_web::rt::System::new();
    let served = system.block_on(async {
        let shutdown = shutdown_signal()?;
        server::run(app, listener, shutdown).await
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

fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
