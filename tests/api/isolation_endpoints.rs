//! Two projects in one file: no endpoint gives one project access to the other. The
//! endpoints are those of the OpenAPI document, so a new endpoint is tested as well.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::helpers::{
    Connection, DEVICE, ProjectFixture, Request, Response, SECRET, Side, TestServer,
};

/// An operation of the OpenAPI document.
struct Operation {
    method: String,
    path: String,
    definition: Value,
}

fn operations(server: &TestServer) -> Vec<Operation> {
    let document = server.get("/v2/openapi").send().expect(200);
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, methods) in paths {
        for (method, definition) in methods.as_object().expect("methods") {
            operations.push(Operation {
                method: method.to_ascii_uppercase(),
                path: path.clone(),
                definition: definition.clone(),
            });
        }
    }
    assert!(operations.len() >= 29, "{} operations", operations.len());
    operations
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Everybody may read published Q&As.
    fn is_public(&self) -> bool {
        let id = self.definition["operationId"].as_str();
        matches!(id, Some("get-qnas" | "get-qna"))
    }

    fn has_id_in_path(&self) -> bool {
        self.path.contains('{')
    }

    /// The requests of a caller with the credentials of `caller` that name the ids of
    /// `target`, and their texts.
    fn requests(
        &self,
        server: &TestServer,
        caller: &Side,
        target: &Side,
    ) -> Vec<(Request, String)> {
        let (request, text) = self.request(server, caller, target);
        let credentials = caller.credentials().into_iter();
        let by_owner = (request.clone().agent(&caller.owner), text.clone());
        let requests = credentials.map(|credential| match credential {
            Some(credential) => (request.clone().bearer(credential), text.clone()),
            None => (request.clone(), text.clone()),
        });
        requests.chain([by_owner]).collect()
    }

    fn request(&self, server: &TestServer, caller: &Side, target: &Side) -> (Request, String) {
        let segments = self.path.split('/').map(|segment| match segment {
            name if name.starts_with('{') => target.id(name),
            other => other.to_owned(),
        });
        let path = segments.collect::<Vec<_>>().join("/");
        let method: &'static str = self.method.clone().leak();
        let target_url = format!("/v2{path}?{}", self.query(caller, target));
        let request = server.request(method, target_url.clone());
        let body = &self.definition["requestBody"]["content"]["application/json"]["example"];
        if body.is_null() {
            return (request, target_url);
        }
        let mut body = body.clone();
        for (name, value) in [
            ("apiKey", json!(caller.project.publishable_key)),
            ("saVid", json!(DEVICE)),
            ("assistantId", json!(target.assistant)),
        ] {
            let is_completion = name == "assistantId" && self.path == "/chat/completions";
            if body.get(name).is_some() || is_completion {
                body[name] = value;
            }
        }
        let text = format!("{target_url} {body}");
        (request.json(body), text)
    }

    fn query(&self, caller: &Side, target: &Side) -> String {
        let mut query = String::new();
        let parameters = self.definition["parameters"].as_array();
        for parameter in parameters.into_iter().flatten() {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().expect("a name");
            let value = match name {
                "apiKey" => caller.project.publishable_key.clone(),
                "q" if self.path == "/search" => SECRET.to_owned(),
                "visitorId" => target.visitor.id.clone(),
                "token" => caller.visitor.token.clone(),
                _ => continue,
            };
            write!(query, "{name}={value}&").expect("a string");
        }
        query
    }
}

/// The rows of a project, as text.
fn dump(connection: &Connection, project: &ProjectFixture) -> String {
    let of_project = |table: String| format!("SELECT * FROM {table} WHERE project_seq = ?1");
    let tables = connection.tables_of_projects().into_iter();
    let mut queries: Vec<_> = tables.map(of_project).collect();
    assert!(queries.len() >= 8, "{queries:?}");
    for table in ["message", "session"] {
        let (owner, column) = match table {
            "message" => ("conversation", "conversation_seq"),
            _ => ("visitor", "visitor_seq"),
        };
        queries.push(format!(
            "SELECT t.* FROM {table} AS t JOIN {owner} AS o ON o.seq = t.{column} \
              WHERE o.project_seq = ?1"
        ));
    }
    queries.push("SELECT * FROM project WHERE seq = ?1".to_owned());
    let mut text = String::new();
    for query in queries {
        for row in connection.rows(&query, [project.seq.0]).expect("rows") {
            writeln!(text, "{query}: {row:?}").expect("a string");
        }
    }
    text
}

/// Asserts that a response has nothing of `side`, except the ids of the request.
fn expect_nothing_of(side: &Side, sent: &str, response: &Response, name: &str) {
    let text = String::from_utf8_lossy(&response.body).into_owned();
    for word in side.ids().iter().map(String::as_str).chain([SECRET]) {
        let is_hidden = sent.contains(word) || !text.contains(word);
        assert!(is_hidden, "{name} returns {word}: {text}");
    }
    // The word is in the request of a search.
    let has_text = text.contains("is a word of this project") && text.contains(SECRET);
    assert!(!has_text, "{name}: {text}");
}

#[test]
fn no_endpoint_reads_or_changes_another_project() {
    let server = TestServer::start();
    let target = Side::create(&server, server.project.clone(), SECRET);
    let caller = Side::create(&server, server.create_project(), "Tern");
    let connection = server.db_connection();
    let before = dump(&connection, &target.project);
    for operation in operations(&server) {
        let name = operation.name();
        for (request, text) in operation.requests(&server, &caller, &target) {
            let response = request.send();
            expect_nothing_of(&target, &text, &response, &name);
            if operation.has_id_in_path() && !operation.is_public() {
                let status = response.status;
                assert!(matches!(status, 401 | 403 | 404), "{name}: {status}");
            }
        }
        let after = dump(&connection, &target.project);
        assert_eq!(after, before, "{name} changed the other project");
    }
}

#[test]
fn the_same_requests_succeed_within_a_project() {
    let server = TestServer::start();
    for operation in operations(&server) {
        let own = Side::create(&server, server.create_project(), SECRET);
        let name = operation.name();
        let requests = operation.requests(&server, &own, &own).into_iter();
        let statuses: Vec<_> = requests.map(|(request, _)| request.send().status).collect();
        // An unpublished Q&A is not found, a reply needs an agent, and a WebSocket another
        // kind of request.
        let is_reached = |status: &u16| match operation.definition["operationId"].as_str() {
            Some("get-qna") => *status == 404,
            Some("reply-to-conversation") => matches!(*status, 201 | 409),
            // Tokens and passwords of the examples are not valid.
            Some("set-up" | "sign-in" | "sign-in-with-link" | "open-link") => *status == 401,
            Some("identify" | "update-own-agent") => matches!(*status, 403 | 422),
            // There is no webhook.
            Some("test-notifications") => *status == 409,
            Some("connect-websocket" | "connect-project-websocket") => *status == 422,
            _ => (200..300).contains(status),
        };
        assert!(statuses.iter().any(is_reached), "{name}: {statuses:?}");
    }
}
