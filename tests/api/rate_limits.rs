//! Rate limits (docs/api-contract.md, section 10).

use parlor::config::Settings;

use serde_json::json;

use crate::helpers::{Response, TestServer, UNKNOWN_ID, WebSocketClient};
use crate::one_node;

/// Limits of three requests, which refill in twenty seconds.
fn small_limits(settings: &mut Settings) {
    settings.rate_limit = 3;
    settings.key_rate_limit = 3;
    settings.ip_rate_limit = 3;
    settings.public_rate_limit = 3;
}

/// Asserts a 429 that has the waiting time in the body and in a header.
#[track_caller]
fn expect_rate_limited(response: &Response) {
    let error = response.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(
        error["message"],
        "Rate limit exceeded. Please try again later."
    );
    let seconds = error["details"]["retryAfter"].as_u64().expect("seconds");
    assert!((1..=21).contains(&seconds), "{seconds}");
    assert_eq!(
        response.header("retry-after"),
        Some(seconds.to_string().as_str())
    );
}

#[test]
fn each_session_has_its_own_limit() {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(small_limits);
    let [first, second] = [server.create_visitor("one"), server.create_visitor("two")];
    let get = |token: &str, target: &str| server.get(target).bearer(token).send();
    for _ in 0..3 {
        get(&first.token, "/v2/conversations").expect(200);
    }
    expect_rate_limited(&get(&first.token, "/v2/conversations"));
    expect_rate_limited(&get(&first.token, "/v2/identity/me"));
    // The limit is checked before the parameters.
    expect_rate_limited(&get(&first.token, "/v2/conversations?limit=0"));
    get(&second.token, "/v2/conversations").expect(200);
}

#[test]
fn each_private_key_has_its_own_limit() {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(small_limits);
    let get = |key: &str| server.get("/v2/conversations").bearer(key).send();
    for _ in 0..3 {
        get(&server.project.private_key).expect(200);
    }
    expect_rate_limited(&get(&server.project.private_key));
    get(&server.create_project().private_key).expect(200);
}

#[test]
fn session_init_is_limited_by_address() {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(small_limits);
    server
        .init_session(&server.project.publishable_key, "one")
        .expect(201);
    server
        .init_session("pk_guessed", "two")
        .expect_error(401, "UNAUTHORIZED");
    server
        .post("/v2/identity/init")
        .json("{")
        .send()
        .expect_body_error("body");
    expect_rate_limited(&server.init_session(&server.project.publishable_key, "one"));
}

#[test]
fn address_behind_proxy_is_last_forwarded_one() {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(|settings| {
        small_limits(settings);
        settings.behind_proxy = true;
    });
    let init_from = |forwarded: &str| {
        let init = server.post("/v2/identity/init").json("{}");
        init.header("X-Forwarded-For", forwarded).send()
    };
    for forwarded in [
        "192.0.2.1, 198.51.100.7",
        "192.0.2.2, 198.51.100.7",
        "198.51.100.7",
    ] {
        init_from(forwarded).expect_body_error("apiKey");
    }
    expect_rate_limited(&init_from("192.0.2.3, 198.51.100.7"));
    init_from("198.51.100.8").expect_body_error("apiKey");
    // All addresses of one IPv6 /64 network share a limit.
    for host in 1..=3 {
        init_from(&format!("2001:db8:0:1::{host}")).expect_body_error("apiKey");
    }
    expect_rate_limited(&init_from("2001:db8:0:1:ffff::9"));
    // Some proxies write the port too.
    for forwarded in [
        "198.51.100.7:50000",
        "198.51.100.7:50001",
        "[2001:db8:0:1::1]:50000",
        "[2001:db8:0:1::1]",
    ] {
        expect_rate_limited(&init_from(forwarded));
    }
    init_from("198.51.100.9:50000").expect_body_error("apiKey");
    init_from("2001:db8:0:2::1").expect_body_error("apiKey");
}

#[test]
fn forwarded_address_is_ignored_without_proxy() {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(small_limits);
    let init_from = |forwarded: &str| {
        let init = server.post("/v2/identity/init").json("{}");
        init.header("X-Forwarded-For", forwarded).send()
    };
    for forwarded in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        init_from(forwarded).expect_body_error("apiKey");
    }
    expect_rate_limited(&init_from("198.51.100.4"));
}

/// A server that counts a proxy's client addresses, and requests without a session
/// and without a private key.
fn setup_public_requests() -> (TestServer, [String; 4]) {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(|settings| {
        settings.rate_limit = 1000;
        settings.public_rate_limit = 4;
        settings.behind_proxy = true;
    });
    let (id, key) = (&server.project.id, &server.project.publishable_key);
    let qnas = format!("/v2/projects/{id}/qnas");
    let targets = [
        format!("{qnas}/{UNKNOWN_ID}"),
        format!("/v2/search?apiKey={key}&q=x"),
        format!("/v2/projects/current?apiKey={key}"),
        qnas,
    ];
    (server, targets)
}

#[test]
fn public_requests_are_limited_by_address() {
    let (server, targets) = setup_public_requests();
    let get = |from: &str, target: &str| server.get(target).header("X-Forwarded-For", from).send();
    for target in &targets {
        assert_ne!(get("192.0.2.1", target).status, 429, "{target}");
    }
    for target in &targets {
        expect_rate_limited(&get("192.0.2.1", target));
    }
    // The limit is checked before the key and the parameters.
    expect_rate_limited(&get("192.0.2.1", "/v2/search?apiKey=pk_guessed&size=0"));
    // All addresses of one IPv6 /64 network share a limit.
    for host in 1..=4 {
        get(&format!("2001:db8::{host}"), &targets[3]).expect(200);
    }
    expect_rate_limited(&get("2001:db8::ffff:9", &targets[3]));
    get("2001:db8:0:1::1", &targets[3]).expect(200);
}

#[test]
fn websockets_without_session_are_limited_by_address() {
    let (server, _) = setup_public_requests();
    let visitor = server.create_visitor("ann");
    let conversation = server.start_conversation(&visitor);
    let key = &server.project.publishable_key;
    let target = format!("/v2/conversations/{conversation}/ws?apiKey={key}");
    let open = |target: &str| {
        let socket = WebSocketClient::try_open(*server, target, &[]);
        socket
            .err()
            .map_or(101, |response| response.status().as_u16())
    };
    for _ in 0..4 {
        assert_eq!(open(&target), 101);
    }
    assert_eq!(open(&target), 429);
    let guessed = target.replace(key, "pk_guessed");
    assert_eq!(open(&guessed), 429, "the limit is checked before the key");
    assert_eq!(open(&format!("{target}&token={}", visitor.token)), 101);
}

#[test]
fn sessions_and_private_keys_are_independent_of_public_requests() {
    let (server, targets) = setup_public_requests();
    let visitor = server.create_visitor("ann");
    for _ in 0..5 {
        server.get(&targets[3]).send();
    }
    expect_rate_limited(&server.get(&targets[3]).send());
    server
        .init_session(&server.project.publishable_key, "ben")
        .expect(201);
    server.list(&visitor.token, "");
    let qna = server.post(&targets[3]).bearer(&server.project.private_key);
    qna.json(json!({ "question": "Q", "answer": "A" }))
        .send()
        .expect(201);
}

#[test]
fn valid_credential_takes_a_public_request_out_of_the_limit_of_its_address() {
    let (server, targets) = setup_public_requests();
    let visitor = server.create_visitor("ann");
    let conversation = server.start_conversation(&visitor);
    for credential in [&server.project.private_key, &visitor.token] {
        for target in targets.iter().cycle().take(12) {
            let response = server.get(target).bearer(credential).send();
            assert_ne!(response.status, 429, "{target}");
        }
    }
    // The requests above were not counted, and those with other credentials are.
    let key = &server.project.publishable_key;
    for credential in ["sk_guessed", "a.b.c", key, ""] {
        server
            .get(&targets[3])
            .bearer(credential)
            .send()
            .expect(200);
    }
    expect_rate_limited(&server.get(&targets[3]).bearer("sk_guessed").send());
    expect_rate_limited(&server.get(&targets[3]).bearer("a.b.c").send());
    let socket = format!("/v2/conversations/{conversation}/ws?apiKey={key}&token=a.b.c");
    let refused = WebSocketClient::try_open(*server, &socket, &[]);
    assert_eq!(refused.err().expect("a refusal").status(), 429);
    server
        .get(&targets[3])
        .bearer(&server.project.private_key)
        .send()
        .expect(200);
}

#[test]
fn public_requests_with_a_private_key_count_against_the_limit_of_the_key() {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(small_limits);
    let target = format!("/v2/projects/{}/qnas", server.project.id);
    let get = || {
        server
            .get(&target)
            .bearer(&server.project.private_key)
            .send()
    };
    for _ in 0..3 {
        get().expect(200);
    }
    expect_rate_limited(&get());
    // The limit of the address is not used up.
    server.get(&target).send().expect(200);
}

#[test]
fn rate_limit_0_disables_limits() {
    let server = TestServer::start_with(|settings| {
        settings.rate_limit = 0;
        settings.key_rate_limit = 1;
        settings.ip_rate_limit = 1;
        settings.public_rate_limit = 1;
    });
    for _ in 0..5 {
        let target = format!("/v2/projects/{}/qnas", server.project.id);
        server.get(target).send().expect(200);
    }
    for _ in 0..10 {
        let visitor = server.create_visitor("device");
        server.list(&visitor.token, "");
        server.list(&visitor.token, "");
        server.list(&server.project.private_key, "");
    }
}
