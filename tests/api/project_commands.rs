//! `parlor projects`.

use serde_json::{Value, json};

use crate::helpers::{
    ProjectFixture, TestServer, UNKNOWN_ID, ids, insert_conversations, is_postgres, parlor_command,
    run_with_error, string,
};
use crate::projects::read_project;

/// Runs `parlor ARGUMENTS` with the file of the server.
pub fn run(server: &TestServer, arguments: &[&str]) -> String {
    server.run_successfully(arguments)
}

pub fn run_failing(server: &TestServer, arguments: &[&str]) -> String {
    run_with_error(server.folder(), &server.arguments(arguments))
}

#[test]
fn command_changes_the_project_of_a_running_server() {
    let server = TestServer::start();
    let changed = run(
        &server,
        &[
            "projects",
            "set",
            "--name",
            "Tern",
            "--description",
            "Mugs",
            "--set",
            "brandColor=#0b6e4f",
            "--set",
            "offset=5,6",
            "--set",
            "displayName=a=b",
        ],
    );
    assert_eq!(changed, format!("changed {}\n", server.project.id));
    let project = read_project(&server, &server.project);
    let widget = &project["chatWidgetConfig"];
    assert_eq!(
        (&project["name"], &project["description"]),
        (&json!("Tern"), &json!("Mugs"))
    );
    assert_eq!(widget["brandColor"], "#0b6e4f");
    assert_eq!(widget["offset"], json!({ "x": 5.0, "y": 6.0 }));
    assert_eq!(widget["displayName"], "a=b");
    run(
        &server,
        &[
            "projects",
            "set",
            "--unset",
            "brandColor",
            "--description",
            "",
        ],
    );
    let project = read_project(&server, &server.project);
    assert_eq!(project["description"], Value::Null);
    assert_eq!(project["chatWidgetConfig"]["brandColor"], "#1f6f5c");
    assert_eq!(project["chatWidgetConfig"]["displayName"], "a=b");
}

#[test]
fn command_names_valid_settings_and_ranges() {
    let server = TestServer::start();
    let set = |value: &str| run_failing(&server, &["projects", "set", "--set", value]);
    let unknown = set("primaryColor=#0a7");
    for key in ["brandColor", "welcomeMessage", "customCSSStyles"] {
        assert!(unknown.contains(key), "{unknown}");
    }
    assert!(set("baseFontSize=4").contains("from 8 to 32"));
    assert!(set("brandColor").contains("KEY=VALUE"));
    let unset = run_failing(&server, &["projects", "set", "--unset", "colour"]);
    assert!(unset.contains("brandColor"), "{unset}");
}

/// Runs a command whose options are refused. Returns its standard error.
#[track_caller]
fn run_with_usage_error(server: &TestServer, arguments: &[&str]) -> String {
    let arguments = server.arguments(arguments);
    let output = parlor_command(server.folder()).args(arguments).output();
    let output = output.expect("a run");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(output.stdout.is_empty());
    errors
}

#[test]
fn setting_that_is_named_twice_is_refused_with_its_key() {
    let server = TestServer::start();
    let before = read_project(&server, &server.project);
    for options in [
        ["--set", "width=400", "--set", "width=500"],
        ["--set", "width=400", "--unset", "width"],
        ["--unset", "width", "--unset", "width"],
    ] {
        for command in [
            &["projects", "set", "--name", "x"][..],
            &["projects", "create", "--name", "x"],
        ] {
            let error = run_with_usage_error(&server, &[command, &options].concat());
            assert!(error.contains(" width "), "{options:?}: {error}");
        }
    }
    assert_eq!(read_project(&server, &server.project), before);
    assert_eq!(run(&server, &["projects", "list"]).lines().count(), 1);
}

#[test]
fn change_without_options_is_refused_with_the_options() {
    let server = TestServer::start();
    let error = run_with_usage_error(&server, &["projects", "set"]);
    for option in ["--name", "--monthly-messages", "--unset"] {
        assert!(error.contains(option), "{error}");
    }
    let assistant = run(&server, &["assistants", "list"]);
    let id = assistant.split_whitespace().next().expect("an id");
    let error = run_with_usage_error(&server, &["assistants", "set", id]);
    for option in ["--name", "--answerer", "--prompt", "--fallback"] {
        assert!(error.contains(option), "{error}");
    }
    let error = run_with_usage_error(&server, &["visitors", "list", "--limit", "0"]);
    assert!(error.contains("--limit"), "{error}");
}

#[test]
fn website_that_is_named_twice_is_stored_once() {
    let server = TestServer::start();
    let website = ["--origin", "https://shop.example"];
    let same = ["--origin", "https://shop.example/path"];
    let create = ["keys", "create", "--kind", "publishable", "--name", "shop"];
    run(&server, &[&create[..], &website, &same].concat());
    let list = run(&server, &["keys", "list"]);
    assert!(list.contains("shop  (https://shop.example)\n"), "{list}");
}

#[test]
fn color_with_little_contrast_is_stored_with_a_warning() {
    let server = TestServer::start();
    let warnings = |value: &str| {
        let arguments = server.arguments(&["projects", "set", "--set", value]);
        let output = parlor_command(server.folder()).args(arguments).output();
        let output = output.expect("a run");
        assert!(output.status.success());
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let warning = warnings("brandColor=#fe0");
    assert!(
        warning.contains("brandColor: the contrast of #fe0"),
        "{warning}"
    );
    assert!(warning.contains("4.5:1"), "{warning}");
    assert_eq!(
        read_project(&server, &server.project)["chatWidgetConfig"]["brandColor"],
        "#fe0"
    );
    assert_eq!(warnings("brandColor=#0b6e4f"), "");
}

#[test]
fn plan_and_quota_apply_to_a_running_server() {
    let server = TestServer::start_with(|settings| settings.monthly_messages = 1);
    let ann = server.create_visitor("ann");
    let conversation = server.start_conversation(&ann);
    let send = || server.post_message(&ann, &conversation, "hello").send();
    send().expect(200);
    send().expect_error(429, "RATE_LIMIT_EXCEEDED");
    let set = |value: &str| run(&server, &["projects", "set", "--monthly-messages", value]);
    set("2");
    send().expect(200);
    send().expect_error(429, "RATE_LIMIT_EXCEEDED");
    set("unlimited");
    send().expect(200);
    set("default");
    send().expect_error(429, "RATE_LIMIT_EXCEEDED");
    run(
        &server,
        &[
            "projects",
            "set",
            "--plan",
            "free",
            "--monthly-messages",
            "1000",
        ],
    );
    let list = run(&server, &["projects", "list"]);
    let expected = "1 conversation, 3 messages this month, quota 1000, free  Tern & Co.\n";
    assert_eq!(list, format!("{}  {expected}", server.project.id));
    let plan: String = server.query_value("SELECT plan FROM project");
    assert_eq!(plan, "free");
    run(&server, &["projects", "set", "--plan", ""]);
    let plan: Option<String> = server.query_value("SELECT plan FROM project");
    assert_eq!(plan, None);
}

#[test]
fn show_counts_conversations_messages_agents_and_feedback() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let closed = server.start_conversation(&ann);
    server.close(&ann.token, &closed).send().expect(200);
    let handled = server.start_conversation(&ann);
    server
        .post_message(&ann, &handled, "hello")
        .send()
        .expect(200);
    let answer = server.get_conversation(&ann, &handled)["messages"][1]["id"].clone();
    let rate = server.post(format!("/v2/messages/{}/feedback", string(&answer)));
    let rate = rate.bearer(&ann.token).json(json!({ "feedback": "like" }));
    rate.send().expect(200);
    server.take_over(&handled).send().expect(200);
    server.reply(&handled, "hi").send().expect(201);
    server.hand_back(&handled).send().expect(200);
    for _ in 0..2 {
        server.start_conversation(&ann);
    }
    let other = server.create_project();
    let ben = server.create_visitor_in(&other, "ben");
    insert_conversations(&server, &ben, 5);
    let id = server.project.id.to_string();
    let shown = run(&server, &["projects", "show", "--project", &id]);
    for line in [
        "conversations  4: 3 open, 1 closed",
        "with an agent  1 (25.0 %)",
        "feedback       1 like, 0 dislikes",
        "plan         none",
        "quota        default",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let month = parlor::domain::month_name(parlor::domain::Timestamp::now().month());
    assert!(shown.contains(&format!("    {month}  1\n")), "{shown}");
    assert!(
        shown.contains("  brandColor                  \"#1f6f5c\""),
        "{shown}"
    );
}

#[test]
fn second_project_has_its_own_keys_and_must_be_named() {
    let server = TestServer::start();
    let created = run(
        &server,
        &[
            "projects",
            "create",
            "--name",
            "Outlet",
            "--set",
            "width=500",
        ],
    );
    let word = |prefix: &str| {
        let mut words = created.split_whitespace();
        words
            .find(|word| word.starts_with(prefix))
            .expect(prefix)
            .to_owned()
    };
    let (publishable, private) = (word("pk_"), word("sk_"));
    let project = server.get(format!("/v2/projects/current?apiKey={publishable}"));
    let project = project.send().expect(200);
    assert_eq!(project["name"], "Outlet");
    assert_eq!(project["chatWidgetConfig"]["width"], 500.0);
    assert_eq!(server.list(&private, "")["total"], 0);
    let id = string(&project["id"]);
    for arguments in [
        &["keys", "create", "--kind", "private", "--name", "x"][..],
        &["assistants", "list"],
        &["projects", "show"],
        &["projects", "set", "--name", "x"],
        &["qna", "list"],
        &["learn", "."],
    ] {
        let error = run_failing(&server, arguments);
        assert!(error.contains("--project"), "{arguments:?}: {error}");
        assert!(
            error.contains(&format!("{id}  Outlet")),
            "{arguments:?}: {error}"
        );
    }
    let create = [
        "keys",
        "create",
        "--kind",
        "private",
        "--name",
        "x",
        "--project",
    ];
    for name in ["Outlet", &id] {
        let key = run(&server, &[&create[..], &[name]].concat());
        let list = server.get_list(key.trim(), "");
        assert_eq!(list.expect(200)["total"], 0);
    }
    let keys = run(&server, &["keys", "list", "--project", "Outlet"]);
    assert_eq!(
        keys.lines()
            .filter(|line| line.starts_with("Outlet"))
            .count(),
        4
    );
    assert_eq!(keys.lines().count(), 4);
    assert_eq!(run(&server, &["keys", "list"]).lines().count(), 6);
    let assistant = run(
        &server,
        &["assistants", "create", "--name", "b", "--project", "Outlet"],
    );
    let bound = ["--assistant", assistant.trim()];
    let private = [&create[..], &["Outlet"], &bound].concat();
    let error = run_with_usage_error(&server, &private);
    assert!(error.contains("assistantId"), "{error}");
    let public = ["keys", "create", "--kind", "publishable", "--name", "x"];
    let public = [&public[..], &["--project"]].concat();
    run(&server, &[&public[..], &["Outlet"], &bound].concat());
    let first = server.project.id.to_string();
    let error = run_failing(&server, &[&public[..], &[&first], &bound].concat());
    assert!(error.contains("no assistant"), "{error}");
    let again = run_failing(&server, &["projects", "create", "--name", "Outlet"]);
    assert!(again.contains("\"Outlet\" already"), "{again}");
    let unknown = run_failing(&server, &["qna", "list", "--project", UNKNOWN_ID]);
    assert!(unknown.contains("Outlet"), "{unknown}");
}

#[test]
fn ambiguous_name_of_a_project_is_refused_with_the_ids() {
    let server = TestServer::start();
    let other = server.create_project();
    let error = run_failing(&server, &["projects", "show", "--project", "Tern & Co."]);
    for id in [server.project.id, other.id] {
        assert!(error.contains(&id.to_string()), "{error}");
    }
}

/// The number of rows of a project in each table that has a column for it.
/// The table with a row for each passage that the index of words has.
fn words_of_passages() -> &'static str {
    if is_postgres() {
        "passage"
    } else {
        "passage_text_docsize"
    }
}

fn rows_of_project(server: &TestServer, project: &ProjectFixture) -> i64 {
    let connection = server.db_connection();
    let tables = connection.tables_of_projects();
    assert!(tables.len() >= 8, "{tables:?}");
    let count = |table: &String| -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE project_seq = ?");
        let count = connection.query_row(&sql, [project.seq.0], |row| row.get(0));
        count.expect("a count")
    };
    tables.iter().map(count).sum()
}

#[test]
fn removal_deletes_all_rows_of_the_project_and_no_others() {
    let server = TestServer::start();
    let other = server.create_project();
    let keep = server.create_visitor("ann");
    let kept = server.start_conversation(&keep);
    server
        .post_message(&keep, &kept, "hello")
        .send()
        .expect(200);
    let ann = server.create_visitor_in(&other, "ann");
    insert_conversations(&server, &ann, 250);
    let conversation = server.start_conversation(&ann);
    let send = server.post_message(&ann, &conversation, "hello");
    send.header("Idempotency-Key", "one").send().expect(200);
    let init = server
        .post("/v2/identity/init")
        .header("Idempotency-Key", "two");
    let body = json!({ "apiKey": other.publishable_key, "saVid": "ann" });
    init.json(body).send().expect(200);
    for (kind, body) in [
        ("qnas", json!({ "question": "Q", "answer": "A" })),
        (
            "documents",
            json!({ "url": "https://shop.example/", "title": "T", "content": "# Secret\n\ntext" }),
        ),
    ] {
        let create = server.post(format!("/v2/projects/{}/{kind}", other.id));
        let create = create
            .bearer(&other.private_key)
            .header("Idempotency-Key", kind);
        create.json(body).send().expect(201);
    }
    let id = other.id.to_string();
    let error = run_failing(&server, &["projects", "remove", &id]);
    assert!(error.contains("--yes"), "{error}");
    assert_eq!(server.list(&other.private_key, "")["total"], 251);
    let kept_rows = rows_of_project(&server, &server.project);
    let removed = run(&server, &["projects", "remove", &id, "--yes"]);
    assert_eq!(removed, format!("removed {id} with 251 conversations\n"));
    assert_eq!(rows_of_project(&server, &other), 0);
    assert_eq!(rows_of_project(&server, &server.project), kept_rows);
    for (what, count) in [
        ("project", 1),
        ("message", 2),
        ("session", 1),
        ("idempotency_key", 0),
        (words_of_passages(), 0),
    ] {
        let found: i64 = server.query_value(&format!("SELECT count(*) FROM {what}"));
        assert_eq!(found, count, "{what}");
    }
    for credential in [&other.private_key, &ann.token] {
        server
            .get_list(credential, "")
            .expect_error(401, "UNAUTHORIZED");
    }
    assert_eq!(ids(&server.list(&server.project.private_key, "")), [kept]);
    let error = run_failing(&server, &["projects", "remove", "Tern & Co.", "--yes"]);
    assert!(error.contains("only project"), "{error}");
    // The row number is not used again.
    run(&server, &["projects", "create", "--name", "New"]);
    let seq: i64 = server.query_value("SELECT max(seq) FROM project");
    assert_eq!(seq, other.seq.0 + 1);
}
