//! Rate limits (section 0, D15).

use parlor::config::Settings;

use crate::helpers::{Response, TestServer};

/// Limits so small that a test reaches them, and refill in twenty seconds.
fn small(settings: &mut Settings) {
    settings.rate_limit = 3;
    settings.key_rate_limit = 3;
    settings.ip_rate_limit = 3;
}

/// 429, and how long to wait both ways.
#[track_caller]
fn limited(response: &Response) {
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
    let server = TestServer::start_with(small);
    let [one, two] = [server.create_visitor("one"), server.create_visitor("two")];
    let ask = |token: &str, target: &str| server.get(target).bearer(token).send();
    for _ in 0..3 {
        ask(&one.token, "/v2/conversations").expect(200);
    }
    limited(&ask(&one.token, "/v2/conversations"));
    limited(&ask(&one.token, "/v2/identity/me"));
    // Judged before what is asked.
    limited(&ask(&one.token, "/v2/conversations?limit=0"));
    ask(&two.token, "/v2/conversations").expect(200);
}

#[test]
fn each_private_key_has_its_own_limit() {
    let server = TestServer::start_with(small);
    let ask = |key: &str| server.get("/v2/conversations").bearer(key).send();
    for _ in 0..3 {
        ask(&server.project.private_key).expect(200);
    }
    limited(&ask(&server.project.private_key));
    ask(&server.create_project().private_key).expect(200);
}

#[test]
fn session_init_is_limited_by_address() {
    let server = TestServer::start_with(small);
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
    limited(&server.init_session(&server.project.publishable_key, "one"));
}

#[test]
fn address_behind_proxy_is_last_forwarded_one() {
    let server = TestServer::start_with(|settings| {
        small(settings);
        settings.behind_proxy = true;
    });
    let from = |forwarded: &str| {
        let init = server.post("/v2/identity/init").json("{}");
        init.header("X-Forwarded-For", forwarded).send()
    };
    for spoofed in [
        "192.0.2.1, 198.51.100.7",
        "192.0.2.2, 198.51.100.7",
        "198.51.100.7",
    ] {
        from(spoofed).expect_body_error("apiKey");
    }
    limited(&from("192.0.2.3, 198.51.100.7"));
    from("198.51.100.8").expect_body_error("apiKey");
    // One /64 is one client.
    for host in 1..=3 {
        from(&format!("2001:db8:0:1::{host}")).expect_body_error("apiKey");
    }
    limited(&from("2001:db8:0:1:ffff::9"));
    from("2001:db8:0:2::1").expect_body_error("apiKey");
}

#[test]
fn forwarded_address_is_ignored_without_proxy() {
    let server = TestServer::start_with(small);
    let from = |forwarded: &str| {
        let init = server.post("/v2/identity/init").json("{}");
        init.header("X-Forwarded-For", forwarded).send()
    };
    for forwarded in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        from(forwarded).expect_body_error("apiKey");
    }
    limited(&from("198.51.100.4"));
}

#[test]
fn rate_limit_0_disables_limits() {
    let server = TestServer::start_with(|settings| {
        settings.rate_limit = 0;
        settings.key_rate_limit = 1;
        settings.ip_rate_limit = 1;
    });
    for _ in 0..10 {
        let visitor = server.create_visitor("device");
        server.list(&visitor.token, "");
        server.list(&visitor.token, "");
        server.list(&server.project.private_key, "");
    }
}
