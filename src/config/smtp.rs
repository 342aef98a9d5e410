//! Settings of e-mails and webhooks.

use clap::Args;
use clap::builder::BoolishValueParser;
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use url::Url;

use super::Secret;

/// How notifications leave the server.
#[derive(Debug, Clone, Args)]
pub struct NotificationSettings {
    /// The mail server that sends e-mails: smtps://USER:PASSWORD@HOST with TLS (port 465), smtp://USER:PASSWORD@HOST with STARTTLS (port 587), or smtp://HOST?tls=none without encryption (port 25); without it, no e-mails are sent
    #[arg(id = "smtp-url", long = "smtp-url", env = "PARLOR_SMTP_URL")]
    #[arg(value_name = "URL", hide_env_values = true, requires = "email-from")]
    pub smtp_url: Option<Secret>,

    /// The password for the mail server, instead of the one in --smtp-url
    #[arg(
        id = "smtp-password",
        long = "smtp-password",
        env = "PARLOR_SMTP_PASSWORD"
    )]
    #[arg(value_name = "PASSWORD", hide_env_values = true, requires = "smtp-url")]
    pub smtp_password: Option<Secret>,

    /// The sender of e-mails, such as "Shop <help@shop.example>"
    #[arg(id = "email-from", long = "email-from", env = "PARLOR_EMAIL_FROM")]
    #[arg(value_name = "ADDRESS", value_parser = parse_sender)]
    pub email_from: Option<Mailbox>,

    /// Allow webhooks to private networks, including this machine
    #[arg(id = "webhook-private-network", long = "webhook-private-network")]
    #[arg(env = "PARLOR_WEBHOOK_PRIVATE_NETWORK")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub webhook_private_network: bool,
}

impl NotificationSettings {
    pub fn is_email_configured(&self) -> bool {
        self.smtp_url.is_some() && self.email_from.is_some()
    }

    /// The mail server.
    ///
    /// # Errors
    /// The rule that `--smtp-url` breaks. The text has no password. The URL is parsed here,
    /// because the errors of the command line show the value.
    pub fn smtp_server(&self) -> Result<Option<SmtpServer>, String> {
        let Some(url) = &self.smtp_url else {
            return Ok(None);
        };
        let server = parse_smtp_url(url.reveal())?;
        let password = self.smtp_password.clone().or(server.password);
        if server.user.is_none() && password.is_some() {
            return Err(format!(
                "{SMTP_URL_EXPECTED}; there is a password but no user"
            ));
        }
        Ok(Some(SmtpServer { password, ..server }))
    }
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte.
    Implicit,
    /// By STARTTLS. A server without it gets no e-mail.
    StartTls,
    None,
}

impl SmtpTls {
    fn default_port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

const SMTP_URL_EXPECTED: &str = "must be a URL such as smtps://USER:PASSWORD@mail.example, \
     smtp://USER:PASSWORD@mail.example:587 or smtp://127.0.0.1?tls=none";

fn parse_smtp_url(text: &str) -> Result<SmtpServer, String> {
    let url = Url::parse(text).map_err(|_| SMTP_URL_EXPECTED)?;
    let tls = match (url.scheme(), url.query()) {
        ("smtps", None) => SmtpTls::Implicit,
        ("smtp", None | Some("tls=required")) => SmtpTls::StartTls,
        ("smtp", Some("tls=none")) => SmtpTls::None,
        _ => return Err(SMTP_URL_EXPECTED.to_owned()),
    };
    let host = url.host_str().filter(|host| !host.is_empty());
    let has_path = !matches!(url.path(), "" | "/") || url.fragment().is_some();
    let (Some(host), false) = (host, has_path) else {
        return Err(SMTP_URL_EXPECTED.to_owned());
    };
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
    let user = Some(url.username()).filter(|user| !user.is_empty());
    let user = user.map(decode).transpose();
    let password = url.password().map(decode).transpose();
    let (Ok(user), Ok(password)) = (user, password) else {
        return Err("has a user or password that is not percent-encoded UTF-8".to_owned());
    };
    Ok(SmtpServer {
        host: host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port: url.port().unwrap_or(tls.default_port()),
        tls,
        user,
        password: password.map(Secret::from),
    })
}

fn parse_sender(text: &str) -> Result<Mailbox, String> {
    let expected = "must be an address such as help@shop.example or \"Shop <help@shop.example>\"";
    text.parse().map_err(|_| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct TestArgs {
        #[command(flatten)]
        notifications: NotificationSettings,
    }

    fn parse(arguments: &[&str]) -> Result<NotificationSettings, String> {
        let args = TestArgs::try_parse_from([&["parlor"], arguments].concat());
        let args = args.map_err(|error| error.to_string())?;
        args.notifications.smtp_server()?;
        Ok(args.notifications)
    }

    #[test]
    fn url_names_server_encryption_and_user() {
        for (url, host, port, tls, user, password) in [
            (
                "smtps://mail.example",
                "mail.example",
                465,
                SmtpTls::Implicit,
                None,
                None,
            ),
            (
                "smtp://ann%40shop.example:p%3Aw@mail.example",
                "mail.example",
                587,
                SmtpTls::StartTls,
                Some("ann@shop.example"),
                Some("p:w"),
            ),
            (
                "smtp://[::1]:2525/?tls=none",
                "::1",
                2525,
                SmtpTls::None,
                None,
                None,
            ),
        ] {
            let server = parse_smtp_url(url).expect(url);
            assert_eq!((server.host.as_str(), server.port), (host, port));
            assert_eq!((server.tls, server.user.as_deref()), (tls, user));
            assert_eq!(server.password.as_ref().map(Secret::reveal), password);
        }
    }

    #[test]
    fn password_of_its_own_setting_is_used_first() {
        let url = "smtps://ann:first-word@mail.example";
        let from = ["--smtp-url", url, "--email-from", "a@shop.example"];
        let password = |arguments: &[&str]| {
            let settings = parse(arguments).expect("settings");
            let shown = format!("{settings:?}");
            assert!(
                !shown.contains("first-word") && !shown.contains("second-word"),
                "{shown}"
            );
            assert!(settings.is_email_configured());
            let server = settings.smtp_server().expect("a URL").expect("a server");
            server.password.map(|password| password.reveal().to_owned())
        };
        assert_eq!(password(&from).as_deref(), Some("first-word"));
        let both = [&from[..], &["--smtp-password", "second-word"]].concat();
        assert_eq!(password(&both).as_deref(), Some("second-word"));
    }

    #[test]
    fn invalid_settings_are_refused_without_the_password() {
        let from = ["--email-from", "a@shop.example"];
        for (url, hint) in [
            ("mail.example", "such as smtps://"),
            ("http://mail.example", "such as smtps://"),
            ("smtps://ann:hush@mail.example/a", "such as smtps://"),
            ("smtp://ann:hush@mail.example?tls=x", "such as smtps://"),
            ("smtps://:hush@mail.example", "no user"),
            ("smtps://ann:hush%ff@mail.example", "UTF-8"),
        ] {
            let error = parse(&[&["--smtp-url", url], &from[..]].concat()).expect_err(url);
            assert!(
                error.contains(hint) && !error.contains("hush"),
                "{url}: {error}"
            );
        }
        for (arguments, hint) in [
            (&["--smtp-url", "smtps://mail.example"][..], "--email-from"),
            (&["--smtp-password", "hush"], "--smtp-url"),
            (&["--email-from", "shop"], "help@shop.example"),
            (
                &["--email-from", "a@shop.example\nBcc: b@shop.example"],
                "help@shop.example",
            ),
        ] {
            let error = parse(arguments).expect_err("an error");
            assert!(error.contains(hint), "{arguments:?}: {error}");
        }
        assert!(!parse(&from).expect("settings").is_email_configured());
    }
}
