//! What POST takes: beginning a session, starting, importing, closing.

use std::collections::HashSet;
use std::thread;

use serde_json::json;

use crate::helpers::{Parlor, Visitor, ids, string};
use crate::wire::{Answer, Request};

fn init(parlor: &Parlor) -> Request {
    parlor.post("/v2/identity/init")
}

fn start(parlor: &Parlor, visitor: &Visitor) -> Request {
    parlor.post("/v2/conversations").bearer(&visitor.token)
}

fn import(parlor: &Parlor, body: &serde_json::Value) -> Answer {
    let post = parlor
        .post("/v2/conversations")
        .bearer(&parlor.site.private);
    post.json(body).send()
}

#[test]
fn a_new_device_is_201_a_known_one_200_and_each_token_is_fresh() {
    let parlor = Parlor::start();
    let first = Visitor::of(&parlor.init(&parlor.site.publishable, "device").expect(201));
    let second = Visitor::of(&parlor.init(&parlor.site.publishable, "device").expect(200));
    let other = Visitor::of(&parlor.init(&parlor.site.publishable, "Device").expect(201));
    let by_key = Visitor::of(&parlor.init(&parlor.key_for(&[]), "device").expect(200));
    assert_eq!(first.id, second.id);
    assert_eq!(first.id, by_key.id);
    assert_ne!(first.id, other.id);
    assert_ne!(first.token, second.token);
    let id = parlor.started(&first);
    for token in [&first.token, &second.token, &by_key.token] {
        assert_eq!(ids(&parlor.list(token, "")), [id.as_str()]);
    }
}

#[test]
fn one_device_that_begins_many_times_at_once_is_one_visitor() {
    let parlor = Parlor::start();
    let begun: Vec<_> = thread::scope(|scope| {
        let begin = || parlor.init(&parlor.site.publishable, "device");
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(begin)).collect();
        threads
            .into_iter()
            .map(|one| one.join().expect("an answer"))
            .collect()
    });
    let new = begun.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(new, 1);
    let visitors: HashSet<_> = begun
        .iter()
        .map(|one| Visitor::of(&one.json()).id)
        .collect();
    assert_eq!(visitors.len(), 1);
}

#[test]
fn init_lacking_a_field_or_with_a_wrong_type_is_400_and_names_it() {
    let parlor = Parlor::start();
    let key = &parlor.site.publishable;
    let device = "device";
    for (body, field) in [
        (json!({}), "apiKey"),
        (json!({ "saVid": device }), "apiKey"),
        (json!({ "apiKey": "", "saVid": device }), "apiKey"),
        (json!({ "apiKey": null, "saVid": device }), "apiKey"),
        (json!({ "apiKey": 7, "saVid": device }), "apiKey"),
        (json!({ "apiKey": [key], "saVid": device }), "apiKey"),
        (json!({ "apiKey": key }), "saVid"),
        (json!({ "apiKey": key, "saVid": null }), "saVid"),
        (json!({ "apiKey": key, "saVid": 7 }), "saVid"),
        (json!({ "apiKey": key, "saVid": {} }), "saVid"),
        (json!([]), "body"),
        (json!(null), "body"),
        (json!("text"), "body"),
    ] {
        init(&parlor).json(body).send().malformed(field);
    }
    init(&parlor).json("{").send().malformed("body");
    init(&parlor).json("{} {}").send().malformed("body");
    init(&parlor).send().malformed("apiKey");
}

#[test]
fn a_device_has_1_to_100_characters_however_many_bytes_they_are() {
    let parlor = Parlor::start();
    let key = &parlor.site.publishable;
    for one in ["x", "é", "日", "🦆"] {
        for count in [1, 100] {
            parlor.init(key, &one.repeat(count)).expect(201);
            parlor.init(key, &one.repeat(count)).expect(200);
        }
        parlor
            .init(key, &one.repeat(101))
            .invalid("saVid", "1 to 100 characters");
    }
    parlor.init(key, "").invalid("saVid", "1 to 100 characters");
    parlor
        .init(key, "a\0b")
        .invalid("saVid", "1 to 100 characters");
}

#[test]
fn an_empty_or_absent_api_key_in_the_query_is_422() {
    let parlor = Parlor::start();
    for query in ["", "?apiKey=", "?apikey=x", "?apiKey"] {
        let answer = parlor.get(format!("/v2/projects/current{query}")).send();
        answer.invalid("apiKey", "publishable key");
    }
    let twice = parlor.get("/v2/projects/current?apiKey=a&apiKey=b");
    twice.send().invalid("apiKey", "once");
}

#[test]
fn a_conversation_starts_with_no_body_or_any_that_breaks_no_rule() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    start(&parlor, &visitor).send().expect(201);
    let typed = start(&parlor, &visitor).header("Content-Type", "application/json");
    typed.send().expect(201);
    for body in [
        json!({}),
        json!({ "context": {} }),
        json!({ "context": { "pageUrl": "https://shop.example/a?b#c" } }),
        json!({ "context": { "pageUrl": "urn:isbn:0451450523", "unknown": 1 } }),
        json!({ "unknown": { "deep": [1] } }),
    ] {
        start(&parlor, &visitor).json(body).send().expect(201);
    }
    let parameters =
        start(&parlor, &visitor).header("Content-Type", "Application/JSON; charset=utf-8");
    parameters.body("{}").send().expect(201);
    assert_eq!(parlor.list(&visitor.token, "")["total"], 8);
}

#[test]
fn a_start_that_breaks_a_rule_starts_nothing() {
    let parlor = Parlor::with(|settings| settings.max_body = 1000);
    let visitor = parlor.visitor("device");
    let started = |body: &str| start(&parlor, &visitor).json(body).send();
    for body in ["{", "[]", "null", "7", "\"x\"", "{'a':1}"] {
        started(body).malformed("body");
    }
    started(r#"{"context":7}"#).malformed("context");
    started(r#"{"context":{"pageUrl":7}}"#).malformed("context.pageUrl");
    for url in ["", "shop", "/relative", "https://", "http://[::1"] {
        let body = json!({ "context": { "pageUrl": url } });
        started(&body.to_string()).invalid("context.pageUrl", "absolute URI");
    }
    let untyped = start(&parlor, &visitor).body("{}").send();
    untyped.error(415, "UNSUPPORTED_MEDIA_TYPE");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        let typed = start(&parlor, &visitor).header("Content-Type", kind);
        typed.body("{}").send().error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    assert_eq!(parlor.list(&visitor.token, "")["total"], 0);
}

#[test]
fn a_body_larger_than_the_setting_is_413() {
    let parlor = Parlor::with(|settings| settings.max_body = 1000);
    let visitor = parlor.visitor("device");
    let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    start(&parlor, &visitor)
        .json(padded(1000))
        .send()
        .expect(201);
    let large = start(&parlor, &visitor).json(padded(1001)).send();
    let error = large.error(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(error["details"], json!({ "maxBytes": 1000 }));
    assert_eq!(parlor.list(&visitor.token, "")["total"], 1);
}

#[test]
fn a_page_url_of_2048_bytes_is_the_longest() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let url = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
    let started = |url: String| {
        let body = json!({ "context": { "pageUrl": url } });
        start(&parlor, &visitor).json(body).send()
    };
    started(url(2048)).expect(201);
    started(url(2049)).invalid("context.pageUrl", "2048");
}

#[test]
fn a_private_key_brings_a_conversation_in_for_whom_it_names() {
    let parlor = Parlor::start();
    let known = parlor.visitor("device");
    let id = "0191e9f0-0000-7000-8000-00000000abcd";
    let by_device = json!({ "id": id, "visitor": { "saVid": "device" } });
    assert_eq!(import(&parlor, &by_device).expect(201)["id"], id);
    assert_eq!(ids(&parlor.list(&known.token, "")), [id]);

    for _ in 0..2 {
        let by_name = json!({ "visitor": { "externalId": "customer 7" } });
        import(&parlor, &by_name).expect(201);
    }
    assert_eq!(parlor.list(&known.token, "")["total"], 1);
    assert_eq!(parlor.list(&parlor.site.private, "")["total"], 3);
    let visitors: i64 = parlor
        .sql()
        .query_row("SELECT count(*) FROM visitor", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(visitors, 2);
}

#[test]
fn an_import_must_name_its_visitor_in_one_way() {
    let parlor = Parlor::start();
    import(&parlor, &json!({})).malformed("visitor");
    let bare = parlor
        .post("/v2/conversations")
        .bearer(&parlor.site.private);
    bare.send().malformed("visitor");
    import(&parlor, &json!({ "visitor": 7 })).malformed("visitor");
    import(&parlor, &json!({ "visitor": {} })).malformed("visitor.externalId");
    import(&parlor, &json!({ "visitor": { "saVid": 7 } })).malformed("visitor.saVid");
    let both = json!({ "visitor": { "saVid": "a", "externalId": "b" } });
    import(&parlor, &both).invalid("visitor.saVid", "left out");
    let long = json!({ "visitor": { "externalId": "é".repeat(201) } });
    import(&parlor, &long).invalid("visitor.externalId", "1 to 200");
    import(&parlor, &json!({ "visitor": { "saVid": "" } })).invalid("visitor.saVid", "1 to 100");
    for id in ["", "x", "123e4567e89b12d3a456426614174000"] {
        let body = json!({ "id": id, "visitor": { "saVid": "a" } });
        import(&parlor, &body).invalid("id", "UUID");
    }
    import(&parlor, &json!({ "id": 7, "visitor": { "saVid": "a" } })).malformed("id");
    assert_eq!(parlor.list(&parlor.site.private, "")["total"], 0);
}

#[test]
fn an_id_that_is_taken_is_409_and_changes_nothing() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let id = parlor.started(&visitor);
    for id in [id.clone(), id.to_uppercase()] {
        let body = json!({ "id": id, "visitor": { "externalId": "new" } });
        let error = import(&parlor, &body).error(409, "CONFLICT");
        assert_eq!(
            error,
            json!({
                "message": "Resource already exists", "code": "CONFLICT",
                "details": { "resource": "conversation", "conflictingField": "id" }
            })
        );
    }
    let new: i64 = parlor
        .sql()
        .query_row(
            "SELECT count(*) FROM visitor WHERE external_id = 'new'",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(new, 0, "the refused import left its visitor behind");
    assert_eq!(parlor.list(&parlor.site.private, "")["total"], 1);
}

#[test]
fn of_twenty_imports_of_one_id_at_once_exactly_one_is_made() {
    let parlor = Parlor::start();
    for round in 0..5 {
        let id = format!("0191e9f0-0000-7000-8000-00000000000{round}");
        let body = json!({ "id": id, "visitor": { "externalId": format!("person {round}") } });
        let statuses: Vec<_> = thread::scope(|scope| {
            let one = || import(&parlor, &body).status;
            let threads: Vec<_> = (0..20).map(|_| scope.spawn(one)).collect();
            threads
                .into_iter()
                .map(|one| one.join().expect("an answer"))
                .collect()
        });
        let count = |status| statuses.iter().filter(|one| **one == status).count();
        assert_eq!((count(201), count(409)), (1, 19), "{statuses:?}");
        assert_eq!(parlor.list(&parlor.site.private, "")["total"], round + 1);
    }
}

#[test]
fn a_visitors_own_id_and_name_are_no_import() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let id = "0191e9f0-0000-7000-8000-00000000abcd";
    let body = json!({ "id": id, "visitor": { "externalId": "someone else" } });
    let started = start(&parlor, &visitor).json(body).send().expect(201);
    assert_ne!(started["id"], id);
    assert_eq!(
        ids(&parlor.list(&visitor.token, "")),
        [string(&started["id"])]
    );
}

#[test]
fn the_first_close_closes_and_the_second_changes_nothing() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let path = format!("/v2/conversations/{}", parlor.started(&visitor));
    let close = |reason: &str| {
        let close = parlor.post(format!("{path}/close")).bearer(&visitor.token);
        close
            .json(json!({ "closeReason": reason }))
            .send()
            .expect(200)
    };
    let read = || parlor.get(&path).bearer(&visitor.token).send().expect(200);
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
fn a_close_needs_no_body_and_a_reason_of_256_characters_is_the_longest() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let close = || {
        let id = parlor.started(&visitor);
        parlor
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
            .invalid("closeReason", "256");
    }
    close()
        .json(json!({ "closeReason": 7 }))
        .send()
        .malformed("closeReason");
    close().json("[]").send().malformed("body");
    assert_eq!(parlor.list(&visitor.token, "status=closed")["total"], 8);
}

#[test]
fn of_many_closes_at_once_one_closes() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let path = format!("/v2/conversations/{}/close", parlor.started(&visitor));
    let said: Vec<_> = thread::scope(|scope| {
        let close = || parlor.post(&path).bearer(&visitor.token).send().expect(200);
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(close)).collect();
        threads
            .into_iter()
            .map(|one| one.join().expect("an answer"))
            .collect()
    });
    let closed = said.iter().filter(|answer| answer["message"] == "closed");
    assert_eq!(closed.count(), 1);
}
