//! Where a store is: in a file or on a PostgreSQL server.

use std::ffi::OsString;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use super::options::Options;
use super::postgres::{AddressError, PostgresAddress};
use super::{OpenError, Store};

/// The place of a store.
#[derive(Debug, Clone)]
pub enum StoreLocation {
    /// An SQLite file, which is created if it does not exist.
    File(PathBuf),
    /// A database on a PostgreSQL server, which exists. Its tables are created.
    Postgres(PostgresAddress),
}

impl StoreLocation {
    /// The place that a text names: the URL of a database, or the path of a file.
    ///
    /// # Errors
    /// The URL is not valid.
    pub fn parse(text: OsString) -> Result<Self, AddressError> {
        let url = text.to_str().filter(|text| is_postgres_url(text));
        match url {
            Some(url) => url.parse().map(Self::Postgres),
            None => Ok(Self::File(text.into())),
        }
    }

    /// The path of the file. `None` on PostgreSQL.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Whether the text had a password.
    pub fn has_password(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Postgres(address) => address.has_password(),
        }
    }

    /// Opens the store. An absent file is created.
    ///
    /// # Errors
    /// Those of [`Store::open`] and [`Store::connect`].
    pub fn open(&self, options: &Options) -> Result<Store, OpenError> {
        match self {
            Self::File(path) => Store::open(path, options),
            Self::Postgres(address) => Store::connect(address, options),
        }
    }
}

fn is_postgres_url(text: &str) -> bool {
    ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

impl Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_is_a_file_unless_it_is_the_url_of_a_database() {
        for url in ["postgres://ann@db.example/parlor", "postgresql:///parlor"] {
            let location = StoreLocation::parse(url.into()).expect(url);
            assert!(matches!(location, StoreLocation::Postgres(_)), "{url}");
        }
        for path in [
            "parlor.db",
            "/var/lib/parlor/parlor.db",
            "postgres",
            "https://x",
        ] {
            let location = StoreLocation::parse(path.into()).expect(path);
            assert_eq!(location.file(), Some(Path::new(path)));
        }
        StoreLocation::parse("postgres://host:port/".into()).expect_err("a port");
    }

    #[test]
    fn text_of_a_database_has_no_password() {
        let location = StoreLocation::parse("postgres://ann:secret@db.example/parlor".into());
        let text = location.expect("a URL").to_string();
        assert_eq!(text, "postgres://db.example/parlor");
    }
}
