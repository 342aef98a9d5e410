//! Documents (docs/api-contract.md, section 4.15).

use serde_json::{Value, json};

use crate::helpers::{ProjectFixture, Response, TestServer, string};

fn path(project: &ProjectFixture) -> String {
    format!("/v2/projects/{}/documents", project.id)
}

fn post_document(server: &TestServer, project: &ProjectFixture, body: Value) -> Response {
    let post = server.post(path(project)).bearer(&project.private_key);
    post.json(body).send()
}

#[track_caller]
fn list(server: &TestServer, project: &ProjectFixture, query: &str) -> Value {
    let get = server.get(format!("{}?{query}", path(project)));
    get.bearer(&project.private_key).send().expect(200)
}

fn urls(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("data");
    data.iter().map(|item| string(&item["url"])).collect()
}

const TEXT: &str = "# Delivery\n\nWe deliver to every place in Norway within two days.\n\n\
                    ## Costs\n\nFive euros, and nothing at all from fifty euros on.";

#[test]
fn document_is_stored_read_and_deleted() {
    let server = TestServer::start();
    let project = server.project.clone();
    let url = "https://Shop.example/help#top";
    let document = post_document(
        &server,
        &project,
        json!({ "url": url, "description": "Where we deliver", "content": TEXT }),
    )
    .expect(201);
    let expected = json!({
        "object": "document", "id": document["id"], "url": "https://shop.example/help",
        "title": "Delivery", "description": "Where we deliver", "learnedAt": document["learnedAt"], "passages": 2,
        "sections": [
            { "heading": "", "body": "We deliver to every place in Norway within two days." },
            { "heading": "Costs", "body": "Five euros, and nothing at all from fifty euros on." },
        ],
    });
    assert_eq!(document, expected);
    let target = format!("{}/{}", path(&project), string(&document["id"]));
    let read = || server.get(&target).bearer(&project.private_key).send();
    assert_eq!(read().expect(200), document);
    let mut item = document.clone();
    item.as_object_mut().expect("an object").remove("sections");
    let page = json!({ "object": "list", "total": 1, "limit": 10, "offset": 0, "data": [item] });
    assert_eq!(list(&server, &project, ""), page);
    let delete = || {
        server
            .request("DELETE", &target)
            .bearer(&project.private_key)
            .send()
    };
    assert_eq!(delete().expect(200), json!({ "success": true }));
    let error = delete().expect_error(404, "DOCUMENT_NOT_FOUND");
    assert_eq!(error["details"], json!({ "documentId": document["id"] }));
    read().expect_error(404, "DOCUMENT_NOT_FOUND");
    assert_eq!(list(&server, &project, "")["total"], 0);
    let passages = server
        .db_connection()
        .query_row("SELECT count(*) FROM passage", (), |row| row.get(0));
    assert_eq!(passages, Ok(0));
}

#[test]
fn document_replaces_document_with_same_url() {
    let server = TestServer::start();
    let project = server.project.clone();
    let url = "https://shop.example/";
    let first =
        post_document(&server, &project, json!({ "url": url, "content": TEXT })).expect(201);
    let body = json!({
        "url": url, "format": "html", "title": "Mine",
        "content": "<meta name=robots content=noindex><link rel=canonical href='/other'>\
                    <h1>Title</h1><p>Only one short text.",
    });
    let second = post_document(&server, &project, body).expect(200);
    assert_eq!(second["id"], first["id"]);
    assert_eq!(
        (&second["title"], &second["url"]),
        (&json!("Mine"), &json!(url))
    );
    assert_eq!(
        second["sections"],
        json!([{ "heading": "", "body": "Only one short text." }])
    );
    assert_eq!(list(&server, &project, "")["total"], 1);
    let body = json!({ "url": url, "format": "text", "content": "# as it *is*" });
    let third = post_document(&server, &project, body).expect(200);
    assert_eq!(third["sections"][0]["body"], "# as it *is*");
    let empty = post_document(&server, &project, json!({ "url": url, "content": "" })).expect(200);
    assert_eq!(
        (&empty["passages"], &empty["title"]),
        (&json!(0), &json!("Untitled"))
    );
}

#[test]
fn list_is_ordered_by_url() {
    let server = TestServer::start();
    let project = server.project.clone();
    for name in ["c", "a", "d", "b"] {
        let url = format!("https://shop.example/{name}");
        post_document(&server, &project, json!({ "url": url, "content": "x" })).expect(201);
    }
    let page = list(&server, &project, "limit=2&offset=1");
    assert_eq!(
        urls(&page),
        ["https://shop.example/b", "https://shop.example/c"]
    );
    assert_eq!(page["total"], 4);
    assert!(urls(&list(&server, &project, "offset=4")).is_empty());
}

#[test]
fn projects_are_isolated() {
    let server = TestServer::start();
    let (project, other_project) = (server.project.clone(), server.create_project());
    let body = json!({ "url": "https://shop.example/", "content": TEXT });
    let document = post_document(&server, &project, body.clone()).expect(201);
    let other_document = post_document(&server, &other_project, body.clone()).expect(201);
    assert_ne!(document["id"], other_document["id"]);
    assert_eq!(list(&server, &project, "")["data"][0]["id"], document["id"]);
    let crossed_target = format!("{}/{}", path(&project), string(&other_document["id"]));
    for method in ["GET", "DELETE"] {
        let request = server
            .request(method, &crossed_target)
            .bearer(&project.private_key);
        request.send().expect_error(404, "DOCUMENT_NOT_FOUND");
        for target in [
            path(&other_project),
            format!("{}/{}", path(&other_project), string(&other_document["id"])),
        ] {
            let request = server
                .request(method, &target)
                .bearer(&project.private_key)
                .send();
            let is_path = method == "DELETE" && target == path(&other_project);
            let expected = if is_path {
                (405, "METHOD_NOT_ALLOWED")
            } else {
                (403, "FORBIDDEN")
            };
            request.expect_error(expected.0, expected.1);
        }
    }
    let post = server
        .post(path(&other_project))
        .bearer(&project.private_key)
        .json(body);
    post.send().expect_error(403, "FORBIDDEN");
    assert_eq!(list(&server, &other_project, "")["total"], 1);
}

#[test]
fn documents_require_private_key() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let target = path(&server.project);
    server.get(&target).send().expect_error(401, "UNAUTHORIZED");
    let get = server.get(&target).bearer(&visitor.token);
    get.send().expect_error(403, "FORBIDDEN");
    let get = server.get(&target).bearer(&server.project.publishable_key);
    get.send().expect_error(401, "UNAUTHORIZED");
}

#[test]
fn invalid_fields_are_named() {
    let server = TestServer::start();
    let project = server.project.clone();
    let url = "https://shop.example/";
    let post = |body: Value| post_document(&server, &project, body);
    post(json!({})).expect_body_error("url");
    post(json!({ "url": url })).expect_body_error("content");
    post(json!({ "url": url, "content": 1 })).expect_body_error("content");
    post(json!({ "url": "help", "content": "x" })).expect_validation_error("url", "URI");
    let format = json!({ "url": url, "content": "x", "format": "pdf" });
    post(format).expect_validation_error("format", "markdown, html, text");
    post(json!({ "url": url, "content": "x", "title": "" }))
        .expect_validation_error("title", "1 to 300");
    let large = json!({ "url": url, "content": "x".repeat(300_000) });
    post(large).expect_error(413, "PAYLOAD_TOO_LARGE");
    let bad = server
        .get(format!("{}/1", path(&project)))
        .bearer(&project.private_key);
    bad.send().expect_validation_error("documentId", "UUID");
}
