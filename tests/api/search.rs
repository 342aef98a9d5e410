//! Search with a publishable key.

use parlor::domain::Origin;
use serde_json::{Value, json};

use crate::helpers::{Parlor, Site, string};

#[track_caller]
fn search(parlor: &Parlor, site: &Site, query: &str) -> Vec<Value> {
    let target = format!("/v2/search?apiKey={}&{query}", site.publishable);
    let found = parlor.get(target).send().expect(200);
    assert_eq!(found.as_object().expect("an object").len(), 1);
    found["results"].as_array().expect("results").clone()
}

fn learn(parlor: &Parlor, site: &Site, url: &str, content: &str) -> String {
    let target = format!("/v2/projects/{}/documents", site.id);
    let post = parlor.post(target).bearer(&site.private);
    let learned = post.json(json!({ "url": url, "content": content })).send();
    string(&learned.expect(201)["id"])
}

fn add(parlor: &Parlor, site: &Site, question: &str, published: bool) -> String {
    let target = format!("/v2/projects/{}/qnas", site.id);
    let body = json!({ "question": question, "answer": "As we say.", "published": published });
    let post = parlor.post(target).bearer(&site.private).json(body);
    string(&post.send().expect(201)["id"])
}

#[test]
fn what_is_known_is_found_with_where_it_stands() {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    let long = format!(
        "# Umbrellas\n\n**Every** [umbrella](/u) {}",
        "keeps rain off. ".repeat(40)
    );
    learn(&parlor, &site, "https://shop.example/help/rain?x=1", &long);
    let file = learn(
        &parlor,
        &site,
        "file:help/snow.md",
        "# Snow\n\nShovels for snow.",
    );
    let question = add(&parlor, &site, "Do you sell raincoats?", true);
    add(&parlor, &site, "Do you sell swords?", false);

    let page = &search(&parlor, &site, "q=umbrella")[0];
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

    let own = format!("http://{}", parlor.0);
    let found = &search(&parlor, &site, "q=raincoats")[0];
    let path = format!("/v2/projects/{}/qnas/{question}", site.id);
    assert_eq!(found["title"], "Do you sell raincoats?");
    assert_eq!(
        (string(&found["url"]), string(&found["path"])),
        (format!("{own}{path}"), path.clone())
    );
    parlor.get(path).send().expect(200);

    let found = &search(&parlor, &site, "q=shovel")[0];
    let path = format!("/v2/projects/{}/documents/{file}", site.id);
    assert_eq!(found["url"], format!("{own}{path}"));
    assert!(search(&parlor, &site, "q=swords").is_empty());
}

#[test]
fn the_address_of_the_server_is_what_the_settings_say() {
    let public = Origin::parse("https://chat.example").expect("a website");
    let parlor = Parlor::with(|settings| settings.public_url = Some(public));
    add(&parlor, &parlor.site, "Do you sell raincoats?", true);
    let found = &search(&parlor, &parlor.site, "q=raincoats")[0];
    assert!(string(&found["url"]).starts_with("https://chat.example/v2/projects/"));
}

#[test]
fn scores_fall_from_at_most_1_and_size_bounds_them() {
    let parlor = Parlor::start();
    let site = parlor.site.clone();
    for number in 0..15 {
        let content = format!(
            "# Page {number}\n\nTents {}",
            "and tents ".repeat(number + 1)
        );
        let url = format!("https://shop.example/{number}");
        learn(&parlor, &site, &url, &content);
    }
    let found = search(&parlor, &site, "q=tents");
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
    assert_eq!(search(&parlor, &site, "q=tents&size=3").len(), 3);
    assert_eq!(search(&parlor, &site, "q=tents&size=50").len(), 15);
}

#[test]
fn any_text_can_be_searched_for() {
    let parlor = Parlor::start();
    add(&parlor, &parlor.site, "Do you sell raincoats?", true);
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
        search(&parlor, &parlor.site, &format!("q={text}"));
    }
    assert!(search(&parlor, &parlor.site, "q=zeppelin").is_empty());
}

#[test]
fn a_key_searches_its_own_project_alone() {
    let parlor = Parlor::start();
    let (near, far) = (parlor.site.clone(), parlor.another_site());
    add(&parlor, &near, "Raincoats near?", true);
    learn(&parlor, &far, "https://far.example/", "Raincoats far away.");
    let one = search(&parlor, &near, "q=raincoats");
    let other = search(&parlor, &far, "q=raincoats");
    assert_eq!((one.len(), other.len()), (1, 1));
    assert_eq!(one[0]["title"], "Raincoats near?");
    assert_eq!(other[0]["url"], "https://far.example/");
}

#[test]
fn the_key_is_judged_before_the_rest() {
    let parlor = Parlor::start();
    let pk = parlor.site.publishable.clone();
    let get = |query: &str| parlor.get(format!("/v2/search?{query}")).send();
    get("q=x").invalid("apiKey", "publishable key");
    get("q=x&apiKey=").invalid("apiKey", "publishable key");
    get("apiKey=pk_wrong").error(401, "UNAUTHORIZED");
    get(&format!("apiKey={}", parlor.site.private)).error(401, "UNAUTHORIZED");
    get(&format!("apiKey={pk}")).invalid("q", "1 to 500");
    get(&format!("apiKey={pk}&q=")).invalid("q", "1 to 500");
    get(&format!("apiKey={pk}&q={}", "x".repeat(501))).invalid("q", "1 to 500");
    get(&format!("apiKey={pk}&q=x&size=0")).invalid("size", "1 to 50");
    get(&format!("apiKey={pk}&q=x&size=51")).invalid("size", "1 to 50");
    let elsewhere = parlor.key_for(&["https://shop.example"]);
    let from = parlor.get(format!("/v2/search?q=x&apiKey={elsewhere}"));
    let from = from.header("Origin", "https://other.example").send();
    from.error(403, "FORBIDDEN");
}
