//! Connections with TLS. The server is that of `PARLOR_TEST_STORE`, behind a certificate
//! whose file `PARLOR_TEST_STORE_CERTIFICATE` names. The certificate is for `localhost`.

use std::env;

use super::database;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::{PostgresAddress, Purpose};
use crate::store::sql::Sql;

/// Whether the connection uses TLS.
fn connect(url: &str) -> Result<bool, String> {
    let address: PostgresAddress = url.parse().map_err(|error| format!("{error}"))?;
    let connection = Connection::open_for(&address, Purpose::Read);
    let connection = connection.map_err(|error| error.to_string())?;
    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let rows = connection.query(&Sql::unregistered(query, []));
    Ok(rows.map_err(|error| error.to_string())?[0].get(0))
}

#[test]
fn certificates_are_verified_as_the_mode_says() {
    let (Some(database), Ok(file)) = (database(), env::var("PARLOR_TEST_STORE_CERTIFICATE")) else {
        return;
    };
    let port = database.address().config().get_ports()[0];
    let url =
        |host: &str, query: &str| format!("postgres://postgres@{host}:{port}/postgres?{query}");
    for (host, query, expected) in [
        ("localhost", "sslmode=disable", Some(false)),
        ("localhost", "sslmode=prefer", Some(true)),
        ("localhost", "sslmode=require", Some(true)),
        (
            "localhost",
            &format!("sslmode=verify-full&sslrootcert={file}"),
            Some(true),
        ),
        (
            "127.0.0.1",
            &format!("sslmode=verify-ca&sslrootcert={file}"),
            Some(true),
        ),
        (
            "127.0.0.1",
            &format!("sslmode=verify-full&sslrootcert={file}"),
            None,
        ),
        // The roots of the system do not have the certificate.
        ("localhost", "sslmode=verify-full", None),
        ("localhost", "sslmode=verify-ca", None),
        ("localhost", "sslmode=require&sslrootcert=/absent", None),
    ] {
        let result = connect(&url(host, query));
        assert_eq!(
            result.as_ref().ok(),
            expected.as_ref(),
            "{query}: {result:?}"
        );
    }
}
