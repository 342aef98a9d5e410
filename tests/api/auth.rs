//! Credentials. A request without a valid credential gets a 401 before its
//! parameters and body are checked.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use parlor::domain::Timestamp;
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use crate::helpers::{Client, Request, TestServer, UNKNOWN_ID, Visitor, wait_until};

const HOUR: i64 = 60 * 60 * 1000;

/// Every kind of request that requires a bearer credential.
fn protected_requests(client: Client) -> [Request; 5] {
    let conversation = format!("/v2/conversations/{UNKNOWN_ID}");
    [
        client.get("/v2/conversations"),
        client.post("/v2/conversations"),
        client.get(&conversation),
        client.post(format!("{conversation}/close")),
        client.get("/v2/identity/me"),
    ]
}

#[track_caller]
fn expect_refused(client: Client, authorization: &str) {
    for request in protected_requests(client) {
        let response = request.header("Authorization", authorization).send();
        let error = response.expect_error(401, "UNAUTHORIZED");
        assert_eq!(error.get("details"), None);
    }
}

#[track_caller]
fn expect_validity(server: &TestServer, token: &str, is_valid: bool) {
    let response = server.get("/v2/conversations").bearer(token).send();
    assert_eq!(
        response.status,
        if is_valid { 200 } else { 401 },
        "{}",
        response.text()
    );
}

#[test]
fn missing_credential_returns_401() {
    let server = TestServer::start();
    for request in protected_requests(*server) {
        request.send().expect_error(401, "UNAUTHORIZED");
    }
}

#[test]
fn malformed_credential_returns_401() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
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
        expect_refused(*server, &authorization);
    }
}

#[test]
fn bearer_scheme_is_case_insensitive() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {}", visitor.token);
        let list = server.get("/v2/conversations");
        list.header("Authorization", authorization)
            .send()
            .expect(200);
    }
}

#[test]
fn tampered_token_returns_401() {
    let server = TestServer::start();
    let token = server.create_visitor("device").token;
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("a JWT has three parts: {token}");
    };
    expect_validity(&server, &token, true);
    let change_character = |text: &str| {
        let middle = text.len() / 2;
        let swapped = if &text[middle..=middle] == "A" {
            "B"
        } else {
            "A"
        };
        format!("{}{swapped}{}", &text[..middle], &text[middle + 1..])
    };
    // {"alg":"none","typ":"JWT"}
    let none_header = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let tampered = [
        format!("{header}.{claims}.{}", change_character(signature)),
        format!("{header}.{}.{signature}", change_character(claims)),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{none_header}.{claims}."),
        format!("{none_header}.{claims}.{signature}"),
        format!("{token}.x"),
    ];
    for token in tampered {
        expect_refused(*server, &format!("Bearer {token}"));
    }
}

#[test]
fn token_of_other_database_returns_401() {
    let [server, other_server] = [TestServer::start(), TestServer::start()];
    let token = other_server.create_visitor("device").token;
    expect_validity(&other_server, &token, true);
    expect_validity(&server, &token, false);
}

/// Appends the signature to the first two parts of a token.
fn sign<M: Mac + KeyInit>(secret: &[u8], message: &str) -> String {
    let hasher = <M as KeyInit>::new_from_slice(secret).expect("a key");
    let signature = hasher.chain_update(message).finalize().into_bytes();
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// A token signed with the secret of the database, with changed claims.
fn sign_token(server: &TestServer, visitor: &Visitor, algorithm: &str, change: Value) -> String {
    let secret: Vec<u8> = server
        .db_connection()
        .query_row(
            "SELECT value FROM secret WHERE name = 'session'",
            (),
            |row| row.get(0),
        )
        .expect("a secret");
    let session: uuid::Uuid = server
        .db_connection()
        .query_row("SELECT id FROM session", (), |row| row.get(0))
        .expect("one session");
    let now = Timestamp::now().seconds();
    let mut claims = json!({ "jti": session, "sub": visitor.id, "iat": now, "exp": now + 60 });
    for (name, value) in change.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    let header = json!({ "typ": "JWT", "alg": algorithm });
    let parts = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = parts.join(".");
    match algorithm {
        "HS384" => sign::<Hmac<Sha384>>(&secret, &message),
        "HS512" => sign::<Hmac<Sha512>>(&secret, &message),
        _ => sign::<Hmac<Sha256>>(&secret, &message),
    }
}

#[test]
fn token_requires_valid_signature_algorithm_and_expiry() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let with = |algorithm, change| sign_token(&server, &visitor, algorithm, change);
    expect_validity(&server, &with("HS256", json!({})), true);
    for algorithm in ["HS384", "HS512", "RS256", "none"] {
        expect_validity(&server, &with(algorithm, json!({})), false);
    }
    let expired = Timestamp::now().seconds() - 1;
    for change in [
        json!({ "exp": expired }),
        json!({ "exp": null }),
        json!({ "jti": UNKNOWN_ID }),
    ] {
        expect_validity(&server, &with("HS256", change), false);
    }
}

/// A visitor whose session was created and last used this many milliseconds ago.
fn create_old_session(server: &TestServer, created_ago: i64, used_ago: i64) -> Visitor {
    let visitor = server.create_visitor("device");
    let now = Timestamp::now().0;
    let written = server.db_connection().execute(
        "UPDATE session SET created_at = ?, last_used_at = ?",
        [now - created_ago, now - used_ago],
    );
    assert_eq!(written.expect("an update"), 1);
    visitor
}

#[test]
fn session_expires_after_a_day_without_use() {
    let day = 24 * HOUR;
    for (used_ago, is_valid) in [(day - 60_000, true), (day + 1000, false)] {
        let server = TestServer::start();
        let visitor = create_old_session(&server, 2 * day, used_ago);
        expect_validity(&server, &visitor.token, is_valid);
        if !is_valid {
            expect_refused(*server, &format!("Bearer {}", visitor.token));
        }
    }
}

#[test]
fn session_expires_after_thirty_days() {
    let month = 30 * 24 * HOUR;
    for (created_ago, is_valid) in [(month - 60_000, true), (month + 1000, false)] {
        let server = TestServer::start();
        let visitor = create_old_session(&server, created_ago, 0);
        expect_validity(&server, &visitor.token, is_valid);
    }
}

#[test]
fn session_lifetimes_follow_settings() {
    let start_with_short_sessions = || {
        TestServer::start_with(|settings| {
            settings.session_idle_hours = 2;
            settings.session_max_days = 1;
        })
    };
    for (created_ago, used_ago, is_valid) in [
        (3 * HOUR, HOUR, true),
        (3 * HOUR, 2 * HOUR + 1000, false),
        (24 * HOUR + 1000, 0, false),
    ] {
        let server = start_with_short_sessions();
        let visitor = create_old_session(&server, created_ago, used_ago);
        expect_validity(&server, &visitor.token, is_valid);
    }
}

#[test]
fn request_renews_session() {
    let server = TestServer::start();
    let visitor = create_old_session(&server, 48 * HOUR, 23 * HOUR);
    let before = Timestamp::now().0;
    expect_validity(&server, &visitor.token, true);
    let used: i64 = server
        .db_connection()
        .query_row("SELECT last_used_at FROM session", (), |row| row.get(0))
        .expect("a session");
    assert!(used >= before);
}

#[test]
fn revoked_publishable_key_returns_401() {
    let server = TestServer::start();
    let key = server.project.publishable_key.clone();
    server.revoke_key(&key);
    server
        .init_session(&key, "device")
        .expect_error(401, "UNAUTHORIZED");
    let project = server.get(format!("/v2/projects/current?apiKey={key}"));
    project.send().expect_error(401, "UNAUTHORIZED");
}

#[test]
fn revoking_key_ends_only_its_sessions() {
    let server = TestServer::start();
    let other = server.create_publishable_key(&[]);
    let revoked = server.create_visitor("one");
    let unaffected = Visitor::from_json(&server.init_session(&other, "two").expect(201));
    server.revoke_key(&server.project.publishable_key);
    expect_refused(*server, &format!("Bearer {}", revoked.token));
    expect_validity(&server, &unaffected.token, true);
}

#[test]
fn cached_key_is_refused_soon_after_revocation() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let key = server.project.private_key.clone();
    expect_validity(&server, &key, true);
    expect_validity(&server, &visitor.token, true);
    server.revoke_key(&key);
    server.revoke_key(&server.project.publishable_key);
    for credential in [&key, &visitor.token] {
        wait_until("the revoked credential is refused", || {
            server.get_list(credential, "").status == 401
        });
    }
}

#[test]
fn credential_of_wrong_kind_returns_401() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    expect_refused(
        *server,
        &format!("Bearer {}", server.project.publishable_key),
    );
    for credential in [&server.project.private_key, &visitor.token, "pk_unknown"] {
        server
            .init_session(credential, "device")
            .expect_error(401, "UNAUTHORIZED");
        let project = server.get(format!("/v2/projects/current?apiKey={credential}"));
        project.send().expect_error(401, "UNAUTHORIZED");
    }
    let target = format!("/v2/conversations?apiKey={}", server.project.private_key);
    server.get(target).send().expect_error(401, "UNAUTHORIZED");
}

#[test]
fn private_key_is_not_a_visitor() {
    let server = TestServer::start();
    let me = server
        .get("/v2/identity/me")
        .bearer(&server.project.private_key);
    me.send().expect_error(403, "FORBIDDEN");
}

/// Inserts the public keys of the demo into the database.
fn insert_demo_keys(server: &TestServer) {
    for (text, kind) in [("pk_demo", "publishable"), ("sk_demo", "private")] {
        let hash = parlor::domain::Key::from_text(text).hash();
        let inserted = server.db_connection().execute(
            "INSERT INTO api_key (id, project_seq, kind, name, hash, hint, created_at) \
             VALUES (?, ?, ?, 'demo', ?, 'demo', 0)",
            rusqlite::params![uuid::Uuid::now_v7(), server.project.seq.0, kind, hash.0],
        );
        assert_eq!(inserted.expect("a key"), 1);
    }
}

#[test]
fn demo_keys_are_valid_only_in_demo() {
    for (server, is_valid) in [
        (TestServer::start(), false),
        (TestServer::start_demo(), true),
    ] {
        insert_demo_keys(&server);
        let status = server.init_session("pk_demo", "device").status;
        assert_eq!(status, if is_valid { 201 } else { 401 });
        expect_validity(&server, "sk_demo", is_valid);
    }
}

#[test]
fn credential_is_checked_before_request() {
    let server = TestServer::start();
    let bad = [
        server.get("/v2/conversations?limit=0&orderBy=nothing"),
        server.get("/v2/conversations/not-a-uuid"),
        server.post("/v2/conversations").json("{broken"),
        server.post("/v2/conversations").body("no type"),
        server.post("/v2/conversations/not-a-uuid/close").json("[]"),
    ];
    for request in bad {
        request.send().expect_error(401, "UNAUTHORIZED");
    }
}
