//! Fenced blocks of code.

/// A fenced block of code.
pub struct Fence<'t> {
    /// What precedes the fence on its line.
    pub prefix: &'t str,
    /// The backticks or tildes.
    pub mark: &'t str,
    pub info: &'t str,
    /// Without the prefix.
    pub lines: Vec<String>,
    /// The bytes of the block in the text.
    pub length: usize,
}

impl<'t> Fence<'t> {
    /// The block that begins on the first line.
    pub fn find(text: &'t str) -> Option<Self> {
        let line = text.lines().next()?;
        let prefix_length = line.find(['`', '~'])?;
        let (prefix, fence) = line.split_at(prefix_length);
        if !is_prefix(prefix) {
            return None;
        }
        let char = fence.chars().next()?;
        let info = fence.trim_start_matches(char);
        let mark = &fence[..fence.len() - info.len()];
        if mark.len() < 3 || char == '`' && info.contains('`') {
            return None;
        }
        let mut found = Self {
            prefix,
            mark,
            info: info.trim(),
            lines: Vec::new(),
            length: 0,
        };
        found.read_lines(text);
        Some(found)
    }

    fn read_lines(&mut self, text: &str) {
        let is_quoted = self.prefix.contains('>');
        let mut lines = text.split_inclusive('\n');
        self.length = lines.next().map_or(0, str::len);
        for line in lines {
            let content = line.trim_start_matches([' ', '\t', '>']);
            if is_quoted && !line.trim_start().starts_with('>') {
                break;
            }
            self.length += line.len();
            let end = content.trim_end();
            let is_mark = |char| self.mark.starts_with(char);
            if end.len() >= self.mark.len() && end.chars().all(is_mark) {
                break;
            }
            let line = line.trim_end_matches('\n');
            let is_indentation = |char: &char| matches!(char, ' ' | '\t' | '>');
            let width = line.chars().take(self.prefix.chars().count());
            let stripped = width.take_while(is_indentation).count();
            self.lines.push(line[stripped..].to_owned());
        }
    }

    /// The name and the argument of a directive of MyST.
    pub fn directive(&self) -> Option<(&'t str, &'t str)> {
        let (name, argument) = self.info.strip_prefix('{')?.split_once('}')?;
        Some((name.trim(), argument.trim()))
    }
}

/// Whether a fence may follow: blanks, marks of quotes, and the mark of a list item.
fn is_prefix(text: &str) -> bool {
    let text = text.trim_start_matches([' ', '\t', '>']);
    let item = text.trim_end();
    let number = item.trim_end_matches(['.', ')']);
    let is_number =
        number.len() + 1 == item.len() && number.bytes().all(|byte| byte.is_ascii_digit());
    text.is_empty() || (is_number || matches!(item, "-" | "*" | "+")) && text != item
}
