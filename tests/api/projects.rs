//! Projects over the API (docs/api-contract.md, sections 4.3 and 4.18).

use serde_json::{Value, json};

use crate::helpers::{ProjectFixture, Request, TestServer};

pub fn read_project(server: &TestServer, project: &ProjectFixture) -> Value {
    let key = &project.publishable_key;
    let get = server.get(format!("/v2/projects/current?apiKey={key}"));
    get.send().expect(200)
}

fn patch(server: &TestServer, credential: &str, body: &Value) -> Request {
    let request = server.request("PATCH", "/v2/projects/current");
    request.bearer(credential).json(body)
}

/// A project as visitors read it. The settings that only staff read must be null.
fn public_form(mut project: Value) -> Value {
    for name in ["businessHours", "awayMessage"] {
        let members = project.as_object_mut().expect("an object");
        assert_eq!(members.shift_remove(name), Some(Value::Null), "{name}");
    }
    project
}

#[test]
fn private_key_changes_its_project_by_key() {
    let server = TestServer::start();
    let (project, other) = (&server.project, server.create_project());
    let (before, other_before) = (
        read_project(&server, project),
        read_project(&server, &other),
    );
    let change = json!({
        "name": "Tern",
        "description": "Mugs and lamps",
        "chatWidgetConfig": {
            "brandColor": "#0a7", "offset": { "x": 1, "y": 2.5 }, "position": "bottom-left",
            "displayName": "Tern & Co.", "customCSSStyles": ".x{}",
        },
        "color": "unknown fields are ignored",
    });
    let changed = patch(&server, &project.private_key, &change).send();
    let changed = changed.expect(200);
    let mut expected = before.clone();
    for (pointer, value) in [
        ("/name", json!("Tern")),
        ("/description", json!("Mugs and lamps")),
        ("/chatWidgetConfig/brandColor", json!("#0a7")),
        ("/chatWidgetConfig/offset", json!({ "x": 1.0, "y": 2.5 })),
        ("/chatWidgetConfig/position", json!("bottom-left")),
        ("/chatWidgetConfig/displayName", json!("Tern & Co.")),
        ("/chatWidgetConfig/customCSSStyles", json!(".x{}")),
    ] {
        *expected.pointer_mut(pointer).expect(pointer) = value;
    }
    assert_eq!(public_form(changed), expected);
    assert_eq!(read_project(&server, project), expected);
    let undo = json!({
        "description": null,
        "chatWidgetConfig": { "brandColor": null, "offset": null, "width": null },
    });
    let undone = patch(&server, &project.private_key, &undo)
        .send()
        .expect(200);
    expected["description"] = Value::Null;
    for key in ["brandColor", "offset"] {
        expected["chatWidgetConfig"][key] = before["chatWidgetConfig"][key].clone();
    }
    assert_eq!(public_form(undone), expected);
    for body in [json!({}), json!({ "chatWidgetConfig": {} })] {
        let same = patch(&server, &project.private_key, &body).send();
        assert_eq!(public_form(same.expect(200)), expected);
    }
    assert_eq!(read_project(&server, &other), other_before);
}

#[test]
fn changed_project_has_another_etag() {
    let server = TestServer::start();
    let key = &server.project.publishable_key;
    let target = format!("/v2/projects/current?apiKey={key}");
    let first = server.get(&target).send();
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = server.get(&target).header("If-None-Match", &tag);
    assert_eq!(again.clone().send().status, 304);
    let change = json!({ "chatWidgetConfig": { "width": 500 } });
    let changed = patch(&server, &server.project.private_key, &change);
    changed.send().expect(200);
    assert_eq!(again.send().expect(200)["chatWidgetConfig"]["width"], 500.0);
}

#[test]
fn invalid_fields_are_refused_with_their_range_and_change_nothing() {
    let server = TestServer::start();
    let before = read_project(&server, &server.project);
    let send = |body: Value| patch(&server, &server.project.private_key, &body).send();
    let widget =
        |key: &str, value: Value| json!({ "name": "x", "chatWidgetConfig": { key: value } });
    for (key, value, allowed) in [
        ("brandColor", json!("teal"), "#rgb or #rrggbb"),
        ("baseFontSize", json!(33), "from 8 to 32"),
        ("baseFontSize", json!(7.9), "from 8 to 32"),
        ("offset", json!({ "x": -1, "y": 0 }), "from 0 to 1000"),
        ("position", json!("top"), "bottom-left, bottom-right"),
        ("welcomeMessage", json!("x".repeat(501)), "0 to 500"),
        (
            "assistantAvatar",
            json!("javascript:alert(1)"),
            "http or https",
        ),
    ] {
        let field = format!("chatWidgetConfig.{key}");
        send(widget(key, value)).expect_validation_error(&field, allowed);
    }
    for (key, value, field) in [
        ("width", json!("400"), "chatWidgetConfig.width"),
        ("brandColor", json!(1), "chatWidgetConfig.brandColor"),
        ("offset", json!({ "x": 1 }), "chatWidgetConfig.offset.y"),
        ("offset", json!(1), "chatWidgetConfig.offset"),
    ] {
        send(widget(key, value)).expect_body_error(field);
    }
    send(json!({ "name": "" })).expect_validation_error("name", "1 to 100");
    send(json!({ "name": null })).expect_body_error("name");
    send(json!({ "chatWidgetConfig": null })).expect_body_error("chatWidgetConfig");
    send(json!({ "description": "x".repeat(501) })).expect_validation_error("description", "500");
    assert_eq!(read_project(&server, &server.project), before);
}

#[test]
fn only_a_private_key_changes_the_project() {
    let server = TestServer::start();
    let visitor = server.create_visitor("ann");
    let change = json!({ "name": "Ann's" });
    let by_visitor = patch(&server, &visitor.token, &change).send();
    by_visitor.expect_error(403, "FORBIDDEN");
    let publishable = &server.project.publishable_key;
    for request in [
        patch(&server, publishable, &change),
        patch(&server, "sk_unknown", &change),
        server
            .request(
                "PATCH",
                format!("/v2/projects/current?apiKey={publishable}"),
            )
            .json(&change),
    ] {
        request.send().expect_error(401, "UNAUTHORIZED");
    }
    assert_eq!(read_project(&server, &server.project)["name"], "Tern & Co.");
}

#[test]
fn private_key_changes_plan_and_quota_if_the_server_allows_it() {
    let change = json!({ "plan": "free", "monthlyMessages": 5, "name": "x" });
    let server = TestServer::start();
    let refused = patch(&server, &server.project.private_key, &change).send();
    refused.expect_error(403, "FORBIDDEN");
    assert_eq!(read_project(&server, &server.project)["name"], "Tern & Co.");
    let server = TestServer::start_with(|settings| settings.plan_changes = true);
    let send = |body: Value| patch(&server, &server.project.private_key, &body).send();
    let stored =
        || -> String { server.query_value("SELECT json_array(plan, message_quota) FROM project") };
    send(change).expect(200);
    assert_eq!(stored(), r#"["free",5]"#);
    send(json!({ "plan": null })).expect(200);
    assert_eq!(stored(), "[null,5]");
    send(json!({ "monthlyMessages": null })).expect(200);
    assert_eq!(stored(), "[null,null]");
    for (quota, allowed) in [(json!(-1), "from 0 to"), (json!(1.5), "from 0 to")] {
        let refused = send(json!({ "monthlyMessages": quota }));
        refused.expect_validation_error("monthlyMessages", allowed);
    }
    send(json!({ "monthlyMessages": "5" })).expect_body_error("monthlyMessages");
    send(json!({ "plan": "" })).expect_validation_error("plan", "1 to 50");
}

#[test]
fn repeated_change_with_an_idempotency_key_returns_the_first_response() {
    let server = TestServer::start();
    let key = &server.project.private_key;
    let change = patch(&server, key, &json!({ "name": "One" })).header("Idempotency-Key", "k");
    let first = change.clone().send().expect(200);
    patch(&server, key, &json!({ "name": "Two" }))
        .send()
        .expect(200);
    assert_eq!(change.send().expect(200), first);
    assert_eq!(read_project(&server, &server.project)["name"], "Two");
}
