//! Who sees whose conversations (section 0, D3 and D8).

use serde_json::json;

use crate::helpers::{Parlor, Site, Visitor, fill, ids};

struct Stage {
    parlor: Parlor,
    elsewhere: Site,
    ann: Visitor,
    ben: Visitor,
    /// In the other project, on a device of the same name as Ann's.
    far: Visitor,
}

fn stage() -> Stage {
    let parlor = Parlor::start();
    let elsewhere = parlor.another_site();
    Stage {
        ann: parlor.visitor("ann"),
        ben: parlor.visitor("ben"),
        far: parlor.visitor_of(&elsewhere, "ann"),
        elsewhere,
        parlor,
    }
}

#[test]
fn a_visitor_lists_their_own_conversations_alone() {
    let stage = stage();
    let counts = [(&stage.ann, 3), (&stage.ben, 2), (&stage.far, 4)];
    let mine = counts.map(|(visitor, count)| (visitor, fill(&stage.parlor, visitor, count)));
    for (visitor, own) in mine {
        for query in ["", "orderBy=title", "status=open&orderBy=createdAt"] {
            let page = stage.parlor.list(&visitor.token, query);
            assert_eq!(page["total"], own.len());
            assert_eq!(ids(&page).len(), own.len());
            assert!(ids(&page).iter().all(|id| own.contains(id)), "{query}");
        }
        assert_eq!(
            stage.parlor.list(&visitor.token, "status=closed")["total"],
            0
        );
    }
}

#[test]
fn a_private_key_lists_its_project_and_nothing_of_another() {
    let stage = stage();
    let near = [
        fill(&stage.parlor, &stage.ann, 3),
        fill(&stage.parlor, &stage.ben, 2),
    ]
    .concat();
    let far = fill(&stage.parlor, &stage.far, 4);
    for (key, own) in [
        (&stage.parlor.site.private, near),
        (&stage.elsewhere.private, far),
    ] {
        let page = stage.parlor.list(key, "limit=100");
        assert_eq!(page["total"], own.len());
        let mut listed = ids(&page);
        listed.sort();
        let mut own = own;
        own.sort();
        assert_eq!(listed, own);
    }
}

#[test]
fn another_visitors_conversation_is_403_to_read_and_to_close() {
    let stage = stage();
    let id = stage.parlor.started(&stage.ann);
    let path = format!("/v2/conversations/{id}");
    let read = stage.parlor.get(&path).bearer(&stage.ben.token).send();
    let error = read.error(403, "FORBIDDEN");
    assert_eq!(
        error,
        json!({ "message": "Access denied to this conversation", "code": "FORBIDDEN" })
    );
    let close = stage.parlor.post(format!("{path}/close"));
    close
        .bearer(&stage.ben.token)
        .send()
        .error(403, "FORBIDDEN");
    let still = stage.parlor.get(&path).bearer(&stage.ann.token).send();
    assert_eq!(still.expect(200)["status"], "open");
}

#[test]
fn another_projects_conversation_is_404_as_if_it_were_not_there() {
    let stage = stage();
    let id = stage.parlor.started(&stage.ann);
    let path = format!("/v2/conversations/{id}");
    for credential in [&stage.far.token, &stage.elsewhere.private] {
        let read = stage.parlor.get(&path).bearer(credential).send();
        let error = read.error(404, "CONVERSATION_NOT_FOUND");
        assert_eq!(error["details"], json!({ "conversationId": id }));
        assert_eq!(error["message"], "Conversation not found!");
        let close = stage
            .parlor
            .post(format!("{path}/close"))
            .bearer(credential);
        close.send().error(404, "CONVERSATION_NOT_FOUND");
    }
    let still = stage.parlor.get(&path).bearer(&stage.ann.token).send();
    assert_eq!(still.expect(200)["status"], "open");
}

#[test]
fn an_absent_conversation_is_404_with_its_id() {
    let stage = stage();
    let id = "123e4567-e89b-12d3-a456-426614174000";
    for credential in [&stage.ann.token, &stage.parlor.site.private] {
        let path = format!("/v2/conversations/{id}");
        let read = stage.parlor.get(&path).bearer(credential).send();
        let error = read.error(404, "CONVERSATION_NOT_FOUND");
        assert_eq!(error["details"], json!({ "conversationId": id }));
        let close = stage
            .parlor
            .post(format!("{path}/close"))
            .bearer(credential);
        close.send().error(404, "CONVERSATION_NOT_FOUND");
    }
}

#[test]
fn a_private_key_reads_and_closes_any_conversation_of_its_project() {
    let stage = stage();
    for visitor in [&stage.ann, &stage.ben] {
        let id = stage.parlor.started(visitor);
        let path = format!("/v2/conversations/{id}");
        let key = &stage.parlor.site.private;
        assert_eq!(
            stage.parlor.get(&path).bearer(key).send().expect(200)["id"],
            id
        );
        let close = stage.parlor.post(format!("{path}/close")).bearer(key);
        assert_eq!(close.send().expect(200)["success"], true);
        let seen = stage.parlor.get(&path).bearer(&visitor.token).send();
        assert_eq!(seen.expect(200)["status"], "closed");
    }
}

#[test]
fn one_id_may_stand_in_two_projects_and_each_sees_its_own() {
    let stage = stage();
    let id = "0191e9f0-0000-7000-8000-00000000abcd";
    let sites = [&stage.parlor.site, &stage.elsewhere];
    for (site, device) in sites.into_iter().zip(["near", "away"]) {
        let body = json!({ "id": id, "visitor": { "saVid": device } });
        let post = stage.parlor.post("/v2/conversations").bearer(&site.private);
        assert_eq!(post.json(body).send().expect(201)["id"], id);
    }
    let path = format!("/v2/conversations/{id}");
    let close = stage.parlor.post(format!("{path}/close"));
    close.bearer(&stage.parlor.site.private).send().expect(200);
    let statuses = sites.map(|site| {
        let read = stage.parlor.get(&path).bearer(&site.private).send();
        read.expect(200)["status"].clone()
    });
    assert_eq!(statuses, ["closed", "open"]);
}

#[test]
fn a_publishable_key_shows_its_own_project() {
    let stage = stage();
    for site in [&stage.parlor.site, &stage.elsewhere] {
        let target = format!("/v2/projects/current?apiKey={}", site.publishable);
        let project = stage.parlor.get(target).send().expect(200);
        assert_eq!(project["id"], site.id.to_string());
    }
}

#[test]
fn one_device_is_two_visitors_in_two_projects() {
    let stage = stage();
    assert_ne!(stage.ann.id, stage.far.id);
    for visitor in [&stage.ann, &stage.ben, &stage.far] {
        let me = stage.parlor.get("/v2/identity/me").bearer(&visitor.token);
        assert_eq!(me.send().expect(200)["id"], visitor.id);
    }
}
