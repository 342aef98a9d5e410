//! Accounts of agents (docs/api-contract.md, section 9).

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{Agent, Request, Response, TestServer, UNKNOWN_ID, ids, string};
use crate::one_node;
use crate::sqlite_only;

const PASSWORD: &str = "correct horse battery";

fn patch(server: &TestServer, agent: &Agent, id: &str, body: Value) -> Response {
    let request = server.request("PATCH", format!("/v2/agents/{id}"));
    request.agent(agent).json(body).send()
}

fn create(server: &TestServer, agent: &Agent, body: &Value) -> Response {
    server.post("/v2/agents").agent(agent).json(body).send()
}

fn delete(server: &TestServer, agent: &Agent, id: &str) -> Response {
    let request = server.request("DELETE", format!("/v2/agents/{id}"));
    request.agent(agent).send()
}

fn me(server: &TestServer, cookie: &str) -> Request {
    server.get("/v2/agents/me").cookie(cookie)
}

#[test]
fn owner_creates_an_account_whose_agent_signs_in_with_the_link() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Owner);
    let body = json!({ "name": "Ben", "email": "Ben@Shop.Example", "role": "agent",
        "avatarUrl": "https://shop.example/ben.png" });
    let response = create(&server, &mara, &body);
    let created = response.expect(201);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(created["email"], "ben@shop.example");
    assert_eq!(created["hasPassword"], false);
    let link = string(&created["signInLink"]);
    let (_, token) = link.split_once("/inbox#link=").expect("a link");
    let sign_in = server.post("/v2/agents/sign-in-link");
    let body = json!({ "token": token, "password": PASSWORD });
    let signed_in = sign_in.json(body).send();
    let account = signed_in.expect(200);
    assert_eq!(account["id"], created["id"]);
    assert_eq!(account["avatarUrl"], "https://shop.example/ben.png");
    assert_eq!(account["hasPassword"], true);
    let list = server.get("/v2/agents").cookie(&signed_in.cookie()).send();
    assert_eq!(ids(&list.expect(200)), [mara.id, string(&created["id"])]);
}

#[test]
fn email_address_belongs_to_one_account_of_the_server() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Owner);
    let other = server.create_project();
    let ben = server.create_agent_in(&other, "Ben", AgentRole::Owner);
    let body = json!({ "name": "B", "email": ben.email.to_uppercase(), "role": "agent" });
    let own = server.request("PATCH", "/v2/agents/me").agent(&mara);
    for response in [
        create(&server, &mara, &body),
        own.json(json!({ "email": ben.email })).send(),
    ] {
        let details = response.expect_error(409, "CONFLICT")["details"].clone();
        assert_eq!(
            details,
            json!({ "resource": "agent", "conflictingField": "email" })
        );
    }
}

#[test]
fn accounts_of_another_project_do_not_exist() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Owner);
    let other = server.create_project();
    let ben = server.create_agent_in(&other, "Ben", AgentRole::Owner);
    let link = server.post(format!("/v2/agents/{}/link", ben.id));
    for response in [
        patch(&server, &mara, &ben.id, json!({ "role": "agent" })),
        delete(&server, &mara, &ben.id),
        link.agent(&mara).send(),
        delete(&server, &mara, UNKNOWN_ID),
    ] {
        response.expect_error(404, "AGENT_NOT_FOUND");
    }
    let list = server.get("/v2/agents").agent(&mara).send().expect(200);
    assert_eq!(ids(&list), [mara.id]);
    me(&server, &ben.cookie).send().expect(200);
}

#[test]
fn project_keeps_an_owner() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Owner);
    let ben = server.create_agent("Ben", AgentRole::Agent);
    for response in [
        patch(&server, &mara, &mara.id, json!({ "role": "agent" })),
        delete(&server, &mara, &mara.id),
    ] {
        let details = response.expect_error(409, "CONFLICT")["details"].clone();
        assert_eq!(
            details,
            json!({ "resource": "agent", "conflictingField": "role" })
        );
    }
    patch(
        &server,
        &mara,
        &mara.id,
        json!({ "role": "owner", "name": "Mara T." }),
    )
    .expect(200);
    let changed = patch(&server, &mara, &ben.id, json!({ "role": "owner" })).expect(200);
    assert_eq!(changed["role"], "owner");
    // The new owner may do what owners do, at once.
    let demote = || patch(&server, &ben, &mara.id, json!({ "role": "agent" }));
    let demoted = server.expect_on_all_nodes(200, demote).json();
    assert_eq!(demoted["name"], "Mara T.");
    let demote = || patch(&server, &mara, &ben.id, json!({ "role": "agent" }));
    let refused = server.expect_on_all_nodes(403, demote);
    refused.expect_error(403, "FORBIDDEN");
    assert_eq!(delete(&server, &ben, &mara.id).status, 204);
    let refused = server.expect_on_all_nodes(401, || me(&server, &mara.cookie).send());
    refused.expect_error(401, "UNAUTHORIZED");
}

#[test]
fn agent_changes_the_own_account() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let change = |body: Value| {
        let request = server.request("PATCH", "/v2/agents/me").agent(&mara);
        request.json(body).send()
    };
    let avatar = "https://shop.example/mara.png";
    let body = json!({ "name": "Mara T.", "avatarUrl": avatar, "isAway": true });
    let changed = change(body).expect(200);
    assert_eq!(
        (&changed["name"], &changed["avatarUrl"], &changed["isAway"]),
        (&json!("Mara T."), &json!(avatar), &json!(true))
    );
    let removed = change(json!({ "avatarUrl": null })).expect(200);
    assert_eq!(removed["avatarUrl"], Value::Null);
    assert_eq!(removed["isAway"], true);
    // An agent does not change the own role.
    assert_eq!(
        change(json!({ "role": "owner" })).expect(200)["role"],
        "agent"
    );
    for url in ["javascript:alert(1)", "data:image/png;base64,", "mara.png"] {
        let refused = change(json!({ "avatarUrl": url }));
        refused.expect_validation_error("avatarUrl", "http or https");
    }
    change(json!({ "name": "" })).expect_validation_error("name", "1 to 100");
    change(json!({ "email": "x" })).expect_validation_error("email", "e-mail");
    change(json!({ "name": null })).expect_body_error("name");
    assert_eq!(me(&server, &mara.cookie).send().expect(200), {
        let mut expected = removed;
        expected["role"] = "agent".into();
        expected
    });
}

#[test]
fn new_password_and_new_address_need_the_current_password() {
    let server = TestServer::start();
    let mara = server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let sign_in = |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        server.post("/v2/agents/sign-in").json(body).send()
    };
    let other_session = sign_in(&mara.email, PASSWORD).cookie();
    let change = |body: Value| {
        let request = server.request("PATCH", "/v2/agents/me").agent(&mara);
        request.json(body).send()
    };
    for body in [
        json!({ "newPassword": "another password" }),
        json!({ "newPassword": "another password", "currentPassword": "wrong password" }),
        json!({ "email": "eve@shop.example" }),
        json!({ "email": "eve@shop.example", "currentPassword": "wrong password" }),
    ] {
        change(body).expect_validation_error("currentPassword", "current password");
    }
    let body = json!({ "newPassword": "another password", "currentPassword": PASSWORD });
    change(body).expect(200);
    me(&server, &mara.cookie).send().expect(200);
    me(&server, &other_session)
        .send()
        .expect_error(401, "UNAUTHORIZED");
    let body = json!({ "email": "Mara@Tern.Example", "currentPassword": "another password" });
    assert_eq!(change(body).expect(200)["email"], "mara@tern.example");
    sign_in(&mara.email, "another password").expect_error(401, "UNAUTHORIZED");
    sign_in("mara@tern.example", PASSWORD).expect_error(401, "UNAUTHORIZED");
    sign_in("mara@tern.example", "another password").expect(200);
}

#[test]
fn guesses_of_the_current_password_are_limited() {
    one_node!("each node has rate limits of its own");
    let server = TestServer::start_with(|settings| {
        settings.rate_limit = 600;
        settings.sign_in_rate_limit = 2;
    });
    let mara = server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let body = json!({ "email": "eve@shop.example", "currentPassword": "wrong password" });
    let guess = || {
        let request = server.request("PATCH", "/v2/agents/me").agent(&mara);
        request.json(&body).send()
    };
    for _ in 0..2 {
        guess().expect_validation_error("currentPassword", "current password");
    }
    guess().expect_error(429, "RATE_LIMIT_EXCEEDED");
    me(&server, &mara.cookie).send().expect(200);
}

#[test]
fn private_key_manages_accounts_and_has_none() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Owner);
    let key = &server.project.private_key;
    let list = server.get("/v2/agents").bearer(key).send().expect(200);
    assert_eq!(ids(&list), [mara.id.as_str()]);
    server
        .get("/v2/agents/me")
        .bearer(key)
        .send()
        .expect_error(403, "FORBIDDEN");
    // A bearer credential counts before a cookie.
    let both = me(&server, &mara.cookie).bearer(key).send();
    both.expect_error(403, "FORBIDDEN");
    let both = me(&server, &mara.cookie).bearer("sk_unknown").send();
    both.expect_error(401, "UNAUTHORIZED");
    let both = me(&server, &mara.cookie).header("Authorization", "Basic YTpi");
    both.send().expect(200);
}

#[test]
fn passwords_and_tokens_are_stored_as_hashes() {
    let server = TestServer::start();
    let mara = server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let token = server.create_setup_link();
    let dump = server.query_value::<String>(
        "SELECT (SELECT password_hash FROM agent) || hex(s.hash) || hex(l.hash)
           FROM agent_session AS s, sign_in_link AS l",
    );
    assert!(
        dump.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{dump}"
    );
    sqlite_only!("the rest of the test reads the bytes of the file");
    let file = std::fs::read(server.db_path()).expect("a file");
    let log = std::fs::read(server.db_path().with_extension("db-wal")).unwrap_or_default();
    let (_, cookie) = mara.cookie.split_once('=').expect("a cookie");
    for secret in [PASSWORD, &token, cookie] {
        for bytes in [&file, &log] {
            let mut windows = bytes.windows(secret.len());
            assert!(
                !windows.any(|window| window == secret.as_bytes()),
                "{secret}"
            );
        }
    }
}
