//! `parlor import --from-api` from a stub of the hosted service, and from hostile servers.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::backup::count;
use crate::helpers::{ParlorProcess, parlor_command, run_successfully, wait_until};
use crate::import_api::{expect_failure, expect_success, import, target};
use crate::stub_api::{
    Handler, OK, StubApi, TOKEN, conversation, export_line, hosted, id, message, messages, ok,
    parameter,
};

#[test]
fn hosted_service_is_read_with_offsets_and_without_additions_of_parlor() {
    let stub = StubApi::start(|target, _| hosted(target, 203));
    let (folder, key) = target();
    let at = folder.path();
    let text = expect_success(&import(at, &stub.url(), TOKEN));
    assert!(
        text.starts_with("imported 203 conversations, 1 messages, 1 visitors"),
        "{text}"
    );
    let requests = stub.requests();
    // The only message is not named in the list, so a second page is read.
    assert_eq!(requests.len(), 1 + 3 + 203 + 1);
    for unknown in ["export", "after", "include", "visitorId"] {
        assert!(
            requests.iter().all(|target| !target.contains(unknown)),
            "{unknown}"
        );
    }
    let copy = ParlorProcess::start(at, &["serve"]);
    let target = format!("/v2/conversations/{}", id(0));
    let stored = copy.client.get(target).bearer(&key).send().expect(200);
    let message = &stored["messages"][0];
    assert_eq!(message["parts"], messages()["data"][0]["parts"]);
    assert_eq!(message["status"], "complete");
    assert_eq!(
        (&message["metadata"], &message["pageUrl"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(stored["lastInterationAt"], "2025-03-04T09:20:01.004Z");
    // What is stored is not read again, except where the list does not say so.
    let again = expect_success(&import(at, &stub.url(), TOKEN));
    assert!(
        again.starts_with("imported 0 conversations, 0 messages, 0 visitors"),
        "{again}"
    );
}

#[test]
fn overloaded_server_is_asked_again_after_the_time_that_it_names() {
    let stub = StubApi::start(|target, earlier| match earlier {
        1 => (
            "429 Too Many Requests",
            "Retry-After: 1\r\n".to_owned(),
            "{}".to_owned(),
        ),
        3 => (
            "503 Service Unavailable",
            "Retry-After: 0\r\n".to_owned(),
            "{}".to_owned(),
        ),
        _ => hosted(target, 2),
    });
    let (folder, _) = target();
    let start = Instant::now();
    let text = expect_success(&import(folder.path(), &stub.url(), TOKEN));
    assert!(text.starts_with("imported 2 conversations"), "{text}");
    assert!(start.elapsed() >= Duration::from_secs(1));
    let stub = StubApi::start(|_, _| {
        (
            "429 Too Many Requests",
            "Retry-After: 86400\r\n".to_owned(),
            "{}".to_owned(),
        )
    });
    let errors = expect_failure(&import(folder.path(), &stub.url(), TOKEN));
    assert!(
        errors.contains("demands a wait of 86400 seconds"),
        "{errors}"
    );
}

#[test]
fn import_that_broke_off_continues() {
    let stub = StubApi::start(|target, earlier| {
        if earlier == 60 {
            return ("500 Internal Server Error", String::new(), "{}".to_owned());
        }
        hosted(target, 100)
    });
    let (folder, _) = target();
    let at = folder.path();
    let errors = expect_failure(&import(at, &stub.url(), TOKEN));
    assert!(errors.contains("status 500"), "{errors}");
    let first = count(&at.join("parlor.db"), "conversation");
    assert!((50..100).contains(&first), "{first}");
    expect_success(&import(at, &stub.url(), TOKEN));
    assert_eq!(count(&at.join("parlor.db"), "conversation"), 100);
    run_successfully(at, &["check"]);
}

#[test]
fn lists_without_total_and_with_short_pages_are_read_to_their_end() {
    let stub = StubApi::start(|target, _| {
        if target.contains("/messages") {
            let offset = parameter(target, "offset");
            let page: Vec<_> = (offset..5.min(offset + 2)).map(message).collect();
            return ok(&json!({"object": "list", "data": page}));
        }
        let (status, headers, body) = hosted(target, 1);
        (status, headers, body.replace("total", "unknown"))
    });
    let (folder, _) = target();
    let text = expect_success(&import(folder.path(), &stub.url(), TOKEN));
    assert!(
        text.starts_with("imported 1 conversations, 5 messages"),
        "{text}"
    );
    let stub = StubApi::start(|target, _| {
        let (status, headers, body) = hosted(target, 203);
        (status, headers, body.replace("total", "unknown"))
    });
    let (folder, _) = target();
    let text = expect_success(&import(folder.path(), &stub.url(), TOKEN));
    assert!(text.starts_with("imported 203 conversations"), "{text}");
}

/// Returns the body of the response to a request.
type Body = fn(&str) -> String;

#[test]
fn incomplete_answers_are_reported_and_the_import_fails() {
    let (folder, _) = target();
    let at = folder.path();
    // A list that ends early, and an export with fewer conversations than the list.
    let list = |target: &str| {
        if target.contains("offset=0") || !target.contains("limit=100") {
            hosted(target, 2).2.replace("\"total\":2", "\"total\":3")
        } else {
            json!({"total": 3, "data": []}).to_string()
        }
    };
    let export = |target: &str| {
        if target.contains("export") {
            export_line(0, "Hi", &[])
        } else {
            json!({"total": 2, "data": []}).to_string()
        }
    };
    let cut = |target: &str| {
        if target.contains("export") {
            export_line(0, "Hi", &[]).trim_end().to_owned()
        } else {
            json!({"total": 1, "data": []}).to_string()
        }
    };
    let cases: [(&str, Body, &str); 4] = [
        (TOKEN, list, "counts 3 conversations, but lists 2"),
        ("sk_x", export, "has 2 conversations, but sent 1"),
        ("sk_x", cut, "last line of the response has no end"),
        (
            "sk_x",
            |_| json!({"data": []}).to_string(),
            "the list has no total",
        ),
    ];
    for (credential, body, reason) in cases {
        let stub = StubApi::start(move |target, _| (OK, String::new(), body(target)));
        let errors = expect_failure(&import(at, &stub.url(), credential));
        assert!(errors.contains(reason), "{reason}: {errors}");
    }
    // The last message of the list is not among the messages.
    let stub = StubApi::start(|target, _| {
        let (status, headers, body) = hosted(target, 2);
        let last = json!({"id": id(77)}).to_string();
        let body = body.replace("\"lastMessage\":null", &format!("\"lastMessage\":{last}"));
        (status, headers, body)
    });
    let (folder, _) = target();
    let errors = expect_failure(&import(folder.path(), &stub.url(), TOKEN));
    assert!(
        errors.contains("did not return its last message"),
        "{errors}"
    );
    assert_eq!(count(&folder.path().join("parlor.db"), "conversation"), 2);
}

#[test]
fn messages_of_a_conversation_with_a_long_line_are_read_in_pages() {
    let title = "a \"messages\":[ in a title";
    let long = message(7).to_string().len();
    let lines = [
        export_line(0, title, &vec![message(7); (65 << 20) / long]),
        export_line(1, "Hi", &[message(8)]),
    ];
    let lines = lines.concat();
    let stub = StubApi::start(move |target, _| {
        if target.contains("/messages") {
            // Pages of more than one message are too large.
            let (limit, offset) = (parameter(target, "limit"), parameter(target, "offset"));
            if limit > 1 {
                return (OK, String::new(), " ".repeat(65 << 20));
            }
            let page: Vec<_> = (offset..3.min(offset + limit)).map(message).collect();
            return ok(&json!({"object": "list", "data": page}));
        }
        if target.contains("export") {
            (OK, String::new(), lines.clone())
        } else {
            ok(&json!({"total": 2, "data": []}))
        }
    });
    let (folder, key) = target();
    let at = folder.path();
    let text = expect_success(&import(at, &stub.url(), "sk_x"));
    assert!(
        text.starts_with("imported 2 conversations, 4 messages, 1 visitors"),
        "{text}"
    );
    let copy = ParlorProcess::start(at, &["serve"]);
    let stored = copy.client.get(format!("/v2/conversations/{}", id(0)));
    assert_eq!(stored.bearer(&key).send().expect(200)["title"], title);
}

#[test]
fn interrupted_import_ends_at_once_while_the_server_does_not_respond() {
    let stub = StubApi::start(|_, _| {
        loop {
            thread::park();
        }
    });
    let (folder, _) = target();
    let mut command = parlor_command(folder.path());
    command.args(["import", "--from-api", &stub.url()]);
    command.env("PARLOR_IMPORT_KEY", TOKEN);
    let mut child = command.spawn().expect("a process");
    wait_until("the request is sent", || !stub.requests().is_empty());
    let start = Instant::now();
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status();
    assert!(sent.expect("kill").success());
    let status = child.wait().expect("an exit");
    assert_eq!(status.code(), Some(1));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn hostile_server_is_left_with_a_reason() {
    let page = |numbers: std::ops::Range<usize>| {
        let page: Vec<_> = numbers.map(conversation).collect();
        ok(&json!({"object": "list", "total": 1_000_000_000_u64, "data": page}))
    };
    let is_list = |target: &str| target.starts_with("/v2/conversations?");
    let redirect = |location: &str| {
        (
            "302 Found",
            format!("Location: {location}\r\n"),
            String::new(),
        )
    };
    let attacks: Vec<(&str, Box<Handler>)> = vec![
        // The same page for ever.
        (
            "the list does not end",
            Box::new(move |target, _| {
                if is_list(target) {
                    page(0..100)
                } else {
                    hosted(target, 1)
                }
            }),
        ),
        // Messages that never end.
        (
            "do not end",
            Box::new(|target, _| {
                if !target.contains("/messages") {
                    return hosted(target, 1);
                }
                // The metadata is no object, so it is not stored.
                let metadata = "x".repeat(5 << 20);
                let offset = parameter(target, "offset");
                let page = (offset..offset + 10).map(|number| {
                    let mut message = message(number);
                    message["metadata"] = json!(metadata);
                    message
                });
                ok(&json!({"object": "list", "data": page.collect::<Vec<_>>()}))
            }),
        ),
        (
            "redirects to another address",
            Box::new(move |_, _| redirect("http://127.0.0.1:1/v2")),
        ),
        (
            "redirects to another address",
            Box::new(move |target, _| redirect(target)),
        ),
        (
            "is not what the API returns",
            Box::new(|_, _| (OK, String::new(), "<html>".to_owned())),
        ),
        (
            "is not what the API returns",
            Box::new(|_, _| ok(&json!({"id": 7}))),
        ),
        (
            "data[0].createdAt",
            Box::new(move |target, _| {
                if !is_list(target) {
                    return hosted(target, 1);
                }
                let mut one = conversation(0);
                one["createdAt"] = json!("12025-01-01");
                ok(&json!({"total": 1, "data": [one]}))
            }),
        ),
        (
            "has more than 64 MB",
            Box::new(|_, _| (OK, String::new(), "x".repeat(65 << 20))),
        ),
        (
            "is not what the API returns",
            Box::new(|_, _| {
                (
                    OK,
                    String::new(),
                    format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20)),
                )
            }),
        ),
        (
            "is overloaded",
            Box::new(|_, _| {
                (
                    "503 Service Unavailable",
                    "Retry-After: 0\r\n".to_owned(),
                    String::new(),
                )
            }),
        ),
    ];
    for (reason, attack) in attacks {
        let stub = StubApi::start(attack);
        let (folder, _) = target();
        let at = folder.path();
        let errors = expect_failure(&import(at, &stub.url(), TOKEN));
        assert!(errors.contains(reason), "{reason}: {errors}");
        assert!(errors.len() < 600, "{errors}");
        assert!(stub.requests().len() < 210, "{reason}");
        run_successfully(at, &["check"]);
    }
}

#[test]
fn credential_is_not_sent_to_another_server_and_not_shown() {
    let other = StubApi::start(|target, _| hosted(target, 1));
    let elsewhere = other.url();
    let stub = StubApi::start(move |target, _| {
        (
            "307 Temporary Redirect",
            format!("Location: {elsewhere}{target}\r\n"),
            String::new(),
        )
    });
    let (folder, _) = target();
    let errors = expect_failure(&import(folder.path(), &stub.url(), TOKEN));
    assert!(!errors.contains(TOKEN), "{errors}");
    assert_eq!(other.requests(), Vec::<String>::new());
}
