//! Sessions, keys, quotas and limits on several nodes.

use std::time::Instant;

use parlor::config::Settings;
use parlor::domain::AgentRole;
use serde_json::json;

use super::{MAX_DELAY, Nodes, expect_soon};
use crate::helpers::{TestServer, string, wait_until};
use crate::project_events::Inbox;

#[test]
fn sessions_of_visitors_and_agents_are_valid_on_both_nodes() {
    let Some(nodes) = Nodes::start() else { return };
    let mara = nodes
        .a
        .create_agent_with_password("Mara", AgentRole::Owner, "correct horse");
    for (node, other) in nodes.pairs() {
        let ann = node.create_visitor("ann");
        let id = other.start_conversation(&ann);
        node.get_conversation(&ann, &id);
        let body = json!({ "email": mara.email, "password": "correct horse" });
        let sign_in = node.post("/v2/agents/sign-in").own_origin().json(body);
        let response = sign_in.send();
        response.expect(200);
        let cookie = response.cookie();
        let me = || {
            let me = other.get("/v2/agents/me").cookie(&cookie).own_origin();
            me.send()
        };
        assert_eq!(me().expect(200)["email"], mara.email.as_str());
        let sign_out = node.post("/v2/agents/sign-out").cookie(&cookie);
        assert_eq!(sign_out.own_origin().send().status, 204);
        expect_soon("the session has ended", || me().status == 401);
    }
}

#[test]
fn key_that_is_revoked_on_one_node_is_refused_on_another() {
    let Some(nodes) = Nodes::start() else { return };
    let owner = &nodes.a.project.private_key;
    let key = nodes.a.post("/v2/keys").bearer(owner);
    let key = key
        .json(json!({ "kind": "private", "name": "second" }))
        .send()
        .expect(201);
    let text = string(&key["key"]);
    nodes.b.list(&text, "");
    let authorization = format!("Bearer {text}");
    let mut inbox = Inbox::open_with(&nodes.b, None, &[("authorization", &authorization)]);
    let revoke = nodes
        .a
        .request("DELETE", format!("/v2/keys/{}", string(&key["id"])));
    assert!(revoke.bearer(owner).send().status < 300);
    let start = Instant::now();
    wait_until("the key is refused", || {
        nodes.b.get_list(&text, "").status == 401
    });
    let delay = start.elapsed();
    assert!(delay < MAX_DELAY, "{delay:?}");
    assert_eq!(inbox.socket.read_until_close(), Some(1008));
}

#[test]
fn new_signing_secret_ends_the_sessions_of_all_nodes() {
    let Some(nodes) = Nodes::start() else { return };
    let visitors = nodes.pairs().map(|(node, _)| node.create_visitor("ann"));
    nodes.a.run_successfully(&["keys", "rotate-secret"]);
    for visitor in &visitors {
        for (node, _) in nodes.pairs() {
            wait_until("the session has ended", || {
                node.get_list(&visitor.token, "").status == 401
            });
        }
    }
    // Both nodes sign with the new secret then.
    for (node, other) in nodes.pairs() {
        wait_until("a new session is valid on both nodes", || {
            let again = node.create_visitor("ann");
            [node, other].map(|node| node.get_list(&again.token, "").status) == [200; 2]
        });
    }
}

#[test]
fn monthly_quota_counts_the_messages_of_both_nodes() {
    let Some(nodes) = Nodes::start_with(|settings| settings.monthly_messages = 4) else {
        return;
    };
    let (ann, id) = nodes.start_conversation();
    nodes.a.take_over(&id).send().expect(200);
    let send = |node: &TestServer| node.post_message(&ann, &id, "Hi").send();
    for number in 0..4 {
        let (node, _) = nodes.pairs()[number % 2];
        assert_eq!(send(node).status, 202);
    }
    for node in [&nodes.a, &nodes.b] {
        send(node).expect_error(429, "RATE_LIMIT_EXCEEDED");
    }
}

#[test]
fn each_node_has_rate_limits_of_its_own() {
    let limit = |settings: &mut Settings| {
        settings.rate_limit = 3;
        settings.key_rate_limit = 3;
    };
    let Some(nodes) = Nodes::start_with(limit) else {
        return;
    };
    let list = |node: &TestServer| node.get_list(&node.project.private_key, "");
    for node in [&nodes.a, &nodes.b] {
        for _ in 0..3 {
            list(node).expect(200);
        }
        list(node).expect_error(429, "RATE_LIMIT_EXCEEDED");
    }
}

#[test]
fn blocked_visitor_is_refused_on_both_nodes() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let block = nodes
        .a
        .request("PUT", format!("/v2/visitors/{}/block", ann.id));
    assert!(block.bearer(&nodes.a.project.private_key).send().status < 300);
    for node in [&nodes.a, &nodes.b] {
        node.post_message(&ann, &id, "Hi")
            .send()
            .expect_error(403, "FORBIDDEN");
    }
}

/// A node may have cached the session of a visitor for a second.
#[test]
fn nothing_is_stored_for_a_visitor_whom_another_node_has_erased() {
    let Some(nodes) = Nodes::start() else { return };
    for (node, other) in nodes.pairs() {
        let ann = node.create_visitor("ann");
        other.list(&ann.token, "");
        let erase = node.request("DELETE", format!("/v2/visitors/{}", ann.id));
        let erased = erase.bearer(&node.project.private_key).send();
        assert_eq!(erased.status, 204);
        let start = other.post("/v2/conversations").bearer(&ann.token).send();
        assert!((400..500).contains(&start.status), "{}", start.text());
        let stored: i64 = other.query_value("SELECT count(*) FROM conversation");
        assert_eq!(stored, 0);
    }
}
