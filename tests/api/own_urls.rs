//! The URLs of the server in its responses (docs/api-contract.md, section 1.8).

use parlor::domain::Origin;
use serde_json::json;

use crate::helpers::{Request, Response, TestServer, ids, insert_conversations, string};
use crate::one_node;

/// The part of all URLs in the `Link` header before their paths.
#[track_caller]
fn base_of(response: &Response) -> String {
    let links = response.links();
    assert!(links.len() >= 2, "{links:?}");
    let mut bases: Vec<_> = links.iter().map(|(_, url)| split(url).0).collect();
    bases.dedup();
    assert_eq!(bases.len(), 1, "{links:?}");
    bases[0].to_owned()
}

/// Splits a URL before its path.
#[track_caller]
fn split(url: &str) -> (&str, &str) {
    let start = url.find("/v2/").expect("a path of the API");
    url.split_at(start)
}

fn list(server: &TestServer) -> Request {
    let list = server.get("/v2/conversations?limit=1");
    list.bearer(&server.project.private_key)
}

/// The base of the URLs of the server without `--public-url`.
fn listening(server: &TestServer) -> String {
    format!("http://{}", server.0)
}

fn behind_proxy() -> TestServer {
    TestServer::start_with(|settings| settings.behind_proxy = true)
}

/// Starts a server whose lists each have five rows.
fn setup_lists() -> (TestServer, [String; 3]) {
    let server = TestServer::start();
    let visitor = server.create_visitor("ann");
    insert_conversations(&server, &visitor, 5);
    let project = format!("/v2/projects/{}", server.project.id);
    let (qnas, documents) = (format!("{project}/qnas"), format!("{project}/documents"));
    for number in 0..5 {
        let question = format!("Do you sell umbrellas of size {number}?");
        let qna = json!({ "question": question, "answer": "Yes." });
        let content = "# Rain\n\nRaincoats keep rain off.";
        let document = json!({ "url": format!("file:{number}.md"), "content": content });
        for (target, body) in [(&qnas, qna), (&documents, document)] {
            let post = server.post(target).bearer(&server.project.private_key);
            post.json(body).send().expect(201);
        }
    }
    (server, ["/v2/conversations".to_owned(), qnas, documents])
}

#[test]
fn next_urls_lead_to_the_end_of_every_list() {
    let (server, targets) = setup_lists();
    for target in targets {
        let get = |url: &str| server.get(url).bearer(&server.project.private_key).send();
        let whole = ids(&get(&target).expect(200));
        let mut url = format!("{}{target}?limit=2", listening(&server));
        let (mut listed, mut pages) = (Vec::new(), 0);
        loop {
            let page = get(&url);
            assert_eq!(base_of(&page), listening(&server));
            listed.extend(ids(&page.expect(200)));
            pages += 1;
            match page.link("next") {
                Some(next) => url = next,
                None => break,
            }
        }
        assert_eq!((pages, listed), (3, whole), "{target}");
    }
}

#[test]
fn urls_begin_with_the_host_of_the_request() {
    let server = TestServer::start();
    for (host, expected) in [
        ("chat.example", "http://chat.example"),
        ("chat.example:8080", "http://chat.example:8080"),
        ("chat.example:80", "http://chat.example"),
        ("chat.example:443", "http://chat.example:443"),
        ("Chat_1.example.", "http://Chat_1.example."),
        ("192.0.2.1:8080", "http://192.0.2.1:8080"),
        ("[2001:db8::1]", "http://[2001:db8::1]"),
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
    ] {
        let page = list(&server).hosts(&[host]).send();
        assert_eq!((page.status, base_of(&page).as_str()), (200, expected));
    }
}

#[test]
fn invalid_host_is_replaced_by_the_listening_address() {
    one_node!("without --public-url, each node has a URL of its own");
    let server = TestServer::start();
    let long = format!("{}a", "a.".repeat(127));
    for host in [
        "",
        "user@a.example",
        "user:secret@a.example:80",
        "a.example/path",
        "a.example?query",
        "a.example#fragment",
        "a.example\\path",
        "a.example b.example",
        "a.example, b.example",
        "a.example>; rel=\"next\", <http://b.example",
        "<a.example>",
        "\"a.example\"",
        "'a.example'",
        "a.example;b",
        "a.example\tb",
        "a%2eexample",
        "{a}.example",
        "ä.example",
        "a..example",
        "a.example:0",
        "a.example:-1",
        "a.example:+80",
        "a.example:65536",
        "a.example:80:80",
        "a.example:http",
        "::1",
        "[::1",
        "[::1]a",
        "[::1%25eth0]",
        "[a.example]",
        "http://a.example",
        &long,
    ] {
        let page = list(&server).hosts(&[host]).send();
        assert_eq!(page.status, 200, "{host:?}");
        assert_eq!(base_of(&page), listening(&server), "{host:?}");
    }
    let old = list(&server).hosts(&[]).http_1_0().send();
    assert_eq!(base_of(&old), listening(&server));
}

#[test]
fn request_without_one_host_header_of_text_is_not_http() {
    let server = TestServer::start();
    for hosts in [
        &[][..],
        &["a.example", "b.example"],
        &["a.example", "a.example"],
        &["a.example\u{0}"],
        &["a.example\u{1b}b"],
        &["a.example\u{7f}"],
    ] {
        let response = list(&server).hosts(hosts).send();
        assert_eq!(response.status, 400, "{hosts:?}");
    }
}

#[test]
fn host_of_an_absolute_target_replaces_the_header() {
    let server = TestServer::start();
    let to = |target: &str| server.get(target).bearer(&server.project.private_key);
    for (target, expected) in [
        ("http://a.example/v2/conversations", "http://a.example"),
        (
            "http://a.example:81/v2/conversations",
            "http://a.example:81",
        ),
        ("https://a.example/v2/conversations", "http://a.example"),
        ("http://[::1]/v2/conversations", "http://[::1]"),
        (
            "http://user@a.example/v2/conversations",
            &listening(&server),
        ),
    ] {
        let page = to(target).hosts(&["b.example"]).send();
        assert_eq!(page.status, 200, "{target}");
        assert_eq!(base_of(&page), expected, "{target}");
    }
}

#[test]
fn callers_with_different_hosts_share_a_cached_page() {
    one_node!("each node has a list cache of its own");
    let server = TestServer::start();
    let stats = &server.list_cache_stats;
    let mut bodies = Vec::new();
    for (hits, host) in ["a.example", "b.example:81", "a.example", "<c.example>"]
        .into_iter()
        .enumerate()
    {
        let page = list(&server).hosts(&[host]).send();
        let expected = match host {
            "<c.example>" => listening(&server),
            host => format!("http://{host}"),
        };
        assert_eq!(base_of(&page), expected);
        assert_eq!((stats.hits(), stats.misses()), (hits as u64, 1));
        bodies.push((page.header("etag").map(str::to_owned), page.body));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[test]
fn forwarded_host_and_scheme_are_ignored_without_proxy() {
    let server = TestServer::start();
    let forwarded = list(&server)
        .hosts(&["a.example"])
        .header("X-Forwarded-Host", "b.example")
        .header("X-Forwarded-Proto", "https")
        .header("Forwarded", "host=c.example;proto=https");
    assert_eq!(base_of(&forwarded.send()), "http://a.example");
}

#[test]
fn last_forwarded_host_and_scheme_count_behind_proxy() {
    let server = behind_proxy();
    for (forwarded, expected) in [
        (&[][..], "http://a.example"),
        (&[("X-Forwarded-Proto", "https")], "https://a.example"),
        (&[("X-Forwarded-Proto", "HTTPS")], "https://a.example"),
        (&[("X-Forwarded-Proto", "gopher")], "http://a.example"),
        (&[("X-Forwarded-Proto", "https, http")], "http://a.example"),
        (&[("X-Forwarded-Proto", "http,https")], "https://a.example"),
        (&[("X-Forwarded-Host", "b.example")], "http://b.example"),
        (
            &[("X-Forwarded-Host", "b.example:8443")],
            "http://b.example:8443",
        ),
        (
            &[("X-Forwarded-Host", "c.example, b.example")],
            "http://b.example",
        ),
        (
            &[
                ("X-Forwarded-Host", "b.example"),
                ("X-Forwarded-Host", "c.example"),
            ],
            "http://c.example",
        ),
        (
            &[
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "b.example:443"),
            ],
            "https://b.example",
        ),
        (
            &[
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "[::1]:8443"),
            ],
            "https://[::1]:8443",
        ),
        (&[("X-Forwarded-Host", "b.example, ")], "http://a.example"),
        (
            &[("X-Forwarded-Host", "user@b.example")],
            "http://a.example",
        ),
        (&[("X-Forwarded-Host", "b.example/c")], "http://a.example"),
        (&[("X-Forwarded-Host", "\"><b")], "http://a.example"),
        (&[("X-Forwarded-Port", "8443")], "http://a.example"),
        (
            &[("Forwarded", "host=b.example;proto=https")],
            "http://a.example",
        ),
    ] {
        let mut request = list(&server).hosts(&["a.example"]);
        for (name, value) in forwarded {
            request = request.header(name, *value);
        }
        assert_eq!(base_of(&request.send()), expected, "{forwarded:?}");
    }
    let no_valid_host = list(&server)
        .hosts(&["<a>"])
        .header("X-Forwarded-Host", "<b>")
        .header("X-Forwarded-Proto", "https");
    assert_eq!(base_of(&no_valid_host.send()), listening(&server));
}

#[test]
fn public_url_takes_precedence_over_every_header() {
    let public = Origin::parse("https://chat.example:8443/").expect("a website");
    let server = TestServer::start_with(|settings| {
        settings.public_url = Some(public);
        settings.behind_proxy = true;
    });
    for host in ["a.example", "<a>", ""] {
        let request = list(&server)
            .hosts(&[host])
            .header("X-Forwarded-Host", "b.example")
            .header("X-Forwarded-Proto", "http");
        assert_eq!(base_of(&request.send()), "https://chat.example:8443");
    }
    let target = "http://c.example/v2/conversations";
    let absolute = server.get(target).bearer(&server.project.private_key);
    assert_eq!(base_of(&absolute.send()), "https://chat.example:8443");
}

#[test]
fn search_results_begin_with_the_same_base() {
    one_node!("without --public-url, each node has a URL of its own");
    let (server, _) = setup_lists();
    let key = &server.project.publishable_key;
    for (query, resource) in [("umbrellas", "qnas"), ("raincoats", "documents")] {
        let target = format!("/v2/search?apiKey={key}&q={query}");
        for (host, base) in [
            ("a.example:81", "http://a.example:81".to_owned()),
            ("a.example/path?", listening(&server)),
            ("user@a.example", listening(&server)),
        ] {
            let found = server.get(&target).hosts(&[host]).send().expect(200);
            let (url, path) = (&found["results"][0]["url"], &found["results"][0]["path"]);
            assert_eq!(split(&string(url)), (base.as_str(), string(path).as_str()));
            let project = format!("/v2/projects/{}/{resource}/", server.project.id);
            assert!(string(path).starts_with(&project), "{path}");
        }
    }
}

#[test]
fn not_modified_list_has_no_link() {
    let server = TestServer::start();
    let etag = list(&server).send().header("etag").map(str::to_owned);
    let request = list(&server).header("If-None-Match", etag.expect("an ETag"));
    let response = request.send();
    assert_eq!((response.status, response.header("link")), (304, None));
}
