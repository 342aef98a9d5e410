//! Sends e-mails over SMTP.

use std::error::Error;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use rustls::crypto::ring;

use super::letter::Letter;
use super::outcome::Outcome;
use crate::config::{NotificationSettings, Secret, SmtpServer, SmtpTls};
use crate::domain::NotificationId;

/// How long each step of the connection may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);

/// How long sending an e-mail may take.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// The reply codes that an operator can do something about, although they are permanent:
/// authentication is required or failed.
const AUTHENTICATION_CODES: [&str; 4] = ["530", "534", "535", "538"];

/// Why e-mails cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    #[error("--smtp-url {0}")]
    Url(String),
    #[error("the encryption to the mail server {host} cannot be set up: {error}")]
    Tls { host: String, error: String },
}

/// Sends e-mails to a mail server.
#[derive(Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// None: no mail server is configured.
    ///
    /// # Errors
    /// The URL is invalid, or TLS cannot be set up.
    pub fn new(settings: &NotificationSettings) -> Result<Option<Self>, MailerError> {
        let server = settings.smtp_server().map_err(MailerError::Url)?;
        let (Some(server), Some(from)) = (server, settings.email_from.clone()) else {
            return Ok(None);
        };
        let transport = transport(&server).map_err(|error| MailerError::Tls {
            host: server.host.clone(),
            error: smtp_error(&error),
        })?;
        Ok(Some(Self { transport, from }))
    }

    /// Connects to the mail server, and signs in.
    ///
    /// # Errors
    /// Why the mail server cannot be used.
    pub async fn check(&self) -> Result<(), String> {
        let check = tokio::time::timeout(SEND_TIMEOUT, self.transport.test_connection());
        match check.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(smtp_error(&error)),
            Err(_) => Err(timeout_error()),
        }
    }

    /// Sends an e-mail to one address. The id is part of the header `Message-ID`, so that
    /// an e-mail that is sent twice can be recognised.
    pub async fn send(&self, id: NotificationId, recipient: &str, letter: &Letter) -> Outcome {
        let message = match self.message(id, recipient, letter) {
            Ok(message) => message,
            Err(error) => return Outcome::failed(error),
        };
        match tokio::time::timeout(SEND_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Outcome::Delivered,
            Ok(Err(error)) if is_refusal(&error) => Outcome::failed(smtp_error(&error)),
            Ok(Err(error)) => Outcome::retry(smtp_error(&error)),
            Err(_) => Outcome::retry(timeout_error()),
        }
    }

    fn message(
        &self,
        id: NotificationId,
        recipient: &str,
        letter: &Letter,
    ) -> Result<Message, String> {
        let address: Address = recipient
            .parse()
            .map_err(|_| "The address is not an e-mail address".to_owned())?;
        let domain = self.from.email.domain();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject(&letter.subject)
            .date_now()
            .message_id(Some(format!("<{id}@{domain}>")));
        if let Some(thread) = &letter.thread {
            builder = builder.references(format!("<{thread}@{domain}>"));
        }
        // RFC 3834: mail servers send no automatic response.
        for (name, value) in [
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
        ] {
            let name = HeaderName::new_from_ascii_str(name);
            builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
        }
        let body = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
        builder.multipart(body).map_err(|error| error.to_string())
    }
}

fn transport(server: &SmtpServer) -> Result<AsyncSmtpTransport<Tokio1Executor>, smtp::Error> {
    let tls = match server.tls {
        SmtpTls::Implicit => Tls::Wrapper(tls_parameters(server)?),
        SmtpTls::StartTls => Tls::Required(tls_parameters(server)?),
        SmtpTls::None => Tls::None,
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host);
    let mut builder = builder
        .port(server.port)
        .tls(tls)
        .timeout(Some(STEP_TIMEOUT));
    if let Some(user) = &server.user {
        let password = server.password.as_ref().map_or("", Secret::reveal);
        builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
    }
    Ok(builder.build())
}

fn tls_parameters(server: &SmtpServer) -> Result<TlsParameters, smtp::Error> {
    // Fails if a provider is already installed. Then that provider is used.
    let _ = ring::default_provider().install_default();
    TlsParameters::new(server.host.clone())
}

/// Whether the mail server will refuse the e-mail again.
fn is_refusal(error: &smtp::Error) -> bool {
    let code = error.status().map(|code| code.to_string());
    let is_authentication = code.is_some_and(|code| AUTHENTICATION_CODES.contains(&code.as_str()));
    error.is_permanent() && !is_authentication
}

/// The texts of an error and of its sources. Responses of the mail server are cut.
fn smtp_error(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    if text.contains("STARTTLS is not supported") {
        text.push_str("; use smtps://, or ?tls=none for a mail server without encryption");
    }
    let text: String = text.chars().filter(|char| !char.is_control()).collect();
    text.chars().take(300).collect()
}

fn timeout_error() -> String {
    format!(
        "the mail server has not accepted the e-mail within {} seconds",
        SEND_TIMEOUT.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer() -> Mailer {
        let server = SmtpServer {
            host: "127.0.0.1".to_owned(),
            port: 1,
            tls: SmtpTls::None,
            user: None,
            password: None,
        };
        Mailer {
            transport: transport(&server).expect("a transport"),
            from: "Shop <help@shop.example>".parse().expect("an address"),
        }
    }

    #[test]
    fn hostile_texts_add_no_header() {
        let letter = Letter {
            subject: "Hi\r\nBcc: eve@evil.example\r\n\r\nBody".to_owned(),
            text: "\r\n.\r\nMAIL FROM:<eve@evil.example>".to_owned(),
            html: "<p>Hi</p>".to_owned(),
            thread: Some("conversation".to_owned()),
        };
        let id = NotificationId::generate();
        let message = mailer().message(id, "mara@shop.example", &letter);
        let text = String::from_utf8(message.expect("a message").formatted()).expect("UTF-8");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head");
        let names: Vec<_> = head
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name)
            .collect();
        let mut expected = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "References",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "MIME-Version",
            "Content-Type",
        ];
        let mut names = names;
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{head}");
        assert!(head.contains(&format!("Message-ID: <{id}@shop.example>")));
    }

    #[test]
    fn texts_that_are_no_address_are_refused() {
        let letter = Letter {
            subject: "Hi".to_owned(),
            text: "Hi".to_owned(),
            html: "Hi".to_owned(),
            thread: None,
        };
        for recipient in [
            "",
            "mara",
            "mara@shop.example\r\nBcc: eve@evil.example",
            "mara@shop.example> RCPT TO:<eve@evil.example",
            "mara@shop.example, eve@evil.example",
        ] {
            let message = mailer().message(NotificationId::generate(), recipient, &letter);
            assert!(message.is_err(), "{recipient}");
        }
    }
}
