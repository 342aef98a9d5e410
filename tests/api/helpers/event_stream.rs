//! Reads a streamed answer (server-sent events in a chunked response).

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

use serde_json::Value;

/// A response that is read while it arrives. Dropping it closes the connection.
pub struct EventStream {
    pub head: String,
    reader: BufReader<TcpStream>,
    /// Body text that was received and not yet returned.
    buffer: String,
}

impl EventStream {
    /// Reads the head of the response.
    pub fn new(connection: TcpStream) -> Self {
        let mut reader = BufReader::new(connection);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = reader.read_line(&mut head).expect("a line");
            assert!(read > 0, "the connection closed within the head: {head}");
        }
        Self {
            head,
            reader,
            buffer: String::new(),
        }
    }

    pub fn status(&self) -> u16 {
        self.head[9..12].parse().expect("a status")
    }

    /// The next event as JSON; `None` after `[DONE]`. Comments are skipped.
    pub fn next_event(&mut self) -> Option<Value> {
        loop {
            let block = self.next_block()?;
            let Some(data) = block.strip_prefix("data: ") else {
                assert!(block.starts_with(':'), "{block:?}");
                continue;
            };
            if data == "[DONE]" {
                return None;
            }
            return Some(serde_json::from_str(data).expect("JSON"));
        }
    }

    /// Reads the events up to and with the first `text-delta`.
    pub fn read_first_delta(&mut self) -> Vec<Value> {
        (0..4).filter_map(|_| self.next_event()).collect()
    }

    /// Reads all remaining events.
    pub fn events(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.next_event()).collect()
    }

    /// Reads the next block, which must start with `prefix`.
    #[track_caller]
    pub fn expect_block(&mut self, prefix: &str) {
        let block = self.next_block().expect("a block");
        assert!(block.starts_with(prefix), "{block:?}");
    }

    /// The text up to the next blank line; `None` at the end of the response.
    pub fn next_block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                return Some(block);
            }
            if !self.read_chunk() {
                return None;
            }
        }
    }

    /// Appends one chunk to the buffer. Returns false at the end.
    fn read_chunk(&mut self) -> bool {
        let mut size = String::new();
        if self.reader.read_line(&mut size).unwrap_or(0) == 0 {
            return false;
        }
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let mut bytes = vec![0; size + 2];
        self.reader.read_exact(&mut bytes).expect("a chunk");
        bytes.truncate(size);
        self.buffer += &String::from_utf8(bytes).expect("UTF-8");
        size > 0
    }
}
