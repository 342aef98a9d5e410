//! What clients and operators read of a database.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::helpers::{Client, DIRECTIONS, ParlorProcess, SORTS, ids, run_successfully, wait_until};

/// The bodies of responses by their targets, or the output of commands.
pub type Content = BTreeMap<String, String>;

/// Lists that have one form.
const LISTS: [&str; 14] = [
    "agents",
    "keys",
    "notifications",
    "projects/current",
    "saved-replies",
    "sources",
    "statistics",
    "unanswered-questions",
    "conversations/export",
    "conversations/export?status=closed",
    "conversations?isHumanHandled=true&limit=100",
    "conversations?isHumanHandled=false&orderBy=title&limit=100",
    "conversations?externalId=customer",
    "conversations?createdAfter=2020-01-01T00:00:00Z&orderBy=createdAt",
];

/// Searches, whose index a server may still build.
const SEARCHES: [&str; 3] = [
    "conversations?q=order&limit=100",
    "conversations?q=ann",
    "conversations?q=long+text",
];

/// The responses of a server on a database.
pub fn responses(at: &Path, place: [&str; 2], key: &str) -> Content {
    let arguments = [&["serve", "--search-messages", "true"], &place[..]].concat();
    let process = ParlorProcess::start(at, &arguments);
    let mut reader = Reader {
        client: process.client,
        key,
        content: Content::new(),
    };
    LISTS.iter().for_each(|target| drop(reader.read(target)));
    reader.read_pages();
    reader.read_conversations();
    reader.read_knowledge();
    for target in SEARCHES {
        reader.wait_for_index(target);
        reader.read(target);
    }
    assert!(reader.content.len() > 1200, "{}", reader.content.len());
    reader.content
}

/// The output of commands.
pub fn commands(at: &Path, place: [&str; 2]) -> Content {
    let projects = run_successfully(at, &[&["projects", "list"], &place[..]].concat());
    let project = projects
        .split_whitespace()
        .next()
        .expect("an id")
        .to_owned();
    let mut content = Content::from([("projects list".to_owned(), projects)]);
    for command in [
        &["projects", "show"][..],
        &["keys", "list"],
        &["agents", "list"],
        &["assistants", "list"],
        &["visitors", "list"],
        &["qna", "list"],
        &["qna", "export"],
    ] {
        let of_project = ["--project", &project];
        let output = run_successfully(at, &[command, &of_project, &place].concat());
        content.insert(command.join(" "), output);
    }
    content
}

struct Reader<'a> {
    client: Client,
    key: &'a str,
    content: Content,
}

impl Reader<'_> {
    fn read(&mut self, target: &str) -> Value {
        let response = self
            .client
            .get(format!("/v2/{target}"))
            .bearer(self.key)
            .send();
        assert_eq!(response.status, 200, "{target}: {}", response.text());
        let text = response.text().to_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        self.content.insert(target.to_owned(), text);
        json
    }

    /// Pages of all orders, by offset and by cursor.
    fn read_pages(&mut self) {
        for sort in SORTS {
            for direction in DIRECTIONS {
                let order = format!("orderBy={sort}&orderDir={direction}");
                for filter in ["", "&status=open", "&status=closed"] {
                    for page in ["limit=100", "limit=7&offset=50", "limit=20&offset=290"] {
                        self.read(&format!("conversations?{page}{filter}&{order}"));
                    }
                }
                self.walk(&order);
            }
        }
    }

    /// Follows the links from page to page. The cursors are part of the links.
    fn walk(&mut self, order: &str) {
        let first = format!("/v2/conversations?limit=60&include=visitor&{order}");
        let mut next = Some(first.clone());
        for number in 0.. {
            let Some(target) = next else {
                return assert!(number > 4);
            };
            let response = self.client.get(target).bearer(self.key).send();
            assert_eq!(response.status, 200, "{}", response.text());
            let name = format!("{first} page {number}");
            self.content.insert(name, response.text().to_owned());
            next = response.link("next");
        }
    }

    fn read_conversations(&mut self) {
        for offset in [0, 100, 200, 300] {
            let page = format!("limit=100&offset={offset}&include=visitor");
            let list = self.read(&format!("conversations?{page}"));
            for conversation in list["data"].as_array().expect("data") {
                let id = conversation["id"].as_str().expect("an id");
                self.read(&format!("conversations/{id}"));
                self.read(&format!("conversations/{id}/messages?limit=100"));
                self.read(&format!("conversations/{id}/notes"));
                let visitor = conversation["visitor"]["id"].as_str().expect("a visitor");
                self.read(&format!("visitors/{visitor}"));
                self.read(&format!("conversations?visitorId={visitor}"));
            }
        }
    }

    fn read_knowledge(&mut self) {
        let project = self.read("projects/current");
        let project = project["id"].as_str().expect("an id").to_owned();
        for kind in ["documents", "qnas"] {
            let list = self.read(&format!("projects/{project}/{kind}?limit=100"));
            let found = ids(&list);
            assert!(!found.is_empty(), "{kind}");
            for id in found {
                self.read(&format!("projects/{project}/{kind}/{id}"));
            }
        }
    }

    fn wait_for_index(&self, target: &str) {
        wait_until("the texts are indexed", || {
            let response = self
                .client
                .get(format!("/v2/{target}"))
                .bearer(self.key)
                .send();
            response.status == 200 && response.header("x-incomplete-results").is_none()
        });
    }
}
