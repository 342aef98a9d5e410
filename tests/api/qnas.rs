//! Q&As: read by anyone, written with a private key.

use serde_json::{Value, json};

use crate::helpers::{Parlor, Site, ids, string};
use crate::wire::Request;

const ABSENT: &str = "123e4567-e89b-12d3-a456-426614174000";

fn path(site: &Site) -> String {
    format!("/v2/projects/{}/qnas", site.id)
}

/// Adds a Q&A over the API; what came back.
#[track_caller]
fn add(parlor: &Parlor, site: &Site, body: Value) -> Value {
    let post = parlor.post(path(site)).bearer(&site.private);
    post.json(body).send().expect(201)
}

fn with_questions(questions: &[&str]) -> (Parlor, Vec<String>) {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    let added = questions.iter().map(|question| {
        let body = json!({ "question": question, "answer": "Answer." });
        string(&add(&parlor, &site, body)["id"])
    });
    let ids = added.collect();
    (parlor, ids)
}

#[track_caller]
fn list(parlor: &Parlor, query: &str) -> Value {
    let target = format!("{}?{query}", path(&parlor.site));
    parlor.get(target).send().expect(200)
}

fn put(parlor: &Parlor, site: &Site, id: &str) -> Request {
    let request = parlor.request("PUT", format!("{}/{id}", path(site)));
    request.bearer(&site.private)
}

fn delete(parlor: &Parlor, site: &Site, id: &str) -> Request {
    let request = parlor.request("DELETE", format!("{}/{id}", path(site)));
    request.bearer(&site.private)
}

#[test]
fn a_qna_is_added_and_read_by_anyone_in_the_documented_form() {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    let body = json!({
        "question": "Do you ship?", "answer": "**Yes**, daily.",
        "createdBy": { "name": "Ann", "image": "https://x.example/a.png" },
        "unknown": 1,
    });
    let added = add(&parlor, &site, body);
    let keys: Vec<_> = added.as_object().expect("an object").keys().collect();
    let expected = [
        "object",
        "id",
        "createdAt",
        "updatedAt",
        "question",
        "answer",
        "createdBy",
    ];
    assert_eq!(keys, expected);
    assert_eq!(added["object"], "qna");
    assert_eq!(added["createdAt"], added["updatedAt"]);
    assert_eq!(
        added["createdBy"],
        json!({ "name": "Ann", "image": "https://x.example/a.png" })
    );
    let one = format!("{}/{}", path(&site), string(&added["id"]));
    let read = parlor.get(&one).send();
    assert_eq!(read.expect(200), added);
    let tag = read.header("etag").expect("a tag").to_owned();
    let again = parlor.get(&one).header("If-None-Match", tag).send();
    assert_eq!(again.status, 304);
    let page = list(&parlor, "");
    let expected = json!({
        "object": "list", "total": 1, "limit": 10, "offset": 0, "data": [added],
    });
    assert_eq!(page, expected);
}

#[test]
fn a_list_is_newest_first_in_pages_with_links() {
    let (parlor, mut made) = with_questions(&["a", "b", "c", "d", "e"]);
    made.reverse();
    let id = parlor.site.id;
    assert_eq!(ids(&list(&parlor, "")), made);
    let target = format!("{}?limit=2&offset=2", path(&parlor.site));
    let page = parlor.get(target).send();
    assert_eq!(ids(&page.expect(200)), made[2..4]);
    assert_eq!(page.header("x-total-count"), Some("5"));
    let link = |offset, relation| {
        format!("</v2/projects/{id}/qnas?limit=2&offset={offset}>; rel=\"{relation}\"")
    };
    let links = [
        link(0, "first"),
        link(0, "prev"),
        link(4, "next"),
        link(4, "last"),
    ];
    assert_eq!(page.header("link"), Some(links.join(", ").as_str()));
    let past = list(&parlor, "offset=5&query=");
    assert_eq!((&past["total"], ids(&past).len()), (&json!(5), 0));
    // Equal moments: by id.
    let sql = parlor.sql();
    sql.execute("UPDATE qna SET created_at = 0", ())
        .expect("a change");
    assert_eq!(ids(&list(&parlor, "")), made);
}

#[test]
fn a_query_finds_by_the_words_of_the_question_and_counts_them_all() {
    let (parlor, made) = with_questions(&[
        "How long does delivery take?",
        "Delivery, delivery, delivery!",
        "Can I return a gift?",
        "Où est l'hôtel?",
    ]);
    for (query, found) in [
        ("delivery", vec![1, 0]),
        ("DELIV", vec![1, 0]),
        ("delivery%20take", vec![0]),
        ("delivery%20-take", vec![1]),
        ("gift%20or%20take", vec![2, 0]),
        ("%22return%20a%20gift%22", vec![2]),
        ("%22gift%20return%22", vec![]),
        ("hotel", vec![3]),
        ("-delivery", vec![3, 2]),
        ("Answer", vec![]),
        ("%22", vec![]),
        ("title%3Adelivery%20AND%20NEAR(", vec![]),
    ] {
        let page = list(&parlor, &format!("query={query}"));
        let mut listed = ids(&page);
        let mut found: Vec<_> = found.iter().map(|index| made[*index].clone()).collect();
        assert_eq!(page["total"], found.len(), "{query}");
        if query.contains("or") {
            listed.sort();
            found.sort();
        }
        assert_eq!(listed, found, "{query}");
    }
    let second = list(&parlor, "query=delivery&limit=1&offset=1");
    assert_eq!(
        (&second["total"], ids(&second)),
        (&json!(2), vec![made[0].clone()])
    );
    let target = format!("{}?query=a%20%22b&limit=1", path(&parlor.site));
    let links = parlor.get(target).send();
    let links = links.header("link").expect("links");
    assert!(links.contains("&query=a+%22b>"), "{links}");
}

#[test]
fn what_is_not_published_is_nowhere_to_be_seen() {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    let body = json!({ "question": "Secret?", "answer": "Yes", "published": false });
    let id = string(&add(&parlor, &site, body)["id"]);
    let one = format!("{}/{id}", path(&site));
    let seen = || {
        let found = list(&parlor, "query=secret")["total"].clone();
        (
            parlor.get(&one).send().status,
            list(&parlor, "")["total"].clone(),
            found,
        )
    };
    assert_eq!(seen(), (404, json!(0), json!(0)));
    let publish = put(&parlor, &site, &id).json(json!({ "published": true }));
    publish.send().expect(200);
    assert_eq!(seen(), (200, json!(1), json!(1)));
    let hide = put(&parlor, &site, &id).json(json!({ "published": false }));
    hide.send().expect(200);
    assert_eq!(seen(), (404, json!(0), json!(0)));
    let error = parlor.get(&one).send().error(404, "QNA_NOT_FOUND");
    assert_eq!(error["details"], json!({ "qnaId": id }));
}

#[test]
fn a_change_changes_what_is_given_and_search_knows() {
    let (parlor, made) = with_questions(&["Old words?"]);
    let site = &parlor.site;
    let before = list(&parlor, "")["data"][0].clone();
    let same = put(&parlor, site, &made[0]).send().expect(200);
    assert_eq!(same, before);
    let change = json!({ "question": "New?", "createdBy": { "name": null, "image": null } });
    let after = put(&parlor, site, &made[0]).json(change).send().expect(200);
    assert_eq!(
        (&after["question"], &after["answer"]),
        (&json!("New?"), &json!("Answer."))
    );
    assert_eq!(after["createdAt"], before["createdAt"]);
    assert_eq!(list(&parlor, "query=words")["total"], 0);
    assert_eq!(list(&parlor, "query=new")["total"], 1);
    let author = json!({ "createdBy": { "name": "Ben" } });
    let after = put(&parlor, site, &made[0]).json(author).send().expect(200);
    assert_eq!(after["createdBy"], json!({ "name": "Ben", "image": null }));
}

#[test]
fn what_is_removed_is_gone_and_gone_twice_is_404() {
    let (parlor, made) = with_questions(&["Here?", "There?"]);
    let removed = delete(&parlor, &parlor.site, &made[0]).send();
    assert_eq!(removed.expect(200), json!({ "success": true }));
    assert_eq!(ids(&list(&parlor, "")), made[1..]);
    assert_eq!(list(&parlor, "query=here")["total"], 0);
    let again = delete(&parlor, &parlor.site, &made[0]).send();
    again.error(404, "QNA_NOT_FOUND");
    let absent = put(&parlor, &parlor.site, ABSENT).json(json!({ "answer": "x" }));
    absent.send().error(404, "QNA_NOT_FOUND");
}

#[test]
fn two_projects_know_nothing_of_each_other() {
    let (parlor, made) = with_questions(&["Near?"]);
    let (near, far) = (parlor.site.clone(), parlor.another_site());
    let other = add(&parlor, &far, json!({ "question": "Far?", "answer": "x" }));
    let other = string(&other["id"]);
    assert_eq!(ids(&list(&parlor, "")), made);
    assert_eq!(list(&parlor, "query=far")["total"], 0);
    let crossed = parlor.get(format!("{}/{other}", path(&near))).send();
    crossed.error(404, "QNA_NOT_FOUND");
    put(&parlor, &near, &other)
        .json(json!({ "answer": "taken" }))
        .send()
        .error(404, "QNA_NOT_FOUND");
    delete(&parlor, &near, &other)
        .send()
        .error(404, "QNA_NOT_FOUND");
    // With the key of the one at the address of the other.
    let body = json!({ "question": "q", "answer": "a" });
    let post = parlor.post(path(&far)).bearer(&near.private).json(body);
    post.send().error(403, "FORBIDDEN");
    let one = format!("{}/{other}", path(&far));
    for method in ["PUT", "DELETE"] {
        let request = parlor.request(method, &one).bearer(&near.private);
        request.send().error(403, "FORBIDDEN");
    }
    assert_eq!(parlor.get(&one).send().expect(200)["answer"], "x");
}

#[test]
fn who_may_write_is_decided_before_anything_else() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let near = path(&parlor.site);
    for target in [
        near,
        format!("/v2/projects/{ABSENT}/qnas"),
        "/v2/projects/x/qnas".to_owned(),
    ] {
        let wrong = json!({ "question": 1 });
        let post = || parlor.post(&target).json(&wrong);
        post().send().error(401, "UNAUTHORIZED");
        post().bearer("sk_wrong").send().error(401, "UNAUTHORIZED");
        let publishable = post().bearer(&parlor.site.publishable);
        publishable.send().error(401, "UNAUTHORIZED");
        post().bearer(&visitor.token).send().error(403, "FORBIDDEN");
    }
    // To read, no credential is looked at.
    let read = parlor.get(path(&parlor.site)).bearer("sk_wrong").send();
    read.expect(200);
}

#[test]
fn an_absent_project_is_404_and_a_bad_id_422() {
    let parlor = Parlor::start();
    let gone = format!("/v2/projects/{ABSENT}/qnas");
    for target in [gone.clone(), format!("{gone}/{ABSENT}")] {
        let error = parlor.get(target).send().error(404, "PROJECT_NOT_FOUND");
        assert_eq!(error["details"], json!({ "projectId": ABSENT }));
    }
    let post = parlor.post(gone).bearer(&parlor.site.private);
    post.send().error(404, "PROJECT_NOT_FOUND");
    let bad = parlor.get("/v2/projects/1/qnas").send();
    bad.invalid("projectId", "UUID");
    let bad = parlor.get(format!("{}/1", path(&parlor.site))).send();
    bad.invalid("qnaId", "UUID");
}

#[test]
fn bad_parameters_and_fields_are_told_by_name() {
    let (parlor, made) = with_questions(&["Here?"]);
    let site = &parlor.site;
    let long = "x".repeat(301);
    for (query, field, allowed) in [
        ("limit=0", "limit", "1 to 100"),
        ("limit=101", "limit", "1 to 100"),
        ("offset=-1", "offset", "0 to"),
        (&*format!("query={long}"), "query", "300"),
        ("query=%00", "query", "NUL"),
        ("query=a&query=b", "query", "once"),
    ] {
        let answer = parlor.get(format!("{}?{query}", path(site))).send();
        answer.invalid(field, allowed);
    }
    let post = |body: Value| {
        parlor
            .post(path(site))
            .bearer(&site.private)
            .json(body)
            .send()
    };
    post(json!({})).malformed("question");
    post(json!({ "question": "q" })).malformed("answer");
    post(json!({ "question": "q", "answer": 1 })).malformed("answer");
    post(json!({ "question": "q", "answer": "a", "published": "yes" })).malformed("published");
    post(json!({ "question": "q", "answer": "a", "createdBy": [] })).malformed("createdBy");
    let name = json!({ "question": "q", "answer": "a", "createdBy": { "name": 1 } });
    post(name).malformed("createdBy.name");
    let image = json!({ "question": "q", "answer": "a", "createdBy": { "image": "x" } });
    post(image).invalid("createdBy.image", "URI");
    for (question, answer, field) in [
        (String::new(), "a".to_owned(), "question"),
        ("é".repeat(1001), "a".to_owned(), "question"),
        ("q\0".to_owned(), "a".to_owned(), "question"),
        ("q".to_owned(), "a".repeat(20_001), "answer"),
    ] {
        post(json!({ "question": question, "answer": answer })).invalid(field, "characters");
    }
    let longest = json!({ "question": "é".repeat(1000), "answer": "é".repeat(20_000) });
    post(longest).expect(201);
    put(&parlor, site, &made[0])
        .json(json!({ "question": "" }))
        .send()
        .invalid("question", "1");
    let refused = parlor.request("PATCH", path(site)).send();
    refused.error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(refused.header("allow"), Some("GET, HEAD, POST"));
}
