//! Search by meaning, with a stub of an embedding model.

use serde_json::{Value, json};

use crate::helpers::{
    EmbeddingStub, ParlorProcess, REFUSED, TestServer, open_connection, parse_settings,
    run_successfully, string, wait_until,
};
use crate::sqlite_only;

const PAGES: [(&str, &str); 3] = [
    ("Returns", "You get a refund within two weeks."),
    ("Delivery", "A parcel arrives within two days."),
    ("Products", "Every mug is made of clay."),
];

fn start(stub: &EmbeddingStub) -> TestServer {
    TestServer::start_with(|settings| {
        let flags = ["--embedding-url", &stub.url(), "--embedding-model", "stub"];
        let private = ["--embedding-private-network"];
        settings.embedding = parse_settings(&[&flags[..], &private].concat()).embedding;
    })
}

fn add_page(server: &TestServer, title: &str, text: &str) -> Value {
    let path = format!("/v2/projects/{}/documents", server.project.id.0);
    let url = format!("https://shop.example/{title}");
    let document = server.post(path).bearer(&server.project.private_key);
    let document = document.json(json!({ "url": url, "title": title, "content": text }));
    document.send().expect(201)
}

fn found(server: &TestServer, question: &str) -> Vec<String> {
    let key = &server.project.publishable_key;
    let response = server.get(format!("/v2/search?q={question}&apiKey={key}"));
    let results = response.send().expect(200)["results"].clone();
    let results = results.as_array().expect("results").clone();
    results
        .iter()
        .map(|result| string(&result["title"]))
        .collect()
}

fn stored_vectors(server: &TestServer) -> u64 {
    let connection = server.db_connection();
    let sql = "SELECT count(*) FROM embedding";
    let count = connection.query_row(sql, (), |row| row.get::<_, u32>(0));
    count.expect("a count").into()
}

#[track_caller]
fn wait_for_vectors(server: &TestServer, count: u64) {
    wait_until("the passages are embedded", || {
        stored_vectors(server) == count
    });
}

fn server_with_pages(stub: &EmbeddingStub) -> TestServer {
    let server = start(stub);
    for (title, text) in PAGES {
        add_page(&server, title, text);
    }
    wait_for_vectors(&server, 3);
    server
}

#[track_caller]
fn wait_for_result(server: &TestServer, question: &str, expected: &str) {
    let is_found = || found(server, question).first().map(String::as_str) == Some(expected);
    wait_until("the search finds the page", is_found);
    server.wait_for_all_nodes(is_found);
}

#[test]
fn page_is_found_by_its_meaning() {
    let stub = EmbeddingStub::start();
    let server = server_with_pages(&stub);
    wait_for_result(&server, "quux", "Returns");
    assert_eq!(found(&server, "flarn")[0], "Delivery");
    // A text that the model gets says what it is about.
    assert!(stub.texts().contains(&format!("Returns\n{}", PAGES[0].1)));
}

#[test]
fn stored_vectors_are_used_after_a_restart_and_removed_with_their_page() {
    let stub = EmbeddingStub::start();
    let mut server = server_with_pages(&stub);
    let before = stub.texts().len();
    server.restart();
    wait_for_result(&server, "quux", "Returns");
    let new = stub.texts().split_off(before);
    assert!(new.iter().all(|text| text == "quux"), "{new:?}");
    let path = format!("/v2/projects/{}/documents", server.project.id.0);
    let list = server.get(&path).bearer(&server.project.private_key);
    let id = string(&list.send().expect(200)["data"][0]["id"]);
    let delete = server.request("DELETE", format!("{path}/{id}"));
    delete
        .bearer(&server.project.private_key)
        .send()
        .expect(200);
    wait_for_vectors(&server, 2);
}

#[test]
fn message_is_compared_alone_and_with_the_message_before_it() {
    let stub = EmbeddingStub::start();
    let server = server_with_pages(&stub);
    wait_for_result(&server, "quux", "Returns");
    let visitor = server.create_visitor("ann");
    let conversation = server.start_conversation(&visitor);
    let ask = |text| {
        let message = server.post_message(&visitor, &conversation, text);
        message.send().expect(200);
    };
    ask("How long does a quux take?");
    ask("and flarn?");
    let texts = stub.texts();
    for expected in ["and flarn?", "How long does a quux take?\nand flarn?"] {
        assert!(texts.iter().any(|text| text == expected), "{texts:?}");
    }
}

#[test]
fn imported_passages_are_embedded_again() {
    sqlite_only!("the test runs commands on files of its own");
    let stub = EmbeddingStub::start();
    let server = server_with_pages(&stub);
    let folder = tempfile::tempdir().expect("a folder");
    let (at, source) = (folder.path(), server.db_path());
    let source = source.to_str().expect("UTF-8");
    run_successfully(at, &["export", "all.ndjson", "--db", source]);
    run_successfully(at, &["import", "all.ndjson", "--db", "copy.db"]);
    let copy = open_connection(&at.join("copy.db"));
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = copy.query_row(&sql, [], |row| row.get::<_, u32>(0));
        count.expect("a count")
    };
    assert_eq!(count("passage"), 3);
    assert_eq!(count("embedding"), 0);
    let url = stub.url();
    let model = ["--embedding-url", &url, "--embedding-model", "stub"];
    let serve = ["serve", "--db", "copy.db", "--embedding-private-network"];
    let _server = ParlorProcess::start(at, &[&serve[..], &model].concat());
    wait_until("all passages have vectors", || count("embedding") == 3);
}

#[test]
fn search_compares_words_while_the_model_fails() {
    let stub = EmbeddingStub::start();
    let server = server_with_pages(&stub);
    wait_for_result(&server, "quux", "Returns");
    stub.set_broken(true);
    assert_eq!(found(&server, "quux"), [""; 0]);
    assert_eq!(found(&server, "parcel"), ["Delivery"]);
    stub.set_broken(false);
    assert_eq!(found(&server, "quux")[0], "Returns");
}

#[test]
fn passage_that_the_model_refuses_does_not_hold_up_the_others() {
    let stub = EmbeddingStub::start();
    let server = start(&stub);
    add_page(
        &server,
        "Poison",
        &format!("This text is {REFUSED} for the model."),
    );
    for (title, text) in PAGES {
        add_page(&server, title, text);
    }
    wait_for_vectors(&server, 3);
    wait_for_result(&server, "zorb", "Products");
    assert_eq!(found(&server, REFUSED)[0], "Poison");
}

#[test]
fn long_passage_is_embedded_in_parts() {
    let stub = EmbeddingStub::start();
    let server = start(&stub);
    let filler = "This sentence is about nothing at all. ".repeat(60);
    add_page(&server, "Long", &format!("{filler} A zorb is here."));
    wait_until("the parts are stored", || stored_vectors(&server) > 1);
    wait_for_result(&server, "mug", "Long");
}
