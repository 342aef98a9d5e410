//! The bodies of requests. Each input is parsed as each kind of body.

use parlor::http::error::ErrorCode;
use parlor::http::fuzz_api::{BODY_PARSERS, BodyParser};

use super::Target;

/// Longer than the longest documented rule. A longer error would contain the input.
const MAX_DETAILS_BYTES: usize = 500;

pub struct RequestBody;

impl Target for RequestBody {
    const NAME: &'static str = "request_body";
    const DICTIONARY: &'static [&'static str] = &[
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "null",
        "true",
        "-1",
        "1e999",
        "18446744073709551616",
        "\\ud83d",
        "\\ude00",
        "\\u0000",
        "\"apiKey\":",
        "\"saVid\":",
        "\"content\":",
        "\"stream\":",
        "\"pageContext\":",
        "\"url\":",
        "\"messages\":[",
        "\"role\":\"user\"",
        "\"assistantId\":",
        "\"closeReason\":",
        "\"context\":{\"pageUrl\":",
        "\"id\":",
        "\"visitor\":{",
        "\"externalId\":",
        "\"feedback\":",
        "\"question\":",
        "\"answer\":",
        "\"creator\":",
        "\"name\":",
        "\"image\":",
        "\"title\":",
        "\"format\":\"html\"",
        "\"isPublished\":",
    ];

    fn new() -> Self {
        Self
    }

    fn run(&self, raw: &[u8]) {
        for parser in BODY_PARSERS {
            check(parser, raw);
        }
    }
}

fn check(parser: &BodyParser, raw: &[u8]) {
    let Err(error) = (parser.parse)(raw) else {
        let is_object = raw.is_empty() || is_object(raw);
        assert!(is_object, "{} accepts what is not an object", parser.schema);
        return;
    };
    let codes = [ErrorCode::InvalidRequestBody, ErrorCode::ValidationError];
    assert!(codes.contains(&error.code), "{error:?}");
    let details = error.details.expect("details").to_string();
    assert!(details.len() <= MAX_DETAILS_BYTES, "{details}");
}

/// Whether the text is an object, whatever its strings contain. (The server also accepts
/// unpaired surrogates.)
fn is_object(raw: &[u8]) -> bool {
    let text = raw.trim_ascii();
    text.starts_with(b"{") && text.ends_with(b"}")
}
