//! The websites that may use a publishable key (docs/api-contract.md, section 3.4).

use parlor::domain::Origin;
use serde_json::json;

use crate::helpers::{Request, Response, TestServer, Visitor, string};
use crate::one_node;

const SHOP: &str = "https://shop.example";

/// Origin header, Referer header, and whether a key for `SHOP` allows the request.
fn cases() -> Vec<(Option<&'static str>, Option<&'static str>, bool)> {
    vec![
        (None, None, true),
        (Some(SHOP), None, true),
        (Some("https://shop.example:443"), None, true),
        (Some("https://SHOP.example"), None, true),
        (Some("http://shop.example"), None, false),
        (Some("https://shop.example:8443"), None, false),
        (Some("https://www.shop.example"), None, false),
        (Some("https://shop.example.evil.example"), None, false),
        (Some("https://evil.example"), None, false),
        (Some("null"), None, false),
        (Some("nonsense"), None, false),
        (Some(""), None, false),
        (None, Some("https://shop.example/cart?x=1#y"), true),
        (
            None,
            Some("https://evil.example/https://shop.example"),
            false,
        ),
        (None, Some("about:blank"), false),
        (
            Some("https://evil.example"),
            Some("https://shop.example/"),
            false,
        ),
        (Some(SHOP), Some("https://evil.example/"), true),
    ]
}

fn send_from(request: Request, origin: Option<&str>, referer: Option<&str>) -> Response {
    let request = match origin {
        Some(origin) => request.header("Origin", origin),
        None => request,
    };
    let request = match referer {
        Some(referer) => request.header("Referer", referer),
        None => request,
    };
    request.send()
}

#[test]
fn key_with_origins_is_limited_to_scheme_host_and_port() {
    let server = TestServer::start();
    let key = server.create_publishable_key(&[SHOP, "http://localhost:3000/app"]);
    let visitor = Visitor::from_json(&server.init_session(&key, "device").expect(201));
    for (origin, referer, allowed) in cases() {
        let requests = [
            server
                .post("/v2/identity/init")
                .json(json!({ "apiKey": key, "saVid": "device" })),
            server.get(format!("/v2/projects/current?apiKey={key}")),
            server.get("/v2/conversations").bearer(&visitor.token),
            server.get("/v2/identity/me").bearer(&visitor.token),
        ];
        for request in requests {
            let response = send_from(request.clone(), origin, referer);
            if allowed {
                response.expect(200);
            } else {
                response.expect_error(403, "FORBIDDEN");
            }
        }
    }
    let other_origin = server.get(format!("/v2/projects/current?apiKey={key}"));
    other_origin
        .header("Origin", "http://localhost:3000")
        .send()
        .expect(200);
}

#[test]
fn key_without_origins_allows_all() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    for (origin, referer, _) in cases() {
        let list = server.get("/v2/conversations").bearer(&visitor.token);
        send_from(list, origin, referer).expect(200);
        let target = format!(
            "/v2/projects/current?apiKey={}",
            server.project.publishable_key
        );
        send_from(server.get(target), origin, referer).expect(200);
    }
}

#[test]
fn unreadable_origins_allow_none() {
    let server = TestServer::start();
    let key = server.create_publishable_key(&[SHOP]);
    let updated = server
        .db_connection()
        .execute("UPDATE api_key SET origins = 'x'", ());
    updated.expect("an update");
    let project = server.get(format!("/v2/projects/current?apiKey={key}"));
    project
        .header("Origin", SHOP)
        .send()
        .expect_error(403, "FORBIDDEN");
}

#[test]
fn own_origin_is_always_allowed() {
    one_node!("without --public-url, the own origin is the address of the node");
    let server = TestServer::start();
    let key = server.create_publishable_key(&[SHOP]);
    let target = format!("/v2/projects/current?apiKey={key}");
    let port = server.0.port();
    for origin in [
        format!("http://{}", server.0),
        format!("http://localhost:{port}"),
    ] {
        server
            .get(&target)
            .header("Origin", origin)
            .send()
            .expect(200);
    }
    for origin in [
        "http://127.0.0.1:1".to_owned(),
        format!("https://{}", server.0),
    ] {
        let response = server.get(&target).header("Origin", origin).send();
        response.expect_error(403, "FORBIDDEN");
    }
}

#[test]
fn own_origin_is_the_public_url() {
    let server = TestServer::start_with(|settings| {
        settings.public_url = Origin::from_url("https://chat.example/");
    });
    let key = server.create_publishable_key(&[SHOP]);
    let target = format!("/v2/projects/current?apiKey={key}");
    let own = server.get(&target).header("Origin", "https://chat.example");
    own.send().expect(200);
    let listen_address = server
        .get(&target)
        .header("Origin", format!("http://{}", server.0));
    listen_address.send().expect_error(403, "FORBIDDEN");
}

#[test]
fn private_key_ignores_origin() {
    let server = TestServer::start();
    let list = server
        .get("/v2/conversations")
        .bearer(&server.project.private_key);
    list.header("Origin", "https://evil.example")
        .send()
        .expect(200);
}

#[test]
fn refusal_names_the_origin_and_the_command_that_allows_it() {
    let server = TestServer::start();
    let key = server.create_publishable_key(&[SHOP]);
    let message = |origin: &str| {
        let init = server.post("/v2/identity/init").header("Origin", origin);
        let refused = init
            .json(json!({ "apiKey": key, "saVid": "device" }))
            .send();
        string(&refused.expect_error(403, "FORBIDDEN")["message"])
    };
    let text = message("https://widget.example");
    assert!(text.contains("--origin https://widget.example"), "{text}");
    assert!(text.contains("the origin of the iframe"), "{text}");
    let text = message("null");
    assert!(text.contains("without an origin"), "{text}");
}
