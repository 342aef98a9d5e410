//! Access of visitors and projects to conversations (docs/api-contract.md,
//! sections 2.4 and 3.3).

use serde_json::json;

use crate::helpers::{ProjectFixture, TestServer, UNKNOWN_ID, Visitor, ids, insert_conversations};

struct Fixture {
    server: TestServer,
    other_project: ProjectFixture,
    ann: Visitor,
    ben: Visitor,
    /// A visitor of the other project with the same device id as Ann.
    other_ann: Visitor,
}

fn setup() -> Fixture {
    let server = TestServer::start();
    let other_project = server.create_project();
    Fixture {
        ann: server.create_visitor("ann"),
        ben: server.create_visitor("ben"),
        other_ann: server.create_visitor_in(&other_project, "ann"),
        other_project,
        server,
    }
}

#[test]
fn visitor_lists_only_own_conversations() {
    let fixture = setup();
    let counts = [
        (&fixture.ann, 3),
        (&fixture.ben, 2),
        (&fixture.other_ann, 4),
    ];
    let mine = counts.map(|(visitor, count)| {
        (
            visitor,
            insert_conversations(&fixture.server, visitor, count),
        )
    });
    for (visitor, own) in mine {
        for query in ["", "orderBy=title", "status=open&orderBy=createdAt"] {
            let page = fixture.server.list(&visitor.token, query);
            assert_eq!(page["total"], own.len());
            assert_eq!(ids(&page).len(), own.len());
            assert!(ids(&page).iter().all(|id| own.contains(id)), "{query}");
        }
        assert_eq!(
            fixture.server.list(&visitor.token, "status=closed")["total"],
            0
        );
    }
}

#[test]
fn private_key_lists_only_its_project() {
    let fixture = setup();
    let project_ids = [
        insert_conversations(&fixture.server, &fixture.ann, 3),
        insert_conversations(&fixture.server, &fixture.ben, 2),
    ]
    .concat();
    let other_ids = insert_conversations(&fixture.server, &fixture.other_ann, 4);
    for (key, own) in [
        (&fixture.server.project.private_key, project_ids),
        (&fixture.other_project.private_key, other_ids),
    ] {
        let page = fixture.server.list(key, "limit=100");
        assert_eq!(page["total"], own.len());
        let mut listed = ids(&page);
        listed.sort();
        let mut own = own;
        own.sort();
        assert_eq!(listed, own);
    }
}

#[test]
fn conversation_of_other_visitor_returns_403() {
    let fixture = setup();
    let id = fixture.server.start_conversation(&fixture.ann);
    let path = format!("/v2/conversations/{id}");
    let read = fixture.server.get(&path).bearer(&fixture.ben.token).send();
    let error = read.expect_error(403, "FORBIDDEN");
    assert_eq!(
        error,
        json!({ "message": "Access denied to this conversation", "code": "FORBIDDEN" })
    );
    let close = fixture.server.post(format!("{path}/close"));
    close
        .bearer(&fixture.ben.token)
        .send()
        .expect_error(403, "FORBIDDEN");
    let read = fixture.server.get(&path).bearer(&fixture.ann.token).send();
    assert_eq!(read.expect(200)["status"], "open");
}

#[test]
fn conversation_of_other_project_returns_404() {
    let fixture = setup();
    let id = fixture.server.start_conversation(&fixture.ann);
    let path = format!("/v2/conversations/{id}");
    for credential in [&fixture.other_ann.token, &fixture.other_project.private_key] {
        let read = fixture.server.get(&path).bearer(credential).send();
        let error = read.expect_error(404, "CONVERSATION_NOT_FOUND");
        assert_eq!(error["details"], json!({ "conversationId": id }));
        assert_eq!(error["message"], "Conversation not found!");
        let close = fixture
            .server
            .post(format!("{path}/close"))
            .bearer(credential);
        close.send().expect_error(404, "CONVERSATION_NOT_FOUND");
    }
    let read = fixture.server.get(&path).bearer(&fixture.ann.token).send();
    assert_eq!(read.expect(200)["status"], "open");
}

#[test]
fn unknown_conversation_returns_404() {
    let fixture = setup();
    let id = UNKNOWN_ID;
    for credential in [&fixture.ann.token, &fixture.server.project.private_key] {
        let path = format!("/v2/conversations/{id}");
        let read = fixture.server.get(&path).bearer(credential).send();
        let error = read.expect_error(404, "CONVERSATION_NOT_FOUND");
        assert_eq!(error["details"], json!({ "conversationId": id }));
        let close = fixture
            .server
            .post(format!("{path}/close"))
            .bearer(credential);
        close.send().expect_error(404, "CONVERSATION_NOT_FOUND");
    }
}

#[test]
fn private_key_reads_and_closes_conversations_of_project() {
    let fixture = setup();
    for visitor in [&fixture.ann, &fixture.ben] {
        let id = fixture.server.start_conversation(visitor);
        let path = format!("/v2/conversations/{id}");
        let key = &fixture.server.project.private_key;
        assert_eq!(
            fixture.server.get(&path).bearer(key).send().expect(200)["id"],
            id
        );
        let close = fixture.server.post(format!("{path}/close")).bearer(key);
        assert_eq!(close.send().expect(200)["success"], true);
        let read = fixture.server.get(&path).bearer(&visitor.token).send();
        assert_eq!(read.expect(200)["status"], "closed");
    }
}

#[test]
fn same_conversation_id_can_exist_in_two_projects() {
    let fixture = setup();
    let id = "0191e9f0-0000-7000-8000-00000000abcd";
    let projects = [&fixture.server.project, &fixture.other_project];
    for (project, device) in projects.into_iter().zip(["near", "away"]) {
        let body = json!({ "id": id, "visitor": { "saVid": device } });
        let post = fixture
            .server
            .post("/v2/conversations")
            .bearer(&project.private_key);
        assert_eq!(post.json(body).send().expect(201)["id"], id);
    }
    let path = format!("/v2/conversations/{id}");
    let close = fixture.server.post(format!("{path}/close"));
    close
        .bearer(&fixture.server.project.private_key)
        .send()
        .expect(200);
    let statuses = projects.map(|project| {
        let read = fixture
            .server
            .get(&path)
            .bearer(&project.private_key)
            .send();
        read.expect(200)["status"].clone()
    });
    assert_eq!(statuses, ["closed", "open"]);
}

#[test]
fn publishable_key_returns_its_project() {
    let fixture = setup();
    for project in [&fixture.server.project, &fixture.other_project] {
        let target = format!("/v2/projects/current?apiKey={}", project.publishable_key);
        let response = fixture.server.get(target).send().expect(200);
        assert_eq!(response["id"], project.id.to_string());
    }
}

#[test]
fn same_device_is_a_different_visitor_in_each_project() {
    let fixture = setup();
    assert_ne!(fixture.ann.id, fixture.other_ann.id);
    for visitor in [&fixture.ann, &fixture.ben, &fixture.other_ann] {
        let me = fixture.server.get("/v2/identity/me").bearer(&visitor.token);
        assert_eq!(me.send().expect(200)["id"], visitor.id);
    }
}
