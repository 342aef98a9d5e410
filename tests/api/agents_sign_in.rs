//! Agents sign in and out (docs/api-contract.md, section 9).

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{Agent, Request, TestServer, run_concurrently, string};
use crate::one_node;

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
    let ended = server.expect_on_all_nodes(401, || list(&cookie));
    ended.expect_error(401, "UNAUTHORIZED");
    list(&mara.cookie).expect(200);
}

#[test]
fn wrong_password_and_unknown_address_get_the_same_response() {
    let server = TestServer::start();
    let mara = server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let ben = server.create_agent("Ben", AgentRole::Agent);
    let refused = [
        sign_in(&server, &mara.email, "correct horse"),
        sign_in(&server, "nobody@shop.example", PASSWORD),
        sign_in(&server, &ben.email, PASSWORD),
    ];
    for request in refused {
        let response = request.send();
        let error = response.expect_error(401, "UNAUTHORIZED");
        assert_eq!(
            error["message"],
            "The e-mail address or the password is wrong"
        );
        assert_eq!(response.header("set-cookie"), None);
    }
    sign_in(&server, "mara", PASSWORD)
        .send()
        .expect_validation_error("email", "mara@shop.example");
    sign_in(&server, &mara.email, &"x".repeat(201))
        .send()
        .expect_validation_error("password", "1 to 200");
}

#[test]
fn cookie_is_secure_and_of_this_host_only_behind_tls() {
    let server = TestServer::start_with(|settings| settings.behind_proxy = true);
    server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let by_https = |request: Request| request.header("X-Forwarded-Proto", "https");
    let origin = format!("https://{}", server.0);
    let request = by_https(server.post("/v2/agents/sign-in")).header("Origin", origin);
    let body = json!({ "email": "mara@1.example", "password": PASSWORD });
    let response = request.json(body).send();
    response.expect(200);
    let set_cookie = response.header("set-cookie").expect("a cookie");
    assert!(
        set_cookie.starts_with("__Host-parlor_session="),
        "{set_cookie}"
    );
    assert!(
        set_cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"),
        "{set_cookie}"
    );
    let cookie = response.cookie();
    let me = |cookie: &str| by_https(server.get("/v2/agents/me")).cookie(cookie).send();
    me(&cookie).expect(200);
    me(&format!("a=b; {cookie}; c=d")).expect(200);
    // A page of another host of the domain can set a cookie with this name.
    let tossed = cookie.replace("__Host-", "");
    me(&tossed).expect_error(401, "UNAUTHORIZED");
}

/// A server that allows two attempts in a minute.
fn throttled_server() -> TestServer {
    TestServer::start_with(|settings| {
        settings.rate_limit = 600;
        settings.sign_in_rate_limit = 2;
        settings.behind_proxy = true;
    })
}

#[track_caller]
fn expect_throttled(request: Request) {
    let response = request.send();
    let error = response.expect_error(429, "RATE_LIMIT_EXCEEDED");
    let seconds = error["details"]["retryAfter"].as_u64().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(
        response.header("retry-after"),
        Some(seconds.to_string().as_str())
    );
}

#[test]
fn sign_ins_are_limited_by_client_address() {
    one_node!("each node has rate limits of its own");
    let server = throttled_server();
    server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let from = |request: Request, address: &str| request.header("X-Forwarded-For", address);
    for email in ["a@shop.example", "b@shop.example"] {
        let attempt = from(sign_in(&server, email, PASSWORD), "203.0.113.1");
        attempt.send().expect_error(401, "UNAUTHORIZED");
    }
    expect_throttled(from(
        sign_in(&server, "mara@1.example", PASSWORD),
        "203.0.113.1",
    ));
    let token = json!({ "token": "x" });
    let link = server.post("/v2/agents/sign-in-link").json(&token);
    expect_throttled(from(link, "203.0.113.1"));
    expect_throttled(from(server.post("/v2/setup").json(&token), "203.0.113.1"));
    let other = from(sign_in(&server, "mara@1.example", PASSWORD), "203.0.113.2");
    other.send().expect(200);
}

#[test]
fn sign_ins_are_limited_by_email_address() {
    one_node!("each node has rate limits of its own");
    let server = throttled_server();
    server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let from =
        |request: Request, last: u8| request.header("X-Forwarded-For", format!("203.0.113.{last}"));
    for last in 1..=2 {
        let attempt = from(sign_in(&server, "Mara@1.example", "wrong password"), last);
        attempt.send().expect_error(401, "UNAUTHORIZED");
    }
    expect_throttled(from(sign_in(&server, "mara@1.EXAMPLE", PASSWORD), 3));
    let unknown = from(sign_in(&server, "nobody@shop.example", PASSWORD), 4);
    unknown.send().expect_error(401, "UNAUTHORIZED");
}

fn with_link(server: &TestServer, body: &Value) -> Request {
    server
        .post("/v2/agents/sign-in-link")
        .own_origin()
        .json(body)
}

/// The token of a new link of an agent, which a private key creates.
fn create_link(server: &TestServer, agent: &Agent) -> String {
    let request = server.post(format!("/v2/agents/{}/link", agent.id));
    let response = request.bearer(&server.project.private_key).send();
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let link = string(&response.expect(201)["signInLink"]);
    let base = format!("http://{}/inbox#link=", server.0);
    link.strip_prefix(&base).expect(&link).to_owned()
}

#[test]
fn link_signs_in_once() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let token = create_link(&server, &mara);
    let body = json!({ "token": token });
    let mut statuses = run_concurrently(4, || with_link(&server, &body).send().status);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401]);
    let expired = json!({ "token": create_link(&server, &mara) });
    let database = server.db_connection();
    let update = "UPDATE sign_in_link SET expires_at = created_at";
    assert_eq!(database.execute(update, ()).expect("an update"), 1);
    with_link(&server, &expired)
        .send()
        .expect_error(401, "UNAUTHORIZED");
    // A set-up link opens no account.
    let setup = json!({ "token": server.create_setup_link() });
    with_link(&server, &setup)
        .send()
        .expect_error(401, "UNAUTHORIZED");
}

#[test]
fn new_password_of_a_link_ends_the_sessions_and_signs_in_from_now_on() {
    let server = TestServer::start();
    let mara = server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let me = |cookie: &str| server.get("/v2/agents/me").cookie(cookie).send();
    me(&mara.cookie).expect(200);
    let mut body = json!({ "token": create_link(&server, &mara), "password": "too short" });
    with_link(&server, &body)
        .send()
        .expect_validation_error("password", "10 to 200");
    body["password"] = "another password".into();
    let response = with_link(&server, &body).send();
    response.expect(200);
    me(&response.cookie()).expect(200);
    me(&mara.cookie).expect_error(401, "UNAUTHORIZED");
    sign_in(&server, &mara.email, PASSWORD)
        .send()
        .expect_error(401, "UNAUTHORIZED");
    sign_in(&server, &mara.email, "another password")
        .send()
        .expect(200);
}

#[test]
fn setup_checks_its_fields_and_runs_once() {
    let server = TestServer::start();
    server.create_project();
    let token = server.create_setup_link();
    let setup = |change: &[(&str, Value)]| {
        let mut body = json!({ "token": token, "name": "Mara", "email": "mara@shop.example",
            "password": PASSWORD, "projectName": "Shop" });
        for (name, value) in change {
            body[*name] = value.clone();
        }
        server.post("/v2/setup").own_origin().json(body).send()
    };
    setup(&[("email", json!("mara"))]).expect_validation_error("email", "e-mail address");
    setup(&[("password", json!("123456789"))]).expect_validation_error("password", "10 to 200");
    setup(&[("name", json!(" "))]).expect_validation_error("name", "1 to 100");
    setup(&[("name", Value::Null)]).expect_body_error("name");
    setup(&[("token", json!("x"))]).expect_error(401, "UNAUTHORIZED");
    let update = "UPDATE project SET name = 'Taken' WHERE seq = 2";
    server
        .db_connection()
        .execute(update, ())
        .expect("an update");
    let taken = setup(&[("projectName", json!("Taken"))]);
    let details = taken.expect_error(409, "CONFLICT")["details"].clone();
    assert_eq!(
        details,
        json!({ "resource": "project", "conflictingField": "name" })
    );
    // The failed attempts have not used the link.
    let account = setup(&[]).expect(201);
    assert_eq!(account["role"], "owner");
    assert_eq!(account["project"]["name"], "Shop");
    setup(&[("email", json!("ben@shop.example"))]).expect_error(401, "UNAUTHORIZED");
    assert_eq!(server.query_value::<i64>("SELECT count(*) FROM agent"), 1);
}
