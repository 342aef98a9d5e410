//! The parser of a model's response, for the fuzz targets in `fuzz/`. Nothing else
//! uses this module.

use super::response::ResponseParser;
use crate::answer::{AnswerError, FinishDetails};

/// Parses a response that arrives in these chunks. Returns its text and its result.
/// The result is `None` if the parser has a fault.
pub fn parse_response<'a>(
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (String, Option<Result<FinishDetails, AnswerError>>) {
    let mut parser = ResponseParser::default();
    let mut text = String::new();
    for chunk in chunks {
        if parser.is_done() {
            break;
        }
        parser.feed(chunk);
        text.extend(parser.take_text());
    }
    parser.close();
    text.extend(parser.take_text());
    (text, parser.result())
}
