//! Who is typing.

use super::*;
use crate::helpers::{Request, Visitor};
use crate::one_node;

struct Fixture {
    server: TestServer,
    ann: Visitor,
    id: String,
}

fn setup() -> Fixture {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    Fixture { server, ann, id }
}

impl Fixture {
    fn report(&self, is_typing: bool) -> Request {
        let path = format!("/v2/conversations/{}/typing", self.id);
        let body = json!({ "isTyping": is_typing });
        self.server.post(path).json(body)
    }

    fn visitor_socket(&self) -> WebSocketClient {
        let key = &self.server.project.publishable_key;
        let target = format!("/v2/conversations/{}/ws?apiKey={key}", self.id);
        WebSocketClient::open(*self.server, &target)
    }
}

#[test]
fn agents_see_that_a_visitor_is_typing_until_it_ends() {
    let fixture = setup();
    let mut inbox = Inbox::open(&fixture.server, None);
    for is_typing in [true, false] {
        let report = fixture.report(is_typing).bearer(&fixture.ann.token);
        assert_eq!(report.send().status, 204);
        let event = inbox.next_of("typing");
        assert_eq!(event["chatId"], fixture.id.as_str());
        assert_eq!(event["isTyping"], is_typing);
        assert_eq!(event["from"], "visitor");
        assert_eq!(event["agent"], Value::Null);
    }
}

#[test]
fn visitor_and_other_agents_see_that_an_agent_is_typing() {
    let fixture = setup();
    let mara = fixture.server.create_agent("Mara", AgentRole::Agent);
    let mut visitor = fixture.visitor_socket();
    let mut inbox = Inbox::open(&fixture.server, None);
    assert_eq!(fixture.report(true).agent(&mara).send().status, 204);
    let event = visitor.next_event();
    let agent = json!({ "name": "Mara", "image": null });
    let expected =
        json!({ "type": "typing", "chatId": fixture.id, "isTyping": true, "agent": agent });
    assert_eq!(event, expected);
    let event = inbox.next_of("typing");
    assert_eq!(event["from"], "agent");
    assert_eq!(event["agent"], json!({ "id": mara.id, "name": "Mara" }));
    // Without further reports, typing ends by itself.
    assert_eq!(visitor.next_event()["isTyping"], false);
    assert_eq!(inbox.next_of("typing")["isTyping"], false);
}

#[test]
fn visitor_does_not_see_the_own_typing_and_repetitions_send_nothing() {
    one_node!("each node publishes the first report that it gets");
    let fixture = setup();
    let mut visitor = fixture.visitor_socket();
    let mut inbox = Inbox::open(&fixture.server, None);
    for _ in 0..5 {
        let report = fixture.report(true).bearer(&fixture.ann.token);
        assert_eq!(report.send().status, 204);
    }
    let types = types(&inbox.drain(&fixture.server));
    let count = types.iter().filter(|kind| *kind == "typing").count();
    assert_eq!(count, 1, "{types:?}");
    visitor.expect_pong();
}

#[test]
fn typing_in_the_conversation_of_another_visitor_is_refused() {
    let fixture = setup();
    let bob = fixture.server.create_visitor("bob");
    let report = fixture.report(true).bearer(&bob.token).send();
    report.expect_error(403, "FORBIDDEN");
    let body = fixture.report(true).json(json!({}));
    let response = body.bearer(&fixture.ann.token).send();
    response.expect_body_error("isTyping");
}
