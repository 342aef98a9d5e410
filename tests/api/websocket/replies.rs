//! The replies that a new WebSocket receives again (docs/api-contract.md, section 8.4).

use parlor::access::{Accounts, Owner};
use serde_json::{Value, json};

use super::{setup, text};
use crate::helpers::{WebSocketClient, wait_until};
use crate::one_node;

#[test]
fn new_socket_receives_the_last_ten_replies_of_the_past_day() {
    let fixture = setup();
    let server = &fixture.server;
    server.take_over(&fixture.id).send().expect(200);
    let mut sent = Vec::new();
    for number in 0..12 {
        let message = server.post_message(&fixture.ann, &fixture.id, "Hello?");
        assert_eq!(message.send().status, 202);
        let reply = server.reply(&fixture.id, &number.to_string()).send();
        sent.push(reply.expect(201));
    }
    let mut socket = fixture.connect();
    let expect = |socket: &mut WebSocketClient, replies: &[Value]| {
        for reply in replies {
            let event = json!({ "type": "new_message", "chatId": fixture.id, "message": reply });
            assert_eq!(socket.next_event(), event);
        }
        socket.expect_pong();
    };
    expect(&mut socket, &sent[2..]);
    let live = server.reply(&fixture.id, "12").send().expect(201);
    expect(&mut socket, &[live]);
    let age = "UPDATE message SET created_at = created_at - 24 * 60 * 60 * 1000 \
                WHERE role = 'human_agent' AND CAST(text AS INTEGER) < 11";
    server.db_connection().execute(age, ()).expect("an update");
    let eleven = sent.pop().expect("a reply");
    let mut socket = fixture.connect();
    assert_eq!(socket.next_event()["message"], eleven);
    assert_eq!(text(&socket.next_event()), "12");
    socket.expect_pong();
}

#[test]
fn socket_that_opens_during_replies_misses_none_and_keeps_their_order() {
    let fixture = setup();
    let server = &fixture.server;
    server.take_over(&fixture.id).send().expect(200);
    const LAST: usize = 60;
    std::thread::scope(|scope| {
        let replies = scope.spawn(|| {
            for number in 0..=LAST {
                let content = number.to_string();
                server.reply(&fixture.id, &content).send().expect(201);
            }
        });
        while !replies.is_finished() {
            let mut socket = fixture.connect();
            let mut newest: Option<usize> = None;
            while newest != Some(LAST) {
                let number: usize = text(&socket.next_event()).parse().expect("a number");
                // A repetition is older; a new reply follows its predecessor.
                match newest {
                    Some(newest_number) if number > newest_number => {
                        assert_eq!(number, newest_number + 1);
                        newest = Some(number);
                    }
                    Some(_) => {}
                    None => newest = Some(number),
                }
            }
        }
    });
}

#[test]
fn large_backlog_is_charged_to_the_client() {
    one_node!("each node has a memory budget of its own");
    let fixture = setup();
    let server = &fixture.server;
    server.take_over(&fixture.id).send().expect(200);
    for _ in 0..10 {
        let reply = server.reply(&fixture.id, &"x".repeat(10_000));
        reply.send().expect(201);
    }
    let address = "192.0.2.1".parse().expect("an address");
    let accounts = Accounts::new(Owner::Address(address), address);
    let all = server.memory.charge(accounts, server.memory.limit());
    let refusal = WebSocketClient::try_open(**server, &fixture.target(), &[]);
    assert_eq!(refusal.err().expect("a refusal").status(), 503);
    drop(all);
    let mut socket = fixture.connect();
    (0..10).for_each(|_| assert_eq!(text(&socket.next_event()).len(), 10_000));
    wait_until("nothing is charged", || server.memory_used() == 0);
}
