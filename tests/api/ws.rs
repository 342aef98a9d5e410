//! A client that listens to a conversation.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::{HeaderName, HeaderValue, Response};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket, client};

use crate::wire::Client;

/// An open WebSocket. Reading fails after ten seconds without anything.
pub struct Live(pub WebSocket<TcpStream>);

impl Live {
    /// Opens one; what is answered instead where it is refused.
    pub fn try_open(
        to: Client,
        target: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<Response<Option<Vec<u8>>>>> {
        let stream = TcpStream::connect(to.0).expect("a connection");
        let limit = Some(Duration::from_secs(10));
        stream.set_read_timeout(limit).expect("a limit");
        stream.set_nodelay(true).expect("no delay");
        let url = format!("ws://{}{target}", to.0);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a value");
            let name = HeaderName::from_static(name);
            request.headers_mut().insert(name, value);
        }
        match client(request, stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    #[track_caller]
    pub fn open(to: Client, target: &str) -> Self {
        Self::try_open(to, target, &[])
            .unwrap_or_else(|refusal| panic!("{}", String::from_utf8_lossy(body(&refusal))))
    }

    #[track_caller]
    pub fn say(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).expect("sent");
    }

    /// Bytes as they are, frame or not.
    #[track_caller]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("sent");
    }

    #[track_caller]
    pub fn hear(&mut self) -> Message {
        self.0.read().expect("a message")
    }

    /// The next message, which must be an event.
    #[track_caller]
    pub fn event(&mut self) -> Value {
        match self.hear() {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("{other:?} is no event"),
        }
    }

    /// The server answers, and has nothing else to say.
    #[track_caller]
    pub fn is_served(&mut self) {
        self.say("ping");
        assert_eq!(self.hear(), Message::from("pong"));
    }

    /// Reads until the server says goodbye; the code that it gives.
    #[track_caller]
    pub fn goodbye(&mut self) -> Option<u16> {
        loop {
            if let Message::Close(frame) = self.hear() {
                return frame.map(|CloseFrame { code, .. }| code.into());
            }
        }
    }
}

pub fn body(response: &Response<Option<Vec<u8>>>) -> &[u8] {
    response.body().as_deref().unwrap_or_default()
}
