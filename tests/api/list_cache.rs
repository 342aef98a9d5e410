//! The cache of list responses: clients get the same responses as without it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::helpers::{
    Request, Response, TestServer, Visitor, ids, setup_model_conversation, string, wait_until,
};
use crate::one_node;

const SHOP: &str = "https://shop.example";

fn list_request(server: &TestServer, credential: &str) -> Request {
    server.get("/v2/conversations").bearer(credential)
}

/// The ETags of the lists of the visitor and of the project. Each list is requested twice
/// from each node: the second response comes from the cache, if there is one.
fn etags(server: &TestServer, visitor: &Visitor) -> [String; 2] {
    let nodes = server.nodes().count();
    let hits_per_list = if server.settings.list_cache_mb > 0 {
        nodes as u64
    } else {
        0
    };
    [&visitor.token, &server.project.private_key].map(|credential| {
        let get = |_| list_request(server, credential).send();
        let mut responses: Vec<_> = (0..nodes).map(get).collect();
        let hits_before = server.list_cache_hits();
        responses.extend((0..nodes).map(get));
        let hits = server.list_cache_hits() - hits_before;
        assert_eq!(hits, hits_per_list);
        let etag = |response: &Response| response.header("etag").map(str::to_owned);
        for response in &responses {
            assert_eq!(response.body, responses[0].body);
            assert_eq!(etag(response), etag(&responses[0]));
        }
        etag(&responses[0]).expect("an ETag")
    })
}

fn last_message(server: &TestServer, credential: &str) -> Value {
    server.list(credential, "")["data"][0]["lastMessage"].clone()
}

#[test]
fn unchanged_list_is_served_from_the_cache() {
    one_node!("each node has a list cache of its own");
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let stats = &server.list_cache_stats;
    for (hits, misses) in [(0, 1), (1, 1), (2, 1)] {
        server.list(&ann.token, "");
        assert_eq!((stats.hits(), stats.misses()), (hits, misses));
    }
    server.start_conversation(&ann);
    for (hits, misses) in [(2, 2), (3, 2)] {
        assert_eq!(server.list(&ann.token, "")["total"], 1);
        assert_eq!((stats.hits(), stats.misses()), (hits, misses));
    }
}

#[test]
fn list_etag_changes_after_each_acknowledged_write() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let mut before = etags(&server, &ann);
    let mut expect_new_etags = |action: &str| {
        let after = etags(&server, &ann);
        for (before, after) in before.iter().zip(&after) {
            assert_ne!(before, after, "{action}");
        }
        before = after;
    };
    let id = server.start_conversation(&ann);
    expect_new_etags("started");
    server.post_message(&ann, &id, "Hello?").send().expect(200);
    expect_new_etags("answered");
    let answer_id = string(&last_message(&server, &ann.token)["id"]);
    let rate = server.post(format!("/v2/messages/{answer_id}/feedback"));
    let rate = rate.bearer(&ann.token).json(json!({ "feedback": "like" }));
    rate.send().expect(200);
    expect_new_etags("rated");
    server.take_over(&id).send().expect(200);
    expect_new_etags("taken over");
    server.reply(&id, "Mara.").send().expect(201);
    expect_new_etags("replied to");
    server.hand_back(&id).send().expect(200);
    expect_new_etags("handed back");
    server.close(&ann.token, &id).send().expect(200);
    expect_new_etags("closed");
}

#[test]
fn list_shows_streaming_answer_and_then_complete_answer() {
    one_node!("each node has a list cache of its own");
    let (model, server, ann, id) = setup_model_conversation();
    let script = model.script_answer();
    script.send_text("Here");
    let mut stream = server
        .post_streaming_message(&ann, &id, "Where?")
        .open_stream();
    stream.expect_block("data");
    etags(&server, &ann);
    assert_eq!(last_message(&server, &ann.token)["status"], "streaming");
    script.send_text(" it is.");
    script.finish();
    stream.events();
    server.wait_for_answers();
    for credential in [&ann.token, &server.project.private_key] {
        let last = last_message(&server, credential);
        assert_eq!(last["status"], "complete");
        assert_eq!(last["parts"][0]["text"], "Here it is.");
    }
}

/// The number of writing threads and of reading threads.
const WRITERS: u64 = 16;
const ROUNDS: u64 = 12;

#[test]
fn list_includes_every_acknowledged_write() {
    let server = &TestServer::start_with(|settings| settings.workers = 2);
    let acknowledged = &AtomicU64::new(0);
    let check_project_list = || {
        let expected = acknowledged.load(Ordering::SeqCst);
        let list = server.list(&server.project.private_key, "");
        assert!(list["total"].as_u64() >= Some(expected));
    };
    thread::scope(|scope| {
        for number in 0..WRITERS {
            scope.spawn(move || {
                let visitor = server.create_visitor(&format!("device-{number}"));
                for round in 1..=ROUNDS {
                    let id = server.start_conversation(&visitor);
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                    let own = server.list(&visitor.token, "");
                    assert_eq!(own["total"], round);
                    assert_eq!(ids(&own)[0], id);
                    check_project_list();
                    // Nothing has changed, so the cache may answer.
                    assert_eq!(server.list(&visitor.token, ""), own);
                }
            });
            scope.spawn(move || {
                while acknowledged.load(Ordering::SeqCst) < WRITERS * ROUNDS {
                    check_project_list();
                }
            });
        }
    });
    let list = server.list(&server.project.private_key, "");
    assert_eq!(list["total"], WRITERS * ROUNDS);
}

#[test]
fn cached_list_has_same_headers_and_body() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    for _ in 0..3 {
        server.start_conversation(&ann);
    }
    let request = |method: &'static str| {
        let request = server.request(method, "/v2/conversations?limit=2");
        request.bearer(&ann.token).header("Origin", SHOP)
    };
    let headers = |response: &Response| {
        let names = [
            "etag",
            "link",
            "x-total-count",
            "cache-control",
            "vary",
            "content-type",
            "content-length",
            "access-control-allow-origin",
            "access-control-expose-headers",
        ];
        // Each process has its own order of the names in a header.
        let sorted = |value: &str| {
            let mut parts: Vec<_> = value.split(", ").map(str::to_owned).collect();
            parts.sort();
            parts
        };
        names.map(|name| response.header(name).map(sorted))
    };
    let first = request("GET").send();
    assert!(headers(&first).iter().all(Option::is_some));
    let mut request_ids = vec![first.header("x-request-id").map(str::to_owned)];
    for method in ["GET", "HEAD"] {
        let second = request(method).header("If-None-Match", "\"x\"").send();
        assert_eq!((second.status, headers(&second)), (200, headers(&first)));
        let body: &[u8] = if method == "GET" { &first.body } else { b"" };
        assert_eq!(second.body, body);
        request_ids.push(second.header("x-request-id").map(str::to_owned));
        let etag = first.header("etag").expect("an ETag");
        let not_modified = request(method).header("If-None-Match", etag).send();
        assert_eq!((not_modified.status, not_modified.body.len()), (304, 0));
        for name in ["etag", "cache-control", "vary"] {
            assert_eq!(not_modified.header(name), first.header(name), "{name}");
        }
        request_ids.push(not_modified.header("x-request-id").map(str::to_owned));
    }
    let count = request_ids.len();
    request_ids.sort();
    request_ids.dedup();
    assert_eq!(
        request_ids.len(),
        count,
        "each response has its own request id"
    );
    let plain = request("GET").header("X-Request-Id", "mine").send();
    assert_eq!(plain.header("x-request-id"), Some("mine"));
}

#[test]
fn cached_list_is_not_served_to_other_callers() {
    let server = TestServer::start();
    let key = server.create_publishable_key(&[SHOP]);
    let ann = Visitor::from_json(&server.init_session(&key, "ann").expect(201));
    let bob = server.create_visitor("bob");
    server.start_conversation(&ann);
    let list_from = |origin: &str| {
        list_request(&server, &ann.token)
            .header("Origin", origin)
            .send()
    };
    for _ in 0..2 {
        list_from(SHOP).expect(200);
    }
    list_from("https://evil.example").expect_error(403, "FORBIDDEN");
    list_request(&server, "nobody")
        .send()
        .expect_error(401, "UNAUTHORIZED");
    assert_eq!(server.list(&bob.token, "")["total"], 0);
    let other_project = server.create_project();
    assert_eq!(server.list(&other_project.private_key, "")["total"], 0);
    assert_eq!(server.list(&server.project.private_key, "")["total"], 1);
}

#[test]
fn revoked_key_gets_no_cached_list_after_one_second() {
    let server = TestServer::start();
    let key = server.project.private_key.clone();
    list_request(&server, &key).send().expect(200);
    server.revoke_key(&key);
    let revoked_at = Instant::now();
    wait_until("the revoked key is refused", || {
        let is_late = revoked_at.elapsed() > Duration::from_secs(1);
        let is_refused = list_request(&server, &key).send().status == 401;
        assert!(is_refused || !is_late, "accepted after one second");
        is_refused
    });
}

#[test]
fn disabled_list_cache_returns_current_list() {
    let server = TestServer::start_with(|settings| settings.list_cache_mb = 0);
    let ann = server.create_visitor("ann");
    let before = etags(&server, &ann);
    server.start_conversation(&ann);
    assert_ne!(etags(&server, &ann), before);
}
