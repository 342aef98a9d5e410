//! Databases for tests on a PostgreSQL server.
//!
//! The environment variable `PARLOR_TEST_STORE` has the URL of a database of the server
//! whose user may create databases. Tests that need a server return at once without it.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use super::PostgresAddress;
use super::connection::Connection;
use crate::store::Store;
use crate::store::options::Options;
use crate::store::sql::{Sql, Value};

const SCHEMA: &str = include_str!("../../../migrations/postgres/0001_schema.sql");
/// Held while a template is created, of any process. The number is arbitrary.
const TEMPLATE_LOCK: &str = "SELECT pg_advisory_lock(4829374623487)";

/// A database that one test uses. It is dropped at the end of the test.
pub(in crate::store) struct TestDatabase {
    address: PostgresAddress,
    name: String,
}

impl TestDatabase {
    /// A database with the tables of the schema. None if there is no server to test with.
    pub fn create() -> Option<Self> {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        let server = server()?;
        let template = TEMPLATE.get_or_init(|| create_template(&server));
        Some(Self::copy_of(&server, template))
    }

    /// A database without tables. None if there is no server to test with.
    pub fn create_empty() -> Option<Self> {
        Some(Self::copy_of(&server()?, "template0"))
    }

    fn copy_of(server: &PostgresAddress, template: &str) -> Self {
        let name = format!("parlor_test_{:016x}", RandomState::new().hash_one(0));
        let connection = connect(server);
        run(&connection, &create_statement(&name, template));
        Self {
            address: server.with_database(&name),
            name,
        }
    }

    pub fn address(&self) -> &PostgresAddress {
        &self.address
    }

    /// A node of its own on the database.
    pub fn store(&self) -> Store {
        let options = Options {
            readers: 2,
            ..Options::default()
        };
        Store::connect(&self.address, &options).expect("a store")
    }

    /// Runs statements on a connection of their own.
    pub fn execute(&self, statements: &str) {
        run(&connect(&self.address), statements);
    }

    /// The number that a query returns, read on a connection of its own.
    pub fn number(&self, query: &'static str) -> i64 {
        let connection = connect(&self.address);
        let rows = connection
            .query(&Sql::unregistered(query, []))
            .expect(query);
        rows[0].get(0)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let connection = server().and_then(|server| Connection::open(&server, "").ok());
        // A test that fails drops the database while it unwinds.
        if let Some(Err(error)) = connection.map(|connection| connection.execute(&drop)) {
            eprintln!("{drop}: {error}");
        }
    }
}

/// The server of `PARLOR_TEST_STORE`.
fn server() -> Option<PostgresAddress> {
    let url = std::env::var("PARLOR_TEST_STORE").ok()?;
    // The same variable may name a file for other tests.
    url.starts_with("postgres")
        .then(|| url.parse().expect("PARLOR_TEST_STORE has a valid URL"))
}

/// Creates a database with the tables once for each version of the schema, and returns
/// its name. The databases of tests are copies of this database.
fn create_template(server: &PostgresAddress) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(SCHEMA);
    let version = u64::from_be_bytes(std::array::from_fn(|index| hash[index]));
    let name = format!("parlor_template_{version:016x}");
    let connection = connect(server);
    run(&connection, TEMPLATE_LOCK);
    let is_complete = Sql::unregistered(
        "SELECT 1 FROM pg_database WHERE datname = CAST(? AS TEXT)",
        [Value::from(name.clone())],
    );
    if connection
        .query(&is_complete)
        .expect("databases")
        .is_empty()
    {
        let building = format!("{name}_building");
        run(&connection, &format!("DROP DATABASE IF EXISTS {building}"));
        run(&connection, &create_statement(&building, "template0"));
        run(&connect(&server.with_database(&building)), SCHEMA);
        let rename = format!("ALTER DATABASE {building} RENAME TO {name}");
        retry(&connection, &rename);
    }
    name
}

fn create_statement(name: &str, template: &str) -> String {
    format!("CREATE DATABASE {name} TEMPLATE {template}")
}

fn connect(address: &PostgresAddress) -> Connection {
    Connection::open(address, "").unwrap_or_else(|error| panic!("{error}"))
}

fn run(connection: &Connection, statements: &str) {
    let result = connection.execute(statements);
    result.unwrap_or_else(|error| panic!("{statements}: {error}"));
}

/// Runs a statement that fails while the server closes the connections to a database.
fn retry(connection: &Connection, statement: &str) {
    for _ in 0..100 {
        if connection.execute(statement).is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    run(connection, statement);
}
