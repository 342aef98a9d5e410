//! Live events of a project (docs/api-contract.md, section 8.5).

use serde_json::Value;

use crate::helpers::{TestServer, WebSocketClient, string};

/// A WebSocket for the events of a project.
struct Inbox {
    socket: WebSocketClient,
    stream: String,
    /// The sequence number of the last event.
    sequence: u64,
}

impl Inbox {
    fn open(server: &TestServer, after: Option<&str>) -> Self {
        let target = match after {
            Some(after) => format!("/v2/events?after={after}"),
            None => "/v2/events".to_owned(),
        };
        let authorization = format!("Bearer {}", server.project.private_key);
        let headers = [("authorization", authorization.as_str())];
        let socket = WebSocketClient::try_open(**server, &target, &headers);
        let mut socket = socket.unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let hello = socket.next_event();
        assert_eq!(hello["type"], "hello");
        let (stream, sequence) = (string(&hello["stream"]), hello["sequence"].as_u64());
        Self {
            socket,
            stream,
            sequence: sequence.expect("a number"),
        }
    }

    /// The next event.
    #[track_caller]
    fn next(&mut self) -> Value {
        let event = self.socket.next_event();
        let sequence = event["sequence"].as_u64().expect("a number");
        assert!(sequence >= self.sequence, "{event}");
        self.sequence = sequence;
        event
    }

    /// The next event of a type.
    #[track_caller]
    fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next();
            if event["type"] == kind {
                return event;
            }
        }
    }
}

#[test]
fn inbox_receives_conversations_and_messages() {
    let server = TestServer::start();
    let mut inbox = Inbox::open(&server, None);
    assert_eq!(inbox.next()["type"], "presence");
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let created = inbox.next_of("conversation_created");
    assert_eq!(created["conversation"]["id"], id.as_str());
    assert_eq!(created["conversation"]["visitor"]["type"], "anonymous");
    server.post_message(&ann, &id, "Hello!").send().expect(200);
    let message = inbox.next_of("new_message");
    assert_eq!(message["chatId"], id.as_str());
    assert_eq!(message["message"]["parts"][0]["text"], "Hello!");
    assert_eq!(inbox.next_of("new_message")["message"]["role"], "assistant");
    let updated = inbox.next_of("conversation_updated");
    assert_eq!(updated["conversation"]["title"], "Hello!");
}
