//! Reads the lines of a file, with a bound for their length.

use std::io::{self, BufRead, Read};

use super::MAX_LINE_BYTES;

/// The most bytes of a long line that are skipped.
const MAX_SKIPPED_BYTES: u64 = 4 << 30;

/// The lines of a file, one in memory at a time.
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    /// The number of the line that was read last, from 1.
    pub number: u64,
    /// The bytes that were read.
    pub bytes: u64,
}

/// Why no line could be read.
#[derive(Debug)]
pub enum LineError {
    TooLong,
    Io(io::Error),
}

impl<R: BufRead> Lines<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            number: 0,
            bytes: 0,
        }
    }

    /// Returns the next line without its end, or `None` at the end of the file. Also
    /// returns whether the line has an end.
    pub fn next_line(&mut self) -> Result<Option<(&[u8], bool)>, LineError> {
        self.line.clear();
        self.line.shrink_to(1 << 20);
        self.number += 1;
        let limit = MAX_LINE_BYTES as u64 + 1;
        let mut input = (&mut self.input).take(limit);
        let read = input.read_until(b'\n', &mut self.line);
        let read = read.map_err(LineError::Io)?;
        self.bytes += read as u64;
        if read == 0 {
            return Ok(None);
        }
        let has_end = self.line.pop_if(|byte| *byte == b'\n').is_some();
        if !has_end && self.line.len() > MAX_LINE_BYTES {
            return Err(LineError::TooLong);
        }
        Ok(Some((&self.line, has_end)))
    }

    /// The start of the line that was too long.
    pub fn start(&self) -> &[u8] {
        &self.line
    }

    /// Reads the rest of a line that was too long, without keeping it.
    pub fn skip_rest(&mut self) -> Result<(), LineError> {
        let mut input = (&mut self.input).take(MAX_SKIPPED_BYTES);
        let skipped = input.skip_until(b'\n').map_err(LineError::Io)? as u64;
        self.bytes += skipped;
        if skipped == MAX_SKIPPED_BYTES {
            return Err(LineError::TooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_longer_than_the_maximum_are_refused_without_reading_them_whole() {
        let endless = io::BufReader::new(io::repeat(b'x'));
        let mut lines = Lines::new(endless);
        assert!(matches!(lines.next_line(), Err(LineError::TooLong)));
        assert!(lines.line.capacity() <= 2 * MAX_LINE_BYTES + 2);
    }

    #[test]
    fn lines_are_counted_and_the_last_one_may_have_no_end() {
        let mut lines = Lines::new(&b"a\n\nb"[..]);
        for expected in [
            Some((&b"a"[..], true)),
            Some((b"", true)),
            Some((b"b", false)),
            None,
        ] {
            assert_eq!(lines.next_line().expect("a line"), expected);
        }
        assert_eq!((lines.number, lines.bytes), (4, 4));
    }
}
