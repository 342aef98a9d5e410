//! The address of a database on a PostgreSQL server.

use std::fmt::{self, Debug, Display};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// How long a connection may take to be opened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The URL of a database, such as `postgres://user@host:5432/parlor?sslmode=require`.
/// Its texts never contain the password.
#[derive(Clone)]
pub struct PostgresAddress(Arc<Config>);

/// Why a URL is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of the PostgreSQL database is not valid ({0}); write it as postgres://USER@HOST:PORT/DATABASE and put the password into PGPASSWORD or PGPASSFILE"
)]
pub struct AddressError(String);

impl PostgresAddress {
    pub(super) fn config(&self) -> &Config {
        &self.0
    }

    /// The address of another database on the same server.
    #[cfg(test)]
    pub(super) fn with_database(&self, name: &str) -> Self {
        let mut config = Config::clone(&self.0);
        config.dbname(name);
        Self(Arc::new(config))
    }

    /// The same database, reached over another address.
    #[cfg(test)]
    pub(super) fn at(&self, ip: std::net::Ipv4Addr, port: u16) -> Self {
        let user = self.0.get_user().unwrap_or("postgres");
        let name = self.0.get_dbname().unwrap_or(user);
        let mut config = Config::new();
        config
            .user(user)
            .dbname(name)
            .host(ip.to_string())
            .port(port);
        config.application_name("parlor");
        if let Some(password) = self.0.get_password() {
            config.password(password);
        }
        Self(Arc::new(config))
    }
}

impl FromStr for PostgresAddress {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let mut config = Config::from_str(url).map_err(|error| AddressError(error.to_string()))?;
        config.application_name("parlor");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        Ok(Self(Arc::new(config)))
    }
}

impl Display for PostgresAddress {
    /// Host, port and database.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (index, host) in self.0.get_hosts().iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            let ports = self.0.get_ports();
            if let Some(port) = ports.get(index).or_else(|| ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.0.get_dbname().unwrap_or_default())
    }
}

impl Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresAddress({self})")
    }
}
