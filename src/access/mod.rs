//! What stands between a caller and the file: session tokens, cursors, what is
//! known of keys and sessions, and how often each may call. Nothing here knows of HTTP.

mod credentials;
mod cursors;
mod limits;
mod tokens;

pub use credentials::Credentials;
pub use cursors::Cursors;
pub use limits::Limits;
pub use tokens::Tokens;
