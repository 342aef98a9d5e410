//! Websites that the server learns in the background.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::backup::generated_file;
use crate::helpers::{
    Request, Response, TestServer, UNKNOWN_ID, ids, open_connection, run_successfully,
    run_with_error, string, wait_until,
};

/// A website with pages and a sitemap. Requests of pages that it does not have wait until
/// the website is dropped.
pub struct Website {
    pub address: SocketAddr,
    pages: Arc<Mutex<HashMap<String, String>>>,
}

impl Website {
    pub fn start(pages: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let website = Self {
            address: listener.local_addr().expect("an address"),
            pages: Arc::default(),
        };
        website.set_pages(pages);
        let pages = website.pages.clone();
        std::thread::spawn(move || {
            let mut waiting = Vec::new();
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else {
                    return;
                };
                if respond(&mut connection, &pages).is_none() {
                    waiting.push(connection);
                }
            }
        });
        website
    }

    /// Replaces all pages. `WAIT` in the sitemap is a page that never responds.
    fn set_pages(&self, pages: &[(&str, &str)]) {
        self.pages.lock().expect("pages").clear();
        self.set_sitemap(pages);
        let mut all = self.pages.lock().expect("pages");
        all.insert("/robots.txt".to_owned(), String::new());
        for (path, text) in pages.iter().filter(|(_, text)| *text != "WAIT") {
            let html = format!(
                "<html><title>{path}</title><body><h1>{path}</h1><p>{text}</p></body></html>"
            );
            all.insert((*path).to_owned(), html);
        }
    }

    /// Replaces the sitemap. All pages stay.
    fn set_sitemap(&self, pages: &[(&str, &str)]) {
        let url = |path: &str| format!("<url><loc>http://{}{path}</loc></url>", self.address);
        let urls: String = pages.iter().map(|(path, _)| url(path)).collect();
        let sitemap = format!("<?xml version=\"1.0\"?><urlset>{urls}</urlset>");
        let mut all = self.pages.lock().expect("pages");
        all.insert("/sitemap.xml".to_owned(), sitemap);
    }

    pub fn sitemap(&self) -> String {
        format!("http://{}/sitemap.xml", self.address)
    }
}

/// Responds with a page. `None`: the website does not have it.
fn respond(connection: &mut TcpStream, pages: &Mutex<HashMap<String, String>>) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).ok()? > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1)?;
    let pages = pages.lock().ok()?;
    let (status, body) = match path {
        "/missing.html" => ("404 Not Found", ""),
        path => ("200 OK", pages.get(path)?.as_str()),
    };
    let kind = match path.rsplit('.').next() {
        Some("xml") => "application/xml",
        Some("txt") => "text/plain",
        _ => "text/html; charset=utf-8",
    };
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    connection.write_all(response.as_bytes()).ok()
}

fn start_server() -> TestServer {
    TestServer::start_with(|settings| settings.learn_private_network = true)
}

pub fn by_key(server: &TestServer, method: &'static str, path: &str) -> Request {
    let request = server.request(method, format!("/v2{path}"));
    request.bearer(&server.project.private_key)
}

pub fn create(server: &TestServer, url: &str) -> Response {
    by_key(server, "POST", "/sources")
        .json(json!({"url": url}))
        .send()
}

pub fn sources(server: &TestServer) -> Vec<Value> {
    let list = by_key(server, "GET", "/sources").send().expect(200);
    list["data"].as_array().expect("data").clone()
}

/// Waits until the first source does not run, and returns it.
pub fn wait_for_end(server: &TestServer) -> Value {
    wait_until("the run has ended", || {
        sources(server)[0]["status"] != "running"
    });
    sources(server).remove(0)
}

pub fn documents(server: &TestServer) -> u64 {
    let path = format!("/projects/{}/documents", server.project.id.0);
    let list = by_key(server, "GET", &path).send().expect(200);
    list["total"].as_u64().expect("a total")
}

#[test]
fn website_is_learned_learned_again_and_deleted_with_its_documents() {
    let website = Website::start(&[("/a.html", "Delivery takes two days."), ("/b.html", "Mugs")]);
    let server = start_server();
    let source = create(&server, &website.sitemap()).expect(201);
    assert_eq!(
        (&source["object"], &source["status"]),
        (&json!("source"), &json!("running"))
    );
    assert_eq!(
        (&source["kind"], &source["finishedAt"]),
        (&json!("website"), &Value::Null)
    );
    let done = wait_for_end(&server);
    assert_eq!(
        (&done["status"], &done["documents"]),
        (&json!("done"), &json!(2)),
        "{done}"
    );
    assert_eq!((&done["id"], &done["error"]), (&source["id"], &Value::Null));
    assert!(done["finishedAt"].is_string());
    assert_eq!(documents(&server), 2);
    let key = &server.project.publishable_key;
    let found = server
        .get(format!("/v2/search?q=delivery&apiKey={key}"))
        .send();
    assert!(found.text().contains("two days"), "{}", found.text());
    // One page is gone, one is new.
    website.set_pages(&[
        ("/a.html", "Delivery takes three days."),
        ("/c.html", "Lamps"),
    ]);
    let path = format!("/sources/{}", string(&source["id"]));
    let again = by_key(&server, "POST", &format!("{path}/learn"))
        .send()
        .expect(202);
    assert_eq!(
        (&again["status"], &again["id"]),
        (&json!("running"), &source["id"])
    );
    assert_eq!(wait_for_end(&server)["status"], "done");
    assert_eq!(documents(&server), 2);
    let found = server
        .get(format!("/v2/search?q=delivery&apiKey={key}"))
        .send();
    assert!(found.text().contains("three days"), "{}", found.text());
    create(&server, &website.sitemap()).expect_error(409, "CONFLICT");
    // A document of the API stays.
    let own = format!("/projects/{}/documents", server.project.id.0);
    let document = json!({"url": "https://shop.example/own", "content": "Own text"});
    by_key(&server, "POST", &own)
        .json(document)
        .send()
        .expect(201);
    assert_eq!(by_key(&server, "DELETE", &path).send().status, 204);
    assert_eq!((documents(&server), sources(&server).len()), (1, 0));
    by_key(&server, "DELETE", &path)
        .send()
        .expect_error(404, "SOURCE_NOT_FOUND");
}

#[test]
fn many_missing_pages_are_deleted_only_if_the_request_allows_it() {
    let paths: Vec<_> = (1..=8).map(|number| format!("/{number}.html")).collect();
    let pages: Vec<_> = paths.iter().map(|path| (path.as_str(), "Mugs")).collect();
    let website = Website::start(&pages);
    let server = start_server();
    let source = create(&server, &website.sitemap()).expect(201);
    assert_eq!(wait_for_end(&server)["status"], "done");
    // The other pages still exist.
    website.set_sitemap(&pages[..2]);
    let path = format!("/sources/{}/learn", string(&source["id"]));
    let learn = |body: Value| by_key(&server, "POST", &path).json(body).send();
    for body in [json!({}), json!({"allowRemovals": false})] {
        learn(body).expect(202);
        let failed = wait_for_end(&server);
        let error = string(&failed["error"]);
        assert_eq!(failed["status"], "failed", "{failed}");
        assert!(error.contains("6 of its 8 pages are missing"), "{error}");
        assert!(error.contains("allowRemovals"), "{error}");
        assert_eq!(documents(&server), 8);
    }
    learn(json!({"allowRemovals": "yes"})).expect_body_error("allowRemovals");
    learn(json!({"allowRemovals": true})).expect(202);
    let done = wait_for_end(&server);
    assert_eq!(
        (&done["status"], &done["removed"]),
        (&json!("done"), &json!(6)),
        "{done}"
    );
    assert_eq!(documents(&server), 2);
}

#[test]
fn project_learns_one_source_at_a_time_and_deletion_ends_the_run() {
    let website = Website::start(&[("/a.html", "Mugs"), ("/b.html", "WAIT")]);
    let server = start_server();
    let source = create(&server, &website.sitemap()).expect(201);
    let path = format!("/sources/{}", string(&source["id"]));
    let other = format!("http://{}/a.html", website.address);
    let error = create(&server, &other).expect_error(409, "CONFLICT");
    assert_eq!(error["details"]["conflictingField"], "status");
    let again = by_key(&server, "POST", &format!("{path}/learn")).send();
    again.expect_error(409, "CONFLICT");
    assert_eq!(sources(&server).len(), 1);
    assert_eq!(by_key(&server, "DELETE", &path).send().status, 204);
    assert_eq!((documents(&server), sources(&server).len()), (0, 0));
    create(&server, &other).expect(201);
    assert_eq!(wait_for_end(&server)["status"], "done");
}

#[test]
fn shutdown_ends_a_run_which_has_failed_then() {
    let website = Website::start(&[("/a.html", "Mugs"), ("/b.html", "WAIT")]);
    let mut server = start_server();
    create(&server, &website.sitemap()).expect(201);
    server.restart();
    let source = sources(&server).remove(0);
    assert_eq!(source["status"], "failed", "{source}");
    assert!(string(&source["error"]).contains("interrupted"), "{source}");
    // As after a crash.
    let set = "UPDATE source SET finished_at = NULL, error = NULL";
    server.db_connection().execute(set, ()).expect("an update");
    assert_eq!(sources(&server)[0]["status"], "running");
    server.restart();
    assert_eq!(sources(&server)[0]["status"], "failed");
    website.set_pages(&[("/a.html", "Mugs")]);
    let learn = format!("/sources/{}/learn", string(&source["id"]));
    by_key(&server, "POST", &learn).send().expect(202);
    assert_eq!(wait_for_end(&server)["status"], "done");
}

#[test]
fn failed_run_says_why_and_private_addresses_are_refused() {
    let website = Website::start(&[("/a.html", "Mugs")]);
    let server = start_server();
    create(&server, &format!("http://{}/missing.html", website.address)).expect(201);
    let failed = wait_for_end(&server);
    assert_eq!(
        (&failed["status"], &failed["documents"]),
        (&json!("failed"), &json!(0))
    );
    assert!(string(&failed["error"]).contains("404"), "{failed}");
    let server = TestServer::start();
    create(&server, &website.sitemap()).expect(201);
    let failed = wait_for_end(&server);
    assert_eq!(failed["status"], "failed");
    assert!(
        string(&failed["error"]).contains("private network"),
        "{failed}"
    );
    assert_eq!(documents(&server), 0);
}

#[test]
fn server_learns_its_sources_at_the_start_and_in_intervals() {
    let website = Website::start(&[("/a.html", "Mugs"), ("/missing.html", "")]);
    let server = TestServer::start_with(|settings| {
        settings.learn_private_network = true;
        let missing = format!("http://{}/missing.html", website.address);
        settings.learn.learn = vec![missing, website.sitemap(), "/does/not/exist".to_owned()];
        settings.learn.learn_every = Duration::from_secs(1);
    });
    let with_status = |status: &str| {
        let sources = sources(&server).into_iter();
        let sources = sources.filter(|source| source["status"] == status);
        sources.collect::<Vec<_>>()
    };
    wait_until("the sources are learned", || {
        with_status("done").len() == 1 && with_status("failed").len() == 2
    });
    let learned = with_status("done").remove(0);
    assert_eq!(learned["location"], website.sitemap());
    assert_eq!(learned["intervalSeconds"], 1);
    assert_eq!(
        (&learned["documents"], &learned["skipped"]),
        (&json!(1), &json!(1))
    );
    let problem = &learned["problems"][0];
    assert!(
        string(&problem["item"]).ends_with("/missing.html"),
        "{problem}"
    );
    assert_eq!(problem["reason"], "it is answered 404 Not Found");
    let failed = with_status("failed");
    assert!(
        failed
            .iter()
            .any(|source| string(&source["error"]).contains("404"))
    );
    assert!(
        failed
            .iter()
            .any(|source| string(&source["error"]).contains("No such file"))
    );
    website.set_pages(&[("/b.html", "Lamps")]);
    let key = &server.project.publishable_key;
    let search = format!("/v2/search?q=lamps&apiKey={key}");
    wait_until("the website is learned again", || {
        server.get(search.as_str()).send().text().contains("Lamps")
    });
}

#[test]
fn shutdown_does_not_wait_for_a_website() {
    let website = Website::start(&[("/a.html", "Mugs"), ("/b.html", "WAIT")]);
    let mut server = TestServer::start_with(|settings| {
        settings.learn_private_network = true;
        settings.learn.learn = vec![website.sitemap()];
    });
    wait_until("the run has begun", || {
        let sources = sources(&server);
        sources
            .first()
            .is_some_and(|source| source["status"] == "running")
    });
    let begin = Instant::now();
    server.stop();
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn invalid_sources_and_other_callers_are_refused() {
    let server = start_server();
    for url in [
        "https://ann:secret@shop.example/",
        "file:///etc",
        "ftp://shop.example",
    ] {
        create(&server, url).expect_validation_error("url", "must be an http or https URL without");
    }
    create(&server, "shop.example").expect_validation_error("url", "must be an absolute URI");
    let learn = by_key(&server, "POST", &format!("/sources/{UNKNOWN_ID}/learn")).send();
    learn.expect_error(404, "SOURCE_NOT_FOUND");
    let agent = server.create_agent("Mara", AgentRole::Agent);
    server
        .get("/v2/sources")
        .agent(&agent)
        .send()
        .expect_error(403, "FORBIDDEN");
    let insert = "INSERT INTO source (id, project_seq, location, kind) \
                  VALUES (randomblob(16), 1, '/srv/help', 'folder')";
    server
        .db_connection()
        .execute(insert, ())
        .expect("a source");
    let folder = sources(&server).remove(0);
    assert_eq!(
        (&folder["kind"], &folder["startedAt"]),
        (&json!("folder"), &Value::Null)
    );
    let path = format!("/sources/{}", string(&folder["id"]));
    let learn = by_key(&server, "POST", &format!("{path}/learn")).send();
    learn.expect_validation_error("sourceId", "must be a website");
    let other = server.create_project();
    let list = server
        .get("/v2/sources")
        .bearer(&other.private_key)
        .send()
        .expect(200);
    assert_eq!(ids(&list).len(), 0);
    let delete = server
        .request("DELETE", format!("/v2{path}"))
        .bearer(&other.private_key);
    delete.send().expect_error(404, "SOURCE_NOT_FOUND");
}

#[test]
fn runs_of_the_command_line_are_stored() {
    let (folder, _) = generated_file(1);
    let at = folder.path();
    fs::create_dir(at.join("help")).expect("a folder");
    fs::write(at.join("help/a.md"), "# Mugs\n\nA mug.").expect("a file");
    run_successfully(at, &["learn", "help"]);
    let read = || {
        let sql = "SELECT location || ' ' || kind || ' ' || documents || ' ' || ifnull(error, '') \
                     FROM source WHERE finished_at >= started_at AND kind = 'folder'";
        let row = open_connection(&at.join("parlor.db")).query_row(sql, [], |row| row.get(0));
        row.unwrap_or_else(|error| panic!("{error}"))
    };
    let stored: String = read();
    assert!(stored.ends_with("/help folder 1 "), "{stored}");
    fs::remove_file(at.join("help/a.md")).expect("a file");
    run_with_error(at, &["learn", "help"]);
    let stored: String = read();
    assert!(
        stored.contains("/help folder 1 ") && stored.contains("no page with a text was found"),
        "{stored}"
    );
}
