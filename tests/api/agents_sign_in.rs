//! Agents sign in and out (docs/api-contract.md, section 9).

use parlor::domain::AgentRole;
use serde_json::json;

use crate::helpers::{Request, TestServer};

const PASSWORD: &str = "correct horse battery";

fn sign_in(server: &TestServer, email: &str, password: &str) -> Request {
    let request = server.post("/v2/agents/sign-in").own_origin();
    request.json(json!({ "email": email, "password": password }))
}

#[test]
fn agent_signs_in_reads_conversations_and_signs_out() {
    let server = TestServer::start();
    let mara = server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let response = sign_in(&server, "MARA@1.example", PASSWORD).send();
    let account = response.expect(200);
    assert_eq!(account["object"], "agent");
    assert_eq!(account["id"], mara.id);
    assert_eq!(account["email"], "mara@1.example");
    assert_eq!(account["role"], "agent");
    assert_eq!(account["hasPassword"], true);
    assert_eq!(account["project"]["id"], server.project.id.to_string());
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let set_cookie = response.header("set-cookie").expect("a cookie").to_owned();
    assert!(set_cookie.starts_with("parlor_session="), "{set_cookie}");
    assert!(
        set_cookie.ends_with("; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"),
        "{set_cookie}"
    );
    let cookie = response.cookie();
    let list = |cookie: &str| server.get("/v2/conversations").cookie(cookie).send();
    list(&cookie).expect(200);
    let me = server
        .get("/v2/agents/me")
        .cookie(&cookie)
        .send()
        .expect(200);
    assert_eq!(me, account);
    let sign_out = server
        .post("/v2/agents/sign-out")
        .cookie(&cookie)
        .own_origin();
    let response = sign_out.send();
    assert_eq!(response.status, 204);
    let removed = response.header("set-cookie").expect("a cookie");
    assert!(
        removed.starts_with("parlor_session=; Path=/; Max-Age=0"),
        "{removed}"
    );
    list(&cookie).expect_error(401, "UNAUTHORIZED");
    list(&mara.cookie).expect(200);
}
