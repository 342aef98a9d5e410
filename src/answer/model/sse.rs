//! An incremental decoder for server-sent events.

use serde::de::IgnoredAny;

/// The maximum length of a line and of the data of an event.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Decodes bytes into events.
#[derive(Default)]
pub struct SseDecoder {
    bytes: Vec<u8>,
    /// The start of the current line in `bytes`.
    line_start: usize,
    /// The end of the bytes that were searched for a line end.
    searched_end: usize,
    /// Whether the last line ended with a CR, so that an LF may follow.
    is_after_cr: bool,
    /// The data of the current event, or of the event that `next` returned.
    data: Vec<u8>,
    is_event_complete: bool,
}

impl SseDecoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.line_start);
        self.searched_end -= self.line_start;
        self.line_start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the data of the next complete event. Returns `None` if more bytes
    /// are needed. Ignores comments and the fields `event`, `id` and `retry`.
    ///
    /// An event ends with a blank line. Because some servers send none, data that is one
    /// JSON object or `[DONE]` is an event at the end of its line.
    pub fn next(&mut self) -> Option<&[u8]> {
        self.clear_returned_event();
        while let Some((start, end)) = self.next_line() {
            let is_blank = start == end;
            if !is_blank {
                let line = &self.bytes[start..end];
                add_field(&mut self.data, line);
            }
            if is_blank && !self.data.is_empty() || is_complete(&self.data) {
                self.is_event_complete = true;
                return Some(&self.data);
            }
        }
        None
    }

    /// Returns the data of an event that lacks its final blank line. Call it after
    /// the last bytes.
    pub fn finish(&mut self) -> Option<&[u8]> {
        self.push(b"\n\n");
        self.next()
    }

    /// Whether a line or an event exceeds the maximum length.
    pub fn is_too_long(&self) -> bool {
        self.bytes.len() - self.line_start > MAX_LINE_BYTES || self.data.len() > MAX_LINE_BYTES
    }

    fn clear_returned_event(&mut self) {
        if self.is_event_complete {
            self.data.clear();
            self.is_event_complete = false;
        }
    }

    /// Returns the start and end of the next line, without its CR, LF or CRLF.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        if self.is_after_cr && self.line_start < self.bytes.len() {
            self.is_after_cr = false;
            if self.bytes[self.line_start] == b'\n' {
                self.line_start += 1;
                self.searched_end = self.searched_end.max(self.line_start);
            }
        }
        let rest = &self.bytes[self.searched_end..];
        let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.searched_end = self.bytes.len();
            return None;
        };
        let (start, end) = (self.line_start, self.searched_end + length);
        self.is_after_cr = self.bytes[end] == b'\r';
        self.line_start = end + 1;
        self.searched_end = self.line_start;
        Some((start, end))
    }
}

/// The data of the event that ends a stream.
pub const DONE: &[u8] = b"[DONE]";

/// Whether data is an event of its own: one JSON object, or the end of the stream.
fn is_complete(data: &[u8]) -> bool {
    let is_object =
        data.trim_ascii_start().starts_with(b"{") && data.trim_ascii_end().ends_with(b"}");
    data.trim_ascii() == DONE || is_object && serde_json::from_slice::<IgnoredAny>(data).is_ok()
}

/// Adds a line to the data of its event.
fn add_field(data: &mut Vec<u8>, line: &[u8]) {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at(colon.unwrap_or(line.len()));
    let value = value.strip_prefix(b":").unwrap_or(value);
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match name {
        b"data" => {
            if !data.is_empty() {
                data.push(b'\n');
            }
            data.extend_from_slice(value);
        }
        // llama.cpp reports a failure during an answer in a field `error`.
        b"error" => {
            data.clear();
            data.extend_from_slice(br#"{"error":"#);
            data.extend_from_slice(value);
            data.push(b'}');
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let mut decoder = SseDecoder::default();
        let mut events = Vec::new();
        let mut add = |data: &[u8]| events.push(String::from_utf8_lossy(data).into_owned());
        for chunk in chunks {
            decoder.push(chunk);
            while let Some(data) = decoder.next() {
                add(data);
            }
        }
        if let Some(data) = decoder.finish() {
            add(data);
        }
        events
    }

    #[test]
    fn events_do_not_depend_on_chunk_boundaries() {
        let text = ": hi\r\n\r\nevent: x\r\ndata: a\u{e9}\u{65e5}\r\ndata:b\r\n\r\n\n\nid: 7\ndata: c\n\ndata\n\ndata:  d";
        let expected = decode(&[text.as_bytes()]);
        assert_eq!(expected, ["a\u{e9}\u{65e5}\nb", "c", " d"]);
        for at in 0..=text.len() {
            let (one, other) = text.as_bytes().split_at(at);
            assert_eq!(decode(&[one, other]), expected, "cut at {at}");
        }
        let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
        assert_eq!(decode(&bytes), expected);
    }

    #[test]
    fn events_may_lack_blank_lines_or_end_with_cr() {
        let expected = ["{\"a\":1}", "{\"b\":\n2}", "[DONE] "];
        for text in [
            "data: {\"a\":1}\ndata: {\"b\":\ndata: 2}\ndata: [DONE] \n",
            "data: {\"a\":1}\rdata: {\"b\":\rdata: 2}\r\rdata: [DONE] \r\r",
            "data: {\"a\":1}\r\ndata: {\"b\":\r\ndata: 2}\r\n\r\ndata: [DONE] ",
        ] {
            for at in 0..=text.len() {
                let (one, other) = text.as_bytes().split_at(at);
                assert_eq!(decode(&[one, other]), expected, "{text:?} cut at {at}");
            }
        }
    }

    #[test]
    fn object_is_returned_before_the_next_line() {
        let mut decoder = SseDecoder::default();
        decoder.push(b"data: {\"a\":1}\n");
        assert_eq!(decoder.next(), Some(&b"{\"a\":1}"[..]));
    }

    #[test]
    fn error_field_becomes_an_error_object() {
        assert_eq!(
            decode(&[b"error: {\"code\":500}\n\n"]),
            [r#"{"error":{"code":500}}"#]
        );
    }

    #[test]
    fn line_over_the_maximum_length_is_too_long() {
        let mut decoder = SseDecoder::default();
        for _ in 0..1024 {
            decoder.push(&[b'x'; 1024]);
            assert!(decoder.next().is_none());
        }
        assert!(!decoder.is_too_long());
        decoder.push(b"x");
        assert!(decoder.is_too_long());
    }
}
