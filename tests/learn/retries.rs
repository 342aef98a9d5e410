//! Websites that refuse requests for a time.

use crate::fake_website::FakeWebsite;
use crate::setup::{Workspace, page};

#[test]
fn refused_requests_are_sent_again() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_sitemap("/sitemap.xml", &["/a", "/b"]);
    site.set_page("/a", &page("A"));
    site.set_page("/b", &page("B"));
    let past = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n";
    site.add_first("/robots.txt", "503 Busy", "Retry-After: 0\r\n");
    site.add_first("/sitemap.xml", "429 Too Many", past);
    site.add_first("/a", "503 Busy", "Retry-After: 0\r\n");
    site.add_first("/a", "429 Too Many", "Retry-After: 0\r\n");
    // Without Retry-After.
    site.add_first("/b", "503 Busy", "");
    let (_, stderr) = workspace.run_ok(&["learn", &site.url("/sitemap.xml"), "--private"]);
    assert_eq!(stderr, "");
    assert_eq!(workspace.urls(), [site.url("/a"), site.url("/b")]);
    let paths = site.take_requested_paths();
    let count = |path: &str| paths.iter().filter(|other| *other == path).count();
    assert_eq!((count("/a"), count("/b")), (3, 2));
}

#[test]
fn page_that_is_refused_for_too_long_keeps_its_document() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_sitemap("/sitemap.xml", &["/a", "/b"]);
    site.set_page("/a", &page("A"));
    site.set_page("/b", &page("B"));
    let url = site.url("/sitemap.xml");
    let learn = ["learn", &url, "--private", "--retry-limit", "60"];
    workspace.run_ok(&learn);
    site.take_requested_paths();
    site.set("/b", "429 Too Many", "Retry-After: 61\r\n", "");
    let (_, stderr) = workspace.run_ok(&learn);
    assert!(stderr.contains("/b: it is answered 429"), "{stderr}");
    assert_eq!(workspace.urls().len(), 2);
    let paths = site.take_requested_paths();
    assert_eq!(paths.iter().filter(|path| *path == "/b").count(), 1);
    // The number of requests is limited too.
    site.set("/b", "503 Busy", "Retry-After: 0\r\n", "");
    workspace.run_ok(&learn);
    let paths = site.take_requested_paths();
    assert_eq!(paths.iter().filter(|path| *path == "/b").count(), 5);
}

#[test]
fn encoding_that_was_not_requested_is_refused() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_sitemap("/sitemap.xml", &["/a", "/b", "/c", "/d"]);
    for path in ["/a", "/b", "/c", "/d"] {
        site.set_page(path, &page(path));
    }
    let url = site.url("/sitemap.xml");
    workspace.run_ok(&["learn", &url, "--private"]);
    for (path, encoding) in [("/a", "br"), ("/b", "zstd"), ("/c", "deflate")] {
        let headers = format!("Content-Type: text/html\r\nContent-Encoding: {encoding}\r\n");
        site.set(path, "200 OK", &headers, "\u{1}\u{2} not a text at all");
    }
    let headers = "Content-Type: text/html\r\nContent-Encoding: identity\r\n";
    site.set("/d", "200 OK", headers, page("D"));
    let (_, stderr) = workspace.run_ok(&["learn", &url, "--private"]);
    for encoding in ["br", "zstd", "deflate"] {
        let reason = format!("its Content-Encoding is {encoding}, which was not requested");
        assert!(stderr.contains(&reason), "{stderr}");
    }
    let titles: Vec<_> = workspace
        .documents(1)
        .into_iter()
        .map(|(_, title)| title)
        .collect();
    assert_eq!(titles, ["/a", "/b", "/c", "D"]);
}
