//! Two projects in one file do not share visitors, search, cursors, limits and events.

use serde_json::json;

use crate::helpers::{CUSTOMER, DEVICE, SECRET, Side, TestServer, WebSocketClient, ids, string};
use crate::one_node;

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
    one_node!("each node has rate limits of its own");
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
