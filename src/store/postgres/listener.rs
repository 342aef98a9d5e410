//! Waits for commits of other nodes (`LISTEN`).

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

use super::PostgresAddress;
use super::error::describe;

/// The writer notifies this channel (`writer.rs`).
const LISTEN: &str = "LISTEN parlor_event";

/// The pause after a connection was lost. Events are read meanwhile as well, only later.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

/// Starts a thread that notifies `signal` of the commits of all nodes, until the owner of
/// `signal` has dropped it.
pub(in crate::store) fn start(
    address: PostgresAddress,
    signal: &Arc<Notify>,
) -> std::io::Result<()> {
    let signal = Arc::downgrade(signal);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = thread::Builder::new().name("parlor-listener".to_owned());
    listener.spawn(move || {
        while signal.strong_count() > 0 {
            if let Err(error) = runtime.block_on(listen(&address, &signal)) {
                log::debug!("events of other nodes are polled: {error}");
            }
            thread::sleep(RECONNECT_INTERVAL);
        }
    })?;
    Ok(())
}

/// Returns when the connection is closed, or the signal is dropped.
async fn listen(address: &PostgresAddress, signal: &Weak<Notify>) -> Result<(), String> {
    let (client, mut connection) = address.connect().await?;
    let subscribe = async {
        client.batch_execute(LISTEN).await?;
        // Keeps the connection open.
        std::future::pending::<Result<(), tokio_postgres::Error>>().await
    };
    let forward = async {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(_) = message? {
                let Some(signal) = signal.upgrade() else {
                    return Ok(());
                };
                signal.notify_one();
            }
        }
        Ok(())
    };
    let result = tokio::select! {
        result = forward => result,
        result = subscribe => result,
    };
    result.map_err(|error| describe(&error))
}
