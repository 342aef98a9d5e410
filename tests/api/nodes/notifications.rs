//! Notifications of several nodes.

use std::time::Duration;

use serde_json::json;

use super::Nodes;
use crate::helpers::{MailReceiver, WebSocketClient, WebhookReceiver, response, wait_until};
use crate::notification_emails::{configure_mail, handled_conversation, pending_replies, reply};
use crate::notifications::{change, configure, settings};

/// Two nodes that look at the queue when they start and not again.
fn start(receiver: &MailReceiver) -> Option<Nodes> {
    Nodes::start_with(|settings| {
        configure_mail(settings, receiver);
        settings.notification_times.reply_delay = Duration::from_secs(3600);
        settings.notification_times.poll_interval = Duration::from_secs(3600);
    })
}

#[test]
fn reply_that_the_visitor_reads_on_another_node_is_not_mailed() {
    let receiver = MailReceiver::start();
    let Some(nodes) = start(&receiver) else {
        return;
    };
    let (visitor, conversation) = handled_conversation(&nodes.a);
    let path = format!("/v2/conversations/{conversation}");
    for (node, other) in nodes.pairs() {
        for target in [path.clone(), format!("{path}/messages")] {
            reply(node, &conversation, "Hello");
            assert_eq!(pending_replies(node), 1);
            other.get(target).bearer(&visitor.token).send().expect(200);
            wait_until("the e-mail is cancelled", || pending_replies(node) == 0);
        }
    }
}

#[test]
fn reply_that_the_visitor_receives_from_another_node_is_not_mailed() {
    let receiver = MailReceiver::start();
    let Some(nodes) = start(&receiver) else {
        return;
    };
    let (visitor, conversation) = handled_conversation(&nodes.a);
    let key = &nodes.a.project.publishable_key;
    let path = format!("/v2/conversations/{conversation}/ws?apiKey={key}");
    let target = format!("{path}&token={}", visitor.token);
    for (node, other) in nodes.pairs() {
        reply(node, &conversation, "Hello");
        assert_eq!(pending_replies(node), 1);
        let _socket = WebSocketClient::open(**other, &target);
        wait_until("the e-mail is cancelled", || pending_replies(node) == 0);
    }
}

/// The receiver takes longer than the wait before the first retry.
#[test]
fn notification_that_takes_long_is_sent_by_one_node() {
    let receiver = WebhookReceiver::start(|_| {
        // The condition of the test is the time.
        std::thread::sleep(Duration::from_millis(400));
        response(204, "")
    });
    let Some(nodes) = Nodes::start_with(configure) else {
        return;
    };
    change(&nodes.a, json!({ "webhookUrl": receiver.url() }));
    nodes.a.let_wait_new("ann");
    wait_until("the delivery is recorded", || {
        settings(&nodes.b)["recent"][0]["deliveredAt"].is_string()
    });
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(settings(&nodes.b)["recent"][0]["attempts"], 1);
}
