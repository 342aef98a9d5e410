//! Broken sources delete no documents.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use crate::fake_website::FakeWebsite;
use crate::setup::{Workspace, output_texts, page};
use crate::websites::gzip;

const PATHS: [&str; 12] = [
    "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10", "/11", "/12",
];
const XML: &str = "Content-Type: application/xml\r\n";
const HTML: &str = "Content-Type: text/html\r\n";

/// A website whose sitemap lists 12 pages.
fn website_with_pages() -> FakeWebsite {
    let site = FakeWebsite::new();
    for path in PATHS {
        site.set_page(path, &page(path));
    }
    site.set_sitemap("/sitemap.xml", &PATHS);
    site
}

#[test]
fn broken_sitemap_deletes_nothing_and_the_reason_is_one_line() {
    let (workspace, site) = (Workspace::new(), website_with_pages());
    let url = site.url("/sitemap.xml");
    let learn = ["learn", url.as_str(), "--private", "--retry-limit", "0"];
    workspace.run_ok(&learn);
    let before = workspace.urls();
    assert_eq!(before.len(), 12);
    site.set_page("/", &page("Shop"));
    let truncated = gzip("<urlset><url><loc>/1</loc></url></urlset>");
    let truncated = &truncated[..truncated.len() - 10];
    let (br, xhtml) = (
        format!("{XML}Content-Encoding: br\r\n"),
        "Content-Type: application/xhtml+xml\r\n",
    );
    let foreign = "<urlset><url><loc>https://other.example/</loc></url></urlset>";
    let cases: [(&'static str, &str, &[u8], &str); 14] = [
        (
            "200 OK",
            HTML,
            b"<!doctype html><html><p>Sorry",
            "it is a web page",
        ),
        (
            "200 OK",
            xhtml,
            b"<html><p>Sorry</p></html>",
            "it is a web page",
        ),
        ("200 OK", XML, b"", "it is empty"),
        ("200 OK", XML, b"<urlset></urlset>", "it lists no page"),
        ("200 OK", XML, b"<sitemapindex/>", "it lists no page"),
        ("200 OK", XML, b"<urlset><url><lo", "not valid XML"),
        ("200 OK", XML, b"<urlset>", "it ends before"),
        ("200 OK", XML, b"<rss><channel/></rss>", "root <rss>"),
        ("200 OK", XML, truncated, "a damaged gzip file"),
        ("200 OK", XML, foreign.as_bytes(), "on another website"),
        ("200 OK", &br, b"x", "its Content-Encoding is br"),
        ("404 Not Found", HTML, b"", "it is answered 404"),
        ("500 Oops", HTML, b"", "it is answered 500"),
        ("302 Found", "Location: /\r\n", b"", "it is a web page"),
    ];
    for (status, headers, body, reason) in cases {
        site.set("/sitemap.xml", status, headers, body);
        let stderr = workspace.run_err(&learn);
        assert!(stderr.contains(reason), "{reason}: {stderr}");
        assert_eq!(
            stderr
                .lines()
                .filter(|line| line.contains("parlor: http"))
                .count(),
            1
        );
        assert!(!stderr.contains("lines above"), "{stderr}");
        assert_eq!(workspace.urls(), before, "{reason}");
    }
}

#[test]
fn truncated_sitemap_stores_pages_and_deletes_nothing() {
    let (workspace, site) = (Workspace::new(), website_with_pages());
    let url = site.url("/sitemap.xml");
    let learn = ["learn", url.as_str(), "--private"];
    workspace.run_ok(&learn);
    site.set_page("/new", &page("New"));
    let truncated = "<urlset><url><loc>/1</loc></url><url><loc>/new</loc></url><url><loc>/2";
    site.set("/sitemap.xml", "200 OK", XML, truncated);
    let stderr = workspace.run_err(&learn);
    assert!(stderr.contains("not all of it could be read"), "{stderr}");
    assert!(workspace.urls().contains(&site.url("/new")));
    assert_eq!(workspace.urls().len(), 13);
    // A sitemap of an index is missing.
    let index = "<sitemapindex><sitemap><loc>/a.xml</loc></sitemap>\
                 <sitemap><loc>/b.xml</loc></sitemap></sitemapindex>";
    site.set("/sitemap.xml", "200 OK", XML, index);
    site.set_sitemap("/a.xml", &["/1"]);
    for html in ["", "<html><p>Not found</p></html>"] {
        if !html.is_empty() {
            site.set_page("/b.xml", html);
        }
        let stderr = workspace.run_err(&learn);
        assert!(stderr.contains("/b.xml: "), "{stderr}");
        assert_eq!(workspace.urls().len(), 13);
    }
    site.set_sitemap(
        "/b.xml",
        &["/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/new"],
    );
    workspace.run_ok(&learn);
    assert_eq!(workspace.urls().len(), 10);
}

#[test]
fn many_removals_need_permission_unless_the_pages_are_gone() {
    let (workspace, site) = (Workspace::new(), website_with_pages());
    let url = site.url("/sitemap.xml");
    let learn = ["learn", url.as_str(), "--private"];
    workspace.run_ok(&learn);
    site.set_sitemap("/sitemap.xml", &["/1", "/2", "/3", "/4", "/5", "/13"]);
    site.set_page("/13", &page("Thirteen"));
    for stored in [12, 13] {
        let stderr = workspace.run_err(&learn);
        let expected = format!("7 of its {stored} pages are missing");
        assert!(stderr.contains(&expected), "{stderr}");
        assert!(stderr.contains("--allow-removals"), "{stderr}");
        // What the source has is stored.
        assert_eq!(workspace.urls().len(), 13);
    }
    // Pages that do not exist or must not be indexed do not count.
    site.remove("/6");
    site.set("/7", "410 Gone", "", "");
    site.set_page("/8", "<meta name=robots content=noindex><p>x");
    let (stdout, _) = workspace.run_ok(&learn);
    assert!(stdout.contains("7 forgotten"), "{stdout}");
    assert_eq!(workspace.urls().len(), 6);
    site.set_sitemap("/sitemap.xml", &PATHS);
    for path in ["/6", "/7", "/8"] {
        site.set_page(path, &page(path));
    }
    workspace.run_ok(&learn);
    site.set_sitemap("/sitemap.xml", &["/1"]);
    workspace.run_err(&learn);
    let allowed = [&learn[..], &["--allow-removals"]].concat();
    let (stdout, _) = workspace.run_ok(&allowed);
    assert!(stdout.contains("11 forgotten"), "{stdout}");
    assert_eq!(workspace.urls(), [site.url("/1")]);
}

#[test]
fn page_in_the_place_of_a_sitemap_deletes_nothing() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    for path in ["/1", "/2", "/3"] {
        site.set_page(path, &page(path));
    }
    site.set_sitemap("/pages", &["/1", "/2", "/3"]);
    let url = site.url("/pages");
    workspace.run_ok(&["learn", &url, "--private"]);
    site.set_page("/pages", &page("Maintenance"));
    let stderr = workspace.run_err(&["learn", &url, "--private"]);
    assert!(stderr.contains("it was a sitemap with 3 pages"), "{stderr}");
    assert_eq!(workspace.urls().len(), 3);
}

#[test]
fn folder_that_lost_its_files_deletes_nothing() {
    let workspace = Workspace::new();
    let write = |number: usize| {
        let text = format!("# {number}\n\nThe file number {number} that is learned here.");
        workspace.write(&format!("help/{number}.md"), text);
    };
    (0..10).for_each(write);
    workspace.run_ok(&["learn", "help"]);
    let remove = |number: usize| {
        fs::remove_file(workspace.path().join(format!("help/{number}.md"))).expect("a file");
    };
    (0..6).for_each(remove);
    let stderr = workspace.run_err(&["learn", "help"]);
    assert!(stderr.contains("6 of its 10 pages are missing"), "{stderr}");
    assert_eq!(workspace.urls().len(), 10);
    (6..10).for_each(remove);
    let stderr = workspace.run_err(&["learn", "help"]);
    assert!(stderr.contains("no page with a text was found"), "{stderr}");
    workspace.write("help/empty.md", "");
    let stderr = workspace.run_err(&["learn", "help", "--allow-removals"]);
    assert!(stderr.contains("it says nothing"), "{stderr}");
    fs::remove_dir_all(workspace.path().join("help")).expect("a folder");
    let stderr = workspace.run_err(&["learn", "help"]);
    assert!(stderr.contains("No such file"), "{stderr}");
    assert_eq!(workspace.urls().len(), 10);
    (0..5).for_each(write);
    workspace.run_ok(&["learn", "help"]);
    assert_eq!(workspace.urls().len(), 5);
}

#[test]
fn source_is_learned_by_one_run_at_a_time() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set(
        "/robots.txt",
        "200 OK",
        "",
        "User-agent: parlor\nCrawl-delay: 9\n",
    );
    site.set_sitemap("/sitemap.xml", &["/a"]);
    let url = site.url("/sitemap.xml");
    let mut first = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .args(["learn", &url, "--private"])
        .current_dir(workspace.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("spawn parlor");
    let sitemap = "/sitemap.xml".to_owned();
    while !site.take_requested_paths().contains(&sitemap) {
        assert!(first.try_wait().expect("wait").is_none());
        thread::yield_now();
    }
    let stderr = workspace.run_err(&["learn", &url, "--private"]);
    assert!(stderr.contains("it is being learned already"), "{stderr}");
    first.kill().expect("kill");
    let output = first.wait_with_output().expect("wait");
    output_texts(&output);
    // A run that was killed prevents no other run.
    site.set("/robots.txt", "200 OK", "", "");
    site.set_page("/a", &page("A"));
    workspace.run_ok(&["learn", &url, "--private"]);
    let names = fs::read_dir(workspace.path()).expect("a folder");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    let names: Vec<_> = names
        .filter(|name| name.to_string_lossy().contains(".learn-"))
        .collect();
    assert_eq!(names.len(), 0, "{names:?}");
}
