//! A WebSocket client.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::{HeaderName, HeaderValue, Response as HttpResponse};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

use super::{Client, connect};

const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// An open WebSocket. A read without data fails after `READ_TIMEOUT`.
pub struct WebSocketClient(pub WebSocket<TcpStream>);

impl WebSocketClient {
    /// Opens a WebSocket. If the server refuses, returns its HTTP response.
    pub fn try_open(
        client: Client,
        target: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<HttpResponse<Option<Vec<u8>>>>> {
        let stream = connect(client.0).expect("a connection");
        stream
            .set_read_timeout(Some(READ_TIMEOUT))
            .expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let url = format!("ws://{}{target}", client.0);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a value");
            let name = HeaderName::from_static(name);
            request.headers_mut().insert(name, value);
        }
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    #[track_caller]
    pub fn open(client: Client, target: &str) -> Self {
        Self::try_open(client, target, &[])
            .unwrap_or_else(|refusal| panic!("{}", String::from_utf8_lossy(refusal_body(&refusal))))
    }

    #[track_caller]
    pub fn send(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).expect("sent");
    }

    /// Sends bytes that need not be a valid frame.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("sent");
    }

    #[track_caller]
    pub fn receive(&mut self) -> Message {
        self.0.read().expect("a message")
    }

    /// Receives the next message, which must be an event.
    #[track_caller]
    pub fn next_event(&mut self) -> Value {
        match self.receive() {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("{other:?} is not an event"),
        }
    }

    /// Asserts that the server answers a ping and that no other message is
    /// pending.
    #[track_caller]
    pub fn expect_pong(&mut self) {
        self.send("ping");
        assert_eq!(self.receive(), Message::from("pong"));
    }

    /// Reads until the server sends a close frame. Returns its code.
    #[track_caller]
    pub fn read_until_close(&mut self) -> Option<u16> {
        loop {
            if let Message::Close(frame) = self.receive() {
                return frame.map(|CloseFrame { code, .. }| code.into());
            }
        }
    }
}

/// The body of the response that refused a WebSocket.
pub fn refusal_body(response: &HttpResponse<Option<Vec<u8>>>) -> &[u8] {
    response.body().as_deref().unwrap_or_default()
}
