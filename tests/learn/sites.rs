//! Pages and sitemaps as sources.

use crate::stage::{Stage, page, texts};
use crate::website::Website;

#[test]
fn a_page_is_learned_by_its_address() {
    let (stage, site) = (Stage::new(), Website::new());
    site.page("/help", &page("Help"));
    let (said, warned) = stage.done(&["learn", &site.url("/help#top"), "--private"]);
    assert_eq!(
        said,
        "learned 1 page (1 new, 0 changed, 0 as before, 0 forgotten), 1 passage"
    );
    assert_eq!(warned, "");
    assert_eq!(stage.documents(1), [(site.url("/help"), "Help".to_owned())]);
    assert_eq!(site.was_asked(), ["/robots.txt", "/help"]);
}

#[test]
fn a_sitemap_is_learned_and_again_only_where_it_changed() {
    let (stage, site) = (Stage::new(), Website::new());
    let index = format!(
        "<?xml version='1.0'?><x:sitemapindex xmlns:x='y'><x:sitemap><x:loc>{}</x:loc></x:sitemap>\
         <x:sitemap><x:loc>{}</x:loc></x:sitemap></x:sitemapindex>",
        site.url("/one.xml"),
        site.url("/two.xml")
    );
    site.says(
        "/sitemap.xml",
        "200 OK",
        "Content-Type: text/xml\r\n",
        index,
    );
    site.sitemap("/one.xml", &["/a", "/b?x=1&amp;y=2"]);
    site.sitemap(
        "/two.xml",
        &["/a#again", "/c", "/md", "https://other.example/d"],
    );
    for (path, title) in [("/a", "A"), ("/b?x=1&y=2", "B"), ("/c", "C")] {
        site.page(path, &page(title));
    }
    let markdown = "# M\n\nA page that is delivered as it was written, in Markdown.";
    site.says("/md", "200 OK", "Content-Type: text/markdown\r\n", markdown);
    let url = site.url("/sitemap.xml");
    let learn = ["learn", url.as_str(), "--private"];
    let (said, warned) = stage.done(&learn);
    assert_eq!(
        said,
        "learned 4 pages (4 new, 0 changed, 0 as before, 0 forgotten), 4 passages"
    );
    assert!(
        warned.contains("https://other.example/d: on another website"),
        "{warned}"
    );
    let (said, _) = stage.done(&learn);
    assert_eq!(
        said,
        "learned 4 pages (0 new, 0 changed, 4 as before, 0 forgotten), 4 passages"
    );
    site.page("/a", &page("Another"));
    site.gone("/c");
    site.sitemap("/one.xml", &["/a"]);
    let (said, warned) = stage.done(&learn);
    assert_eq!(
        said,
        "learned 2 pages (0 new, 1 changed, 1 as before, 2 forgotten), 2 passages"
    );
    assert!(warned.contains("/c: it is answered 404"), "{warned}");
    assert_eq!(stage.urls(), [site.url("/a"), site.url("/md")]);
}

#[test]
fn what_fails_this_time_is_kept() {
    let (stage, site) = (Stage::new(), Website::new());
    site.sitemap("/sitemap.xml", &["/a", "/b", "/c"]);
    for path in ["/a", "/b", "/c"] {
        site.page(path, &page(path));
    }
    let url = site.url("/sitemap.xml");
    let learn = ["learn", url.as_str(), "--private"];
    stage.done(&learn);
    site.says("/b", "500 Oops", "", "");
    site.gone("/c");
    let (said, warned) = stage.done(&learn);
    assert!(said.contains("1 as before, 1 forgotten"), "{said}");
    assert!(warned.contains("/b: it is answered 500"), "{warned}");
    assert_eq!(stage.urls(), [site.url("/a"), site.url("/b")]);
    // Pages beyond the limit were not looked at, so they are not gone.
    let limited = [&learn[..], &["--max-pages", "1"]].concat();
    let (said, warned) = stage.done(&limited);
    assert!(said.contains("0 forgotten"), "{said}");
    assert!(warned.contains("2 pages are left out"), "{warned}");
    // Nor is anything known to be gone where a part of the sitemap is missing.
    let index = format!(
        "<sitemapindex><sitemap><loc>{}</loc></sitemap></sitemapindex>",
        site.url("/missing.xml")
    );
    site.says(
        "/sitemap.xml",
        "200 OK",
        "Content-Type: text/xml\r\n",
        index,
    );
    let output = stage.run(&learn);
    let (_, errors) = texts(&output);
    assert!(errors.contains("nothing of it is forgotten"), "{errors}");
    assert_eq!(stage.urls().len(), 2);
}

#[test]
fn robots_are_told_what_to_leave_alone() {
    let (stage, site) = (Stage::new(), Website::new());
    let robots =
        "User-agent: *\nDisallow: /\n\nUser-agent: parlor\nDisallow: /private\nCrawl-delay: 0.01\n";
    site.says(
        "/robots.txt",
        "200 OK",
        "Content-Type: text/plain\r\n",
        robots,
    );
    site.sitemap(
        "/sitemap.xml",
        &[
            "/open",
            "/private/x",
            "/unwanted",
            "/unwanted-too",
            "/leads-in",
        ],
    );
    site.says("/leads-in", "302 Found", "Location: /private/y\r\n", "");
    site.page("/private/y", &page("Private"));
    site.page("/open", &page("Open"));
    site.page("/private/x", &page("Private"));
    site.page(
        "/unwanted",
        "<meta name=robots content=noindex><h1>Unwanted</h1>",
    );
    site.says(
        "/unwanted-too",
        "200 OK",
        "Content-Type: text/html\r\nX-Robots-Tag: noindex\r\n",
        page("U"),
    );
    let sitemap = site.url("/sitemap.xml");
    let (said, warned) = stage.done(&["learn", &sitemap, "--private"]);
    assert!(said.starts_with("learned 1 page (1 new"), "{said}");
    assert_eq!(warned, "");
    assert_eq!(stage.urls(), [site.url("/open")]);
    assert!(!site.was_asked().contains(&"/private/x".to_owned()));
    let private = site.url("/private/x");
    let errors = stage.refused(&["learn", &private, "--private"]);
    assert!(errors.contains("robots.txt does not allow"), "{errors}");
    for status in ["503 Busy", "429 Too Many"] {
        site.says("/robots.txt", status, "", "");
        let errors = stage.refused(&["learn", &sitemap, "--private"]);
        assert!(errors.contains("nothing is read"), "{errors}");
    }
    // Nothing of it was forgotten.
    assert_eq!(stage.urls(), [site.url("/open")]);
}

#[test]
fn redirects_are_followed_on_the_website_alone() {
    let (stage, site, other) = (Stage::new(), Website::new(), Website::new());
    let to = |path: &str, target: &str| {
        site.says(path, "302 Found", &format!("Location: {target}\r\n"), "");
    };
    to("/old", "/older");
    to("/older", &site.url("/new#x"));
    site.page("/new", &page("New"));
    to("/away", &other.url("/secret"));
    to("/circle", "/circle");
    other.page("/secret", &page("Secret"));
    site.sitemap("/sitemap.xml", &["/old", "/away", "/circle", "/new"]);
    let (said, warned) = stage.done(&["learn", &site.url("/sitemap.xml"), "--private"]);
    assert!(said.starts_with("learned 1 page (1 new"), "{said}");
    assert_eq!(stage.urls(), [site.url("/new")]);
    for told in [
        "/away: it leads to another website, http://",
        "/circle: it is redirected more than 5",
    ] {
        assert!(warned.contains(told), "{warned}");
    }
    assert!(other.was_asked().is_empty());
}

#[test]
fn only_texts_of_some_size_are_pages() {
    let (stage, site) = (Stage::new(), Website::new());
    let paths = [
        "/picture", "/huge", "/latin", "/proper", "/nothing", "/plain",
    ];
    site.sitemap("/sitemap.xml", &paths);
    site.says("/picture", "200 OK", "Content-Type: image/png\r\n", "x");
    site.page("/huge", &"<p>x".repeat(1_300_000));
    let latin = "Content-Type: text/html; charset=ISO-8859-1\r\n";
    site.says(
        "/latin",
        "200 OK",
        latin,
        &b"<h1>Caf\xe9</h1><p>A text that is long enough to be kept as it is."[..],
    );
    site.page(
        "/proper",
        &format!("<link rel=canonical href='/plain'>{}", page("P")),
    );
    site.says("/nothing", "200 OK", "", "x");
    let text = "A title\n\nAnd some text that is long enough to be kept as it is.";
    site.says("/plain", "200 OK", "Content-Type: text/plain\r\n", text);
    let (said, warned) = stage.done(&["learn", &site.url("/sitemap.xml"), "--private"]);
    assert!(said.starts_with("learned 2 pages (2 new"), "{said}");
    for told in [
        "/picture: it is image/png",
        "/huge: it has more than 5 MB",
        "/nothing: it does not say",
    ] {
        assert!(warned.contains(told), "{warned}");
    }
    let expected = [
        (site.url("/latin"), "Café".to_owned()),
        (site.url("/plain"), "P".to_owned()),
    ];
    assert_eq!(stage.documents(1), expected);
}

#[test]
fn private_networks_are_called_only_if_that_is_wanted() {
    let (stage, site) = (Stage::new(), Website::new());
    site.page("/", &page("Inside"));
    let port = site.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "0.0.0.0"] {
        let url = format!("http://{host}:{port}/");
        let errors = stage.refused(&["learn", &url]);
        assert!(
            errors.contains("it is in a private network; --private"),
            "{errors}"
        );
    }
    assert!(site.was_asked().is_empty());
}
