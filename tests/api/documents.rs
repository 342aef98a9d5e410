//! Documents over the API, with a private key.

use serde_json::{Value, json};

use crate::helpers::{Parlor, Site, string};
use crate::wire::Answer;

fn path(site: &Site) -> String {
    format!("/v2/projects/{}/documents", site.id)
}

fn learn(parlor: &Parlor, site: &Site, body: Value) -> Answer {
    let post = parlor.post(path(site)).bearer(&site.private);
    post.json(body).send()
}

#[track_caller]
fn list(parlor: &Parlor, site: &Site, query: &str) -> Value {
    let get = parlor.get(format!("{}?{query}", path(site)));
    get.bearer(&site.private).send().expect(200)
}

fn urls(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("data");
    data.iter().map(|one| string(&one["url"])).collect()
}

const TEXT: &str = "# Delivery\n\nWe deliver to every place in Norway within two days.\n\n\
                    ## Costs\n\nFive euros, and nothing at all from fifty euros on.";

#[test]
fn a_document_is_learned_read_and_forgotten() {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    let url = "https://Shop.example/help#top";
    let learned = learn(&parlor, &site, json!({ "url": url, "content": TEXT })).expect(201);
    let expected = json!({
        "object": "document", "id": learned["id"], "url": "https://shop.example/help",
        "title": "Delivery", "learnedAt": learned["learnedAt"], "passages": 2,
        "sections": [
            { "heading": "", "body": "We deliver to every place in Norway within two days." },
            { "heading": "Costs", "body": "Five euros, and nothing at all from fifty euros on." },
        ],
    });
    assert_eq!(learned, expected);
    let one = format!("{}/{}", path(&site), string(&learned["id"]));
    let read = || parlor.get(&one).bearer(&site.private).send();
    assert_eq!(read().expect(200), learned);
    let mut item = learned.clone();
    item.as_object_mut().expect("an object").remove("sections");
    let page = json!({ "object": "list", "total": 1, "limit": 10, "offset": 0, "data": [item] });
    assert_eq!(list(&parlor, &site, ""), page);
    let forget = || parlor.request("DELETE", &one).bearer(&site.private).send();
    assert_eq!(forget().expect(200), json!({ "success": true }));
    let error = forget().error(404, "DOCUMENT_NOT_FOUND");
    assert_eq!(error["details"], json!({ "documentId": learned["id"] }));
    read().error(404, "DOCUMENT_NOT_FOUND");
    assert_eq!(list(&parlor, &site, "")["total"], 0);
    let passages = parlor
        .sql()
        .query_row("SELECT count(*) FROM passage", (), |row| row.get(0));
    assert_eq!(passages, Ok(0));
}

#[test]
fn a_document_takes_the_place_of_what_its_address_had() {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    let url = "https://shop.example/";
    let first = learn(&parlor, &site, json!({ "url": url, "content": TEXT })).expect(201);
    let body = json!({
        "url": url, "format": "html", "title": "Mine",
        "content": "<meta name=robots content=noindex><link rel=canonical href='/other'>\
                    <h1>Title</h1><p>Only one short text.",
    });
    let second = learn(&parlor, &site, body).expect(200);
    assert_eq!(second["id"], first["id"]);
    assert_eq!(
        (&second["title"], &second["url"]),
        (&json!("Mine"), &json!(url))
    );
    assert_eq!(
        second["sections"],
        json!([{ "heading": "", "body": "Only one short text." }])
    );
    assert_eq!(list(&parlor, &site, "")["total"], 1);
    let body = json!({ "url": url, "format": "text", "content": "# as it *is*" });
    let third = learn(&parlor, &site, body).expect(200);
    assert_eq!(third["sections"][0]["body"], "# as it *is*");
    let nothing = learn(&parlor, &site, json!({ "url": url, "content": "" })).expect(200);
    assert_eq!(
        (&nothing["passages"], &nothing["title"]),
        (&json!(0), &json!("Untitled"))
    );
}

#[test]
fn a_list_is_by_address_in_pages() {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    for name in ["c", "a", "d", "b"] {
        let url = format!("https://shop.example/{name}");
        learn(&parlor, &site, json!({ "url": url, "content": "x" })).expect(201);
    }
    let page = list(&parlor, &site, "limit=2&offset=1");
    assert_eq!(
        urls(&page),
        ["https://shop.example/b", "https://shop.example/c"]
    );
    assert_eq!(page["total"], 4);
    assert!(urls(&list(&parlor, &site, "offset=4")).is_empty());
}

#[test]
fn two_projects_know_nothing_of_each_other() {
    let parlor = Parlor::start();
    let (near, far) = (parlor.site.clone(), parlor.another_site());
    let body = json!({ "url": "https://shop.example/", "content": TEXT });
    let one = learn(&parlor, &near, body.clone()).expect(201);
    let other = learn(&parlor, &far, body.clone()).expect(201);
    assert_ne!(one["id"], other["id"]);
    assert_eq!(list(&parlor, &near, "")["data"][0]["id"], one["id"]);
    let crossed = format!("{}/{}", path(&near), string(&other["id"]));
    for method in ["GET", "DELETE"] {
        let request = parlor.request(method, &crossed).bearer(&near.private);
        request.send().error(404, "DOCUMENT_NOT_FOUND");
        for target in [
            path(&far),
            format!("{}/{}", path(&far), string(&other["id"])),
        ] {
            let request = parlor.request(method, &target).bearer(&near.private).send();
            let is_path = method == "DELETE" && target == path(&far);
            let expected = if is_path {
                (405, "METHOD_NOT_ALLOWED")
            } else {
                (403, "FORBIDDEN")
            };
            request.error(expected.0, expected.1);
        }
    }
    let post = parlor.post(path(&far)).bearer(&near.private).json(body);
    post.send().error(403, "FORBIDDEN");
    assert_eq!(list(&parlor, &far, "")["total"], 1);
}

#[test]
fn only_the_private_key_sees_documents() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let target = path(&parlor.site);
    parlor.get(&target).send().error(401, "UNAUTHORIZED");
    let get = parlor.get(&target).bearer(&visitor.token);
    get.send().error(403, "FORBIDDEN");
    let get = parlor.get(&target).bearer(&parlor.site.publishable);
    get.send().error(401, "UNAUTHORIZED");
}

#[test]
fn bad_fields_are_told_by_name() {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    let url = "https://shop.example/";
    let learn = |body: Value| learn(&parlor, &site, body);
    learn(json!({})).malformed("url");
    learn(json!({ "url": url })).malformed("content");
    learn(json!({ "url": url, "content": 1 })).malformed("content");
    learn(json!({ "url": "help", "content": "x" })).invalid("url", "URI");
    let format = json!({ "url": url, "content": "x", "format": "pdf" });
    learn(format).invalid("format", "markdown, html, text");
    learn(json!({ "url": url, "content": "x", "title": "" })).invalid("title", "1 to 300");
    let large = json!({ "url": url, "content": "x".repeat(300_000) });
    learn(large).error(413, "PAYLOAD_TOO_LARGE");
    let bad = parlor
        .get(format!("{}/1", path(&site)))
        .bearer(&site.private);
    bad.send().invalid("documentId", "UUID");
}
