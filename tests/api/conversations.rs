//! Starting, importing and closing conversations.

use serde_json::{Value, json};

use crate::helpers::{Request, Response, TestServer, Visitor, ids, run_concurrently, string};

/// A request that starts a conversation of a visitor.
fn start(server: &TestServer, visitor: &Visitor) -> Request {
    server.post("/v2/conversations").bearer(&visitor.token)
}

/// Imports a conversation with a private key.
fn import(server: &TestServer, body: &Value) -> Response {
    let post = server
        .post("/v2/conversations")
        .bearer(&server.project.private_key);
    post.json(body).send()
}

#[test]
fn conversation_starts_without_body_or_with_valid_body() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    start(&server, &visitor).send().expect(201);
    let typed = start(&server, &visitor).header("Content-Type", "application/json");
    typed.send().expect(201);
    for body in [
        json!({}),
        json!({ "context": {} }),
        json!({ "context": { "pageUrl": "https://shop.example/a?b#c" } }),
        json!({ "context": { "pageUrl": "urn:isbn:0451450523", "unknown": 1 } }),
        json!({ "unknown": { "deep": [1] } }),
    ] {
        start(&server, &visitor).json(body).send().expect(201);
    }
    let parameters =
        start(&server, &visitor).header("Content-Type", "Application/JSON; charset=utf-8");
    parameters.body("{}").send().expect(201);
    assert_eq!(server.list(&visitor.token, "")["total"], 8);
}

#[test]
fn page_url_is_stored_only_for_web_pages() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    for (url, stored) in [
        (
            "https://shop.example/a?b#c",
            Some("https://shop.example/a?b#c"),
        ),
        ("http://ann:pw@shop.example/", Some("http://shop.example/")),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("file:///home/ann/page.html", None),
        ("urn:isbn:0451450523", None),
    ] {
        let body = json!({ "context": { "pageUrl": url } });
        start(&server, &visitor).json(body).send().expect(201);
        let sql = "SELECT page_url FROM conversation ORDER BY seq DESC LIMIT 1";
        assert_eq!(server.query_value::<Option<String>>(sql).as_deref(), stored);
    }
}

#[test]
fn invalid_start_creates_no_conversation() {
    let server = TestServer::start_with(|settings| settings.max_body_bytes = 1000);
    let visitor = server.create_visitor("device");
    let started = |body: &str| start(&server, &visitor).json(body).send();
    for body in ["{", "[]", "null", "7", "\"x\"", "{'a':1}"] {
        started(body).expect_body_error("body");
    }
    started(r#"{"context":7}"#).expect_body_error("context");
    started(r#"{"context":{"pageUrl":7}}"#).expect_body_error("context.pageUrl");
    for url in ["", "shop", "/relative", "https://", "http://[::1"] {
        let body = json!({ "context": { "pageUrl": url } });
        started(&body.to_string()).expect_validation_error("context.pageUrl", "absolute URI");
    }
    let untyped = start(&server, &visitor).body("{}").send();
    untyped.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        let typed = start(&server, &visitor).header("Content-Type", kind);
        typed
            .body("{}")
            .send()
            .expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    assert_eq!(server.list(&visitor.token, "")["total"], 0);
}

#[test]
fn body_over_limit_returns_413() {
    let server = TestServer::start_with(|settings| settings.max_body_bytes = 1000);
    let visitor = server.create_visitor("device");
    let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    start(&server, &visitor)
        .json(padded(1000))
        .send()
        .expect(201);
    let large = start(&server, &visitor).json(padded(1001)).send();
    let error = large.expect_error(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(error["details"], json!({ "maxBytes": 1000 }));
    assert_eq!(server.list(&visitor.token, "")["total"], 1);
}

#[test]
fn page_url_over_2048_bytes_returns_422() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let url = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
    let started = |url: String| {
        let body = json!({ "context": { "pageUrl": url } });
        start(&server, &visitor).json(body).send()
    };
    started(url(2048)).expect(201);
    started(url(2049)).expect_validation_error("context.pageUrl", "2048");
}

#[test]
fn private_key_imports_conversation_for_visitor() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let id = "0191e9f0-0000-7000-8000-00000000abcd";
    let by_device = json!({ "id": id, "visitor": { "saVid": "device" } });
    assert_eq!(import(&server, &by_device).expect(201)["id"], id);
    assert_eq!(ids(&server.list(&visitor.token, "")), [id]);

    for _ in 0..2 {
        let by_name = json!({ "visitor": { "externalId": "customer 7" } });
        import(&server, &by_name).expect(201);
    }
    assert_eq!(server.list(&visitor.token, "")["total"], 1);
    assert_eq!(server.list(&server.project.private_key, "")["total"], 3);
    let visitors: i64 = server.query_value("SELECT count(*) FROM visitor");
    assert_eq!(visitors, 2);
}

#[test]
fn import_requires_exactly_one_visitor_id() {
    let server = TestServer::start();
    import(&server, &json!({})).expect_body_error("visitor");
    let bare = server
        .post("/v2/conversations")
        .bearer(&server.project.private_key);
    bare.send().expect_body_error("visitor");
    import(&server, &json!({ "visitor": 7 })).expect_body_error("visitor");
    import(&server, &json!({ "visitor": {} })).expect_body_error("visitor.externalId");
    import(&server, &json!({ "visitor": { "saVid": 7 } })).expect_body_error("visitor.saVid");
    let both = json!({ "visitor": { "saVid": "a", "externalId": "b" } });
    import(&server, &both).expect_validation_error("visitor.saVid", "left out");
    let long = json!({ "visitor": { "externalId": "é".repeat(201) } });
    import(&server, &long).expect_validation_error("visitor.externalId", "1 to 200");
    import(&server, &json!({ "visitor": { "saVid": "" } }))
        .expect_validation_error("visitor.saVid", "1 to 100");
    for id in ["", "x", "123e4567e89b12d3a456426614174000"] {
        let body = json!({ "id": id, "visitor": { "saVid": "a" } });
        import(&server, &body).expect_validation_error("id", "UUID");
    }
    import(&server, &json!({ "id": 7, "visitor": { "saVid": "a" } })).expect_body_error("id");
    assert_eq!(server.list(&server.project.private_key, "")["total"], 0);
}

#[test]
fn import_with_existing_id_returns_409() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let id = server.start_conversation(&visitor);
    for id in [id.clone(), id.to_uppercase()] {
        let body = json!({ "id": id, "visitor": { "externalId": "new" } });
        let error = import(&server, &body).expect_error(409, "CONFLICT");
        assert_eq!(
            error,
            json!({
                "message": "Resource already exists", "code": "CONFLICT",
                "details": { "resource": "conversation", "conflictingField": "id" }
            })
        );
    }
    let new: i64 = server.query_value("SELECT count(*) FROM visitor WHERE external_id = 'new'");
    assert_eq!(new, 0, "the refused import left its visitor behind");
    assert_eq!(server.list(&server.project.private_key, "")["total"], 1);
}

#[test]
fn concurrent_imports_of_one_id_create_one_conversation() {
    let server = TestServer::start();
    for round in 0..5 {
        let id = format!("0191e9f0-0000-7000-8000-00000000000{round}");
        let body = json!({ "id": id, "visitor": { "externalId": format!("person {round}") } });
        let statuses = run_concurrently(20, || import(&server, &body).status);
        let count = |status| statuses.iter().filter(|other| **other == status).count();
        assert_eq!((count(201), count(409)), (1, 19), "{statuses:?}");
        assert_eq!(
            server.list(&server.project.private_key, "")["total"],
            round + 1
        );
    }
}

#[test]
fn import_fields_of_visitor_are_ignored() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let id = "0191e9f0-0000-7000-8000-00000000abcd";
    let body = json!({ "id": id, "visitor": { "externalId": "someone else" } });
    let started = start(&server, &visitor).json(body).send().expect(201);
    assert_ne!(started["id"], id);
    assert_eq!(
        ids(&server.list(&visitor.token, "")),
        [string(&started["id"])]
    );
}

#[test]
fn close_is_idempotent() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let path = format!("/v2/conversations/{}", server.start_conversation(&visitor));
    let close = |reason: &str| {
        let close = server.post(format!("{path}/close")).bearer(&visitor.token);
        close
            .json(json!({ "closeReason": reason }))
            .send()
            .expect(200)
    };
    let read = || server.get(&path).bearer(&visitor.token).send().expect(200);
    assert_eq!(read()["closedAt"], json!(null));
    assert_eq!(
        close("solved"),
        json!({ "success": true, "message": "closed" })
    );
    let closed = read();
    assert_eq!(closed["status"], "closed");
    assert_eq!(closed["closeReason"], "solved");
    assert_eq!(closed["closedAt"], closed["updatedAt"]);
    assert_eq!(
        close("again"),
        json!({ "success": true, "message": "already closed" })
    );
    assert_eq!(read(), closed);
}

#[test]
fn close_accepts_no_body_and_reason_up_to_256_characters() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let close = || {
        let id = server.start_conversation(&visitor);
        server
            .post(format!("/v2/conversations/{id}/close"))
            .bearer(&visitor.token)
    };
    close().send().expect(200);
    close().json("{}").send().expect(200);
    for one in ["x", "é", "🦆"] {
        let reason = |count: usize| json!({ "closeReason": one.repeat(count) });
        close().json(reason(0)).send().expect(200);
        close().json(reason(256)).send().expect(200);
        close()
            .json(reason(257))
            .send()
            .expect_validation_error("closeReason", "256");
    }
    close()
        .json(json!({ "closeReason": 7 }))
        .send()
        .expect_body_error("closeReason");
    close().json("[]").send().expect_body_error("body");
    assert_eq!(server.list(&visitor.token, "status=closed")["total"], 8);
}

#[test]
fn concurrent_closes_close_once() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let path = format!(
        "/v2/conversations/{}/close",
        server.start_conversation(&visitor)
    );
    let responses = run_concurrently(12, || {
        server.post(&path).bearer(&visitor.token).send().expect(200)
    });
    let closed = responses
        .iter()
        .filter(|response| response["message"] == "closed");
    assert_eq!(closed.count(), 1);
}
