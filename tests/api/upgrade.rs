//! Upgrades: a file of an older schema gets the current tables and keeps its rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use parlor::domain::{AssistantId, AssistantMode, KeyHash, ProjectSeq};
use parlor::store::{self, StoreError, assistant, key};
use rusqlite::Connection;
use rusqlite::types::Value;
use serde_json::json;
use tempfile::TempDir;

use crate::helpers::{TestServer, ids, open_connection, open_store, string};
use crate::sqlite_only;

/// The private key in the fixture files.
const FIXTURE_KEY: &str = "sk_upgrade_fixture";

/// Renamed tables: old name, current name.
const RENAMED_TABLES: [(&str, &str); 2] = [
    ("request", "idempotency_key"),
    ("knowledge", "passage_version"),
];

/// Renamed columns: old table, old name, current name.
const RENAMED_COLUMNS: [(&str, &str, &str); 5] = [
    ("request", "hash", "request_hash"),
    ("request", "at", "created_at"),
    ("assistant", "answerer", "mode"),
    ("project", "version", "list_version"),
    ("knowledge", "one", "id"),
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The migrations in order.
fn migrations() -> Vec<String> {
    let folder = repository().join("migrations");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("migrations")
        .map(|entry| entry.expect("a file").path())
        // The folder postgres has the migrations of another store.
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).expect("a migration"))
        .collect()
}

pub fn user_version(connection: &Connection) -> usize {
    connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
        .expect("a version") as usize
}

/// A file that holds the tables of `version`, built by the migrations alone.
pub fn built_by_migrations(folder: &TempDir, version: usize) -> PathBuf {
    let path = folder.path().join(format!("migrations-{version}.db"));
    let connection = open_connection(&path);
    for sql in &migrations()[..version] {
        connection.execute_batch(sql).expect("a migration");
    }
    connection
        .pragma_update(None, "user_version", version as i64)
        .expect("a version");
    path
}

/// A file that holds the tables and rows of `tests/fixtures/schema-VERSION.sql`.
pub fn built_by_fixture(folder: &TempDir, version: usize) -> PathBuf {
    built_by_fixture_as(folder, version, "fixture")
}

pub fn built_by_fixture_as(folder: &TempDir, version: usize, name: &str) -> PathBuf {
    let fixture = repository().join(format!("tests/fixtures/schema-{version}.sql"));
    let sql = fs::read_to_string(&fixture)
        .unwrap_or_else(|error| panic!("{}: {error}", fixture.display()));
    let path = folder.path().join(format!("{name}-{version}.db"));
    open_connection(&path)
        .execute_batch(&sql)
        .expect("the fixture");
    path
}

/// A file that parlor creates.
pub fn created(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("new.db");
    drop(open_store(&path));
    path
}

/// The versions of all schemas before the current one.
pub fn older_versions(folder: &TempDir) -> std::ops::Range<usize> {
    1..user_version(&open_connection(&created(folder)))
}

/// Each table, index and trigger, and the two numbers that identify the schema.
pub fn schema(path: &Path) -> BTreeMap<String, String> {
    let connection = open_connection(path);
    let mut schema = store::objects(&connection).expect("the schema");
    for pragma in ["application_id", "user_version"] {
        let number: i64 = connection
            .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
            .expect("a number");
        schema.insert(pragma.to_owned(), number.to_string());
    }
    schema
}

#[track_caller]
pub fn assert_same_schema(path: &Path, expected: &Path) {
    let (found, expected) = (schema(path), schema(expected));
    let names = |schema: &BTreeMap<String, String>| schema.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected), "{}", path.display());
    for (name, sql) in &found {
        assert_eq!(sql, &expected[name], "{}: {name}", path.display());
    }
}

#[test]
fn file_built_by_migrations_has_schema_of_new_file_after_opening() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    for version in older_versions(&folder) {
        let path = built_by_migrations(&folder, version);
        drop(open_store(&path));
        assert_same_schema(&path, &created(&folder));
    }
}

#[test]
fn all_migrations_build_the_schema_of_a_new_file() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    let path = built_by_migrations(&folder, migrations().len());
    assert_same_schema(&path, &created(&folder));
}

#[test]
fn fixtures_have_the_schema_that_the_migrations_built() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    for version in older_versions(&folder) {
        let built = built_by_migrations(&folder, version);
        assert_same_schema(&built_by_fixture(&folder, version), &built);
    }
}

/// Tables with the names of their columns, except the tables that SQLite keeps.
pub fn columns(connection: &Connection) -> Vec<(String, Vec<String>)> {
    let mut statement = connection
        .prepare(
            "SELECT t.name, json_group_array(c.name) FROM pragma_table_list AS t \
               JOIN pragma_table_info(t.name) AS c \
              WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite_%' \
              GROUP BY t.name",
        )
        .expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    rows.expect("rows")
        .map(|row| row.expect("a row"))
        .map(|(table, names)| (table, serde_json::from_str(&names).expect("names")))
        .collect()
}

pub fn rows(connection: &Connection, table: &str, columns: &[String]) -> Vec<Vec<Value>> {
    let (names, order): (Vec<_>, Vec<_>) = (1..)
        .zip(columns)
        .map(|(number, name)| (format!("\"{name}\""), number.to_string()))
        .unzip();
    let (names, order) = (names.join(", "), order.join(", "));
    let mut statement = connection
        .prepare(&format!("SELECT {names} FROM {table} ORDER BY {order}"))
        .expect("a statement");
    let rows = statement.query_map([], |row| {
        (0..columns.len()).map(|column| row.get(column)).collect()
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

fn current_table(table: &str) -> &str {
    let renamed = RENAMED_TABLES.iter().find(|(old, _)| *old == table);
    renamed.map_or(table, |(_, new)| new)
}

fn current_column(table: &str, column: &str) -> String {
    let renamed = RENAMED_COLUMNS
        .iter()
        .find(|(of, old, _)| (*of, *old) == (table, column));
    renamed.map_or(column, |(_, _, new)| new).to_owned()
}

#[test]
fn upgrade_keeps_every_value_of_every_row() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    for version in older_versions(&folder) {
        let path = built_by_fixture(&folder, version);
        let connection = open_connection(&path);
        let before: Vec<_> = columns(&connection)
            .into_iter()
            .map(|(table, columns)| (rows(&connection, &table, &columns), table, columns))
            .collect();
        drop(connection);
        drop(open_store(&path));
        let connection = open_connection(&path);
        for (before, table, columns) in before {
            assert!(!before.is_empty(), "the fixture has no row of {table}");
            let columns: Vec<_> = columns
                .iter()
                .map(|column| current_column(&table, column))
                .collect();
            let after = rows(&connection, current_table(&table), &columns);
            assert!(after == before, "schema {version}: rows of {table} changed");
        }
        let check: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("a check");
        assert_eq!(check, "ok");
    }
}

/// Serves the fixture of a schema.
fn served(version: usize) -> TestServer {
    let folder = TempDir::new().expect("a folder");
    let fixture = built_by_fixture(&folder, version);
    let mut server = TestServer::start();
    server.stop();
    fs::copy(fixture, server.db_path()).expect("a copy");
    server.restart();
    server
}

#[test]
fn api_returns_the_conversations_of_an_upgraded_file() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    for version in older_versions(&folder) {
        let server = served(version);
        let list = server.list(FIXTURE_KEY, "orderBy=createdAt&orderDir=asc");
        assert_eq!(list["total"], 4, "schema {version}");
        assert_eq!(server.list(FIXTURE_KEY, "status=closed")["total"], 1);
        let items = list["data"].as_array().expect("data");
        let titles: Vec<_> = items.iter().map(|item| item["title"].clone()).collect();
        let expected = [
            json!("Do you ship to Norway?"),
            json!("Straße oder STRASSE?"),
            json!(null),
            json!("Where is my order?"),
        ];
        assert_eq!(titles, expected);
        let path = format!("/v2/conversations/{}", ids(&list)[0]);
        let read = server.get(path).bearer(FIXTURE_KEY).send().expect(200);
        assert_eq!(read["isHumanHandled"], true);
        assert_eq!(read["humanAgent"]["name"], "Mara");
        let messages = read["messages"].as_array().expect("messages");
        let roles: Vec<_> = messages.iter().map(|one| string(&one["role"])).collect();
        assert_eq!(roles, ["user", "assistant", "human_agent"]);
        assert_eq!(messages[0]["pageUrl"], "https://shop.example/help");
        assert_eq!(messages[1]["feedback"], "like");
    }
}

#[test]
fn start_on_an_upgraded_file_fails_the_answer_that_was_being_written() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    for version in older_versions(&folder) {
        let server = served(version);
        let list = server.list(FIXTURE_KEY, "orderBy=createdAt&orderDir=asc");
        let path = format!("/v2/conversations/{}", ids(&list)[2]);
        let read = server.get(path).bearer(FIXTURE_KEY).send().expect(200);
        assert_eq!(read["messages"][1]["status"], "error", "schema {version}");
    }
}

#[test]
fn api_returns_the_qnas_and_documents_of_an_upgraded_file() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    for version in older_versions(&folder).filter(|version| *version >= 2) {
        let server = served(version);
        let id: uuid::Uuid = server
            .db_connection()
            .query_row("SELECT id FROM project", (), |row| row.get(0))
            .expect("the project");
        let get = |path: &str| {
            let target = format!("/v2/projects/{id}/{path}");
            server.get(target).bearer(FIXTURE_KEY).send().expect(200)
        };
        let question = "Do you ship to Norway?";
        assert_eq!(get("qnas")["data"][0]["question"], question);
        assert_eq!(get("qnas?query=norway")["total"], 1);
        let document = get("documents")["data"][0].clone();
        assert_eq!(document["url"], "https://shop.example/help");
        assert_eq!(document["passages"], 2);
    }
}

#[test]
fn api_returns_the_sources_of_an_upgraded_file() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    for version in older_versions(&folder).filter(|version| *version >= 7) {
        let server = served(version);
        let sources = server.get("/v2/sources").bearer(FIXTURE_KEY);
        let sources = sources.send().expect(200)["data"].clone();
        let (website, folder) = (&sources[0], &sources[1]);
        assert_eq!(website["location"], "https://shop.example/sitemap.xml");
        assert_eq!(folder["error"], "No page with a text was found");
        for source in [website, folder] {
            assert_eq!(source["problems"], json!([]), "schema {version}");
            assert_eq!(
                (&source["skipped"], &source["removed"]),
                (&json!(0), &json!(0))
            );
            assert_eq!(source["intervalSeconds"], json!(null));
        }
    }
}

#[test]
fn upgrade_of_first_schema_gives_each_project_an_assistant() {
    sqlite_only!("the fixtures are files of earlier versions");
    let folder = TempDir::new().expect("a folder");
    let path = built_by_migrations(&folder, 1);
    open_connection(&path)
        .execute_batch(
            "INSERT INTO project (seq, id, name, created_at)
             VALUES (1, zeroblob(16), 'One', 5), (2, randomblob(16), 'Two', 6);
             INSERT INTO api_key (id, project_seq, kind, name, hash, hint, created_at)
             VALUES (randomblob(16), 2, 'private', 'k', zeroblob(32), 'hint', 7);",
        )
        .expect("rows");
    let store = open_store(&path);
    let project = ProjectSeq(2);
    let (key, own, all) = store
        .read_blocking(|snapshot| {
            let key = key::find(snapshot, KeyHash([0; 32]))?.expect("the key");
            let own = assistant::of_key(snapshot, project, key.seq)?;
            Ok::<_, StoreError>((key, own, assistant::all(snapshot, project)?))
        })
        .expect("a read");
    assert_eq!((key.project, key.hint.as_str()), (project, "hint"));
    assert_eq!(all, std::slice::from_ref(&own));
    assert_eq!(
        (own.name.as_str(), own.mode),
        ("Assistant", AssistantMode::Auto)
    );
    // The id is a valid UUID: its text parses to the same id.
    assert_eq!(AssistantId::parse(&own.id.to_string()), Some(own.id));
    assert_eq!(own.id.0.get_version_num(), 4);
}
