//! Receivers of notifications: a webhook and a mail server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::wait_until;

/// A request that a webhook received.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    pub headers: Vec<(String, String)>,
    /// As it was received.
    pub body: String,
}

impl WebhookRequest {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        &found.unwrap_or_else(|| panic!("no header {name}")).1
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Returns a response with its head, for the request of a number, counted from 0.
type Respond = dyn Fn(usize) -> String + Send + Sync;

/// A server that records the requests of a webhook.
pub struct WebhookReceiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<WebhookRequest>>>,
}

impl WebhookReceiver {
    /// Responds with a status to each request.
    pub fn with_status(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Self {
        Self::start(move |number| response(status(number), ""))
    }

    pub fn start(respond: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let (log, respond): (_, Arc<Respond>) = (requests.clone(), Arc::new(respond));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, respond) = (log.clone(), respond.clone());
                thread::spawn(move || receive(&stream, &log, &*respond));
            }
        });
        Self { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn requests(&self) -> Vec<WebhookRequest> {
        self.requests.lock().expect("no panic").clone()
    }

    /// Waits until there are `count` requests.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<WebhookRequest> {
        wait_until("the webhook gets its requests", || {
            self.requests().len() >= count
        });
        self.requests()
    }
}

/// A response without a body. `headers` are lines with CRLF.
pub fn response(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n")
}

fn receive(mut stream: &TcpStream, log: &Mutex<Vec<WebhookRequest>>, respond: &Respond) {
    let mut reader = BufReader::new(stream);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some((name, value)) = line.trim_end().split_once(": ") {
                headers.push((name.to_lowercase(), value.to_owned()));
            }
        } else {
            break;
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let Some(length) = length.and_then(|(_, value)| value.parse().ok()) else {
        return;
    };
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let body = String::from_utf8(body).expect("UTF-8");
    let number = {
        let mut log = log.lock().expect("no panic");
        log.push(WebhookRequest { headers, body });
        log.len() - 1
    };
    let _ = stream.write_all(respond(number).as_bytes());
}

/// An e-mail that a mail server received.
#[derive(Debug, Clone)]
pub struct ReceivedEmail {
    pub to: String,
    /// Headers and body, as they were received.
    pub text: String,
}

impl ReceivedEmail {
    /// The value of a header, on one line.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.text.split_once("\n\n")?;
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    }

    /// The body without the line breaks of the encoding `quoted-printable`.
    pub fn body(&self) -> String {
        let text = self.text.replace("=\n", "");
        text.replace("=3D", "=")
    }
}

/// A mail server without encryption that accepts everything. `respond` returns a reply to
/// `RCPT` of an address and of the number of earlier ones.
pub struct MailReceiver {
    address: SocketAddr,
    emails: Arc<Mutex<Vec<ReceivedEmail>>>,
}

type Reply = dyn Fn(&str, usize) -> &'static str + Send + Sync;

impl MailReceiver {
    pub fn start() -> Self {
        Self::with_replies(|_, _| "250 OK")
    }

    pub fn with_replies(
        reply: impl Fn(&str, usize) -> &'static str + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let emails = Arc::<Mutex<Vec<_>>>::default();
        let (log, count) = (emails.clone(), Arc::<Mutex<usize>>::default());
        let reply: Arc<Reply> = Arc::new(reply);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, count, reply) = (log.clone(), count.clone(), reply.clone());
                thread::spawn(move || serve_mail(&stream, &log, &count, &*reply));
            }
        });
        Self { address, emails }
    }

    /// The value of `--smtp-url`.
    pub fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }

    pub fn emails(&self) -> Vec<ReceivedEmail> {
        self.emails.lock().expect("no panic").clone()
    }

    /// Waits until there are `count` e-mails.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<ReceivedEmail> {
        wait_until("the mail server gets its e-mails", || {
            self.emails().len() >= count
        });
        self.emails()
    }
}

fn serve_mail(
    mut stream: &TcpStream,
    log: &Mutex<Vec<ReceivedEmail>>,
    count: &Mutex<usize>,
    reply: &Reply,
) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).ok();
    say("220 mail.example ESMTP")?;
    let mut to = String::new();
    loop {
        let line = lines.next()?.ok()?;
        let command = line.split([' ', ':']).next().unwrap_or_default();
        match command.to_uppercase().as_str() {
            "RCPT" => {
                line["RCPT TO:".len()..]
                    .trim_matches(['<', '>'])
                    .clone_into(&mut to);
                let number = {
                    let mut count = count.lock().expect("no panic");
                    *count += 1;
                    *count - 1
                };
                say(reply(&to, number))?;
            }
            "DATA" => {
                say("354 End with .")?;
                let mut text = String::new();
                loop {
                    let line = lines.next()?.ok()?;
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                let to = to.clone();
                log.lock()
                    .expect("no panic")
                    .push(ReceivedEmail { to, text });
                say("250 OK")?;
            }
            "QUIT" => return say("221 Bye"),
            _ => say("250 OK")?,
        }
    }
}
