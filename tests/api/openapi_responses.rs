//! Real responses, compared with the OpenAPI document: every operation answers
//! the example request of the document with a declared status, the declared
//! headers and the keys of the example response.

use std::collections::BTreeSet;
use std::net::TcpStream;

use parlor::answer::AnswerError;
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;

use crate::helpers::{
    OpenApiDocument, Request, Response, TestServer, UNKNOWN_ID, Visitor, check_keys, header_names,
    setup_model, string, wait_until,
};
use crate::identify::{IdentityKey, person_token};
use crate::one_node;

/// Sends the example requests of a document and checks the responses.
struct Walk {
    server: TestServer,
    document: OpenApiDocument,
    ann: Visitor,
    checked: BTreeSet<String>,
}

impl Walk {
    fn new(server: TestServer) -> Self {
        Self {
            document: OpenApiDocument::read(&server),
            ann: server.create_visitor("ann"),
            server,
            checked: BTreeSet::new(),
        }
    }

    /// Sends a request with the example body, if the operation has a body.
    #[track_caller]
    fn expect(&mut self, id: &str, status: u16, request: Request) -> Response {
        let has_body = self.document.operation(id).get("requestBody").is_some();
        let request = if has_body {
            request.json(self.document.request_example(id))
        } else {
            request
        };
        self.expect_as_sent(id, status, request)
    }

    #[track_caller]
    fn expect_as_sent(&mut self, id: &str, status: u16, request: Request) -> Response {
        let response = request.send();
        assert_eq!(response.status, status, "{id}: {}", response.text());
        self.document.check(id, &response);
        self.checked.insert(id.to_owned());
        response
    }

    /// Reads a resource, and again with the entity tag of the first response.
    #[track_caller]
    fn expect_read(&mut self, id: &str, request: &Request) {
        let first = self.expect(id, 200, request.clone());
        let tag = first.header("etag").expect("an ETag").to_owned();
        self.expect(id, 304, request.clone().header("If-None-Match", tag));
    }

    fn by_visitor(&self, method: &'static str, path: &str) -> Request {
        let request = self.server.request(method, format!("/v2{path}"));
        request.bearer(&self.ann.token)
    }

    /// Waits until no source is being learned.
    fn expect_ended_run(&self) {
        wait_until("the run has ended", || {
            let list = self.by_key("GET", "/sources").send().expect(200);
            list["data"][0]["status"] != "running"
        });
    }

    fn by_key(&self, method: &'static str, path: &str) -> Request {
        let request = self.server.request(method, format!("/v2{path}"));
        request.bearer(&self.server.project.private_key)
    }
}

#[test]
fn every_operation_answers_its_example_as_documented() {
    let (model, server) = setup_model();
    let mut walk = Walk::new(server);
    for _ in 0..2 {
        model.answer_with("Delivery takes two days within the EU.");
    }
    check_sessions(&mut walk);
    let conversation = check_conversations(&mut walk);
    check_answers(&mut walk, &conversation);
    check_agents(&mut walk, &conversation);
    check_accounts(&mut walk);
    check_inbox(&mut walk, &conversation);
    check_api_keys(&mut walk);
    check_notifications(&mut walk);
    check_sources(&mut walk);
    check_qnas(&mut walk);
    check_documents(&mut walk);
    check_websockets(&mut walk, &conversation);
    check_link(&mut walk, &conversation);
    check_deletions(&mut walk, &conversation);
    assert_eq!(walk.checked, walk.document.operation_ids());
}

fn check_websockets(walk: &mut Walk, conversation: &str) {
    let key = &walk.server.project.publishable_key;
    let path = format!("conversations/{conversation}/ws?apiKey={key}");
    check_websocket(walk, "connect-websocket", &path);
    check_websocket(walk, "connect-project-websocket", "events");
}

fn check_websocket(walk: &mut Walk, id: &str, path: &str) {
    let address = walk.server.0;
    let url = format!("ws://{address}/v2/{path}");
    let mut request = url.into_client_request().expect("a request");
    let authorization = format!("Bearer {}", walk.server.project.private_key);
    let authorization = authorization.parse().expect("a value");
    request.headers_mut().insert("authorization", authorization);
    let connection = TcpStream::connect(address).expect("a connection");
    let (_, response) = tungstenite::client(request, connection).expect("a WebSocket");
    assert_eq!(response.status(), 101);
    let names = response.headers().keys().map(ToString::to_string);
    walk.document.check_headers(id, 101, &names.collect());
    walk.checked.insert(id.to_owned());
}

fn check_sessions(walk: &mut Walk) {
    let key = walk.server.project.publishable_key.clone();
    let mut body = walk.document.request_example("init");
    body["apiKey"] = key.clone().into();
    for status in [201, 200] {
        let request = walk.server.post("/v2/identity/init").json(&body);
        walk.expect_as_sent("init", status, request);
    }
    let identity = IdentityKey::create(&walk.server);
    let exp = parlor::domain::Timestamp::now().seconds() + 60;
    let token = person_token(
        &identity.secret,
        &json!({"sub": "42", "name": "Ann", "exp": exp}),
    );
    for status in [201, 200] {
        let body = json!({"apiKey": identity.text, "token": token});
        let request = walk.server.post("/v2/identity/identify").json(body);
        walk.expect_as_sent("identify", status, request);
    }
    walk.expect_read("get-me", &walk.by_visitor("GET", "/identity/me"));
    walk.expect("update-me", 200, walk.by_visitor("PATCH", "/identity/me"));
    let project = walk
        .server
        .get(format!("/v2/projects/current?apiKey={key}"));
    walk.expect_read("get-project", &project);
    walk.expect(
        "update-project",
        200,
        walk.by_key("PATCH", "/projects/current"),
    );
    walk.expect_read("get-openapi", &walk.server.get("/v2/openapi"));
}

/// Returns the id of a conversation.
fn check_conversations(walk: &mut Walk) -> String {
    let request = walk.by_visitor("POST", "/conversations");
    let started = walk.expect("start-conversation", 201, request).json();
    let id = string(&started["id"]);
    let list = walk.by_visitor("GET", "/conversations");
    walk.expect_read("get-conversations", &list);
    for accept in ["application/x-ndjson", "text/csv"] {
        let export = walk.by_key("GET", "/conversations/export");
        walk.expect("export-conversations", 200, export.header("Accept", accept));
    }
    let close = walk.by_key("POST", &format!("/conversations/{id}/close"));
    walk.expect("close-conversation", 200, close);
    walk.server.start_conversation(&walk.ann)
}

fn check_answers(walk: &mut Walk, conversation: &str) {
    let path = format!("/conversations/{conversation}/messages");
    walk.expect("send-message", 200, walk.by_visitor("POST", &path));
    let stop = walk.by_visitor("POST", &format!("/conversations/{conversation}/stop"));
    walk.expect("stop-answer", 200, stop);
    walk.expect_read("get-messages", &walk.by_visitor("GET", &path));
    let read = walk.by_visitor("GET", &format!("/conversations/{conversation}"));
    walk.expect_read("get-conversation", &read);
    let answer = string(&read.send().json()["messages"][1]["id"]);
    let rate = walk.by_visitor("POST", &format!("/messages/{answer}/feedback"));
    walk.expect("send-message-feedback", 200, rate);
    let complete = walk.by_key("POST", "/chat/completions");
    walk.expect("create-chat-completion", 200, complete);
}

fn check_agents(walk: &mut Walk, conversation: &str) {
    let path = format!("/conversations/{conversation}");
    let agent = format!("{path}/agent");
    walk.expect("take-over-conversation", 200, walk.by_key("PUT", &agent));
    let messages = format!("{path}/messages");
    walk.expect("send-message", 202, walk.by_visitor("POST", &messages));
    let reply = walk.by_key("POST", &format!("{path}/replies"));
    walk.expect("reply-to-conversation", 201, reply);
    let read = walk.by_key("POST", &format!("{path}/read"));
    walk.expect("mark-conversation-as-read", 204, read);
    let typing = walk.by_visitor("POST", &format!("{path}/typing"));
    walk.expect("report-typing", 204, typing);
    walk.expect("hand-back-conversation", 200, walk.by_key("DELETE", &agent));
}

fn check_accounts(walk: &mut Walk) {
    let token = walk.server.create_setup_link();
    let setup = with_token(walk, "/setup", "set-up", &token);
    let cookie = walk.expect_as_sent("set-up", 201, setup).cookie();
    walk.expect("sign-in", 200, walk.server.post("/v2/agents/sign-in"));
    let by_agent = |walk: &Walk, method, path: &str| {
        let request = walk.server.request(method, format!("/v2/agents{path}"));
        request.cookie(&cookie).own_origin()
    };
    walk.expect_read("get-own-agent", &by_agent(walk, "GET", "/me"));
    walk.expect("update-own-agent", 200, by_agent(walk, "PATCH", "/me"));
    walk.expect_read("get-own-sessions", &by_agent(walk, "GET", "/me/sessions"));
    walk.expect_read("get-agents", &by_agent(walk, "GET", ""));
    let created = walk.expect("create-agent", 201, by_agent(walk, "POST", ""));
    let ben = string(&created.json()["id"]);
    walk.expect(
        "update-agent",
        200,
        by_agent(walk, "PATCH", &format!("/{ben}")),
    );
    let create_link = by_agent(walk, "POST", &format!("/{ben}/link"));
    let link = walk.expect("create-sign-in-link", 201, create_link).json();
    let link = string(&link["signInLink"]);
    let (_, token) = link.split_once("#link=").expect("a token");
    let sign_in = with_token(walk, "/agents/sign-in-link", "sign-in-with-link", token);
    walk.expect_as_sent("sign-in-with-link", 200, sign_in);
    let sessions = by_agent(walk, "GET", "/me/sessions").send().json();
    let sessions = sessions["data"].as_array().expect("sessions");
    let other = sessions.iter().find(|one| one["isCurrent"] == false);
    let session = string(&other.expect("the session of sign-in")["id"]);
    let end = by_agent(walk, "DELETE", &format!("/me/sessions/{session}"));
    walk.expect("delete-own-session", 204, end);
    walk.expect(
        "delete-agent",
        204,
        by_agent(walk, "DELETE", &format!("/{ben}")),
    );
    walk.expect("sign-out", 204, by_agent(walk, "POST", "/sign-out"));
}

/// The example of a request, with a valid token.
fn with_token(walk: &Walk, path: &str, id: &str, token: &str) -> Request {
    let mut body = walk.document.request_example(id);
    body["token"] = token.into();
    walk.server.post(format!("/v2{path}")).json(&body)
}

fn check_inbox(walk: &mut Walk, conversation: &str) {
    let all = format!("/conversations/{conversation}/notes");
    let note = walk.expect("create-note", 201, walk.by_key("POST", &all));
    walk.expect("create-note", 403, walk.by_visitor("POST", &all));
    let note = format!("{all}/{}", string(&note.json()["id"]));
    walk.expect_read("get-notes", &walk.by_key("GET", &all));
    walk.expect("delete-note", 204, walk.by_key("DELETE", &note));
    walk.expect("delete-note", 404, walk.by_key("DELETE", &note));
    let all = "/saved-replies";
    let reply = walk.expect("create-saved-reply", 201, walk.by_key("POST", all));
    walk.expect("create-saved-reply", 409, walk.by_key("POST", all));
    walk.expect_read("get-saved-replies", &walk.by_key("GET", all));
    let reply = format!("{all}/{}", string(&reply.json()["id"]));
    walk.expect("update-saved-reply", 200, walk.by_key("PATCH", &reply));
    walk.expect("delete-saved-reply", 204, walk.by_key("DELETE", &reply));
    walk.expect("delete-saved-reply", 404, walk.by_key("DELETE", &reply));
    walk.expect_read("get-statistics", &walk.by_key("GET", "/statistics"));
    walk.server.add_refusals(conversation);
    let all = "/unanswered-questions";
    let list = walk.by_key("GET", all);
    walk.expect_read("get-unanswered-questions", &list);
    let id = string(&list.send().json()["data"][0]["id"]);
    let question = format!("{all}/{id}");
    let id = "resolve-unanswered-question";
    walk.expect(id, 204, walk.by_key("DELETE", &question));
    walk.expect(id, 404, walk.by_key("DELETE", &question));
    let visitor = format!("/visitors/{}", walk.ann.id);
    walk.expect_read("get-visitor", &walk.by_key("GET", &visitor));
    let block = format!("{visitor}/block");
    walk.expect("block-visitor", 204, walk.by_key("PUT", &block));
    walk.expect("unblock-visitor", 204, walk.by_key("DELETE", &block));
}

fn check_api_keys(walk: &mut Walk) {
    let key = walk.expect("create-key", 201, walk.by_key("POST", "/keys"));
    walk.expect_read("get-keys", &walk.by_key("GET", "/keys"));
    let key = format!("/keys/{}", string(&key.json()["id"]));
    walk.expect("update-key", 200, walk.by_key("PATCH", &key));
    let secret = format!("{key}/identity-secret");
    walk.expect("create-identity-secret", 201, walk.by_key("POST", &secret));
    walk.expect(
        "delete-identity-secret",
        204,
        walk.by_key("DELETE", &secret),
    );
    walk.expect("revoke-key", 204, walk.by_key("DELETE", &key));
    let unknown = format!("/keys/{UNKNOWN_ID}");
    walk.expect("revoke-key", 404, walk.by_key("DELETE", &unknown));
}

fn check_link(walk: &mut Walk, conversation: &str) {
    let token = walk.server.reply_link_token(&walk.ann, conversation);
    let request = walk.server.post("/v2/identity/link");
    let link = request.json(serde_json::json!({ "token": token }));
    walk.expect_as_sent("open-link", 201, link);
}

fn check_notifications(walk: &mut Walk) {
    let path = "/notifications";
    let private = serde_json::json!({ "webhookUrl": "http://127.0.0.1/" });
    let update = walk.by_key("PATCH", path);
    walk.expect_as_sent("update-notifications", 422, update.clone().json(private));
    walk.expect("update-notifications", 200, update);
    walk.expect_read("get-notifications", &walk.by_key("GET", path));
    let test = walk.by_key("POST", "/notifications/test");
    walk.expect("test-notifications", 409, test.clone());
    // An address that is refused, so that the test needs no network.
    let connection = walk.server.db_connection();
    let changed = connection.execute("UPDATE project SET webhook_url = 'http://127.0.0.1/'", ());
    changed.expect("a change");
    let webhook = serde_json::json!({ "kind": "webhook" });
    walk.expect_as_sent("test-notifications", 200, test.json(webhook));
}

fn check_sources(walk: &mut Walk) {
    // Nothing of the example is read: the server has no access to private networks, and the
    // address is one.
    let source = by_address(walk, "POST", "/sources", "http://127.0.0.1:9/");
    let source = walk.expect_as_sent("create-source", 201, source).json();
    walk.expect_ended_run();
    walk.expect_read("get-sources", &walk.by_key("GET", "/sources"));
    let source = format!("/sources/{}", string(&source["id"]));
    let learn = walk.by_key("POST", &format!("{source}/learn"));
    walk.expect(
        "learn-source",
        202,
        learn.json(json!({ "allowRemovals": true })),
    );
    walk.expect("delete-source", 204, walk.by_key("DELETE", &source));
    walk.expect("delete-source", 404, walk.by_key("DELETE", &source));
}

fn by_address(walk: &Walk, method: &'static str, path: &str, url: &str) -> Request {
    walk.by_key(method, path).json(json!({ "url": url }))
}

fn check_qnas(walk: &mut Walk) {
    let all = format!("/projects/{}/qnas", walk.server.project.id);
    let new = walk.expect("create-qna", 201, walk.by_key("POST", &all));
    let one = format!("{all}/{}", string(&new.json()["id"]));
    walk.expect("update-qna", 200, walk.by_key("PUT", &one));
    walk.expect_read("get-qnas", &walk.server.get(format!("/v2{all}")));
    walk.expect_read("get-qna", &walk.server.get(format!("/v2{one}")));
    let key = &walk.server.project.publishable_key;
    let search = format!("/v2/search?q=Norway&apiKey={key}");
    walk.expect_read("search", &walk.server.get(search));
    walk.expect("delete-qna", 200, walk.by_key("DELETE", &one));
    walk.expect("get-qna", 404, walk.server.get(format!("/v2{one}")));
}

fn check_documents(walk: &mut Walk) {
    let all = format!("/projects/{}/documents", walk.server.project.id);
    let new = walk.expect("create-document", 201, walk.by_key("POST", &all));
    walk.expect("create-document", 200, walk.by_key("POST", &all));
    let one = format!("{all}/{}", string(&new.json()["id"]));
    walk.expect_read("get-documents", &walk.by_key("GET", &all));
    walk.expect_read("get-document", &walk.by_key("GET", &one));
    walk.expect("delete-document", 200, walk.by_key("DELETE", &one));
    walk.expect("delete-document", 404, walk.by_key("DELETE", &one));
}

fn check_deletions(walk: &mut Walk, conversation: &str) {
    let conversation = format!("/conversations/{conversation}");
    let visitor = format!("/visitors/{}", walk.ann.id);
    for (id, path) in [
        ("delete-conversation", conversation),
        ("delete-visitor", visitor),
    ] {
        walk.expect(id, 204, walk.by_key("DELETE", &path));
        walk.expect(id, 404, walk.by_key("DELETE", &path));
    }
}

#[test]
fn streamed_answers_have_the_documented_headers_and_chunks() {
    let (model, server) = setup_model();
    let document = OpenApiDocument::read(&server);
    let ann = server.create_visitor("ann");
    let conversation = server.start_conversation(&ann);
    let operations = [
        (
            "send-message",
            format!("/v2/conversations/{conversation}/messages"),
            &ann.token,
        ),
        (
            "create-chat-completion",
            "/v2/chat/completions".to_owned(),
            &server.project.private_key,
        ),
    ];
    for (id, target, credential) in operations {
        let answer = model.script_answer();
        answer.send_text("Delivery takes two days");
        let mut body = document.request_example(id);
        body["stream"] = true.into();
        let mut stream = server
            .post(target)
            .bearer(credential)
            .json(body)
            .open_stream();
        document.check_headers(id, 200, &header_names(&stream.head));
        let mut events = stream.read_first_delta();
        answer.send_text(" within the EU.");
        answer.finish();
        events.extend(stream.events());
        let content = &document.response(id, 200)["content"]["text/event-stream"];
        assert_eq!(
            content["schema"]["contentSchema"]["$ref"],
            "#/components/schemas/AnswerChunk"
        );
        let example = content["example"].as_str().expect("an example");
        let blocks = example.split_terminator("\n\n").collect::<Vec<_>>();
        let (last, blocks) = blocks.split_last().expect("blocks");
        assert_eq!(*last, "data: [DONE]");
        assert_eq!(blocks.len(), events.len(), "{id}");
        for (block, event) in blocks.iter().zip(&events) {
            let chunk = block.strip_prefix("data: ").expect("data");
            let chunk: Value = serde_json::from_str(chunk).expect("JSON");
            assert_eq!(chunk["type"], event["type"], "{id}");
            check_keys(id, &chunk, event);
            check_chunk(&document, event);
        }
    }
}

/// Asserts that a chunk has exactly the properties of its schema.
fn check_chunk(document: &OpenApiDocument, chunk: &Value) {
    let mapping = &document.0["components"]["schemas"]["AnswerChunk"]["discriminator"]["mapping"];
    let kind = string(&chunk["type"]);
    let target = mapping[&kind].as_str().expect("a schema");
    let schema = document.0.pointer(&target[1..]).expect("a component");
    for name in chunk.as_object().expect("an object").keys() {
        let is_declared = schema["properties"].get(name).is_some();
        assert!(is_declared, "{kind} {name}");
    }
}

#[test]
fn errors_have_the_documented_headers() {
    let (model, server) = setup_model();
    let mut walk = Walk::new(server);
    let without_credential = walk.server.get("/v2/conversations");
    walk.expect("get-conversations", 401, without_credential);
    let unknown = format!("/conversations/{UNKNOWN_ID}");
    walk.expect("get-conversation", 404, walk.by_visitor("GET", &unknown));
    let invalid = walk.by_visitor("GET", "/conversations?limit=0");
    walk.expect("get-conversations", 422, invalid);
    let agent = walk.by_visitor("PUT", &format!("{unknown}/agent"));
    walk.expect("take-over-conversation", 403, agent);
    let conversation = walk.server.start_conversation(&walk.ann);
    let path = format!("/conversations/{conversation}/messages");
    let send = walk.by_visitor("POST", &path);
    walk.expect_as_sent("send-message", 400, send.clone().json("{}"));
    let large = format!("{{\"content\":\"{}\"}}", "x".repeat(2 << 20));
    walk.expect_as_sent("send-message", 413, send.clone().json(large));
    walk.expect_as_sent("send-message", 415, send.body("Hello"));
    model.fail_with(AnswerError::ModelFailed("broken".to_owned()));
    walk.expect("send-message", 502, walk.by_visitor("POST", &path));
    model.fail_with(AnswerError::Unavailable {
        retry_after_secs: 7,
        cause: "busy".to_owned(),
    });
    walk.expect("send-message", 503, walk.by_visitor("POST", &path));
    let delete = walk.by_key("DELETE", &format!("/conversations/{conversation}/agent"));
    walk.expect_as_sent("hand-back-conversation", 400, delete.clone().json("[]"));
    walk.expect_as_sent("hand-back-conversation", 415, delete.body("agent"));
    let close = walk.by_visitor("POST", &format!("/conversations/{conversation}/close"));
    walk.expect("close-conversation", 200, close);
    walk.expect("send-message", 409, walk.by_visitor("POST", &path));
}

#[test]
fn rate_limited_responses_have_the_documented_headers() {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(|settings| settings.rate_limit = 1);
    let mut walk = Walk::new(server);
    let request = walk.by_visitor("GET", "/identity/me");
    walk.expect("get-me", 200, request.clone());
    walk.expect("get-me", 429, request);
}
