//! Who may listen to a project, and until when.

use parlor::events::project::MAX_SUBSCRIBERS_OF_CALLER;

use super::*;
use crate::helpers::refusal_body;
use crate::one_node;

/// Status and code of the refusal.
fn refused(server: &TestServer, target: &str, headers: &[(&'static str, &str)]) -> (u16, String) {
    let Err(refusal) = WebSocketClient::try_open(**server, target, headers) else {
        panic!("it is open");
    };
    let body: Value = serde_json::from_slice(refusal_body(&refusal)).expect("JSON");
    (refusal.status().as_u16(), string(&body["error"]["code"]))
}

#[test]
fn visitors_and_strangers_cannot_listen() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let bearer = |token: &str| format!("Bearer {token}");
    for (authorization, status, code) in [
        (bearer(&ann.token), 403, "FORBIDDEN"),
        (bearer(&server.project.publishable_key), 401, "UNAUTHORIZED"),
        (bearer("sk_unknown"), 401, "UNAUTHORIZED"),
    ] {
        let headers = [("authorization", authorization.as_str())];
        let refusal = refused(&server, "/v2/events", &headers);
        assert_eq!(refusal, (status, code.to_owned()));
    }
    assert_eq!(refused(&server, "/v2/events", &[]).0, 401);
    assert_eq!(server.project_subscriber_count(), 0);
}

#[test]
fn cookie_needs_the_origin_of_the_server() {
    let server = TestServer::start();
    let mara = server.create_agent("Mara", AgentRole::Agent);
    let cookie = ("cookie", mara.cookie.as_str());
    assert_eq!(refused(&server, "/v2/events", &[cookie]).0, 403);
    let other = [cookie, ("origin", "http://shop.example")];
    assert_eq!(refused(&server, "/v2/events", &other).0, 403);
    Inbox::open_as(&server, &mara);
}

#[test]
fn wrong_place_is_a_validation_error() {
    let server = TestServer::start();
    let authorization = format!("Bearer {}", server.project.private_key);
    let headers = [("authorization", authorization.as_str())];
    for after in ["7", "x:7", "0f6b8c1e5d2a4b7c9e3f1a2b3c4d5e6f:-1"] {
        let target = format!("/v2/events?after={after}");
        assert_eq!(refused(&server, &target, &headers).0, 422, "{after}");
    }
}

#[test]
fn inbox_receives_nothing_of_another_project() {
    let server = TestServer::start();
    let other = server.create_project();
    let mut inbox = Inbox::open(&server, None);
    inbox.next_of("presence");
    let bob = server.create_visitor_in(&other, "bob");
    let id = server.start_conversation(&bob);
    server.post_message(&bob, &id, "Hello").send().expect(200);
    let types = types(&inbox.drain(&server));
    assert!(types.iter().all(|kind| kind == "resync"), "{types:?}");
}

#[test]
fn revoked_key_ends_the_socket() {
    let server = TestServer::start();
    let mut inbox = Inbox::open(&server, None);
    server.revoke_key(&server.project.private_key);
    assert_eq!(inbox.socket.read_until_close(), Some(1008));
}

#[test]
fn removed_agent_and_ended_session_end_the_socket() {
    let server = TestServer::start();
    let owner = server.create_agent("Olga", AgentRole::Owner);
    let names = ["Mara", "Noor", "Ben"];
    let [mara, noor, ben] = names.map(|name| server.create_agent(name, AgentRole::Agent));
    let mut stays = Inbox::open_as(&server, &owner);
    let mut inboxes = [&mara, &noor, &ben].map(|agent| Inbox::open_as(&server, agent));
    let sessions = server.get("/v2/agents/me/sessions").agent(&ben).send();
    let session = string(&sessions.expect(200)["data"][0]["id"]);
    let end = server.request("DELETE", format!("/v2/agents/me/sessions/{session}"));
    assert_eq!(end.agent(&ben).send().status, 204);
    let remove = server.request("DELETE", format!("/v2/agents/{}", mara.id));
    assert_eq!(remove.agent(&owner).send().status, 204);
    let sign_out = server.post("/v2/agents/sign-out").agent(&noor).send();
    assert_eq!(sign_out.status, 204);
    for inbox in &mut inboxes {
        assert_eq!(inbox.socket.read_until_close(), Some(1008));
    }
    stays.drain(&server);
}

#[test]
fn shutdown_closes_the_socket() {
    let mut server = TestServer::start();
    let mut inbox = Inbox::open(&server, None);
    let closed = std::thread::spawn(move || inbox.socket.read_until_close());
    server.stop();
    assert_eq!(closed.join().expect("a close frame"), Some(1001));
}

#[test]
fn sockets_of_an_agent_are_limited() {
    one_node!("the limit is per node");
    let server = TestServer::start();
    let [mara, noor] = ["Mara", "Noor"].map(|name| server.create_agent(name, AgentRole::Agent));
    let mut open: Vec<_> = (0..MAX_SUBSCRIBERS_OF_CALLER)
        .map(|_| Inbox::open_as(&server, &mara))
        .collect();
    let origin = format!("http://{}", server.0);
    let headers = [("cookie", mara.cookie.as_str()), ("origin", &origin)];
    let refusal = refused(&server, "/v2/events", &headers);
    assert_eq!(refusal, (429, "RATE_LIMIT_EXCEEDED".to_owned()));
    Inbox::open_as(&server, &noor);
    open.pop();
    wait_until("a socket has ended", || {
        server.project_subscriber_count() <= MAX_SUBSCRIBERS_OF_CALLER
    });
    Inbox::open_as(&server, &mara);
}
