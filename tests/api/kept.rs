//! Lists that are kept while nothing of them changes: nobody can tell, save by
//! the clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::helpers::{Parlor, Visitor, ids, string};
use crate::scripted::Scripted;
use crate::wire::{Answer, Request};

const SHOP: &str = "https://shop.example";

fn asked(parlor: &Parlor, credential: &str) -> Request {
    parlor.get("/v2/conversations").bearer(credential)
}

/// The tags of the visitor's list and of the project's, each asked for twice:
/// the second time it is kept.
fn tags(parlor: &Parlor, visitor: &Visitor) -> [String; 2] {
    [&visitor.token, &parlor.site.private].map(|credential| {
        let [first, second] = [(); 2].map(|()| asked(parlor, credential).send());
        assert_eq!(first.body, second.body);
        second.header("etag").expect("a tag").to_owned()
    })
}

fn last_message(parlor: &Parlor, credential: &str) -> Value {
    parlor.list(credential, "")["data"][0]["lastMessage"].clone()
}

#[test]
fn a_list_is_a_new_one_once_a_change_is_acknowledged() {
    let parlor = Parlor::start();
    let ann = parlor.visitor("ann");
    let mut before = tags(&parlor, &ann);
    let mut changed = |what: &str| {
        let after = tags(&parlor, &ann);
        for (before, after) in before.iter().zip(&after) {
            assert_ne!(before, after, "{what}");
        }
        before = after;
    };
    let id = parlor.started(&ann);
    changed("started");
    parlor.say(&ann, &id, "Hello?").send().expect(200);
    changed("answered");
    let answer = last_message(&parlor, &ann.token);
    let rate = parlor.post(format!("/v2/messages/{}/feedback", string(&answer["id"])));
    let rate = rate.bearer(&ann.token).json(json!({ "feedback": "like" }));
    rate.send().expect(200);
    changed("rated");
    parlor.take_over(&id).send().expect(200);
    changed("taken over");
    let reply = parlor.post(format!("/v2/conversations/{id}/replies"));
    let reply = reply.bearer(&parlor.site.private);
    reply.json(json!({ "content": "Mara." })).send().expect(201);
    changed("replied to");
    let hand_back = parlor.request("DELETE", format!("/v2/conversations/{id}/agent"));
    hand_back.bearer(&parlor.site.private).send().expect(200);
    changed("handed back");
    let close = parlor.post(format!("/v2/conversations/{id}/close"));
    close.bearer(&ann.token).send().expect(200);
    changed("closed");
}

#[test]
fn the_list_shows_an_answer_being_written_and_then_the_whole() {
    let model = Scripted::new();
    let parlor = Parlor::with_model(model.clone(), |_| ());
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    let hand = model.hand();
    hand.text("Here");
    let mut stream = parlor.ask(&ann, &id, "Where?").open();
    stream.event_or_comment("data");
    tags(&parlor, &ann);
    assert_eq!(last_message(&parlor, &ann.token)["status"], "streaming");
    hand.text(" it is.");
    hand.end();
    stream.events();
    parlor.until_quiet();
    for credential in [&ann.token, &parlor.site.private] {
        let last = last_message(&parlor, credential);
        assert_eq!(last["status"], "complete");
        assert_eq!(last["parts"][0]["text"], "Here it is.");
    }
}

/// So many of each at once.
const WRITERS: u64 = 16;
const ROUNDS: u64 = 12;

#[test]
fn nobody_who_was_told_of_a_write_is_given_an_older_list() {
    let parlor = Parlor::with(|settings| settings.workers = 2);
    let told = AtomicU64::new(0);
    let total = |credential: &str| {
        let page = parlor.list(credential, "");
        page["total"].as_u64().expect("a total")
    };
    thread::scope(|scope| {
        for number in 0..WRITERS {
            let (parlor, told) = (&parlor, &told);
            scope.spawn(move || {
                let visitor = parlor.visitor(&format!("device-{number}"));
                for round in 1..=ROUNDS {
                    let id = parlor.started(&visitor);
                    told.fetch_add(1, Ordering::SeqCst);
                    let own = parlor.list(&visitor.token, "");
                    assert_eq!(own["total"], round);
                    assert_eq!(ids(&own)[0], id);
                    let known = told.load(Ordering::SeqCst);
                    assert!(total(&parlor.site.private) >= known);
                    // Nothing has changed, so this is the one that is kept.
                    assert_eq!(parlor.list(&visitor.token, ""), own);
                }
            });
            scope.spawn(move || {
                while told.load(Ordering::SeqCst) < WRITERS * ROUNDS {
                    let known = told.load(Ordering::SeqCst);
                    assert!(total(&parlor.site.private) >= known);
                }
            });
        }
    });
    assert_eq!(total(&parlor.site.private), WRITERS * ROUNDS);
}

#[test]
fn a_kept_list_is_answered_as_any_other() {
    let parlor = Parlor::start();
    let ann = parlor.visitor("ann");
    for _ in 0..3 {
        parlor.started(&ann);
    }
    let ask = |method: &'static str| {
        let request = parlor.request(method, "/v2/conversations?limit=2");
        request.bearer(&ann.token).header("Origin", SHOP)
    };
    let said = |answer: &Answer| {
        let names = ["etag", "link", "x-total-count", "cache-control", "vary"];
        let more = ["content-type", "content-length"];
        let cors = [
            "access-control-allow-origin",
            "access-control-expose-headers",
        ];
        let names = names.into_iter().chain(more).chain(cors);
        let values = names.map(|name| answer.header(name).map(str::to_owned));
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
fn what_is_kept_is_for_those_who_may_see_it() {
    let parlor = Parlor::start();
    let key = parlor.key_for(&[SHOP]);
    let ann = Visitor::of(&parlor.init(&key, "ann").expect(201));
    let bob = parlor.visitor("bob");
    parlor.started(&ann);
    let from = |origin: &str| asked(&parlor, &ann.token).header("Origin", origin).send();
    for _ in 0..2 {
        from(SHOP).expect(200);
    }
    from("https://evil.example").error(403, "FORBIDDEN");
    asked(&parlor, "nobody").send().error(401, "UNAUTHORIZED");
    assert_eq!(parlor.list(&bob.token, "")["total"], 0);
    let theirs = parlor.another_site();
    assert_eq!(parlor.list(&theirs.private, "")["total"], 0);
    assert_eq!(parlor.list(&parlor.site.private, "")["total"], 1);
}

#[test]
fn a_revoked_key_is_given_no_kept_list_after_its_second() {
    let parlor = Parlor::start();
    let key = parlor.site.private.clone();
    asked(&parlor, &key).send().expect(200);
    parlor.revoke(&key);
    let revoked = Instant::now();
    loop {
        let late = revoked.elapsed() > Duration::from_secs(1);
        if asked(&parlor, &key).send().status == 401 {
            break;
        }
        assert!(!late, "a second is over");
    }
}

#[test]
fn without_room_nothing_is_kept_and_all_is_as_before() {
    let parlor = Parlor::with(|settings| settings.kept = 0);
    let ann = parlor.visitor("ann");
    let before = tags(&parlor, &ann);
    parlor.started(&ann);
    assert_ne!(tags(&parlor, &ann), before);
}
