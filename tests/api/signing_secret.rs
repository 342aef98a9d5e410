//! `parlor keys rotate-secret` replaces the secret that signs session tokens,
//! cursors and ETags, also in a running server (docs/api-contract.md, section 3.2).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::helpers::{
    TestServer, Visitor, WebSocketClient, ids, insert_conversations, string, wait_until,
};

/// The time in which a running server applies the secret, with a reserve for busy
/// machines.
const MAX_DELAY: Duration = Duration::from_secs(5);

fn rotate(server: &TestServer) -> String {
    server.run_successfully(&["keys", "rotate-secret"])
}

#[test]
fn rotation_ends_sessions_and_visitors_keep_their_conversations() {
    let server = TestServer::start();
    let (ann, ben) = (server.create_visitor("ann"), server.create_visitor("ben"));
    let conversation = server.start_conversation(&ann);
    let init = || {
        let init = server.post("/v2/identity/init");
        let init = init.header("Idempotency-Key", "same");
        init.json(json!({ "apiKey": server.project.publishable_key, "saVid": "ann" }))
    };
    let earlier = Visitor::from_json(&init().send().expect(200));
    let output = rotate(&server);
    assert!(output.contains("; 3 sessions have ended"), "{output}");
    let start = Instant::now();
    for visitor in [&ann, &ben, &earlier] {
        let has_ended = || server.get_list(&visitor.token, "").status == 401;
        wait_until("the session has ended", has_ended);
        server.wait_for_all_nodes(has_ended);
    }
    assert!(start.elapsed() < MAX_DELAY, "{:?}", start.elapsed());
    let me = server.get("/v2/identity/me").bearer(&ann.token).send();
    me.expect_error(401, "UNAUTHORIZED");
    // A token that is signed with the earlier secret is refused even if its session
    // exists, so wait until the server signs with the new one.
    let is_valid = || {
        let again = server.create_visitor("ben");
        signature_changed(&server, &again)
    };
    wait_until("a new session is valid", is_valid);
    server.wait_for_all_nodes(is_valid);
    let again = Visitor::from_json(&init().send().expect(200));
    assert_eq!(again.id, ann.id);
    assert_eq!(ids(&server.list(&again.token, "")), [conversation.as_str()]);
    server
        .post_message(&again, &conversation, "hello")
        .send()
        .expect(200);
    // Keys stay valid.
    assert_eq!(server.list(&server.project.private_key, "")["total"], 1);
}

/// Whether the server has signed the token with the secret of the file.
fn signature_changed(server: &TestServer, visitor: &Visitor) -> bool {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    use hmac::{Hmac, KeyInit, Mac};
    let secret: Vec<u8> = server.query_value("SELECT value FROM secret WHERE name = 'session'");
    let (message, signature) = visitor.token.rsplit_once('.').expect("a token");
    let hasher = Hmac::<sha2::Sha256>::new_from_slice(&secret).expect("a key");
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64");
    hasher
        .chain_update(message)
        .verify_slice(&signature)
        .is_ok()
}

#[test]
fn rotation_invalidates_cursors_and_etags_of_cached_pages() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    insert_conversations(&server, &ann, 5);
    let key = &server.project.private_key;
    let first = server.get_list(key, "limit=2");
    let next = first.link("next").expect("a next page");
    let target = next.split_once("/v2").map(|(_, path)| format!("/v2{path}"));
    let target = target.expect("a path");
    assert_eq!(server.get(&target).bearer(key).send().status, 200);
    let tag = first.header("etag").expect("a tag").to_owned();
    let same = || {
        let request = server.get("/v2/conversations?limit=2").bearer(key);
        request.header("If-None-Match", &tag).send()
    };
    assert_eq!(same().status, 304);
    rotate(&server);
    let start = Instant::now();
    let is_invalid = || server.get(&target).bearer(key).send().status == 422;
    wait_until("the cursor is invalid", is_invalid);
    server.wait_for_all_nodes(is_invalid);
    assert!(start.elapsed() < MAX_DELAY, "{:?}", start.elapsed());
    let changed = same();
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    assert_eq!(changed.body, first.body);
    let next = changed.link("next").expect("a next page");
    let (_, path) = next.split_once("/v2").expect("a path");
    let page = server.get(format!("/v2{path}")).bearer(key).send();
    assert_eq!(ids(&page.expect(200)).len(), 2);
}

#[test]
fn rotation_closes_websockets_of_sessions_before_the_next_heartbeat() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let conversation = server.start_conversation(&ann);
    let key = &server.project.publishable_key;
    let target = format!("/v2/conversations/{conversation}/ws?apiKey={key}");
    let mut by_key = WebSocketClient::open(*server, &target);
    let mut by_session = WebSocketClient::open(*server, &format!("{target}&token={}", ann.token));
    let start = Instant::now();
    rotate(&server);
    assert_eq!(by_session.read_until_close(), Some(1008));
    // A heartbeat would close the connection after 30 seconds.
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    by_key.expect_pong();
    wait_until("one subscriber is left", || server.subscriber_count() == 1);
}

#[test]
fn rotation_without_a_server_applies_at_the_next_start() {
    let mut server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    server.stop();
    rotate(&server);
    server.restart();
    server
        .get_list(&ann.token, "")
        .expect_error(401, "UNAUTHORIZED");
    let again = server.create_visitor("ann");
    let list = server.list(&again.token, "");
    assert_eq!(string(&list["data"][0]["id"]), id);
}
