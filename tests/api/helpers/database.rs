//! The database of a test: a SQLite file, or a database on the PostgreSQL server that
//! `PARLOR_TEST_STORE` names.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use parlor::store::{Options, Store, StoreLocation};
use rusqlite::types::{FromSql, ToSql, ToSqlOutput, Value};
use rusqlite::{Error, params_from_iter};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::postgres::PostgresClient;

/// The URL of a database of the server, whose user may create databases.
const SERVER_VARIABLE: &str = "PARLOR_TEST_STORE";

/// Ends a test that does not apply to PostgreSQL, and says why.
#[macro_export]
macro_rules! sqlite_only {
    ($reason:literal) => {
        if $crate::helpers::is_postgres() {
            eprintln!("skipped on PostgreSQL: {}", $reason);
            return;
        }
    };
}

/// The URL of the PostgreSQL server. `None`: the tests use files.
fn server_url() -> Option<Url> {
    let url = std::env::var(SERVER_VARIABLE).ok()?;
    let url = url.starts_with("postgres").then_some(url)?;
    Some(Url::parse(&url).expect("PARLOR_TEST_STORE has a valid URL"))
}

/// Whether the servers of the tests use PostgreSQL.
pub fn is_postgres() -> bool {
    server_url().is_some()
}

/// The database of one test.
pub enum TestDatabase {
    File(PathBuf),
    /// Dropped with the test.
    Postgres(PostgresDatabase),
}

impl TestDatabase {
    /// A database with tables and without rows. A file is in `directory`.
    pub fn create(directory: &Path) -> Self {
        match server_url() {
            None => Self::File(directory.join("parlor.db")),
            Some(server) => Self::Postgres(PostgresDatabase::create(&server)),
        }
    }

    pub fn location(&self) -> StoreLocation {
        match self {
            Self::File(path) => StoreLocation::File(path.clone()),
            Self::Postgres(database) => location(&database.url),
        }
    }

    /// The arguments with which a command uses the database.
    pub fn arguments(&self) -> [String; 2] {
        match self {
            Self::File(path) => ["--db".to_owned(), path.to_str().expect("UTF-8").to_owned()],
            Self::Postgres(database) => ["--store".to_owned(), database.url.to_string()],
        }
    }

    /// A store as that of a second process.
    pub fn open_store(&self) -> Store {
        open(&self.location())
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        match self {
            Self::File(path) => Connection::Sqlite(open_connection(path)),
            Self::Postgres(database) => Connection::Postgres(database.connect()),
        }
    }
}

fn location(url: &Url) -> StoreLocation {
    StoreLocation::parse(url.as_str().into()).expect("a URL")
}

fn open(location: &StoreLocation) -> Store {
    let options = Options {
        readers: 1,
        ..Options::default()
    };
    location.open(&options).expect("a store")
}

pub fn open_store(path: &Path) -> Store {
    open(&StoreLocation::File(path.to_owned()))
}

pub fn open_connection(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).expect("a connection");
    let timeout = connection.busy_timeout(Duration::from_secs(10));
    timeout.expect("a timeout");
    connection
}

/// A database on a PostgreSQL server, which is dropped at the end.
pub struct PostgresDatabase {
    server: Url,
    name: String,
    url: Url,
}

impl PostgresDatabase {
    fn create(server: &Url) -> Self {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| create_template(server));
        Self::copy_of(server, template)
    }

    /// A database without tables. The tests must run on PostgreSQL.
    pub fn create_empty() -> Self {
        Self::copy_of(&server_url().expect("a PostgreSQL server"), "template0")
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    pub fn connect(&self) -> PostgresClient {
        PostgresClient::connect(self.url())
    }

    fn copy_of(server: &Url, template: &str) -> Self {
        let name = format!("parlor_api_{}", Uuid::new_v4().simple());
        let client = PostgresClient::connect(server.as_str());
        client.run(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self {
            url: with_database(server, &name),
            server: server.clone(),
            name,
        }
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let client = PostgresClient::connect(self.server.as_str());
        // A test that fails drops the database while it unwinds.
        if let Err(error) = client.execute_batch(&drop) {
            eprintln!("{drop}: {error}");
        }
    }
}

fn with_database(server: &Url, name: &str) -> Url {
    let mut url = server.clone();
    url.set_path(name);
    url
}

/// Tests insert rows without `seq`, which SQLite sets in all tables, and call functions of
/// SQLite.
const ADDITIONS: &str = "
    CREATE FUNCTION randomblob(length BIGINT) RETURNS BYTEA LANGUAGE SQL VOLATILE AS $$
        SELECT substring(string_agg(uuid_send(gen_random_uuid()), ''::BYTEA) FROM 1 FOR length::INT)
          FROM generate_series(0, length / 16)
    $$;
    CREATE FUNCTION zeroblob(length BIGINT) RETURNS BYTEA LANGUAGE SQL IMMUTABLE AS $$
        SELECT decode(repeat('00', length::INT), 'hex')
    $$;
    CREATE FUNCTION hex(bytes BYTEA) RETURNS TEXT LANGUAGE SQL IMMUTABLE AS $$
        SELECT upper(encode(bytes, 'hex'))
    $$;
    CREATE FUNCTION unixepoch() RETURNS BIGINT LANGUAGE SQL STABLE AS $$
        SELECT floor(extract(epoch FROM now()))::BIGINT
    $$;
    CREATE FUNCTION instr(bytes BYTEA, part TEXT) RETURNS BIGINT LANGUAGE SQL IMMUTABLE AS $$
        SELECT position(convert_to(part, 'UTF8') IN bytes)
    $$;
    CREATE FUNCTION json_array(first TEXT, second BIGINT) RETURNS TEXT LANGUAGE SQL IMMUTABLE AS $$
        SELECT format('[%s,%s]', coalesce(to_json(first)::TEXT, 'null'), coalesce(second::TEXT, 'null'))
    $$;
    CREATE FUNCTION set_missing_seq() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        EXECUTE format('SELECT coalesce(max(seq), 0) + 1 FROM %I', TG_TABLE_NAME) INTO NEW.seq;
        RETURN NEW;
    END $$;
    CREATE TRIGGER set_missing_seq BEFORE INSERT ON project
    FOR EACH ROW WHEN (NEW.seq IS NULL) EXECUTE FUNCTION set_missing_seq();
    CREATE TRIGGER set_missing_seq BEFORE INSERT ON visitor
    FOR EACH ROW WHEN (NEW.seq IS NULL) EXECUTE FUNCTION set_missing_seq();
    CREATE TRIGGER set_missing_seq BEFORE INSERT ON conversation
    FOR EACH ROW WHEN (NEW.seq IS NULL) EXECUTE FUNCTION set_missing_seq();";

/// Held while the template is created, of any process. The number is arbitrary.
const TEMPLATE_LOCK: &str = "SELECT pg_advisory_lock(4829374623488)";

/// Creates the database that those of the tests are copies of, once for each version of the
/// schema. Returns its name.
fn create_template(server: &Url) -> String {
    let schema = include_str!("../../../migrations/postgres/0001_schema.sql");
    let text = [schema, ADDITIONS].concat();
    let hash = Sha256::digest(text);
    let version: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("parlor_api_template_{version}");
    let client = PostgresClient::connect(server.as_str());
    client.run(TEMPLATE_LOCK);
    let find = "SELECT count(*) FROM pg_database WHERE datname = ?";
    let found = client.query(find, &[Value::Text(name.clone())]);
    if found.expect("databases")[0][0] == Value::Integer(0) {
        let building = format!("{name}_building");
        client.run(&format!("DROP DATABASE IF EXISTS {building}"));
        client.run(&format!("CREATE DATABASE {building} TEMPLATE template0"));
        let url = with_database(server, &building);
        let tables = PostgresClient::connect(url.as_str());
        tables.run(schema);
        tables.run(ADDITIONS);
        drop(tables);
        // The server may still be closing the connections.
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = ?";
        let ended = client.query(end, &[Value::Text(building.clone())]);
        ended.expect("no connections");
        client.run(&format!("ALTER DATABASE {building} RENAME TO {name}"));
    }
    name
}

/// A connection to the database of a test, with the functions of a connection of rusqlite.
/// Statements have the form that both databases accept.
pub enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(PostgresClient),
}

impl Connection {
    /// Runs a statement. Returns the number of changed rows.
    pub fn execute(&self, sql: &str, parameters: impl Parameters) -> rusqlite::Result<usize> {
        let values = parameters.values();
        match self {
            Self::Sqlite(connection) => connection.execute(sql, params_from_iter(values)),
            Self::Postgres(client) => client.execute(sql, &values),
        }
    }

    pub fn execute_batch(&self, sql: &str) -> rusqlite::Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(sql),
            Self::Postgres(client) => client.execute_batch(sql),
        }
    }

    /// The first row of a query.
    pub fn query_row<T>(
        &self,
        sql: &str,
        parameters: impl Parameters,
        read: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let rows = self.rows(sql, parameters)?;
        read(rows.first().ok_or(Error::QueryReturnedNoRows)?)
    }

    /// The names of the tables that have a column for the project.
    pub fn tables_of_projects(&self) -> Vec<String> {
        let sql = match self {
            Self::Sqlite(_) => {
                "SELECT m.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c \
                  WHERE m.type = 'table' AND c.name = 'project_seq' ORDER BY 1"
            }
            Self::Postgres(_) => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.columns \
                  WHERE column_name = 'project_seq' AND table_schema = 'public' \
                    AND table_name <> 'event' ORDER BY 1"
            }
        };
        let rows = self.rows(sql, ()).expect("tables");
        rows.iter().map(|row| row.get(0).expect("a name")).collect()
    }

    /// All rows of a query.
    pub fn rows(&self, sql: &str, parameters: impl Parameters) -> rusqlite::Result<Vec<Row>> {
        let values = parameters.values();
        let connection = match self {
            Self::Postgres(client) => {
                let rows = client.query(sql, &values)?;
                return Ok(rows.into_iter().map(Row).collect());
            }
            Self::Sqlite(connection) => connection,
        };
        let mut statement = connection.prepare(sql)?;
        let columns = statement.column_count();
        let rows = statement.query_map(params_from_iter(values), |row| {
            (0..columns).map(|column| row.get(column)).collect()
        });
        rows?.map(|row| row.map(Row)).collect()
    }
}

/// The number of a column, as in rusqlite.
pub trait ColumnNumber {
    fn number(self) -> usize;
}

impl ColumnNumber for usize {
    fn number(self) -> usize {
        self
    }
}

/// A row of a result.
#[derive(Debug)]
pub struct Row(Vec<Value>);

impl Row {
    pub fn get<I: ColumnNumber, T: FromSql>(&self, column: I) -> rusqlite::Result<T> {
        let column = column.number();
        let value = &self.0[column];
        T::column_result(value.into()).map_err(|error| {
            Error::FromSqlConversionFailure(column, value.data_type(), Box::new(error))
        })
    }
}

/// The parameters of a statement.
pub trait Parameters {
    fn values(&self) -> Vec<Value>;
}

fn value(parameter: &dyn ToSql) -> Value {
    match parameter.to_sql().expect("a value") {
        ToSqlOutput::Borrowed(value) => value.try_into().expect("UTF-8"),
        ToSqlOutput::Owned(value) => value,
        other => panic!("{other:?}"),
    }
}

impl Parameters for () {
    fn values(&self) -> Vec<Value> {
        Vec::new()
    }
}

impl<T: ToSql, const N: usize> Parameters for [T; N] {
    fn values(&self) -> Vec<Value> {
        self.iter().map(|parameter| value(parameter)).collect()
    }
}

impl Parameters for &[&dyn ToSql] {
    fn values(&self) -> Vec<Value> {
        self.iter().map(|parameter| value(*parameter)).collect()
    }
}

macro_rules! tuple_parameters {
    ($($type:ident $field:tt),+) => {
        impl<$($type: ToSql),+> Parameters for ($($type,)+) {
            fn values(&self) -> Vec<Value> {
                vec![$(value(&self.$field)),+]
            }
        }
    };
}

tuple_parameters!(A 0);
tuple_parameters!(A 0, B 1);
tuple_parameters!(A 0, B 1, C 2);
tuple_parameters!(A 0, B 1, C 2, D 3);
tuple_parameters!(A 0, B 1, C 2, D 3, E 4);
tuple_parameters!(A 0, B 1, C 2, D 3, E 4, F 5);
