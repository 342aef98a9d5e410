//! The files of the API reference. `tests/browser` tests the page in a browser.

use crate::helpers::{Response, TestServer};

/// The relative URLs that the page loads.
fn files(page: &Response) -> Vec<String> {
    let quoted = page.text().split('"');
    let files = quoted.filter(|text| text.starts_with("v2/reference/"));
    files.map(|file| format!("/{file}")).collect()
}

#[test]
fn reference_page_loads_files_of_this_server_only() {
    let server = TestServer::start();
    let page = server.get("/v2").send();
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("https://"), "{}", page.text());
    let files = files(&page);
    assert_eq!(files.len(), 4, "{files:?}");
    for path in files {
        let file = server.get(&path).send();
        assert_eq!(file.status, 200, "{path}");
        let kind = file.header("content-type").unwrap_or_default();
        let extension = path.rsplit('.').next();
        assert_eq!(extension == Some("js"), kind.contains("javascript"));
        assert_eq!(extension == Some("css"), kind.contains("css"));
        let gzip = file.body.starts_with(&[0x1f, 0x8b]);
        assert_eq!(gzip, path.contains("swagger-ui"), "{path}");
        assert_eq!(gzip, file.header("content-encoding") == Some("gzip"));
    }
}

#[test]
fn page_with_a_slash_at_the_end_loads_the_same_files() {
    let server = TestServer::start();
    let page = server.get("/v2").send();
    let folder_page = server.get("/v2/").send();
    assert_eq!(folder_page.status, 200);
    for name in ["content-type", "cache-control", "content-security-policy"] {
        assert_eq!(folder_page.header(name), page.header(name), "{name}");
    }
    // Relative to /v2/ instead of /.
    assert_eq!(folder_page.text(), page.text().replace("\"v2/", "\""));
    assert_eq!(page.text().matches("\"v2/").count(), 5);
    let openapi = server.get("/v2/openapi/").send();
    openapi.expect_error(404, "NOT_FOUND");
    let head = server.request("HEAD", "/v2/").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    let post = server.post("/v2/").send();
    post.expect_error(405, "METHOD_NOT_ALLOWED");
}

#[test]
fn reference_files_forbid_inline_code_and_content_sniffing() {
    let server = TestServer::start();
    for path in ["/v2", "/v2/reference/swagger-ui.js"] {
        let response = server.get(path).send();
        let policy = response.header("content-security-policy").expect(path);
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn reference_files_are_cached_and_revalidated() {
    let server = TestServer::start();
    for path in ["/v2", "/v2/reference/swagger-ui.js"] {
        let response = server.get(path).send();
        assert_eq!(response.header("cache-control"), Some("no-cache"));
        let tag = response.header("etag").expect("an ETag");
        let again = server.get(path).header("If-None-Match", tag).send();
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
}

#[test]
fn unknown_reference_file_returns_404() {
    let server = TestServer::start();
    let path = "/v2/reference/swagger-ui.js.map";
    server.get(path).send().expect_error(404, "NOT_FOUND");
}
