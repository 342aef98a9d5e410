//! E-mails to agents and to visitors, and the links in them (docs/api-contract.md,
//! sections 4.30 and 4.31).

use std::time::Duration;

use parlor::config::{Secret, Settings};
use parlor::domain::{ConversationId, ProjectId, ReplyLink, Timestamp, VisitorId};
use serde_json::{Value, json};

use crate::helpers::{
    MailReceiver, ReceivedEmail, Response, TestServer, Visitor, string, wait_until,
};
use crate::notifications::{change, configure, settings};
use crate::one_node;

pub fn configure_mail(settings: &mut Settings, receiver: &MailReceiver) {
    configure(settings);
    settings.notifications.smtp_url = Some(Secret::from(receiver.url()));
    settings.notifications.email_from = Some("Shop <help@shop.example>".parse().expect("a sender"));
}

fn server_with(receiver: &MailReceiver) -> TestServer {
    TestServer::start_with(|settings| configure_mail(settings, receiver))
}

/// A visitor with an address, and a conversation that an agent has taken over.
pub fn handled_conversation(server: &TestServer) -> (Visitor, String) {
    let visitor = server.create_visitor("ann");
    let conversation = server.start_conversation(&visitor);
    server.set_contact(&visitor, "ann@home.example");
    let path = format!("/v2/conversations/{conversation}/agent");
    let request = server.request("PUT", path);
    let request = request.bearer(&server.project.private_key);
    request.json(json!({ "name": "Mara" })).send().expect(200);
    (visitor, conversation)
}

pub fn reply(server: &TestServer, conversation: &str, text: &str) {
    let request = server.post(format!("/v2/conversations/{conversation}/replies"));
    let request = request.bearer(&server.project.private_key);
    let status = request.json(json!({ "content": text })).send().status;
    assert!((200..300).contains(&status), "{status}");
}

/// The number of e-mails with replies that are to be sent.
pub fn pending_replies(server: &TestServer) -> i64 {
    server.query_value(
        "SELECT count(*) FROM notification \
          WHERE kind = 'reply_email' AND next_attempt_at IS NOT NULL",
    )
}

/// The token of the link in an e-mail with replies.
fn token(email: &ReceivedEmail) -> String {
    let body = email.body();
    let (_, link) = body.split_once("/chat#").expect("a link");
    let end = link.find(|char: char| !(char.is_ascii_alphanumeric() || "-_.".contains(char)));
    link[..end.expect("the end")].to_owned()
}

fn open_link(server: &TestServer, token: &str) -> Response {
    let request = server.post("/v2/identity/link");
    request.json(json!({ "token": token })).send()
}

#[test]
fn waiting_conversation_is_mailed_to_each_address_once() {
    let receiver = MailReceiver::start();
    let server = server_with(&receiver);
    change(
        &server,
        json!({ "emails": ["mara@shop.example", "ben@shop.example"] }),
    );
    let conversation = server.let_wait_new("ann");
    let emails = receiver.wait_for(2);
    let mut recipients: Vec<_> = emails.iter().map(|email| email.to.as_str()).collect();
    recipients.sort_unstable();
    assert_eq!(recipients, ["ben@shop.example", "mara@shop.example"]);
    let email = &emails[0];
    let header = |name| email.header(name).unwrap_or_default();
    assert_eq!(header("From"), "Shop <help@shop.example>");
    assert_eq!(header("To"), email.to);
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert!(header("Message-ID").ends_with("@shop.example>"));
    assert!(header("Subject").contains("a visitor is waiting"));
    let path = format!("/inbox/conversations/{conversation}");
    let body = email.body();
    let mut words = body.split(|char: char| char.is_whitespace() || "\"<>".contains(char));
    let has_link = words.any(|word| server.is_own_url(word, &path));
    assert!(has_link, "{}", email.text);
    wait_until("both are recorded", || {
        let recent = settings(&server)["recent"].clone();
        let recent = recent.as_array().expect("a list").clone();
        recent.iter().all(|one| one["deliveredAt"].is_string())
    });
    assert_eq!(receiver.emails().len(), 2);
}

#[test]
fn temporary_refusal_is_tried_again_and_permanent_is_not() {
    let receiver = MailReceiver::with_replies(|to, number| match (to, number) {
        ("gone@shop.example", _) => "550 No such mailbox",
        (_, 0..=1) => "451 Try again later",
        _ => "250 OK",
    });
    let server = server_with(&receiver);
    change(&server, json!({ "emails": ["mara@shop.example"] }));
    server.let_wait_new("ann");
    receiver.wait_for(1);
    change(&server, json!({ "emails": ["gone@shop.example"] }));
    server.let_wait_new("ben");
    wait_until("the refusal is recorded", || {
        let one = settings(&server)["recent"][0].clone();
        one["recipient"] == "gone@shop.example" && one["error"].is_string()
    });
    let one = settings(&server)["recent"][0].clone();
    assert_eq!(one["nextAttemptAt"], Value::Null);
    assert_eq!(one["attempts"], 1);
    assert!(string(&one["error"]).contains("No such mailbox"), "{one}");
}

#[test]
fn conversation_that_does_not_wait_any_more_is_not_mailed() {
    let receiver = MailReceiver::with_replies(|_, _| "451 Try again later");
    let server = server_with(&receiver);
    change(&server, json!({ "emails": ["mara@shop.example"] }));
    let conversation = server.let_wait_new("ann");
    let request = server.post(format!("/v2/conversations/{conversation}/close"));
    let request = request.bearer(&server.project.private_key);
    request.json(json!({})).send().expect(200);
    wait_until("it is cancelled", || {
        let error = settings(&server)["recent"][0]["error"].clone();
        error
            .as_str()
            .is_some_and(|text| text.contains("did not wait"))
    });
    assert!(receiver.emails().is_empty());
}

#[test]
fn address_gets_at_most_sixty_emails_in_an_hour() {
    let receiver = MailReceiver::start();
    let server = server_with(&receiver);
    change(&server, json!({ "emails": ["mara@shop.example"] }));
    for number in 0..60 {
        server.let_wait_new(&format!("visitor {number}"));
    }
    receiver.wait_for(60);
    wait_until("they are recorded", || {
        server.query_value::<i64>("SELECT count(*) FROM notification WHERE delivered_at > 0") == 60
    });
    server.let_wait_new("ann");
    wait_until("the next one is refused", || {
        newest_error(&server).contains("60 e-mails within an hour")
    });
    assert_eq!(receiver.emails().len(), 60);
}

/// Why the newest notification was not sent.
fn newest_error(server: &TestServer) -> String {
    let error = settings(server)["recent"][0]["error"].clone();
    error.as_str().unwrap_or_default().to_owned()
}

#[test]
fn visitor_causes_at_most_five_emails_in_an_hour() {
    let receiver = MailReceiver::start();
    let server = server_with(&receiver);
    change(&server, json!({ "emails": ["mara@shop.example"] }));
    let ann = server.create_visitor("ann");
    for sent in 1..=5 {
        server.let_wait(&server.start_conversation(&ann));
        receiver.wait_for(sent);
        wait_until("it is recorded", || {
            settings(&server)["recent"][0]["deliveredAt"].is_string()
        });
    }
    server.let_wait(&server.start_conversation(&ann));
    wait_until("the next one is refused", || {
        newest_error(&server).contains("5 e-mails about this visitor")
    });
    server.let_wait_new("ben");
    assert_eq!(receiver.wait_for(6).len(), 6);
}

#[test]
fn emails_with_replies_are_counted_for_the_address_that_receives_them() {
    let receiver = MailReceiver::start();
    let server = TestServer::start_with(|settings| {
        configure_mail(settings, &receiver);
        // The visitor changes the address before the e-mail is due.
        settings.notification_times.reply_delay = Duration::from_secs(3);
    });
    let (visitor, conversation) = handled_conversation(&server);
    // 60 e-mails that the address has received, whatever address the visitor had before.
    let sent = "INSERT INTO notification (id, project_seq, conversation_seq, kind, recipient, \
                                          created_at, attempts, delivered_at) \
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) \
                SELECT randomblob(16), 1, 1, 'reply_email', 'victim@home.example', \
                       unixepoch() * 1000, 1, unixepoch() * 1000 FROM n";
    server.db_connection().execute(sent, ()).expect("rows");
    reply(&server, &conversation, "Hello");
    server.set_contact(&visitor, "victim@home.example");
    wait_until("the e-mail is refused", || {
        newest_error(&server).contains("60 e-mails within an hour")
    });
    assert_eq!(
        settings(&server)["recent"][0]["recipient"],
        "victim@home.example"
    );
    assert!(receiver.emails().is_empty());
}

#[test]
fn mail_server_that_fails_repeatedly_is_a_warning() {
    one_node!("each node warns of its own attempts");
    let receiver = MailReceiver::with_replies(|_, number| {
        if number < 4 {
            "451 Try again later"
        } else {
            "250 OK"
        }
    });
    let server = server_with(&receiver);
    let warnings = || server.get("/ready").send().expect(200)["warnings"].clone();
    assert_eq!(warnings(), json!([]));
    change(&server, json!({ "emails": ["mara@shop.example"] }));
    server.let_wait_new("ann");
    wait_until("there is a warning", || {
        warnings() == json!(["email-failed"])
    });
    receiver.wait_for(1);
    wait_until("the warning ends", || warnings() == json!([]));
}

#[test]
fn visitor_who_has_left_gets_the_replies_in_one_email() {
    let receiver = MailReceiver::start();
    let server = server_with(&receiver);
    let (visitor, conversation) = handled_conversation(&server);
    reply(&server, &conversation, "We found your parcel.");
    reply(&server, &conversation, "<b>It arrives</b> tomorrow.");
    let email = receiver.wait_for(1).remove(0);
    assert_eq!(email.to, "ann@home.example");
    for text in [
        "We found your parcel.",
        "&lt;b&gt;It arrives&lt;/b&gt;",
        "Mara of",
    ] {
        assert!(email.body().contains(text), "{}", email.text);
    }
    let session = open_link(&server, &token(&email)).expect(201);
    assert_eq!(session["conversationId"], *conversation);
    assert_eq!(session["visitor"]["id"], *visitor.id);
    assert_eq!(session["apiKey"], *server.project.publishable_key);
    let list = server.get("/v2/conversations");
    let list = list.bearer(&string(&session["sessionToken"])).send();
    assert_eq!(list.expect(200)["total"], 1);
    wait_until("nothing is pending", || pending_replies(&server) == 0);
    reply(&server, &conversation, "One more thing.");
    let second = receiver.wait_for(2).remove(1);
    assert!(!second.body().contains("We found your parcel."));
    assert!(second.body().contains("One more thing."));
}

#[test]
fn visitor_who_has_read_or_answered_gets_no_email() {
    let receiver = MailReceiver::start();
    let server = TestServer::start_with(|settings| {
        configure_mail(settings, &receiver);
        settings.notification_times.reply_delay = Duration::from_secs(3600);
    });
    let (visitor, conversation) = handled_conversation(&server);
    reply(&server, &conversation, "Hello");
    assert_eq!(pending_replies(&server), 1);
    let read = server.get(format!("/v2/conversations/{conversation}/messages"));
    let by_agent = read.clone().bearer(&server.project.private_key);
    by_agent.send().expect(200);
    assert_eq!(pending_replies(&server), 1, "an agent has read");
    read.bearer(&visitor.token).send().expect(200);
    wait_until("the e-mail is cancelled", || pending_replies(&server) == 0);

    reply(&server, &conversation, "Are you there?");
    assert_eq!(pending_replies(&server), 1);
    let target = format!(
        "/v2/conversations/{conversation}/ws?apiKey={}&token={}",
        server.project.publishable_key, visitor.token
    );
    let socket = crate::helpers::WebSocketClient::try_open(*server, &target, &[]);
    let _socket = socket.expect("a socket");
    wait_until("the e-mail is cancelled", || pending_replies(&server) == 0);
}

#[test]
fn blocked_visitor_and_visitor_without_address_get_no_email() {
    let receiver = MailReceiver::start();
    let server = server_with(&receiver);
    let (_, conversation) = handled_conversation(&server);
    reply(&server, &conversation, "Hello");
    let block = "UPDATE visitor SET blocked_at = 1";
    server.db_connection().execute(block, ()).expect("a change");
    wait_until("the e-mail is cancelled", || pending_replies(&server) == 0);
    let clear = "UPDATE visitor SET blocked_at = NULL, email = NULL";
    server.db_connection().execute(clear, ()).expect("a change");
    reply(&server, &conversation, "Hello again");
    assert_eq!(pending_replies(&server), 0);
    assert!(receiver.emails().is_empty());
}

#[test]
fn reply_is_mailed_after_a_restart_in_between() {
    let receiver = MailReceiver::start();
    let mut server = TestServer::start_with(|settings| {
        configure_mail(settings, &receiver);
        settings.notification_times.reply_delay = Duration::from_millis(800);
    });
    let (_, conversation) = handled_conversation(&server);
    reply(&server, &conversation, "Hello");
    server.restart();
    assert!(receiver.wait_for(1)[0].body().contains("Hello"));
}

#[test]
fn without_mail_server_no_reply_is_enqueued() {
    let server = TestServer::start_with(configure);
    let (_, conversation) = handled_conversation(&server);
    reply(&server, &conversation, "Hello");
    assert_eq!(pending_replies(&server), 0);
}

#[test]
fn link_ends_with_its_time_its_visitor_and_its_conversation() {
    let server = TestServer::start_with(configure);
    let visitor = server.create_visitor("ann");
    let conversation = server.start_conversation(&visitor);
    let valid = server.reply_link_token(&visitor, &conversation);
    open_link(&server, &valid).expect(201);
    open_link(&server, &valid).expect(201);
    let link = |visitor: &str, conversation: &str, project, seconds: i64| {
        let link = ReplyLink {
            project,
            visitor: VisitorId::parse(visitor).expect("an id"),
            conversation: ConversationId::parse(conversation).expect("an id"),
        };
        let now = Timestamp::now();
        let links = server.reply_links();
        links.issue(link, Timestamp(now.0 + seconds * 1000))
    };
    let own = server.project.id;
    let other_visitor = server.create_visitor("ben");
    for (name, token) in [
        ("expired", link(&visitor.id, &conversation, own, -2)),
        (
            "another visitor",
            link(&other_visitor.id, &conversation, own, 60),
        ),
        (
            "another project",
            link(&visitor.id, &conversation, ProjectId::generate(), 60),
        ),
        ("changed", format!("{valid}x")),
        ("a session", visitor.token.clone()),
    ] {
        let response = open_link(&server, &token);
        assert_eq!(response.status, 401, "{name}: {}", response.text());
    }
    let block = "UPDATE visitor SET blocked_at = 1";
    server.db_connection().execute(block, ()).expect("a change");
    open_link(&server, &valid).expect(401);
    let unblock = "UPDATE visitor SET blocked_at = NULL";
    server
        .db_connection()
        .execute(unblock, ())
        .expect("a change");
    open_link(&server, &valid).expect(201);
    let erase = server.request("DELETE", format!("/v2/visitors/{}", visitor.id));
    let erased = erase.bearer(&server.project.private_key).send();
    assert_eq!(erased.status, 204);
    open_link(&server, &valid).expect(401);
}

#[test]
fn link_uses_a_key_that_is_valid_and_whose_text_is_stored() {
    one_node!("without --public-url, the own origin is the address of the node");
    let server = TestServer::start_with(configure);
    let visitor = server.create_visitor("ann");
    let conversation = server.start_conversation(&visitor);
    let token = server.reply_link_token(&visitor, &conversation);
    let key = || string(&open_link(&server, &token).expect(201)["apiKey"]);
    let newer = server.create_publishable_key(&["https://shop.example"]);
    assert_eq!(key(), server.project.publishable_key, "that of the session");
    server.revoke_key(&server.project.publishable_key);
    assert_eq!(key(), newer);
    let request = server.post("/v2/identity/link");
    let request = request.header("Origin", "https://evil.example");
    request.json(json!({ "token": token })).send().expect(403);
    let own = format!("http://{}", server.0);
    let request = server.post("/v2/identity/link").header("Origin", own);
    request.json(json!({ "token": token })).send().expect(201);
    server.revoke_key(&newer);
    open_link(&server, &token).expect(403);
}

#[test]
fn test_email_reaches_all_addresses() {
    let receiver = MailReceiver::start();
    let server = server_with(&receiver);
    assert_eq!(settings(&server)["isEmailConfigured"], true);
    let test = || {
        let request = server.post("/v2/notifications/test");
        let request = request.bearer(&server.project.private_key);
        request.json(json!({ "kind": "email" })).send()
    };
    test().expect(409);
    change(
        &server,
        json!({ "emails": ["a@shop.example", "b@shop.example"] }),
    );
    assert_eq!(
        test().expect(200),
        json!({ "isDelivered": true, "error": null })
    );
    assert_eq!(receiver.wait_for(2).len(), 2);
}
