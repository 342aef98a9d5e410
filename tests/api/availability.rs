//! Business hours, the away message and the availability of a person
//! (docs/api-contract.md, sections 4.18 and 5.5), and the contact details that a visitor
//! changes (section 4.2).

use serde_json::{Value, json};

use crate::helpers::{Request, Response, TestServer, setup_conversation};

fn change(server: &TestServer, body: Value) -> Response {
    let request = server.request("PATCH", "/v2/projects/current").json(body);
    request.bearer(&server.project.private_key).send()
}

/// The project as visitors read it.
fn public_project(server: &TestServer) -> Value {
    let key = &server.project.publishable_key;
    let request = server.get(format!("/v2/projects/current?apiKey={key}"));
    request.send().expect(200)
}

#[test]
fn business_hours_and_away_message_are_settings_that_staff_read() {
    let server = TestServer::start();
    let days = |ranges: Value| {
        json!({ "monday": ranges, "tuesday": [], "wednesday": [], "thursday": [], "friday": [],
                "saturday": [], "sunday": [] })
    };
    let ranges = json!([{ "from": "09:00", "to": "12:30" }, { "from": "22:00", "to": "02:00" }]);
    let sent = json!({ "timeZone": "Europe/Berlin", "days": { "monday": ranges } });
    let expected = json!({ "timeZone": "Europe/Berlin", "days": days(ranges) });
    let changed = change(
        &server,
        json!({ "businessHours": sent, "awayMessage": "Closed." }),
    );
    let changed = changed.expect(200);
    assert_eq!(changed["businessHours"], expected);
    assert_eq!(changed["awayMessage"], "Closed.");
    let get = server.get("/v2/projects/current");
    let read = get.clone().bearer(&server.project.private_key).send();
    assert_eq!(read.expect(200), changed);
    let project = public_project(&server);
    assert_eq!(
        project["availability"],
        json!({ "isOnline": false, "canNotify": false, "awayMessage": "Closed." })
    );
    assert_eq!(project.get("businessHours"), None);
    assert_eq!(project.get("awayMessage"), None);
    get.clone()
        .send()
        .expect_validation_error("apiKey", "publishable key");
    let ann = server.create_visitor("ann");
    get.bearer(&ann.token).send().expect_error(403, "FORBIDDEN");
    // Other changes keep the settings; null removes them.
    let kept = change(&server, json!({ "name": "Another" })).expect(200);
    assert_eq!(kept["businessHours"], expected);
    let removed = change(
        &server,
        json!({ "businessHours": null, "awayMessage": null }),
    );
    let removed = removed.expect(200);
    assert_eq!(
        (&removed["businessHours"], &removed["awayMessage"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn invalid_business_hours_are_refused() {
    let server = TestServer::start();
    let hours = |zone: &str, ranges: Value| {
        let hours = json!({ "timeZone": zone, "days": { "monday": ranges } });
        json!({ "businessHours": hours })
    };
    let range = |from: &str, to: &str| json!([{ "from": from, "to": to }]);
    for (body, field, reason) in [
        (
            hours("Berlin", json!([])),
            "businessHours.timeZone",
            "Europe/Berlin",
        ),
        (
            hours("UTC", range("9:00", "17:00")),
            "businessHours.days.monday.from",
            "00:00 to 24:00",
        ),
        (
            hours("UTC", range("09:00", "09:00")),
            "businessHours.days.monday",
            "differ",
        ),
        (
            hours(
                "UTC",
                Value::Array(vec![range("09:00", "10:00")[0].clone(); 11]),
            ),
            "businessHours.days.monday",
            "at most 10",
        ),
        (json!({ "awayMessage": "" }), "awayMessage", "1 to 500"),
    ] {
        change(&server, body).expect_validation_error(field, reason);
    }
    let missing = change(&server, json!({ "businessHours": {} }));
    missing.expect_body_error("businessHours.timeZone");
}

fn patch_me(server: &TestServer, token: &str, body: Value) -> Request {
    let request = server.request("PATCH", "/v2/identity/me").json(body);
    request.bearer(token)
}

#[test]
fn visitor_leaves_contact_details_and_the_newest_conversation_waits() {
    let (server, ann, id) = setup_conversation();
    let older = server.start_conversation(&ann);
    server.start_conversation(&ann);
    for id in [&older, &id] {
        server.post_message(&ann, id, "Hello").send().expect(200);
    }
    let read = |id: &str| server.get_conversation_for(&server.project.private_key, id);
    let named = patch_me(&server, &ann.token, json!({ "name": "Eva" })).send();
    assert_eq!(named.expect(200)["name"], "Eva");
    assert_eq!(read(&id)["waitingSince"], Value::Null);
    let body = json!({ "email": "Eva@Home.example", "phone": "(030) 123-456" });
    let changed = patch_me(&server, &ann.token, body).send().expect(200);
    assert_eq!(changed.get("email"), None);
    assert_eq!(read(&id)["waitingReason"], "contact");
    assert_eq!(read(&older)["waitingSince"], Value::Null);
    let visitor = server.get(format!("/v2/visitors/{}", ann.id));
    let visitor = visitor
        .bearer(&server.project.private_key)
        .send()
        .expect(200);
    assert_eq!(
        (&visitor["name"], &visitor["email"], &visitor["phone"]),
        (
            &json!("Eva"),
            &json!("Eva@home.example"),
            &json!("030123456")
        )
    );
    let removed = patch_me(&server, &ann.token, json!({ "name": null, "phone": null })).send();
    assert_eq!(removed.expect(200)["name"], Value::Null);
}

#[test]
fn invalid_contact_details_and_the_name_of_a_verified_visitor_are_refused() {
    let (server, ann, _) = setup_conversation();
    for (body, field, reason) in [
        (json!({ "email": "eva" }), "email", "e-mail address"),
        (json!({ "phone": "123" }), "phone", "6 to 15 digits"),
        (json!({ "name": "" }), "name", "1 to 200"),
    ] {
        let response = patch_me(&server, &ann.token, body).send();
        response.expect_validation_error(field, reason);
    }
    let by_key = patch_me(&server, &server.project.private_key, json!({ "name": "x" }));
    by_key.send().expect_error(403, "FORBIDDEN");
    let sql = "UPDATE visitor SET is_verified = 1, external_id = '7'";
    server.db_connection().execute(sql, ()).expect("an update");
    let name = patch_me(&server, &ann.token, json!({ "name": "Eve" }));
    name.send().expect_error(403, "FORBIDDEN");
    let phone = patch_me(&server, &ann.token, json!({ "phone": "030123456" }));
    phone.send().expect(200);
}
