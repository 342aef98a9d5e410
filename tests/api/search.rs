//! Search with a publishable key.

use parlor::domain::Origin;
use serde_json::{Value, json};

use crate::helpers::{ProjectFixture, TestServer, string};

#[track_caller]
fn search(server: &TestServer, project: &ProjectFixture, query: &str) -> Vec<Value> {
    let target = format!("/v2/search?apiKey={}&{query}", project.publishable_key);
    let found = server.get(target).send().expect(200);
    assert_eq!(found.as_object().expect("an object").len(), 1);
    found["results"].as_array().expect("results").clone()
}

fn learn(server: &TestServer, project: &ProjectFixture, url: &str, content: &str) -> String {
    let target = format!("/v2/projects/{}/documents", project.id);
    let post = server.post(target).bearer(&project.private_key);
    let learned = post.json(json!({ "url": url, "content": content })).send();
    string(&learned.expect(201)["id"])
}

fn add(server: &TestServer, project: &ProjectFixture, question: &str, published: bool) -> String {
    let target = format!("/v2/projects/{}/qnas", project.id);
    let body = json!({ "question": question, "answer": "As we say.", "published": published });
    let post = server.post(target).bearer(&project.private_key).json(body);
    string(&post.send().expect(201)["id"])
}

#[test]
fn search_returns_passages_with_source() {
    let server = TestServer::start();
    let project = server.project.clone();
    let long = format!(
        "# Umbrellas\n\n**Every** [umbrella](/u) {}",
        "keeps rain off. ".repeat(40)
    );
    learn(
        &server,
        &project,
        "https://shop.example/help/rain?x=1",
        &long,
    );
    let file = learn(
        &server,
        &project,
        "file:help/snow.md",
        "# Snow\n\nShovels for snow.",
    );
    let question = add(&server, &project, "Do you sell raincoats?", true);
    add(&server, &project, "Do you sell swords?", false);

    let page = &search(&server, &project, "q=umbrella")[0];
    let keys: Vec<_> = page.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["score", "title", "content", "path", "url"]);
    assert_eq!(page["title"], "Umbrellas");
    assert_eq!(page["url"], "https://shop.example/help/rain?x=1");
    assert_eq!(page["path"], "/help/rain");
    let content = string(&page["content"]);
    assert!(
        content.starts_with("Every umbrella keeps rain off."),
        "{content}"
    );
    assert!(
        content.chars().count() <= 300 && content.ends_with('…'),
        "{content}"
    );

    let own = format!("http://{}", server.0);
    let found = &search(&server, &project, "q=raincoats")[0];
    let path = format!("/v2/projects/{}/qnas/{question}", project.id);
    assert_eq!(found["title"], "Do you sell raincoats?");
    assert_eq!(
        (string(&found["url"]), string(&found["path"])),
        (format!("{own}{path}"), path.clone())
    );
    server.get(path).send().expect(200);

    let found = &search(&server, &project, "q=shovel")[0];
    let path = format!("/v2/projects/{}/documents/{file}", project.id);
    assert_eq!(found["url"], format!("{own}{path}"));
    assert!(search(&server, &project, "q=swords").is_empty());
}

#[test]
fn source_urls_start_with_public_url() {
    let public = Origin::parse("https://chat.example").expect("a website");
    let server = TestServer::start_with(|settings| settings.public_url = Some(public));
    add(&server, &server.project, "Do you sell raincoats?", true);
    let found = &search(&server, &server.project, "q=raincoats")[0];
    assert!(string(&found["url"]).starts_with("https://chat.example/v2/projects/"));
}

#[test]
fn scores_descend_from_at_most_1_and_size_limits_results() {
    let server = TestServer::start();
    let project = server.project.clone();
    for number in 0..15 {
        let content = format!(
            "# Page {number}\n\nTents {}",
            "and tents ".repeat(number + 1)
        );
        let url = format!("https://shop.example/{number}");
        learn(&server, &project, &url, &content);
    }
    let found = search(&server, &project, "q=tents");
    assert_eq!(found.len(), 10);
    let scores: Vec<_> = found
        .iter()
        .filter_map(|one| one["score"].as_f64())
        .collect();
    assert_eq!(scores.len(), 10);
    assert!(
        scores.iter().all(|score| (0.0..=1.0).contains(score)),
        "{scores:?}"
    );
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert_eq!(search(&server, &project, "q=tents&size=3").len(), 3);
    assert_eq!(search(&server, &project, "q=tents&size=50").len(), 15);
}

#[test]
fn any_query_text_is_accepted() {
    let server = TestServer::start();
    add(&server, &server.project, "Do you sell raincoats?", true);
    for text in [
        "%22",
        "*",
        "(((",
        "NEAR",
        "a:b",
        "-",
        "%F0%9F%99%82",
        "'%20OR%201=1",
        "%20",
    ] {
        search(&server, &server.project, &format!("q={text}"));
    }
    assert!(search(&server, &server.project, "q=zeppelin").is_empty());
}

#[test]
fn key_searches_only_its_project() {
    let server = TestServer::start();
    let (near, far) = (server.project.clone(), server.create_project());
    add(&server, &near, "Raincoats near?", true);
    learn(&server, &far, "https://far.example/", "Raincoats far away.");
    let one = search(&server, &near, "q=raincoats");
    let other = search(&server, &far, "q=raincoats");
    assert_eq!((one.len(), other.len()), (1, 1));
    assert_eq!(one[0]["title"], "Raincoats near?");
    assert_eq!(other[0]["url"], "https://far.example/");
}

#[test]
fn key_is_checked_before_parameters() {
    let server = TestServer::start();
    let pk = server.project.publishable_key.clone();
    let get = |query: &str| server.get(format!("/v2/search?{query}")).send();
    get("q=x").expect_validation_error("apiKey", "publishable key");
    get("q=x&apiKey=").expect_validation_error("apiKey", "publishable key");
    get("apiKey=pk_wrong").expect_error(401, "UNAUTHORIZED");
    get(&format!("apiKey={}", server.project.private_key)).expect_error(401, "UNAUTHORIZED");
    get(&format!("apiKey={pk}")).expect_validation_error("q", "1 to 500");
    get(&format!("apiKey={pk}&q=")).expect_validation_error("q", "1 to 500");
    get(&format!("apiKey={pk}&q={}", "x".repeat(501))).expect_validation_error("q", "1 to 500");
    get(&format!("apiKey={pk}&q=x&size=0")).expect_validation_error("size", "1 to 50");
    get(&format!("apiKey={pk}&q=x&size=51")).expect_validation_error("size", "1 to 50");
    let other_project = server.create_publishable_key(&["https://shop.example"]);
    let from = server.get(format!("/v2/search?q=x&apiKey={other_project}"));
    let from = from.header("Origin", "https://other.example").send();
    from.expect_error(403, "FORBIDDEN");
}
