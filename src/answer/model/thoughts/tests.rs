//! Tests of the filter of reasoning.

use super::*;

fn filtered(mode: ThoughtMode, parts: &[&str]) -> (String, bool) {
    let mut filter = ThoughtFilter::new(mode);
    let mut answer: String = parts.iter().map(|part| filter.push(part)).collect();
    answer.push_str(&filter.finish(false));
    (answer, filter.has_unopened_thought())
}

#[test]
fn reasoning_is_removed_at_every_boundary() {
    for (mode, text, expected) in [
        (
            ThoughtMode::Guess,
            "<think>\nSecret [1].\n</think>\n\nYes.",
            "Yes.",
        ),
        (ThoughtMode::Guess, " <think></think>Yes.", "Yes."),
        (ThoughtMode::Guess, "[THINK]x[/THINK]Yes.", "Yes."),
        (
            ThoughtMode::Guess,
            "<think>a</think><think>b</think> Yes.",
            "Yes.",
        ),
        (
            ThoughtMode::Guess,
            "<think>é</thinker> </think>Yes.",
            "Yes.",
        ),
        (ThoughtMode::Guess, "<think>never closed", ""),
        (
            ThoughtMode::Guess,
            "\nThe visitor wants X.\n</think>\nYes.",
            "Yes.",
        ),
        (ThoughtMode::Guess, "Useful.", "Useful."),
        (ThoughtMode::Guess, "Okay, it is open.", "Okay, it is open."),
        (
            ThoughtMode::Guess,
            "Yes <think>so</think>it is.",
            "Yes it is.",
        ),
        (ThoughtMode::Guess, "Ok", "Ok"),
        (ThoughtMode::Hold, "Anything.</think>Yes.", "Yes."),
        (ThoughtMode::Hold, "Nothing hidden.", "Nothing hidden."),
        (
            ThoughtMode::Tags,
            "a < b <b>c</b> <thin",
            "a < b <b>c</b> <thin",
        ),
    ] {
        assert_eq!(filtered(mode, &[text]).0, expected, "{text}");
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (one, other) = text.split_at(at);
            assert_eq!(
                filtered(mode, &[one, other]).0,
                expected,
                "{text} cut at {at}"
            );
        }
    }
}

#[test]
fn first_words_tell_reasoning() {
    for text in ["嗯，用户想\n</think>Yes.", "User asks.</think>Yes."] {
        assert_eq!(filtered(ThoughtMode::Guess, &[text]).0, "Yes.", "{text}");
    }
}

#[test]
fn reasoning_without_opening_tag_is_noticed() {
    assert!(filtered(ThoughtMode::Guess, &["Hmm.</think>Yes."]).1);
    assert!(filtered(ThoughtMode::Tags, &["It is", " so.</think>Yes."]).1);
    assert!(!filtered(ThoughtMode::Guess, &["<think>a</think>Yes."]).1);
    assert!(!filtered(ThoughtMode::Hold, &["Yes."]).1);
}

#[test]
fn cut_reasoning_is_removed_if_the_server_sends_no_opening_tag() {
    for (mode, expected) in [
        (ThoughtMode::Unopened, ""),
        (ThoughtMode::Hold, "Perhaps they"),
        (ThoughtMode::Tags, "Perhaps they"),
    ] {
        let mut filter = ThoughtFilter::new(mode);
        let text = filter.push("Perhaps they") + &filter.finish(true);
        assert_eq!(text, expected, "{mode:?}");
    }
}

#[test]
fn names_tell_models_that_reason() {
    for name in ["DeepSeek-R1:7b", "r1-1776", "Qwen3-4B-Thinking-2507", "QwQ"] {
        assert_eq!(ThoughtMode::of_model(name), ThoughtMode::Hold, "{name}");
    }
    for name in ["llama3.2", "gpt-4o-mini", "mistral-small", "gemma3", ""] {
        assert_eq!(ThoughtMode::of_model(name), ThoughtMode::Guess, "{name}");
    }
}

#[test]
fn answer_is_returned_as_soon_as_it_arrives() {
    let mut filter = ThoughtFilter::new(ThoughtMode::Guess);
    assert_eq!(filter.push("Yes, "), "Yes, ");
    assert_eq!(filter.push("we do <"), "we do ");
    assert_eq!(filter.push("3"), "<3");
}
