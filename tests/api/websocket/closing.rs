//! Why and when the server closes a connection.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use parlor::config::Settings;
use parlor::domain::Timestamp;
use tungstenite::{Error, Message};

use super::{message, setup, setup_with, text};
use crate::helpers::{TestServer, WebSocketClient, insert_conversations};

/// Short timeouts, but long enough for a client that a busy machine delays.
fn short_timeouts(settings: &mut Settings) {
    settings.socket_timeouts.heartbeat_interval = Duration::from_millis(500);
    settings.socket_timeouts.idle_timeout = Duration::from_millis(1500);
}

/// Checks its connections often, with the default timeouts.
fn frequent_checks(settings: &mut Settings) {
    settings.socket_timeouts.heartbeat_interval = Duration::from_millis(20);
}

#[test]
fn closed_connections_are_removed() {
    let fixture = setup();
    let mut polite = fixture.connect();
    let abrupt = fixture.connect();
    let third = fixture.connect();
    fixture.wait_for_subscribers(3);
    polite.0.close(None).expect("closed");
    assert_eq!(polite.read_until_close(), None);
    fixture.wait_for_subscribers(2);
    drop(abrupt);
    fixture.wait_for_subscribers(1);
    drop(third);
    fixture.wait_for_subscribers(0);
}

#[test]
fn frame_over_4_kb_closes_connection() {
    let fixture = setup();
    let mut socket = fixture.connect();
    socket.send("x".repeat(4096));
    socket.expect_pong();
    socket.send("x".repeat(4097));
    assert_eq!(socket.read_until_close(), Some(1009));
    // The server closes without waiting for the payload that the header announces.
    let mut socket = fixture.connect();
    socket.send_raw(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]);
    socket.send_raw(&[0; 5000]);
    assert_eq!(socket.read_until_close(), Some(1009));
    let mut socket = fixture.connect();
    socket.send_raw(b"\x81\x04ping");
    assert_eq!(socket.read_until_close(), Some(1002), "not masked");
    fixture.wait_for_subscribers(0);
}

#[test]
fn client_that_does_not_read_is_disconnected_without_delaying_others() {
    let fixture =
        setup_with(|settings| settings.socket_timeouts.write_timeout = Duration::from_millis(500));
    let mut slow = fixture.connect();
    let mut quick = fixture.connect();
    let long = "x".repeat(200_000);
    let mut published = 0;
    while fixture.subscriber_count() == 2 {
        assert!(published < 1000, "nobody is let go");
        fixture.publish(&message(&long));
        assert_eq!(text(&quick.next_event()).len(), long.len());
        published += 1;
    }
    quick.expect_pong();
    let start = Instant::now();
    let end = loop {
        match slow.0.send(Message::from("ping")) {
            Ok(()) => std::thread::sleep(Duration::from_millis(5)),
            Err(end) => break end,
        }
        assert!(start.elapsed() < Duration::from_secs(30), "it is kept");
    };
    let Error::Io(end) = end else { panic!("{end}") };
    assert!(
        matches!(
            end.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{end}"
    );
}

#[test]
fn client_without_pong_is_disconnected() {
    let fixture = setup_with(short_timeouts);
    // The client library answers pings only while the test reads.
    let _silent = fixture.connect();
    let mut alive = fixture.connect();
    for _ in 0..2 {
        assert_eq!(alive.receive(), Message::Ping("".into()));
    }
    fixture.wait_for_subscribers(1);
    fixture.publish(&message("still there"));
    while alive.receive().is_ping() {}
}

#[test]
fn revoking_key_closes_its_connections() {
    let fixture = setup_with(frequent_checks);
    let key = fixture.server.create_publishable_key(&[]);
    let mut socket =
        WebSocketClient::open(*fixture.server, &format!("{}?apiKey={key}", fixture.path()));
    fixture.server.revoke_key(&key);
    assert_eq!(socket.read_until_close(), Some(1008));
    fixture.wait_for_subscribers(0);
}

#[test]
fn revoking_key_closes_its_connections_before_the_next_heartbeat() {
    let fixture = setup();
    let [key, session_key] = [(); 2].map(|()| fixture.server.create_publishable_key(&[]));
    let session = fixture.server.init_session(&session_key, "ann").json();
    let open = |target: &str| WebSocketClient::open(*fixture.server, target);
    let mut by_key = open(&format!("{}?apiKey={key}", fixture.path()));
    let token = session["sessionToken"].as_str().expect("a token");
    let mut by_session = open(&format!("{}&token={token}", fixture.target()));
    let mut other = fixture.connect();
    let start = Instant::now();
    fixture.server.revoke_key(&key);
    fixture.server.revoke_key(&session_key);
    assert_eq!(by_key.read_until_close(), Some(1008));
    assert_eq!(by_session.read_until_close(), Some(1008));
    // A heartbeat would close them after 30 seconds.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    other.expect_pong();
    assert_eq!(fixture.subscriber_count(), 1);
}

#[test]
fn deleting_session_closes_its_connections() {
    let fixture = setup_with(frequent_checks);
    let target = format!("{}&token={}", fixture.target(), fixture.ann.token);
    let [mut with, mut without] =
        [target, fixture.target()].map(|to| WebSocketClient::open(*fixture.server, &to));
    fixture
        .server
        .db_connection()
        .execute("DELETE FROM session", ())
        .expect("a deletion");
    assert_eq!(with.read_until_close(), Some(1008));
    without.expect_pong();
    assert_eq!(fixture.subscriber_count(), 1);
}

#[test]
fn shutdown_closes_connections_without_waiting_for_clients() {
    let mut fixture = setup();
    let mut all = [0; 20].map(|_| fixture.connect());
    let hub = fixture.server.events().clone();
    fixture.publish(&message("last"));
    let start = Instant::now();
    fixture.server.stop();
    let took = start.elapsed();
    for socket in &mut all {
        assert_eq!(text(&socket.next_event()), "last");
        assert_eq!(socket.read_until_close(), Some(1001));
    }
    assert_eq!(hub.subscriber_count(), 0);
    assert!(took < Duration::from_millis(1500), "{took:?}");
}

#[test]
fn expired_session_ends_its_websocket_within_a_second() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = insert_conversations(&server, &ann, 1).remove(0);
    // It expires in two seconds. The server has not read it yet.
    let age = i64::try_from(server.settings.session_max().as_millis()).expect("an age");
    let expiry = Timestamp::now().0 + 2000;
    let update = server
        .db_connection()
        .execute("UPDATE session SET created_at = ?", [expiry - age]);
    assert_eq!(update, Ok(1));
    let (key, token) = (&server.project.publishable_key, &ann.token);
    let target = format!("/v2/conversations/{id}/ws?apiKey={key}&token={token}");
    let mut socket = WebSocketClient::open(*server, &target);
    socket.expect_pong();
    assert_eq!(socket.read_until_close(), Some(1008));
    let late = Timestamp::now().0 - expiry;
    // The heartbeat comes every 30 seconds. The bound is larger on a slow machine.
    assert!((0..5000).contains(&late), "{late} ms after the expiry");
}
