//! Who may call each operation: the table "Access" of docs/SECURITY.md, compared with the
//! operations of the OpenAPI document and with responses.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use parlor::domain::{AgentId, AgentRole, SourceId};
use serde_json::{Value, json};

use crate::helpers::{
    Agent, ProjectFixture, Request, Response, TestServer, UNKNOWN_ID, Visitor, WebSocketClient,
    string, wait_until,
};

/// The callers, in the order of the columns.
const CALLERS: [&str; 11] = [
    "None",
    "Publishable key",
    "Session",
    "Other visitor",
    "Other project",
    "Private key",
    "Owner",
    "Agent",
    "Revoked key",
    "Expired session",
    "Deleted agent",
];

/// The statuses of each operation, by method and path.
type AccessTable = BTreeMap<String, Vec<String>>;

fn documented_table() -> AccessTable {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SECURITY.md");
    let page = std::fs::read_to_string(file).expect("a page");
    let head = format!("| Operation | {} |", CALLERS.join(" | "));
    let (_, table) = page.split_once(&head).expect("the table of access");
    let rows = table.lines().skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
        let mut cells = line
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().replace('`', ""));
        (cells.next().expect("an operation"), cells.collect())
    });
    rows.collect()
}

struct Fixture {
    server: TestServer,
    document: Value,
    other_project: ProjectFixture,
    ann: Visitor,
    ben: Visitor,
    expired: Visitor,
    /// The number of names that were used.
    names: Cell<usize>,
    /// A publishable key and a private key.
    revoked: [String; 2],
}

impl Fixture {
    fn new() -> Self {
        let server = TestServer::start();
        let revoked = server.create_project();
        let revoked = [revoked.publishable_key, revoked.private_key];
        revoked.iter().for_each(|key| server.revoke_key(key));
        let expired = server.create_visitor("expired");
        let written = server
            .db_connection()
            .execute("UPDATE session SET last_used_at = 0, created_at = 0", ());
        assert_eq!(written.expect("an update"), 1);
        Self {
            names: Cell::new(0),
            document: server.get("/v2/openapi").send().expect(200),
            other_project: server.create_project(),
            ann: server.create_visitor("ann"),
            ben: server.create_visitor("ben"),
            expired,
            revoked,
            server,
        }
    }

    /// A private key or a session token, in the order of [`CALLERS`].
    fn bearer(&self, caller: usize) -> Option<&str> {
        let project = &self.server.project;
        Some(match CALLERS[caller] {
            "Publishable key" => &project.publishable_key,
            "Session" => &self.ann.token,
            "Other visitor" => &self.ben.token,
            "Other project" => &self.other_project.private_key,
            "Private key" => &project.private_key,
            "Revoked key" => &self.revoked[1],
            "Expired session" => &self.expired.token,
            _ => return None,
        })
    }

    /// A new account that has signed in, because some operations end the session.
    fn agent(&self, caller: usize) -> Option<Agent> {
        let role = match CALLERS[caller] {
            "Owner" | "Deleted agent" => AgentRole::Owner,
            "Agent" => AgentRole::Agent,
            _ => return None,
        };
        let agent = self.server.create_agent(&self.unique_name(), role);
        if CALLERS[caller] == "Deleted agent" {
            let id = AgentId::parse(&agent.id).expect("a UUID");
            let database = self.server.db_connection();
            let deleted = database.execute("DELETE FROM agent WHERE id = ?", [id.0]);
            assert_eq!(deleted.expect("a deletion"), 1);
        }
        Some(agent)
    }

    fn unique_name(&self) -> String {
        self.names.set(self.names.get() + 1);
        format!("Agent{}", self.names.get())
    }

    /// What a caller sends in `apiKey`: the bearer credential, or a publishable key of
    /// the caller if there is one.
    fn api_key(&self, caller: usize) -> Option<&str> {
        match CALLERS[caller] {
            "Other project" => Some(&self.other_project.publishable_key),
            "Revoked key" => Some(&self.revoked[0]),
            _ => self.bearer(caller),
        }
    }

    /// Replaces the parameters in a path by the ids of new objects of Ann and the project.
    fn concrete(&self, path: &str) -> String {
        let conversation = self.server.start_conversation(&self.ann);
        let mut path = path.replace("{conversationId}", &conversation);
        if path.contains("{messageId}") {
            let question = self.server.post_message(&self.ann, &conversation, "Hi");
            question.send().expect(200);
            let messages = &self.server.get_conversation(&self.ann, &conversation)["messages"];
            path = path.replace("{messageId}", &string(&messages[1]["id"]));
            self.server.add_refusals(&conversation);
        }
        if path.contains("{agentId}") {
            let agent = self
                .server
                .create_agent(&self.unique_name(), AgentRole::Agent);
            path = path.replace("{agentId}", &agent.id);
        }
        path = path.replace("{sessionId}", UNKNOWN_ID);
        // Not Ann, because an erased visitor has no session.
        let visitor = || self.server.create_visitor(&conversation).id;
        if path.contains("{visitorId}") {
            path = path.replace("{visitorId}", &visitor());
        }
        for (parameter, collection) in [
            ("{noteId}", format!("/conversations/{conversation}/notes")),
            ("{savedReplyId}", "/saved-replies".to_owned()),
            ("{keyId}", "/keys".to_owned()),
        ] {
            if path.contains(parameter) {
                path = path.replace(parameter, &self.create_resource(&collection));
            }
        }
        if path.contains("{sourceId}") {
            path = path.replace("{sourceId}", &self.create_source());
        }
        let project = self.server.project.id.0.to_string();
        path = path.replace("{projectId}", &project);
        for (parameter, noun) in [("{qnaId}", "qnas"), ("{documentId}", "documents")] {
            if path.contains(parameter) {
                path = path.replace(parameter, &self.create_knowledge(&project, noun));
            }
        }
        assert!(!path.contains('{'), "{path} has an unknown parameter");
        format!("/v2{path}")
    }

    /// Creates an object with the private key of the project and returns its id.
    fn create_resource(&self, collection: &str) -> String {
        let body = json!({
            "name": self.unique_name(), "text": "Text", "kind": "publishable",
        });
        let request = self.server.post(format!("/v2{collection}"));
        let request = request.bearer(&self.server.project.private_key);
        string(&request.json(body).send().expect(201)["id"])
    }

    /// Stores a website without learning it, and returns its id.
    fn create_source(&self) -> String {
        let id = SourceId::generate();
        let insert = "INSERT INTO source (id, project_seq, location, kind) \
                      VALUES (?, 1, ?, 'website')";
        let location = format!("http://127.0.0.1:9/{}", self.unique_name());
        let database = self.server.db_connection();
        let written = database.execute(insert, (id.0, location));
        written.expect("a source");
        id.to_string()
    }

    /// Creates a Q&A or a document and returns its id.
    fn create_knowledge(&self, project: &str, noun: &str) -> String {
        let path = format!("/projects/{project}/{noun}");
        let template = format!("/projects/{{projectId}}/{noun}");
        let request = self
            .server
            .post(format!("/v2{path}"))
            .bearer(&self.server.project.private_key);
        let created = request
            .json(self.example_body("post", &template))
            .send()
            .json();
        string(&created["id"])
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        &self.document["paths"][path][method]
    }

    fn example_body(&self, method: &str, path: &str) -> Value {
        if (method, path) == ("post", "/conversations") {
            return json!({ "visitor": { "externalId": "42" } });
        }
        if (method, path) == ("post", "/sources") {
            return json!({ "url": format!("http://127.0.0.1:9/{}", self.unique_name()) });
        }
        if (method, path) == ("post", "/saved-replies") {
            return json!({ "name": self.unique_name(), "text": "Text" });
        }
        if (method, path) == ("post", "/projects/{projectId}/documents") {
            let url = format!("https://shop.example/{}", self.unique_name());
            return json!({ "url": url, "title": "Delivery", "content": "Two days." });
        }
        if (method, path) == ("post", "/agents") {
            let email = format!("{}@shop.example", self.unique_name());
            return json!({ "name": "Ben", "email": email, "role": "agent" });
        }
        self.operation(method, path)["requestBody"]["content"]["application/json"]["example"]
            .clone()
    }

    fn has_parameter(&self, method: &str, path: &str, name: &str) -> bool {
        let parameters = self.operation(method, path)["parameters"].as_array();
        let mut parameters = parameters.into_iter().flatten();
        parameters.any(|parameter| parameter["name"] == name)
    }

    /// Waits until no source is being learned, because a project learns one at a time.
    fn wait_for_runs(&self) {
        let count = "SELECT count(*) FROM source WHERE started_at > 0 AND finished_at IS NULL";
        wait_until("no source is being learned", || {
            self.server.query_value::<i64>(count) == 0
        });
    }

    /// Sends a valid request of an operation with the credential of a caller. It is sent
    /// where the operation expects it.
    fn status(&self, method: &str, path: &str, caller: usize) -> u16 {
        self.wait_for_runs();
        let mut target = self.concrete(path);
        let mut body = self.example_body(method, path);
        if self.has_parameter(method, path, "token") {
            return self.websocket_status(&target, caller);
        }
        if path == "/events" {
            return self.project_websocket_status(&target, caller);
        }
        let has_key = self.has_parameter(method, path, "apiKey");
        if has_key {
            target += "?q=delivery";
            if let Some(key) = self.api_key(caller) {
                target += &format!("&apiKey={key}");
            }
        }
        if body.get("apiKey").is_some() {
            body["apiKey"] = self.api_key(caller).into();
        }
        let method = match method {
            "get" => "GET",
            "post" => "POST",
            "put" => "PUT",
            "patch" => "PATCH",
            "delete" => "DELETE",
            other => panic!("{other}"),
        };
        let mut request = self.server.request(method, target);
        if !body.is_null() {
            request = request.json(body);
        }
        self.with_bearer(request, caller, has_key).status
    }

    fn with_bearer(&self, request: Request, caller: usize, has_key: bool) -> Response {
        if let Some(agent) = self.agent(caller) {
            return request.agent(&agent).send();
        }
        match self.bearer(caller) {
            Some(credential) if !has_key => request.bearer(credential).send(),
            _ => request.send(),
        }
    }

    /// Session tokens are sent in `token`, next to a publishable key.
    fn websocket_status(&self, target: &str, caller: usize) -> u16 {
        let credential = self.api_key(caller).unwrap_or_default();
        let target = if credential.contains('.') {
            let key = &self.server.project.publishable_key;
            format!("{target}?apiKey={key}&token={credential}")
        } else if credential.is_empty() {
            target.to_owned()
        } else {
            format!("{target}?apiKey={credential}")
        };
        self.open_status(&target, &[])
    }

    fn project_websocket_status(&self, target: &str, caller: usize) -> u16 {
        if let Some(agent) = self.agent(caller) {
            let origin = format!("http://{}", self.server.0);
            let headers = [("cookie", agent.cookie.as_str()), ("origin", &origin)];
            return self.open_status(target, &headers);
        }
        match self.bearer(caller) {
            Some(credential) => {
                let authorization = format!("Bearer {credential}");
                self.open_status(target, &[("authorization", &authorization)])
            }
            None => self.open_status(target, &[]),
        }
    }

    fn open_status(&self, target: &str, headers: &[(&'static str, &str)]) -> u16 {
        match WebSocketClient::try_open(*self.server, target, headers) {
            Ok(_) => 101,
            Err(response) => response.status().as_u16(),
        }
    }
}

/// Routes that the OpenAPI document does not have: of operators, of the reference, of the
/// widget and of the pages.
const OTHER_ROUTES: [&str; 17] = [
    "/health",
    "/metrics",
    "/ready",
    "/v2",
    "/v2/",
    "/v2/reference/{name}",
    "/",
    "/assets/{name}",
    "/chat",
    "/favicon.ico",
    "/inbox",
    "/inbox/{view:.*}",
    "/robots.txt",
    "/setup",
    "/third-party-notices.txt",
    "/widget.js",
    "/widget.mjs",
];

/// The routes in the source of the route table, as `METHOD /path`.
fn routes() -> BTreeSet<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/routing.rs");
    let source = std::fs::read_to_string(file).expect("the route table");
    let mut routes = BTreeSet::new();
    for call in source.split(" at(").chain(source.split("(at(")).skip(1) {
        let mut texts = call.split('"').skip(1).step_by(2);
        let (Some(path), Some(methods)) = (texts.next(), texts.next()) else {
            continue;
        };
        // HEAD is part of GET.
        let methods = methods.split(", ").filter(|method| *method != "HEAD");
        if path.starts_with('/') {
            routes.extend(methods.map(|method| format!("{method} {path}")));
        }
    }
    routes.retain(|route| {
        !OTHER_ROUTES
            .iter()
            .any(|path| route.ends_with(&format!(" {path}")))
    });
    routes
}

#[test]
fn every_route_is_an_operation_of_the_openapi_document() {
    let server = TestServer::start();
    let document = server.get("/v2/openapi").send().expect(200);
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let methods = methods.as_object().expect("methods").keys();
        operations.extend(methods.map(|method| format!("{} /v2{path}", method.to_uppercase())));
    }
    assert_eq!(routes(), operations);
}

#[test]
fn every_caller_gets_the_documented_status_of_every_operation() {
    let fixture = Fixture::new();
    let mut actual = AccessTable::new();
    for (path, methods) in fixture.document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let statuses = (0..CALLERS.len()).map(|caller| fixture.status(method, path, caller));
            let statuses = statuses.map(|status| status.to_string()).collect();
            actual.insert(format!("{} {path}", method.to_uppercase()), statuses);
        }
    }
    let documented = documented_table();
    let differences: Vec<_> = actual
        .iter()
        .filter(|(name, cells)| documented.get(*name) != Some(cells))
        .collect();
    let rows = differences
        .iter()
        .map(|(name, cells)| format!("| `{name}` | {} |", cells.join(" | ")));
    assert!(
        differences.is_empty(),
        "docs/SECURITY.md does not have these rows:\n{}",
        rows.collect::<Vec<_>>().join("\n")
    );
    let unknown: Vec<_> = documented
        .keys()
        .filter(|name| !actual.contains_key(*name))
        .collect();
    assert!(unknown.is_empty(), "no such operations: {unknown:?}");
}
