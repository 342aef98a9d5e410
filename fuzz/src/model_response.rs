//! The response of a language model's server, as server-sent events or JSON.

use parlor::answer::model::fuzz_api::parse_response;

use super::{Target, split_first};

pub struct ModelResponse;

impl Target for ModelResponse {
    const NAME: &'static str = "model_response";
    const DICTIONARY: &'static [&'static str] = &[
        "data: ",
        "data:",
        "\n\n",
        "\r\n",
        "\r",
        ": ping\n",
        "event: x\n",
        "id: 1\n",
        "error: ",
        "[DONE]",
        "{\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}",
        "\"finish_reason\":\"stop\"",
        "{\"choices\":[{\"message\":{\"content\":\"Hi\"}}]}",
        "\"usage\":{\"prompt_tokens\":7}",
        "{\"error\":{\"message\":\"x\"}}",
        "[{\"type\":\"text\",\"text\":\"Hi\"}]",
        "null",
        "{",
        "}",
        "[",
        "]",
        "\u{feff}",
        "日",
        "<html>",
    ];

    fn new() -> Self {
        Self
    }

    /// The result does not depend on how the network divides the response.
    fn run(&self, input: &[u8]) {
        let (first, response) = split_first(input);
        let (text, result) = parse_response(std::iter::once(response));
        let result = describe(result);
        let size = 1 + usize::from(first) % 7;
        let (divided_text, divided_result) = parse_response(response.chunks(size));
        assert_eq!(divided_text, text);
        assert_eq!(describe(divided_result), result);
    }
}

fn describe<T: std::fmt::Debug, E: std::fmt::Display>(result: Option<Result<T, E>>) -> String {
    match result.expect("a closed response has a result") {
        Ok(finish) => format!("{finish:?}"),
        Err(error) => error.to_string(),
    }
}
