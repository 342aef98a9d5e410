//! E-mails with replies, if the visitor uses another node than the agent.

use std::time::Duration;

use super::Nodes;
use crate::helpers::{MailReceiver, WebSocketClient, wait_until};
use crate::notification_emails::{configure_mail, handled_conversation, pending_replies, reply};

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
