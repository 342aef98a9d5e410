//! Agents who have signed in take conversations over and reply
//! (docs/api-contract.md, section 9).

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{
    Agent, Request, TestServer, run_concurrently, setup_answers, setup_conversation,
};

/// A request with which an agent who has signed in takes over.
fn take_over(server: &TestServer, agent: &Agent, id: &str) -> Request {
    let target = format!("/v2/conversations/{id}/agent");
    server.request("PUT", target).agent(agent)
}

fn reply(server: &TestServer, agent: &Agent, id: &str, content: &str) -> Request {
    let request = server.post(format!("/v2/conversations/{id}/replies"));
    request.agent(agent).json(json!({ "content": content }))
}

fn read(server: &TestServer, id: &str) -> Value {
    server.get_conversation_for(&server.project.private_key, id)
}

#[test]
fn agent_takes_over_with_the_name_and_picture_of_the_account() {
    let (server, ann, id) = setup_conversation();
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let avatar = "https://shop.example/mara.png";
    let change = server.request("PATCH", "/v2/agents/me").agent(&mara);
    change
        .json(json!({ "avatarUrl": avatar }))
        .send()
        .expect(200);
    let taken_over = take_over(&server, &mara, &id).send().expect(200);
    assert_eq!(
        taken_over["humanAgent"],
        json!({ "name": "Mara", "image": avatar })
    );
    assert_eq!(taken_over["agentId"], mara.id);
    assert_eq!(taken_over["isHumanHandled"], true);
    // Another name in the body does not count.
    let again = take_over(&server, &mara, &id).json(json!({ "name": "Ben" }));
    assert_eq!(again.send().expect(200)["humanAgent"]["name"], "Mara");
    assert_eq!(read(&server, &id)["agentId"], mara.id);
    let seen_by_visitor = server.get_conversation(&ann, &id);
    assert_eq!(seen_by_visitor["humanAgent"]["name"], "Mara");
    assert_eq!(seen_by_visitor.get("agentId"), None);
    let hand_back = server.request("DELETE", format!("/v2/conversations/{id}/agent"));
    let handed_back = hand_back.agent(&mara).send().expect(200);
    assert_eq!(handed_back["agentId"], Value::Null);
    assert_eq!(handed_back["humanAgent"], Value::Null);
}

#[test]
fn conversation_of_another_account_is_taken_over_with_force_only() {
    let (server, _, id) = setup_conversation();
    let [mara, ben] = ["Mara", "Ben"].map(|name| server.create_agent(name, AgentRole::Agent));
    take_over(&server, &mara, &id).send().expect(200);
    let expected = json!({ "resource": "conversation", "conflictingField": "humanAgent" });
    for request in [
        take_over(&server, &ben, &id),
        take_over(&server, &ben, &id).json(json!({ "force": false })),
        reply(&server, &ben, &id, "Ben here."),
    ] {
        let error = request.send().expect_error(409, "CONFLICT");
        assert_eq!(error["details"], expected);
    }
    assert_eq!(read(&server, &id)["agentId"], mara.id);
    let forced = take_over(&server, &ben, &id).json(json!({ "force": true }));
    assert_eq!(forced.send().expect(200)["agentId"], ben.id);
    reply(&server, &mara, &id, "Mara here.")
        .send()
        .expect_error(409, "CONFLICT");
    reply(&server, &ben, &id, "Ben here.").send().expect(201);
}

#[test]
fn private_key_and_deleted_account_do_not_hold_a_conversation() {
    let (server, _, id) = setup_conversation();
    let [mara, ben] = ["Mara", "Ben"].map(|name| server.create_agent(name, AgentRole::Owner));
    take_over(&server, &mara, &id).send().expect(200);
    let taken_over = server.take_over(&id).send().expect(200);
    assert_eq!(taken_over["agentId"], Value::Null);
    take_over(&server, &ben, &id).send().expect(200);
    let delete = server.request("DELETE", format!("/v2/agents/{}", ben.id));
    assert_eq!(delete.agent(&mara).send().status, 204);
    assert_eq!(read(&server, &id)["humanAgent"]["name"], "Ben");
    let taken_over = take_over(&server, &mara, &id).send().expect(200);
    assert_eq!(taken_over["agentId"], mara.id);
}

#[test]
fn private_key_needs_a_name_and_a_takeover_to_reply() {
    let (server, _, id) = setup_conversation();
    let put = server.request("PUT", format!("/v2/conversations/{id}/agent"));
    let put = put.bearer(&server.project.private_key);
    put.clone().send().expect_body_error("name");
    put.json(json!({ "name": null }))
        .send()
        .expect_body_error("name");
    server.reply(&id, "Hi").send().expect_error(409, "CONFLICT");
}

#[test]
fn reply_of_an_agent_takes_the_conversation_over_and_ends_the_answer() {
    let fixture = setup_answers();
    let (server, id) = (&fixture.server, &fixture.id);
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let (script, _stream) = fixture.start_answer();
    fixture.wait_for_stored_text();
    let sent = reply(server, &mara, id, "Mara here.").send().expect(201);
    assert_eq!(sent["humanAgent"], json!({ "name": "Mara", "image": null }));
    drop(script);
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
        ["human_agent", "complete", "Mara here."],
    ]);
    let conversation = read(server, id);
    assert_eq!(conversation["agentId"], mara.id);
    assert_eq!(conversation["messages"][2], sent);
    reply(server, &mara, id, "Still here.").send().expect(201);
    let close = server.post(format!("/v2/conversations/{id}/close"));
    close.agent(&mara).send().expect(200);
    reply(server, &mara, id, "Too late.")
        .send()
        .expect_error(409, "CONFLICT");
}

#[test]
fn one_of_two_agents_gets_the_conversation() {
    for _ in 0..20 {
        let (server, _, id) = setup_conversation();
        let agents = ["Mara", "Ben"].map(|name| server.create_agent(name, AgentRole::Agent));
        let index = std::sync::atomic::AtomicUsize::new(0);
        let mut statuses = run_concurrently(2, || {
            let mine = index.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            reply(&server, &agents[mine], &id, "Hi").send().status
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        let conversation = read(&server, &id);
        let messages = conversation["messages"].as_array().expect("messages");
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0]["humanAgent"], conversation["humanAgent"]);
    }
}

#[test]
fn agents_of_another_project_do_not_see_the_conversation() {
    let (server, _, id) = setup_conversation();
    let other = server.create_project();
    let mara = server.create_agent_in(&other, "Mara", AgentRole::Owner);
    for request in [
        take_over(&server, &mara, &id),
        reply(&server, &mara, &id, "Hi"),
        server.get(format!("/v2/conversations/{id}")).agent(&mara),
    ] {
        request.send().expect_error(404, "CONVERSATION_NOT_FOUND");
    }
    assert_eq!(read(&server, &id)["isHumanHandled"], false);
}
