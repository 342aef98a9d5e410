//! Requests whose effects must be the same whichever node receives them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::Nodes;
use crate::helpers::{Request, Response, TestServer, ids, string};

const PAIRS: usize = 32;

/// Sends the same request to both nodes at the same time.
fn send_to_both(nodes: &Nodes, request: impl Fn(&TestServer) -> Request + Sync) -> [Response; 2] {
    let barrier = Barrier::new(2);
    let send = |node| {
        barrier.wait();
        request(node).send()
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| send(&nodes.a));
        let second = send(&nodes.b);
        [first.join().expect("a response"), second]
    })
}

#[test]
fn same_idempotency_key_on_both_nodes_stores_one_message() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, _) = nodes.start_conversation();
    let mut conflicts = 0;
    for number in 0..PAIRS {
        let id = nodes.a.start_conversation(&ann);
        // One of the two answers is refused before it reads its script, or after.
        let scripts = [(); 2].map(|()| {
            let script = nodes.model.script_answer();
            script.send_text("Hello.");
            script.finish();
            script
        });
        let send = |node: &TestServer| {
            let request = node.post_message(&ann, &id, "Hi");
            request.header("Idempotency-Key", format!("key-{number}"))
        };
        let responses = send_to_both(&nodes, send);
        nodes.a.wait_for_answers();
        nodes.b.wait_for_answers();
        nodes.model.clear_scripts();
        drop(scripts);
        let expected = send(&nodes.a).send().expect(200);
        assert_eq!(send(&nodes.b).send().expect(200), expected);
        let mut successes = 0;
        for response in responses {
            if response.status == 200 {
                successes += 1;
                assert_eq!(response.json(), expected);
                continue;
            }
            // The other node is still answering.
            let details = json!({ "resource": "message", "conflictingField": "status" });
            assert_eq!(response.expect_error(409, "CONFLICT")["details"], details);
            conflicts += 1;
        }
        assert!(successes > 0);
        let transcript = nodes.b.transcript(&ann, &id);
        let expected = [
            ["user", "complete", "Hi"],
            ["assistant", "complete", "Hello."],
        ];
        assert_eq!(transcript, expected);
    }
    println!("{conflicts} of {PAIRS} pairs had a conflict");
}

#[test]
fn same_idempotency_key_on_both_nodes_creates_one_row() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    nodes.a.take_over(&id).send().expect(200);
    let key = &nodes.a.project.private_key;
    for number in 0..PAIRS {
        let with_key = |request: Request, name: &str| {
            request.header("Idempotency-Key", format!("{name}-{number}"))
        };
        let start = |node: &TestServer| {
            let start = node.post("/v2/conversations").bearer(&ann.token);
            with_key(start, "start")
        };
        let message = |node: &TestServer| with_key(node.post_message(&ann, &id, "Hi"), "message");
        let reply = |node: &TestServer| with_key(node.reply(&id, "Hello."), "reply");
        let qna = |node: &TestServer| {
            let qnas = node.post(format!("/v2/projects/{}/qnas", node.project.id));
            let body = json!({ "question": format!("{number}?"), "answer": "Yes." });
            with_key(qnas.bearer(key).json(body), "qna")
        };
        let requests: [&(dyn Fn(&TestServer) -> Request + Sync); 4] =
            [&start, &message, &reply, &qna];
        for request in requests {
            let [first, second] = send_to_both(&nodes, request);
            assert!(first.status < 300, "{}", first.text());
            assert_eq!((first.status, &first.body), (second.status, &second.body));
        }
    }
    let count = |sql: &str| nodes.a.query_value::<i64>(sql);
    let pairs = i64::try_from(PAIRS).expect("a number");
    assert_eq!(count("SELECT count(*) FROM conversation"), pairs + 1);
    assert_eq!(count("SELECT count(*) FROM message"), 2 * pairs);
    assert_eq!(count("SELECT count(*) FROM qna"), pairs);
}

#[test]
fn same_visitor_on_both_nodes_is_one_row() {
    let Some(nodes) = Nodes::start() else { return };
    for number in 0..PAIRS {
        let init = |node: &TestServer| {
            let body =
                json!({ "apiKey": node.project.publishable_key, "saVid": number.to_string() });
            node.post("/v2/identity/init").json(body)
        };
        let responses = send_to_both(&nodes, init);
        let visitors = responses.map(|response| response.json()["visitor"].clone());
        assert_eq!(visitors[0], visitors[1]);
    }
    let visitors: i64 = nodes.a.query_value("SELECT count(*) FROM visitor");
    assert_eq!(visitors, i64::try_from(PAIRS).expect("a number"));
}

/// Threads that write, each with conversations of its own, and what each writes.
const WRITERS: u64 = 8;
const WRITES: u64 = 60;

/// What a writer expects of its conversations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct State {
    is_closed: bool,
    is_human_handled: bool,
}

#[test]
fn totals_are_exact_after_writes_on_both_nodes() {
    let Some(nodes) = Nodes::start() else { return };
    let states = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (nodes, states) = (&nodes, &states);
            scope.spawn(move || {
                let written = write_randomly(nodes, writer);
                states.lock().expect("states").extend(written);
            });
        }
    });
    let states = states.into_inner().expect("states");
    let count =
        |condition: &dyn Fn(&State) -> bool| states.iter().filter(|state| condition(state)).count();
    let key = &nodes.a.project.private_key;
    for node in [&nodes.a, &nodes.b] {
        for (query, expected) in [
            ("", states.len()),
            ("status=open", count(&|state| !state.is_closed)),
            ("status=closed", count(&|state| state.is_closed)),
            (
                "isHumanHandled=true",
                count(&|state| state.is_human_handled),
            ),
        ] {
            assert_eq!(node.list(key, query)["total"], expected, "{query}");
        }
    }
}

/// Starts, takes over, hands back and closes conversations of a new visitor, on nodes that
/// change. After each write, both nodes list it.
fn write_randomly(nodes: &Nodes, writer: u64) -> Vec<State> {
    let visitor = nodes.a.create_visitor(&format!("device-{writer}"));
    let mut conversations: Vec<(String, State)> = Vec::new();
    // A linear congruential generator.
    let mut random = writer + 1;
    let mut next = |limit: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(random >> 33).expect("a number") % limit
    };
    for _ in 0..WRITES {
        let (node, other) = nodes.pairs()[next(2)];
        let action = next(4);
        let open: Vec<_> = (0..conversations.len())
            .filter(|index| !conversations[*index].1.is_closed)
            .collect();
        if action == 0 || open.is_empty() {
            conversations.push((node.start_conversation(&visitor), State::default()));
        } else {
            let (id, state) = &mut conversations[open[next(open.len())]];
            let request = match action {
                1 => node.take_over(id),
                2 => node.hand_back(id),
                _ => node.close(&visitor.token, id),
            };
            request.send().expect(200);
            match action {
                1 => state.is_human_handled = true,
                2 => state.is_human_handled = false,
                _ => state.is_closed = true,
            }
        }
        for node in [node, other] {
            check_list(node, &visitor.token, &conversations);
        }
    }
    conversations.into_iter().map(|(_, state)| state).collect()
}

#[track_caller]
fn check_list(node: &TestServer, token: &str, conversations: &[(String, State)]) {
    let list = node.list(token, "limit=100&orderBy=createdAt");
    assert_eq!(list["total"], conversations.len());
    let listed = list["data"].as_array().expect("data").iter().map(|item| {
        let state = State {
            is_closed: item["status"] == "closed",
            is_human_handled: item["isHumanHandled"] == true,
        };
        (string(&item["id"]), state)
    });
    let mut listed: Vec<_> = listed.collect();
    listed.sort_by(|one, other| one.0.cmp(&other.0));
    let mut expected = conversations.to_vec();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(listed, expected);
}

/// Lists of both nodes, with and without a cache, after each acknowledged write.
fn check_lists_after_writes(nodes: &Nodes) {
    let (ann, id) = nodes.start_conversation();
    let key = &nodes.a.project.private_key;
    nodes.a.take_over(&id).send().expect(200);
    let has_cache = nodes.a.settings.list_cache_mb > 0;
    for number in 0..20_usize {
        let text = number.to_string();
        let (node, other) = nodes.pairs()[number % 2];
        node.reply(&id, &text).send().expect(201);
        for reader in [node, other] {
            for credential in [&ann.token, key] {
                let first = reader.list(credential, "");
                let message = &first["data"][0]["lastMessage"];
                assert_eq!(message["parts"][0]["text"], text.as_str());
                let hits = reader.list_cache_stats.hits();
                assert_eq!(reader.list(credential, ""), first);
                let new_hits = reader.list_cache_stats.hits() - hits;
                assert_eq!(new_hits, u64::from(has_cache));
            }
        }
    }
}

#[test]
fn list_of_each_node_shows_acknowledged_writes_of_both() {
    let Some(nodes) = Nodes::start() else { return };
    assert!(nodes.a.settings.list_cache_mb > 0, "the lists are cached");
    check_lists_after_writes(&nodes);
}

#[test]
fn list_without_cache_shows_acknowledged_writes_of_both_nodes() {
    let Some(nodes) = Nodes::start_with(|settings| settings.list_cache_mb = 0) else {
        return;
    };
    check_lists_after_writes(&nodes);
}

#[test]
fn etag_of_one_node_is_valid_on_another() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, _) = nodes.start_conversation();
    let etag = |node: &TestServer| {
        let response = node.get_list(&ann.token, "");
        response.header("etag").expect("an ETag").to_owned()
    };
    let first = etag(&nodes.a);
    assert_eq!(etag(&nodes.b), first);
    let get = nodes.b.get("/v2/conversations").bearer(&ann.token);
    assert_eq!(get.header("If-None-Match", first).send().status, 304);
}

#[test]
fn cursor_of_one_node_continues_on_another() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, _) = nodes.start_conversation();
    for _ in 0..6 {
        nodes.b.start_conversation(&ann);
    }
    let mut found = Vec::new();
    let mut query = "limit=2".to_owned();
    for number in 0..4 {
        let (node, _) = nodes.pairs()[number % 2];
        let page = node.get_list(&ann.token, &query);
        found.extend(ids(&page.json()));
        if let Some(next) = page.link("next") {
            query = next.split_once('?').expect("a query").1.to_owned();
        }
    }
    let all = ids(&nodes.a.list(&ann.token, "limit=100"));
    assert_eq!((found.len(), found), (7, all));
}

/// Clients on both nodes count what was acknowledged before they ask.
#[test]
fn no_list_is_older_than_an_acknowledged_write_of_any_node() {
    let Some(nodes) = Nodes::start() else { return };
    let (nodes, acknowledged) = (&nodes, &AtomicU64::new(0));
    let key = &nodes.a.project.private_key;
    let total = |list: &Value| list["total"].as_u64();
    thread::scope(|scope| {
        for (node, other) in nodes.pairs() {
            scope.spawn(move || {
                let visitor = node.create_visitor("ann");
                for _ in 0..40 {
                    node.start_conversation(&visitor);
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            });
            scope.spawn(move || {
                while acknowledged.load(Ordering::SeqCst) < 80 {
                    let expected = acknowledged.load(Ordering::SeqCst);
                    let list = other.list(key, "");
                    assert!(total(&list) >= Some(expected), "{expected}");
                }
            });
        }
    });
    assert_eq!(total(&nodes.a.list(key, "")), Some(80));
}
