//! Server-sent events, taken apart as their bytes come.

/// A line longer than this is no line of an answer.
const LINE: usize = 1024 * 1024;

/// The bytes so far that are not yet events.
#[derive(Default)]
pub struct Events {
    bytes: Vec<u8>,
    /// Where the current line begins, and up to where no end of it was found.
    line: usize,
    searched: usize,
    /// The data of the current event, or of the last while it is looked at.
    data: Vec<u8>,
    done: bool,
}

impl Events {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.line);
        self.searched -= self.line;
        self.line = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The data of the next whole event; none until more comes. Comments and
    /// fields other than the data are passed over.
    pub fn next(&mut self) -> Option<&[u8]> {
        self.forget_last();
        while let Some((start, end)) = self.next_line() {
            if start < end {
                let line = &self.bytes[start..end];
                take(&mut self.data, line);
            } else if !self.data.is_empty() {
                self.done = true;
                return Some(&self.data);
            }
        }
        None
    }

    /// What an event without its closing blank line holds, once nothing more
    /// will come.
    pub fn rest(&mut self) -> Option<&[u8]> {
        self.push(b"\n\n");
        self.next()
    }

    /// Whether a line or an event is longer than any answer's.
    pub fn too_long(&self) -> bool {
        self.bytes.len() - self.line > LINE || self.data.len() > LINE
    }

    fn forget_last(&mut self) {
        if self.done {
            self.data.clear();
            self.done = false;
        }
    }

    /// Where the next line begins and ends, without its LF or CRLF.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        let rest = &self.bytes[self.searched..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let (start, end) = (self.line, self.searched + length);
        self.line = end + 1;
        self.searched = self.line;
        let cr = self.bytes[start..end].ends_with(b"\r");
        Some((start, end - usize::from(cr)))
    }
}

/// Adds a line's data to its event.
fn take(data: &mut Vec<u8>, line: &[u8]) {
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
        // How llama.cpp tells of a failure amid an answer.
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

    fn events(chunks: &[&[u8]]) -> Vec<String> {
        let mut events = Events::default();
        let mut found = Vec::new();
        let mut keep = |data: &[u8]| found.push(String::from_utf8_lossy(data).into_owned());
        for chunk in chunks {
            events.push(chunk);
            while let Some(data) = events.next() {
                keep(data);
            }
        }
        if let Some(data) = events.rest() {
            keep(data);
        }
        found
    }

    #[test]
    fn events_are_the_same_wherever_the_bytes_are_cut() {
        let text = ": hi\r\n\r\nevent: x\r\ndata: a\u{e9}\u{65e5}\r\ndata:b\r\n\r\n\n\nid: 7\ndata: c\n\ndata\n\ndata:  d";
        let whole = events(&[text.as_bytes()]);
        assert_eq!(whole, ["a\u{e9}\u{65e5}\nb", "c", " d"]);
        for at in 0..=text.len() {
            let (one, other) = text.as_bytes().split_at(at);
            assert_eq!(events(&[one, other]), whole, "cut at {at}");
        }
        let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes), whole);
    }

    #[test]
    fn an_error_field_reads_as_an_error() {
        assert_eq!(
            events(&[b"error: {\"code\":500}\n\n"]),
            [r#"{"error":{"code":500}}"#]
        );
    }

    #[test]
    fn a_line_without_an_end_is_too_long_at_some_time() {
        let mut events = Events::default();
        for _ in 0..1024 {
            events.push(&[b'x'; 1024]);
            assert!(events.next().is_none());
        }
        assert!(!events.too_long());
        events.push(b"x");
        assert!(events.too_long());
    }
}
