//! Access control without HTTP: session tokens, list cursors, cached
//! credentials, rate limits and the memory budget.

mod authenticator;
mod credentials;
mod cursors;
mod jwt;
mod limits;
mod memory_budget;
mod signing;
mod tokens;

pub use authenticator::{AuthError, Authenticator, ConnectionCredentials, Validity, Website};
use credentials::CredentialCache;
pub use cursors::Cursors;
pub use limits::{RateLimited, RateLimits, network_of};
pub use memory_budget::{Accounts, MemoryBudget, OverBudget, Owner, Permit};
pub use signing::{KeySet, SigningKeys};
pub use tokens::Tokens;
