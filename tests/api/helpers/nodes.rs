//! Several nodes for each `TestServer`, as behind a proxy.
//!
//! With `PARLOR_TEST_NODES=2` and a PostgreSQL server, each `TestServer` starts two nodes on
//! its database. The connections of clients to the address of the first node go to the nodes
//! in turn.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::is_postgres;

/// The number of nodes of each server.
const NODES_VARIABLE: &str = "PARLOR_TEST_NODES";

thread_local! {
    /// How many `OneNode` exist.
    static ONE_NODE: Cell<usize> = const { Cell::new(0) };
}

/// Lets the servers that the rest of the block starts have one node, and says why.
#[macro_export]
macro_rules! one_node {
    ($reason:literal) => {
        let _one_node = $crate::helpers::OneNode::begin($reason);
    };
}

/// While it exists, the servers that its thread starts have one node.
pub struct OneNode(());

impl OneNode {
    pub fn begin(reason: &str) -> Self {
        if configured_count() > 1 {
            eprintln!("with one node: {reason}");
        }
        ONE_NODE.set(ONE_NODE.get() + 1);
        Self(())
    }
}

impl Drop for OneNode {
    fn drop(&mut self) {
        ONE_NODE.set(ONE_NODE.get() - 1);
    }
}

/// The number of nodes of a server that this thread starts.
pub fn node_count() -> usize {
    if ONE_NODE.get() > 0 {
        return 1;
    }
    configured_count()
}

fn configured_count() -> usize {
    match std::env::var(NODES_VARIABLE) {
        Ok(count) if is_postgres() => count.parse().expect("PARLOR_TEST_NODES is a number"),
        _ => 1,
    }
}

/// The addresses of the nodes of a server, the next one first.
type Addresses = Vec<SocketAddr>;

/// The nodes of the servers that have several, by the address of the first one.
static SERVERS: Mutex<Option<HashMap<SocketAddr, Addresses>>> = Mutex::new(None);

fn servers() -> MutexGuard<'static, Option<HashMap<SocketAddr, Addresses>>> {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets connections to the first of these nodes go to all in turn.
pub fn distribute_connections(nodes: Addresses) {
    servers().get_or_insert_default().insert(nodes[0], nodes);
}

/// Lets connections to a node go to this node alone.
pub fn stop_distribution(first: SocketAddr) {
    servers().get_or_insert_default().remove(&first);
}

/// Connects to a server: to its next node, if it has several.
pub fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let node = match servers().get_or_insert_default().get_mut(&server) {
        Some(nodes) => {
            nodes.rotate_left(1);
            nodes[nodes.len() - 1]
        }
        None => server,
    };
    TcpStream::connect(node)
}
