//! Tests of what servers stream: reasoning, broken characters, own lists of sources. The
//! cases are files as servers send them.

use parlor::answer::model::Excerpt;

use crate::helpers::{CollectedAnswer, ask_script, block_on, collect, model, next_text, request};
use crate::stub_server::{
    Script, Step, StubServer, answer_script, delta, done, finish, response, send, stream_head,
};

fn ask_case(case: &[u8]) -> CollectedAnswer {
    ask_script(vec![stream_head(), send(case)])
}

#[test]
fn reasoning_in_tags_is_left_out() {
    assert_eq!(
        ask_case(include_bytes!("cases/think-tags.sse")).text,
        "Yes, we do."
    );
    let case =
        String::from_utf8_lossy(include_bytes!("cases/think-tags.sse")).replace("<think>", "");
    assert_eq!(ask_case(case.as_bytes()).text, "Yes, we do.");
    let json = r#"{"choices":[{"message":{"content":"Any reasoning.</think>\n\nYes, we do."}}]}"#;
    assert_eq!(ask_script(response("200 OK", "", json)).text, "Yes, we do.");
}

#[test]
fn reasoning_without_opening_tag_is_held_back_once_it_was_seen() {
    let server = StubServer::start(vec![
        answer_script(&["Perhaps ", "so.</think>", "Yes."]),
        answer_script(&["Perhaps ", "so.</think>", "Yes."]),
    ]);
    let model = model(&server, &[]);
    let ask = || block_on(async { collect(model.stream(&request("?"), &[])).await.text });
    ask();
    assert_eq!(ask(), "Yes.");
}

#[test]
fn reasoning_without_opening_tag_stays_hidden_after_an_answer_without_reasoning() {
    let cut = vec![
        stream_head(),
        delta("Perhaps "),
        delta("not"),
        finish("length"),
    ];
    let server = StubServer::start(vec![
        answer_script(&["The user asks.</think>", "Yes."]),
        answer_script(&["No."]),
        answer_script(&["Perhaps ", "so.</think>", "Yes."]),
        cut,
    ]);
    let model = model(&server, &[]);
    let ask = || block_on(async { collect(model.stream(&request("?"), &[])).await });
    for expected in ["Yes.", "No.", "Yes."] {
        assert_eq!(ask().text, expected);
    }
    let answer = ask();
    assert_eq!(answer.text, "");
    assert!(answer.failure().contains("without any text"));
}

#[test]
fn answer_of_only_reasoning_fails() {
    let answer = ask_script(answer_script(&["<think>hm</think>", "\n"]));
    assert!(answer.failure().contains("without any text"));
}

#[test]
fn broken_characters_are_replaced() {
    assert_eq!(
        ask_case(include_bytes!("cases/half-surrogates.sse")).text,
        "Hi \u{fffd}\u{fffd} ok"
    );
    assert_eq!(
        ask_case(include_bytes!("cases/invalid-utf8-piece.sse")).text,
        "Caf\u{fffd}\u{fffd} ok"
    );
}

#[test]
fn answer_without_text_fails() {
    for case in [
        &include_bytes!("cases/content-filter-empty.sse")[..],
        include_bytes!("cases/only-blanks.sse"),
    ] {
        let answer = ask_case(case);
        assert_eq!(answer.text, "");
        answer.failure();
    }
}

#[test]
fn finish_reason_of_reasoning_does_not_end_the_answer() {
    let case = include_str!("cases/finish-on-thought-then-pause.txt");
    let (thought, answer) = case
        .split_once("(more than 1 s of silence)")
        .expect("a pause");
    let script = vec![
        stream_head(),
        send(thought),
        Step::WaitForGate,
        send(answer.trim_start()),
    ];
    let server = StubServer::start(vec![script]);
    block_on(async {
        let model = model(&server, &[]);
        let mut stream = model.stream(&request("?"), &[]);
        let text = next_text(&mut stream);
        tokio::pin!(text);
        let pause = std::time::Duration::from_millis(1500);
        assert!(
            tokio::time::timeout(pause, &mut text).await.is_err(),
            "an answer in the pause"
        );
        server.open_gate();
        assert_eq!(text.await, "The answer.");
    });
}

#[test]
fn streams_without_blank_lines_or_with_cr_are_accepted() {
    for line_end in ["\n", "\r", "\r\n"] {
        let lines = [
            r#"data: {"choices":[{"delta":{"content":"Hi "}}]}"#,
            r#"data: {"choices":[{"delta":{"content":"you"},"finish_reason":"stop"}]}"#,
            "data: [DONE] ",
            "",
        ];
        assert_eq!(
            ask_case(lines.join(line_end).as_bytes()).text,
            "Hi you",
            "{line_end:?}"
        );
    }
}

fn excerpt(title: &str, url: Option<&str>) -> Excerpt {
    Excerpt {
        title: title.to_owned(),
        url: url.map(str::to_owned),
        text: "Text.".to_owned(),
    }
}

fn ask_with_excerpts(server: &StubServer) -> String {
    let excerpts = [
        excerpt("Payment", None),
        excerpt("Shipping", Some("https://tern.example/shipping")),
        excerpt(
            "Shipping › Abroad",
            Some("https://tern.example/shipping#abroad"),
        ),
        excerpt(&"Returns ".repeat(30), Some("https://tern.example/returns")),
    ];
    let model = model(server, &[]);
    block_on(async { collect(model.stream(&request("?"), &excerpts)).await.text })
}

fn citing(script: Script) -> String {
    ask_with_excerpts(&StubServer::start(vec![script]))
}

#[test]
fn pages_have_one_number_and_only_pages_have_numbers() {
    let server = StubServer::answering(&["Soon [1][2]."]);
    let text = ask_with_excerpts(&server);
    let sources = "Soon [1] [2].\n\n[1]: https://tern.example/shipping \"Shipping\"\n[2]: https://tern.example/returns \"Returns Returns";
    assert!(text.starts_with(sources), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() < 110),
        "{text}"
    );
    let prompt = server.next_request().body["messages"][1]["content"].take();
    let prompt = prompt.as_str().expect("a prompt");
    for line in [
        "\nPayment\n",
        "\n[1] Shipping\n",
        "\n[1] Shipping › Abroad\n",
        "\n[2] Returns",
    ] {
        assert!(prompt.contains(line), "{line} in {prompt}");
    }
}

#[test]
fn markers_of_other_forms_are_understood() {
    for (marker, expected) in [
        ("[1, 2]", "[1] [2]"),
        ("【1】", "[1]"),
        ("[1][1]", "[1]"),
        ("[^1]", "[1]"),
        ("[1-2]", "[1] [2]"),
        ("[1–2].", "[1] [2]."),
        ("[1 and 2]", "[1] [2]"),
        ("[1 & 2]", "[1] [2]"),
        ("[Source 1]", "[1]"),
        ("[source: 1, 2]", "[1] [2]"),
        ("[Quellen 1 und 2]", "[1] [2]"),
        ("[Excerpt #1]", "[1]"),
        ("[1†source]", "[1]"),
        ("【1†L3-L5】【2†source】", "[1] [2]"),
        ("[[1]]", "[1]"),
        ("[[1]](https://evil.example)", "[1]"),
    ] {
        let text = citing(answer_script(&["Soon ", marker]));
        assert!(
            text.starts_with(&format!("Soon {expected}\n\n[1]: https://tern")),
            "{text}"
        );
    }
}

#[test]
fn own_lists_of_sources_are_left_out() {
    let case = include_bytes!("cases/own-link-definition.sse");
    let text = citing(vec![stream_head(), send(&case[..])]);
    assert_eq!(
        text,
        "Four days [1].\n\n[1]: https://tern.example/shipping \"Shipping\""
    );
    let text = citing(vec![
        stream_head(),
        delta("Yes.\n[a]: <https://evil.example>"),
        finish("stop"),
        done(),
    ]);
    assert_eq!(text, "Yes.");
}
