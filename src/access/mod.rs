//! What stands between a caller and the file: session tokens, what is known of
//! keys and sessions, and how often each may call. Nothing here knows of HTTP.

mod credentials;
mod limits;
mod tokens;

pub use credentials::Credentials;
pub use limits::Limits;
pub use tokens::Tokens;
