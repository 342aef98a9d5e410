//! The position in a Markdown text that is read character by character.

/// Whether the text is at the start of a line, and whether it is in code.
#[derive(Debug, Default)]
pub struct TextPosition {
    /// The beginning of the current line, as far as it can open or close a code block.
    line: String,
    is_in_block: bool,
    is_in_inline_code: bool,
}

/// The marks of code blocks, with up to three spaces before them.
const FENCES: [&str; 2] = ["```", "~~~"];
const MAX_FENCE_BYTES: usize = 6;

impl TextPosition {
    pub fn read(&mut self, c: char) {
        if c == '\n' {
            self.line.clear();
            self.is_in_inline_code = false;
            return;
        }
        let is_fence_possible = self.line.len() < MAX_FENCE_BYTES;
        if is_fence_possible {
            self.line.push(c);
        }
        if is_fence_possible && FENCES.contains(&self.line.trim_start()) {
            self.is_in_block = !self.is_in_block;
            self.is_in_inline_code = false;
        } else if c == '`' && !self.is_in_block {
            self.is_in_inline_code = !self.is_in_inline_code;
        }
    }

    /// Whether the line has only blanks so far.
    pub fn is_at_line_start(&self) -> bool {
        self.line.trim_start().is_empty() && self.line.len() < MAX_FENCE_BYTES
    }

    pub fn is_in_code(&self) -> bool {
        self.is_in_block || self.is_in_inline_code
    }
}
