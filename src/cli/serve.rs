//! `parlor serve`: a server over a file.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::CommandError;
use super::keys::{File, first_keys};
use crate::app::AppState;
use crate::config::Settings;

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub fn run(self) -> Result<(), CommandError> {
        let listener = listen(self.settings.listen)?;
        let app = AppState::open(&self.file.db, self.settings, false)?;
        let keys = first_keys(&app.store)?;
        let mut out = std::io::stdout().lock();
        if let Some([publishable, private]) = keys {
            writeln!(
                out,
                "made {}, with one project and two keys, shown this once:",
                self.file.db.display()
            )?;
            writeln!(
                out,
                "  publishable  {}   for your web pages",
                publishable.reveal()
            )?;
            writeln!(
                out,
                "  private      {}   for your servers; keep it secret",
                private.reveal()
            )?;
        }
        announce(&mut out, &listener)?;
        drop(out);
        serve(app, listener)
    }
}

/// Says where the server listens.
pub fn announce(out: &mut impl Write, listener: &TcpListener) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    writeln!(
        out,
        "parlor listens on http://{address}  (API reference: http://{address}/v2)"
    )?;
    out.flush()
}

pub fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).map_err(|error| CommandError::Listen(address, error))
}

/// Serves until SIGTERM or SIGINT.
pub fn serve(app: AppState, listener: TcpListener) -> Result<(), CommandError> {
    allow_many_connections();
    let system = actix_web::rt::System::new();
    let served = system.block_on(async {
        let stop = stop_signal()?;
        app.serve(listener, stop).await
    });
    Ok(served?)
}

/// Raises the limit of open files to what the system allows: a shell's usual
/// 1024 would be the end of it after a thousand live connections.
fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        log::warn!("the limit of open files stays as it is: {error}");
    }
}

fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
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
