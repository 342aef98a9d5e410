//! Response headers: links, ETags, request ids, CORS, and HEAD requests
//! (docs/api-contract.md, section 1.7).

use crate::helpers::{Response, TestServer, Visitor, ids, insert_conversations};

fn setup(count: i64) -> (TestServer, Visitor) {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    insert_conversations(&server, &visitor, count);
    (server, visitor)
}

fn list(server: &TestServer, visitor: &Visitor, query: &str) -> Response {
    let target = format!("/v2/conversations?{query}");
    server.get(target).bearer(&visitor.token).send()
}

#[test]
fn link_header_names_first_prev_next_and_last_page() {
    let (server, visitor) = setup(25);
    let offsets = |query: &str| {
        let response = list(&server, &visitor, query);
        let from = |target: &str| {
            let (_, parameters) = target.split_once('?').expect("parameters");
            let mut parameters = parameters.split('&').map(|pair| pair.split_once('='));
            match parameters.nth(1).flatten().expect("an offset or a cursor") {
                ("offset", number) => number.to_owned(),
                (name, _) => name.to_owned(),
            }
        };
        let links = response.links().into_iter();
        links
            .map(|(name, target)| format!("{name} {}", from(&target)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(offsets("limit=10"), "first 0, next after, last 20");
    assert_eq!(
        offsets("limit=10&offset=10"),
        "first 0, prev 0, next after, last 20"
    );
    assert_eq!(offsets("limit=10&offset=20"), "first 0, prev 10, last 20");
    assert_eq!(
        offsets("limit=10&offset=5"),
        "first 0, prev 0, next after, last 20"
    );
    assert_eq!(
        offsets("limit=5&offset=15"),
        "first 0, prev 10, next after, last 20"
    );
    assert_eq!(offsets("limit=25"), "first 0, last 0");
    assert_eq!(offsets("limit=10&offset=1000"), "first 0, prev 20, last 20");
    assert_eq!(offsets("status=closed"), "first 0, last 0");
}

#[test]
fn next_links_cover_the_list() {
    let (server, visitor) = setup(23);
    let whole = server.list(
        &visitor.token,
        "limit=100&status=open&orderBy=createdAt&orderDir=asc",
    );
    let mut target =
        "/v2/conversations?limit=5&status=open&orderBy=createdAt&orderDir=asc".to_owned();
    let mut listed = Vec::new();
    loop {
        let response = server.get(&target).bearer(&visitor.token).send();
        listed.extend(ids(&response.expect(200)));
        match response.link("next") {
            Some(next) => target = next,
            None => break,
        }
    }
    assert_eq!(listed, ids(&whole));
}

#[test]
fn total_count_header_equals_total() {
    let (server, visitor) = setup(12);
    for (query, total) in [
        ("limit=5", "12"),
        ("offset=50", "12"),
        ("status=closed", "0"),
    ] {
        let response = list(&server, &visitor, query);
        assert_eq!(response.header("x-total-count"), Some(total), "{query}");
    }
}

#[test]
fn matching_etag_returns_304_until_list_changes() {
    let (server, visitor) = setup(2);
    let id = ids(&server.list(&visitor.token, ""))[0].clone();
    for target in [
        "/v2/conversations".to_owned(),
        format!("/v2/conversations/{id}"),
    ] {
        let request = || server.get(&target).bearer(&visitor.token);
        let first = request().send();
        let etag = first.header("etag").expect("an ETag").to_owned();
        assert!(
            etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10,
            "{etag}"
        );
        assert_eq!(first.header("cache-control"), Some("private, no-cache"));
        let weak = format!("W/{etag}");
        let list = format!("\"other\", {etag}");
        for value in [etag.as_str(), &weak, &list, "*"] {
            let second = request().header("If-None-Match", value).send();
            assert_eq!((second.status, second.body.len()), (304, 0), "{value}");
            assert_eq!(second.header("etag"), Some(etag.as_str()));
        }
        let other = request().header("If-None-Match", "\"other\"").send();
        assert_eq!((other.status, &other.body), (200, &first.body));
    }
    let before = list(&server, &visitor, "");
    let etag = before.header("etag").expect("an ETag");
    server.close(&visitor.token, &id).send().expect(200);
    let request = server.get("/v2/conversations").bearer(&visitor.token);
    let after = request.header("If-None-Match", etag).send();
    assert_eq!(after.status, 200);
    assert_ne!(after.header("etag"), Some(etag));
}

#[test]
fn conditional_request_without_credential_returns_401() {
    let server = TestServer::start();
    let request = server.get("/v2/conversations").header("If-None-Match", "*");
    request.send().expect_error(401, "UNAUTHORIZED");
}

#[test]
fn valid_request_id_is_echoed_and_invalid_one_replaced() {
    let server = TestServer::start();
    let longest = "x".repeat(64);
    let request_id_for = |value: &str| {
        let response = server.get("/health").header("X-Request-Id", value).send();
        response.header("x-request-id").expect("an id").to_owned()
    };
    for plain in ["a", "Req-1_2.3", longest.as_str()] {
        assert_eq!(request_id_for(plain), plain);
    }
    let too_long = "x".repeat(65);
    for other in ["", "two words", "<script>", "a;b", "é", too_long.as_str()] {
        let generated = request_id_for(other);
        assert_ne!(generated, other);
        assert_eq!(generated.len(), 32, "{generated}");
    }
    assert_ne!(request_id_for(""), request_id_for(""));
}

#[test]
fn every_response_has_request_id() {
    let server = TestServer::start();
    for request in [
        server.get("/nothing"),
        server.get("/v2/conversations"),
        server.request("DELETE", "/v2/conversations"),
        server.get("/v2/openapi"),
    ] {
        assert!(request.send().header("x-request-id").is_some());
    }
}

#[test]
fn cors_preflight_allows_any_origin_and_client_headers() {
    let server = TestServer::start();
    let requested = "authorization,content-type,user-agent";
    for (target, method) in [
        ("/v2/conversations", "GET"),
        ("/v2/conversations", "POST"),
        ("/v2/identity/init", "POST"),
    ] {
        let response = server
            .request("OPTIONS", target)
            .header("Origin", "https://shop.example")
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", requested)
            .send();
        assert!((200..300).contains(&response.status), "{}", response.status);
        assert_eq!(response.header("access-control-allow-origin"), Some("*"));
        let allowed = response
            .header("access-control-allow-headers")
            .expect("headers");
        let allowed = allowed.to_ascii_lowercase();
        for name in requested.split(',') {
            assert!(allowed.contains(name), "{name} in {allowed}");
        }
        let methods = response
            .header("access-control-allow-methods")
            .expect("methods");
        assert!(methods.contains(method), "{methods}");
        assert!(response.header("access-control-max-age").is_some());
        assert_eq!(response.header("access-control-allow-credentials"), None);
    }
}

#[test]
fn cors_headers_are_set_on_success_and_error() {
    let (server, visitor) = setup(1);
    let valid = server.get("/v2/conversations").bearer(&visitor.token);
    let invalid = server
        .get("/v2/conversations?limit=0")
        .bearer(&visitor.token);
    let anonymous = server.get("/v2/conversations");
    for (request, status) in [(valid, 200), (invalid, 422), (anonymous, 401)] {
        let response = request.header("Origin", "https://shop.example").send();
        assert_eq!(response.status, status);
        assert_eq!(response.header("access-control-allow-origin"), Some("*"));
        let exposed = response
            .header("access-control-expose-headers")
            .expect("headers");
        let exposed = exposed.to_ascii_lowercase();
        for name in [
            "etag",
            "link",
            "retry-after",
            "x-request-id",
            "x-total-count",
        ] {
            assert!(exposed.contains(name), "{name} in {exposed}");
        }
    }
}

#[test]
fn head_returns_headers_of_get_without_body() {
    let (server, visitor) = setup(2);
    let id = ids(&server.list(&visitor.token, ""))[0].clone();
    let key = &server.project.publishable_key;
    for target in [
        "/health".to_owned(),
        "/ready".to_owned(),
        "/v2".to_owned(),
        "/v2/openapi".to_owned(),
        "/v2/conversations".to_owned(),
        format!("/v2/conversations/{id}"),
        "/v2/identity/me".to_owned(),
        format!("/v2/projects/current?apiKey={key}"),
    ] {
        let get = server.get(&target).bearer(&visitor.token).send();
        let head = server
            .request("HEAD", &target)
            .bearer(&visitor.token)
            .send();
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}");
        for name in [
            "content-length",
            "content-type",
            "etag",
            "link",
            "x-total-count",
        ] {
            assert_eq!(head.header(name), get.header(name), "{name} of {target}");
        }
    }
}
