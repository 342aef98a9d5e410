//! The widget's files and the pages outside of the API. `tests/browser` tests them in a
//! browser.

use crate::helpers::{Response, TestServer};

/// The path of the panel, which the loader contains.
fn panel_path(loader: &Response) -> String {
    let (_, rest) = loader.text().split_once("assets/panel-").expect("a panel");
    let (hash, _) = rest.split_once(".js").expect("a script");
    format!("/assets/panel-{hash}.js")
}

#[test]
fn widget_script_is_revalidated_and_its_panel_is_immutable() {
    let server = TestServer::start();
    let loader = server.get("/widget.js").send();
    assert_eq!(loader.status, 200);
    assert_eq!(loader.header("cache-control"), Some("no-cache"));
    let tag = loader.header("etag").expect("an ETag");
    let again = server.get("/widget.js").header("If-None-Match", tag).send();
    assert_eq!((again.status, again.body.len()), (304, 0));
    let panel = server.get(panel_path(&loader)).send();
    assert_eq!(panel.status, 200);
    let immutable = "public, max-age=31536000, immutable";
    assert_eq!(panel.header("cache-control"), Some(immutable));
    assert_eq!(server.get("/widget.mjs").send().status, 200);
}

#[test]
fn other_websites_may_load_the_widget() {
    let server = TestServer::start();
    let loader = server.get("/widget.js").send();
    for path in ["/widget.js", "/widget.mjs", &panel_path(&loader)] {
        let requests = [
            server.get(path),
            server.get(path).header("Origin", "https://shop.example"),
        ];
        for request in requests {
            let response = request.send();
            assert_eq!(response.header("access-control-allow-origin"), Some("*"));
            let policy = response.header("cross-origin-resource-policy");
            assert_eq!(policy, Some("cross-origin"));
            let kind = response.header("content-type").expect(path);
            assert_eq!(kind, "text/javascript; charset=utf-8");
            assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        }
    }
}

#[test]
fn files_have_the_best_coding_that_the_client_accepts() {
    let server = TestServer::start();
    let plain = server.get("/widget.js").send();
    assert_eq!(plain.header("content-encoding"), None);
    for (accepted, coding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip", Some("gzip")),
        ("br;q=0, gzip", Some("gzip")),
        ("zstd", None),
        ("identity", None),
    ] {
        let request = server.get("/widget.js").header("Accept-Encoding", accepted);
        let response = request.send();
        assert_eq!(response.status, 200, "{accepted}");
        assert_eq!(response.header("content-encoding"), coding, "{accepted}");
        let vary = response.header("vary").unwrap_or_default();
        assert!(vary.contains("Accept-Encoding"), "{accepted}: {vary}");
        let is_shorter = response.body.len() < plain.body.len();
        assert_eq!(is_shorter, coding.is_some(), "{accepted}");
        let has_own_tag = response.header("etag") != plain.header("etag");
        assert_eq!(has_own_tag, coding.is_some(), "{accepted}");
    }
}

#[test]
fn unknown_files_return_404() {
    let server = TestServer::start();
    let panel = panel_path(&server.get("/widget.js").send());
    for path in [
        "/assets/panel.js",
        "/assets/..%2fwidget.js",
        "/assets/",
        "/widget.js.br",
        &format!("{panel}.br"),
    ] {
        server.get(path).send().expect_error(404, "NOT_FOUND");
    }
    let post = server.post("/widget.js").send();
    post.expect_error(405, "METHOD_NOT_ALLOWED");
}

#[test]
fn start_page_explains_the_server_and_forbids_inline_code() {
    let server = TestServer::start();
    let page = server.get("/").send();
    assert_eq!(page.status, 200);
    let kind = page.header("content-type");
    assert_eq!(kind, Some("text/html; charset=utf-8"));
    assert!(page.text().contains("chat server"), "{}", page.text());
    assert!(page.text().contains("./v2"), "{}", page.text());
    assert!(page.text().contains("./inbox"), "{}", page.text());
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.text().contains("<style"), "{}", page.text());
    let head = server.request("HEAD", "/").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn browsers_and_crawlers_find_their_files() {
    let server = TestServer::start();
    let icon = server.get("/favicon.ico").send();
    assert_eq!(icon.status, 200);
    assert_eq!(icon.header("content-type"), Some("image/x-icon"));
    let robots = server.get("/robots.txt").send();
    assert_eq!(robots.status, 200);
    assert!(robots.text().contains("User-agent: *"), "{}", robots.text());
    let notices = server.get("/third-party-notices.txt").send();
    assert!(notices.text().contains("# preact\n"), "{}", notices.text());
}

#[test]
fn start_page_of_the_demo_contains_the_widget() {
    let server = TestServer::start_demo();
    let page = server.get("/").send();
    let tag = r#"src="./widget.js" data-key="pk_demo""#;
    assert!(page.text().contains(tag), "{}", page.text());
}
