//! An incremental decoder for server-sent events.

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
    pub fn next(&mut self) -> Option<&[u8]> {
        self.clear_returned_event();
        while let Some((start, end)) = self.next_line() {
            if start < end {
                let line = &self.bytes[start..end];
                add_field(&mut self.data, line);
            } else if !self.data.is_empty() {
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

    /// Returns the start and end of the next line, without its LF or CRLF.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        let rest = &self.bytes[self.searched_end..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched_end = self.bytes.len();
            return None;
        };
        let (start, end) = (self.line_start, self.searched_end + length);
        self.line_start = end + 1;
        self.searched_end = self.line_start;
        let has_cr = self.bytes[start..end].ends_with(b"\r");
        Some((start, end - usize::from(has_cr)))
    }
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
