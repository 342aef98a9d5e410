//! Webhooks of waiting conversations and the notification settings
//! (docs/api-contract.md, section 4.30).

use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use parlor::config::{NotificationTimes, Settings};
use parlor::domain::AgentRole;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::helpers::{TestServer, WebhookReceiver, WebhookRequest, response, string, wait_until};
use crate::one_node;

/// Allows webhooks to this machine, and retries soon.
pub fn configure(settings: &mut Settings) {
    settings.notifications.webhook_private_network = true;
    settings.notification_times = NotificationTimes {
        poll_interval: Duration::from_millis(10),
        reply_delay: Duration::from_millis(200),
        first_retry: Duration::from_millis(20),
        webhook_timeout: Duration::from_millis(500),
        max_attempt: Duration::from_secs(5),
    };
}

/// Changes the settings of the first project.
#[track_caller]
pub fn change(server: &TestServer, body: Value) -> Value {
    let request = server.request("PATCH", "/v2/notifications".to_owned());
    let request = request.bearer(&server.project.private_key);
    request.json(body).send().expect(200)
}

pub fn settings(server: &TestServer) -> Value {
    let request = server.get("/v2/notifications");
    let request = request.bearer(&server.project.private_key);
    request.send().expect(200)
}

/// A server whose project has the webhook.
fn server_with(receiver: &WebhookReceiver) -> TestServer {
    let server = TestServer::start_with(configure);
    change(&server, json!({ "webhookUrl": receiver.url() }));
    server
}

/// Verifies a request as a receiver does, with code that is independent of the server.
fn assert_signed(request: &WebhookRequest, secret: &str) {
    let key = secret.strip_prefix("whsec_").expect("the prefix");
    let key = BASE64_STANDARD.decode(key).expect("base64");
    let (id, timestamp) = (
        request.header("webhook-id"),
        request.header("webhook-timestamp"),
    );
    let mut hasher = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    hasher.update(format!("{id}.{timestamp}.{}", request.body).as_bytes());
    let signature = BASE64_STANDARD.encode(hasher.finalize().into_bytes());
    assert_eq!(
        request.header("webhook-signature"),
        format!("v1,{signature}")
    );
    let now = parlor::domain::Timestamp::now().seconds();
    let age = now - timestamp.parse::<i64>().expect("a number");
    assert!((0..60).contains(&age), "{age}");
}

#[test]
fn waiting_conversation_is_sent_to_the_webhook_with_a_signature() {
    let receiver = WebhookReceiver::with_status(|_| 204);
    let server = server_with(&receiver);
    let visitor = server.create_visitor("ann");
    let conversation = server.start_conversation(&visitor);
    server.set_contact(&visitor, "ann@home.example");
    server.let_wait(&conversation);
    let request = receiver.wait_for(1).remove(0);
    let secret = string(&settings(&server)["webhookSecret"]);
    assert_signed(&request, &secret);
    assert_eq!(request.header("content-type"), "application/json");
    let body = request.json();
    assert_eq!(body["type"], "conversation.waiting");
    let data = &body["data"];
    assert_eq!(data["conversation"]["id"], *conversation);
    assert_eq!(data["conversation"]["waitingSince"], body["timestamp"]);
    assert_eq!(data["visitor"]["id"], *visitor.id);
    assert_eq!(data["visitor"]["email"], "ann@home.example");
    assert_eq!(data["lastMessage"], Value::Null);
    let path = format!("/inbox/conversations/{conversation}");
    assert!(
        server.is_own_url(&string(&data["inboxUrl"]), &path),
        "{body}"
    );
    wait_until("the delivery is recorded", || {
        settings(&server)["recent"][0]["deliveredAt"].is_string()
    });
    let recent = settings(&server)["recent"].clone();
    assert_eq!(recent.as_array().expect("a list").len(), 1);
    assert_eq!(recent[0]["id"], *request.header("webhook-id"));
    assert_eq!(recent[0]["nextAttemptAt"], Value::Null);
}

#[test]
fn failed_requests_are_repeated_with_the_same_id() {
    let receiver = WebhookReceiver::with_status(|number| [500, 404, 200][number.min(2)]);
    let server = server_with(&receiver);
    server.let_wait_new("ann");
    let requests = receiver.wait_for(3);
    let ids: Vec<_> = requests
        .iter()
        .map(|request| request.header("webhook-id"))
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    wait_until("the delivery is recorded", || {
        settings(&server)["recent"][0]["deliveredAt"].is_string()
    });
    let recent = &settings(&server)["recent"][0];
    assert_eq!(recent["attempts"], 3);
    assert_eq!(recent["error"], Value::Null);
}

#[test]
fn notification_survives_a_restart_of_the_server() {
    let receiver = WebhookReceiver::with_status(|number| if number == 0 { 500 } else { 200 });
    let mut server = TestServer::start_with(|settings| {
        configure(settings);
        settings.notification_times.first_retry = Duration::from_secs(1);
    });
    change(&server, json!({ "webhookUrl": receiver.url() }));
    server.let_wait_new("ann");
    let first = receiver.wait_for(1).remove(0);
    server.restart();
    let second = receiver.wait_for(2).remove(1);
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
}

#[test]
fn request_that_a_crash_interrupted_is_sent_again() {
    let receiver = WebhookReceiver::start(|number| {
        if number == 0 {
            // The process ends before it has the response.
            std::thread::sleep(Duration::from_millis(400));
        }
        response(200, "")
    });
    let mut server = server_with(&receiver);
    server.let_wait_new("ann");
    let first = receiver.wait_for(1).remove(0);
    // The task is aborted, as when the process is killed.
    server.restart();
    let second = receiver.wait_for(2).remove(1);
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
}

#[test]
fn gone_removes_the_webhook() {
    let receiver = WebhookReceiver::with_status(|_| 410);
    let server = server_with(&receiver);
    server.let_wait_new("ann");
    wait_until("the webhook is removed", || {
        settings(&server)["webhookUrl"].is_null()
    });
    let settings = settings(&server);
    assert_eq!(settings["webhookSecret"], Value::Null);
    assert_eq!(settings["recent"][0]["nextAttemptAt"], Value::Null);
    server.let_wait_new("ben");
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn retry_after_postpones_the_next_attempt() {
    let receiver = WebhookReceiver::start(|_| response(429, "Retry-After: 3600\r\n"));
    let server = server_with(&receiver);
    server.let_wait_new("ann");
    wait_until("the failure is recorded", || {
        settings(&server)["recent"][0]["error"].is_string()
    });
    let wait: i64 = server.query_value("SELECT next_attempt_at - created_at FROM notification");
    assert!((3_500_000..3_700_000).contains(&wait), "{wait}");
}

#[test]
fn redirect_is_a_failure_and_is_not_followed() {
    let target = WebhookReceiver::with_status(|_| 200);
    let location = format!("Location: {}\r\n", target.url());
    let receiver = WebhookReceiver::start(move |_| response(307, &location));
    let server = server_with(&receiver);
    server.let_wait_new("ann");
    receiver.wait_for(2);
    assert!(target.requests().is_empty());
    let error = string(&settings(&server)["recent"][0]["error"]);
    assert!(error.contains("redirects are not followed"), "{error}");
}

#[test]
fn large_response_and_silent_receiver_delay_no_other_webhook() {
    // The body has 1 GB according to its head, and ends after 1 MB.
    let large = WebhookReceiver::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
        format!("{head}{}", "x".repeat(1 << 20))
    });
    let server = server_with(&large);
    server.let_wait_new("ann");
    wait_until("the head suffices", || {
        settings(&server)["recent"][0]["deliveredAt"].is_string()
    });

    let silent = WebhookReceiver::start(|_| {
        std::thread::sleep(Duration::from_secs(60));
        String::new()
    });
    change(&server, json!({ "webhookUrl": silent.url() }));
    for number in 0..8 {
        server.let_wait_new(&format!("visitor {number}"));
    }
    silent.wait_for(4);
    let other = WebhookReceiver::with_status(|_| 200);
    let project = server.create_project();
    let request = server.request("PATCH", "/v2/notifications".to_owned());
    let request = request.bearer(&project.private_key);
    request
        .json(json!({ "webhookUrl": other.url() }))
        .send()
        .expect(200);
    let start = Instant::now();
    let visitor = server.create_visitor_in(&project, "eva");
    server.let_wait(&server.start_conversation(&visitor));
    other.wait_for(1);
    assert!(start.elapsed() < Duration::from_secs(5));
    wait_until("the silent receiver times out", || {
        let recent = settings(&server)["recent"].clone();
        recent.as_array().expect("a list").iter().any(|one| {
            let error = one["error"].as_str().unwrap_or_default();
            error.contains("has not responded within 0.5 seconds")
        })
    });
}

#[test]
fn private_addresses_are_refused_unless_they_are_allowed() {
    let receiver = WebhookReceiver::with_status(|_| 200);
    let server = TestServer::start_with(|settings| {
        configure(settings);
        settings.notifications.webhook_private_network = false;
    });
    for url in [
        receiver.url().as_str(),
        "http://localhost:9/",
        "http://[::1]/",
        "https://169.254.169.254/latest/meta-data",
    ] {
        let request = server.request("PATCH", "/v2/notifications".to_owned());
        let request = request.bearer(&server.project.private_key);
        let refused = request.json(json!({ "webhookUrl": url })).send();
        let error = refused.expect(422);
        let reason = string(&error["error"]["details"]["reason"]);
        assert!(reason.contains("--webhook-private-network"), "{reason}");
    }
    // A name that leads there by now, and a URL that another version stored.
    for url in [receiver.url(), "http://localhost.localdomain:9/".to_owned()] {
        let connection = server.db_connection();
        let sql = "UPDATE project SET webhook_url = ?, webhook_secret = zeroblob(32)";
        connection.execute(sql, [&url]).expect("a change");
        server.let_wait_new(&url);
        wait_until("the attempt fails", || {
            settings(&server)["recent"][0]["error"].is_string()
        });
    }
    assert!(receiver.requests().is_empty());
}

#[test]
fn new_url_gets_the_notifications_that_are_to_be_sent() {
    let broken = WebhookReceiver::with_status(|_| 500);
    let server = TestServer::start_with(|settings| {
        configure(settings);
        settings.notification_times.first_retry = Duration::from_secs(3600);
    });
    change(&server, json!({ "webhookUrl": broken.url() }));
    server.let_wait_new("ann");
    wait_until("the failure is recorded", || {
        settings(&server)["recent"][0]["error"].is_string()
    });
    let receiver = WebhookReceiver::with_status(|_| 200);
    let secret = settings(&server)["webhookSecret"].clone();
    let changed = change(&server, json!({ "webhookUrl": receiver.url() }));
    assert_eq!(changed["webhookSecret"], secret);
    let request = receiver.wait_for(1).remove(0);
    assert_signed(&request, &string(&secret));
}

#[test]
fn removed_webhook_gets_no_more_requests() {
    let receiver = WebhookReceiver::with_status(|_| 500);
    let server = server_with(&receiver);
    server.let_wait_new("ann");
    receiver.wait_for(1);
    let changed = change(&server, json!({ "webhookUrl": null }));
    assert_eq!(changed["webhookUrl"], Value::Null);
    assert_eq!(changed["webhookSecret"], Value::Null);
    wait_until("no attempt is left", || {
        server.query_value::<i64>(
            "SELECT count(*) FROM notification WHERE next_attempt_at IS NOT NULL",
        ) == 0
    });
}

#[test]
fn settings_are_validated_and_keep_what_is_left_out() {
    let server = TestServer::start_with(configure);
    let empty = settings(&server);
    assert_eq!(
        empty,
        json!({
            "object": "notification_settings", "webhookUrl": null, "webhookSecret": null,
            "emails": [], "isEmailConfigured": false, "recent": [],
        })
    );
    change(
        &server,
        json!({ "webhookUrl": "https://shop.example/hook" }),
    );
    let changed = change(
        &server,
        json!({ "emails": ["Mara@Shop.Example", "b@shop.example"] }),
    );
    assert_eq!(
        changed["emails"],
        json!(["Mara@shop.example", "b@shop.example"])
    );
    assert_eq!(changed["webhookUrl"], "https://shop.example/hook");
    let rotated = change(&server, json!({ "rotateWebhookSecret": true }));
    assert_ne!(rotated["webhookSecret"], changed["webhookSecret"]);
    assert!(string(&rotated["webhookSecret"]).starts_with("whsec_"));
    let many: Vec<_> = (0..11).map(|n| format!("a{n}@shop.example")).collect();
    for body in [
        json!({ "webhookUrl": "ftp://shop.example" }),
        json!({ "webhookUrl": "shop" }),
        json!({ "emails": ["shop"] }),
        json!({ "emails": ["a@shop.example\r\nBcc: b@shop.example"] }),
        json!({ "emails": many }),
    ] {
        let request = server.request("PATCH", "/v2/notifications".to_owned());
        let request = request.bearer(&server.project.private_key);
        request.json(body).send().expect(422);
    }
    assert_eq!(settings(&server), rotated);
}

#[test]
fn only_owners_see_the_settings() {
    let server = TestServer::start_with(configure);
    let get = || server.get("/v2/notifications");
    let owner = server.create_agent("Mara", AgentRole::Owner);
    let agent = server.create_agent("Ben", AgentRole::Agent);
    get().agent(&owner).send().expect(200);
    get().agent(&agent).send().expect(403);
    get()
        .bearer(&server.create_visitor("ann").token)
        .send()
        .expect(403);
}

#[test]
fn test_of_a_webhook_returns_its_result() {
    let receiver = WebhookReceiver::with_status(|number| if number == 0 { 200 } else { 503 });
    let server = server_with(&receiver);
    let test = || {
        let request = server.post("/v2/notifications/test");
        let request = request.bearer(&server.project.private_key);
        request.json(json!({ "kind": "webhook" })).send()
    };
    assert_eq!(
        test().expect(200),
        json!({ "isDelivered": true, "error": null })
    );
    let request = receiver.wait_for(1).remove(0);
    assert_signed(&request, &string(&settings(&server)["webhookSecret"]));
    assert_eq!(request.json()["type"], "notification.test");
    let failed = test().expect(200);
    assert_eq!(failed["isDelivered"], false);
    assert!(string(&failed["error"]).contains("503"));
    let recent = settings(&server)["recent"].clone();
    assert_eq!(recent.as_array().expect("a list").len(), 2);
    change(&server, json!({ "webhookUrl": null }));
    test().expect(409);
}

#[test]
fn finished_notifications_are_deleted_after_seven_days() {
    let receiver = WebhookReceiver::with_status(|_| 200);
    let server = TestServer::start_with(|settings| {
        configure(settings);
        settings.housekeeping.interval = Duration::from_millis(20);
        settings.housekeeping.steady_clock = Duration::ZERO;
    });
    change(&server, json!({ "webhookUrl": receiver.url() }));
    let count = || server.query_value::<i64>("SELECT count(*) FROM notification");
    server.let_wait_new("ann");
    wait_until("it is delivered", || {
        settings(&server)["recent"][0]["deliveredAt"].is_string()
    });
    server.let_wait_new("ben");
    receiver.wait_for(2);
    let eight_days = 8 * 24 * 60 * 60 * 1000;
    let sql = "UPDATE notification SET created_at = created_at - ? WHERE seq = 1";
    let changed = server.db_connection().execute(sql, [eight_days]);
    changed.expect("a change");
    wait_until("the old one is deleted", || count() == 1);
}

#[test]
fn deleted_conversation_sends_nothing() {
    let receiver = WebhookReceiver::with_status(|_| 500);
    let server = server_with(&receiver);
    let conversation = server.let_wait_new("ann");
    receiver.wait_for(1);
    let request = server.request("DELETE", format!("/v2/conversations/{conversation}"));
    let deleted = request.bearer(&server.project.private_key).send();
    assert_eq!(deleted.status, 204);
    wait_until("its notifications are deleted", || {
        server.query_value::<i64>("SELECT count(*) FROM notification") == 0
    });
}

#[test]
fn metrics_count_attempts_and_pending_notifications() {
    one_node!("the metrics are those of one process");
    let receiver = WebhookReceiver::with_status(|number| if number == 0 { 500 } else { 200 });
    let server = server_with(&receiver);
    server.let_wait_new("ann");
    receiver.wait_for(2);
    wait_until("both attempts are counted", || {
        let metrics = server.get("/metrics").send();
        let text = metrics.text();
        [
            "parlor_notification_attempts_total{kind=\"webhook\",result=\"failed\"} 1",
            "parlor_notification_attempts_total{kind=\"webhook\",result=\"delivered\"} 1",
            "parlor_notifications_pending 0",
        ]
        .iter()
        .all(|line| text.contains(line))
    });
}
