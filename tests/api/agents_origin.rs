//! Requests with the cookie of an agent come from pages of this server
//! (docs/api-contract.md, section 3.7).

use parlor::config::parse_public_url;
use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{Agent, Request, TestServer, WebSocketClient};

const PUBLIC_URL: &str = "https://chat.shop.example";
const PASSWORD: &str = "correct horse battery";

/// Origins of pages that are not of [`PUBLIC_URL`], though some are of the same site, so
/// that browsers send the cookie.
const OTHER_ORIGINS: [&str; 9] = [
    "https://shop.example",
    "https://evil.shop.example",
    "https://chat.shop.example.evil.example",
    "https://evil.chat.shop.example",
    "https://chat.shop.example:8443",
    "http://chat.shop.example",
    "null",
    "chat.shop.example",
    "",
];

fn server() -> (TestServer, Agent) {
    let server = TestServer::start_with(|settings| {
        settings.public_url = Some(parse_public_url(PUBLIC_URL).expect("a URL"));
    });
    let mut mara = server.create_agent_with_password("Mara", AgentRole::Owner, PASSWORD);
    mara.cookie = format!("__Host-{}", mara.cookie);
    (server, mara)
}

#[test]
fn writes_with_a_cookie_need_the_own_origin() {
    let (server, mara) = server();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let request = |method, path: &str, body: Value| {
        let request = server.request(method, format!("/v2{path}"));
        request.cookie(&mara.cookie).json(body)
    };
    let new_agent = json!({ "name": "Ben", "email": "ben@shop.example", "role": "owner" });
    let writes = [
        request("PATCH", "/agents/me", json!({ "name": "Eve" })),
        request("POST", "/agents", new_agent),
        request("DELETE", &format!("/agents/{}", mara.id), json!({})),
        request("PUT", &format!("/conversations/{id}/agent"), json!({})),
        request("POST", &format!("/conversations/{id}/close"), json!({})),
        request("DELETE", &format!("/conversations/{id}"), json!({})),
        request("PATCH", "/projects/current", json!({ "name": "Eve" })),
        request("POST", "/agents/sign-out", json!({})),
    ];
    for write in &writes {
        for origin in OTHER_ORIGINS {
            let response = write.clone().header("Origin", origin).send();
            let error = response.expect_error(403, "FORBIDDEN");
            let message = error["message"].as_str().expect("a message");
            assert!(message.contains(PUBLIC_URL), "{message}");
        }
    }
    for write in &writes[..7] {
        write.clone().send().expect_error(403, "FORBIDDEN");
    }
    let read = |path: &str| server.get(path).cookie(&mara.cookie).send().expect(200);
    let agents = read("/v2/agents");
    assert_eq!(agents["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(agents["data"][0]["name"], "Mara");
    let conversation = read(&format!("/v2/conversations/{id}"));
    assert_eq!(conversation["status"], "open");
    assert_eq!(conversation["isHumanHandled"], false);
    for write in [&writes[0], &writes[3]] {
        write
            .clone()
            .header("Origin", PUBLIC_URL)
            .send()
            .expect(200);
    }
}

#[test]
fn websocket_with_a_cookie_needs_the_own_origin() {
    let (server, mara) = server();
    let open = |origin: Option<&str>| {
        let mut headers = vec![("cookie", mara.cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        match WebSocketClient::try_open(*server, "/v2/events", &headers) {
            Ok(_) => 101,
            Err(response) => response.status().as_u16(),
        }
    };
    for origin in OTHER_ORIGINS {
        assert_eq!(open(Some(origin)), 403, "{origin}");
    }
    assert_eq!(open(None), 403);
    assert_eq!(open(Some(PUBLIC_URL)), 101);
}

#[test]
fn reads_with_a_cookie_and_writes_with_a_key_need_no_origin() {
    let (server, mara) = server();
    let other = "https://evil.shop.example";
    let list = server.get("/v2/conversations").cookie(&mara.cookie);
    list.clone().send().expect(200);
    let response = list.header("Origin", other).send();
    response.expect(200);
    // A browser does not let the page read a response to a request with cookies.
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert_eq!(response.header("access-control-allow-credentials"), None);
    let change = server.request("PATCH", "/v2/projects/current");
    let change = change.bearer(&server.project.private_key);
    let change = change.cookie(&mara.cookie).header("Origin", other);
    change
        .json(json!({ "description": "Wool" }))
        .send()
        .expect(200);
}

#[test]
fn pages_of_other_servers_cannot_sign_in() {
    let (server, mara) = server();
    let sign_in = || {
        let body = json!({ "email": mara.email, "password": PASSWORD });
        server.post("/v2/agents/sign-in").json(body)
    };
    for path in ["/v2/agents/sign-in", "/v2/agents/sign-in-link", "/v2/setup"] {
        for origin in OTHER_ORIGINS {
            let request = server.post(path).header("Origin", origin);
            request.send().expect_error(403, "FORBIDDEN");
        }
    }
    sign_in().header("Origin", PUBLIC_URL).send().expect(200);
    // Programs send no origin.
    sign_in().send().expect(200);
}

#[test]
fn without_public_url_the_own_origin_is_the_host_of_the_request() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let change = |host: &str, origin: &str| -> Request {
        let request = server.request("PATCH", "/v2/agents/me").hosts(&[host]);
        let request = request.cookie(&mara.cookie).header("Origin", origin);
        request.json(json!({ "isAway": true }))
    };
    let port = server.0.port();
    for host in ["192.0.2.7:8787", "parlor.lan", "LOCALHOST:1"] {
        let own = format!("http://{}", host.to_lowercase());
        change(host, &own).send().expect(200);
        let local = format!("http://127.0.0.1:{port}");
        change(host, &local).send().expect_error(403, "FORBIDDEN");
    }
}
