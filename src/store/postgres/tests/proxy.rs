//! A proxy between a node and the server, which can lose the result of a commit.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio_postgres::config::Host;

use crate::store::postgres::PostgresAddress;

/// What a client sends to commit a transaction.
const COMMIT: &[u8] = b"COMMIT\0";

pub struct Proxy {
    pub address: PostgresAddress,
    loses_commit: Arc<AtomicBool>,
}

impl Proxy {
    /// Forwards to the server of `address` until the process ends.
    pub fn start(address: &PostgresAddress) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let loses_commit = Arc::<AtomicBool>::default();
        let (server, flag) = (target(address), loses_commit.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&server).expect("the server");
                forward(client, server, flag.clone());
            }
        });
        Self {
            address: address.at(Ipv4Addr::LOCALHOST, port),
            loses_commit,
        }
    }

    /// Closes the connection to the client after the next commit, without its result.
    pub fn lose_next_commit(&self) {
        self.loses_commit.store(true, Ordering::SeqCst);
    }

    /// Whether [`Self::lose_next_commit`] has had its effect.
    pub fn has_lost_commit(&self) -> bool {
        !self.loses_commit.load(Ordering::SeqCst)
    }
}

fn target(address: &PostgresAddress) -> String {
    let config = address.config();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => format!("{host}:{port}"),
        other => panic!("these tests need a server with a TCP port, not {other:?}"),
    }
}

fn forward(client: TcpStream, server: TcpStream, loses_commit: Arc<AtomicBool>) {
    let results = (
        server.try_clone().expect("a stream"),
        client.try_clone().expect("a stream"),
    );
    thread::spawn(move || copy(results.0, results.1, |_| {}));
    thread::spawn(move || {
        let results = client.try_clone().expect("a stream");
        copy(client, server, |bytes| {
            let is_commit = bytes.windows(COMMIT.len()).any(|window| window == COMMIT);
            if is_commit && loses_commit.swap(false, Ordering::SeqCst) {
                let _ = results.shutdown(Shutdown::Both);
            }
        });
    });
}

/// Copies until one side is closed. `inspect` sees the bytes before they are sent.
fn copy(mut from: TcpStream, mut to: TcpStream, inspect: impl Fn(&[u8])) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..length];
        inspect(bytes);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
