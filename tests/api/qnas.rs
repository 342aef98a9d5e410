//! Q&As: public to read, written with a private key (docs/api-contract.md,
//! sections 4.13 and 4.14).

use serde_json::{Value, json};

use crate::helpers::{ProjectFixture, Request, TestServer, UNKNOWN_ID, ids, string};

fn path(project: &ProjectFixture) -> String {
    format!("/v2/projects/{}/qnas", project.id)
}

/// Creates a Q&A and returns the response.
#[track_caller]
fn create(server: &TestServer, project: &ProjectFixture, body: Value) -> Value {
    let post = server.post(path(project)).bearer(&project.private_key);
    post.json(body).send().expect(201)
}

fn setup_questions(questions: &[&str]) -> (TestServer, Vec<String>) {
    let server = TestServer::start();
    let project = server.project.clone();
    let added = questions.iter().map(|question| {
        let body = json!({ "question": question, "answer": "Answer." });
        string(&create(&server, &project, body)["id"])
    });
    let ids = added.collect();
    (server, ids)
}

#[track_caller]
fn list(server: &TestServer, query: &str) -> Value {
    let target = format!("{}?{query}", path(&server.project));
    server.get(target).send().expect(200)
}

fn put(server: &TestServer, project: &ProjectFixture, id: &str) -> Request {
    let request = server.request("PUT", format!("{}/{id}", path(project)));
    request.bearer(&project.private_key)
}

fn delete(server: &TestServer, project: &ProjectFixture, id: &str) -> Request {
    let request = server.request("DELETE", format!("{}/{id}", path(project)));
    request.bearer(&project.private_key)
}

#[test]
fn created_qna_is_public_and_has_documented_fields() {
    let server = TestServer::start();
    let project = server.project.clone();
    let body = json!({
        "question": "Do you ship?", "answer": "**Yes**, daily.",
        "createdBy": { "name": "Ann", "image": "https://x.example/a.png" },
        "unknown": 1,
    });
    let added = create(&server, &project, body);
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
    let target = format!("{}/{}", path(&project), string(&added["id"]));
    let read = server.get(&target).send();
    assert_eq!(read.expect(200), added);
    let tag = read.header("etag").expect("a tag").to_owned();
    let second = server.get(&target).header("If-None-Match", tag).send();
    assert_eq!(second.status, 304);
    let page = list(&server, "");
    let expected = json!({
        "object": "list", "total": 1, "limit": 10, "offset": 0, "data": [added],
    });
    assert_eq!(page, expected);
}

#[test]
fn list_is_newest_first_with_page_links() {
    let (server, mut qna_ids) = setup_questions(&["a", "b", "c", "d", "e"]);
    qna_ids.reverse();
    let id = server.project.id;
    assert_eq!(ids(&list(&server, "")), qna_ids);
    let target = format!("{}?limit=2&offset=2", path(&server.project));
    let page = server.get(target).send();
    assert_eq!(ids(&page.expect(200)), qna_ids[2..4]);
    assert_eq!(page.header("x-total-count"), Some("5"));
    let link = |offset, relation| {
        let url = format!("http://{}/v2/projects/{id}/qnas", server.0);
        format!("<{url}?limit=2&offset={offset}>; rel=\"{relation}\"")
    };
    let links = [
        link(0, "first"),
        link(0, "prev"),
        link(4, "next"),
        link(4, "last"),
    ];
    assert_eq!(page.header("link"), Some(links.join(", ").as_str()));
    let past = list(&server, "offset=5&query=");
    assert_eq!((&past["total"], ids(&past).len()), (&json!(5), 0));
    // Equal times: ordered by the id.
    let sql = server.db_connection();
    sql.execute("UPDATE qna SET created_at = 0", ())
        .expect("a change");
    assert_eq!(ids(&list(&server, "")), qna_ids);
}

#[test]
fn query_matches_words_of_the_question() {
    let (server, qna_ids) = setup_questions(&[
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
        let page = list(&server, &format!("query={query}"));
        let mut listed = ids(&page);
        let mut found: Vec<_> = found.iter().map(|index| qna_ids[*index].clone()).collect();
        assert_eq!(page["total"], found.len(), "{query}");
        if query.contains("or") {
            listed.sort();
            found.sort();
        }
        assert_eq!(listed, found, "{query}");
    }
    let second = list(&server, "query=delivery&limit=1&offset=1");
    assert_eq!(
        (&second["total"], ids(&second)),
        (&json!(2), vec![qna_ids[0].clone()])
    );
    let target = format!("{}?query=a%20%22b&limit=1", path(&server.project));
    let links = server.get(target).send();
    let links = links.header("link").expect("links");
    assert!(links.contains("&query=a+%22b>"), "{links}");
}

#[test]
fn unpublished_qna_is_not_readable() {
    let server = TestServer::start();
    let project = server.project.clone();
    let body = json!({ "question": "Secret?", "answer": "Yes", "published": false });
    let id = string(&create(&server, &project, body)["id"]);
    let target = format!("{}/{id}", path(&project));
    let visibility = || {
        let found = list(&server, "query=secret")["total"].clone();
        (
            server.get(&target).send().status,
            list(&server, "")["total"].clone(),
            found,
        )
    };
    assert_eq!(visibility(), (404, json!(0), json!(0)));
    let publish = put(&server, &project, &id).json(json!({ "published": true }));
    publish.send().expect(200);
    assert_eq!(visibility(), (200, json!(1), json!(1)));
    let hide = put(&server, &project, &id).json(json!({ "published": false }));
    hide.send().expect(200);
    assert_eq!(visibility(), (404, json!(0), json!(0)));
    let error = server
        .get(&target)
        .send()
        .expect_error(404, "QNA_NOT_FOUND");
    assert_eq!(error["details"], json!({ "qnaId": id }));
}

#[test]
fn update_changes_given_fields_and_search_index() {
    let (server, qna_ids) = setup_questions(&["Old words?"]);
    let project = &server.project;
    let before = list(&server, "")["data"][0].clone();
    let same = put(&server, project, &qna_ids[0]).send().expect(200);
    assert_eq!(same, before);
    let change = json!({ "question": "New?", "createdBy": { "name": null, "image": null } });
    let after = put(&server, project, &qna_ids[0])
        .json(change)
        .send()
        .expect(200);
    assert_eq!(
        (&after["question"], &after["answer"]),
        (&json!("New?"), &json!("Answer."))
    );
    assert_eq!(after["createdAt"], before["createdAt"]);
    assert_eq!(list(&server, "query=words")["total"], 0);
    assert_eq!(list(&server, "query=new")["total"], 1);
    let author = json!({ "createdBy": { "name": "Ben" } });
    let after = put(&server, project, &qna_ids[0])
        .json(author)
        .send()
        .expect(200);
    assert_eq!(after["createdBy"], json!({ "name": "Ben", "image": null }));
}

#[test]
fn deleted_qna_is_gone_and_second_delete_returns_404() {
    let (server, qna_ids) = setup_questions(&["Here?", "There?"]);
    let deleted = delete(&server, &server.project, &qna_ids[0]).send();
    assert_eq!(deleted.expect(200), json!({ "success": true }));
    assert_eq!(ids(&list(&server, "")), qna_ids[1..]);
    assert_eq!(list(&server, "query=here")["total"], 0);
    let second = delete(&server, &server.project, &qna_ids[0]).send();
    second.expect_error(404, "QNA_NOT_FOUND");
    let absent = put(&server, &server.project, UNKNOWN_ID).json(json!({ "answer": "x" }));
    absent.send().expect_error(404, "QNA_NOT_FOUND");
}

#[test]
fn projects_are_isolated() {
    let (server, qna_ids) = setup_questions(&["Near?"]);
    let (project, other_project) = (server.project.clone(), server.create_project());
    let other_qna = create(
        &server,
        &other_project,
        json!({ "question": "Far?", "answer": "x" }),
    );
    let other_id = string(&other_qna["id"]);
    assert_eq!(ids(&list(&server, "")), qna_ids);
    assert_eq!(list(&server, "query=far")["total"], 0);
    let read = server.get(format!("{}/{other_id}", path(&project))).send();
    read.expect_error(404, "QNA_NOT_FOUND");
    put(&server, &project, &other_id)
        .json(json!({ "answer": "taken" }))
        .send()
        .expect_error(404, "QNA_NOT_FOUND");
    delete(&server, &project, &other_id)
        .send()
        .expect_error(404, "QNA_NOT_FOUND");
    // The key of one project with the path of the other project.
    let body = json!({ "question": "q", "answer": "a" });
    let post = server
        .post(path(&other_project))
        .bearer(&project.private_key)
        .json(body);
    post.send().expect_error(403, "FORBIDDEN");
    let target = format!("{}/{other_id}", path(&other_project));
    for method in ["PUT", "DELETE"] {
        let request = server.request(method, &target).bearer(&project.private_key);
        request.send().expect_error(403, "FORBIDDEN");
    }
    assert_eq!(server.get(&target).send().expect(200)["answer"], "x");
}

#[test]
fn write_checks_credential_before_project_and_body() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let qnas = path(&server.project);
    for target in [
        qnas,
        format!("/v2/projects/{UNKNOWN_ID}/qnas"),
        "/v2/projects/x/qnas".to_owned(),
    ] {
        let wrong = json!({ "question": 1 });
        let post = || server.post(&target).json(&wrong);
        post().send().expect_error(401, "UNAUTHORIZED");
        post()
            .bearer("sk_wrong")
            .send()
            .expect_error(401, "UNAUTHORIZED");
        let publishable = post().bearer(&server.project.publishable_key);
        publishable.send().expect_error(401, "UNAUTHORIZED");
        post()
            .bearer(&visitor.token)
            .send()
            .expect_error(403, "FORBIDDEN");
    }
    // Reading ignores the credential.
    let read = server.get(path(&server.project)).bearer("sk_wrong").send();
    read.expect(200);
}

#[test]
fn unknown_project_returns_404_and_invalid_id_422() {
    let server = TestServer::start();
    let unknown_project = format!("/v2/projects/{UNKNOWN_ID}/qnas");
    for target in [
        unknown_project.clone(),
        format!("{unknown_project}/{UNKNOWN_ID}"),
    ] {
        let error = server
            .get(target)
            .send()
            .expect_error(404, "PROJECT_NOT_FOUND");
        assert_eq!(error["details"], json!({ "projectId": UNKNOWN_ID }));
    }
    let post = server
        .post(unknown_project)
        .bearer(&server.project.private_key);
    post.send().expect_error(404, "PROJECT_NOT_FOUND");
    let response = server.get("/v2/projects/1/qnas").send();
    response.expect_validation_error("projectId", "UUID");
    let response = server.get(format!("{}/1", path(&server.project))).send();
    response.expect_validation_error("qnaId", "UUID");
}

#[test]
fn invalid_parameters_and_fields_are_named() {
    let (server, qna_ids) = setup_questions(&["Here?"]);
    let project = &server.project;
    let long = "x".repeat(301);
    for (query, field, allowed) in [
        ("limit=0", "limit", "1 to 100"),
        ("limit=101", "limit", "1 to 100"),
        ("offset=-1", "offset", "0 to"),
        (&*format!("query={long}"), "query", "300"),
        ("query=%00", "query", "NUL"),
        ("query=a&query=b", "query", "once"),
    ] {
        let answer = server.get(format!("{}?{query}", path(project))).send();
        answer.expect_validation_error(field, allowed);
    }
    let post = |body: Value| {
        server
            .post(path(project))
            .bearer(&project.private_key)
            .json(body)
            .send()
    };
    post(json!({})).expect_body_error("question");
    post(json!({ "question": "q" })).expect_body_error("answer");
    post(json!({ "question": "q", "answer": 1 })).expect_body_error("answer");
    post(json!({ "question": "q", "answer": "a", "published": "yes" }))
        .expect_body_error("published");
    post(json!({ "question": "q", "answer": "a", "createdBy": [] })).expect_body_error("createdBy");
    let name = json!({ "question": "q", "answer": "a", "createdBy": { "name": 1 } });
    post(name).expect_body_error("createdBy.name");
    let image = json!({ "question": "q", "answer": "a", "createdBy": { "image": "x" } });
    post(image).expect_validation_error("createdBy.image", "URI");
    for (question, answer, field) in [
        (String::new(), "a".to_owned(), "question"),
        ("é".repeat(1001), "a".to_owned(), "question"),
        ("q\0".to_owned(), "a".to_owned(), "question"),
        ("q".to_owned(), "a".repeat(20_001), "answer"),
    ] {
        post(json!({ "question": question, "answer": answer }))
            .expect_validation_error(field, "characters");
    }
    let longest = json!({ "question": "é".repeat(1000), "answer": "é".repeat(20_000) });
    post(longest).expect(201);
    put(&server, project, &qna_ids[0])
        .json(json!({ "question": "" }))
        .send()
        .expect_validation_error("question", "1");
    let response = server.request("PATCH", path(project)).send();
    response.expect_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(response.header("allow"), Some("GET, HEAD, POST"));
}
