//! The pages of agents.

use std::collections::BTreeSet;

use parlor::config::parse_public_url;

use crate::helpers::{Response, TestServer};

/// The nonce in the content security policy of a page.
fn nonce(page: &Response) -> String {
    let policy = page.header("content-security-policy").expect("a policy");
    let (_, rest) = policy
        .split_once("script-src 'self' 'nonce-")
        .expect(policy);
    let (nonce, _) = rest.split_once('\'').expect("a nonce");
    nonce.to_owned()
}

#[test]
fn pages_have_a_new_nonce_in_each_response() {
    let server = TestServer::start();
    let mut nonces = BTreeSet::new();
    for path in [
        "/inbox",
        "/inbox/",
        "/inbox/conversations/x",
        "/setup",
        "/inbox",
    ] {
        let page = server
            .get(path)
            .header("Accept-Encoding", "br, gzip")
            .send();
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let nonce = nonce(&page);
        assert!(!page.text().contains("__CSP_NONCE__"), "{path}");
        assert!(page.text().contains(&nonce), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("etag"), None);
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(
            page.header("cross-origin-opener-policy"),
            Some("same-origin")
        );
        nonces.insert(nonce);
    }
    assert_eq!(nonces.len(), 5);
}

#[test]
fn policy_allows_this_server_only_and_no_inline_code() {
    let server = TestServer::start();
    let page = server.get("/inbox").hosts(&["parlor.lan:81"]).send();
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(!policy.contains("unsafe"), "{policy}");
    for part in [
        "default-src 'none';",
        "connect-src 'self' ws://parlor.lan:81;",
        "frame-ancestors 'none'",
        "base-uri 'none';",
    ] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    let server = TestServer::start_with(|settings| {
        settings.public_url = Some(parse_public_url("https://chat.example").expect("a URL"));
    });
    let page = server.get("/setup").send();
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("connect-src 'self' wss://chat.example;"),
        "{policy}"
    );
}
