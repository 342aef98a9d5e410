//! Sessions of agents: list, end, expire (docs/api-contract.md, section 3.7).

use std::time::Duration;

use parlor::config::HousekeepingTimes;
use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{Agent, Response, TestServer, UNKNOWN_ID, string, wait_until};

const PASSWORD: &str = "correct horse battery";

fn me(server: &TestServer, cookie: &str) -> Response {
    server.get("/v2/agents/me").cookie(cookie).send()
}

fn sessions(server: &TestServer, cookie: &str) -> Vec<Value> {
    let request = server.get("/v2/agents/me/sessions").cookie(cookie);
    let list = request.send().expect(200);
    list["data"].as_array().expect("sessions").clone()
}

/// Signs in and returns the cookie.
fn sign_in(server: &TestServer, agent: &Agent, user_agent: &str) -> String {
    let body = json!({ "email": agent.email, "password": PASSWORD });
    let request = server
        .post("/v2/agents/sign-in")
        .header("User-Agent", user_agent);
    request.json(body).send().cookie()
}

fn end(server: &TestServer, agent: &Agent, id: &str) -> Response {
    let target = format!("/v2/agents/me/sessions/{id}");
    server.request("DELETE", target).agent(agent).send()
}

fn execute(server: &TestServer, sql: &str) {
    server.db_connection().execute_batch(sql).expect("a change");
}

#[test]
fn sessions_are_listed_and_ended() {
    let server = TestServer::start();
    let mara = server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    let ben = server.create_agent("Ben", AgentRole::Owner);
    let long = "x".repeat(1000);
    let [laptop, phone] = ["Laptop/1.0", &long].map(|name| sign_in(&server, &mara, name));
    let listed = sessions(&server, &laptop);
    assert_eq!(listed.len(), 3);
    let by_name = |name: &str| {
        let found = listed.iter().find(|one| one["userAgent"] == name);
        found.unwrap_or_else(|| panic!("{name}")).clone()
    };
    let (on_laptop, on_phone) = (by_name("Laptop/1.0"), by_name(&long[..300]));
    assert_eq!(on_laptop["isCurrent"], true);
    assert_eq!(on_laptop["address"], "127.0.0.1");
    assert_eq!(on_phone["isCurrent"], false);
    let id = string(&on_phone["id"]);
    // Only the agent who has the session ends it.
    end(&server, &ben, &id).expect_error(404, "SESSION_NOT_FOUND");
    me(&server, &phone).expect(200);
    assert_eq!(end(&server, &mara, &id).status, 204);
    let ended = server.expect_on_all_nodes(401, || me(&server, &phone));
    ended.expect_error(401, "UNAUTHORIZED");
    end(&server, &mara, &id).expect_error(404, "SESSION_NOT_FOUND");
    end(&server, &mara, UNKNOWN_ID).expect_error(404, "SESSION_NOT_FOUND");
    end(&server, &mara, "x").expect_validation_error("sessionId", "UUID");
    me(&server, &laptop).expect(200);
    assert_eq!(sessions(&server, &laptop).len(), 2);
}

#[test]
fn session_expires_without_use_and_after_its_maximum() {
    for (column, days, status) in [
        ("last_used_at", 13.9, 200),
        ("last_used_at", 14.1, 401),
        ("created_at", 89.9, 200),
        ("created_at", 90.1, 401),
    ] {
        let server = TestServer::start();
        let mara = server.create_agent("Mara", AgentRole::Agent);
        let age = (days * 86_400_000.0) as i64;
        execute(
            &server,
            &format!("UPDATE agent_session SET {column} = {column} - {age}"),
        );
        assert_eq!(me(&server, &mara.cookie).status, status, "{column} {days}");
    }
}

#[test]
fn use_of_a_session_is_recorded_every_ten_minutes() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let age = || -> i64 {
        let sql = "SELECT (unixepoch() * 1000 - last_used_at) / 60000 FROM agent_session";
        server.query_value(sql)
    };
    for (minutes, after) in [(8, 8), (11, 0)] {
        let millis = minutes * 60_000;
        let sql = format!("UPDATE agent_session SET last_used_at = unixepoch() * 1000 - {millis}");
        execute(&server, &sql);
        // The cache has the session for a second.
        wait_until("the session is read", || {
            me(&server, &mara.cookie).expect(200);
            age() == after
        });
    }
}

#[test]
fn expired_sessions_and_links_are_deleted() {
    let server = TestServer::start_with(|settings| {
        settings.housekeeping = HousekeepingTimes {
            interval: Duration::from_millis(10),
            steady_clock: Duration::ZERO,
        };
    });
    let [mara, _] = ["Mara", "Ben"].map(|name| server.create_agent(name, AgentRole::Agent));
    server.create_setup_link();
    let expire = "UPDATE agent_session SET last_used_at = 0 WHERE seq = 2; \
                  UPDATE sign_in_link SET expires_at = 0";
    execute(&server, expire);
    let count =
        |table: &str| -> i64 { server.query_value(&format!("SELECT count(*) FROM {table}")) };
    wait_until("the rows are deleted", || {
        count("agent_session") == 1 && count("sign_in_link") == 0
    });
    me(&server, &mara.cookie).expect(200);
}

#[test]
fn session_ends_within_a_second_if_another_process_deletes_it_or_the_account() {
    let server = TestServer::start();
    for (name, sql) in [
        ("Mara", "DELETE FROM agent_session WHERE agent_seq = 1"),
        ("Ben", "DELETE FROM agent WHERE seq = 2"),
    ] {
        let agent = server.create_agent(name, AgentRole::Agent);
        me(&server, &agent.cookie).expect(200);
        execute(&server, sql);
        let start = std::time::Instant::now();
        wait_until("the session has ended", || {
            me(&server, &agent.cookie).status == 401
        });
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    }
}

#[test]
fn account_has_at_most_fifty_sessions() {
    let server = TestServer::start();
    let mara = server.create_agent_with_password("Mara", AgentRole::Agent, PASSWORD);
    execute(
        &server,
        "INSERT INTO agent_session (id, hash, agent_seq, created_at, last_used_at)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
         SELECT randomblob(16), randomblob(32), 1, unixepoch() * 1000, unixepoch() * 1000 - i FROM n",
    );
    let cookie = sign_in(&server, &mara, "Laptop");
    assert_eq!(
        server.query_value::<i64>("SELECT count(*) FROM agent_session"),
        50
    );
    me(&server, &cookie).expect(200);
}
