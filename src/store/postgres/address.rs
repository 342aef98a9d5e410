//! The address of a database on a PostgreSQL server.
//!
//! The URL, its parameters and the environment variables mean what they mean to the
//! programs of PostgreSQL (libpq), except that the roots of the system verify a server
//! unless `sslrootcert` names a file.

use std::env;
use std::fmt::{self, Debug, Display};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::describe;
use super::password_file;
use super::tls::{self, TlsPolicy};

/// How long one server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that is silent for this time is not reachable any more.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 3;

const DEFAULT_PORT: u16 = 5432;

/// The connection to a server, which the runtime must poll.
pub(super) type ServerConnection =
    Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// The URL of a database, such as `postgres://user@host:5432/parlor?sslmode=require`.
/// Its texts never contain the password.
#[derive(Clone)]
pub struct PostgresAddress(Arc<Address>);

#[derive(Clone)]
struct Address {
    config: Config,
    /// Whether the password is in the URL.
    has_password: bool,
    policy: TlsPolicy,
    tls: MakeRustlsConnect,
}

/// Why a URL is not accepted. The text has no part of the URL that may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of the PostgreSQL database is not valid ({0}); write it as postgres://USER@HOST:PORT/DATABASE and put the password into PGPASSWORD or PGPASSFILE"
)]
pub struct AddressError(String);

impl PostgresAddress {
    /// Whether the URL has a password. Everybody on the machine can read the arguments of
    /// a process, so the password belongs elsewhere.
    pub fn has_password(&self) -> bool {
        self.0.has_password
    }

    #[cfg(test)]
    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Connects to the first of the servers that accepts writes.
    ///
    /// # Errors
    /// The reasons of all servers.
    pub(super) async fn connect(&self) -> Result<(Client, ServerConnection), String> {
        let hosts = self.0.config.get_hosts();
        let mut reasons = Vec::new();
        for (index, host) in hosts.iter().enumerate() {
            match self.connect_to(index, host).await {
                Ok(connection) => return Ok(connection),
                Err(reason) if hosts.len() == 1 => return Err(reason),
                Err(reason) => reasons.push(format!("{}: {reason}", host_text(host))),
            }
        }
        Err(reasons.join("; "))
    }

    async fn connect_to(
        &self,
        index: usize,
        host: &Host,
    ) -> Result<(Client, ServerConnection), String> {
        let mut config = self.config_of(index, host);
        let first = self.attempt(&config).await;
        // libpq also repeats an attempt without TLS, for `prefer` alone.
        let has_fallback =
            self.0.policy == TlsPolicy::Prefer && config.get_ssl_mode() == SslMode::Prefer;
        match first {
            Err(reason) if has_fallback => {
                config.ssl_mode(SslMode::Disable);
                self.attempt(&config).await.map_err(|_| reason)
            }
            first => first,
        }
    }

    async fn attempt(&self, config: &Config) -> Result<(Client, ServerConnection), String> {
        let timeout = config.get_connect_timeout().copied();
        let timeout = timeout.unwrap_or(CONNECT_TIMEOUT);
        let connect = config.connect(self.0.tls.clone());
        match tokio::time::timeout(timeout, connect).await {
            Ok(result) => result.map_err(|error| describe(&error)),
            Err(_) => Err(format!("no answer within {} seconds", timeout.as_secs())),
        }
    }

    /// The settings for one of the servers, with the password for this server.
    fn config_of(&self, index: usize, host: &Host) -> Config {
        let Address { config, .. } = &*self.0;
        let mut single = Config::new();
        let user = config.get_user().unwrap_or_default();
        let database = config.get_dbname().unwrap_or(user);
        let port = port_of(config, index);
        match host {
            Host::Tcp(name) => single.host(name),
            Host::Unix(path) => single.host_path(path),
        };
        if !user.is_empty() {
            single.user(user);
        }
        if !database.is_empty() {
            single.dbname(database);
        }
        single
            .port(port)
            .application_name(config.get_application_name().unwrap_or("parlor"))
            .connect_timeout(
                config
                    .get_connect_timeout()
                    .copied()
                    .unwrap_or(CONNECT_TIMEOUT),
            )
            .tcp_user_timeout(
                config
                    .get_tcp_user_timeout()
                    .copied()
                    .unwrap_or(TCP_TIMEOUT),
            )
            .keepalives(config.get_keepalives())
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .target_session_attrs(config.get_target_session_attrs())
            .channel_binding(config.get_channel_binding())
            .ssl_mode(match host {
                Host::Tcp(_) => self.0.policy.ssl_mode(),
                // PostgreSQL has no TLS on sockets of Unix.
                Host::Unix(_) => SslMode::Disable,
            });
        if let Some(options) = config.get_options() {
            single.options(options);
        }
        let stored = || password_file::password(&host_text(host), port, database, user);
        if let Some(password) = self.password(stored) {
            single.password(password);
        }
        single
    }

    /// The password of the URL, of the environment or of the password file, which is read for
    /// each connection, so that a new password needs no restart.
    fn password(&self, stored: impl FnOnce() -> Option<String>) -> Option<Vec<u8>> {
        let password = self.0.config.get_password().map(<[u8]>::to_vec);
        let other = || env_value("PGPASSWORD").or_else(stored);
        password.or_else(|| other().map(String::into_bytes))
    }

    /// The address of another database on the same server.
    #[cfg(test)]
    pub(super) fn with_database(&self, name: &str) -> Self {
        let mut address = Address::clone(&self.0);
        address.config.dbname(name);
        Self(Arc::new(address))
    }

    /// The same database, reached over another address.
    #[cfg(test)]
    pub(super) fn at(&self, ip: std::net::Ipv4Addr, port: u16) -> Self {
        let mut address = Address::clone(&self.0);
        address.config = self.config_of(0, &Host::Tcp(ip.to_string()));
        address.config = rebuilt(&address.config, &ip.to_string(), port);
        // The proxy of the tests reads what is sent.
        address.policy = TlsPolicy::Disable;
        Self(Arc::new(address))
    }
}

#[cfg(test)]
fn rebuilt(config: &Config, host: &str, port: u16) -> Config {
    let mut single = Config::new();
    single
        .host(host)
        .port(port)
        .user(config.get_user().unwrap_or_default())
        .dbname(config.get_dbname().unwrap_or_default());
    if let Some(password) = config.get_password() {
        single.password(password);
    }
    single
}

impl FromStr for PostgresAddress {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let invalid = |reason: &str| AddressError(reason.to_owned());
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut mode = env_value("PGSSLMODE");
        let mut root = env_value("PGSSLROOTCERT");
        let mut other = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let text = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            match name {
                "sslmode" => mode = Some(text.into_owned()),
                "sslrootcert" => root = Some(text.into_owned()),
                // libpq has more values, and another unit.
                "target_session_attrs" if text == "primary" => {
                    other.push("target_session_attrs=read-write".to_owned());
                }
                "target_session_attrs" if text == "any" || text == "read-write" => {
                    other.push(parameter.to_owned());
                }
                "target_session_attrs" => {
                    return Err(invalid("target_session_attrs must be read-write"));
                }
                "host" | "port" | "user" | "password" | "dbname" | "options"
                | "application_name" | "connect_timeout" | "keepalives" | "channel_binding" => {
                    other.push(parameter.to_owned());
                }
                // The name may be the end of a password with a question mark.
                _ => {
                    return Err(invalid(
                        "a parameter is not known; only sslmode, sslrootcert, host, port, user, password, dbname, options, application_name, connect_timeout, keepalives, channel_binding and target_session_attrs are",
                    ));
                }
            }
        }
        let url = format!("{base}?{}", other.join("&"));
        let config = Config::from_str(url.trim_end_matches('?'));
        // The text of the error names the part of the URL, not its value.
        let mut config = config.map_err(|error| AddressError(describe(&error)))?;
        let has_password = config.get_password().is_some();
        complete(&mut config)?;
        if !query.contains("target_session_attrs") {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let (policy, tls) = tls::policy(mode.as_deref(), root.as_deref()).map_err(AddressError)?;
        Ok(Self(Arc::new(Address {
            config,
            has_password,
            policy,
            tls,
        })))
    }
}

/// Sets what the URL leaves out, as libpq does.
fn complete(config: &mut Config) -> Result<(), AddressError> {
    if config.get_application_name().is_none() {
        config.application_name("parlor");
    }
    if config.get_user().is_none_or(str::is_empty) {
        // Without a user, the driver uses that of the process.
        if let Some(user) = env_value("PGUSER").or_else(|| env_value("USER")) {
            config.user(user);
        }
    }
    if config.get_hosts().is_empty() {
        config.host(env_value("PGHOST").unwrap_or_else(|| "localhost".to_owned()));
    }
    let is_valid = |host: &Host| match host {
        Host::Tcp(name) => name
            .chars()
            .all(|sign| sign.is_alphanumeric() || "-._:%".contains(sign)),
        Host::Unix(_) => true,
    };
    if !config.get_hosts().iter().all(is_valid) {
        let reason = "a host has a sign that no host has; if the password has @, : or /, \
                      write %40, %3A or %2F";
        return Err(AddressError(reason.to_owned()));
    }
    Ok(())
}

/// The value of an environment variable that is not empty.
fn env_value(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn port_of(config: &Config, index: usize) -> u16 {
    let ports = config.get_ports();
    let port = ports.get(index).or_else(|| ports.first());
    port.copied().unwrap_or(DEFAULT_PORT)
}

fn host_text(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

impl Display for PostgresAddress {
    /// Hosts, ports and database.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.0.config;
        f.write_str("postgres://")?;
        for (index, host) in config.get_hosts().iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(&host_text(host))?;
            match port_of(config, index) {
                DEFAULT_PORT => {}
                port => write!(f, ":{port}")?,
            }
        }
        write!(f, "/{}", config.get_dbname().unwrap_or_default())
    }
}

impl Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_errors_never_have_the_password() {
        let address: PostgresAddress = "postgresql://ann:s3cret@a.example:6000,b.example/parlor"
            .parse()
            .expect("a URL");
        assert!(address.has_password());
        assert_eq!(
            address.to_string(),
            "postgres://a.example:6000,b.example/parlor"
        );
        for url in [
            "postgres://ann:s3cret@part@a.example/parlor",
            "postgres://ann:pass@s3cret:part@a.example/parlor",
            "postgres://ann:pass@b?s3cret=x@a.example/parlor",
            "postgres://ann:s3cret@a.example:port/parlor",
            "postgres://ann:s3cret@a.example/parlor?sslmode=always",
            "postgres://ann:s3cret@a.example/parlor?target_session_attrs=standby",
        ] {
            let error = PostgresAddress::from_str(url).expect_err(url);
            let text = format!("{error} {error:?}");
            assert!(!text.contains("s3cret"), "{text}");
        }
        assert!(!format!("{address:?}").contains("s3cret"));
    }

    #[test]
    fn urls_of_sockets_and_of_several_servers_are_accepted() {
        let texts = [
            (
                "postgres://ann@/parlor?host=/run/postgresql",
                "postgres:///run/postgresql/parlor",
            ),
            (
                "postgres://ann@a,b:1/x?target_session_attrs=primary",
                "postgres://a,b:1/x",
            ),
            (
                "postgres://ann@[::1]:9/x?sslmode=disable",
                "postgres://::1:9/x",
            ),
        ];
        for (url, text) in texts {
            let address: PostgresAddress = url.parse().expect(url);
            assert_eq!(address.to_string(), text);
            assert!(!address.has_password());
        }
    }
}
