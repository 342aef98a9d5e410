//! Credentials: what is refused, with 401, before anything else is judged.

use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parlor::domain::Timestamp;
use serde_json::{Value, json};

use crate::helpers::{Parlor, Visitor};
use crate::wire::{Client, Request};

const HOUR: i64 = 60 * 60 * 1000;

/// Every request that takes a bearer credential.
fn guarded(client: Client) -> [Request; 5] {
    let one = "/v2/conversations/123e4567-e89b-12d3-a456-426614174000";
    [
        client.get("/v2/conversations"),
        client.post("/v2/conversations"),
        client.get(one),
        client.post(format!("{one}/close")),
        client.get("/v2/identity/me"),
    ]
}

#[track_caller]
fn refused(client: Client, authorization: &str) {
    for request in guarded(client) {
        let answer = request.header("Authorization", authorization).send();
        let error = answer.error(401, "UNAUTHORIZED");
        assert_eq!(error.get("details"), None);
    }
}

#[track_caller]
fn accepted(parlor: &Parlor, token: &str, yes: bool) {
    let answer = parlor.get("/v2/conversations").bearer(token).send();
    assert_eq!(
        answer.status,
        if yes { 200 } else { 401 },
        "{}",
        answer.text()
    );
}

#[test]
fn no_credential_is_401_and_asks_for_a_bearer() {
    let parlor = Parlor::start();
    for request in guarded(*parlor) {
        request.send().error(401, "UNAUTHORIZED");
    }
}

#[test]
fn whatever_is_no_bearer_credential_of_ours_is_401() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let wrong = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer nonsense".to_owned(),
        "Bearer a.b.c".to_owned(),
        "Bearer ..".to_owned(),
        format!("Basic {}", visitor.token),
        format!("Token {}", visitor.token),
        visitor.token.clone(),
        format!("Bearer {} x", visitor.token),
        format!("Bearer {}", "x".repeat(4000)),
        format!("Bearer {}", "x.".repeat(2000)),
    ];
    for authorization in wrong {
        refused(*parlor, &authorization);
    }
}

#[test]
fn the_scheme_is_read_in_any_case() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {}", visitor.token);
        let list = parlor.get("/v2/conversations");
        list.header("Authorization", authorization)
            .send()
            .expect(200);
    }
}

#[test]
fn a_token_that_was_tampered_with_is_401() {
    let parlor = Parlor::start();
    let token = parlor.visitor("device").token;
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("a JWT has three parts: {token}");
    };
    accepted(&parlor, &token, true);
    let other = |text: &str| {
        let middle = text.len() / 2;
        let swapped = if &text[middle..=middle] == "A" {
            "B"
        } else {
            "A"
        };
        format!("{}{swapped}{}", &text[..middle], &text[middle + 1..])
    };
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let tampered = [
        format!("{header}.{claims}.{}", other(signature)),
        format!("{header}.{}.{signature}", other(claims)),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{token}.x"),
    ];
    for token in tampered {
        refused(*parlor, &format!("Bearer {token}"));
    }
}

#[test]
fn a_token_of_another_file_is_401() {
    let [here, there] = [Parlor::start(), Parlor::start()];
    let token = there.visitor("device").token;
    accepted(&there, &token, true);
    accepted(&here, &token, false);
}

/// A token with the file's own signature, and what is in it.
fn signed(parlor: &Parlor, visitor: &Visitor, algorithm: Algorithm, change: Value) -> String {
    let secret: Vec<u8> = parlor
        .sql()
        .query_row(
            "SELECT value FROM secret WHERE name = 'session'",
            [],
            |row| row.get(0),
        )
        .expect("a secret");
    let session: uuid::Uuid = parlor
        .sql()
        .query_row("SELECT id FROM session", [], |row| row.get(0))
        .expect("one session");
    let now = Timestamp::now().seconds();
    let mut claims = json!({ "jti": session, "sub": visitor.id, "iat": now, "exp": now + 60 });
    for (name, value) in change.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    let key = EncodingKey::from_secret(&secret);
    encode(&Header::new(algorithm), &claims, &key).expect("a token")
}

#[test]
fn a_token_is_believed_for_its_signature_its_algorithm_and_its_end() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let with = |algorithm, change| signed(&parlor, &visitor, algorithm, change);
    accepted(&parlor, &with(Algorithm::HS256, json!({})), true);
    accepted(&parlor, &with(Algorithm::HS384, json!({})), false);
    accepted(&parlor, &with(Algorithm::HS512, json!({})), false);
    let past = Timestamp::now().seconds() - 1;
    accepted(
        &parlor,
        &with(Algorithm::HS256, json!({ "exp": past })),
        false,
    );
    accepted(
        &parlor,
        &with(Algorithm::HS256, json!({ "exp": null })),
        false,
    );
    let nobody = json!({ "jti": "123e4567-e89b-12d3-a456-426614174000" });
    accepted(&parlor, &with(Algorithm::HS256, nobody), false);
}

/// A visitor whose session was begun and last used so long ago.
fn aged(parlor: &Parlor, begun_ago: i64, used_ago: i64) -> Visitor {
    let visitor = parlor.visitor("device");
    let now = Timestamp::now().0;
    let written = parlor.sql().execute(
        "UPDATE session SET created_at = ?, last_used_at = ?",
        [now - begun_ago, now - used_ago],
    );
    assert_eq!(written.expect("an update"), 1);
    visitor
}

#[test]
fn a_session_unused_for_a_day_is_over() {
    let day = 24 * HOUR;
    for (used_ago, alive) in [(day - 60_000, true), (day + 1000, false)] {
        let parlor = Parlor::start();
        let visitor = aged(&parlor, 2 * day, used_ago);
        accepted(&parlor, &visitor.token, alive);
        if !alive {
            refused(*parlor, &format!("Bearer {}", visitor.token));
        }
    }
}

#[test]
fn a_session_of_thirty_days_is_over_however_much_it_is_used() {
    let month = 30 * 24 * HOUR;
    for (begun_ago, alive) in [(month - 60_000, true), (month + 1000, false)] {
        let parlor = Parlor::start();
        let visitor = aged(&parlor, begun_ago, 0);
        accepted(&parlor, &visitor.token, alive);
    }
}

#[test]
fn the_settings_say_when_a_session_is_over() {
    let shorter = || {
        Parlor::with(|settings| {
            settings.session_idle = 2;
            settings.session_max = 1;
        })
    };
    for (begun_ago, used_ago, alive) in [
        (3 * HOUR, HOUR, true),
        (3 * HOUR, 2 * HOUR + 1000, false),
        (24 * HOUR + 1000, 0, false),
    ] {
        let parlor = shorter();
        let visitor = aged(&parlor, begun_ago, used_ago);
        accepted(&parlor, &visitor.token, alive);
    }
}

#[test]
fn using_a_session_keeps_it_alive() {
    let parlor = Parlor::start();
    let visitor = aged(&parlor, 48 * HOUR, 23 * HOUR);
    let before = Timestamp::now().0;
    accepted(&parlor, &visitor.token, true);
    let used: i64 = parlor
        .sql()
        .query_row("SELECT last_used_at FROM session", [], |row| row.get(0))
        .expect("a session");
    assert!(used >= before);
}

#[test]
fn a_revoked_publishable_key_begins_and_shows_nothing() {
    let parlor = Parlor::start();
    let key = parlor.site.publishable.clone();
    parlor.revoke(&key);
    parlor.init(&key, "device").error(401, "UNAUTHORIZED");
    let project = parlor.get(format!("/v2/projects/current?apiKey={key}"));
    project.send().error(401, "UNAUTHORIZED");
}

#[test]
fn a_revoked_key_ends_the_sessions_begun_with_it_and_no_others() {
    let parlor = Parlor::start();
    let other = parlor.key_for(&[]);
    let ended = parlor.visitor("one");
    let kept = Visitor::of(&parlor.init(&other, "two").expect(201));
    parlor.revoke(&parlor.site.publishable);
    refused(*parlor, &format!("Bearer {}", ended.token));
    accepted(&parlor, &kept.token, true);
}

#[test]
fn a_key_that_is_in_use_is_refused_soon_after_it_is_revoked() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let key = parlor.site.private.clone();
    accepted(&parlor, &key, true);
    accepted(&parlor, &visitor.token, true);
    parlor.revoke(&key);
    parlor.revoke(&parlor.site.publishable);
    for credential in [&key, &visitor.token] {
        let until = Instant::now() + Duration::from_secs(5);
        let refused = || {
            parlor
                .get("/v2/conversations")
                .bearer(credential)
                .send()
                .status
                == 401
        };
        while !refused() {
            assert!(Instant::now() < until, "a revoked key is believed for ever");
        }
    }
}

#[test]
fn each_kind_of_credential_has_its_own_place() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    refused(*parlor, &format!("Bearer {}", parlor.site.publishable));
    for misplaced in [&parlor.site.private, &visitor.token, "pk_unknown"] {
        parlor.init(misplaced, "device").error(401, "UNAUTHORIZED");
        let project = parlor.get(format!("/v2/projects/current?apiKey={misplaced}"));
        project.send().error(401, "UNAUTHORIZED");
    }
    let target = format!("/v2/conversations?apiKey={}", parlor.site.private);
    parlor.get(target).send().error(401, "UNAUTHORIZED");
}

#[test]
fn a_private_key_is_no_visitor() {
    let parlor = Parlor::start();
    let me = parlor.get("/v2/identity/me").bearer(&parlor.site.private);
    me.send().error(403, "FORBIDDEN");
}

/// Puts the demo's keys, which anyone knows, into the file.
fn leave_demo_keys(parlor: &Parlor) {
    for (text, kind) in [("pk_demo", "publishable"), ("sk_demo", "private")] {
        let hash = parlor::domain::Key::received(text).hash();
        let made = parlor.sql().execute(
            "INSERT INTO api_key (id, project_seq, kind, name, hash, hint, created_at) \
             VALUES (?, ?, ?, 'demo', ?, 'demo', 0)",
            rusqlite::params![uuid::Uuid::now_v7(), parlor.site.project.0, kind, hash.0],
        );
        assert_eq!(made.expect("a key"), 1);
    }
}

#[test]
fn the_demos_keys_open_nothing_outside_the_demo() {
    for (parlor, opened) in [(Parlor::start(), false), (Parlor::demo(), true)] {
        leave_demo_keys(&parlor);
        let begun = parlor.init("pk_demo", "device").status;
        assert_eq!(begun, if opened { 201 } else { 401 });
        accepted(&parlor, "sk_demo", opened);
    }
}

#[test]
fn who_calls_is_judged_before_what_they_say() {
    let parlor = Parlor::start();
    let bad = [
        parlor.get("/v2/conversations?limit=0&orderBy=nothing"),
        parlor.get("/v2/conversations/not-a-uuid"),
        parlor.post("/v2/conversations").json("{broken"),
        parlor.post("/v2/conversations").body("no type"),
        parlor.post("/v2/conversations/not-a-uuid/close").json("[]"),
    ];
    for request in bad {
        request.send().error(401, "UNAUTHORIZED");
    }
}
