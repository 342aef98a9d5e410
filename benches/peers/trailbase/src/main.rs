//! TrailBase as its crate offers it: `trail DIRECTORY PORT`.

use trailbase::{DataDir, Server, ServerOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("which directory?")?;
    let port = arguments.next().ok_or("which port?")?;
    let server = Server::init(ServerOptions {
        data_dir: DataDir(directory.into()),
        address: format!("127.0.0.1:{port}"),
        ..Default::default()
    });
    server.await?.serve().await
}
