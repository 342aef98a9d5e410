//! Forms of sitemaps, and what pages ask of robots.

use crate::fake_website::FakeWebsite;
use crate::setup::{Workspace, page};
use crate::websites::gzip;

#[test]
fn compressed_sitemaps_are_read() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let index = "<sitemapindex><sitemap><loc>/a.xml.gz</loc></sitemap>\
                 <sitemap><loc>/b.xml.gz</loc></sitemap>\
                 <sitemap><loc>/c.txt</loc></sitemap></sitemapindex>";
    let sitemap = |path: &str| gzip(&format!("<urlset><url><loc>{path}</loc></url></urlset>"));
    let gz = "Content-Type: application/gzip\r\n";
    site.set("/sitemap.xml.gz", "200 OK", gz, gzip(index));
    site.set("/a.xml.gz", "200 OK", "", sitemap("/a"));
    let encoded = "Content-Type: application/xml\r\nContent-Encoding: gzip\r\n";
    site.set("/b.xml.gz", "200 OK", encoded, sitemap("/b"));
    let list = format!("\u{feff}{}\r\n\r\n {} \r\n", site.url("/c"), site.url("/d"));
    site.set("/c.txt", "200 OK", "Content-Type: text/plain\r\n", list);
    for path in ["/a", "/b", "/c", "/d"] {
        site.set_page(path, &page(path));
    }
    let (_, stderr) = workspace.run_ok(&["learn", &site.url("/sitemap.xml.gz"), "--private"]);
    assert_eq!(stderr, "");
    assert_eq!(
        workspace.urls(),
        ["/a", "/b", "/c", "/d"].map(|path| site.url(path))
    );
    // A list of addresses is a source too; the source of the others stays.
    let (stdout, _) = workspace.run_ok(&["learn", &site.url("/c.txt"), "--private"]);
    assert!(stdout.starts_with("learned 2 pages (0 new"), "{stdout}");
    let bomb = gzip(&"<!-- x -->".repeat(5_100_000));
    site.set("/sitemap.xml.gz", "200 OK", gz, bomb);
    let stderr = workspace.run_err(&["learn", &site.url("/sitemap.xml.gz"), "--private"]);
    assert!(stderr.contains("it has more than 50 MB"), "{stderr}");
}

#[test]
fn unusual_sitemaps_are_read() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let sitemap = "\u{feff}\n<?xml version='1.0' encoding='UTF-8'?>\
        <s:urlset xmlns:s='http://www.google.com/schemas/sitemap/0.84'><s:url><s:loc>\n  \
        /a?x=1&y=2\n</s:loc></s:url><s:url><s:loc>b</s:loc></s:url>\
        <s:url><s:loc>http://[</s:loc></s:url></s:urlset>";
    site.set(
        "/x/sitemap.xml",
        "200 OK",
        "Content-Type: text/plain\r\n",
        sitemap,
    );
    site.set_page("/a?x=1&y=2", &page("A"));
    site.set_page("/x/b", &page("B"));
    let (_, stderr) = workspace.run_ok(&["learn", &site.url("/x/sitemap.xml"), "--private"]);
    for line in [
        "an & that is not written as &amp;",
        "http://[: it is no address",
    ] {
        assert!(stderr.contains(line), "{stderr}");
    }
    assert_eq!(workspace.urls(), [site.url("/a?x=1&y=2"), site.url("/x/b")]);
}

#[test]
fn start_page_is_not_the_canonical_address_of_all_pages() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_sitemap("/sitemap.xml", &["/a", "/", "/b", "/c"]);
    for path in ["/a", "/", "/b", "/c"] {
        let html = format!("<link rel=canonical href='/'>{}", page(path));
        site.set_page(path, &html);
    }
    let url = site.url("/sitemap.xml");
    for _ in 0..2 {
        let (_, stderr) = workspace.run_ok(&["learn", &url, "--private"]);
        let line = "/: 3 pages have this canonical address; it is not followed for them";
        assert!(stderr.contains(line), "{stderr}");
        let expected = ["/", "/a", "/b", "/c"].map(|path| (site.url(path), path.to_owned()));
        assert_eq!(workspace.documents(1), expected);
    }
}

#[test]
fn robots_headers_apply_to_the_robot_that_they_name() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let pages = [
        (
            "/a",
            "X-Robots-Tag: max-image-preview:none\r\nX-Robots-Tag: noarchive\r\n",
        ),
        ("/b", "X-Robots-Tag: otherbot: noindex, nofollow\r\n"),
        (
            "/c",
            "X-Robots-Tag: unavailable_after: 25 Jun 2010 15:00:00 PST\r\n",
        ),
        ("/d", "X-Robots-Tag: nofollow\r\nX-Robots-Tag: noindex\r\n"),
        (
            "/e",
            "X-Robots-Tag: otherbot: nofollow\r\nX-Robots-Tag: parlor: none\r\n",
        ),
    ];
    for (path, headers) in pages {
        let headers = format!("Content-Type: text/html\r\n{headers}");
        site.set(path, "200 OK", &headers, page(path));
    }
    let preview = "<meta name=robots content='index, max-image-preview:none'>";
    site.set_page("/f", &format!("{preview}{}", page("/f")));
    let other = "<meta name=otherbot content=noindex>";
    site.set_page("/g", &format!("{other}{}", page("/g")));
    let paths = ["/a", "/b", "/c", "/d", "/e", "/f", "/g"];
    site.set_sitemap("/sitemap.xml", &paths);
    workspace.run_ok(&["learn", &site.url("/sitemap.xml"), "--private"]);
    let learned = ["/a", "/b", "/c", "/f", "/g"].map(|path| site.url(path));
    assert_eq!(workspace.urls(), learned);
}
