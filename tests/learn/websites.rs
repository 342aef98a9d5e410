//! `parlor learn` with pages and sitemaps.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use crate::fake_website::FakeWebsite;
use crate::setup::{Workspace, output_texts, page};

#[test]
fn page_is_learned_without_its_fragment() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_page("/help", &page("Help"));
    let (stdout, stderr) = workspace.run_ok(&["learn", &site.url("/help#top"), "--private"]);
    assert_eq!(
        stdout,
        "learned 1 page (1 new, 0 changed, 0 as before, 0 forgotten), 1 passage"
    );
    assert_eq!(stderr, "");
    assert_eq!(
        workspace.documents(1),
        [(site.url("/help"), "Help".to_owned())]
    );
    assert_eq!(site.take_requested_paths(), ["/robots.txt", "/help"]);
}

#[test]
fn second_run_of_sitemap_stores_only_changed_pages() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let index = format!(
        "<?xml version='1.0'?><x:sitemapindex xmlns:x='y'><x:sitemap><x:loc>{}</x:loc></x:sitemap>\
         <x:sitemap><x:loc>{}</x:loc></x:sitemap></x:sitemapindex>",
        site.url("/one.xml"),
        site.url("/two.xml")
    );
    site.set(
        "/sitemap.xml",
        "200 OK",
        "Content-Type: text/xml\r\n",
        index,
    );
    site.set_sitemap("/one.xml", &["/a", "/b?x=1&amp;y=2"]);
    site.set_sitemap(
        "/two.xml",
        &["/a#again", "/c", "/md", "https://other.example/d"],
    );
    for (path, title) in [("/a", "A"), ("/b?x=1&y=2", "B"), ("/c", "C")] {
        site.set_page(path, &page(title));
    }
    let markdown = "# M\n\nA page that is delivered as it was written, in Markdown.";
    site.set("/md", "200 OK", "Content-Type: text/markdown\r\n", markdown);
    let url = site.url("/sitemap.xml");
    let learn = ["learn", url.as_str(), "--private"];
    let (stdout, stderr) = workspace.run_ok(&learn);
    assert_eq!(
        stdout,
        "learned 4 pages (4 new, 0 changed, 0 as before, 0 forgotten), 4 passages"
    );
    assert!(
        stderr.contains("https://other.example/d: on another website"),
        "{stderr}"
    );
    let (stdout, _) = workspace.run_ok(&learn);
    assert_eq!(
        stdout,
        "learned 4 pages (0 new, 0 changed, 4 as before, 0 forgotten), 4 passages"
    );
    site.set_page("/a", &page("Another"));
    site.remove("/c");
    site.set_sitemap("/one.xml", &["/a"]);
    let (stdout, stderr) = workspace.run_ok(&learn);
    assert_eq!(
        stdout,
        "learned 2 pages (0 new, 1 changed, 1 as before, 2 forgotten), 2 passages"
    );
    assert!(stderr.contains("/c: it is answered 404"), "{stderr}");
    assert_eq!(workspace.urls(), [site.url("/a"), site.url("/md")]);
}

#[test]
fn documents_of_pages_that_fail_are_kept() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_sitemap("/sitemap.xml", &["/a", "/b", "/c"]);
    for path in ["/a", "/b", "/c"] {
        site.set_page(path, &page(path));
    }
    let url = site.url("/sitemap.xml");
    let learn = ["learn", url.as_str(), "--private"];
    workspace.run_ok(&learn);
    site.set("/b", "500 Oops", "", "");
    site.remove("/c");
    let (stdout, stderr) = workspace.run_ok(&learn);
    assert!(stdout.contains("1 as before, 1 forgotten"), "{stdout}");
    assert!(stderr.contains("/b: it is answered 500"), "{stderr}");
    assert_eq!(workspace.urls(), [site.url("/a"), site.url("/b")]);
    // Documents of pages beyond the limit are kept.
    let limited = [&learn[..], &["--max-pages", "1"]].concat();
    let (stdout, stderr) = workspace.run_ok(&limited);
    assert!(stdout.contains("0 forgotten"), "{stdout}");
    assert!(stderr.contains("2 pages are left out"), "{stderr}");
    // Nothing is deleted if a part of the sitemap is missing.
    let index = format!(
        "<sitemapindex><sitemap><loc>{}</loc></sitemap></sitemapindex>",
        site.url("/missing.xml")
    );
    site.set(
        "/sitemap.xml",
        "200 OK",
        "Content-Type: text/xml\r\n",
        index,
    );
    let output = workspace.run(&learn);
    let (_, stderr) = output_texts(&output);
    assert!(stderr.contains("nothing of it is forgotten"), "{stderr}");
    assert_eq!(workspace.urls().len(), 2);
}

#[test]
fn robots_txt_and_noindex_are_obeyed() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let robots =
        "User-agent: *\nDisallow: /\n\nUser-agent: parlor\nDisallow: /private\nCrawl-delay: 0.01\n";
    site.set(
        "/robots.txt",
        "200 OK",
        "Content-Type: text/plain\r\n",
        robots,
    );
    site.set_sitemap(
        "/sitemap.xml",
        &[
            "/open",
            "/private/x",
            "/unwanted",
            "/unwanted-too",
            "/leads-in",
        ],
    );
    site.set("/leads-in", "302 Found", "Location: /private/y\r\n", "");
    site.set_page("/private/y", &page("Private"));
    site.set_page("/open", &page("Open"));
    site.set_page("/private/x", &page("Private"));
    site.set_page(
        "/unwanted",
        "<meta name=robots content=noindex><h1>Unwanted</h1>",
    );
    site.set(
        "/unwanted-too",
        "200 OK",
        "Content-Type: text/html\r\nX-Robots-Tag: noindex\r\n",
        page("U"),
    );
    let sitemap = site.url("/sitemap.xml");
    let (stdout, stderr) = workspace.run_ok(&["learn", &sitemap, "--private"]);
    assert!(stdout.starts_with("learned 1 page (1 new"), "{stdout}");
    for line in [
        "/private/x: robots.txt does not allow it",
        "/leads-in: it leads to ",
        "/unwanted: it asks not to be indexed",
        "/unwanted-too: it asks not to be indexed",
        "parlor: 4 items were skipped",
    ] {
        assert!(stderr.contains(line), "{line}: {stderr}");
    }
    assert_eq!(workspace.urls(), [site.url("/open")]);
    assert!(
        !site
            .take_requested_paths()
            .contains(&"/private/x".to_owned())
    );
    let private = site.url("/private/x");
    let stderr = workspace.run_err(&["learn", &private, "--private"]);
    assert!(stderr.contains("robots.txt does not allow"), "{stderr}");
    for status in ["503 Busy", "429 Too Many"] {
        site.set("/robots.txt", status, "", "");
        let learn = ["learn", &sitemap, "--private", "--retry-limit", "0"];
        let stderr = workspace.run_err(&learn);
        assert!(stderr.contains("nothing is read"), "{stderr}");
    }
    // No document was deleted.
    assert_eq!(workspace.urls(), [site.url("/open")]);
}

#[test]
fn redirects_to_other_websites_are_not_followed() {
    let (workspace, site, other) = (Workspace::new(), FakeWebsite::new(), FakeWebsite::new());
    let to = |path: &str, target: &str| {
        site.set(path, "302 Found", &format!("Location: {target}\r\n"), "");
    };
    to("/old", "/older");
    to("/older", &site.url("/new#x"));
    site.set_page("/new", &page("New"));
    to("/away", &other.url("/secret"));
    to("/circle", "/circle");
    other.set_page("/secret", &page("Secret"));
    site.set_sitemap("/sitemap.xml", &["/old", "/away", "/circle", "/new"]);
    let (stdout, stderr) = workspace.run_ok(&["learn", &site.url("/sitemap.xml"), "--private"]);
    assert!(stdout.starts_with("learned 1 page (1 new"), "{stdout}");
    assert_eq!(workspace.urls(), [site.url("/new")]);
    for message in [
        "/away: it leads to another website, http://",
        "/circle: it is redirected more than 5",
    ] {
        assert!(stderr.contains(message), "{stderr}");
    }
    assert!(other.take_requested_paths().is_empty());
}

#[test]
fn pages_of_other_types_or_too_large_are_skipped() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let paths = [
        "/picture", "/huge", "/latin", "/proper", "/nothing", "/plain",
    ];
    site.set_sitemap("/sitemap.xml", &paths);
    site.set("/picture", "200 OK", "Content-Type: image/png\r\n", "x");
    site.set_page("/huge", &"<p>x".repeat(1_300_000));
    let latin = "Content-Type: text/html; charset=ISO-8859-1\r\n";
    site.set(
        "/latin",
        "200 OK",
        latin,
        &b"<h1>Caf\xe9</h1><p>A text that is long enough to be kept as it is."[..],
    );
    site.set_page(
        "/proper",
        &format!("<link rel=canonical href='/plain'>{}", page("P")),
    );
    site.set("/nothing", "200 OK", "", "x");
    let text = "A title\n\nAnd some text that is long enough to be kept as it is.";
    site.set("/plain", "200 OK", "Content-Type: text/plain\r\n", text);
    let (stdout, stderr) = workspace.run_ok(&["learn", &site.url("/sitemap.xml"), "--private"]);
    assert!(stdout.starts_with("learned 2 pages (2 new"), "{stdout}");
    for message in [
        "/picture: it is image/png",
        "/huge: it has more than 5 MB",
        "/nothing: it does not say",
    ] {
        assert!(stderr.contains(message), "{stderr}");
    }
    let expected = [
        (site.url("/latin"), "Café".to_owned()),
        // The page itself precedes another page that names it.
        (site.url("/plain"), "A title".to_owned()),
    ];
    assert_eq!(workspace.documents(1), expected);
}

#[test]
fn compressed_page_is_limited_by_its_uncompressed_size() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let bomb = gzip(&"<p>x".repeat(5_000_000));
    assert!(bomb.len() < 100_000);
    let headers = "Content-Type: text/html\r\nContent-Encoding: gzip\r\n";
    site.set("/bomb", "200 OK", headers, bomb);
    site.set("/small", "200 OK", headers, gzip(&page("Small")));
    site.set_sitemap("/sitemap.xml", &["/bomb", "/small"]);
    let (stdout, stderr) = workspace.run_ok(&["learn", &site.url("/sitemap.xml"), "--private"]);
    assert!(stdout.starts_with("learned 1 page (1 new"), "{stdout}");
    assert!(stderr.contains("/bomb: it has more than 5 MB"), "{stderr}");
}

pub fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = Command::new("gzip");
    gzip.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut gzip = gzip.spawn().expect("gzip runs");
    let mut input = gzip.stdin.take().expect("its input");
    let text = text.to_owned();
    let writer = thread::spawn(move || input.write_all(text.as_bytes()));
    let output = gzip.wait_with_output().expect("its output");
    writer.join().expect("a thread").expect("written");
    output.stdout
}

/// A public website could otherwise make parlor read pages of a private network.
#[test]
fn sitemap_and_redirect_lead_to_no_other_website() {
    let (workspace, site, inside) = (Workspace::new(), FakeWebsite::new(), FakeWebsite::new());
    inside.set_page("/secret", &page("Secret"));
    let away = format!("Location: {}\r\n", inside.url("/secret"));
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        site.set("/away", status, &away, "");
        site.set_sitemap("/sitemap.xml", &[&inside.url("/secret"), "/away"]);
        workspace.run_err(&["learn", &site.url("/sitemap.xml"), "--private"]);
    }
    assert!(inside.take_requested_paths().is_empty());
}

#[test]
fn private_addresses_require_the_private_flag() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_page("/", &page("Inside"));
    let port = site.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "0.0.0.0"] {
        let url = format!("http://{host}:{port}/");
        let stderr = workspace.run_err(&["learn", &url]);
        assert!(
            stderr.contains("it is in a private network; --private"),
            "{stderr}"
        );
    }
    assert!(site.take_requested_paths().is_empty());
}

#[test]
fn user_and_password_are_used_and_not_stored() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let host = site.address;
    let with_password = |path: &str| format!("http://ann:p%40w@{host}{path}");
    let other_user = format!("http://ben:hidden77@{host}/b");
    site.set_sitemap("/sitemap.xml", &[&with_password("/a"), &other_user, "/c"]);
    site.set_page("/a", &page("A"));
    let location = format!("Location: {}\r\n", with_password("/target"));
    site.set("/b", "302 Found", &location, "");
    let links = format!(
        "<base href='http://ben:hidden77@{host}/'><link rel=canonical href='{}'>{}<a href='{}'>x</a> <a href=/y>y</a>",
        with_password("/canonical"),
        page("B"),
        with_password("/x"),
    );
    site.set_page("/target", &links);
    let learn = ["learn", &with_password("/sitemap.xml"), "--private"];
    let (stdout, stderr) = workspace.run_ok(&learn);
    // The page /c does not exist.
    assert!(stderr.contains(&format!("http://{host}/c")), "{stderr}");
    assert_eq!(workspace.urls(), [site.url("/a"), site.url("/canonical")]);
    let authorization = "Basic YW5uOnBAdw==".to_owned();
    assert_eq!(site.credentials(), HashSet::from([Some(authorization)]));
    let database = std::fs::read(workspace.path().join("parlor.db")).expect("a file");
    let wal = std::fs::read(workspace.path().join("parlor.db-wal")).unwrap_or_default();
    let outputs = [stdout.as_bytes(), stderr.as_bytes(), &database, &wal].concat();
    for secret in ["p%40w", "p@w", "hidden77"] {
        let found = outputs
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "{secret}");
    }
}

#[test]
fn user_and_password_are_not_sent_to_another_port() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    let other = FakeWebsite::new();
    other.set_page("/b", &page("B"));
    site.set_sitemap("/sitemap.xml", &[&other.url("/b")]);
    let location = format!("Location: {}\r\n", other.url("/b"));
    site.set("/a", "302 Found", &location, "");
    for path in ["/sitemap.xml", "/a"] {
        let url = format!("http://ann:pw@{}{path}", site.address);
        workspace.run_err(&["learn", &url, "--private"]);
    }
    assert!(other.credentials().is_empty());
}

#[test]
fn base_url_is_stored_without_user_and_password() {
    let workspace = Workspace::new();
    workspace.write(
        "help/a.md",
        "# A\n\nAll that there is to say about A is said here.",
    );
    let base = "https://ann:pw@shop.example/help/";
    workspace.run_ok(&["learn", "help", "--base-url", base]);
    assert_eq!(workspace.urls(), ["https://shop.example/help/a.md"]);
}

#[test]
fn documents_that_were_stored_with_a_password_are_replaced() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_page("/a", &page("A"));
    workspace.run_ok(&["learn", &site.url("/a"), "--private"]);
    let url = format!("http://ann:pw@{}/a", site.address);
    let database = rusqlite::Connection::open(workspace.path().join("parlor.db")).expect("open");
    let update = database.execute("UPDATE document SET url = ?1, source = ?1", [&url]);
    assert_eq!(update.expect("an update"), 1);
    workspace.run_ok(&["learn", &url, "--private"]);
    assert_eq!(workspace.urls(), [site.url("/a")]);
}

#[test]
fn robots_txt_with_too_many_rules_is_refused() {
    let (workspace, site) = (Workspace::new(), FakeWebsite::new());
    site.set_page("/a", &page("A"));
    for (count, is_refused) in [(4000, false), (6000, true)] {
        let rules = (0..count).map(|number| format!("Disallow: /x{number}*y\n"));
        let robots = "User-agent: *\n".to_owned() + &rules.collect::<String>();
        site.set("/robots.txt", "200 OK", "", robots);
        let learn = ["learn", &site.url("/a"), "--private"];
        if is_refused {
            let error = workspace.run_err(&learn);
            assert!(error.contains("more than 5000 rules"), "{error}");
        } else {
            workspace.run_ok(&learn);
        }
    }
}
