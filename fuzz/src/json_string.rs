//! Texts as JSON strings in lists.

use parlor::http::fuzz_api::json_string;

use super::Target;

pub struct JsonString;

impl Target for JsonString {
    const NAME: &'static str = "json_string";
    const DICTIONARY: &'static [&'static str] = &[
        "\"",
        "\\",
        "\n",
        "\0",
        "\u{1f}",
        "\u{7f}",
        "\u{2028}",
        "\u{fffd}",
        "é",
        "日",
        "🦆",
        "</script>",
    ];

    fn new() -> Self {
        Self
    }

    fn run(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        let json = json_string(&text);
        let expected = serde_json::to_vec(&text).expect("JSON");
        assert!(json == expected, "{:?}", String::from_utf8_lossy(&json));
    }
}
