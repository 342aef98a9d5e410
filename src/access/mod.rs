//! Access control without HTTP: session tokens, passwords, list cursors, cached
//! credentials, rate limits and the memory budget.

mod agent_sessions;
mod authenticator;
mod credentials;
mod cursors;
pub mod identity;
mod jwt;
mod limits;
mod memory_budget;
mod passwords;
mod reply_links;
mod signing;
mod tokens;

pub use agent_sessions::AGENT_SESSION_TIMES;
pub use authenticator::{AuthError, Authenticator, ConnectionCredentials, Validity, Website};
use credentials::CredentialCache;
pub use cursors::Cursors;
pub use limits::{RateLimited, RateLimits, network_of};
pub use memory_budget::{Accounts, MemoryBudget, OverBudget, Owner, Permit};
pub use passwords::{PasswordError, Passwords, hash_password};
pub use reply_links::ReplyLinks;
pub use signing::{KeySet, SigningKeys};
pub use tokens::Tokens;
