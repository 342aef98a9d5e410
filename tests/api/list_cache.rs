//! Lists that are kept while nothing of them changes: nobody can tell, save by
//! the clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::helpers::{FakeModel, Request, Response, TestServer, Visitor, ids, string};

const SHOP: &str = "https://shop.example";

fn asked(server: &TestServer, credential: &str) -> Request {
    server.get("/v2/conversations").bearer(credential)
}

/// The tags of the visitor's list and of the project's, each asked for twice:
/// the second time it is kept.
fn tags(server: &TestServer, visitor: &Visitor) -> [String; 2] {
    [&visitor.token, &server.project.private_key].map(|credential| {
        let [first, second] = [(); 2].map(|()| asked(server, credential).send());
        assert_eq!(first.body, second.body);
        second.header("etag").expect("a tag").to_owned()
    })
}

fn last_message(server: &TestServer, credential: &str) -> Value {
    server.list(credential, "")["data"][0]["lastMessage"].clone()
}

#[test]
fn list_etag_changes_after_each_acknowledged_write() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let mut before = tags(&server, &ann);
    let mut changed = |what: &str| {
        let after = tags(&server, &ann);
        for (before, after) in before.iter().zip(&after) {
            assert_ne!(before, after, "{what}");
        }
        before = after;
    };
    let id = server.start_conversation(&ann);
    changed("started");
    server.post_message(&ann, &id, "Hello?").send().expect(200);
    changed("answered");
    let response = last_message(&server, &ann.token);
    let rate = server.post(format!("/v2/messages/{}/feedback", string(&response["id"])));
    let rate = rate.bearer(&ann.token).json(json!({ "feedback": "like" }));
    rate.send().expect(200);
    changed("rated");
    server.take_over(&id).send().expect(200);
    changed("taken over");
    let reply = server.post(format!("/v2/conversations/{id}/replies"));
    let reply = reply.bearer(&server.project.private_key);
    reply.json(json!({ "content": "Mara." })).send().expect(201);
    changed("replied to");
    let hand_back = server.request("DELETE", format!("/v2/conversations/{id}/agent"));
    hand_back
        .bearer(&server.project.private_key)
        .send()
        .expect(200);
    changed("handed back");
    let close = server.post(format!("/v2/conversations/{id}/close"));
    close.bearer(&ann.token).send().expect(200);
    changed("closed");
}

#[test]
fn list_shows_streaming_answer_and_then_complete_answer() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let script = model.script_answer();
    script.send_text("Here");
    let mut stream = server
        .post_streaming_message(&ann, &id, "Where?")
        .open_stream();
    stream.expect_block("data");
    tags(&server, &ann);
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

/// So many of each at once.
const WRITERS: u64 = 16;
const ROUNDS: u64 = 12;

#[test]
fn list_includes_every_acknowledged_write() {
    let server = TestServer::start_with(|settings| settings.workers = 2);
    let told = AtomicU64::new(0);
    let total = |credential: &str| {
        let page = server.list(credential, "");
        page["total"].as_u64().expect("a total")
    };
    thread::scope(|scope| {
        for number in 0..WRITERS {
            let (server, told) = (&server, &told);
            scope.spawn(move || {
                let visitor = server.create_visitor(&format!("device-{number}"));
                for round in 1..=ROUNDS {
                    let id = server.start_conversation(&visitor);
                    told.fetch_add(1, Ordering::SeqCst);
                    let own = server.list(&visitor.token, "");
                    assert_eq!(own["total"], round);
                    assert_eq!(ids(&own)[0], id);
                    let known = told.load(Ordering::SeqCst);
                    assert!(total(&server.project.private_key) >= known);
                    // Nothing has changed, so this is the one that is kept.
                    assert_eq!(server.list(&visitor.token, ""), own);
                }
            });
            scope.spawn(move || {
                while told.load(Ordering::SeqCst) < WRITERS * ROUNDS {
                    let known = told.load(Ordering::SeqCst);
                    assert!(total(&server.project.private_key) >= known);
                }
            });
        }
    });
    assert_eq!(total(&server.project.private_key), WRITERS * ROUNDS);
}

#[test]
fn cached_list_has_same_headers_and_body() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    for _ in 0..3 {
        server.start_conversation(&ann);
    }
    let ask = |method: &'static str| {
        let request = server.request(method, "/v2/conversations?limit=2");
        request.bearer(&ann.token).header("Origin", SHOP)
    };
    let said = |response: &Response| {
        let names = ["etag", "link", "x-total-count", "cache-control", "vary"];
        let more = ["content-type", "content-length"];
        let cors = [
            "access-control-allow-origin",
            "access-control-expose-headers",
        ];
        let names = names.into_iter().chain(more).chain(cors);
        let values = names.map(|name| response.header(name).map(str::to_owned));
        values.collect::<Vec<_>>()
    };
    let first = ask("GET").send();
    assert!(said(&first).iter().all(Option::is_some));
    let mut known = vec![first.header("x-request-id").map(str::to_owned)];
    for method in ["GET", "HEAD"] {
        let again = ask(method).header("If-None-Match", "\"x\"").send();
        assert_eq!((again.status, said(&again)), (200, said(&first)));
        let body: &[u8] = if method == "GET" { &first.body } else { b"" };
        assert_eq!(again.body, body);
        known.push(again.header("x-request-id").map(str::to_owned));
        let tag = first.header("etag").expect("a tag");
        let not_modified = ask(method).header("If-None-Match", tag).send();
        assert_eq!((not_modified.status, not_modified.body.len()), (304, 0));
        for name in ["etag", "cache-control", "vary"] {
            assert_eq!(not_modified.header(name), first.header(name), "{name}");
        }
        known.push(not_modified.header("x-request-id").map(str::to_owned));
    }
    let count = known.len();
    known.sort();
    known.dedup();
    assert_eq!(known.len(), count, "each has an id of its own");
    let plain = ask("GET").header("X-Request-Id", "mine").send();
    assert_eq!(plain.header("x-request-id"), Some("mine"));
}

#[test]
fn cached_list_is_not_served_to_other_callers() {
    let server = TestServer::start();
    let key = server.create_publishable_key(&[SHOP]);
    let ann = Visitor::from_json(&server.init_session(&key, "ann").expect(201));
    let bob = server.create_visitor("bob");
    server.start_conversation(&ann);
    let from = |origin: &str| asked(&server, &ann.token).header("Origin", origin).send();
    for _ in 0..2 {
        from(SHOP).expect(200);
    }
    from("https://evil.example").expect_error(403, "FORBIDDEN");
    asked(&server, "nobody")
        .send()
        .expect_error(401, "UNAUTHORIZED");
    assert_eq!(server.list(&bob.token, "")["total"], 0);
    let theirs = server.create_project();
    assert_eq!(server.list(&theirs.private_key, "")["total"], 0);
    assert_eq!(server.list(&server.project.private_key, "")["total"], 1);
}

#[test]
fn revoked_key_gets_no_cached_list_after_one_second() {
    let server = TestServer::start();
    let key = server.project.private_key.clone();
    asked(&server, &key).send().expect(200);
    server.revoke_key(&key);
    let revoked = Instant::now();
    loop {
        let late = revoked.elapsed() > Duration::from_secs(1);
        if asked(&server, &key).send().status == 401 {
            break;
        }
        assert!(!late, "a second is over");
    }
}

#[test]
fn disabled_list_cache_returns_current_list() {
    let server = TestServer::start_with(|settings| settings.list_cache_mb = 0);
    let ann = server.create_visitor("ann");
    let before = tags(&server, &ann);
    server.start_conversation(&ann);
    assert_ne!(tags(&server, &ann), before);
}
