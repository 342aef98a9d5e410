//! Two projects in one file: no endpoint gives one project access to the other. The
//! endpoints are those of the OpenAPI document, so a new endpoint is tested as well.

use std::fmt::Write;

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

use crate::helpers::{
    ProjectFixture, Request, Response, TestServer, Visitor, WebSocketClient, ids, string,
};

/// In all texts of a project, except in what everybody may read.
const SECRET: &str = "Zanzibar";
/// The device and the customer that both projects have.
const DEVICE: &str = "same-device";
const CUSTOMER: &str = "same-customer";

/// A project with one row of each kind.
struct Side {
    project: ProjectFixture,
    visitor: Visitor,
    conversation: String,
    answer: String,
    /// Unpublished: published ones are public.
    qna: String,
    document: String,
    assistant: String,
}

impl Side {
    fn create(server: &TestServer, project: ProjectFixture, word: &str) -> Self {
        let visitor = server.create_visitor_in(&project, DEVICE);
        let by_key = |request: Request| request.bearer(&project.private_key);
        let import = json!({ "visitor": { "externalId": CUSTOMER } });
        let import = by_key(server.post("/v2/conversations")).json(import);
        import.send().expect(201);
        let conversation = server.start_conversation(&visitor);
        let content = format!("{word} is a word of this project");
        let send = server.post_message(&visitor, &conversation, &content);
        send.send().expect(200);
        let messages = server.get_conversation(&visitor, &conversation);
        let path = format!("/v2/projects/{}", project.id);
        let qna = json!({ "question": content, "answer": content, "published": false });
        let qna = by_key(server.post(format!("{path}/qnas"))).json(qna).send();
        let document =
            json!({ "url": "https://shop.example/", "title": content, "content": content });
        let document = by_key(server.post(format!("{path}/documents"))).json(document);
        let sql = "SELECT lower(hex(id)) FROM assistant WHERE project_seq = ?";
        let assistant = server
            .db_connection()
            .query_row(sql, [project.seq.0], |row| row.get::<_, String>(0));
        let assistant = assistant.expect("an assistant");
        Self {
            answer: string(&messages["messages"][1]["id"]),
            qna: string(&qna.expect(201)["id"]),
            document: string(&document.send().expect(201)["id"]),
            assistant: uuid::Uuid::try_parse(&assistant)
                .expect("an id")
                .to_string(),
            project,
            visitor,
            conversation,
        }
    }

    /// The ids of this project that a path can name.
    fn id(&self, placeholder: &str) -> String {
        match placeholder {
            "{conversationId}" => self.conversation.clone(),
            "{messageId}" => self.answer.clone(),
            "{projectId}" => self.project.id.to_string(),
            "{qnaId}" => self.qna.clone(),
            "{documentId}" => self.document.clone(),
            "{visitorId}" => self.visitor.id.clone(),
            other => panic!("the test has no id for {other}"),
        }
    }

    fn ids(&self) -> [String; 7] {
        let names = [
            "conversation",
            "message",
            "project",
            "qna",
            "document",
            "visitor",
        ];
        let [a, b, c, d, e, f] = names.map(|name| self.id(&format!("{{{name}Id}}")));
        [a, b, c, d, e, f, self.assistant.clone()]
    }

    fn credentials(&self) -> [Option<&str>; 3] {
        let [key, token] = [&self.project.private_key, &self.visitor.token];
        [Some(key), Some(token), None]
    }
}

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
        let requests = credentials.map(|credential| match credential {
            Some(credential) => (request.clone().bearer(credential), text.clone()),
            None => (request.clone(), text.clone()),
        });
        requests.collect()
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
    let sql = "SELECT m.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c \
                WHERE m.type = 'table' AND c.name = 'project_seq' ORDER BY 1";
    let mut tables = connection.prepare(sql).expect("SQL");
    let tables = tables.query_map([], |row| row.get::<_, String>(0));
    let of_project = |table: String| format!("SELECT * FROM {table} WHERE project_seq = ?1");
    let mut queries: Vec<_> = tables
        .expect("tables")
        .map(|table| of_project(table.expect("a name")))
        .collect();
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
        let mut rows = connection.prepare(&query).expect("SQL");
        let columns = rows.column_count();
        let rows = rows.query_map([project.seq.0], |row| {
            let values = (0..columns).map(|column| row.get::<_, SqlValue>(column));
            values.collect::<Result<Vec<_>, _>>()
        });
        for row in rows.expect("rows") {
            writeln!(text, "{query}: {:?}", row.expect("a row")).expect("a string");
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
            Some("reply-to-conversation") => *status == 409,
            Some("connect-websocket") => *status == 422,
            _ => (200..300).contains(status),
        };
        assert!(statuses.iter().any(is_reached), "{name}: {statuses:?}");
    }
}

/// A server with two projects that have the same devices and customers.
fn setup() -> (TestServer, Side, Side) {
    let server = TestServer::start();
    let a = Side::create(&server, server.project.clone(), SECRET);
    let b = Side::create(&server, server.create_project(), "Tern");
    (server, a, b)
}

#[test]
fn same_device_and_customer_are_different_visitors_in_each_project() {
    let (server, a, b) = setup();
    assert_ne!(a.visitor.id, b.visitor.id);
    for side in [&a, &b] {
        let query = format!("externalId={CUSTOMER}&include=visitor");
        let list = server.list(&side.project.private_key, &query);
        assert_eq!(list["total"], 1);
        let visitor = &list["data"][0]["visitor"];
        assert_eq!(visitor["externalId"], CUSTOMER);
        let other = if std::ptr::eq(side, &a) { &b } else { &a };
        let query = format!("visitorId={}", string(&visitor["id"]));
        assert_eq!(server.list(&side.project.private_key, &query)["total"], 1);
        assert_eq!(server.list(&other.project.private_key, &query)["total"], 0);
        assert_eq!(
            ids(&server.list(&side.visitor.token, "")),
            [side.conversation.as_str()]
        );
    }
}

#[test]
fn search_finds_documents_and_qnas_of_its_project_only() {
    let (server, a, b) = setup();
    let publish = server.request(
        "PUT",
        format!("/v2/projects/{}/qnas/{}", a.project.id, a.qna),
    );
    let publish = publish.bearer(&a.project.private_key);
    publish
        .json(json!({ "published": true }))
        .send()
        .expect(200);
    for (side, count) in [(&a, 2), (&b, 0)] {
        let key = &side.project.publishable_key;
        let found = server
            .get(format!("/v2/search?q={SECRET}&apiKey={key}"))
            .send();
        let found = found.expect(200);
        assert_eq!(
            found["results"].as_array().map(Vec::len),
            Some(count),
            "{found}"
        );
        let qnas = format!("/v2/projects/{}/qnas?query={SECRET}", side.project.id);
        assert_eq!(server.get(qnas).send().expect(200)["total"], count / 2);
        // The assistant answers from its own project.
        let question = json!({ "messages": [{ "role": "user", "content": SECRET }] });
        let ask = server
            .post("/v2/chat/completions")
            .bearer(&side.project.private_key);
        let answer = ask.json(question).send();
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.text().contains("is a word of this project"),
            count > 0
        );
    }
}

#[test]
fn cursor_of_another_project_is_refused() {
    let (server, a, b) = setup();
    let first = server.get_list(&a.project.private_key, "limit=1");
    let next = first.link("next").expect("a next page");
    let (_, query) = next.split_once('?').expect("a query");
    server.get_list(&a.project.private_key, query).expect(200);
    for credential in [&b.project.private_key, &b.visitor.token] {
        let refused = server.get_list(credential, query);
        refused.expect_validation_error("after", "same list");
    }
}

#[test]
fn idempotency_key_of_another_project_is_another_key() {
    let (server, a, b) = setup();
    let import = |side: &Side| {
        let import = server
            .post("/v2/conversations")
            .bearer(&side.project.private_key);
        let import = import.header("Idempotency-Key", "1");
        let body = json!({ "visitor": { "externalId": CUSTOMER } });
        string(&import.json(body).send().expect(201)["id"])
    };
    let (first, second) = (import(&a), import(&b));
    assert_ne!(first, second);
    assert_eq!((import(&a), import(&b)), (first, second));
    let start = |side: &Side| {
        let start = server.post("/v2/conversations").bearer(&side.visitor.token);
        let start = start.header("Idempotency-Key", "1");
        string(&start.send().expect(201)["id"])
    };
    assert_ne!(start(&a), start(&b));
}

#[test]
fn limits_and_quotas_of_another_project_are_not_used_up() {
    let server = TestServer::start_with(|settings| {
        settings.rate_limit = 1_000;
        settings.key_rate_limit = 20;
        settings.public_rate_limit = 1_000;
        settings.ip_rate_limit = 1_000;
        settings.monthly_messages = 2;
    });
    let a = Side::create(&server, server.project.clone(), SECRET);
    let b = Side::create(&server, server.create_project(), "Tern");
    let list = |side: &Side| server.get_list(&side.project.private_key, "");
    while list(&a).status == 200 {}
    list(&a).expect_error(429, "RATE_LIMIT_EXCEEDED");
    list(&b).expect(200);
    let send = |side: &Side| {
        server
            .post_message(&side.visitor, &side.conversation, "again")
            .send()
    };
    send(&a).expect(200);
    send(&a).expect_error(429, "RATE_LIMIT_EXCEEDED");
    send(&b).expect(200);
}

#[test]
fn events_reach_subscribers_of_their_project_only() {
    let server = TestServer::start();
    let sides = [server.project.clone(), server.create_project()];
    let id = "0191e9f0-0000-7000-8000-00000000abcd";
    // The same id in both projects.
    let mut sockets = sides.each_ref().map(|side| {
        let import = server.post("/v2/conversations").bearer(&side.private_key);
        let import = import.json(json!({ "id": id, "visitor": { "saVid": DEVICE } }));
        import.send().expect(201);
        let target = format!("/v2/conversations/{id}/ws?apiKey={}", side.publishable_key);
        WebSocketClient::open(*server, &target)
    });
    for (side, text) in sides.iter().zip(["first", "second"]) {
        let visitor = server.create_visitor_in(side, DEVICE);
        let take_over = server.request("PUT", format!("/v2/conversations/{id}/agent"));
        let take_over = take_over.bearer(&side.private_key);
        take_over.json(json!({ "name": "Mara" })).send().expect(200);
        let send = server.post_message(&visitor, id, text).send();
        assert_eq!(send.status, 202);
    }
    for (socket, text) in sockets.iter_mut().zip(["first", "second"]) {
        assert_eq!(socket.next_event()["type"], "human_assigned");
        let message = socket.next_event();
        assert_eq!(message["message"]["parts"][0]["text"], text, "{message}");
        socket.expect_pong();
    }
}

#[test]
fn websocket_with_the_token_of_another_project_is_refused() {
    let (server, a, b) = setup();
    for (key, token) in [(&a, &b), (&b, &a), (&b, &b)] {
        let (key, token) = (&key.project.publishable_key, &token.visitor.token);
        let id = &a.conversation;
        let target = format!("/v2/conversations/{id}/ws?apiKey={key}&token={token}");
        let refused = server.get(target).send();
        refused.expect_error(404, "CONVERSATION_NOT_FOUND");
    }
}
