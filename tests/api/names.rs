//! One rule for names and descriptions of projects, assistants, keys and agents, over the
//! API and on the command line.

use serde_json::{Value, json};

use crate::helpers::{Request, TestServer, run_concurrently};
use crate::project_commands::{run, run_failing};
use crate::projects::read_project;

/// Texts that are no names.
const BLANK: [&str; 4] = ["", "  ", "\u{a0}\u{3000}", "\u{200b}"];
const WITH_CONTROL: [&str; 5] = ["a\nb", "a\n", "\u{1b}[2J", "a\u{2028}b", "\ta"];

fn patch(server: &TestServer, key: &str, body: &Value) -> Request {
    let request = server.request("PATCH", "/v2/projects/current");
    request.bearer(key).json(body)
}

#[test]
fn blank_names_and_control_characters_are_refused_by_the_api() {
    let server = TestServer::start_with(|settings| settings.plan_changes = true);
    let ann = server.create_visitor("ann");
    let conversation = server.start_conversation(&ann);
    let key = &server.project.private_key;
    let before = read_project(&server, &server.project);
    for text in BLANK.iter().chain(&WITH_CONTROL) {
        for (field, limit) in [
            ("name", "1 to 100"),
            ("description", "1 to 500"),
            ("plan", "1 to 50"),
        ] {
            let refused = patch(&server, key, &json!({ field: text })).send();
            refused.expect_validation_error(field, limit);
        }
        let path = format!("/v2/conversations/{conversation}/agent");
        let take_over = server.request("PUT", path).bearer(key);
        let refused = take_over.json(json!({ "name": text })).send();
        refused.expect_validation_error("name", "1 to 100");
    }
    assert_eq!(read_project(&server, &server.project), before);
    let long = json!({ "name": "é".repeat(101) });
    let refused = patch(&server, key, &long).send();
    refused.expect_validation_error("name", "1 to 100");
}

#[test]
fn blank_names_and_control_characters_are_refused_by_commands() {
    let server = TestServer::start();
    let assistant = run(&server, &["assistants", "list"]);
    let id = assistant.split_whitespace().next().expect("an id");
    for text in BLANK.iter().chain(&WITH_CONTROL) {
        for command in [
            &["projects", "create"][..],
            &["projects", "set"],
            &["assistants", "create"],
            &["assistants", "set", id],
            &["keys", "create", "--kind", "private"],
        ] {
            let error = run_failing(&server, &[command, &["--name", text]].concat());
            let reason = "1 to 100 characters, not only spaces";
            assert!(error.contains(reason), "{command:?} {text:?}: {error}");
        }
    }
    for option in ["--description", "--plan"] {
        let error = run_failing(&server, &["projects", "set", option, " "]);
        assert!(error.contains("not only spaces"), "{error}");
    }
    assert_eq!(run(&server, &["projects", "list"]).lines().count(), 1);
    assert_eq!(run(&server, &["assistants", "list"]), assistant);
    assert_eq!(run(&server, &["keys", "list"]).lines().count(), 2);
}

#[test]
fn spaces_around_names_are_removed() {
    let server = TestServer::start();
    let change = json!({ "name": "  Tern ", "description": " Mugs  " });
    let changed = patch(&server, &server.project.private_key, &change).send();
    let changed = changed.expect(200);
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("Tern"), &json!("Mugs"))
    );
    let ann = server.create_visitor("ann");
    let conversation = server.start_conversation(&ann);
    let path = format!("/v2/conversations/{conversation}/agent");
    let take_over = server
        .request("PUT", path)
        .json(json!({ "name": " Mara " }));
    let taken_over = take_over.bearer(&server.project.private_key).send();
    assert_eq!(taken_over.expect(200)["humanAgent"]["name"], "Mara");
    run(&server, &["assistants", "create", "--name", " Brenda "]);
    let list = run(&server, &["assistants", "list"]);
    assert!(list.ends_with("  Brenda\n"), "{list}");
    run(
        &server,
        &["keys", "create", "--kind", "private", "--name", " shop "],
    );
    let list = run(&server, &["keys", "list"]);
    assert!(list.contains("  shop  ("), "{list}");
}

#[test]
fn name_of_another_project_is_a_conflict_and_changes_nothing() {
    let server = TestServer::start();
    run(&server, &["projects", "create", "--name", "Outlet"]);
    let key = &server.project.private_key;
    let before = read_project(&server, &server.project);
    for name in ["Outlet", " Outlet "] {
        let body = json!({ "name": name, "description": "new" });
        let refused = patch(&server, key, &body).header("Idempotency-Key", name);
        let error = refused.send().expect_error(409, "CONFLICT");
        let details = json!({ "resource": "project", "conflictingField": "name" });
        assert_eq!(error["details"], details);
        let id = server.project.id.to_string();
        for command in [
            &["projects", "set", "--project", &id][..],
            &["projects", "create"],
        ] {
            let error = run_failing(&server, &[command, &["--name", name]].concat());
            assert!(error.contains("\"Outlet\" already"), "{error}");
        }
    }
    assert_eq!(read_project(&server, &server.project), before);
    assert_eq!(run(&server, &["projects", "list"]).lines().count(), 2);
    let own = json!({ "name": before["name"], "description": "new" });
    let changed = patch(&server, key, &own).send().expect(200);
    assert_eq!(changed["description"], "new");
}

#[test]
fn one_of_two_projects_that_want_a_name_at_the_same_time_gets_it() {
    let server = TestServer::start();
    let keys = [(); 4].map(|()| server.create_project().private_key);
    for (index, pair) in keys.chunks(2).enumerate() {
        let name = json!({ "name": format!("Outlet {index}") });
        let next = std::sync::atomic::AtomicUsize::new(0);
        let mut statuses = run_concurrently(2, || {
            let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            patch(&server, &pair[index], &name).send().status
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
}

#[test]
fn stored_names_that_break_the_rule_stay_readable() {
    let server = TestServer::start();
    let other = server.create_project();
    let names = "UPDATE project SET name = '\nTern', description = ' ';
                 UPDATE assistant SET name = '';
                 UPDATE api_key SET name = '\u{1b}';";
    server.db_connection().execute_batch(names).expect("names");
    let project = read_project(&server, &server.project);
    assert_eq!(project["name"], "\nTern");
    assert_eq!(project["description"], " ");
    let list = run(&server, &["projects", "list"]);
    assert_eq!(list.matches("\\nTern\n").count(), 2, "{list}");
    assert!(run(&server, &["keys", "list"]).contains("\\u{1b}"));
    let id = other.id.to_string();
    run(&server, &["assistants", "list", "--project", &id]);
    // Both have the same name, and other properties can be changed.
    let change = json!({ "description": "Mugs" });
    let changed = patch(&server, &other.private_key, &change).send();
    assert_eq!(changed.expect(200)["description"], "Mugs");
    run(
        &server,
        &["projects", "set", "--project", &id, "--name", "Outlet"],
    );
    assert_eq!(read_project(&server, &other)["name"], "Outlet");
}
