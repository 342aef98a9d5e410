//! The sockets that a server listens on.

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::app::StartError;
use crate::config::Settings;

/// The sockets of `--listen` and `--metrics-listen`. A start binds both before it
/// creates a file or prints a key, so that an address that cannot be used leaves nothing.
pub struct Listeners {
    pub main: TcpListener,
    pub metrics: Option<TcpListener>,
}

impl Listeners {
    /// # Errors
    /// [`StartError::Listen`] names the address and its flag.
    pub fn bind(settings: &Settings) -> Result<Self, StartError> {
        let main = bind(settings.listen, "--listen")?;
        let metrics = settings.metrics_listen;
        let metrics = metrics.map(|address| bind(address, "--metrics-listen"));
        Ok(Self {
            main,
            metrics: metrics.transpose()?,
        })
    }

    /// The address of the API.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.main.local_addr()
    }
}

fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| StartError::Listen {
        address,
        error,
        flag,
    })
}
