//! Access control without HTTP: session tokens, list cursors, cached
//! credentials, rate limits.

mod authenticator;
mod credentials;
mod cursors;
mod jwt;
mod limits;
mod tokens;

pub use authenticator::{AuthError, Authenticator, ConnectionCredentials, Website};
use credentials::CredentialCache;
pub use cursors::Cursors;
pub use limits::{RateLimited, RateLimits};
pub use tokens::Tokens;
