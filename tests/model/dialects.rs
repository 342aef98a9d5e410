//! Tests of servers that reject parts of a request with status 400, in words that say
//! nothing (`cases/README.md` lists them).

use parlor::answer::ChatRole::{Assistant, User};
use parlor::answer::model::ModelProvider;
use serde_json::Value;

use crate::helpers::{
    CollectedAnswer, answer_stream, ask_server, block_on, collect, message, model, request,
};
use crate::stub_server::{ReceivedRequest, Script, StubServer, answer_script, response};

fn rejection() -> Script {
    response("400 Bad Request", "", r#"{"error":{"message":"No."}}"#)
}

/// A server that rejects some requests.
fn server_that_rejects(is_rejected: impl Fn(&Value) -> bool + Send + Sync + 'static) -> StubServer {
    StubServer::responding(move |request: &ReceivedRequest| {
        if is_rejected(&request.body) {
            return rejection();
        }
        match request.body["stream"].as_bool() {
            Some(true) => answer_script(&["Hi"]),
            _ => response(
                "200 OK",
                "",
                r#"{"choices":[{"message":{"content":"Hi"}}]}"#,
            ),
        }
    })
}

fn messages(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = body["messages"].as_array().expect("messages");
    messages
        .iter()
        .map(|one| (text(&one["role"]), text(&one["content"])))
        .collect()
}

fn ask(
    model: &ModelProvider,
    earlier: &[(parlor::answer::ChatRole, &str)],
    text: &str,
) -> CollectedAnswer {
    let mut request = request(text);
    let earlier = earlier.iter().map(|(role, text)| message(*role, text));
    request.messages.splice(0..0, earlier);
    block_on(async { collect(answer_stream(model, request).await).await })
}

#[test]
fn rejected_parameters_are_found_once_and_remembered() {
    type Rejection = fn(&Value) -> bool;
    let servers: [Rejection; 5] = [
        |body| messages(body)[0].0 == "system",
        |body| body["stream"] == true,
        |body| !body["temperature"].is_null(),
        |body| !body["max_tokens"].is_null() || !body["max_completion_tokens"].is_null(),
        |body| !body["stream_options"].is_null() || messages(body)[0].0 == "system",
    ];
    for (index, is_rejected) in servers.into_iter().enumerate() {
        let server = server_that_rejects(is_rejected);
        let model = model(
            &server,
            &["--model-temperature", "0.2", "--model-max-tokens", "99"],
        );
        assert_eq!(ask(&model, &[], "?").text, "Hi", "{index}");
        assert!(server.take_request_count() <= 14, "{index}");
        assert_eq!(ask(&model, &[], "?").text, "Hi", "{index}");
        assert_eq!(server.take_request_count(), 1, "{index}");
    }
}

#[test]
fn system_message_without_its_role_is_part_of_the_first_message() {
    let server = server_that_rejects(|body| messages(body)[0].0 == "system");
    let model = model(&server, &[]);
    ask(&model, &[(Assistant, "Welcome!")], "Hello?");
    server.take_request_count();
    ask(&model, &[(Assistant, "Welcome!")], "Hello?");
    let sent = messages(&server.next_request().body);
    assert_eq!(sent.len(), 3);
    assert!(
        sent[0].0 == "user" && sent[0].1.contains("You are Tern"),
        "{sent:?}"
    );
}

#[test]
fn refused_message_is_left_out_of_later_requests() {
    let server = server_that_rejects(|body| body.to_string().contains("forbidden"));
    let model = model(&server, &[]);
    ask(&model, &[], "forbidden").failure();
    server.take_request_count();
    let history = [(User, "A"), (Assistant, "B"), (User, "forbidden")];
    assert_eq!(ask(&model, &history, "C").text, "Hi");
    assert_eq!(messages(&server.next_request().body).len(), 4);
    assert_eq!(server.take_request_count(), 0);
}

#[test]
fn refused_message_of_before_the_start_is_found() {
    let server = server_that_rejects(|body| body.to_string().contains("forbidden"));
    let model = model(&server, &[]);
    let history = [(User, "A"), (Assistant, "B"), (User, "forbidden")];
    assert_eq!(ask(&model, &history, "C").text, "Hi");
    server.take_request_count();
    assert_eq!(ask(&model, &history, "D").text, "Hi");
    let sent = messages(&server.next_request().body);
    assert!(sent.iter().any(|(_, text)| text == "B") && sent.iter().any(|(_, text)| text == "D"));
    assert_eq!(server.take_request_count(), 0);
}

#[test]
fn history_is_cut_to_what_the_model_takes() {
    let length = |body: &Value| {
        messages(body)
            .iter()
            .map(|(_, text)| text.len())
            .sum::<usize>()
    };
    let server = server_that_rejects(move |body| length(body) > 6000);
    let model = model(&server, &[]);
    let long = "x".repeat(4000);
    let history = [(User, long.as_str()), (Assistant, long.as_str())];
    for _ in 0..2 {
        assert_eq!(ask(&model, &history, "hi").text, "Hi");
    }
    assert_eq!(ask(&model, &[], &"y".repeat(7000)).text, "Hi");
}

#[test]
fn error_in_a_stream_for_a_long_prompt_is_answered_with_a_shorter_prompt() {
    let error = r#"{"error":{"message":"The prompt exceeds the context length."}}"#;
    let server = StubServer::responding(move |request: &ReceivedRequest| {
        if request.body["messages"].to_string().len() > 6000 {
            let event = format!("event: error\ndata: {error}\n\n");
            return response("200 OK", "Content-Type: text/event-stream\r\n", &event);
        }
        answer_script(&["Hi"])
    });
    let model = model(&server, &[]);
    let long = "x".repeat(4000);
    let history = [(User, long.as_str()), (Assistant, long.as_str())];
    assert_eq!(ask(&model, &history, "hi").text, "Hi");
    assert_eq!(ask(&model, &history, &"y".repeat(7000)).text, "Hi");
    assert_eq!(ask(&model, &[], &"y".repeat(7000)).text, "Hi");
}

#[test]
fn error_in_a_stream_for_a_refused_message_is_answered_without_the_message() {
    let error = r#"{"error":{"message":"No.","code":"content_filter"}}"#;
    let server = StubServer::responding(move |request: &ReceivedRequest| {
        if request.body.to_string().contains("forbidden") {
            return response("200 OK", "", &format!("data: {error}\n\n"));
        }
        answer_script(&["Hi"])
    });
    let model = model(&server, &[]);
    assert_eq!(ask(&model, &[(User, "forbidden")], "C").text, "Hi");
    assert!(ask(&model, &[], "forbidden").failure().contains("No."));
}

#[test]
fn server_that_rejects_everything_is_not_asked_again_and_again() {
    let server = server_that_rejects(|_| true);
    let model = model(&server, &["--model-temperature", "0.2"]);
    assert!(ask(&model, &[], "?").failure().contains("400"));
    assert!(server.take_request_count() <= 14);
    ask(&model, &[], "?").failure();
    assert_eq!(server.take_request_count(), 1);
}

#[test]
fn answer_withheld_by_a_filter_is_requested_without_the_history() {
    let withheld = include_str!("cases/content-filter-empty.sse");
    let server = StubServer::responding(move |request| {
        if request.body.to_string().contains("forbidden") {
            return response("200 OK", "Content-Type: text/event-stream\r\n", withheld);
        }
        answer_script(&["Hi"])
    });
    let model = model(&server, &[]);
    let history = [(User, "forbidden"), (Assistant, "forbidden")];
    assert_eq!(ask(&model, &history, "C").text, "Hi");
    assert!(ask_server(&server, &[]).result.is_ok());
    assert!(
        ask(&model, &[], "forbidden")
            .failure()
            .contains("content filter")
    );
}
